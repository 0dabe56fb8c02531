//! What needs no node.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::harness::Folder;
use serde_json::{Value, json};

/// A published BIP39 vector: everyone's words.
const WORDS: &str = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";

#[test]
fn dag_replay_equals_the_published_vectors() {
    let folder = Folder::new();
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/vectors");
    let vectors = std::env::var_os("UMBEL_VECTORS").map_or_else(beside, PathBuf::from).join("ghostdag");
    let mut seen = 0;
    if !vectors.exists() {
        assert!(std::env::var_os("CI").is_none(), "CI compares with the vectors: none at {}", vectors.display());
        writeln!(std::io::stderr(), "skipped: no vectors at {}", vectors.display()).expect("stderr");
        return;
    }
    for entry in fs::read_dir(&vectors).unwrap_or_else(|e| panic!("{}: {e}", vectors.display())) {
        let path = entry.expect("the folder can be read").path();
        let text = fs::read_to_string(&path).expect("a vector is text");
        let expected: Value = serde_json::from_str(&text).expect("a vector is JSON");
        let replayed = folder.run(&["dag", "replay", path.to_str().expect("paths are text")]).ok();
        let expected: Vec<Value> = expected["Blocks"].as_array().expect("blocks").iter().map(expectation).collect();
        assert_eq!(replayed["blocks"], json!(expected), "{}", path.display());
        seen += 1;
    }
    assert!(seen >= 3, "{seen} vectors");
}

fn expectation(block: &Value) -> Value {
    json!({
        "id": block["ID"],
        "blue_score": block["ExpectedScore"],
        "selected_parent": block["ExpectedSelectedParent"],
        "blues": block["ExpectedBlues"],
        "reds": block["ExpectedReds"],
    })
}

#[test]
fn addresses_are_read() {
    let folder = Folder::new();
    let words = folder.file("words", WORDS);
    let preview = folder.run(&["wallet", "restore", "--dry-run", "--words-file", &words]).ok();
    let keys: Vec<&String> = preview.as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["confidential", "zk13str"]);
    assert!(!folder.data().exists(), "a dry run writes nothing");

    let confidential = preview["confidential"].as_str().expect("an address");
    let zk13str = preview["zk13str"].as_str().expect("an address");
    let decoded = folder.run(&["address", "decode", confidential]).ok();
    assert_eq!((&decoded["kind"], &decoded["network"]), (&json!("confidential"), &json!("devnet")));
    let decoded = folder.run(&["address", "decode", zk13str]).ok();
    assert_eq!(decoded["kind"], "zk13str");
    assert!(decoded["fingerprint"].as_str().is_some_and(|f| f.len() == 19), "{decoded}");
    let shown = folder.run_plain(&["address", "decode", zk13str]);
    assert!(shown.code == Some(0) && shown.stdout.contains("everyone sees"), "{shown:?}");

    // The same words give other addresses on another network, and the same public one.
    let other = folder.run(&["--network", "testnet", "wallet", "restore", "--dry-run", "--words-file", &words]).ok();
    assert!(other["confidential"].as_str().is_some_and(|a| a.starts_with("tumbel1")), "{other}");
    assert_eq!(other["zk13str"], preview["zk13str"]);

    let last = if confidential.ends_with('q') { 'p' } else { 'q' };
    let broken = format!("{}{last}", &confidential[..confidential.len() - 1]);
    folder.run(&["address", "decode", &broken]).refused("bad_checksum", &["checksum"]);
    let digit = if zk13str.ends_with('0') { '1' } else { '0' };
    let broken = format!("{}{digit}", &zk13str[..zk13str.len() - 1]);
    folder.run(&["address", "decode", &broken]).refused("bad_checksum", &["checksum"]);
    folder.run(&["address", "decode", "bc1qxyz"]).refused("bad_input", &["not an Umbel address"]);
}

#[test]
fn help_and_version() {
    let folder = Folder::new();
    let version = folder.run_plain(&["--version"]);
    assert_eq!((version.code, version.stdout.trim()), (Some(0), concat!("umbel ", env!("CARGO_PKG_VERSION"))));
    for args in [&["--help"][..], &["wallet", "send", "--help"], &["node", "run", "--help"]] {
        let help = folder.run_plain(args);
        assert!(help.code == Some(0) && help.stdout.contains("Examples:"), "{args:?}: {help:?}");
    }
}

