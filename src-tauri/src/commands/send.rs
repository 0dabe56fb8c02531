//! Payments.

use crate::state::AppState;
use tauri::State;
use umbel_api::{ApiError, send};

/// Reads an address of any kind.
#[tauri::command]
pub(crate) async fn send_decode_address(
    state: State<'_, AppState>,
    request: send::DecodeAddressRequest,
) -> Result<send::DecodedAddress, ApiError> {
    state.api()?.send_decode_address(request).await
}

/// Says what a payment would take, without making it.
#[tauri::command]
pub(crate) async fn send_plan(
    state: State<'_, AppState>,
    request: send::SendRequest,
) -> Result<send::PaymentPlan, ApiError> {
    state.api()?.send_plan(request).await
}

/// Starts a payment and returns at once; its progress comes by event and `send/status`.
#[tauri::command]
pub(crate) async fn send_pay(
    state: State<'_, AppState>,
    request: send::SendRequest,
) -> Result<send::Payment, ApiError> {
    state.api()?.send_pay(request).await
}

/// How far a payment is.
#[tauri::command]
pub(crate) async fn send_status(
    state: State<'_, AppState>,
    request: send::StatusRequest,
) -> Result<send::Payment, ApiError> {
    state.api()?.send_status(request).await
}
