//! Calls of the area `wallet`.

use super::transport::call;
use umbel_api::api_trait::{
    ProvePayment, WalletAddresses, WalletConfirmWords, WalletCreate, WalletHistory, WalletList, WalletLock,
    WalletNewAddress, WalletRemove, WalletRestore, WalletReveal, WalletState, WalletUnlock,
};
use umbel_api::tx::PaymentProof;
use umbel_api::wallet::{
    AddressEntry, AddressList, CreateRequest, Created, History, HistoryRequest, NewAddressRequest, ProvePaymentRequest,
    RestoreRequest, Restored, RevealRequest, Revealed, UnlockRequest, WalletRequest,
};
use umbel_api::{ApiError, Empty, Secret};

/// All wallets.
pub(crate) async fn list() -> Result<umbel_api::wallet::WalletList, ApiError> {
    call::<WalletList>(Empty {}).await
}

/// Makes a wallet from fresh words.
pub(crate) async fn create(request: CreateRequest) -> Result<Created, ApiError> {
    call::<WalletCreate>(request).await
}

/// Says that the words are written down.
pub(crate) async fn confirm_words(wallet: String) -> Result<Empty, ApiError> {
    call::<WalletConfirmWords>(WalletRequest { wallet }).await
}

/// Makes a wallet from words, or only says what they give.
pub(crate) async fn restore(request: RestoreRequest) -> Result<Restored, ApiError> {
    call::<WalletRestore>(request).await
}

/// Opens a wallet.
pub(crate) async fn unlock(wallet: String, password: Secret) -> Result<umbel_api::wallet::WalletState, ApiError> {
    call::<WalletUnlock>(UnlockRequest { wallet, password }).await
}

/// Drops the spend key.
pub(crate) async fn lock(wallet: String) -> Result<umbel_api::wallet::WalletState, ApiError> {
    call::<WalletLock>(WalletRequest { wallet }).await
}

/// Shows the words again.
pub(crate) async fn reveal(wallet: String, password: Secret) -> Result<Revealed, ApiError> {
    call::<WalletReveal>(RevealRequest { wallet, password }).await
}

/// Deletes a wallet's files.
pub(crate) async fn remove(wallet: String) -> Result<Empty, ApiError> {
    call::<WalletRemove>(WalletRequest { wallet }).await
}

/// Balances and scan state.
pub(crate) async fn state(wallet: String) -> Result<umbel_api::wallet::WalletState, ApiError> {
    call::<WalletState>(WalletRequest { wallet }).await
}

/// Addresses, newest first.
pub(crate) async fn addresses(wallet: String) -> Result<AddressList, ApiError> {
    call::<WalletAddresses>(WalletRequest { wallet }).await
}

/// A fresh address.
pub(crate) async fn new_address(wallet: String, label: String) -> Result<AddressEntry, ApiError> {
    call::<WalletNewAddress>(NewAddressRequest { wallet, label }).await
}

/// Proves a payment to whoever chose the challenge.
pub(crate) async fn prove_payment(request: ProvePaymentRequest) -> Result<PaymentProof, ApiError> {
    call::<ProvePayment>(request).await
}

/// What came and went.
pub(crate) async fn history(request: HistoryRequest) -> Result<History, ApiError> {
    call::<WalletHistory>(request).await
}
