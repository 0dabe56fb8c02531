//! Hashes: one newtype for each thing that has an id, one label for each thing that is hashed.
//!
//! Every hash is BLAKE3-256 over `len(label) u8 ‖ label ‖ input`. Labels are distinct and no label's length prefix can be
//! taken for another's, so two domains never share a preimage.

use core::cmp::Ordering;
use core::fmt;
use core::str::FromStr;

use crate::encode::{Decode, DecodeError, Encode, Reader};

/// Length of every hash in the ledger.
pub const HASH_LEN_BYTES: usize = 32;

/// A hash without a more particular meaning: roots, commitments, digests.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Hash32(pub [u8; HASH_LEN_BYTES]);

/// Text that is not 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a hash: 64 lower-case hexadecimal digits are expected")]
pub struct ParseHashError;

fn parse(text: &str) -> Result<[u8; HASH_LEN_BYTES], ParseHashError> {
    if text.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err(ParseHashError);
    }
    let mut out = [0u8; HASH_LEN_BYTES];
    hex::decode_to_slice(text, &mut out).map_err(|_| ParseHashError)?;
    Ok(out)
}

/// Bytewise order, eight bytes at a time: maps by id compare hashes all day, and the first word nearly always decides.
fn compare(a: &[u8; HASH_LEN_BYTES], b: &[u8; HASH_LEN_BYTES]) -> Ordering {
    words(a).cmp(words(b))
}

fn words(hash: &[u8; HASH_LEN_BYTES]) -> impl Iterator<Item = u64> {
    hash.as_chunks::<8>().0.iter().map(|word| u64::from_be_bytes(*word))
}

macro_rules! hash_impls {
    ($name:ident) => {
        impl $name {
            /// The bytes.
            pub const fn as_bytes(&self) -> &[u8; HASH_LEN_BYTES] {
                &self.0
            }
        }
        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                compare(&self.0, &other.0)
            }
        }
        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), hex::encode(&self.0[..6]))
            }
        }
        impl FromStr for $name {
            type Err = ParseHashError;
            fn from_str(text: &str) -> Result<Self, ParseHashError> {
                parse(text).map(Self)
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
hash_impls!(Hash32);

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
        pub struct $name(pub [u8; HASH_LEN_BYTES]);
        hash_impls!($name);
        impl From<Hash32> for $name {
            fn from(hash: Hash32) -> Self {
                Self(hash.0)
            }
        }
        impl From<$name> for Hash32 {
            fn from(id: $name) -> Self {
                Self(id.0)
            }
        }
    };
}
id!(
    /// A block: the hash of its header.
    BlockHash
);
id!(
    /// A transaction's core: what it does, without proofs and signatures.
    TxId
);
id!(
    /// A transaction with its witness: what travels and what a block commits to.
    WtxId
);
id!(
    /// A State object.
    ObjectId
);
id!(
    /// An asset. STR and CCOS have fixed ids ([`AssetId::STR`], [`AssetId::CCOS`]).
    AssetId
);

