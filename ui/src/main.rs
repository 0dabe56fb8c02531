//! The Umbel user interface: one Leptos program, in the app's window and in the browser.
//!
//! ## What it answers for
//! - the pages: Welcome, Unlock, Home, Send, Receive, Activity, Node, Settings, each with its four states
//! - two ways to the same node: Tauri's commands and HTTP with a WebSocket, behind [`ipc`]
//! - English and German, both themes, desktop to phone, keyboard and screen readers
//!
//! ## What it must never do
//! Hold a key, keep words or a password longer than the step that needs them, load anything from elsewhere, set an inline
//! style or script (the CSP forbids both), or show a figure without a source.
//!
//! ## Flow
//! [`state::App`] hears the node's events → signals → [`pages`] draw with [`components`] → a person acts → [`ipc`] →
//! `Call` of `umbel-api`.
//!
//! ## Errors
//! [`umbel_api::ApiError`]: [`components::error`] says what happened and what to do.

#![expect(unreachable_pub, reason = "what `leptos::component` generates is `pub`")]

mod app;
mod components;
mod dom;
mod format;
mod i18n;
mod icons;
mod ipc;
mod pages;
mod route;
mod state;

fn main() {
    leptos::mount::mount_to_body(app::Root);
}
