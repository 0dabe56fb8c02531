//! Whatever byte of a real transaction is changed, the node refuses it by a rule that it names, and lives.

use std::collections::BTreeMap;

use super::harness::Folder;
use serde_json::json;

/// Every so many bytes one is changed in a usual test run. `UMBEL_EVERY_BYTE=1` changes each.
const STRIDE: usize = 7;

#[test]
fn a_transaction_with_any_byte_changed_is_refused_by_a_named_rule() {
    let folder = Folder::new();
    let node = folder.node(&["--store", "mem"]);
    folder.create("alice");
    let bob = folder.create("bob");
    folder.run(&["devnet", "fund", "--wallet", "alice", "--amount", "10"]).ok();
    folder.run(&["devnet", "advance", "2", "--mine-to", &bob.confidential]).ok();
    folder.wait_for_spendable("alice", "10.00000000");
    let out = folder.path().join("payment.hex").to_str().expect("temporary paths are text").to_owned();
    let build = ["tx", "build", "--wallet", "alice", "--to", &bob.confidential, "--amount", "4", "--note", "dinner"];
    folder.run(&[&build[..], &["--out", &out]].concat()).ok();
    let original = std::fs::read_to_string(&out).expect("it was written").trim().to_owned();
    let stride = if std::env::var_os("UMBEL_EVERY_BYTE").is_some() { 1 } else { STRIDE };
    let positions: Vec<usize> = (0..original.len() / 2).step_by(stride).collect();
    let mut lines: Vec<String> = positions.iter().map(|at| changed(&original, *at)).collect();
    // At last as it was built: nothing that came before took its place.
    lines.push(original);
    let file = folder.file("changed.txt", &lines.join("\n"));
    let answer = folder.run(&["tx", "submit", "--lines", &file]);
    assert_eq!(answer.code, Some(1), "some were refused");
    let results = answer.lines();
    assert_eq!(results.len(), lines.len());
    let mut rules: BTreeMap<String, usize> = BTreeMap::new();
    for (at, result) in positions.iter().zip(&results) {
        let error = &result["error"];
        let code = error["code"].as_str().unwrap_or_else(|| panic!("byte {at} changed, and taken: {result}"));
        assert!(["tx_refused", "bad_input", "tx_conflict"].contains(&code), "byte {at}: {result}");
        let rule = error["rule"].as_str().unwrap_or_else(|| panic!("byte {at}: no rule is named: {result}"));
        *rules.entry(format!("{code} {rule}")).or_default() += 1;
    }
    assert!(rules.len() > 4, "different bytes break different rules: {rules:?}");
    let taken = results.last().expect("one a line");
    assert!(taken["error"].is_null() && taken["accepted"] == false, "{taken}");
    assert_eq!(folder.info()["mempool"]["count"], 1);
    folder.run(&["devnet", "advance", "2", "--mine-to", &bob.confidential]).ok();
    let history = folder.run(&["wallet", "history", "--wallet", "bob"]).ok();
    let received = history["entries"].as_array().expect("entries").iter().find(|e| e["id"] == taken["txid"]);
    assert_eq!(received.map(|e| (&e["amount"], &e["note"])), Some((&json!("4.00000000"), &json!("dinner"))));
    node.stop();
}

/// The hexadecimal with one byte replaced by another, a different one at each position.
fn changed(original: &str, at: usize) -> String {
    let digits = 2 * at..2 * at + 2;
    let byte = u8::from_str_radix(&original[digits.clone()], 16).expect("hexadecimal");
    let other = byte ^ u8::try_from(at % 255 + 1).expect("1 to 255");
    let mut text = original.to_owned();
    text.replace_range(digits, &format!("{other:02x}"));
    text
}
