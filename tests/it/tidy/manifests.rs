//! What the manifests say: members, dependencies, lints.

use super::source::{read, root};
use std::collections::BTreeMap;
use toml::{Table, Value};

/// One crate of the workspace.
#[derive(Debug, Clone)]
pub(super) struct Manifest {
    /// Package name.
    pub(super) name: String,
    /// Folder from the root; empty for the root package.
    pub(super) folder: String,
    /// Names of what it links: normal and build dependencies, not those of its tests.
    pub(super) dependencies: Vec<String>,
    /// Its lint tables.
    pub(super) lints: Table,
}

impl Manifest {
    /// Reads one manifest's text.
    pub(super) fn parse(folder: &str, text: &str) -> Self {
        let table: Table = text.parse().unwrap_or_else(|e| panic!("{folder}/Cargo.toml: {e}"));
        let name = table["package"]["name"].as_str().expect("a package has a name").to_owned();
        let mut dependencies = Vec::new();
        collect(&table, &mut dependencies);
        if let Some(Value::Table(targets)) = table.get("target") {
            for target in targets.values().filter_map(Value::as_table) {
                collect(target, &mut dependencies);
            }
        }
        let lints = table.get("lints").and_then(Value::as_table).cloned().unwrap_or_default();
        Self { name, folder: folder.to_owned(), dependencies, lints }
    }
}

fn collect(table: &Table, dependencies: &mut Vec<String>) {
    for kind in ["dependencies", "build-dependencies"] {
        if let Some(Value::Table(entries)) = table.get(kind) {
            for (key, value) in entries {
                let renamed = value.get("package").and_then(Value::as_str);
                dependencies.push(renamed.unwrap_or(key).to_owned());
            }
        }
    }
}

/// All members of the workspace.
pub(super) fn all() -> Vec<Manifest> {
    let workspace: Table = read("Cargo.toml").parse().expect("the root manifest is TOML");
    let members = workspace["workspace"]["members"].as_array().expect("the workspace lists its members");
    members
        .iter()
        .map(|member| {
            let folder = member.as_str().expect("a member is a path").trim_start_matches('.');
            let path = if folder.is_empty() { "Cargo.toml".to_owned() } else { format!("{folder}/Cargo.toml") };
            Manifest::parse(folder, &read(&path))
        })
        .collect()
}

/// Crates that alone may name a dependency.
const OWNERS: [(&str, &[&str]); 10] = [
    ("redb", &["umbel-store"]),
    ("sled", &["umbel-store"]),
    ("libp2p", &["umbel-p2p"]),
    ("wasmi", &["umbel-vm"]),
    ("tauri", &["umbel-app", "umbel-mobile"]),
    ("tauri-build", &["umbel-app", "umbel-mobile"]),
    ("axum", &["umbel-node"]),
    ("keyring", &["umbel-wallet"]),
    ("leptos", &["umbel-ui"]),
    ("wasm-bindgen-cli-support", &["xtask"]),
];

/// Heavy dependencies outside the crate that owns them; untyped errors in the node's crates.
fn check_owners(manifests: &[Manifest]) -> Vec<String> {
    let mut findings = Vec::new();
    for manifest in manifests {
        for dependency in &manifest.dependencies {
            let owners = OWNERS.iter().find(|(name, _)| name == dependency);
            if let Some((_, owners)) = owners.filter(|(_, owners)| !owners.contains(&manifest.name.as_str())) {
                findings.push(format!("{} names {dependency}, which belongs to {owners:?}", manifest.name));
            }
            if manifest.folder.starts_with("node-core/") && matches!(dependency.as_str(), "anyhow" | "eyre") {
                findings.push(format!("{}: libraries return typed errors, not {dependency}", manifest.name));
            }
        }
    }
    findings
}

/// Lints that a program which talks to a person may leave out.
const PRINT_LINTS: [&str; 2] = ["print_stdout", "print_stderr"];

