//! Locks: what the branch of a Memo that an input names asks of the witness (docs/spec/transaction.md §3).

use sha2::{Digest, Sha256};
use umbel_types::errors::TxRuleError;
use umbel_types::lock::{PREIMAGE_BYTES, PublicKeyBytes};
use umbel_types::memo::MemoTerms;
use umbel_types::tx::{IndexedSignature, InputWitness, LockBranch};
use umbel_types::{Hash32, Lock, ZkAddress};

use crate::ml_dsa::{self, MlDsaContext};
use crate::signature::{SignatureError, check_key_signature, check_signature};

/// What shows that a Memo may be consumed. Follows from the core alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LockStatement {
    /// A signature by the key behind this address.
    Address(ZkAddress),
    /// Exactly `m` signatures by strictly ascending keys.
    Multisig {
        /// How many.
        m: u8,
        /// By which.
        keys: Vec<PublicKeyBytes>,
    },
    /// A preimage, and a signature by the claim address.
    HashClaim {
        /// SHA-256 of the preimage.
        sha256: Hash32,
        /// Who claims.
        claim: ZkAddress,
    },
    /// An ECDSA and an ML-DSA-65 signature.
    PostQuantum {
        /// The ECDSA key's address.
        address: ZkAddress,
        /// Hash of the ML-DSA-65 key.
        key_hash: Hash32,
    },
}

impl LockStatement {
    /// What input `index` has to show.
    ///
    /// # Errors
    /// [`TxRuleError::LockInactive`], [`TxRuleError::NoRefundBranch`].
    pub fn of(terms: &MemoTerms, branch: LockBranch, index: usize) -> Result<Self, TxRuleError> {
        match (branch, &terms.lock) {
            (_, Lock::NameCommit { .. }) => Err(TxRuleError::LockInactive { place: "input", index }),
            (LockBranch::Owner, Lock::Address(address)) => Ok(Self::Address(*address)),
            (LockBranch::Owner, Lock::Multisig { m, keys }) => Ok(Self::Multisig { m: *m, keys: keys.clone() }),
            (LockBranch::Owner, Lock::HashTimelock { sha256, claim, .. }) => {
                Ok(Self::HashClaim { sha256: *sha256, claim: *claim })
            }
            (LockBranch::Owner, Lock::PostQuantum { address, mldsa65_key_hash }) => {
                Ok(Self::PostQuantum { address: *address, key_hash: *mldsa65_key_hash })
            }
            (LockBranch::Refund, Lock::HashTimelock { refund, .. }) => Ok(Self::Address(*refund)),
            (LockBranch::Refund, Lock::Address(_) | Lock::Multisig { .. } | Lock::PostQuantum { .. }) => {
                terms.refund.map(Self::Address).ok_or(TxRuleError::NoRefundBranch(index))
            }
        }
    }

    /// Checks the witness of input `index`.
    ///
    /// # Consensus
    /// > The witness of a Memo MUST satisfy the branch that the core names: keys are the lock's, signatures hold over the
    /// > sighash, a preimage has the lock's SHA-256. (docs/spec/transaction.md T10)
    ///
    /// # Errors
    /// [`TxRuleError`] of the part that is at fault.
    pub fn check(&self, witness: &InputWitness, sighash: &Hash32, index: usize) -> Result<(), TxRuleError> {
        let name = |error| match error {
            SignatureError::WrongKey => TxRuleError::WrongKey(index),
            SignatureError::Invalid => TxRuleError::Signature(index),
        };
        match (self, witness) {
            (Self::Address(address), InputWitness::Signature(signed)) => {
                check_signature(address, signed, sighash).map_err(name)
            }
            (Self::Multisig { m, keys }, InputWitness::Multisig(signatures)) if signatures.len() == usize::from(*m) => {
                check_multisig(keys, signatures, sighash, index)
            }
            (Self::HashClaim { sha256, claim }, InputWitness::HashClaim { preimage, signed }) => {
                if preimage_hash(preimage) != *sha256 {
                    return Err(TxRuleError::Preimage(index));
                }
                check_signature(claim, signed, sighash).map_err(name)
            }
            (Self::PostQuantum { address, key_hash }, InputWitness::PostQuantum { signed, ml_dsa }) => {
                if ml_dsa::key_hash(&ml_dsa.key) != *key_hash {
                    return Err(TxRuleError::WrongKey(index));
                }
                check_signature(address, signed, sighash).map_err(name)?;
                if !ml_dsa::verify(&ml_dsa.key, MlDsaContext::Lock, sighash.as_bytes(), &ml_dsa.signature) {
                    return Err(TxRuleError::Signature(index));
                }
                Ok(())
            }
            _ => Err(TxRuleError::WitnessKind(index)),
        }
    }
}

/// What a hash lock asks the preimage of: its SHA-256.
pub fn preimage_hash(preimage: &[u8; PREIMAGE_BYTES]) -> Hash32 {
    Hash32(Sha256::digest(preimage).into())
}

/// Signatures by strictly ascending index: no key counts twice.
fn check_multisig(
    keys: &[PublicKeyBytes],
    signatures: &[IndexedSignature],
    sighash: &Hash32,
    index: usize,
) -> Result<(), TxRuleError> {
    if signatures.windows(2).any(|pair| pair[0].index >= pair[1].index) {
        return Err(TxRuleError::SignerOrder(index));
    }
    for signed in signatures {
        let key = keys.get(usize::from(signed.index)).ok_or(TxRuleError::SignerOrder(index))?;
        check_key_signature(key, &signed.signature, sighash).map_err(|_| TxRuleError::Signature(index))?;
    }
    Ok(())
}
