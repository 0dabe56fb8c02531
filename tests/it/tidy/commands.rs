//! Commands of the app: thin, registered, allowed, bound in the UI, and calls of the API.

use super::source::{self, SourceFile, has_word, read};
use std::collections::BTreeMap;

/// Longest command, in lines: more would be a rule in the shell.
const MAX_COMMAND_LINES: usize = 25;
/// Commands that are no calls of the API: the channel of events.
const NOT_CALLS: [&str; 1] = ["events_subscribe"];

/// Everything the checks look at.
#[derive(Debug, Clone, Default)]
struct Shell {
    /// Files of `src-tauri/src`.
    rust: Vec<SourceFile>,
    /// All permission files, one after the other.
    permissions: String,
    /// The capability of the window.
    capability: String,
    /// The list of calls.
    api: String,
    /// Files of the UI's bindings, one after the other.
    bindings: String,
}

/// A command: its name and the number of its lines.
fn commands(file: &SourceFile) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    let code = file.code();
    let lines: Vec<&str> = code.lines().collect();
    for (i, line) in lines.iter().enumerate() {
        if !line.trim_start().starts_with("#[tauri::command") {
            continue;
        }
        let rest = &lines[i..];
        let name = rest.iter().find_map(|l| l.split_once("fn ")).map(|(_, name)| name);
        let name = name.and_then(|n| n.split(|c: char| !(c.is_alphanumeric() || c == '_')).next());
        let len = rest.iter().position(|l| l.starts_with('}')).unwrap_or(rest.len());
        if let Some(name) = name {
            found.insert(name.to_owned(), len);
        }
    }
    found
}

/// Command → type of the call, from the lines `"area" "name" method Call(…)` of the API's list.
fn calls(api: &str) -> BTreeMap<String, String> {
    let quoted = |word: &str| word.strip_prefix('"').and_then(|w| w.strip_suffix('"')).map(str::to_owned);
    api.lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let (area, name) = (quoted(words.next()?)?, quoted(words.next()?)?);
            let call = words.nth(1)?.split('(').next()?.to_owned();
            Some((format!("{area}_{name}"), call))
        })
        .collect()
}

fn check(shell: &Shell) -> Vec<String> {
    let mut findings = Vec::new();
    let calls = calls(&shell.api);
    let registered: String = shell
        .rust
        .iter()
        .filter_map(|file| file.text.split_once("generate_handler![").and_then(|(_, rest)| rest.split_once(']')))
        .map(|(list, _)| list)
        .collect();
    let mut names = Vec::new();
    for file in &shell.rust {
        for (name, lines) in commands(file) {
            let mut tell = |what: &str| findings.push(format!("{}: command {name} {what}", file.path));
            if lines > MAX_COMMAND_LINES {
                tell(&format!("has {lines} lines; {MAX_COMMAND_LINES} is the most"));
            }
            if !has_word(&registered, &name) {
                tell("is not registered");
            }
            if !shell.permissions.contains(&format!("\"{name}\"")) {
                tell("has no permission");
            }
            if !shell.capability.contains(&format!("\"allow-{}\"", name.replace('_', "-"))) {
                tell("is not in capabilities/main.json");
            }
            if !NOT_CALLS.contains(&name.as_str()) {
                let area = name.split('_').next().unwrap_or_default();
                if !file.path.ends_with(&format!("/commands/{area}.rs")) {
                    tell(&format!("belongs into commands/{area}.rs"));
                }
                match calls.get(&name) {
                    None => tell("is no call of the API"),
                    Some(call) if !has_word(&shell.bindings, call) && !has_word(&shell.bindings, &name) => {
                        tell("is not used by the UI: what nothing calls must not be callable");
                    }
                    Some(_) => {}
                }
            } else if !shell.bindings.contains(&name) {
                tell("is not used by the UI: what nothing calls must not be callable");
            }
            names.push(name);
        }
    }
    for (command, call) in &calls {
        if has_word(&shell.bindings, call) && !names.contains(command) {
            findings.push(format!("ui/src/ipc binds {call}, but there is no command {command}"));
        }
    }
    for allowed in quoted_after(&shell.permissions, "commands.allow") {
        if !names.contains(&allowed) {
            findings.push(format!("a permission allows {allowed}, which is no command"));
        }
    }
    findings
}

/// Every quoted text on lines that start with `key`.
fn quoted_after(text: &str, key: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| line.starts_with(key));
    lines.flat_map(|line| line.split('"').skip(1).step_by(2).map(str::to_owned)).collect()
}

fn of_repository() -> Shell {
    let below = |folder: &str, extension: &str| -> Vec<SourceFile> {
        source::files(&[extension]).into_iter().filter(|f| f.path.starts_with(folder)).collect()
    };
    let joined = |files: Vec<SourceFile>| files.iter().map(|f| f.text.as_str()).collect::<Vec<_>>().join("\n");
    Shell {
        rust: below("src-tauri/src/", "rs"),
        permissions: joined(below("src-tauri/permissions/", "toml")),
        capability: read("src-tauri/capabilities/main.json"),
        api: read("node-core/api/src/api_trait.rs"),
        bindings: below("ui/src/ipc/", "rs").iter().map(SourceFile::code_with_text).collect::<Vec<_>>().join("\n"),
    }
}

#[test]
fn commands_are_whole() {
    let shell = of_repository();
    assert!(!calls(&shell.api).is_empty(), "the API's list of calls can't be read");
    assert!(shell.rust.iter().any(|file| !commands(file).is_empty()), "the app has no commands");
    super::expect_none(&check(&shell));
}

#[test]
fn a_command_that_is_not_whole_is_found() {
    let good = Shell {
        rust: vec![
            SourceFile::example(
                "src-tauri/src/commands/wallet.rs",
                "#[tauri::command]\npub(crate) async fn wallet_list(\n) {\n    state.list()\n}\n",
            ),
            SourceFile::example("src-tauri/src/lib.rs", "generate_handler![commands::wallet::wallet_list,]"),
        ],
        permissions: "commands.allow = [\"wallet_list\"]".to_owned(),
        capability: "[\"allow-wallet-list\"]".to_owned(),
        api: "    \"wallet\" \"list\" wallet_list WalletList(Empty) -> wallet::WalletList;".to_owned(),
        bindings: "call::<WalletList>(Empty {})".to_owned(),
    };
    super::expect_none(&check(&good));

    let mut bad = good.clone();
    bad.rust[0].text.clear();
    super::expect_found(&check(&bad), "no command wallet_list");
    let mut bad = good.clone();
    bad.rust[1].text.clear();
    super::expect_found(&check(&bad), "not registered");
    let mut bad = good.clone();
    bad.permissions = "commands.allow = [\"wallet_gone\"]".to_owned();
    super::expect_found(&check(&bad), "has no permission");
    super::expect_found(&check(&bad), "wallet_gone, which is no command");
    let mut bad = good.clone();
    bad.capability.clear();
    super::expect_found(&check(&bad), "capabilities/main.json");
    let mut bad = good.clone();
    bad.api.clear();
    super::expect_found(&check(&bad), "no call of the API");
    let mut bad = good.clone();
    bad.bindings.clear();
    super::expect_found(&check(&bad), "not used by the UI");
    let mut bad = good.clone();
    bad.rust[0].path = "src-tauri/src/commands/node.rs".to_owned();
    super::expect_found(&check(&bad), "belongs into commands/wallet.rs");
    let mut bad = good;
    bad.rust[0].text = bad.rust[0].text.replace("    state.list()\n", &"    f();\n".repeat(MAX_COMMAND_LINES));
    super::expect_found(&check(&bad), "is the most");
}
