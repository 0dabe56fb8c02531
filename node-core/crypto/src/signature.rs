//! ECDSA over secp256k1, as Memo locks ask for it.

use k256::ecdsa::signature::hazmat::PrehashVerifier;
use k256::ecdsa::{Signature, VerifyingKey};
use thiserror::Error;
use umbel_types::lock::PublicKeyBytes;
use umbel_types::{Hash32, ZkAddress};

use crate::keys::address_of_public_key;

/// Why a signature does not open a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SignatureError {
    /// The key's hash is another address.
    #[error("the key does not belong to the address")]
    WrongKey,
    /// The key is no point, the signature does not hold, or its s is above half the order.
    #[error("the signature does not hold")]
    Invalid,
}

/// Checks that `signature` is by the key behind `address` over `sighash`: compressed key, 64 bytes `r ‖ s`, low s only, so
/// that nobody can turn one valid signature into another.
///
/// # Errors
/// [`SignatureError`].
pub fn check_signature(
    address: &ZkAddress,
    public_key: &PublicKeyBytes,
    signature: &[u8; 64],
    sighash: &Hash32,
) -> Result<(), SignatureError> {
    if address_of_public_key(public_key) != *address {
        return Err(SignatureError::WrongKey);
    }
    // SEC 1 has other forms of 33 bytes than the compressed one.
    if !matches!(public_key.0[0], 2 | 3) {
        return Err(SignatureError::Invalid);
    }
    let key = VerifyingKey::from_sec1_bytes(&public_key.0).map_err(|_| SignatureError::Invalid)?;
    let signature = Signature::from_slice(signature).map_err(|_| SignatureError::Invalid)?;
    if signature.normalize_s() != signature {
        return Err(SignatureError::Invalid);
    }
    key.verify_prehash(sighash.as_bytes(), &signature).map_err(|_| SignatureError::Invalid)
}
