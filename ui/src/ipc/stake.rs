//! Calls of the area `stake`.

use super::transport::call;
use umbel_api::ApiError;
use umbel_api::api_trait::{StakeDelegate, StakeRegister, StakeStatus, StakeUndelegate, StakeUnjail, StakeWithdraw};
use umbel_api::stake::{
    DelegateRequest, RegisterRequest, StakeMoved, StakeRequest, StakeView, UndelegateRequest, WithdrawRequest,
};
use umbel_api::wallet::WalletRequest;

/// All validators, and what a wallet has staked.
pub(crate) async fn status(wallet: Option<String>) -> Result<StakeView, ApiError> {
    call::<StakeStatus>(StakeRequest { wallet }).await
}

/// Makes a validator.
pub(crate) async fn register(request: RegisterRequest) -> Result<StakeMoved, ApiError> {
    call::<StakeRegister>(request).await
}

/// Stakes with a validator.
pub(crate) async fn delegate(request: DelegateRequest) -> Result<StakeMoved, ApiError> {
    call::<StakeDelegate>(request).await
}

/// Starts to take stake out.
pub(crate) async fn undelegate(request: UndelegateRequest) -> Result<StakeMoved, ApiError> {
    call::<StakeUndelegate>(request).await
}

/// Takes out what is due.
pub(crate) async fn withdraw(request: WithdrawRequest) -> Result<StakeMoved, ApiError> {
    call::<StakeWithdraw>(request).await
}

/// Lets the wallet's jailed validator be elected again.
pub(crate) async fn unjail(wallet: String) -> Result<StakeMoved, ApiError> {
    call::<StakeUnjail>(WalletRequest { wallet }).await
}
