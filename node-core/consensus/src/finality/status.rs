//! What everyone may know of finality.

use std::collections::BTreeSet;
use std::sync::Mutex;

use umbel_dag::ReadError;
use umbel_dag::finality::stake_of;
use umbel_ledger::staking::validator_set;
use umbel_ledger::state_tree::StateTree;
use umbel_types::consensus_api::{CertificateSummary, FinalityStatus, ValidatorStatus};
use umbel_types::params::FINALITY_WARN_S;
use umbel_types::{Amount, BlockHash, Certificate, Checkpoint, Hash32, Params};

use super::certificate::with_late_votes;
use super::overlay::epochs_at;
use super::pool::VotePool;
use super::progress::FinalityState;
use crate::consensus::lock;
use crate::storage::Storage;

/// As of a sink whose tables are committed.
pub(crate) fn finality_status(
    storage: &Storage,
    params: &Params,
    pool: &Mutex<VotePool>,
    finality: &FinalityState,
    sink: BlockHash,
    states: &StateTree,
) -> Result<FinalityStatus, ReadError> {
    let no_record = ReadError::Inconsistent { block: sink, what: "its state has no record of the overlay" };
    let epochs = epochs_at(states).ok_or(no_record)?;
    let overlay_on = epochs.is_on();
    let top = storage.header(sink)?;
    let mut finalized = finality.finalized();
    if !overlay_on {
        let deep = deepest_without_votes(storage, params, sink)?;
        finalized = if deep.index > finalized.index { deep } else { finalized };
    }
    let block = storage.header(finalized.block)?;
    let gap = top.blue_score.0.saturating_sub(block.blue_score.0);
    let pool = lock(pool);
    let newest = finality.newest_certificates().last().map(|newest| with_late_votes(newest, &pool, states).0);
    let validators = epochs.current.members.iter().map(|member| ValidatorStatus {
        id: member.key_hash,
        stake: member.stake,
        last_target: pool.last_target(member.key_hash),
        equivocated: pool.has_equivocated(&member.key_hash),
    });
    Ok(FinalityStatus {
        overlay_on,
        epoch: epochs.epoch,
        justified: finality.justified(),
        finalized,
        finalized_daa: block.daa_score,
        finalized_blue_score: block.blue_score,
        included: top.cert,
        gap,
        late: overlay_on && gap > params.daa_of_seconds(FINALITY_WARN_S),
        stalled: overlay_on && gap > params.stall_depth,
        validators: validators.collect(),
        last_certificate: newest.and_then(|newest| summary(&newest, states)),
    })
}

/// # Consensus
/// > Off: wherever a rule says *finalized* it reads *blue depth ≥ φ*. (F9)
fn deepest_without_votes(storage: &Storage, params: &Params, sink: BlockHash) -> Result<Checkpoint, ReadError> {
    let point = storage.finality_point(sink, params.finality_depth)?;
    let score = storage.header(point)?.blue_score.0;
    let index = u32::try_from(score / params.checkpoint_interval.max(1)).unwrap_or(u32::MAX);
    // The lowest chain block that reaches the index; the point itself does.
    let lowest = u64::from(index).saturating_mul(params.checkpoint_interval);
    let block = storage.chain_block_reaching(sink, lowest)?;
    Ok(Checkpoint { index, block })
}

fn summary(certificate: &Certificate, states: &StateTree) -> Option<CertificateSummary> {
    let set = validator_set(states, certificate.epoch)?;
    let signers: Vec<Hash32> = certificate.entries.iter().map(|entry| entry.validator).collect();
    let (stake, of) = stake_of(&set, &BTreeSet::from_iter(signers.iter().copied()));
    let amount = |units: u128| u64::try_from(units).map(Amount::from_units).unwrap_or(Amount::MAX);
    Some(CertificateSummary {
        epoch: certificate.epoch,
        link: certificate.link,
        signers,
        stake: amount(stake),
        of_stake: amount(of),
    })
}
