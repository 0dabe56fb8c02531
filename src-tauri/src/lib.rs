//! The app's shell: one window, thin commands, the node inside.
//!
//! ## What it answers for
//! - the window, with network and "test coins" in its title;
//! - starting the node beside the window, and stopping it within ten seconds when the window is closed;
//! - one command a call of the API, grouped by area, and the node's events by a channel.
//!
//! ## What it must never do
//! - decide anything about coins, blocks or keys: that is below umbel-api;
//! - load remote content, or allow a command that `capabilities/main.json` does not list.
//!
//! ## Flow
//! [`run`] → `state.rs` starts the node → `window.rs` → the page calls `commands/<area>.rs` → [`umbel_api::Api`].
//!
//! ## Errors
//! A node that can't start leaves the window open: every call answers with the [`umbel_api::ApiError`] that says why.

mod commands;
mod events;
mod options;
mod state;
mod window;

use clap::Parser;
use options::Options;
use state::AppState;
use std::process::ExitCode;
use tauri::{Manager, RunEvent};

/// Runs the app until its window is closed.
#[must_use]
pub fn run() -> ExitCode {
    let options = Options::parse();
    let app = tauri::Builder::default()
        .invoke_handler(tauri::generate_handler![
            events::events_subscribe,
            commands::node::node_state,
            commands::node::node_dag,
            commands::node::node_mine,
            commands::node::node_devnet_advance,
            commands::node::node_devnet_fund,
            commands::node::node_devnet_reset,
            commands::wallet::wallet_list,
            commands::wallet::wallet_create,
            commands::wallet::wallet_confirm_words,
            commands::wallet::wallet_restore,
            commands::wallet::wallet_unlock,
            commands::wallet::wallet_lock,
            commands::wallet::wallet_reveal,
            commands::wallet::wallet_remove,
            commands::wallet::wallet_state,
            commands::wallet::wallet_addresses,
            commands::wallet::wallet_new_address,
            commands::wallet::wallet_history,
            commands::wallet::wallet_prove_payment,
            commands::send::send_decode_address,
            commands::send::send_plan,
            commands::send::send_pay,
            commands::send::send_status,
            commands::stake::stake_status,
            commands::stake::stake_register,
            commands::stake::stake_delegate,
            commands::stake::stake_undelegate,
            commands::stake::stake_withdraw,
            commands::stake::stake_unjail,
            commands::validator::validator_start,
            commands::validator::validator_stop,
            commands::tx::tx_verify_payment,
            commands::settings::settings_get,
            commands::settings::settings_set,
        ])
        .setup(move |app| {
            // Before the window: its page asks at once.
            app.manage(AppState::start(&options));
            window::open(app.handle(), &options)?;
            tauri::async_runtime::spawn(exit_when_asked(app.handle().clone()));
            Ok(())
        })
        .build(tauri::generate_context!());
    match app {
        Ok(app) => {
            app.run(|app, event| {
                if matches!(event, RunEvent::Exit) {
                    app.state::<AppState>().stop();
                }
            });
            ExitCode::SUCCESS
        }
        Err(error) => report(&error),
    }
}

/// A system that shuts down, or a person at a terminal, ends the app as closing its window does.
async fn exit_when_asked(app: tauri::AppHandle) {
    if stop_signal().await {
        app.exit(0);
    }
}

/// Waits for the signal; false where signals can't be heard.
#[cfg(unix)]
async fn stop_signal() -> bool {
    use tokio::signal::unix::{SignalKind, signal};
    match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
        (Ok(mut terminate), Ok(mut interrupt)) => tokio::select! {
            heard = terminate.recv() => heard.is_some(),
            heard = interrupt.recv() => heard.is_some(),
        },
        _ => false,
    }
}

/// Waits for the signal; false where signals can't be heard.
#[cfg(not(unix))]
async fn stop_signal() -> bool {
    tokio::signal::ctrl_c().await.is_ok()
}

/// The one message that has no window to stand in.
#[expect(clippy::print_stderr, reason = "without a window there is nowhere else to say why")]
fn report(error: &tauri::Error) -> ExitCode {
    eprintln!("Umbel can't open its window: {error}");
    ExitCode::FAILURE
}
