//! The task runner of the repository: `cargo xtask <command>`.
//!
//! ## What it answers for
//! - one place for every step a person or CI takes: set up, build, run, test;
//! - saying what it installs before it does, and installing nothing that is there.
//!
//! ## Flow
//! `main.rs` parses → [`setup`] provides what the command needs → the command's own file does it.
//!
//! ## Errors
//! One boxed error with its context, printed as one line; the exit code is non-zero.

mod bench;
mod check;
mod e2e;
mod fuzz;
mod process;
mod run;
mod setup;
mod sim;
mod tally;
mod test;
mod ui;
mod wasm;
mod workspace;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Result of every task: an error is text for a person, never matched on.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask",
    about = "Sets up, builds, runs and tests Umbel",
    after_help = "Two commands are enough for most days:\n  cargo xtask run     set up what is missing and open the app on its own devnet\n  cargo xtask test    set up what is missing and run everything CI runs"
)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Check what is missing on this machine, print it, install it
    Setup(setup::SetupArgs),
    /// Build the UI and the app and open it on the embedded devnet
    Run(run::RunArgs),
    /// Build the UI bundle into target/ui
    Ui,
    /// Everything CI runs: check, all tests, UI, end-to-end
    Test(test::TestArgs),
    /// Drive the app in its real window and in Chromium
    E2e(e2e::E2eArgs),
    /// Only the pictures of the end-to-end run, into target/screens
    Screens(e2e::E2eArgs),
    /// Formatting, lints, repository rules, dependency rules
    Check,
    /// Benchmarks (those of `umbel bench`)
    Bench(bench::BenchArgs),
    /// The network in virtual time, under attack (`umbel sim`)
    Sim(sim::SimArgs),
    /// Fuzzing: every decoder and verifier with libFuzzer
    Fuzz(fuzz::FuzzArgs),
}

fn main() -> ExitCode {
    let done = match Cli::parse().task {
        Task::Setup(args) => setup::command(&args),
        Task::Run(args) => run::command(&args),
        Task::Ui => ui::command(),
        Task::Test(args) => test::command(&args),
        Task::E2e(args) => e2e::command(&args, e2e::Scope::Story),
        Task::Screens(args) => e2e::command(&args, e2e::Scope::Screens),
        Task::Check => check::command(),
        Task::Bench(args) => bench::command(&args),
        Task::Sim(args) => sim::command(&args),
        Task::Fuzz(args) => fuzz::command(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The count of tests stays the last line.
            if !error.is::<tally::Reported>() {
                eprintln!("error: {error}");
            }
            ExitCode::FAILURE
        }
    }
}
