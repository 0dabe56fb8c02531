//! The vote key of this machine.

use crate::state::AppState;
use tauri::State;
use umbel_api::{ApiError, Empty, stake};

/// Opens the vote key.
#[tauri::command]
pub(crate) async fn validator_start(
    state: State<'_, AppState>,
    request: stake::ValidateRequest,
) -> Result<stake::ValidatingState, ApiError> {
    state.api()?.validator_start(request).await
}

/// Drops the vote key.
#[tauri::command]
pub(crate) async fn validator_stop(
    state: State<'_, AppState>,
    request: Empty,
) -> Result<stake::ValidatingState, ApiError> {
    state.api()?.validator_stop(request).await
}
