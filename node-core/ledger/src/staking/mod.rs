//! Validators, their stake and the epochs they vote in (docs/spec/staking.md).
//!
//! Nothing here moves coins: an Action's amount leaves its inputs in the kernel, and what State gives back comes as public
//! Memos that acceptance derives.

mod actions;
mod edits;
mod epoch;
mod rules;

use umbel_types::encode::Decode;
use umbel_types::hash::Hash32;
use umbel_types::lock::ML_DSA_KEY_BYTES;
use umbel_types::staking::{Delegation, OverlayRecord, Register, Validator};
use umbel_types::state::{State, ValidatorSet};
use umbel_types::{BlueScore, DaaScore, Ledger, ObjectId, Params, ZkAddress};

use crate::state_tree::{StateKey, StateTree};

pub use actions::{Effect, decide};
pub(crate) use actions::{new_validator, records};
pub use edits::{StateEdits, StateView};
pub use epoch::{IncludedCertificate, is_overlay_on};
pub(crate) use epoch::{end_epoch, include_certificate};
pub(crate) use rules::check_action_in_isolation;

/// Key of an object of the Governance ledger.
pub(crate) fn key_of(object: ObjectId) -> StateKey {
    StateKey { ledger: Ledger::Governance, object }
}

/// An object and what its body says; `None` if it is not there, or a tombstone.
pub(crate) fn read<T: Decode>(states: &(impl StateView + ?Sized), object: ObjectId) -> Option<(State, T)> {
    let state = states.state(&key_of(object))?;
    let body = T::from_bytes(&state.body).ok()?;
    Some((state.clone(), body))
}

/// The id of the validator that a registration makes: the hash of its key.
pub fn validator_id(register: &Register) -> Hash32 {
    umbel_crypto::ml_dsa::key_hash(&register.key)
}

/// The key of the validator whose key hashes to `id`.
pub fn validator_key(states: &StateTree, id: Hash32) -> Option<[u8; ML_DSA_KEY_BYTES]> {
    validator(states, id).map(|validator| *validator.key)
}

/// The validator whose key hashes to `id`.
pub fn validator(states: &impl StateView, id: Hash32) -> Option<Validator> {
    read(states, Validator::object(id)).map(|(_, validator)| validator)
}

/// What a delegator has with a validator, and the nonce that an Action on it pins.
pub fn delegation(states: &impl StateView, validator: Hash32, delegator: ZkAddress) -> Option<(Delegation, u64)> {
    read(states, Delegation::object(validator, delegator)).map(|(state, delegation)| (delegation, state.nonce))
}

/// The set of an epoch: of the one before the running one, of that, and of the next.
pub fn validator_set(states: &impl StateView, epoch: u64) -> Option<ValidatorSet> {
    read(states, ValidatorSet::object(epoch)).map(|(_, set)| set)
}

/// Where finality stands.
pub fn overlay(states: &impl StateView) -> Option<OverlayRecord> {
    read(states, OverlayRecord::object()).map(|(_, record)| record)
}

/// Epochs behind the next that stake stays slashable, and for which evidence is taken.
pub fn unbonding_epochs(params: &Params) -> u64 {
    params.unbonding.div_ceil(params.epoch_length.max(1)).max(1)
}

/// What the rules of a transaction know of finality on the chain that they are judged on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverlayContext {
    /// DAA score of the newest certified checkpoint; genesis is one.
    pub certified: DaaScore,
    /// The running epoch.
    pub epoch: u64,
    /// Whether the overlay is on and no certificate came for too long.
    pub stalled: bool,
    /// [`unbonding_epochs`].
    pub unbonding_epochs: u64,
    /// DAA score of an epoch.
    pub epoch_length: u64,
}

impl OverlayContext {
    /// At a chain block with `blue_score`, by the state behind its past.
    pub fn of(params: &Params, blue_score: BlueScore, states: &impl StateView) -> Self {
        let Some(record) = overlay(states) else {
            return Self::genesis(params);
        };
        Self {
            certified: record.certified_daa,
            epoch: record.epoch,
            stalled: is_overlay_on(states, record.epoch) && record.is_behind(params, blue_score),
            ..Self::genesis(params)
        }
    }

    /// Before the first block.
    pub fn genesis(params: &Params) -> Self {
        Self {
            certified: DaaScore(0),
            epoch: 0,
            stalled: false,
            unbonding_epochs: unbonding_epochs(params),
            epoch_length: params.epoch_length,
        }
    }
}
