//! Devnet's test coins: the genesis wallets, whose words everyone knows ([`umbel_types::genesis::DEVNET_WORDS`]).

use std::collections::BTreeSet;

use umbel_crypto::keys::Address;
use umbel_types::consensus_api::ConsensusApi;
use umbel_types::{Amount, OutPoint, Transaction};

use crate::error::WalletError;

/// Pays `amount` STR of test coins to an address: confidential, or public where the address is. The change goes back to
/// the genesis wallet as a Memo, which can be spent once it is accepted.
///
/// - `busy`: memos that transactions still in the pool consume; the caller adds the inputs of what it submits.
///
/// # Errors
/// [`WalletError::DevnetOnly`], [`WalletError::FundBusy`], [`WalletError::InsufficientFunds`].
pub fn fund(
    _chain: &dyn ConsensusApi,
    _busy: &BTreeSet<OutPoint>,
    _to: &Address,
    _amount: Amount,
) -> Result<Transaction, WalletError> {
    unimplemented!()
}
