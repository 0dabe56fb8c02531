//! `cargo xtask test`: everything CI runs.

use crate::process::cargo;
use crate::tally;
use crate::{Result, check, e2e, fuzz, setup, ui, workspace};
use clap::Args;
use std::time::Instant;

/// Arguments of `cargo xtask test`.
#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    /// Leave the end-to-end run out
    #[arg(long)]
    no_e2e: bool,
    /// Leave fuzzing out
    #[arg(long)]
    no_fuzz: bool,
}

/// `cargo xtask test`.
pub(crate) fn command(args: &TestArgs) -> Result<()> {
    let start = Instant::now();
    setup::ensure(setup::Purpose::Test)?;
    let mut tally = check::all()?;
    // The app embeds the UI.
    tally += tally::one(ui::build());
    // The command line tests and the end-to-end run start programs that no test target builds by itself.
    let built = tally::step(cargo(&["build", "--bins", "--tests"]).args(workspace::SELECTION));
    tally += built;
    let profile = if std::env::var_os("CI").is_some() { "ci" } else { "default" };
    let nextest = ["nextest", "run", "--profile", profile, "--no-tests", "pass"];
    tally += tally::count(cargo(&nextest).args(workspace::SELECTION))?;
    tally += tally::count(cargo(&nextest).args(["--package", "umbel-ui"]))?;
    tally += tally::count(cargo(&["test", "--doc"]).args(workspace::SELECTION))?;
    if !args.no_fuzz {
        tally += fuzz::all();
    }
    if !args.no_e2e && built.failed == 0 {
        tally += e2e::drive(e2e::Scope::Story, None)?;
    }
    println!("\nafter {} s", start.elapsed().as_secs());
    tally::report(tally)
}
