//! secp256k1 keys: the owners of Memos and State.

use k256::ecdsa::signature::hazmat::PrehashSigner;
use k256::ecdsa::{Signature, SigningKey};
use sha2::{Digest, Sha256};
use umbel_types::lock::PublicKeyBytes;
use umbel_types::{Hash32, ZkAddress};

/// A secp256k1 signing key. Zeroized on drop; neither `Clone` nor `Debug`.
pub struct SecpKey(SigningKey);

impl SecpKey {
    pub(crate) fn from_signing_key(key: SigningKey) -> Self {
        Self(key)
    }

    /// The compressed public key.
    pub fn public_key(&self) -> PublicKeyBytes {
        let point = self.0.verifying_key().to_sec1_point(true);
        PublicKeyBytes(point.as_bytes().try_into().expect("a compressed point has 33 bytes"))
    }

    /// The address behind it.
    pub fn address(&self) -> ZkAddress {
        address_of_public_key(&self.public_key())
    }

    /// ECDSA over a sighash, taken as the message's hash: `r ‖ s`, low s, nonce by RFC 6979. Constant-time.
    pub fn sign(&self, sighash: &Hash32) -> [u8; 64] {
        let signature: Signature =
            self.0.sign_prehash(sighash.as_bytes()).expect("a 32-byte hash is what the curve expects");
        signature.normalize_s().to_bytes().into()
    }
}

/// `SHA-256(public key)[..20]`.
pub fn address_of_public_key(key: &PublicKeyBytes) -> ZkAddress {
    let hash = Sha256::digest(key.0);
    let mut address = [0u8; 20];
    address.copy_from_slice(&hash[..20]);
    ZkAddress(address)
}
