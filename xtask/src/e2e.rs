//! `cargo xtask e2e` and `screens`: the story of two wallets in the real window and in Chromium.

use crate::process::{cargo, run};
use crate::tally::{self, Tally};
use crate::{Result, setup, ui, workspace};
use clap::Args;
use std::process::Command;

/// Arguments of the end-to-end run.
#[derive(Debug, Args)]
pub(crate) struct E2eArgs {
    /// Only this view: window-1280x800, chromium-1280x800 or chromium-390x844
    #[arg(long)]
    only: Option<String>,
}

/// How much of the run is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The whole story, with pictures on the way.
    Story,
    /// The shortest way to a picture of every page.
    Screens,
}

/// `cargo xtask e2e`, `cargo xtask screens`.
pub(crate) fn command(args: &E2eArgs, scope: Scope) -> Result<()> {
    setup::ensure(setup::Purpose::E2e)?;
    ui::build()?;
    run(cargo(&["build", "--bins"]).args(workspace::SELECTION))?;
    let tally = drive(scope, args.only.as_deref())?;
    println!("\npictures: {}", workspace::screens_dir().display());
    tally::report(tally)
}

/// Runs the end-to-end runner; all that it needs is built.
pub(crate) fn drive(scope: Scope, only: Option<&str>) -> Result<Tally> {
    let built = workspace::target_dir().join("debug");
    let mut runner = Command::new(built.join("umbel-e2e"));
    runner.current_dir(workspace::root());
    runner.arg("--app").arg(built.join("umbel-app"));
    runner.arg("--umbel").arg(built.join("umbel"));
    runner.arg("--ui").arg(workspace::ui_dist());
    runner.arg("--screens").arg(workspace::screens_dir());
    if scope == Scope::Screens {
        runner.arg("--screens-only");
    }
    if let Some(view) = only {
        runner.args(["--only", view]);
    }
    tally::count(&mut runner)
}
