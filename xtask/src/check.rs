//! `cargo xtask check`: formatting, lints, repository rules, dependency rules.

use crate::process::cargo;
use crate::tally::{self, Tally, step};
use crate::{Result, setup, ui, workspace};
use std::process::Command;

/// `cargo xtask check`.
pub(crate) fn command() -> Result<()> {
    setup::ensure(setup::Purpose::Check)?;
    let mut tally = all()?;
    tally += tally::count(&mut cargo(&["test", "--package", "umbel-tests", "--test", "it", "tidy"]))?;
    println!();
    tally::report(tally)
}

/// Each check counts as one test. Cheap ones first; all run, so that one call shows everything.
pub(crate) fn all() -> Result<Tally> {
    let mut tally = Tally::default();
    tally += step(&mut cargo(&["fmt", "--all", "--", "--check"]));
    tally += step(&mut cargo(&["deny", "--all-features", "check", "bans", "licenses", "sources"]));
    let advisories = workspace::root().join("../shared/tools/advisories.sh");
    if advisories.is_file() {
        tally += step(Command::new(advisories).current_dir(workspace::root()));
    } else {
        println!("advisories: no local advisory database beside this checkout; not checked");
    }
    ui::prepare_dist()?;
    // On the host, the UI included: the same source compiles there, with its tests.
    let clippy = ["clippy", "--workspace", "--all-targets", "--features", "umbel-tests/e2e"];
    tally += step(cargo(&clippy).args(["--", "-D", "warnings"]));
    Ok(tally)
}
