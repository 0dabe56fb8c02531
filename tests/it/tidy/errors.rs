//! Every rule that can refuse something has a test that makes it refuse.

use super::source::{self, SourceFile, has_word};

/// Where the enums of rules are.
const RULES: &str = "node-core/types/src/errors/";

/// `Enum`, `Variant` for every variant of a `…RuleError`.
fn variants(file: &SourceFile) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut name: Option<String> = None;
    let mut depth = 0usize;
    for line in file.code().lines() {
        let trimmed = line.trim();
        if let Some(rest) = trimmed.strip_prefix("pub enum ") {
            let enum_name: String = rest.chars().take_while(|c| c.is_alphanumeric()).collect();
            name = enum_name.ends_with("RuleError").then_some(enum_name);
            depth = 0;
        } else if let (Some(name), 1) = (&name, depth) {
            let variant: String = trimmed.chars().take_while(|c| c.is_alphanumeric()).collect();
            if variant.chars().next().is_some_and(char::is_uppercase) {
                found.push((name.clone(), variant));
            }
        }
        let opened = trimmed.matches(['{', '(']).count();
        let closed = trimmed.matches(['}', ')']).count();
        // Attributes such as `#[error("…")]` open and close on their own line.
        depth = (depth + opened).saturating_sub(closed);
        if depth == 0 && closed > 0 {
            name = None;
        }
    }
    found
}

/// Variants that no test names.
fn check(rules: &[SourceFile], tests: &str) -> Vec<String> {
    rules
        .iter()
        .flat_map(variants)
        .filter(|(_, variant)| !has_word(tests, variant))
        .map(|(name, variant)| format!("{name}::{variant} is produced by no test"))
        .collect()
}

#[test]
fn every_rule_is_broken_by_a_test() {
    let files = source::files(&["rs"]);
    let rules: Vec<SourceFile> = files.iter().filter(|f| f.path.starts_with(RULES)).cloned().collect();
    assert!(rules.iter().any(|file| !variants(file).is_empty()), "{RULES} has no rule errors");
    let tests: String = files.iter().filter(|f| f.path.starts_with("node-core/")).map(SourceFile::test_code).collect();
    super::expect_none(&check(&rules, &tests));
}

#[test]
fn an_untested_rule_is_found() {
    let text = "pub enum TxRuleError {\n    #[error(\"a {got}\")]\n    Bad {\n        got: Amount,\n    },\n    #[error(\"b\")]\n    Worse(u8),\n    None,\n}\npub enum Other {\n    Thing,\n}\n";
    let rules = SourceFile::example("node-core/types/src/errors/tx.rs", text);
    let names: Vec<String> = variants(&rules).into_iter().map(|(_, variant)| variant).collect();
    assert_eq!(names, ["Bad", "Worse", "None"]);
    let findings = check(&[rules], "assert!(matches!(e, TxRuleError::Bad { .. })); TxRuleError::None");
    super::expect_found(&findings, "TxRuleError::Worse");
    assert_eq!(findings.len(), 1, "{findings:?}");
}
