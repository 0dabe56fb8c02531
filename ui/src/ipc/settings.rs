//! Calls of the area `settings`.

use super::transport::call;
use umbel_api::api_trait::{SettingsGet, SettingsSet};
use umbel_api::settings::Settings;
use umbel_api::{ApiError, Empty};

/// The settings.
pub(crate) async fn get() -> Result<Settings, ApiError> {
    call::<SettingsGet>(Empty {}).await
}

/// Replaces the settings.
pub(crate) async fn set(settings: Settings) -> Result<Settings, ApiError> {
    call::<SettingsSet>(settings).await
}
