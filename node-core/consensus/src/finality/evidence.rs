//! Evidence against validators: it is worth money to whoever reports it, so that it outlives the process.

use std::sync::Mutex;

use umbel_ledger::staking::{StateView, overlay, unbonding_epochs, validator};
use umbel_store::{Batch, Durability, StoreError};
use umbel_types::errors::BlockError;
use umbel_types::staking::ValidatorStanding;
use umbel_types::{Certificate, Decode, Evidence, Params, Vote};

use super::pool::VotePool;
use super::submit::admit_vote;
use crate::consensus::{Shared, lock};
use crate::pipeline::fault;
use crate::storage::{Storage, read_error};

/// Puts evidence that was found since on the disk, and makes room where it is full.
///
/// - `states`: at the sink.
pub(crate) fn save_evidence(
    storage: &Storage,
    params: &Params,
    pool: &Mutex<VotePool>,
    states: &impl StateView,
) -> Result<(), BlockError> {
    let unsaved = {
        let mut pool = lock(pool);
        pool.make_room_for_evidence(|evidence| is_of_use(params, states, evidence));
        pool.unsaved_evidence()
    };
    let Some(evidence) = unsaved else { return Ok(()) };
    let mut batch = Batch::new();
    storage.put_evidence(&mut batch, evidence);
    storage.kv.write(batch, Durability::Immediate).map_err(|e| fault(read_error(&e)))
}

/// What was found before the start.
pub(crate) fn load_evidence(storage: &Storage, pool: &Mutex<VotePool>) -> Result<(), StoreError> {
    lock(pool).restore_evidence(storage.evidence()?);
    Ok(())
}

/// Whether a transaction with it could still be accepted: a validator is slashed once, for votes of late.
fn is_of_use(params: &Params, states: &impl StateView, evidence: &Evidence) -> bool {
    let standing = validator(states, evidence.first.validator).map(|validator| validator.standing);
    let is_slashed = matches!(standing, None | Some(ValidatorStanding::Slashed { .. }));
    let newer = evidence.first.epoch.max(evidence.second.epoch);
    let epoch = overlay(states).map_or(0, |record| record.epoch);
    !is_slashed && newer >= epoch.saturating_sub(unbonding_epochs(params))
}

/// Hears the votes of a certificate that a block carries, on whatever chain: they may contradict others of the same
/// validators. Those of the own chain are verified once more when the block is qualified, each 300 s of mining.
pub(crate) fn hear_certificate(shared: &Shared, bytes: &[u8]) {
    let Ok(certificate) = Certificate::from_bytes(bytes) else { return };
    let mut votes = certificate.votes(shared.params.chain_id, shared.genesis);
    // Nothing is verified behind the first that is refused: then the block can't be qualified, or all of them are old.
    let refused = votes.find_map(|vote: Vote| admit_vote(shared, vote).err());
    if let Some(error) = refused {
        tracing::debug!(%error, target = certificate.link.target.index, "a certificate's votes were not heard");
    }
}
