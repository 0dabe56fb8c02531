//! The node's events, forwarded to the page by a channel.

use crate::state::AppState;
use tauri::State;
use tauri::ipc::Channel;
use tokio::sync::broadcast::error::RecvError;
use umbel_api::{ApiError, NodeEvent};

/// Sends every event from now on, until the page is gone. The node coalesces them to at most ten of a kind a second.
#[tauri::command]
pub(crate) async fn events_subscribe(state: State<'_, AppState>, channel: Channel<NodeEvent>) -> Result<(), ApiError> {
    let mut events = state.events()?;
    tauri::async_runtime::spawn(async move {
        loop {
            match events.recv().await {
                Ok(event) => {
                    if channel.send(event).is_err() {
                        return;
                    }
                }
                // Each event carries the whole state of its subject: the next one makes up for those that were lost.
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            }
        }
    });
    Ok(())
}
