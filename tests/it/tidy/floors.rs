//! The floors of ARCHITECTURE.md: dependencies go down, never sideways.

use super::manifests::{self, Manifest};
use super::source::{self, SourceFile, has_word, read};
use std::collections::BTreeMap;

/// Crates beside the house: nothing depends on them.
const OUTSIDE: [&str; 3] = ["umbel-fuzz", "umbel-tests", "xtask"];
/// What the UI may use of the node's crates: it runs in a browser.
const UI_MAY_USE: [&str; 3] = ["umbel-api", "umbel-types", "umbel-forge"];

/// Crate name → floor, from the fenced table below "Floors": lines such as `F2  umbel-dag │ umbel-ledger`.
pub(super) fn parse(architecture: &str) -> BTreeMap<String, u8> {
    let mut floors = BTreeMap::new();
    for line in architecture.lines() {
        let Some((digit, names)) = line.strip_prefix('F').and_then(|rest| rest.split_once(' ')) else {
            continue;
        };
        let Ok(floor) = digit.parse::<u8>() else { continue };
        for name in names.split(|c: char| !(c.is_alphanumeric() || c == '-')).filter(|w| w.starts_with("umbel-")) {
            floors.insert(name.to_owned(), floor);
        }
    }
    floors
}

/// The floors of this repository.
pub(super) fn of_repository() -> BTreeMap<String, u8> {
    let floors = parse(&read("ARCHITECTURE.md"));
    assert!(floors.len() > 5, "ARCHITECTURE.md has no table of floors");
    floors
}

/// Crates without a floor, entries without a crate, dependencies that go up or sideways.
fn check_floors(floors: &BTreeMap<String, u8>, manifests: &[Manifest]) -> Vec<String> {
    let mut findings = Vec::new();
    for manifest in manifests.iter().filter(|m| !OUTSIDE.contains(&m.name.as_str())) {
        let Some(own) = floors.get(&manifest.name) else {
            findings.push(format!("{} has no floor in ARCHITECTURE.md", manifest.name));
            continue;
        };
        for dependency in &manifest.dependencies {
            if OUTSIDE.contains(&dependency.as_str()) {
                findings.push(format!("{} depends on {dependency}", manifest.name));
            }
            if floors.get(dependency).is_some_and(|below| below >= own) {
                findings.push(format!("{} (F{own}) depends on {dependency} (F{})", manifest.name, floors[dependency]));
            }
            if manifest.name == "umbel-ui"
                && floors.contains_key(dependency)
                && !UI_MAY_USE.contains(&dependency.as_str())
            {
                findings.push(format!("umbel-ui may use {UI_MAY_USE:?}, not {dependency}"));
            }
        }
    }
    for name in floors.keys().filter(|name| !manifests.iter().any(|m| m.name == **name)) {
        findings.push(format!("ARCHITECTURE.md has a floor for {name}, which is no crate"));
    }
    findings
}

/// A pattern that must not stand in the code of some floors.
struct Ban {
    /// Highest floor it holds for.
    up_to: u8,
    /// As written, without spaces.
    pattern: &'static str,
    /// A whole identifier, or any text.
    whole_word: bool,
    why: &'static str,
}

const BANS: [Ban; 14] = [
    Ban { up_to: 3, pattern: "f32", whole_word: true, why: "integers only: nodes must agree" },
    Ban { up_to: 3, pattern: "f64", whole_word: true, why: "integers only: nodes must agree" },
    Ban {
        up_to: 4,
        pattern: ".unwrap()",
        whole_word: false,
        why: "return the error, or say with expect why it cannot fail",
    },
    Ban {
        up_to: 4,
        pattern: "unwrap_or_default",
        whole_word: true,
        why: "a failure must not become an ordinary value",
    },
    Ban { up_to: 2, pattern: "HashMap", whole_word: true, why: "its order differs from run to run" },
    Ban { up_to: 2, pattern: "HashSet", whole_word: true, why: "its order differs from run to run" },
    Ban { up_to: 4, pattern: "DashMap", whole_word: true, why: "one writer; readers take snapshots" },
    Ban { up_to: 4, pattern: "Arc<RwLock<HashMap", whole_word: false, why: "one writer; readers take snapshots" },
    Ban { up_to: 2, pattern: "SystemTime", whole_word: true, why: "no clock: time is passed in" },
    Ban { up_to: 2, pattern: "Instant", whole_word: true, why: "no clock: time is passed in" },
    Ban { up_to: 2, pattern: "thread_rng", whole_word: true, why: "randomness is passed in" },
    Ban { up_to: 2, pattern: "OsRng", whole_word: true, why: "randomness is passed in" },
    Ban { up_to: 4, pattern: "process::exit", whole_word: false, why: "a library returns errors" },
    Ban { up_to: 2, pattern: "tokio", whole_word: true, why: "the core is synchronous" },
];

