//! Calls of the area `validator`.

use super::transport::call;
use umbel_api::api_trait::{ValidatorStart, ValidatorStop};
use umbel_api::stake::{ValidateRequest, ValidatingState};
use umbel_api::{ApiError, Empty, Secret};

/// Opens the vote key of this machine.
pub(crate) async fn start(password: String) -> Result<ValidatingState, ApiError> {
    call::<ValidatorStart>(ValidateRequest { password: Secret::new(password) }).await
}

/// Drops it.
pub(crate) async fn stop() -> Result<ValidatingState, ApiError> {
    call::<ValidatorStop>(Empty {}).await
}
