//! The story of locks by command line: several signers who pass a file around, a secret that buys, a post-quantum key.

use std::fs;

use super::harness::{Folder, PASSWORD, units};
use super::http::Server;
use serde_json::{Value, json};

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_else(|| panic!("{key}: {value}")).to_owned()
}

/// The only lock of a wallet that is in this state.
fn only(folder: &Folder, wallet: &str, state: &str) -> Value {
    let list = folder.run(&["lock", "list", "--wallet", wallet]).ok();
    assert_eq!(list["left_out"], 0);
    let locks = list["locks"].as_array().expect("a list").iter();
    let [lock] = locks.filter(|lock| lock["state"] == state).cloned().collect::<Vec<_>>().try_into().expect("one lock");
    lock
}

#[test]
fn signers_swappers_and_a_post_quantum_key() {
    let folder = Folder::new();
    let node = folder.node(&["--store", "mem"]);
    let alice = folder.create("alice");
    let bob = folder.create("bob");
    // Commands leave a wallet as they find it: open ones need no password each time, whose number is limited.
    let server = Server::of(&folder);
    for wallet in ["alice", "bob"] {
        server.call("wallet/unlock", &json!({ "wallet": wallet, "password": PASSWORD }));
    }
    let advance = || folder.run(&["devnet", "advance", "2", "--mine-to", &alice.confidential]).ok();
    folder.run(&["devnet", "fund", "--wallet", "alice", "--amount", "50"]).ok();
    advance();
    signers(&folder, &advance);
    swap(&folder, &bob.zk13str, &advance);
    post_quantum(&folder, &alice.zk13str, &advance);
    node.stop();
}

/// Two of three sign. Eve has her own folder, and no node.
fn signers(folder: &Folder, advance: &dyn Fn() -> Value) {
    let away = Folder::new();
    away.create("eve");
    let key = |at: &Folder, wallet: &str| text(&at.run(&["lock", "key", "--wallet", wallet]).ok(), "public_key");
    let keys = [key(folder, "alice"), key(folder, "bob"), key(&away, "eve")];
    let create = ["lock", "create", "multisig", "--wallet", "alice", "--of", "2", "--amount", "5"];
    let with_keys: Vec<&str> = keys.iter().flat_map(|key| ["--key", key]).collect();
    let created = folder.run(&[&create[..], &with_keys].concat()).ok();
    assert!(created.get("secret").is_none() && created["amount"] == "5.00000000", "{created}");
    folder.run(&[&create[..], &["--key", "02ff"]].concat()).refused("bad_input", &["66 hexadecimal digits"]);
    folder.run(&[&create[..], &["--key", &keys[0]]].concat()).refused("bad_input", &["2 of 1 were given"]);
    let lock = text(&created, "outpoint");
    folder
        .run(&["lock", "spend", &lock, "--wallet", "bob", "--out", "/nowhere"])
        .refused("not_found", &["umbel lock list"]);
    advance();
    let listed = only(folder, "bob", "open");
    assert_eq!((&listed["outpoint"], &listed["roles"]), (&created["outpoint"], &json!(["signer"])));
    assert_eq!(listed["lock"], created["lock"]);
    folder.run(&["lock", "spend", &lock, "--wallet", "bob"]).refused("bad_input", &["--out"]);

    let path = folder.path().join("spend.json").to_str().expect("temporary paths are text").to_owned();
    let proposed = folder.run(&["lock", "spend", &lock, "--wallet", "bob", "--out", &path]).ok();
    assert_eq!((&proposed["complete"], &proposed["value"]), (&json!(false), &json!("5.00000000")));
    folder.run(&["lock", "submit", &path]).refused("bad_input", &["1 of 2 signatures"]);
    folder.run(&["lock", "sign", &path, "--wallet", "bob"]).refused("bad_input", &["has signed it"]);
    let half = fs::read_to_string(&path).expect("it was written");
    hostile(&away, &half);
    passed_off(&away, &half, &text(&proposed, "to"));

    // The file is all that Eve has of it.
    let seen = away.run(&["lock", "inspect", &path]).ok();
    for field in ["to", "amount", "fee", "txid", "signed"] {
        assert_eq!(seen[field], proposed[field], "{field}");
    }
    let shown = away.run_plain(&["lock", "inspect", &path]);
    assert!(shown.stdout.contains(&text(&seen, "to")) && shown.stdout.contains("1 of 2 needed"), "{shown:?}");
    let signed = away.run(&["lock", "sign", &path]).ok();
    assert_eq!((&signed["complete"], signed["signed"].as_array().map(Vec::len)), (&json!(true), Some(2)));
    folder.run(&["lock", "sign", &path, "--wallet", "alice"]).refused("bad_input", &["all its signatures"]);
    for accepted in [false, true] {
        let submitted = folder.run(&["lock", "submit", &path]).ok();
        assert_eq!(submitted, json!({ "txid": proposed["txid"], "accepted": accepted }));
        advance();
    }
    folder.wait_for_spendable("bob", &text(&proposed, "amount"));
    assert_eq!(only(folder, "alice", "spent")["spent_by"], proposed["txid"]);
    folder
        .run(&["lock", "spend", &lock, "--wallet", "bob", "--out", &path])
        .refused("tx_conflict", &["was spent by transaction"]);
}

