//! Where a miner is paid.

use umbel_crypto::coin::{KeyRole, build_payout_key};
use umbel_crypto::keys::ConfidentialAddress;
use umbel_types::PayoutKey;

use crate::error::WalletError;
use crate::random::SeededRng;

/// A fresh one-time key of a confidential address, for one block template. Needs nothing but the address.
///
/// # Errors
/// [`WalletError::Randomness`].
pub fn payout_key(to: &ConfidentialAddress) -> Result<PayoutKey, WalletError> {
    Ok(build_payout_key(to, KeyRole::Miner, &mut SeededRng::from_os()?))
}
