//! The app's shell: one window, thin commands, the node inside.
//!
//! ## What it answers for
//! - the window, with network and "test coins" in its title;
//! - starting the node before the page can ask, and stopping it when the window is closed;
//! - one command a call of the API, grouped by area, without rules of its own.
//!
//! ## What it must never do
//! - decide anything about coins, blocks or keys: that is below umbel-api;
//! - load remote content or allow a command that `capabilities/main.json` does not list.

mod window;

use std::process::ExitCode;

/// Runs the app until its window is closed.
#[must_use]
pub fn run() -> ExitCode {
    let app = tauri::Builder::default()
        .setup(|app| {
            window::open(app.handle())?;
            Ok(())
        })
        .build(tauri::generate_context!());
    match app {
        Ok(app) => {
            app.run(|_app, _event| {});
            ExitCode::SUCCESS
        }
        Err(_) => ExitCode::FAILURE,
    }
}
