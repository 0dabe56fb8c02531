//! Running other programs.

use crate::{Result, workspace};
use std::ffi::OsStr;
use std::process::{Command, Stdio};

/// Variables that `cargo run` sets for this program and that must not reach a build with other flags or another
/// compiler.
const INHERITED_FROM_CARGO: [&str; 5] =
    ["RUSTUP_TOOLCHAIN", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTC", "CARGO_MANIFEST_DIR"];

/// Cargo tasks that resolve dependencies: in CI they must find `Cargo.lock` up to date.
const RESOLVES: [&str; 5] = ["build", "check", "clippy", "nextest", "test"];

/// A `cargo` call in the repository root, free of what the outer cargo set.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(workspace::root()).args(args);
    for name in INHERITED_FROM_CARGO {
        command.env_remove(name);
    }
    if std::env::var_os("CI").is_some() && args.first().is_some_and(|task| RESOLVES.contains(task)) {
        command.arg("--locked");
    }
    command
}

/// Runs to the end with the terminal passed through; anything but exit code 0 is an error that names the call.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let shown = describe(command);
    let status = command.stdin(Stdio::null()).status().map_err(|e| format!("cannot start `{shown}`: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("`{shown}` ended with {status}").into()) }
}

/// Goes on as another program, so that a signal meant for it reaches it; returns only where that fails.
#[cfg(unix)]
pub(crate) fn turn_into(mut command: Command) -> Result<()> {
    use std::os::unix::process::CommandExt;
    let error = command.stdin(Stdio::null()).exec();
    Err(format!("cannot start `{}`: {error}", describe(&command)).into())
}

/// Runs another program to its end.
#[cfg(not(unix))]
pub(crate) fn turn_into(mut command: Command) -> Result<()> {
    run(&mut command)
}

/// Standard output of a call that succeeded, or nothing.
pub(crate) fn output(program: &str, args: &[&str]) -> Option<String> {
    let mut command = Command::new(program);
    for name in INHERITED_FROM_CARGO {
        command.env_remove(name);
    }
    let output = command.args(args).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The file that a bare program name would start.
pub(crate) fn find_program(name: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file())
}

/// The call as a person would type it.
pub(crate) fn describe(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}
