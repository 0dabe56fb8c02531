//! Locks: who may consume a Memo (docs/spec/transaction.md §3).

use crate::address::ZkAddress;
use crate::encode::{Decode, DecodeError, Encode, Reader, encode_list};
use crate::hash::Hash32;
use crate::score::DaaScore;

/// Most keys of a multisig lock.
pub const MAX_MULTISIG_KEYS: usize = 16;
/// Length of a hash lock's preimage: what Bitcoin's and Ethereum's swap contracts use.
pub const PREIMAGE_BYTES: usize = 32;
/// Length of an ML-DSA-65 verifying key (FIPS 204).
pub const ML_DSA_KEY_BYTES: usize = 1952;
/// Length of an ML-DSA-65 signature (FIPS 204).
pub const ML_DSA_SIGNATURE_BYTES: usize = 3309;

/// A compressed secp256k1 public key, unchecked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKeyBytes(pub [u8; 33]);

impl Encode for PublicKeyBytes {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }
}

impl Decode for PublicKeyBytes {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self(r.array("public key")?))
    }
}

/// Who may consume a Memo.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Lock {
    /// One ECDSA signature by the key behind the address.
    Address(ZkAddress),
    /// Exactly `m` signatures by keys of the list, by strictly ascending index.
    Multisig {
        /// Signatures needed, 1..=keys.len().
        m: u8,
        /// 1..=16 keys, strictly ascending.
        keys: Vec<PublicKeyBytes>,
    },
    /// A commitment to a name; consumed by the matching registration.
    NameCommit {
        /// The commitment.
        hash: Hash32,
    },
    /// Claimed with the preimage of a SHA-256 hash, or refunded after a timeout.
    HashTimelock {
        /// SHA-256 of the 32-byte preimage.
        sha256: Hash32,
        /// Who may claim with the preimage.
        claim: ZkAddress,
        /// Who may take it back.
        refund: ZkAddress,
        /// From when it may be taken back.
        timeout: DaaScore,
    },
    /// An ECDSA and an ML-DSA-65 signature.
    PostQuantum {
        /// The ECDSA key's address.
        address: ZkAddress,
        /// Hash of the ML-DSA-65 key.
        mldsa65_key_hash: Hash32,
    },
}

impl Encode for Lock {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Address(address) => {
                out.push(0);
                address.encode(out);
            }
            Self::Multisig { m, keys } => {
                out.push(1);
                m.encode(out);
                encode_list(keys, out);
            }
            Self::NameCommit { hash } => {
                out.push(2);
                hash.encode(out);
            }
            Self::HashTimelock { sha256, claim, refund, timeout } => {
                out.push(3);
                sha256.encode(out);
                claim.encode(out);
                refund.encode(out);
                timeout.encode(out);
            }
            Self::PostQuantum { address, mldsa65_key_hash } => {
                out.push(4);
                address.encode(out);
                mldsa65_key_hash.encode(out);
            }
        }
    }
}

impl Decode for Lock {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match u8::decode(r)? {
            0 => Ok(Self::Address(Decode::decode(r)?)),
            1 => {
                let m = u8::decode(r)?;
                let keys: Vec<PublicKeyBytes> = r.list(MAX_MULTISIG_KEYS, "multisig keys")?;
                let ascending = keys.windows(2).all(|pair| pair[0] < pair[1]);
                if !ascending || m == 0 || usize::from(m) > keys.len() {
                    return Err(DecodeError::NotCanonical { what: "multisig lock" });
                }
                Ok(Self::Multisig { m, keys })
            }
            2 => Ok(Self::NameCommit { hash: Decode::decode(r)? }),
            3 => Ok(Self::HashTimelock {
                sha256: Decode::decode(r)?,
                claim: Decode::decode(r)?,
                refund: Decode::decode(r)?,
                timeout: Decode::decode(r)?,
            }),
            4 => Ok(Self::PostQuantum { address: Decode::decode(r)?, mldsa65_key_hash: Decode::decode(r)? }),
            got => Err(DecodeError::UnknownTag { what: "lock", got: u64::from(got) }),
        }
    }
}
