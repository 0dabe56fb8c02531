//! Documents: links that lead somewhere, the change log's form, the list of test handles.

use super::source::{self, SourceFile, read, root};
use std::collections::BTreeSet;

/// The generated list of handles.
const HANDLES: &str = "docs/testids.md";
/// Set to write the list instead of comparing it.
const WRITE_VARIABLE: &str = "UMBEL_WRITE_TESTIDS";

/// Variables that one program of this repository sets for another.
const BETWEEN_PROGRAMS: [&str; 3] = ["UMBEL_E2E_RUN", "UMBEL_FUZZ_SEEDS", "UMBEL_FUZZ_TARGET"];
/// Ends of names that make a test run longer.
const LONGER: [&str; 3] = ["_BYTE", "_CASES", "_ROUNDS"];

/// Names of files under `docs/` that a text speaks of.
fn mentioned(text: &str) -> BTreeSet<String> {
    let part = |c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '-' | '_');
    text.match_indices("docs/")
        .filter(|(at, _)| !text[..*at].chars().next_back().is_some_and(|c| part(c) && c != '/'))
        .map(|(at, _)| text[at..].chars().take_while(|c| part(*c)).collect::<String>())
        .filter(|path| path.ends_with(".md") || path.ends_with(".png"))
        .collect()
}

fn check_mentions(file: &SourceFile, exists: impl Fn(&str) -> bool) -> Vec<String> {
    let missing = mentioned(&file.text).into_iter().filter(|path| !exists(path));
    missing.map(|path| format!("{} speaks of {path}, which does not exist", file.path)).collect()
}

/// Paths in a document's backquotes that are not there. Patterns such as `ui/src/ipc/<area>.rs` are left to the reader.
fn check_paths(file: &SourceFile, exists: impl Fn(&str) -> bool) -> Vec<String> {
    let tops = ["node-core/", "src-tauri/", "ui/", "tests/", "xtask/", "assets/"];
    file.text
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|code| tops.iter().any(|top| code.starts_with(top)) && !code.contains(['<', '*', ' ']))
        .filter(|path| !exists(path))
        .map(|path| format!("{} speaks of {path}, which does not exist", file.path))
        .collect()
}

/// Links of a Markdown file to files beside it.
fn check_links(file: &SourceFile, exists: impl Fn(&str) -> bool) -> Vec<String> {
    let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    file.text
        .match_indices("](")
        .filter_map(|(at, open)| file.text[at + open.len()..].split(')').next())
        .filter(|link| !link.contains("://") && !link.starts_with(['#', '<', '&']) && !link.contains(' '))
        .map(|link| link.split('#').next().unwrap_or(link).to_owned())
        .filter(|link| link.contains('.') && !exists(&resolve(folder, link)))
        .map(|link| format!("{} links to {link}, which does not exist", file.path))
        .collect()
}

fn resolve(folder: &str, link: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|p| !p.is_empty()).collect();
    for part in link.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The form of keepachangelog.com: title, an Unreleased section, released ones with version and date.
fn check_changelog(text: &str) -> Vec<String> {
    let mut findings = Vec::new();
    if text.lines().next() != Some("# Changelog") {
        findings.push("CHANGELOG.md: the first line is `# Changelog`".to_owned());
    }
    if !text.lines().any(|line| line == "## [Unreleased]") {
        findings.push("CHANGELOG.md: no `## [Unreleased]`".to_owned());
    }
    let kinds = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"];
    for line in text.lines() {
        if let Some(kind) = line.strip_prefix("### ").filter(|kind| !kinds.contains(kind)) {
            findings.push(format!("CHANGELOG.md: `{kind}` is none of {kinds:?}"));
        }
        if let Some(rest) = line.strip_prefix("## ").filter(|rest| *rest != "[Unreleased]") {
            let dated = rest.split_once("] - ").is_some_and(|(version, date)| {
                version.starts_with('[') && date.len() == 10 && date.chars().filter(|c| *c == '-').count() == 2
            });
            if !dated {
                findings.push(format!("CHANGELOG.md: `## {rest}` is not `## [version] - year-month-day`"));
            }
        }
    }
    findings
}

