//! The story of a confidential payment, by command line.

use super::harness::{BLOCK_TIMEOUT, Folder, Node, eventually, units};
use super::http::Server;
use serde_json::json;

/// Mining, maturity, a confidential and a public payment. Leaves the node running.
fn pay(folder: &Folder, store: &str) -> (Node, [super::harness::NewWallet; 2]) {
    let node = folder.node(&["--mine", "1", "--store", store]);
    let info = folder.info();
    assert_eq!(info["network"], "devnet");
    assert_eq!(info["test_coins"], true);
    assert_eq!(info["store"], store);

    let alice = folder.create("alice");
    assert_eq!(alice.words.split(' ').count(), 12);
    assert!(alice.confidential.starts_with("dumbel1") && alice.zk13str.starts_with("zk13str_"));
    // The first rewards mature after ten blocks.
    let spendable = eventually("a reward matures", BLOCK_TIMEOUT, || {
        let [spendable, _, immature] = folder.balance("alice");
        assert!(units(&spendable) == 0 || units(&immature) > 0);
        (units(&spendable) > 0).then_some(spendable)
    });
    assert_eq!(units(&spendable) % units("100.00000000"), 0, "rewards of 100 STR: {spendable}");

    let bob = folder.create("bob");
    assert_eq!(folder.balance("bob"), ["0.00000000", "0.00000000", "0.00000000"]);
    let to = ["wallet", "send", "--wallet", "alice", "--to"];
    let sent = folder.run(&[&to[..], &[&bob.confidential, "--amount", "1.25", "--note", "for lunch"]].concat()).ok();
    assert_eq!(sent["amount"], "1.25000000");
    assert_eq!(sent["public"], false);
    assert!(units(sent["fee"].as_str().expect("a fee")) > 0);
    let txid = sent["txid"].as_str().expect("a transaction id").to_owned();
    folder.wait_for_spendable("bob", "1.25000000");

    let received = folder.run(&["wallet", "history", "--wallet", "bob"]).ok();
    let entry = &received["entries"][0];
    assert_eq!(entry["id"], json!(txid));
    assert_eq!((&entry["kind"], &entry["amount"]), (&json!("received"), &json!("1.25000000")));
    assert_eq!((&entry["note"], &entry["public"]), (&json!("for lunch"), &json!(false)));

    let public = [&to[..], &[&bob.zk13str, "--amount", "2"]].concat();
    folder.run(&public).refused("needs_public", &["public", "--public"]);
    let sent = folder.run(&[&public[..], &["--public"]].concat()).ok();
    assert_eq!(sent["public"], true);
    folder.wait_for_spendable("bob", "3.25000000");

    let history = folder.run(&["wallet", "history", "--wallet", "alice", "--limit", "500"]).ok();
    let sent: Vec<&serde_json::Value> =
        history["entries"].as_array().expect("entries").iter().filter(|e| e["kind"] == "sent").collect();
    assert_eq!(sent.len(), 2, "{history}");
    assert_eq!(sent[1]["to"], json!(bob.confidential));
    (node, [alice, bob])
}

/// Stops mining and waits until nothing is on its way any more.
fn settle(folder: &Folder, wallet: &str) -> [String; 3] {
    let server = Server::of(folder);
    server.call("node/mine", &json!({ "threads": 0, "pay_to": null }));
    let mut last = folder.balance(wallet);
    eventually("the balance settles", BLOCK_TIMEOUT, || {
        let now = folder.balance(wallet);
        let settled = now == last && units(&now[1]) == 0;
        last.clone_from(&now);
        settled.then_some(now)
    })
}

#[test]
fn the_story_in_memory() {
    let folder = Folder::new();
    let (node, [alice, bob]) = pay(&folder, "mem");
    let before = settle(&folder, "alice");
    for name in ["alice", "bob"] {
        folder.run(&["wallet", "remove", "--wallet", name]).ok();
    }
    assert_eq!(folder.run(&["wallet", "list"]).ok()["wallets"], json!([]));
    let restored = folder.restore("bob again", &bob.words);
    assert_eq!(restored, json!({ "zk13str": bob.zk13str, "confidential": bob.confidential }));
    folder.restore("alice again", &alice.words);
    assert_eq!(folder.balance("bob again"), ["3.25000000", "0.00000000", "0.00000000"]);
    assert_eq!(folder.balance("alice again"), before);
    node.stop();
}

#[test]
fn the_story_on_disk_with_restart_and_restore() {
    let folder = Folder::new();
    let (node, [alice, bob]) = pay(&folder, "redb");
    let before = settle(&folder, "alice");
    let info = folder.info();
    node.stop();
    assert!(!folder.data().join("devnet/api.json").exists(), "the token is gone with the node");

    // Wallet files and caches go, chain data stays.
    std::fs::remove_dir_all(folder.data().join("devnet/wallets")).expect("wallets lie there");
    let node = folder.node(&[]);
    let after = eventually("the chain is open", BLOCK_TIMEOUT, || {
        let info = folder.info();
        (info["sync"]["stage"] == "synced" && info["block_count"] != 0).then_some(info)
    });
    for key in ["sink", "block_count", "daa_score", "blue_score"] {
        assert_eq!(after[key], info[key], "{key} survives a restart");
    }
    folder.restore("alice", &alice.words);
    folder.restore("bob", &bob.words);
    assert_eq!(folder.balance("bob"), ["3.25000000", "0.00000000", "0.00000000"]);
    assert_eq!(folder.balance("alice"), before);

    // The found money can be spent.
    let sent = folder.run(&["wallet", "send", "--wallet", "bob", "--to", &alice.confidential, "--amount", "max"]).ok();
    folder.run(&["devnet", "advance", "2"]).ok();
    folder.wait_for_spendable("bob", "0.00000000");
    let arrived = units(sent["amount"].as_str().expect("an amount"));
    assert_eq!(arrived + units(sent["fee"].as_str().expect("a fee")), units("3.25000000"));
    node.stop();

    // And looked at without a node: the command starts one for itself.
    assert_eq!(folder.balance("bob")[0], "0.00000000");
}

