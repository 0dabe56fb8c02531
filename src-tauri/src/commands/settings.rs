//! The person's settings.

use crate::state::AppState;
use tauri::State;
use umbel_api::{ApiError, Empty, settings};

/// The person's settings.
#[tauri::command]
pub(crate) async fn settings_get(state: State<'_, AppState>, request: Empty) -> Result<settings::Settings, ApiError> {
    state.api()?.settings_get(request).await
}

/// Replaces the settings.
#[tauri::command]
pub(crate) async fn settings_set(
    state: State<'_, AppState>,
    request: settings::Settings,
) -> Result<settings::Settings, ApiError> {
    state.api()?.settings_set(request).await
}
