//! Checks capabilities and permissions, and embeds `tauri.conf.json`.

use std::path::Path;
use tauri_build::{AppManifest, Attributes, try_build};

const CAPABILITIES: &str = "src-tauri/capabilities";
const PERMISSIONS: &str = "src-tauri/permissions";
const UI: &str = "target/ui";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for path in [CAPABILITIES, PERMISSIONS, UI] {
        println!("cargo:rerun-if-changed={path}");
    }
    if std::env::var_os("CARGO_FEATURE_CUSTOM_PROTOCOL").is_some() && !Path::new(UI).join("index.html").is_file() {
        return Err("there is no UI to embed in target/ui: run `cargo xtask ui` first".into());
    }
    // The folder must exist for any build; a check or a lint needs nothing in it.
    std::fs::create_dir_all(UI)?;
    let manifest = AppManifest::new().permissions_path_pattern("src-tauri/permissions/**/*");
    try_build(Attributes::new().capabilities_path_pattern("src-tauri/capabilities/**/*").app_manifest(manifest))?;
    Ok(())
}
