//! The rules of the repository, as tests.
//!
//! A check takes text and gives its findings, one line each; a test runs it over the repository and fails when there
//! are any. Beside each stands a test that feeds it a bad example, so that no check can be silently blind.

mod commands;
mod docs;
mod errors;
mod floors;
mod manifests;
mod source;
mod words;

/// Fails with all findings at once.
fn expect_none(findings: &[String]) {
    assert!(findings.is_empty(), "{} finding(s):\n{}", findings.len(), findings.join("\n"));
}

/// Fails unless the check found something that contains `part`.
fn expect_found(findings: &[String], part: &str) {
    assert!(findings.iter().any(|f| f.contains(part)), "the check is blind to `{part}`; it found {findings:?}");
}
