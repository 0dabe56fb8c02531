//! Staking: validators and delegations.

use crate::state::AppState;
use tauri::State;
use umbel_api::{ApiError, stake, wallet};

/// All validators, and what a wallet has staked.
#[tauri::command]
pub(crate) async fn stake_status(
    state: State<'_, AppState>,
    request: stake::StakeRequest,
) -> Result<stake::StakeView, ApiError> {
    state.api()?.stake_status(request).await
}

/// Makes a validator.
#[tauri::command]
pub(crate) async fn stake_register(
    state: State<'_, AppState>,
    request: stake::RegisterRequest,
) -> Result<stake::StakeMoved, ApiError> {
    state.api()?.stake_register(request).await
}

/// Stakes with a validator.
#[tauri::command]
pub(crate) async fn stake_delegate(
    state: State<'_, AppState>,
    request: stake::DelegateRequest,
) -> Result<stake::StakeMoved, ApiError> {
    state.api()?.stake_delegate(request).await
}

/// Starts to take stake out.
#[tauri::command]
pub(crate) async fn stake_undelegate(
    state: State<'_, AppState>,
    request: stake::UndelegateRequest,
) -> Result<stake::StakeMoved, ApiError> {
    state.api()?.stake_undelegate(request).await
}

/// Takes out what is due.
#[tauri::command]
pub(crate) async fn stake_withdraw(
    state: State<'_, AppState>,
    request: stake::WithdrawRequest,
) -> Result<stake::StakeMoved, ApiError> {
    state.api()?.stake_withdraw(request).await
}

/// Lets the wallet's jailed validator be elected again.
#[tauri::command]
pub(crate) async fn stake_unjail(
    state: State<'_, AppState>,
    request: wallet::WalletRequest,
) -> Result<stake::StakeMoved, ApiError> {
    state.api()?.stake_unjail(request).await
}
