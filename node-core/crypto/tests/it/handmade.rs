//! The coin written down a second time, straight from the specification, with every part free to be wrong: what an
//! attacker builds.

use curve25519_dalek::constants::RISTRETTO_BASEPOINT_POINT;
use curve25519_dalek::{RistrettoPoint, Scalar};
use umbel_crypto::generators::{asset_base, blinding_base};
use umbel_crypto::keys::{ConfidentialAddress, Diversifier};
use umbel_types::{AssetId, Coin, CoinFlags, MemoValue, Note, OneTimeKey, PayoutKey, PointBytes, SealedBytes};

fn framed(label: &str, parts: &[&[u8]]) -> blake3::OutputReader {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&[u8::try_from(label.len()).unwrap()]);
    hasher.update(label.as_bytes());
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize_xof()
}

pub(crate) fn h2s(label: &str, parts: &[&[u8]]) -> Scalar {
    let mut wide = [0u8; 64];
    framed(label, parts).fill(&mut wide);
    Scalar::from_bytes_mod_order_wide(&wide)
}

/// `H("umbel/rseed/v1", x·B)`.
pub(crate) fn rseed_of(x: &Scalar) -> [u8; 32] {
    let mut rseed = [0u8; 32];
    framed("umbel/rseed/v1", &[&(x * RISTRETTO_BASEPOINT_POINT).compress().0]).fill(&mut rseed);
    rseed
}

pub(crate) fn base(diversifier: &Diversifier) -> RistrettoPoint {
    let mut wide = [0u8; 64];
    framed("umbel/div/v1", &[&diversifier.0]).fill(&mut wide);
    RistrettoPoint::from_uniform_bytes(&wide)
}

fn bytes(point: RistrettoPoint) -> PointBytes {
    PointBytes(point.compress().0)
}

/// The parts of a coin, honest by default.
pub(crate) struct Handmade {
    pub(crate) g: RistrettoPoint,
    pub(crate) view: RistrettoPoint,
    pub(crate) spend: RistrettoPoint,
    /// Base and view point of the address that R and the shared secret are made for.
    pub(crate) ephemeral_for: (RistrettoPoint, RistrettoPoint),
    pub(crate) named: Diversifier,
    pub(crate) value: u64,
    pub(crate) sealed_value: u64,
    pub(crate) rseed: [u8; 32],
    pub(crate) role: [u8; 5],
}

impl Handmade {
    pub(crate) fn honest(to: &ConfidentialAddress, value: u64) -> Self {
        Self::from_rseed(to, value, [8; 32])
    }

    pub(crate) fn from_rseed(to: &ConfidentialAddress, value: u64, rseed: [u8; 32]) -> Self {
        let u = h2s("umbel/u/v1", &[&rseed]);
        let p = base(to.diversifier());
        Self {
            g: u * p,
            view: u * to.view_point(),
            spend: u * to.spend_point(),
            ephemeral_for: (p, *to.view_point()),
            named: *to.diversifier(),
            value,
            sealed_value: value,
            rseed,
            role: [0; 5],
        }
    }

    /// R and what is sealed under it.
    fn sealed(&self) -> (PointBytes, SealedBytes) {
        let e = h2s("umbel/e/v1", &[&self.rseed]);
        let ephemeral = bytes(e * self.ephemeral_for.0);
        let mut kdf = blake3::Hasher::new_derive_key("umbel/ss/v1");
        kdf.update(&bytes(e * self.ephemeral_for.1).0).update(&ephemeral.0).update(&self.role);
        let mut pad = [0u8; 51];
        kdf.finalize_xof().fill(&mut pad);
        let plain = [&self.named.0[..], &self.sealed_value.to_le_bytes(), &self.rseed].concat();
        let mut sealed = [0u8; 51];
        for i in 0..51 {
            sealed[i] = plain[i] ^ pad[i];
        }
        (ephemeral, SealedBytes(sealed))
    }

    pub(crate) fn key(&self) -> PayoutKey {
        let (ephemeral, sealed) = self.sealed();
        let owner = OneTimeKey { g: bytes(self.g), view: bytes(self.view), spend: bytes(self.spend) };
        PayoutKey { owner, ephemeral, sealed }
    }

    /// The value of a hidden Memo.
    pub(crate) fn hidden_value(&self) -> MemoValue {
        let w = h2s("umbel/w/v1", &[&self.rseed]);
        let (ephemeral, sealed) = self.sealed();
        let commitment = bytes(Scalar::from(self.value) * RISTRETTO_BASEPOINT_POINT + w * blinding_base());
        MemoValue::Hidden { commitment, ephemeral, sealed }
    }

    pub(crate) fn coin(&self) -> Coin {
        let k = h2s("umbel/k/v1", &[&self.rseed]);
        let PayoutKey { owner, ephemeral, sealed } = self.key();
        Coin {
            asset: AssetId::STR,
            flags: CoinFlags::NONE,
            owner,
            c: bytes(k * self.g),
            d: bytes(Scalar::from(self.value) * asset_base(AssetId::STR) + k * self.view),
            ephemeral,
            sealed,
            note: Note::EMPTY,
        }
    }
}
