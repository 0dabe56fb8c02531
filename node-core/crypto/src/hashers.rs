//! One label for everything this crate hashes, and the three ways it hashes: to bytes, to a scalar, to a group element.
//!
//! All are BLAKE3 over the ledger's framing `len(label) u8 ‖ label ‖ input` ([`umbel_types::hash::Hasher`]), so nothing
//! hashed here shares a preimage with anything hashed elsewhere. Keys are derived with HKDF-SHA512 ([`crate::keys`]).

use curve25519_dalek::{RistrettoPoint, Scalar};
use umbel_types::hash::{Domain, Hasher};
use zeroize::{Zeroize, Zeroizing};

/// Asset generators `H_a`.
pub const ASSET: Domain = Domain("umbel/asset/v1");
/// The blinding generator `B̃`.
pub const BLINDING: Domain = Domain("umbel/blinding/v1");
/// Base point `P` of a diversified address.
pub const DIVERSIFIED_BASE: Domain = Domain("umbel/div/v1");
/// Diversifier of an address index, keyed with dk.
pub const DIVERSIFIER: Domain = Domain("umbel/diversifier/v1");
/// Salt of a transaction, keyed with ovk.
pub const SALT: Domain = Domain("umbel/salt/v1");
/// The scalar `x_j` that every secret of output j follows from.
pub const OUTPUT_SCALAR: Domain = Domain("umbel/x/v1");
/// `rseed_j` from `x_j·B`.
pub const RSEED: Domain = Domain("umbel/rseed/v1");
/// `rseed` of a payout key, which has no `x_j`.
pub const PAYOUT_RSEED: Domain = Domain("umbel/payout-rseed/v1");
/// `e`, with `R = e·P`.
pub const EPHEMERAL: Domain = Domain("umbel/e/v1");
/// `u`, with `g = u·P`.
pub const ONE_TIME: Domain = Domain("umbel/u/v1");
/// `k`, with `c = k·g`.
pub const ELGAMAL: Domain = Domain("umbel/k/v1");
/// `w`, with `V = v·B + w·B̃`.
pub const COMMITMENT: Domain = Domain("umbel/w/v1");
/// `w` of the commitment that an input makes to its coin's value.
pub const INPUT_COMMITMENT: Domain = Domain("umbel/w-input/v1");
/// `k` of a coinbase coin.
pub const COINBASE_ELGAMAL: Domain = Domain::COINBASE;
/// Hash of an ML-DSA-65 verifying key.
pub const ML_DSA_KEY: Domain = Domain("umbel/ml-dsa-65-key/v1");
/// Checksum of a sealed file.
pub const SEALED_FILE: Domain = Domain("umbel/sealed-file/v1");

/// Every label of this crate that the ledger's list does not hold, for the test that no two are equal.
pub const ALL: &[Domain] = &[
    ASSET,
    BLINDING,
    DIVERSIFIED_BASE,
    DIVERSIFIER,
    SALT,
    OUTPUT_SCALAR,
    RSEED,
    PAYOUT_RSEED,
    EPHEMERAL,
    ONE_TIME,
    ELGAMAL,
    COMMITMENT,
    INPUT_COMMITMENT,
    ML_DSA_KEY,
    SEALED_FILE,
];

/// Finishes as a group element: 64 bytes of output through Elligator twice and added, so that nobody knows its discrete
/// logarithm to any base.
pub(crate) fn to_point(hasher: Hasher) -> RistrettoPoint {
    let mut wide = [0u8; 64];
    hasher.finish_xof(&mut wide);
    RistrettoPoint::from_uniform_bytes(&wide)
}

/// BLAKE3 over the ledger's framing for preimages that hold secrets: plain or keyed, its state zeroized on drop.
pub(crate) struct SecretHasher(blake3::Hasher);

impl SecretHasher {
    /// Starts with the domain's label.
    pub(crate) fn new(domain: Domain) -> Self {
        Self(blake3::Hasher::new()).framed(domain)
    }

    /// Keyed with 32 secret bytes.
    pub(crate) fn keyed(key: &[u8; 32], domain: Domain) -> Self {
        Self(blake3::Hasher::new_keyed(key)).framed(domain)
    }

    fn framed(self, domain: Domain) -> Self {
        let length = u8::try_from(domain.0.len()).expect("labels are short literals");
        self.with_bytes(&[length]).with_bytes(domain.0.as_bytes())
    }

    /// Absorbs bytes of fixed length, or the last, variable part of a preimage.
    pub(crate) fn with_bytes(mut self, bytes: &[u8]) -> Self {
        self.0.update(bytes);
        self
    }

    /// Fills `out`, of any length.
    pub(crate) fn fill(self, out: &mut [u8]) {
        let mut reader = self.0.finalize_xof();
        reader.fill(out);
        reader.zeroize();
    }

    /// 32 bytes.
    pub(crate) fn bytes(self) -> Zeroizing<[u8; 32]> {
        let mut out = Zeroizing::new([0u8; 32]);
        self.fill(&mut *out);
        out
    }

    /// A scalar, uniform modulo the group's order: `H2S` of the specification.
    pub(crate) fn scalar(self) -> Scalar {
        let mut wide = Zeroizing::new([0u8; 64]);
        self.fill(&mut *wide);
        Scalar::from_bytes_mod_order_wide(&wide)
    }
}

impl Drop for SecretHasher {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_hashers_frame_alike() {
        let secret = SecretHasher::new(RSEED).with_bytes(&[7; 40]).bytes();
        assert_eq!(*secret, Hasher::new(RSEED).with_bytes(&[7; 40]).finish().0);
    }

    #[test]
    fn labels_are_distinct() {
        let all: Vec<Domain> = ALL.iter().chain(Domain::ALL).copied().collect();
        for (i, a) in all.iter().enumerate() {
            assert!(all[i + 1..].iter().all(|b| a != b), "{a:?} stands twice");
        }
    }
}
