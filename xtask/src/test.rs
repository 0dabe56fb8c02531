//! `cargo xtask test`: everything CI runs.

use crate::process::cargo;
use crate::tally;
use crate::{Result, check, e2e, fuzz, setup, sim, ui, workspace};
use clap::Args;
use std::process::Command;
use std::time::Instant;

/// Variables that make tests run longer, and their values under `--long`: each adds minutes on two cores, and no test
/// comes near the hour after which the profile `long` ends it.
const LONG: [(&str, &str); 11] = [
    ("UMBEL_DAG_CASES", "1000000"),
    ("UMBEL_PRUNING_CASES", "1"),
    ("UMBEL_LEDGER_CASES", "20000"),
    ("UMBEL_STAKE_CASES", "2000"),
    ("UMBEL_MEMPOOL_CASES", "50000"),
    ("UMBEL_KILL_ROUNDS", "50"),
    ("UMBEL_CRASH_ROUNDS", "1000"),
    ("UMBEL_FAULT_CASES", "8"),
    ("UMBEL_TORN_CASES", "100"),
    ("UMBEL_FLIP_CASES", "1000"),
    ("UMBEL_EVERY_BYTE", "1"),
];
/// Seconds for each target of the fuzzer under `--long`.
const LONG_FUZZ_SECONDS: u32 = 600;

/// Arguments of `cargo xtask test`.
#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    /// Leave the end-to-end run out
    #[arg(long)]
    no_e2e: bool,
    /// Leave fuzzing out
    #[arg(long)]
    no_fuzz: bool,
    /// Random tests with many more cases, every byte changed, 50 kills, ten minutes of fuzzing a target: hours
    #[arg(long)]
    long: bool,
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
    tally += tally::count(nextest(args.long).args(workspace::SELECTION))?;
    tally += tally::count(nextest(args.long).args(["--package", "umbel-ui"]))?;
    tally += tally::count(cargo(&["test", "--doc"]).args(workspace::SELECTION))?;
    if built.failed == 0 {
        tally += sim::all();
    }
    if !args.no_fuzz {
        tally += fuzz::all(if args.long { LONG_FUZZ_SECONDS } else { fuzz::CI_SECONDS });
    }
    if !args.no_e2e && built.failed == 0 {
        tally += e2e::drive(e2e::Scope::Story, None)?;
    }
    println!("\nafter {} s", start.elapsed().as_secs());
    tally::report(tally)
}

fn nextest(long: bool) -> Command {
    let profile = match (long, std::env::var_os("CI")) {
        (true, _) => "long",
        (false, Some(_)) => "ci",
        (false, None) => "default",
    };
    let mut nextest = cargo(&["nextest", "run", "--profile", profile, "--no-tests", "pass"]);
    if long {
        // Measurements are left out of other runs: they show figures and take their time.
        nextest.envs(LONG).args(["--run-ignored", "all"]);
    }
    nextest
}
