//! A payment is proved to a stranger, who needs nothing but the file.

use std::fs;

use super::harness::BLOCK_TIMEOUT;
use super::harness::{Folder, eventually};
use serde_json::{Value, json};

#[test]
fn a_stranger_verifies_a_payment() {
    let folder = Folder::new();
    let stranger = Folder::new();
    let node = folder.node(&["--store", "mem"]);
    let alice = folder.create("alice");
    let bob = folder.create("bob");
    folder.run(&["devnet", "fund", "--wallet", "alice", "--amount", "10"]).ok();
    folder.run(&["devnet", "advance", "2", "--mine-to", &alice.confidential]).ok();
    folder.wait_for_spendable("alice", "10.00000000");
    let send = ["wallet", "send", "--wallet", "alice", "--to", &bob.confidential, "--amount", "4", "--note", "dinner"];
    let sent = folder.run(&send).ok();
    let txid = sent["txid"].as_str().expect("a transaction").to_owned();
    let file = folder.path().join("proof.json").to_str().expect("temporary paths are text").to_owned();
    let prove = |wallet: &str, more: &[&str]| {
        let args = ["wallet", "prove-payment", &txid, "--wallet", wallet, "--out", &file];
        folder.run(&[&args[..], more].concat())
    };
    let made = prove("alice", &["--challenge", "order 4711"]).ok();
    assert_eq!(made["address"], json!(bob.confidential));
    let verify = |who: &Folder, more: &[&str]| who.run(&[&["tx", "verify-payment", &file][..], more].concat());

    // It was submitted and not accepted: the proof holds, nothing was paid.
    let holds = |shown: &Value, outcome: &str| {
        let said = [&shown["amount"], &shown["asset"], &shown["note"], &shown["address"], &shown["txid"]];
        let expected = [json!("4.00000000"), json!("STR"), json!("dinner"), json!(bob.confidential), json!(txid)];
        assert_eq!(said, [&expected[0], &expected[1], &expected[2], &expected[3], &expected[4]]);
        assert_eq!((&shown["outcome"], &shown["challenge"]), (&json!(outcome), &json!("order 4711")), "{shown}");
    };
    holds(&verify(&folder, &[]).ok(), "not_accepted");
    folder.run(&["devnet", "advance", "2", "--mine-to", &alice.confidential]).ok();
    let compared = verify(&folder, &["--challenge", "order 4711"]).ok();
    holds(&compared, "accepted");
    assert_eq!(compared["challenge_checked"], true);
    folder.run(&["devnet", "advance", "12", "--mine-to", &alice.confidential]).ok();
    let confirmed = verify(&folder, &[]).ok();
    holds(&confirmed, "confirmed");
    assert!(confirmed["confirmations"].as_u64() >= Some(10), "{confirmed}");
    // Checkpoints 1 and 2 are signed for once they are buried: what lies below the first is final.
    folder.run(&["devnet", "advance", "20", "--mine-to", &alice.confidential]).ok();
    holds(&verify(&folder, &[]).ok(), "final");
    // A coin that was spent since was paid all the same.
    folder.wait_for_spendable("bob", "4.00000000");
    folder.run(&["wallet", "send", "--wallet", "bob", "--to", &alice.confidential, "--amount", "3.5"]).ok();
    folder.run(&["devnet", "advance", "2", "--mine-to", &alice.confidential]).ok();
    holds(&verify(&folder, &[]).ok(), "final");

    // A stranger without node and data folder learns who was paid what, and what was not checked.
    let shown = verify(&stranger, &["--offline"]).ok();
    holds(&shown, "not_checked");
    assert_eq!((&shown["genesis_checked"], &shown["challenge_checked"]), (&json!(true), &json!(false)));
    holds(&verify(&stranger, &[]).ok(), "not_checked");
    let told = stranger.run_plain(&["tx", "verify-payment", &file, "--offline"]);
    assert!(told.stdout.contains("the proof holds") && told.stdout.contains("NOT checked"), "{told:?}");
    assert!(told.stdout.contains("NOT compared"), "{told:?}");
    let told = stranger.run_plain(&["tx", "verify-payment", &file, "--offline", "--challenge", "order 4711"]);
    assert!(told.stdout.contains("order 4711") && !told.stdout.contains("NOT compared"), "{told:?}");
    assert!(!stranger.data().exists(), "nothing was written");
    for who in [&folder, &stranger] {
        verify(who, &["--challenge", "order 4712"]).refused("bad_proof", &["another challenge"]);
    }

    // Nobody else can make it: neither the recipient nor a wallet that has nothing to do with it.
    prove("bob", &["--challenge", "mine"]).refused("bad_proof", &["nobody"]);
    prove("alice", &["--challenge", "order 4711", "--output", "9"]).refused("bad_proof", &["no output 9"]);
    prove("alice", &["--challenge", "umbel/lock-signing/v1"]).refused("bad_input", &["signers of locks"]);
    prove("alice", &["--challenge", ""]).refused("bad_proof", &["1 to 256"]);

    // Whatever is changed, the proof falls.
    let proof: Value = serde_json::from_str(&fs::read_to_string(&file).expect("it was written")).expect("JSON");
    let changed = |key: &str, value: Value| {
        let mut other = proof.clone();
        other[key] = value;
        let path = stranger.file("changed.json", &other.to_string());
        stranger.run(&["tx", "verify-payment", &path, "--offline"]).error().0
    };
    assert_eq!(changed("challenge", json!("order 4712")), "bad_proof");
    assert_eq!(changed("address", json!(alice.confidential)), "bad_proof");
    assert_eq!(changed("index", json!(1 - proof["index"].as_u64().expect("one of two"))), "bad_proof");
    assert_eq!(changed("genesis", json!("00".repeat(32))), "bad_proof");
    assert_eq!(changed("version", json!(2)), "bad_input");
    assert_eq!(changed("network", json!("moon")), "wrong_network");
    assert_eq!(changed("core", json!("00")), "bad_input");
    assert_eq!(changed("x", json!("zz")), "bad_input");
    assert_eq!(changed("surprise", json!(1)), "bad_input");

    // From the words alone, the transaction's core is gone with the old files.
    folder.run(&["wallet", "remove", "--wallet", "alice"]).ok();
    folder.restore("again", &alice.words);
    eventually("the wallet has looked at everything", BLOCK_TIMEOUT, || {
        let refused =
            folder.run(&["wallet", "prove-payment", &txid, "--wallet", "again", "--challenge", "c", "--out", &file]);
        refused.stdout.contains("not_found").then(|| refused.refused("not_found", &["restored"]))
    });
    node.stop();
}
