//! What the chain accepted is proved to somebody who has no node.

use std::fs;

use serde_json::{Value, json};

use super::harness::{BLOCK_TIMEOUT, Folder, eventually};

/// What a proof says, made and verified by the running node.
pub(super) fn proven(folder: &Folder, what: &[&str]) -> Value {
    let file = folder.path().join("proven.json");
    let file = file.to_str().expect("temporary paths are text");
    folder.run(&[&["chain"], what, &["--out", file]].concat()).ok();
    folder.run(&["chain", "verify-proof", file]).ok()["fact"].clone()
}

#[test]
fn somebody_without_a_node_verifies_what_the_chain_says() {
    let folder = Folder::new();
    let stranger = Folder::new();
    let node = folder.node(&["--store", "mem"]);
    let alice = folder.create("alice");
    let funded = folder.run(&["devnet", "fund", "--wallet", "alice", "--amount", "10"]).ok();
    let txid = funded["txid"].as_str().expect("a transaction").to_owned();
    let file = |name: &str| folder.path().join(name).to_str().expect("temporary paths are text").to_owned();
    let (proof, header) = (file("proof.json"), file("header.json"));
    let prove = |what: &[&str]| folder.run(&[&["chain"], what, &["--out", &proof]].concat());
    let verify = |who: &Folder, more: &[&str]| who.run(&[&["chain", "verify-proof", &proof][..], more].concat());

    // Nothing is proven of what is not accepted.
    prove(&["prove-tx", &txid]).refused("not_found", &["was not accepted"]);
    folder.run(&["devnet", "advance", "5", "--mine-to", &alice.confidential]).ok();
    let made = eventually("the payment is accepted", BLOCK_TIMEOUT, || {
        let answer = prove(&["prove-tx", &txid]);
        (answer.code == Some(0)).then(|| answer.ok())
    });
    let anchor = made["anchor"].as_str().expect("a hash").to_owned();
    folder.run(&["chain", "header", &anchor, "--out", &header]).ok();

    // The stranger has the proof and a header, or its hash, and no data folder.
    for trust in [["--header", header.as_str()], ["--block", anchor.as_str()]] {
        let said = verify(&stranger, &trust).ok();
        assert_eq!((&said["fact"]["txid"], &said["asked_node"]), (&json!(txid), &json!(false)));
        assert_eq!((&said["fact"]["outcome"], &said["trusted"]), (&json!("accepted"), &json!(anchor)));
        assert!(said["height"].as_u64() < said["trusted_height"].as_u64(), "{said}");
    }
    let told = stranger.run_plain(&["chain", "verify-proof", &proof, "--header", &header]);
    assert!(told.stdout.contains("the proof holds") && told.stdout.contains("no node was asked"), "{told:?}");
    verify(&stranger, &[]).refused("not_running", &["--header"]);
    assert!(!stranger.data().exists(), "nothing was written");
    assert_eq!(verify(&folder, &[]).ok()["asked_node"], json!(true));

    // Whoever trusts another block, or gets another proof, is not deceived.
    let accepting = verify(&folder, &[]).ok()["block"].as_str().expect("a hash").to_owned();
    verify(&stranger, &["--block", &accepting]).refused("bad_proof", &["is the one that is trusted"]);
    let whole: Value = serde_json::from_str(&fs::read_to_string(&proof).expect("it was written")).expect("JSON");
    let changed = |key: &str, value: Value| {
        let mut other = whole.clone();
        other[key] = value;
        let path = stranger.file("changed.json", &other.to_string());
        stranger.run(&["chain", "verify-proof", &path, "--header", &header]).error().0
    };
    let hex = whole["proof"].as_str().expect("hexadecimal");
    // The last byte is one of a lane's.
    let last = if hex.ends_with("00") { "01" } else { "00" };
    assert_eq!(changed("proof", json!(format!("{}{last}", &hex[..hex.len() - 2]))), "bad_proof");
    assert_eq!(changed("proof", json!(&hex[..hex.len() - 2])), "bad_input");
    assert_eq!(changed("proof", json!("zz")), "bad_input");
    assert_eq!(changed("version", json!(2)), "bad_input");
    assert_eq!(changed("network", json!("moon")), "wrong_network");
    assert_eq!(changed("surprise", json!(1)), "bad_input");

    // Rewards, state that is there and that is not, the place of a block: each below the block that the stranger trusts.
    let told_of = |what: &[&str]| {
        prove(&[what, &["--anchor", &anchor]].concat()).ok();
        verify(&stranger, &["--header", &header]).ok()["fact"].clone()
    };
    let rewards = told_of(&["prove-rewards", &accepting]);
    assert_eq!(rewards["outpoints"].as_array().map(Vec::len), Some(1), "{rewards}");
    let pool = told_of(&["prove-state", "balance", "reward-pool"]);
    assert!(pool["content"]["amount"].as_str().is_some_and(|amount| amount.starts_with("126629")), "{pool}");
    let earlier = told_of(&["prove-state", "balance", "reward-pool", "--at", &accepting]);
    assert_ne!(earlier["content"], pool["content"]);
    let set = told_of(&["prove-state", "validator-set", "0"]);
    assert_eq!((&set["present"], &set["content"]["epoch"]), (&json!(true), &json!(0)));
    assert_eq!(told_of(&["prove-state", "validator-set", "4000000000"])["present"], json!(false));
    assert_eq!(told_of(&["prove-block", &accepting])["kind"], json!("place"));

    prove(&["prove-block", &anchor, "--anchor", &accepting]).refused("bad_input", &["not below"]);
    prove(&["prove-state", "balance", "pool"]).refused("bad_input", &["reward-pool"]);
    prove(&["prove-tx", "00"]).refused("bad_input", &["64"]);
    prove(&["prove-tx", &txid, "--in", &anchor]).refused("not_found", &["did not accept"]);
    node.stop();
}