impl AssetId {
    /// The native token.
    pub const STR: Self = Self(*b"STR\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    /// The reward token.
    pub const CCOS: Self = Self(*b"CCOS\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
}

/// What is being hashed. The label is part of the preimage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Domain(pub &'static str);

macro_rules! domains {
    ($($(#[$doc:meta])* $name:ident = $label:literal;)*) => {
        impl Domain {
            $($(#[$doc])* pub const $name: Self = Self($label);)*
            /// Every label, for the test that they are distinct.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];
        }
    };
}
domains! {
    /// Header with nonce and mix digest: the block's id.
    BLOCK = "umbel/block/v1";
    /// Header without nonce and mix digest: what is mined.
    PRE_POW = "umbel/pre-pow/v1";
    /// Transaction core.
    TXID = "umbel/txid/v1";
    /// Witness alone.
    WITNESS = "umbel/witness/v1";
    /// Core and witness.
    WTXID = "umbel/wtxid/v1";
    /// What every proof and signature of a transaction is about.
    SIGHASH = "umbel/tx/v1";
    /// A block's body: miner's payload and lane roots.
    BODY = "umbel/body/v1";
    /// Miner's payload and extra data.
    MINER_PAYLOAD = "umbel/miner-payload/v1";
    /// A certificate's bytes.
    CERT = "umbel/cert/v1";
    /// A leaf of a body lane.
    BODY_LEAF = "umbel/body-leaf/v1";
    /// Merkle node of two children.
    MERKLE_NODE = "umbel/merkle-node/v1";
    /// Merkle root with its count.
    MERKLE_ROOT = "umbel/merkle-root/v1";
    /// Leaf of an accepted transaction.
    ACCEPTED_LEAF = "umbel/acc/v1";
    /// Leaf of outputs that no transaction made.
    SYSTEM_LEAF = "umbel/sys/v1";
    /// One lane of acceptance, chained along the selected chain.
    LANE = "umbel/lane/v1";
    /// The six lanes.
    ACCEPTED_ROOT = "umbel/accepted-root/v1";
    /// Element of the UTXO commitment.
    UTXO_ELEMENT = "umbel/utxo-element/v1";
    /// The LtHash state.
    UTXO_COMMIT = "umbel/lthash/v1";
    /// Leaf of the sparse Merkle tree.
    SMT_LEAF = "umbel/smt-leaf/v1";
    /// Node of the sparse Merkle tree.
    SMT_NODE = "umbel/smt-node/v1";
    /// Root of a sub-tree.
    SMT_ROOT = "umbel/smt-root/v1";
    /// The six sub-roots.
    STATE_ROOT = "umbel/state-root/v1";
    /// Leaf of the chain MMR.
    MMR_LEAF = "umbel/mmr-leaf/v1";
    /// Node of the chain MMR.
    MMR_NODE = "umbel/mmr-node/v1";
    /// The chain MMR's peaks.
    MMR_ROOT = "umbel/mmr-root/v1";
    /// Source of a coinbase outpoint.
    COINBASE = "umbel/coinbase/v1";
    /// A State object's id.
    OBJECT = "umbel/oid/v1";
    /// An output by its bytes.
    OUTPUT = "umbel/output/v1";
    /// A lock by its bytes.
    LOCK = "umbel/lock-hash/v1";
    /// A list of outpoints or outputs inside an accepted leaf.
    LIST = "umbel/list/v1";
    /// Free data of a Memo.
    MEMO_DATA = "umbel/memo-data/v1";
    /// A chunk of a snapshot.
    SNAPSHOT_CHUNK = "umbel/snapshot-chunk/v1";
    /// A snapshot's manifest.
    SNAPSHOT = "umbel/snapshot/v1";
    /// Genesis outputs.
    GENESIS = "umbel/genesis/v1";
    /// Short fingerprint of an address for people to compare.
    FINGERPRINT = "umbel/fingerprint/v1";
}

/// A hash in progress under one domain.
#[derive(Clone, Debug)]
pub struct Hasher {
    inner: blake3::Hasher,
}

impl Hasher {
    /// Starts with the domain's label.
    pub fn new(domain: Domain) -> Self {
        let mut inner = blake3::Hasher::new();
        let length = u8::try_from(domain.0.len()).expect("labels are short literals");
        inner.update(&[length]);
        inner.update(domain.0.as_bytes());
        Self { inner }
    }

    /// Absorbs the canonical encoding of a value.
    #[must_use]
    pub fn with(mut self, value: &impl Encode) -> Self {
        self.inner.update(&value.to_bytes());
        self
    }

    /// Absorbs bytes of fixed length, or the last, variable part of a preimage.
    #[must_use]
    pub fn with_bytes(mut self, bytes: &[u8]) -> Self {
        self.inner.update(bytes);
        self
    }

    /// The hash.
    pub fn finish(self) -> Hash32 {
        Hash32(*self.inner.finalize().as_bytes())
    }

    /// Output of any length.
    pub fn finish_xof(self, out: &mut [u8]) {
        self.inner.finalize_xof().fill(out);
    }
}

/// Hashes one value under one domain.
pub fn hash_of(domain: Domain, value: &impl Encode) -> Hash32 {
    Hasher::new(domain).with(value).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_that_of_the_bytes() {
        let mut hashes = vec![Hash32([0; 32]), Hash32([255; 32])];
        for place in 0..HASH_LEN_BYTES {
            for byte in [1, 127, 128, 255] {
                let mut bytes = [7; 32];
                bytes[place] = byte;
                hashes.push(Hash32(bytes));
            }
        }
        for a in &hashes {
            for b in &hashes {
                assert_eq!(a.cmp(b), a.0.cmp(&b.0), "{a} {b}");
                assert_eq!(BlockHash(a.0).partial_cmp(&BlockHash(b.0)), Some(a.0.cmp(&b.0)));
            }
        }
    }

    #[test]
    fn labels_are_distinct() {
        for (i, a) in Domain::ALL.iter().enumerate() {
            assert!(Domain::ALL[i + 1..].iter().all(|b| a != b), "{a:?} stands twice");
        }
    }

    #[test]
    fn text_round_trips_and_upper_case_is_refused() {
        let hash = hash_of(Domain::BLOCK, &7u64);
        let text = hash.to_string();
        assert_eq!(text.parse(), Ok(hash));
        assert_eq!(text.to_uppercase().parse::<Hash32>(), Err(ParseHashError));
        assert_eq!(text[1..].parse::<Hash32>(), Err(ParseHashError));
    }
}
