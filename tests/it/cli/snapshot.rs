//! `umbel node snapshot`, and the roles of a node.

use std::fs;

use super::harness::Folder;

#[test]
fn what_can_not_be_exported_verified_or_imported_says_why() {
    let folder = Folder::new();
    let snapshot = folder.file("snapshot", "").replace("/snapshot", "/nothing");
    folder.run(&["node", "snapshot", "export", &snapshot]).refused("not_found", &["no chain", "umbel node run"]);
    folder.run(&["devnet", "advance", "5"]).ok();
    // Nothing is final yet: the pruning point is genesis.
    folder.run(&["node", "snapshot", "export", &snapshot]).refused("not_found", &["no block is deep enough"]);
    assert!(!fs::exists(&snapshot).expect("reads") && !fs::exists(format!("{snapshot}.partial")).expect("reads"));
    folder.run(&["node", "snapshot", "verify", &snapshot]).refused("data_folder", &["manifest"]);
    fs::create_dir(&snapshot).expect("makes a folder");
    fs::write(format!("{snapshot}/manifest"), [1, 0, 0, 0, 9]).expect("writes");
    let answer = folder.run(&["node", "snapshot", "verify", &snapshot]);
    let report = answer.lines().pop().expect("a line");
    assert_eq!(report["ok"], false, "{report}");
    assert!(report["reason"].as_str().is_some_and(|reason| reason.contains("manifest")), "{report}");
    let imported = folder.run(&["node", "snapshot", "import", &snapshot]);
    imported.refused("bad_input", &["there is a chain in", "--data-dir"]);
    let other = Folder::new();
    other.run(&["node", "snapshot", "import", &snapshot]).refused("bad_input", &["manifest"]);
    for left in ["devnet/chain", "devnet/chain.import"] {
        assert!(!other.data().join(left).exists(), "{left}");
    }
}

#[test]
fn a_node_says_when_its_chain_takes_more_than_it_may() {
    let folder = Folder::new();
    folder.run(&["node", "run", "--role", "light"]).refused("bad_input", &["archive, full or wallet"]);
    let node = folder.node(&["--role", "wallet", "--disk-budget", "0"]);
    let warning = super::harness::eventually("the budget is looked at", super::harness::BLOCK_TIMEOUT, || {
        let info = folder.info();
        let warnings = info["warnings"].as_array().cloned().unwrap_or_default();
        warnings.into_iter().find(|warning| warning["code"] == "disk_budget")
    });
    assert!(warning["message"].as_str().is_some_and(|text| text.contains("wallet")), "{warning}");
    node.stop();
}