/// What shows the signers whom they pay is no answer to somebody who asks for a proof of payment.
fn passed_off(folder: &Folder, signing: &str, to: &str) {
    let signing: Value = serde_json::from_str(signing).expect("JSON");
    let shown = text(&signing, "shown");
    // Index, address, X and signature, in hexadecimal.
    let (head, signature) = shown.split_at(shown.len() - 2 * 64);
    let proof = json!({
        "version": 1, "network": signing["network"], "genesis": signing["genesis"], "core": signing["core"], "index": 0,
        "address": to, "x": &head[head.len() - 2 * 32..], "signature": signature, "challenge": "umbel/lock-signing/v1",
    });
    let path = folder.file("passed-off.json", &proof.to_string());
    for asked in [&["--offline"][..], &["--offline", "--challenge", "umbel/lock-signing/v1"]] {
        folder
            .run(&[&["tx", "verify-payment", &path][..], asked].concat())
            .refused("bad_proof", &["signers of a lock", "nobody's challenge"]);
    }
}

/// What is wrong with a file is said, and which rule it breaks; nothing is signed or written.
fn hostile(folder: &Folder, good: &str) {
    let good: Value = serde_json::from_str(good).expect("JSON");
    let refused = |change: &dyn Fn(&mut Value)| {
        let mut file = good.clone();
        change(&mut file);
        let path = folder.file("hostile.json", &file.to_string());
        let answer = folder.run(&["lock", "inspect", &path]);
        let said: Value = serde_json::from_str(&answer.stdout).expect("JSON");
        (answer.error().0, said["error"]["rule"].as_str().unwrap_or("").to_owned())
    };
    let is = |code: &str, rule: &str| (code.to_owned(), rule.to_owned());
    assert_eq!(refused(&|f| f["network"] = json!("mainnet")), is("wrong_network", ""));
    assert_eq!(refused(&|f| f["genesis"] = json!("00".repeat(32))), is("wrong_network", ""));
    assert_eq!(refused(&|f| f["version"] = json!(2)), is("bad_input", ""));
    assert_eq!(refused(&|f| f["surprise"] = json!(1)), is("bad_input", ""));
    assert_eq!(refused(&|f| f["core"] = json!("00")), is("bad_input", "Encoding"));
    assert_eq!(refused(&|f| f["core"] = json!("0".repeat(200_000))), is("bad_input", ""));
    assert_eq!(refused(&|f| f["shown"] = Value::Null), is("bad_input", "OutputNotShown"));
    assert_eq!(refused(&|f| f["m"] = json!(1)), is("bad_input", "Terms"));
    assert_eq!(refused(&|f| f["proofs"] = json!("")), is("bad_input", "Encoding"));
    let first = good["signatures"][0].clone();
    let index = first["index"].as_u64().expect("a number");
    assert_eq!(refused(&|f| f["signatures"] = json!([first, first])), is("bad_input", "Order"));
    assert_eq!(refused(&|f| f["signatures"][0]["index"] = json!((index + 1) % 3)), is("bad_input", "Signature"));
    assert_eq!(refused(&|f| f["signatures"][0]["index"] = json!(9)), is("bad_input", "NoSuchKey"));
    assert_eq!(refused(&|f| f["signatures"] = json!(vec![first.clone(); 17])), is("bad_input", ""));
    folder.create("mallory");
    let path = folder.file("hostile.json", &good.to_string());
    folder.run(&["lock", "sign", &path, "--wallet", "mallory"]).refused("bad_input", &["none of the lock's keys"]);
    assert_eq!(fs::read_to_string(&path).expect("it is still there"), good.to_string());
    folder.run(&["wallet", "remove", "--wallet", "mallory"]).ok();
}