/// Rates and estimates on their way to a screen: nothing is decided by them, so that umbel-api may carry floats.
const SHOWS_ONLY: &str = "node-core/api/";

/// Code that its floor forbids.
fn check_code(floor: u8, file: &SourceFile) -> Vec<String> {
    let code = file.code();
    let mut findings = Vec::new();
    for (i, line) in code.lines().enumerate() {
        let dense: String = line.chars().filter(|c| !c.is_whitespace()).collect();
        for ban in BANS.iter().filter(|ban| floor <= ban.up_to) {
            if file.path.starts_with(SHOWS_ONLY) && matches!(ban.pattern, "f32" | "f64") {
                continue;
            }
            let found = if ban.whole_word { has_word(line, ban.pattern) } else { dense.contains(ban.pattern) };
            if found {
                findings.push(format!("{}:{}: `{}` on F{floor}: {}", file.path, i + 1, ban.pattern, ban.why));
            }
        }
    }
    findings
}

/// Crates whose types carry no text: an id is bytes with a length.
const NO_TEXT_FIELDS: [&str; 3] = ["node-core/types/", "node-core/dag/", "node-core/ledger/"];

/// Files inside them that read and write a format for people, whose ids are text.
const TEXT_FORMATS: [&str; 1] = ["node-core/dag/src/replay/mod.rs"];

/// `String` inside a struct or enum. An error may carry the words of a lower layer: they are for people.
fn check_text_fields(file: &SourceFile) -> Vec<String> {
    let code = file.code();
    let mut findings = Vec::new();
    let (mut depth, mut is_error): (Option<usize>, bool) = (None, false);
    for (i, line) in code.lines().enumerate() {
        let starts = has_word(line, "struct") || has_word(line, "enum");
        let in_error = is_error && depth.is_some();
        if (starts || depth.is_some()) && !in_error && has_word(line, "String") && !line.contains("fn ") {
            findings.push(format!("{}:{}: a `String` field: use a type with a length", file.path, i + 1));
        }
        if starts && line.contains('{') {
            is_error = line.contains("Error");
            depth = Some(0);
        }
        if let Some(open) = depth {
            let open = open + line.matches('{').count();
            let closed = line.matches('}').count();
            depth = (open > closed).then(|| open - closed);
        }
    }
    findings
}

/// Crate roots without the header of the style guide.
fn check_header(file: &SourceFile) -> Vec<String> {
    let header: String = file.text.lines().take_while(|line| line.starts_with("//!")).collect::<Vec<_>>().join("\n");
    ["## What it answers for", "## What it must never do"]
        .iter()
        .filter(|heading| !header.contains(*heading))
        .map(|heading| format!("{}: its header has no `{heading}`", file.path))
        .collect()
}

/// Source files of the crates with a floor, with that floor.
fn sources() -> Vec<(u8, SourceFile)> {
    let floors = of_repository();
    let crates: Vec<(String, u8)> = manifests::all()
        .iter()
        .filter_map(|m| Some((format!("{}/src/", m.folder), *floors.get(&m.name)?)))
        .filter(|(folder, _)| folder.starts_with("node-core/"))
        .collect();
    source::files(&["rs"])
        .into_iter()
        .filter(|file| !file.is_test())
        .filter_map(|file| {
            let floor = crates.iter().find(|(folder, _)| file.path.starts_with(folder)).map(|(_, floor)| *floor)?;
            Some((floor, file))
        })
        .collect()
}

