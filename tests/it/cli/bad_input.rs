//! What people get wrong: each a clear message, and nothing is lost.

use super::harness::Folder;

const WORDS: &str = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";

#[test]
fn words() {
    let folder = Folder::new();
    let restore = |text: &str| {
        let file = folder.file("words", text);
        let answer = folder.run(&["wallet", "restore", "--wallet", "w", "--words-file", &file]);
        assert!(!answer.stdout.contains("abandonn") && !answer.stderr.contains("abandonn"), "words are not repeated");
        answer
    };
    restore(&WORDS.replacen("abandon", "abandonn", 1)).refused("bad_words", &["word 1"]);
    restore(&WORDS.replace("about", "abandon")).refused("bad_words", &["checksum"]);
    restore("abandon about").refused("bad_words", &["2 words"]);
    let plain = folder.run_plain(&["wallet", "restore", "--wallet", "w", "--words-file", "/nowhere/words"]);
    assert_eq!(plain.code, Some(1));
    assert_eq!(plain.stdout, "");
    assert_eq!(plain.stderr.lines().count(), 1, "one line: {plain:?}");
    assert!(plain.stderr.contains("/nowhere/words"), "{plain:?}");
    assert!(!folder.data().exists(), "nothing was written");
}

#[test]
fn payments() {
    let folder = Folder::new();
    let node = folder.node(&["--store", "mem"]);
    let alice = folder.create("alice");
    folder.run(&["devnet", "fund", "--wallet", "alice", "--amount", "10"]).ok();
    folder.run(&["devnet", "advance", "2", "--mine-to", &alice.confidential]).ok();
    folder.wait_for_spendable("alice", "10.00000000");

    let file = folder.file("words", WORDS);
    let preview = |network: &str| {
        let answer = folder.run(&["--network", network, "wallet", "restore", "--dry-run", "--words-file", &file]).ok();
        answer["confidential"].as_str().expect("an address").to_owned()
    };
    let (to, foreign) = (preview("devnet"), preview("testnet"));
    let send =
        |to: &str, amount: &str| folder.run(&["wallet", "send", "--wallet", "alice", "--to", to, "--amount", amount]);
    send(&foreign, "1").refused("wrong_network", &["network"]);
    send(&format!("{}q", &to[..to.len() - 1]), "1").refused("bad_checksum", &["checksum"]);
    send(&to[..20], "1").refused("bad_input", &["characters"]);
    send(&to, "0.123456789").refused("bad_amount", &["8 decimals"]);
    send(&to, "0").refused("bad_amount", &["zero"]);
    send(&to, "-1").refused("bad_amount", &["not an amount"]);
    send(&to, "10.00000001").refused("insufficient_funds", &["not enough", "10.00000000"]);
    send(&to, "10").refused("insufficient_funds", &["fees"]);
    let long = "x".repeat(300);
    folder
        .run(&["wallet", "send", "--wallet", "alice", "--to", &to, "--amount", "1", "--note", &long])
        .refused("bad_input", &["note", "238"]);
    folder
        .run(&["wallet", "send", "--wallet", "alice", "--to", &to, "--amount", "1", "--asset", "GOLD"])
        .refused("bad_input", &["GOLD"]);
    folder
        .run(&["wallet", "send", "--wallet", "carol", "--to", &to, "--amount", "1"])
        .refused("no_such_wallet", &["carol"]);
    assert_eq!(folder.balance("alice")[..2], ["10.00000000", "0.00000000"], "nothing was lost");
    node.stop();
    send(&to, "1").refused("not_running", &["umbel node run"]);
}

#[test]
fn transactions_as_files() {
    let folder = Folder::new();
    let file = folder.file("tx", "zz");
    folder.run(&["tx", "decode", &file]).refused("bad_input", &["no transaction"]);
    let file = folder.file("tx", "0100");
    folder.run(&["tx", "decode", &file]).refused("bad_input", &["no transaction"]);
    folder.run(&["tx", "submit", "/nowhere/tx"]).refused("bad_input", &["/nowhere/tx"]);
}

/// A file may be a device that never ends.
#[cfg(unix)]
#[test]
fn files_without_end() {
    let folder = Folder::new();
    let zero = "/dev/zero";
    for args in [
        &["tx", "decode", zero][..],
        &["tx", "submit", zero],
        &["dag", "replay", zero],
        &["wallet", "restore", "--dry-run", "--words-file", zero],
        &["wallet", "create", "--wallet", "a", "--password-file", zero],
        &["wallet", "create", "--wallet", "a", "--passphrase-file", zero],
    ] {
        folder.run(args).refused("bad_input", &[zero, "longer than"]);
    }
}

#[test]
fn graphs() {
    let folder = Folder::new();
    let replay = |text: &str| {
        let file = folder.file("graph", text);
        folder.run(&["dag", "replay", &file])
    };
    replay("{").refused("bad_input", &["graph"]);
    replay(r#"{"K":4,"GenesisID":"A","Blocks":[{"ID":"B","Parents":["C"]}]}"#).refused("bad_input", &["\"C\""]);
    replay(r#"{"K":4,"GenesisID":"A","Blocks":[{"ID":"A","Parents":["A"]}]}"#).refused("bad_input", &["twice"]);
}

#[test]
fn grammar() {
    let folder = Folder::new();
    folder.run(&["wallet", "send", "--wallet", "alice"]).refused("bad_input", &["--to", "--amount"]);
    folder.run(&["--network", "moon", "wallet", "list"]).refused("bad_input", &["devnet"]);
    folder.run(&["wallet", "create"]).refused("bad_input", &["--wallet"]);
    folder.run(&["wallet", "create", "--wallet", "../x"]).refused("bad_input", &["name"]);
    folder.run(&["wallet", "create", "--wallet", "x", "--words", "13"]).refused("bad_words", &["12 or 24"]);
    let plain = folder.run_plain(&["node", "fly"]);
    assert_eq!((plain.code, plain.stderr.lines().count()), (Some(2), 1), "{plain:?}");
}

#[test]
fn networks_without_genesis() {
    let folder = Folder::new();
    for network in ["lan", "testnet", "mainnet"] {
        let answer = folder.run(&["--network", network, "node", "run"]);
        answer.refused("genesis_missing", &[network, "genesis.toml"]);
    }
    folder.run(&["--network", "lab32", "node", "run"]).refused("bad_input", &["simulations"]);
}
