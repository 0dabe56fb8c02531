//! Transactions as bytes, and proofs about them.

use crate::state::AppState;
use tauri::State;
use umbel_api::{ApiError, tx};

/// Verifies a proof of payment, and says what became of its transaction.
#[tauri::command]
pub(crate) async fn tx_verify_payment(
    state: State<'_, AppState>,
    request: tx::VerifyPaymentRequest,
) -> Result<tx::VerifiedPayment, ApiError> {
    state.api()?.tx_verify_payment(request).await
}
