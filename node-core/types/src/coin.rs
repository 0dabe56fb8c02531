//! The coin: a hidden amount of one asset under a one-time key (docs/spec/transaction.md §2).

use core::fmt;

use crate::encode::{Decode, DecodeError, Encode, Reader};
use crate::encode_struct;
use crate::hash::AssetId;

/// Length of a sealed opening: diversifier 11 ‖ value 8 ‖ seed 32.
pub const SEALED_LEN_BYTES: usize = 51;

macro_rules! group_bytes {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; 32]);

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({}…)", stringify!($name), hex::encode(&self.0[..4]))
            }
        }

        impl Encode for $name {
            fn encode(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.0);
            }
        }

        impl Decode for $name {
            fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
                Ok(Self(r.array(stringify!($name))?))
            }
        }
    };
}

group_bytes!(
    /// 32 bytes that claim to be a compressed Ristretto255 point. `umbel-crypto` decompresses or refuses them.
    PointBytes
);
group_bytes!(
    /// 32 bytes that claim to be a canonical scalar modulo the order of Ristretto255.
    ScalarBytes
);

/// An opening that only the recipient can read: diversifier ‖ value ‖ seed, XORed with a one-time pad.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SealedBytes(pub [u8; SEALED_LEN_BYTES]);

impl fmt::Debug for SealedBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealedBytes")
    }
}

impl Encode for SealedBytes {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }
}

impl Decode for SealedBytes {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self(r.array("sealed opening")?))
    }
}

/// Properties of a coin. No bit has a meaning yet; bit 0 is kept for coins that may be shuffled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct CoinFlags(());

impl CoinFlags {
    /// No property.
    pub const NONE: Self = Self(());
}

impl Encode for CoinFlags {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(0);
    }
}

impl Decode for CoinFlags {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match u8::decode(r)? {
            0 => Ok(Self::NONE),
            got => Err(DecodeError::UnknownTag { what: "coin flags", got: u64::from(got) }),
        }
    }
}

/// The key a coin is paid to, used once: `g = u·P`, `A = u·A_P`, `S = u·S_P`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OneTimeKey {
    /// Base point of this coin.
    pub g: PointBytes,
    /// `a·g` for the owner's view scalar a.
    pub view: PointBytes,
    /// `s·g` for the owner's spend scalar s.
    pub spend: PointBytes,
}
encode_struct!(OneTimeKey { g, view, spend });

/// An encrypted note: absent, 64 or 256 bytes, the authentication tag of 16 bytes included.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Note(Vec<u8>);

/// Lengths a note may have, by its tag in the encoding.
pub const NOTE_LENGTHS_BYTES: [usize; 3] = [0, 64, 256];

impl Note {
    /// No note.
    pub const EMPTY: Self = Self(Vec::new());

    /// Takes ciphertext of one of the three lengths; `None` for any other.
    pub fn new(ciphertext: Vec<u8>) -> Option<Self> {
        NOTE_LENGTHS_BYTES.contains(&ciphertext.len()).then_some(Self(ciphertext))
    }

    /// The ciphertext.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Note({} bytes)", self.0.len())
    }
}

impl Encode for Note {
    fn encode(&self, out: &mut Vec<u8>) {
        let tag = NOTE_LENGTHS_BYTES.iter().position(|n| *n == self.0.len()).unwrap_or(0);
        out.push(u8::try_from(tag).expect("three lengths"));
        out.extend_from_slice(&self.0);
    }
}

impl Decode for Note {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let tag = u8::decode(r)?;
        match NOTE_LENGTHS_BYTES.get(usize::from(tag)) {
            Some(n) => Ok(Self(r.take(*n, "note")?.to_vec())),
            None => Err(DecodeError::UnknownTag { what: "note", got: u64::from(tag) }),
        }
    }
}

/// A hidden amount of one asset: ElGamal under a one-time key, with what its owner needs to open it.
///
/// The points are unchecked bytes; proofs bind c and d, nothing proves `view` and `spend`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Coin {
    /// Which asset.
    pub asset: AssetId,
    /// Properties.
    pub flags: CoinFlags,
    /// Whom it is paid to.
    pub owner: OneTimeKey,
    /// `c = k·g`.
    pub c: PointBytes,
    /// `d = v·H_asset + k·view`.
    pub d: PointBytes,
    /// Ephemeral key `R = e·P`.
    pub ephemeral: PointBytes,
    /// Opening for the owner.
    pub sealed: SealedBytes,
    /// Encrypted note.
    pub note: Note,
}
encode_struct!(Coin { asset, flags, owner, c, d, ephemeral, sealed, note });

/// Where the ledger pays derived coins to: a miner's reward, a refund, an offer's price. Fresh for each use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PayoutKey {
    /// One-time key.
    pub owner: OneTimeKey,
    /// Ephemeral key `R = e·P`.
    pub ephemeral: PointBytes,
    /// Opening for the owner.
    pub sealed: SealedBytes,
}
encode_struct!(PayoutKey { owner, ephemeral, sealed });
