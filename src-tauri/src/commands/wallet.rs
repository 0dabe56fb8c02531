//! Wallets.

use crate::state::AppState;
use tauri::State;
use umbel_api::{ApiError, Empty, tx, wallet};

/// All wallets of the data folder.
#[tauri::command]
pub(crate) async fn wallet_list(state: State<'_, AppState>, request: Empty) -> Result<wallet::WalletList, ApiError> {
    state.api()?.wallet_list(request).await
}

/// Makes a wallet from fresh words and unlocks it.
#[tauri::command]
pub(crate) async fn wallet_create(
    state: State<'_, AppState>,
    request: wallet::CreateRequest,
) -> Result<wallet::Created, ApiError> {
    state.api()?.wallet_create(request).await
}

/// Says that the person has written the words down.
#[tauri::command]
pub(crate) async fn wallet_confirm_words(
    state: State<'_, AppState>,
    request: wallet::WalletRequest,
) -> Result<Empty, ApiError> {
    state.api()?.wallet_confirm_words(request).await
}

/// Makes a wallet from words and unlocks it, or only says what they give.
#[tauri::command]
pub(crate) async fn wallet_restore(
    state: State<'_, AppState>,
    request: wallet::RestoreRequest,
) -> Result<wallet::Restored, ApiError> {
    state.api()?.wallet_restore(request).await
}

/// Unlocks a wallet.
#[tauri::command]
pub(crate) async fn wallet_unlock(
    state: State<'_, AppState>,
    request: wallet::UnlockRequest,
) -> Result<wallet::WalletState, ApiError> {
    state.api()?.wallet_unlock(request).await
}

/// Drops the spend key. Scanning, node and miner go on.
#[tauri::command]
pub(crate) async fn wallet_lock(
    state: State<'_, AppState>,
    request: wallet::WalletRequest,
) -> Result<wallet::WalletState, ApiError> {
    state.api()?.wallet_lock(request).await
}

/// Shows the words again.
#[tauri::command]
pub(crate) async fn wallet_reveal(
    state: State<'_, AppState>,
    request: wallet::RevealRequest,
) -> Result<wallet::Revealed, ApiError> {
    state.api()?.wallet_reveal(request).await
}

/// Deletes a wallet's files.
#[tauri::command]
pub(crate) async fn wallet_remove(
    state: State<'_, AppState>,
    request: wallet::WalletRequest,
) -> Result<Empty, ApiError> {
    state.api()?.wallet_remove(request).await
}

/// Balances and scan state.
#[tauri::command]
pub(crate) async fn wallet_state(
    state: State<'_, AppState>,
    request: wallet::WalletRequest,
) -> Result<wallet::WalletState, ApiError> {
    state.api()?.wallet_state(request).await
}

/// The addresses handed out so far, newest first.
#[tauri::command]
pub(crate) async fn wallet_addresses(
    state: State<'_, AppState>,
    request: wallet::WalletRequest,
) -> Result<wallet::AddressList, ApiError> {
    state.api()?.wallet_addresses(request).await
}

/// A fresh address.
#[tauri::command]
pub(crate) async fn wallet_new_address(
    state: State<'_, AppState>,
    request: wallet::NewAddressRequest,
) -> Result<wallet::AddressEntry, ApiError> {
    state.api()?.wallet_new_address(request).await
}

/// What came and went, newest first.
#[tauri::command]
pub(crate) async fn wallet_history(
    state: State<'_, AppState>,
    request: wallet::HistoryRequest,
) -> Result<wallet::History, ApiError> {
    state.api()?.wallet_history(request).await
}

/// Proves to whoever chose the challenge that a payment was made.
#[tauri::command]
pub(crate) async fn wallet_prove_payment(
    state: State<'_, AppState>,
    request: wallet::ProvePaymentRequest,
) -> Result<tx::PaymentProof, ApiError> {
    state.api()?.wallet_prove_payment(request).await
}
