//! `cargo xtask run`: the app on its own devnet, in a window or on a loopback page.

use crate::process::{cargo, run, turn_into};
use crate::{Result, setup, ui, workspace};
use clap::Args;
use std::path::PathBuf;
use std::process::Command;

/// Profile of the app for use: optimised, but built in minutes.
const PROFILE: &str = "app";

/// Arguments of `cargo xtask run`.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Serve the page on loopback and print its address, instead of a window
    #[arg(long)]
    web: bool,
    /// Where wallets and chain are kept; without it the app's own folder
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

/// `cargo xtask run`.
pub(crate) fn command(args: &RunArgs) -> Result<()> {
    let web = args.web || !has_display();
    if web && !args.web {
        println!("no display here: serving the page instead of opening a window");
    }
    setup::ensure(if web { setup::Purpose::Web } else { setup::Purpose::Run })?;
    ui::build()?;
    if web { serve(args) } else { open_window(args) }
}

fn has_display() -> bool {
    cfg!(not(target_os = "linux"))
        || ["DISPLAY", "WAYLAND_DISPLAY"]
            .iter()
            .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

fn open_window(args: &RunArgs) -> Result<()> {
    run(&mut cargo(&["build", "--profile", PROFILE, "--package", "umbel-app", "--features", "custom-protocol"]))?;
    start(Command::new(built("umbel-app")), args)
}

fn serve(args: &RunArgs) -> Result<()> {
    run(&mut cargo(&["build", "--profile", PROFILE, "--package", "umbel-node", "--bin", "umbel"]))?;
    let mut node = Command::new(built("umbel"));
    node.args(["node", "run", "--ui"]).arg(workspace::ui_dist());
    start(node, args)
}

fn start(mut command: Command, args: &RunArgs) -> Result<()> {
    if let Some(dir) = &args.data_dir {
        command.arg("--data-dir").arg(dir);
    }
    turn_into(command)
}

fn built(name: &str) -> PathBuf {
    workspace::target_dir().join(PROFILE).join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}