#[test]
fn dependencies_go_down() {
    super::expect_none(&check_floors(&of_repository(), &manifests::all()));
    let floors = parse("```\nF4  umbel-wallet │ umbel-miner\nF6  umbel-ui\nF0  umbel-types\n```");
    let manifest = |name: &str, dependency: &str| {
        Manifest::parse("x", &format!("[package]\nname = \"{name}\"\n[dependencies]\n{dependency}.workspace = true"))
    };
    super::expect_none(&check_floors(
        &parse("F4 umbel-wallet\nF0 umbel-types"),
        &[manifest("umbel-wallet", "umbel-types"), manifest("umbel-types", "serde")],
    ));
    super::expect_found(&check_floors(&floors, &[manifest("umbel-wallet", "umbel-miner")]), "umbel-miner (F4)");
    super::expect_found(&check_floors(&floors, &[manifest("umbel-types", "umbel-wallet")]), "umbel-wallet (F4)");
    super::expect_found(&check_floors(&floors, &[manifest("umbel-ui", "umbel-wallet")]), "umbel-ui may use");
    super::expect_found(&check_floors(&floors, &[manifest("umbel-new", "serde")]), "umbel-new has no floor");
    super::expect_found(&check_floors(&floors, &[]), "which is no crate");
}

#[test]
fn code_keeps_to_its_floor() {
    let findings: Vec<String> = sources().iter().flat_map(|(floor, file)| check_code(*floor, file)).collect();
    super::expect_none(&findings);
    for ban in &BANS {
        let file = SourceFile::example("node-core/x/src/lib.rs", &format!("fn f() {{ a{} }}", spaced(ban.pattern)));
        super::expect_found(&check_code(ban.up_to, &file), ban.pattern);
        super::expect_none(&check_code(ban.up_to + 1, &file));
    }
    let tests = "#[cfg(test)]\nmod tests {\n fn f() { x.unwrap(); }\n}\n";
    super::expect_none(&check_code(0, &SourceFile::example("node-core/x/src/lib.rs", tests)));
}

/// The pattern as code could have it: after a space, unless it goes on from what stands before.
fn spaced(pattern: &str) -> String {
    if pattern.starts_with('.') { pattern.to_owned() } else { format!(" {pattern}") }
}

#[test]
fn rule_types_hold_no_text() {
    let findings: Vec<String> = sources()
        .iter()
        .filter(|(_, file)| NO_TEXT_FIELDS.iter().any(|folder| file.path.starts_with(folder)))
        .filter(|(_, file)| !TEXT_FORMATS.contains(&file.path.as_str()))
        .flat_map(|(_, file)| check_text_fields(file))
        .collect();
    super::expect_none(&findings);
    let bad = "pub struct Block {\n    pub id: Hash,\n    pub parents: Vec<String>,\n}\n\nfn name() -> String {\n    String::new()\n}\n";
    let findings = check_text_fields(&SourceFile::example("a.rs", bad));
    super::expect_found(&findings, "a.rs:3");
    assert_eq!(findings.len(), 1, "{findings:?}");
    super::expect_found(&check_text_fields(&SourceFile::example("a.rs", "struct Id(String);")), "a.rs:1");
}

#[test]
fn crates_say_what_they_are() {
    let mut findings = Vec::new();
    for manifest in manifests::all() {
        let folder = if manifest.folder.is_empty() { "src-tauri".to_owned() } else { manifest.folder.clone() };
        let roots = [format!("{folder}/src/lib.rs"), format!("{folder}/src/main.rs"), format!("{folder}/it/main.rs")];
        let present = roots.iter().find(|path| source::root().join(path).is_file());
        match present {
            Some(path) if manifest.name != "xtask" && manifest.name != "umbel-tests" => {
                findings.extend(check_header(&SourceFile::example(path, &read(path))));
            }
            Some(_) => {}
            None => findings.push(format!("{}: no lib.rs or main.rs", manifest.name)),
        }
    }
    super::expect_none(&findings);
    let bad = SourceFile::example("x/src/lib.rs", "//! A crate.\n\nfn f() {}\n//! ## What it answers for");
    super::expect_found(&check_header(&bad), "What it answers for");
}