#[test]
fn two_mining_threads_give_blocks_with_several_parents() {
    let folder = Folder::new();
    folder.create("miner");
    let node = folder.node(&["--mine", "2", "--store", "mem"]);
    let server = Server::of(&folder);
    let merging = eventually("a block with several parents", BLOCK_TIMEOUT, || {
        let response = server.try_call("node/dag", &json!({ "since": 0, "limit": 512 }));
        let view = (response.status == 200).then(|| response.json())?;
        let blocks = view["blocks"].as_array().expect("blocks").clone();
        blocks.into_iter().find(|b| b["parents"].as_array().is_some_and(|p| p.len() > 1))
    });
    assert_eq!(merging["own"], true);
    assert_eq!(folder.info()["mining"]["threads"], 2);
    node.stop();
}

#[test]
fn mining_waits_for_the_first_wallet() {
    let folder = Folder::new();
    let node = folder.node(&["--mine", "1", "--store", "mem"]);
    eventually("mining waits", BLOCK_TIMEOUT, || (folder.info()["mining"]["waiting"] == "no_wallet").then_some(()));
    assert_eq!(folder.info()["block_count"], 0);
    let wallet = folder.create("first");
    eventually("mining starts", BLOCK_TIMEOUT, || {
        let info = folder.info();
        (info["block_count"] != 0).then(|| assert_eq!(info["mining"]["pays_to"], json!(wallet.confidential)))
    });
    node.stop();
}

#[test]
fn devnet_funds_advances_and_resets() {
    let folder = Folder::new();
    let node = folder.node(&["--store", "redb"]);
    let wallet = folder.create("alice");
    let funded = folder.run(&["devnet", "fund", "--wallet", "alice", "--amount", "12.5"]).ok();
    assert!(funded["txid"].as_str().is_some_and(|id| id.len() == 64), "{funded}");
    let advanced = folder.run(&["devnet", "advance", "2", "--mine-to", &wallet.confidential]).ok();
    assert!(advanced["daa_score"].as_u64().is_some_and(|score| score >= 2), "{advanced}");
    folder.wait_for_spendable("alice", "12.50000000");
    folder.run(&["devnet", "reset"]).ok();
    assert_eq!(folder.balance("alice")[0], "0.00000000", "the balance is never one of the old chain");
    assert_eq!(folder.info()["block_count"], 0);
    assert_eq!(folder.run(&["wallet", "list"]).ok()["wallets"][0]["name"], "alice");
    node.stop();
    // Without a node, the command mines by itself.
    folder.run(&["devnet", "advance", "12", "--mine-to", &wallet.confidential]).ok();
    let [spendable, _, immature] = folder.balance("alice");
    assert!(units(&spendable) > 0 && units(&immature) > 0, "{spendable} {immature}");
}

#[test]
fn a_transaction_travels_as_a_file() {
    let folder = Folder::new();
    let node = folder.node(&["--store", "mem"]);
    let alice = folder.create("alice");
    let bob = folder.create("bob");
    folder.run(&["devnet", "fund", "--wallet", "alice", "--amount", "10"]).ok();
    folder.run(&["devnet", "advance", "2", "--mine-to", &alice.confidential]).ok();
    folder.wait_for_spendable("alice", "10.00000000");
    let out = folder.path().join("payment.hex");
    let out = out.to_str().expect("temporary paths are text");
    let built = folder
        .run(&["tx", "build", "--wallet", "alice", "--to", &bob.confidential, "--amount", "4", "--out", out])
        .ok();
    let decoded = folder.run(&["tx", "decode", out]).ok();
    assert_eq!(decoded["txid"], built["txid"]);
    assert_eq!(decoded["network"], "devnet");
    assert!(!decoded.to_string().contains("4.00000000"), "the amount is hidden: {decoded}");
    assert_eq!(folder.balance("alice")[0], "10.00000000", "building spends nothing");
    let submit = || folder.run(&["tx", "submit", out]).ok();
    for time in ["first", "second"] {
        assert_eq!(submit(), json!({ "txid": built["txid"], "accepted": false }), "the {time} time");
    }
    folder.run(&["devnet", "advance", "2", "--mine-to", &alice.confidential]).ok();
    folder.wait_for_spendable("bob", "4.00000000");
    assert_eq!(submit(), json!({ "txid": built["txid"], "accepted": true }), "the pool does not take it again");
    let told = folder.run_plain(&["tx", "submit", out]);
    assert!(told.stdout.contains("accepted already"), "{told:?}");
    node.stop();
}
