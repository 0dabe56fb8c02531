//! Where a miner is paid.

use umbel_crypto::keys::ConfidentialAddress;
use umbel_types::PayoutKey;

use crate::error::WalletError;

/// A fresh one-time key of a confidential address, for one block template. Needs nothing but the address.
///
/// # Errors
/// [`WalletError::Randomness`].
pub fn payout_key(_to: &ConfidentialAddress) -> Result<PayoutKey, WalletError> {
    unimplemented!()
}
