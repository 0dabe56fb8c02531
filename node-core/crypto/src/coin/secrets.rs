//! What follows from one `rseed`, and the pad that carries it to the owner.

use curve25519_dalek::{RistrettoPoint, Scalar};
use umbel_types::hash::Domain;
use umbel_types::{Amount, PointBytes, SEALED_LEN_BYTES, SealedBytes};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::element::encode_point;
use crate::hashers::{self, SecretHasher};
use crate::keys::Diversifier;

/// Where a one-time key stands: it enters the shared secret, so that no key can be moved to another place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRole {
    /// The coin at this index of a transaction's outputs.
    Output(u32),
    /// A miner's payload: the coinbase is paid to it.
    Miner,
    /// A call's refund.
    Refund,
    /// An offer's `pay_to`.
    Offer,
    /// The hidden Memo at this index of a transaction's outputs.
    Memo(u32),
}

impl KeyRole {
    /// Tag u8 ‖ index u32 LE.
    fn to_bytes(self) -> [u8; 5] {
        let (tag, index) = match self {
            Self::Output(index) => (0, index),
            Self::Miner => (1, 0),
            Self::Refund => (2, 0),
            Self::Offer => (3, 0),
            Self::Memo(index) => (4, index),
        };
        let mut bytes = [tag; 5];
        bytes[1..].copy_from_slice(&index.to_le_bytes());
        bytes
    }
}

/// e, u, k, w: each `H2S` of its own label over rseed.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct CoinScalars {
    pub(crate) e: Scalar,
    pub(crate) u: Scalar,
    pub(crate) k: Scalar,
    pub(crate) w: Scalar,
}

impl CoinScalars {
    pub(crate) fn of(rseed: &[u8; 32]) -> Self {
        let scalar = |domain: Domain| SecretHasher::new(domain).with_bytes(rseed).scalar();
        Self {
            e: scalar(hashers::EPHEMERAL),
            u: scalar(hashers::ONE_TIME),
            k: scalar(hashers::ELGAMAL),
            w: scalar(hashers::COMMITMENT),
        }
    }
}

/// The secret between sender and owner: pad and note key,
/// `BLAKE3-KDF("umbel/ss/v1", point ‖ R ‖ role)` with `point = e·A_P = a·R`.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct SharedSecret {
    pad: [u8; SEALED_LEN_BYTES],
    pub(crate) note_key: [u8; 32],
}

impl SharedSecret {
    pub(crate) fn derive(point: &RistrettoPoint, ephemeral: &PointBytes, role: KeyRole) -> Self {
        let mut shared = encode_point(point).0;
        let mut hasher = blake3::Hasher::new_derive_key("umbel/ss/v1");
        hasher.update(&shared);
        hasher.update(&ephemeral.0);
        hasher.update(&role.to_bytes());
        let mut output = hasher.finalize_xof();
        let mut secret = Self { pad: [0; SEALED_LEN_BYTES], note_key: [0; 32] };
        output.fill(&mut secret.pad);
        output.fill(&mut secret.note_key);
        output.zeroize();
        hasher.zeroize();
        shared.zeroize();
        secret
    }

    pub(crate) fn seal(&self, opening: &SealedOpening) -> SealedBytes {
        let mut bytes = [0u8; SEALED_LEN_BYTES];
        bytes[..11].copy_from_slice(&opening.diversifier.0);
        bytes[11..19].copy_from_slice(&opening.value.units().to_le_bytes());
        bytes[19..].copy_from_slice(&*opening.rseed);
        for (byte, pad) in bytes.iter_mut().zip(&self.pad) {
            *byte ^= pad;
        }
        SealedBytes(bytes)
    }

    pub(crate) fn unseal(&self, sealed: &SealedBytes) -> SealedOpening {
        let mut bytes = Zeroizing::new(sealed.0);
        for (byte, pad) in bytes.iter_mut().zip(&self.pad) {
            *byte ^= pad;
        }
        let (mut diversifier, mut value, mut rseed) = ([0u8; 11], [0u8; 8], Zeroizing::new([0u8; 32]));
        diversifier.copy_from_slice(&bytes[..11]);
        value.copy_from_slice(&bytes[11..19]);
        rseed.copy_from_slice(&bytes[19..]);
        SealedOpening {
            diversifier: Diversifier(diversifier),
            value: Amount::from_units(u64::from_le_bytes(value)),
            rseed,
        }
    }
}

/// What `sealed` holds. Whoever unsealed it has yet to check that the coin follows from it.
pub(crate) struct SealedOpening {
    pub(crate) diversifier: Diversifier,
    pub(crate) value: Amount,
    pub(crate) rseed: Zeroizing<[u8; 32]>,
}
