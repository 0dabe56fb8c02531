//! Votes from outside: checked before anything is kept.

use std::sync::mpsc::sync_channel;

use umbel_crypto::ml_dsa::{self, MlDsaContext};
use umbel_dag::finality::{is_supermajority, stake_of};
use umbel_ledger::staking::{validator_key, validator_set};
use umbel_types::consensus_api::{FinalityStatus, VoteAdmission, VoteError, VoteProposal};
use umbel_types::state::SetMember;
use umbel_types::{Certificate, Link, Vote};

use super::overlay::{epochs_at, known_sets};
use super::progress::highest_buried;
use crate::consensus::{Consensus, Shared, lock};
use crate::worker::Task;

/// Checkpoints below the final one of which votes are still taken: for evidence, 160 s.
const EVIDENCE_WINDOW: u32 = 16;
/// Checkpoints ahead of the own chain of which votes are taken: what others may have mined meanwhile, 80 s.
const AHEAD_WINDOW: u32 = 8;

/// First and last target index of which votes are taken.
fn vote_window(shared: &Shared, status: &FinalityStatus) -> (u32, u32) {
    let top = status.finalized_blue_score.0.saturating_add(status.gap) / shared.params.checkpoint_interval.max(1);
    let newest = u32::try_from(top).unwrap_or(u32::MAX);
    (first_taken(status.finalized.index), newest.saturating_add(AHEAD_WINDOW))
}

/// Votes for lower targets are forgotten.
pub(crate) fn first_taken(finalized: u32) -> u32 {
    finalized.saturating_sub(EVIDENCE_WINDOW).saturating_add(1)
}

impl Consensus {
    /// Takes a vote and has it counted.
    pub(crate) fn take_vote(&self, vote: Vote) -> Result<VoteAdmission, VoteError> {
        let admission = admit_vote(&self.shared, vote)?;
        match admission {
            VoteAdmission::Known => {}
            VoteAdmission::Added { .. } | VoteAdmission::Conflicting => self.count_votes()?,
        }
        Ok(admission)
    }

    /// Takes the votes of a certificate and has them counted once.
    pub(crate) fn take_certificate(&self, certificate: &Certificate) -> Result<(), VoteError> {
        let votes = certificate.votes(self.shared.params.chain_id, self.shared.genesis);
        let mut refused = None;
        let mut changed = false;
        for vote in votes {
            match admit_vote(&self.shared, vote) {
                Ok(VoteAdmission::Known) => {}
                Ok(VoteAdmission::Added { .. } | VoteAdmission::Conflicting) => changed = true,
                Err(error) => {
                    refused = Some(error);
                    break;
                }
            }
        }
        if refused.is_none() && self.is_agreed_to(certificate) {
            changed |= lock(&self.shared.votes).note_certificate(certificate.link);
        }
        // Whoever sends what is known must not make us compute anything.
        if changed {
            self.count_votes()?;
        }
        refused.map_or(Ok(()), Err)
    }

    /// Whether a certificate has the votes of more than two thirds of the set whose epoch it names. Fewer would let one
    /// member, or nobody, put a link in the place of one that was agreed to.
    fn is_agreed_to(&self, certificate: &Certificate) -> bool {
        let set = validator_set(&self.current().state.states, certificate.epoch);
        let signers = certificate.entries.iter().map(|entry| entry.validator).collect();
        set.is_some_and(|set| {
            let (stake, of) = stake_of(&set, &signers);
            is_supermajority(stake, of)
        })
    }

    /// Waits until the consensus thread has counted what is in the pool.
    fn count_votes(&self) -> Result<(), VoteError> {
        let stopping = || VoteError::Unavailable("consensus is stopping".to_owned());
        let (done, counted) = sync_channel(1);
        let queue = self.sender().ok_or_else(stopping)?;
        queue.send(Task::Count(done)).map_err(|_| stopping())?;
        drop(queue);
        counted.recv().map_err(|_| stopping())
    }

    /// # Consensus
    /// > An honest validator votes once per target index, when its own virtual has buried that checkpoint by σ, with source
    /// > = the highest justified checkpoint on its chain. (F3)
    pub(crate) fn propose_vote(&self) -> Result<Option<VoteProposal>, umbel_dag::ReadError> {
        let current = self.current();
        let storage = &self.shared.storage;
        let Some(epochs) = epochs_at(&current.state.states) else { return Ok(None) };
        let source = current.finality.justified;
        let target = highest_buried(storage, &self.shared.params, current.public.sink)?;
        // One block may be both; a link needs work between its ends (F5).
        if target.index <= source.index || target.block == source.block {
            return Ok(None);
        }
        let link = Link { source, target };
        let Ok(electorate) = epochs.electorate(&link) else { return Ok(None) };
        let mut set: Vec<SetMember> = electorate.sets.iter().rev().flat_map(|set| set.members.clone()).collect();
        set.sort_by_key(|member| member.key_hash);
        set.dedup_by_key(|member| member.key_hash);
        Ok(Some(VoteProposal { epoch: electorate.epoch, link, set }))
    }
}

/// Takes a vote into the pool, to be counted later.
pub(super) fn admit_vote(shared: &Shared, vote: Vote) -> Result<VoteAdmission, VoteError> {
    check_vote_chain(shared, &vote)?;
    check_vote_forwards(&vote.link)?;
    // A copy of the tree shares all of it: nothing is locked while a signature is verified.
    let (states, status) = {
        let current = shared.current();
        (current.state.states.clone(), current.finality.clone())
    };
    check_vote_in_window(vote_window(shared, &status), vote.link.target.index)?;
    if lock(&shared.votes).knows(&vote) {
        return Ok(VoteAdmission::Known);
    }
    let is_member = known_sets(&states)
        .iter()
        .any(|set| set.members.binary_search_by_key(&vote.validator, |member| member.key_hash).is_ok());
    let key = is_member.then(|| validator_key(&states, vote.validator)).flatten();
    let key = key.ok_or(VoteError::NotAMember(vote.validator))?;
    if !ml_dsa::verify(&key, MlDsaContext::Vote, &vote.message(), &vote.signature) {
        return Err(VoteError::BadSignature(vote.validator));
    }
    lock(&shared.votes).insert(vote)
}

fn check_vote_chain(shared: &Shared, vote: &Vote) -> Result<(), VoteError> {
    if (vote.chain, vote.genesis) == (shared.params.chain_id, shared.genesis) {
        return Ok(());
    }
    Err(VoteError::OtherChain { chain: vote.chain, genesis: vote.genesis })
}

fn check_vote_forwards(link: &Link) -> Result<(), VoteError> {
    let (source_index, target_index) = (link.source.index, link.target.index);
    if source_index < target_index { Ok(()) } else { Err(VoteError::Backwards { source_index, target_index }) }
}

fn check_vote_in_window((first, last): (u32, u32), target: u32) -> Result<(), VoteError> {
    if target < first {
        Err(VoteError::TooOld { target, first })
    } else if target > last {
        Err(VoteError::TooNew { target, last })
    } else {
        Ok(())
    }
}