/// Variables of the environment that code names in quotes.
fn variables(file: &SourceFile) -> BTreeSet<String> {
    let code = file.code_with_text();
    let quoted = code.match_indices("\"UMBEL_").map(|(at, _)| &code[at + 1..]);
    let name = |c: &char| c.is_ascii_uppercase() || c.is_ascii_digit() || *c == '_';
    quoted.map(|rest| rest.chars().take_while(name).collect()).collect()
}

/// Variables that no document tells of, and those of long tests that no long run sets.
fn check_variables(file: &SourceFile, documents: &str, long_run: &str) -> Vec<String> {
    let mut findings = Vec::new();
    for name in variables(file) {
        let quoted = |text: &str| text.contains(&format!("`{name}")) || text.contains(&format!("\"{name}\""));
        if !quoted(documents) && !BETWEEN_PROGRAMS.contains(&name.as_str()) {
            findings.push(format!("{}: no document tells of {name}", file.path));
        }
        if LONGER.iter().any(|end| name.ends_with(end)) && !quoted(long_run) {
            findings.push(format!("{}: `cargo xtask test --long` does not set {name}", file.path));
        }
    }
    findings
}

/// Handles in the UI's source: what stands in quotes behind `data-testid=`, `testid=` or `testid:`.
fn handles(files: &[SourceFile]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for file in files {
        let code = file.code_with_text();
        for (at, key) in code.match_indices("testid") {
            let rest = code[at + key.len()..].trim_start().trim_start_matches(['=', ':']).trim_start();
            // One handle, or one of two: `testid=if here { "home-dag" } else { "node-dag" }`.
            let (quoted, most) = match rest.strip_prefix("if ") {
                Some(choice) => (choice.lines().next().unwrap_or(choice), usize::MAX),
                None if rest.starts_with('"') => (rest, 1),
                None => continue,
            };
            let values = quoted.split('"').skip(1).step_by(2).take(most);
            found.extend(values.filter(|value| !value.is_empty()).map(str::to_owned));
        }
    }
    found
}

/// The list as a document, by page.
fn render(handles: &BTreeSet<String>) -> String {
    let mut text = String::from(
        "# Test handles\n\nEvery control a person uses has `data-testid=\"<page>-<thing>\"`. This list is generated from `ui/src` by \
         `UMBEL_WRITE_TESTIDS=1 cargo test -p umbel-tests handles` and checked by the same test.\n",
    );
    let mut page = "";
    for handle in handles {
        let own = handle.split('-').next().unwrap_or(handle);
        if own != page {
            page = own;
            text.push_str(&format!("\n## {page}\n\n"));
        }
        text.push_str(&format!("- `{handle}`\n"));
    }
    text
}

/// Handles that are not `<page>-<thing>` in small letters.
fn check_handles(handles: &BTreeSet<String>) -> Vec<String> {
    let fits = |handle: &str| {
        handle.contains('-')
            && handle.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-{}_".contains(c))
    };
    handles.iter().filter(|h| !fits(h)).map(|h| format!("`{h}` is not <page>-<thing>")).collect()
}

