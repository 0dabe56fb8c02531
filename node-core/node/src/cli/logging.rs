//! Logs to stderr.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Starts logging. A filter that can't be read falls back to the default and is said in the log.
pub(super) fn start(filter: Option<&str>, is_node: bool) {
    let default = if is_node { "info" } else { "warn" };
    let (filter, unreadable) = match filter.map(EnvFilter::try_new) {
        Some(Ok(filter)) => (filter, false),
        Some(Err(_)) => (EnvFilter::new(default), true),
        None => (EnvFilter::new(default), false),
    };
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    if unreadable {
        tracing::warn!("--log can't be read; {default} is logged");
    }
}
