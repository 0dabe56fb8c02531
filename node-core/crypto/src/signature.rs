//! ECDSA over secp256k1, as Memo locks ask for it.

use k256::ecdsa::signature::hazmat::PrehashVerifier;
use k256::ecdsa::{Signature, VerifyingKey};
use thiserror::Error;
use umbel_types::lock::PublicKeyBytes;
use umbel_types::tx::{IndexedSignature, KeySignature};
use umbel_types::{Hash32, ZkAddress};

use crate::keys::{SecpKey, address_of_public_key};

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

fn parse_key(key: &PublicKeyBytes) -> Option<VerifyingKey> {
    // SEC 1 has other forms of 33 bytes than the compressed one.
    if !matches!(key.0[0], 2 | 3) {
        return None;
    }
    VerifyingKey::from_sec1_bytes(&key.0).ok()
}

/// Whether the bytes are a point of secp256k1 in its compressed form.
pub fn is_public_key(key: &PublicKeyBytes) -> bool {
    parse_key(key).is_some()
}

/// Checks that a signature is by the key behind `address` over `sighash`.
///
/// # Errors
/// [`SignatureError`].
pub fn check_signature(address: &ZkAddress, signed: &KeySignature, sighash: &Hash32) -> Result<(), SignatureError> {
    if address_of_public_key(&signed.public_key) != *address {
        return Err(SignatureError::WrongKey);
    }
    check_key_signature(&signed.public_key, &signed.signature, sighash)
}

/// Checks that `signature` is by `key` over `sighash`: compressed key, 64 bytes `r ‖ s`, low s only, so that nobody can
/// turn one valid signature into another.
///
/// # Errors
/// [`SignatureError::Invalid`].
pub fn check_key_signature(key: &PublicKeyBytes, signature: &[u8; 64], sighash: &Hash32) -> Result<(), SignatureError> {
    let key = parse_key(key).ok_or(SignatureError::Invalid)?;
    let signature = Signature::from_slice(signature).map_err(|_| SignatureError::Invalid)?;
    if signature.normalize_s() != signature {
        return Err(SignatureError::Invalid);
    }
    key.verify_prehash(sighash.as_bytes(), &signature).map_err(|_| SignatureError::Invalid)
}

/// Signs for an address.
pub fn sign(key: &SecpKey, sighash: &Hash32) -> KeySignature {
    KeySignature { public_key: key.public_key(), signature: key.sign(sighash) }
}

/// Signs for a multisig lock; `None` if the key is none of its keys. What several people signed is put together sorted by
/// index.
pub fn sign_multisig(keys: &[PublicKeyBytes], key: &SecpKey, sighash: &Hash32) -> Option<IndexedSignature> {
    let index = keys.iter().position(|listed| *listed == key.public_key())?;
    Some(IndexedSignature { index: u8::try_from(index).ok()?, signature: key.sign(sighash) })
}
