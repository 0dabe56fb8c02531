//! The compiler for wasm32: rustup's target, or Debian's compiler with its library source.

use crate::process::{cargo, output};
use crate::{Result, workspace};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The target of the UI.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";
/// Debian's compiler (package `rustc-web`).
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
/// Set to `debian` to use Debian's compiler even where rustup has the target; the fallback is tested so.
const CHOICE_VARIABLE: &str = "UMBEL_WASM_COMPILER";

/// How wasm32 is compiled on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WasmCompiler {
    /// The toolchain in use carries the target's library.
    Native,
    /// Debian's compiler builds the library from source; `linker` is the `rust-lld` of the toolchain in use.
    Debian { linker: PathBuf },
}

impl WasmCompiler {
    /// What is installed, rustup's target first.
    pub(crate) fn find() -> Option<Self> {
        let debian_wanted = std::env::var(CHOICE_VARIABLE).is_ok_and(|choice| choice == "debian");
        if !debian_wanted && has_native_target() {
            return Some(Self::Native);
        }
        let source = output(DEBIAN_RUSTC, &["--print", "sysroot"])?;
        if !Path::new(&source).join("lib/rustlib/src/rust/library/Cargo.lock").is_file() {
            return None;
        }
        let sysroot = PathBuf::from(output("rustc", &["--print", "sysroot"])?);
        let host = output("rustc", &["--print", "host-tuple"])?;
        let linker = sysroot.join("lib/rustlib").join(host).join("bin/rust-lld");
        linker.is_file().then_some(Self::Debian { linker })
    }

    /// A cargo call for the wasm target, with its own target folder.
    pub(crate) fn cargo(&self, args: &[&str]) -> Command {
        let mut command = cargo(args);
        command.args(["--target", TARGET]);
        command.arg("--target-dir").arg(workspace::wasm_target_dir());
        if let Self::Debian { linker } = self {
            command.arg("-Zbuild-std=std,panic_abort");
            command.env("RUSTC", DEBIAN_RUSTC).env("RUSTC_BOOTSTRAP", "1");
            command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
        }
        command
    }
}

/// The installed compiler, or what to do.
pub(crate) fn compiler() -> Result<WasmCompiler> {
    WasmCompiler::find().ok_or_else(|| "no compiler for wasm32: run `cargo xtask setup`".into())
}

fn has_native_target() -> bool {
    output("rustc", &["--print", "target-libdir", "--target", TARGET])
        .and_then(|dir| std::fs::read_dir(dir).ok())
        .is_some_and(|mut files| {
            files.any(|file| file.is_ok_and(|f| f.file_name().to_string_lossy().starts_with("libstd-")))
        })
}