/// Crates whose lints differ from the workspace's. Only xtask may have its own block, the same but for printing.
fn check_lints(workspace: &Table, manifests: &[Manifest]) -> Vec<String> {
    let mut findings = Vec::new();
    for manifest in manifests {
        if manifest.lints.get("workspace").and_then(Value::as_bool) == Some(true) {
            continue;
        }
        if manifest.name != "xtask" {
            findings.push(format!("{}: [lints] workspace = true is missing", manifest.name));
            continue;
        }
        let mut wanted = workspace.clone();
        if let Some(Value::Table(clippy)) = wanted.get_mut("clippy") {
            for lint in PRINT_LINTS {
                clippy.remove(lint);
            }
        }
        if wanted != manifest.lints {
            findings.push(format!("{}: its lints are not the workspace's without printing", manifest.name));
        }
    }
    findings
}

fn workspace_lints() -> Table {
    let table: Table = read("Cargo.toml").parse().expect("the root manifest is TOML");
    table["workspace"]["lints"].as_table().expect("the workspace has lints").clone()
}

/// Advisories that are ignored without a reason.
fn check_ignored_advisories(deny: &Table) -> Vec<String> {
    let ignored = deny.get("advisories").and_then(|a| a.get("ignore")).and_then(Value::as_array);
    ignored
        .into_iter()
        .flatten()
        .filter(|entry| entry.get("reason").and_then(Value::as_str).is_none_or(str::is_empty))
        .map(|entry| format!("deny.toml ignores {entry:?} without a reason"))
        .collect()
}

/// Names of the workspace dependencies that no member uses.
fn check_unused(declared: &Table, manifests_text: &BTreeMap<String, String>) -> Vec<String> {
    declared
        .keys()
        .filter(|name| !manifests_text.values().any(|text| uses(text, name)))
        .map(|name| format!("[workspace.dependencies] {name} is used by no crate"))
        .collect()
}

fn uses(manifest: &str, name: &str) -> bool {
    manifest.lines().map(str::trim_start).any(|line| {
        line.strip_prefix(name).is_some_and(|rest| rest.starts_with('.') || rest.trim_start().starts_with('='))
    })
}

#[test]
fn heavy_dependencies_have_one_owner() {
    super::expect_none(&check_owners(&all()));
    let bad = Manifest::parse(
        "node-core/dag",
        "[package]\nname = \"umbel-dag\"\n[dependencies]\nredb = \"1\"\nanyhow = \"1\"\n[target.'cfg(unix)'.dependencies]\nbig = { package = \"libp2p\", version = \"1\" }",
    );
    let findings = check_owners(&[bad]);
    super::expect_found(&findings, "redb");
    super::expect_found(&findings, "libp2p");
    super::expect_found(&findings, "anyhow");
}

#[test]
fn lints_are_the_workspaces() {
    super::expect_none(&check_lints(&workspace_lints(), &all()));
    let none = Manifest::parse("ui", "[package]\nname = \"umbel-ui\"\n");
    super::expect_found(&check_lints(&workspace_lints(), &[none]), "umbel-ui");
    let weak = Manifest::parse("xtask", "[package]\nname = \"xtask\"\n[lints.clippy]\ntodo = \"allow\"\n");
    super::expect_found(&check_lints(&workspace_lints(), &[weak]), "xtask");
}

#[test]
fn ignored_advisories_have_reasons() {
    super::expect_none(&check_ignored_advisories(&read("deny.toml").parse().expect("deny.toml is TOML")));
    let bad = "[advisories]\nignore = [\"RUSTSEC-2020-0001\"]".parse().expect("an example is TOML");
    super::expect_found(&check_ignored_advisories(&bad), "RUSTSEC-2020-0001");
}

#[test]
fn declared_dependencies_are_used() {
    let mut texts = BTreeMap::new();
    for manifest in all().iter().filter(|m| !m.folder.is_empty()) {
        texts.insert(manifest.name.clone(), read(&format!("{}/Cargo.toml", manifest.folder)));
    }
    let workspace: Table = read("Cargo.toml").parse().expect("the root manifest is TOML");
    let root_package = read("Cargo.toml").split("\n[package]").nth(1).unwrap_or_default().to_owned();
    texts.insert("root".to_owned(), root_package);
    let declared = workspace["workspace"]["dependencies"].as_table().expect("the workspace declares dependencies");
    super::expect_none(&check_unused(declared, &texts));
    let idle: Table = "idle = \"1\"".parse().expect("an example is TOML");
    super::expect_found(&check_unused(&idle, &texts), "idle");
    assert!(root().is_dir());
}
