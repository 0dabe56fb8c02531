//! `cargo xtask bench`: `umbel bench` in a release build, with its table written into the README.

use crate::process::{cargo, output, run};
use crate::{Result, workspace};
use clap::Args;
use std::fs;
use std::process::{Command, Stdio};

/// What stands around the table in the README.
const MARKERS: [&str; 2] = ["<!-- bench -->", "<!-- /bench -->"];

/// Arguments of `cargo xtask bench`.
#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// Passed on to `umbel bench`, and nothing is written; without any, all run and the README gets their table
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

/// `cargo xtask bench`.
pub(crate) fn command(args: &BenchArgs) -> Result<()> {
    run(&mut cargo(&["build", "--release", "--package", "umbel-node", "--bin", "umbel"]))?;
    let program = workspace::target_dir().join("release").join(format!("umbel{}", std::env::consts::EXE_SUFFIX));
    let mut bench = Command::new(program);
    bench.arg("bench").stdin(Stdio::null());
    if !args.args.is_empty() {
        return run(bench.args(&args.args));
    }
    let measured = bench.arg("--markdown").stderr(Stdio::inherit()).output()?;
    if !measured.status.success() {
        return Err(format!("`umbel bench` ended with {}", measured.status).into());
    }
    let table = String::from_utf8(measured.stdout)?;
    println!("{table}");
    let readme = workspace::root().join("README.md");
    let text = fs::read_to_string(&readme)?;
    let section = format!("{}\n\n{}", machine(), table.trim_end());
    Ok(fs::write(readme, between_markers(&text, &section).ok_or("README.md has no markers for the table")?)?)
}

/// The machine in one sentence: a figure without it says nothing.
fn machine() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").ok().and_then(|info| {
        let line = info.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    });
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let date = output("date", &["-u", "+%F"]).unwrap_or_default();
    format!("Measured on {date}: {}, {cores} cores, release build.", cpu.as_deref().unwrap_or(std::env::consts::ARCH))
}

fn between_markers(text: &str, section: &str) -> Option<String> {
    let [begin, end] = MARKERS;
    let (before, rest) = text.split_once(begin)?;
    let (_, after) = rest.split_once(end)?;
    Some(format!("{before}{begin}\n{section}\n{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::between_markers;

    #[test]
    fn only_what_is_between_the_markers_changes() {
        let text = "# A\n<!-- bench -->\nold\n<!-- /bench -->\nz\n";
        let new = "# A\n<!-- bench -->\nnew\n<!-- /bench -->\nz\n";
        assert_eq!(between_markers(text, "new").as_deref(), Some(new));
        assert_eq!(between_markers("# A", "new"), None);
    }
}