#[test]
fn wallets_without_a_node() {
    let folder = Folder::new();
    let made = folder.create("alice");
    let address = folder.run(&["wallet", "address", "--wallet", "alice"]).ok();
    assert_eq!(address, json!({ "zk13str": made.zk13str, "confidential": made.confidential }));
    assert_eq!(folder.run(&["wallet", "address"]).ok(), address, "the only wallet needs no name");
    let fresh = folder.run(&["wallet", "address", "--wallet", "alice", "--new"]).ok();
    assert_ne!(fresh["confidential"], address["confidential"]);
    let revealed = folder.run(&["wallet", "reveal", "--wallet", "alice"]).ok();
    assert_eq!(revealed, json!({ "words": made.words }));

    // The same words beside each other, with a warning.
    let file = folder.file("words", &made.words);
    let again = folder.run(&["wallet", "restore", "--wallet", "again", "--words-file", &file]);
    assert_eq!(again.ok()["confidential"], json!(made.confidential));
    assert!(again.stderr.contains("alice"), "{again:?}");
    // A passphrase gives another wallet.
    let passphrase = folder.file("passphrase", "TREZOR");
    let other = folder
        .run(&["wallet", "restore", "--wallet", "hidden", "--words-file", &file, "--passphrase-file", &passphrase])
        .ok();
    assert_ne!(other["zk13str"], json!(made.zk13str));
    let hidden = folder.run(&["wallet", "reveal", "--wallet", "hidden"]).ok();
    assert_eq!(hidden, json!({ "words": made.words, "passphrase": "TREZOR" }));

    let list = folder.run(&["wallet", "list"]).ok();
    let names: Vec<&str> =
        list["wallets"].as_array().expect("wallets").iter().filter_map(|w| w["name"].as_str()).collect();
    assert_eq!(names, ["alice", "again", "hidden"]);
    folder.run(&["wallet", "address"]).refused("bad_input", &["several wallets"]);
    folder.run(&["wallet", "remove"]).refused("bad_input", &["--wallet"]);
    folder.run(&["wallet", "remove", "--wallet", "again"]).ok();
    folder.run(&["wallet", "address", "--wallet", "again"]).refused("no_such_wallet", &["again"]);
    folder.run(&["wallet", "create", "--wallet", "alice"]).refused("wallet_exists", &["alice"]);
}

#[test]
fn published_words_give_published_addresses() {
    let folder = Folder::new();
    let words = folder.file("words", &format!("  {}\n", WORDS.replace(' ', "\n")));
    let first = folder.run(&["wallet", "restore", "--dry-run", "--words-file", &words]).ok();
    let restored = folder.run(&["wallet", "restore", "--wallet", "w", "--words-file", &words]).ok();
    assert_eq!(first, restored, "layout of the file does not matter");
}

/// Every bench runs and says the same things of itself; what the figures are is not asserted.
#[test]
fn every_bench_prints_figure_and_floor() {
    let folder = Folder::new();
    let printed = folder.run(&["bench", "--tiny"]).ok();
    let benches = printed["benches"].as_array().expect("a list");
    let mut names = Vec::new();
    for bench in benches {
        let name = bench["name"].as_str().expect("a name").split('/').next().expect("no empty name");
        if names.last() != Some(&name) {
            names.push(name);
        }
        for field in ["figure", "floor", "ratio"] {
            assert!(bench[field].as_f64().is_some_and(|n| n > 0.0), "{field}: {bench}");
        }
        for field in ["inputs", "unit", "floor_is", "goal"] {
            assert!(bench[field].is_string(), "{field}: {bench}");
        }
        assert!(bench["cores"].as_u64().is_some_and(|n| n > 0), "{bench}");
        assert_eq!(bench["met"] == false, bench["reason"].is_string(), "{bench}");
    }
    assert_eq!(names, ["verify", "prove", "scan", "apply", "ghostdag", "qanhash", "store", "start"]);
}
