//! The end-to-end runner: one story, told in the real window and in Chromium.
//!
//! ## What it answers for
//! - a display, a session bus, drivers and a data folder of its own for each view, and their end, also when the runner
//!   is killed;
//! - the story a person lives through, step by step, through nothing but `data-testid` handles;
//! - pictures of every page in both themes.
//!
//! ## What it must never do
//! - sleep to wait for something: every wait polls a condition up to a deadline;
//! - pass without a window: the app's view needs the app's own webview and its bridge.
//!
//! ## Flow
//! `main.rs` → [`launch`] a [`view::View`] → [`story`] → [`pages`] → [`page::Page`].

mod desktop;
mod drivers;
mod janitor;
mod launch;
mod page;
mod pages;
mod process;
mod story;
mod view;

use clap::Parser;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;
use view::View;

/// Result of a step: the error is text for the person who reads the log.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

#[derive(Debug, Parser)]
#[command(name = "umbel-e2e", about = "Drives Umbel in its window and in Chromium")]
struct Args {
    /// The app
    #[arg(long)]
    app: PathBuf,
    /// The command line program, which serves the page to Chromium
    #[arg(long)]
    umbel: PathBuf,
    /// The UI bundle
    #[arg(long)]
    ui: PathBuf,
    /// Where the pictures go
    #[arg(long)]
    screens: PathBuf,
    /// Only this view
    #[arg(long)]
    only: Option<String>,
    /// Only what a picture of every page needs
    #[arg(long)]
    screens_only: bool,
}

fn main() -> ExitCode {
    // Before the arguments are checked: the janitor gets none but its own.
    if let Some((mark, folder)) = janitor::requested() {
        return janitor::wait_and_clean(&mark, &folder);
    }
    let args = Args::parse();
    let views: Vec<View> =
        View::ALL.into_iter().filter(|v| args.only.as_ref().is_none_or(|o| *o == v.name())).collect();
    if views.is_empty() {
        say(&format!("there is no such view; there are: {}", View::ALL.map(View::name).join(", ")));
        return ExitCode::FAILURE;
    }
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            say(&format!("no runtime: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let (mut passed, mut failed) = (0, 0);
    for view in views {
        let start = Instant::now();
        say(&format!("\n-- {}", view.name()));
        let told = runtime.block_on(story::tell(view, &args));
        let seconds = start.elapsed().as_secs();
        match told {
            Ok(()) => {
                passed += 1;
                say(&format!("-- {} passed after {seconds} s", view.name()));
            }
            Err(error) => {
                failed += 1;
                say(&format!("-- {} FAILED after {seconds} s: {error}", view.name()));
            }
        }
    }
    say(&format!("\ne2e: {passed} passed, {failed} failed"));
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// One line of the log.
#[expect(clippy::print_stdout, reason = "this program's output is its report")]
pub(crate) fn say(line: &str) {
    println!("{line}");
}
