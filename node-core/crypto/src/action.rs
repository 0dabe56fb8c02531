//! What shows that an Action may be done: signatures of its owner, of a key that registers, of two votes.

use umbel_types::errors::TxRuleError;
use umbel_types::staking::{ActionWitness, Register, Report};
use umbel_types::tx::KeySignature;
use umbel_types::{Action, Hash32, TxCore, Vote, ZkAddress};

use crate::keys::SecpKey;
use crate::ml_dsa::{self, MlDsaContext, MlDsaKey};
use crate::signature::{SignatureError, check_signature, sign};

/// What the sender knows about the Action.
pub enum ActionSecrets<'a> {
    /// It needs nothing.
    None,
    /// The key behind the address that it names as its owner.
    Owner(&'a SecpKey),
    /// For a registration.
    Register {
        /// The key behind the owner's address.
        owner: &'a SecpKey,
        /// The key that registers.
        key: &'a MlDsaKey,
    },
    /// For evidence: the verifying key behind both votes.
    VoteKey(&'a [u8; ml_dsa::VERIFYING_KEY_BYTES]),
}

impl ActionSecrets<'_> {
    /// Signs for an Action.
    pub(crate) fn witness(&self, sighash: &Hash32) -> ActionWitness {
        match self {
            Self::None => ActionWitness::None,
            Self::Owner(key) => ActionWitness::Owner(sign(key, sighash)),
            Self::Register { owner, key } => ActionWitness::Register {
                owner: sign(owner, sighash),
                key: Box::new(key.sign(MlDsaContext::Register, sighash.as_bytes())),
            },
            Self::VoteKey(key) => ActionWitness::VoteKey(Box::new(**key)),
        }
    }
}

/// Checks the part of a witness that the Action of `core` asks for.
///
/// # Errors
/// [`TxRuleError`].
pub fn check_action(core: &TxCore, witness: &ActionWitness, sighash: &Hash32) -> Result<(), TxRuleError> {
    match (&core.action, witness) {
        (Action::Transfer | Action::Delegate(_), ActionWitness::None) => Ok(()),
        (Action::Undelegate(action), ActionWitness::Owner(signed)) => check_owner(&action.delegator, signed, sighash),
        (Action::Withdraw(action), ActionWitness::Owner(signed)) => check_owner(&action.delegator, signed, sighash),
        (Action::Unjail(action), ActionWitness::Owner(signed)) => check_owner(&action.owner, signed, sighash),
        (Action::Register(action), ActionWitness::Register { owner, key }) => {
            check_owner(&action.owner, owner, sighash)?;
            check_registration(action, key, sighash)
        }
        (Action::Evidence(report), ActionWitness::VoteKey(key)) => check_votes(report, key),
        _ => Err(TxRuleError::ActionWitnessKind),
    }
}

/// # Consensus
/// > An Action on what somebody owns MUST carry the owner's signature over the sighash. (docs/spec/staking.md S4)
fn check_owner(owner: &ZkAddress, signed: &KeySignature, sighash: &Hash32) -> Result<(), TxRuleError> {
    check_signature(owner, signed, sighash).map_err(|error| match error {
        SignatureError::WrongKey => TxRuleError::ActionKey,
        SignatureError::Invalid => TxRuleError::ActionSignature,
    })
}

/// # Consensus
/// > A registration MUST carry a signature of its ML-DSA-65 key over the sighash, in context `umbel/register/v1`: else a
/// > rival could take its place. (S5)
fn check_registration(
    register: &Register,
    signature: &[u8; ml_dsa::SIGNATURE_BYTES],
    sighash: &Hash32,
) -> Result<(), TxRuleError> {
    if ml_dsa::verify(&register.key, MlDsaContext::Register, sighash.as_bytes(), signature) {
        Ok(())
    } else {
        Err(TxRuleError::RegisterSignature)
    }
}

/// # Consensus
/// > The witness of evidence MUST be the key that its votes name, and both votes' signatures MUST hold. (S8)
fn check_votes(report: &Report, key: &[u8; ml_dsa::VERIFYING_KEY_BYTES]) -> Result<(), TxRuleError> {
    let id = ml_dsa::key_hash(key);
    for (index, vote) in [&report.evidence.first, &report.evidence.second].into_iter().enumerate() {
        if vote.validator != id {
            return Err(TxRuleError::EvidenceKey);
        }
        if !is_signed(vote, key) {
            return Err(TxRuleError::EvidenceSignature(index));
        }
    }
    Ok(())
}

/// Whether a vote's signature holds.
fn is_signed(vote: &Vote, key: &[u8; ml_dsa::VERIFYING_KEY_BYTES]) -> bool {
    ml_dsa::verify(key, MlDsaContext::Vote, &vote.message(), &vote.signature)
}
