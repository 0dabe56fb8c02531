//! `cargo xtask test`: everything CI runs.

use crate::process::cargo;
use crate::tally;
use crate::{Result, check, e2e, setup, ui};
use clap::Args;
use std::time::Instant;

/// Arguments of `cargo xtask test`.
#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    /// Leave the end-to-end run out
    #[arg(long)]
    no_e2e: bool,
}

/// `cargo xtask test`.
pub(crate) fn command(args: &TestArgs) -> Result<()> {
    let start = Instant::now();
    setup::ensure(setup::Purpose::Test)?;
    let mut tally = check::all()?;
    // The command line tests start the `umbel` binary beside them.
    tally += tally::step(&mut cargo(&["build", "--package", "umbel-node", "--bin", "umbel"]));
    let profile = if std::env::var_os("CI").is_some() { "ci" } else { "default" };
    tally += tally::count(&mut cargo(&["nextest", "run", "--profile", profile, "--no-tests", "pass"]))?;
    tally += tally::count(&mut cargo(&["test", "--doc"]))?;
    tally += tally::one(ui::build());
    if !args.no_e2e {
        tally += e2e::run_counted(e2e::Scope::Story, None)?;
    }
    println!("\nafter {} s", start.elapsed().as_secs());
    tally::report(tally)
}
