//! Where things are: the repository root and the build folders.

use std::path::{Path, PathBuf};

/// What tests and the end-to-end run build, in one selection: Cargo unites features over it, so that each crate is
/// compiled once for all of them. The UI is not in it: it runs in a browser and has its own build.
pub(crate) const SELECTION: [&str; 5] =
    ["--workspace", "--exclude", "umbel-ui", "--features", "umbel-app/custom-protocol,umbel-tests/e2e"];

/// The repository root, the folder above this crate.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate lies one folder below the repository root")
}

/// Cargo's target folder: `CARGO_TARGET_DIR` when set from outside, else `target`.
pub(crate) fn target_dir() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR").filter(|dir| !dir.is_empty()) {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

/// The target folder of the UI's wasm build. Its own, so that a build of the app and one of the UI, which differ in
/// compiler and flags, never wait for one another.
pub(crate) fn wasm_target_dir() -> PathBuf {
    target_dir().join("wasm")
}

/// The target folder of the fuzzed program, its corpus and its findings. Its own: the flags differ.
pub(crate) fn fuzz_target_dir() -> PathBuf {
    target_dir().join("fuzz")
}

/// The finished UI. Always below the checkout: `tauri.conf.json` names it by a relative path.
pub(crate) fn ui_dist() -> PathBuf {
    root().join("target/ui")
}

/// Where pictures of the end-to-end run go.
pub(crate) fn screens_dir() -> PathBuf {
    root().join("target/screens")
}
