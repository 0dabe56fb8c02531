//! `cargo xtask sim`: `umbel sim` in a release build, and what every test run runs of it.

use crate::process::{cargo, run};
use crate::tally::{self, Tally};
use crate::{Result, workspace};
use clap::Args;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Seeds of every scenario in a test run: more than fifty runs, in the build that the other tests use.
const CI_SEEDS: &str = "4";

/// Arguments of `cargo xtask sim`.
#[derive(Debug, Args)]
pub(crate) struct SimArgs {
    /// Passed on to `umbel sim`; without any, all scenarios run under fifty seeds
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

fn program(profile: &str) -> PathBuf {
    workspace::target_dir().join(profile).join(format!("umbel{}", std::env::consts::EXE_SUFFIX))
}

/// `cargo xtask sim`.
pub(crate) fn command(args: &SimArgs) -> Result<()> {
    run(&mut cargo(&["build", "--release", "--package", "umbel-node", "--bin", "umbel"]))?;
    let mut sim = Command::new(program("release"));
    sim.arg("sim").stdin(Stdio::null());
    if args.args.is_empty() { run(sim.args(["run", "all", "--seeds", "50"])) } else { run(sim.args(&args.args)) }
}

/// The runs of a test run; the program was built before.
pub(crate) fn all() -> Tally {
    tally::step(Command::new(program("debug")).args(["sim", "run", "all", "--seeds", CI_SEEDS]).stdin(Stdio::null()))
}