/// Alice locks to a new secret, Bob claims with it, and Alice reads it from the chain.
fn swap(folder: &Folder, bob: &str, advance: &dyn Fn() -> Value) {
    let create = ["lock", "create", "hash", "--wallet", "alice", "--claim", bob, "--amount", "4", "--timeout"];
    folder.run(&[&create[..], &["2h", "--new-secret"]].concat()).refused("bad_input", &["3 hours"]);
    folder.run(&[&create[..], &["24h"]].concat()).refused("bad_input", &["--hash"]);
    let created = folder.run(&[&create[..], &["24h", "--new-secret"]].concat()).ok();
    let (lock, secret) = (text(&created, "outpoint"), text(&created, "secret"));
    assert_eq!(created["lock"]["claim"], bob);
    advance();
    let before = units(&folder.balance("bob")[0]);
    let open = only(folder, "bob", "open");
    assert_eq!((&open["roles"], &open["refund_open"]), (&json!(["claim"]), &json!(false)));
    folder
        .run(&["lock", "refund", &lock, "--wallet", "alice"])
        .refused("tx_refused", &["can't be taken back yet", "from DAA score"]);
    let claim = |file: &[&str]| folder.run(&[&["lock", "claim", &lock, "--wallet", "bob"], file].concat());
    claim(&[]).refused("bad_input", &["--preimage-file"]);
    let wrong = folder.file("wrong", &"ab".repeat(32));
    claim(&["--preimage-file", &wrong]).refused("bad_input", &["SHA-256"]);
    let right = folder.file("right", &format!("{secret}\n"));
    let claimed = claim(&["--preimage-file", &right, "--for-less"]).ok();
    claim(&["--preimage-file", &right]).refused("tx_conflict", &["on its way"]);
    advance();
    let spent = folder.run(&["lock", "list", "--wallet", "alice"]).ok();
    let spent = spent["locks"].as_array().expect("a list").iter().find(|entry| entry["outpoint"] == lock.as_str());
    let spent = spent.expect("it is listed").clone();
    assert_eq!((&spent["state"], &spent["spent_by"]), (&json!("spent"), &claimed["txid"]));
    assert_eq!(text(&spent, "preimage"), secret);
    assert_eq!(units(&folder.balance("bob")[0]), before + units(&text(&claimed, "amount")));
}

/// A lock that both of Bob's keys open.
fn post_quantum(folder: &Folder, alice: &str, advance: &dyn Fn() -> Value) {
    let address = text(&folder.run(&["lock", "key", "--wallet", "bob", "--new"]).ok(), "post_quantum");
    let create = |to: &str| folder.run(&["lock", "create", "pq", "--wallet", "alice", "--amount", "3", "--to", to]);
    let mut typo = address.clone().into_bytes();
    typo[60] = if typo[60] == b'0' { b'1' } else { b'0' };
    create(std::str::from_utf8(&typo).expect("ASCII")).refused("bad_checksum", &["typing error"]);
    let created = create(&address).ok();
    advance();
    let lock = text(&created, "outpoint");
    let spent = folder.run(&["lock", "spend", &lock, "--wallet", "bob", "--to", alice]).ok();
    assert_eq!(spent["to"], alice);
    advance();
    let history = folder.run(&["wallet", "history", "--wallet", "alice", "--limit", "5"]).ok();
    let entries = history["entries"].as_array().expect("a list");
    let came = entries.iter().find(|entry| entry["id"] == spent["txid"]).expect("it came");
    assert_eq!((&came["kind"], &came["amount"]), (&json!("received"), &spent["amount"]));
}