#[test]
fn documents_that_are_named_exist() {
    let exists = |path: &str| root().join(path).exists();
    let mut findings = Vec::new();
    for file in source::files(&["md", "rs", "toml"]).iter().filter(|f| !f.path.starts_with("tests/it/tidy")) {
        findings.extend(check_mentions(file, exists));
        if file.path.ends_with(".md") {
            findings.extend(check_links(file, exists));
        }
        if file.path == "ARCHITECTURE.md" {
            findings.extend(check_paths(file, exists));
        }
    }
    super::expect_none(&findings);
    let bad = SourceFile::example("docs/adr/0001.md", "see docs/spec/gone.md, and [this](../lost.md#part)");
    super::expect_found(&check_mentions(&bad, |_| false), "docs/spec/gone.md");
    super::expect_found(&check_links(&bad, |path| path != "docs/lost.md"), "lost.md");
    super::expect_none(&check_links(&bad, |path| path == "docs/lost.md"));
    let bad = SourceFile::example("ARCHITECTURE.md", "look in `node-core/gone.rs`, `ui/src/ipc/<area>.rs` and `f()`");
    let findings = check_paths(&bad, |_| false);
    super::expect_found(&findings, "node-core/gone.rs");
    assert_eq!(findings.len(), 1, "{findings:?}");
}

#[test]
fn variables_are_told_and_long_tests_have_a_place() {
    let documents = ["docs/user/cli.md", "CONTRIBUTING.md"].map(read).concat();
    let long_run = read("xtask/src/test.rs");
    let files = source::files(&["rs"]);
    let read_by_code = files.iter().filter(|f| !f.path.starts_with("tests/it/tidy"));
    let findings: Vec<String> = read_by_code.flat_map(|f| check_variables(f, &documents, &long_run)).collect();
    super::expect_none(&findings);
    let bad = SourceFile::example("a.rs", "env::var(\"UMBEL_NEW_CASES\"); // \"UMBEL_COMMENT\"");
    super::expect_found(&check_variables(&bad, "", "UMBEL_NEW_CASES"), "no document tells of UMBEL_NEW_CASES");
    super::expect_found(&check_variables(&bad, "`UMBEL_NEW_CASES`", ""), "does not set UMBEL_NEW_CASES");
    super::expect_none(&check_variables(&bad, "`UMBEL_NEW_CASES=9`", "(\"UMBEL_NEW_CASES\", \"9\")"));
}

#[test]
fn the_changelog_keeps_its_form() {
    super::expect_none(&check_changelog(&read("CHANGELOG.md")));
    super::expect_found(&check_changelog("# Changes\n"), "first line");
    super::expect_found(&check_changelog("# Changelog\n"), "Unreleased");
    super::expect_found(&check_changelog("# Changelog\n## [Unreleased]\n### News\n"), "News");
    super::expect_found(&check_changelog("# Changelog\n## [Unreleased]\n## 0.1 (May)\n"), "0.1 (May)");
}

#[test]
fn handles_are_listed() {
    let files: Vec<SourceFile> = source::files(&["rs"]).into_iter().filter(|f| f.path.starts_with("ui/src/")).collect();
    let found = handles(&files);
    assert!(!found.is_empty(), "the UI has no handles");
    super::expect_none(&check_handles(&found));
    if std::env::var_os(WRITE_VARIABLE).is_some() {
        std::fs::write(root().join(HANDLES), render(&found)).unwrap_or_else(|e| panic!("{HANDLES}: {e}"));
    }
    let listed = std::fs::read_to_string(root().join(HANDLES)).unwrap_or_default();
    assert_eq!(
        listed,
        render(&found),
        "{HANDLES} is stale: run `{WRITE_VARIABLE}=1 cargo test -p umbel-tests handles`"
    );
}

#[test]
fn handles_are_found() {
    let text = "view! { <a data-testid=\"home-send\"/> <Field testid=\"send-to\"/> <b data-testid=if x { \"a-b\" } else { \"c-d\" }> } // testid=\"not-this\"";
    let found = handles(&[SourceFile::example("ui/src/a.rs", text)]);
    assert_eq!(found, BTreeSet::from(["a-b", "c-d", "home-send", "send-to"].map(str::to_owned)));
    assert_eq!(render(&found).matches("\n## ").count(), 4);
    super::expect_found(&check_handles(&BTreeSet::from(["Send".to_owned()])), "`Send`");
}
