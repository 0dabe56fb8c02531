//! Counting votes: what becomes justified and final, and the certificates that follow.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use umbel_dag::finality::{Epochs, Justification, checkpoint_indices};
use umbel_dag::{ReachabilityReader, ReadError};
use umbel_ledger::staking::overlay;
use umbel_store::{Batch, Durability, StoreError};
use umbel_types::errors::BlockError;
use umbel_types::{BlockHash, Certificate, Checkpoint, Hash32, Link, Params};

use super::certificate::{checkpoint_header, make_certificate};
use super::overlay::epochs_at;
use super::pool::VotePool;
use crate::consensus::lock;
use crate::pipeline::fault;
use crate::pipeline::virtual_state::{Disqualified, Position, SinkSearch};
use crate::storage::{FinalityRecord, Storage, read_error};

/// Checkpoints with votes whose chain could not be followed, that are remembered so as not to be tried at every block.
const MAX_REFUSED: usize = 64;

/// What this node knows to be justified and final, with the certificates that it keeps. Owned by the consensus thread.
#[derive(Clone, Debug)]
pub(crate) struct FinalityState {
    justification: Justification,
    /// What the disk has of it.
    saved: FinalityRecord,
    /// Enough votes were seen for them, but their chain can't be verified.
    refused: BTreeSet<Checkpoint>,
    /// Target index and epoch of every certificate that is kept, ascending by index.
    kept: Vec<(u32, u64)>,
    /// The newest two of them, oldest first.
    newest: Vec<Arc<Certificate>>,
    /// Certificates that the next batch writes (`Some`) or deletes.
    unsaved: BTreeMap<u32, Option<Arc<Certificate>>>,
}

/// A link with votes of more than two thirds.
struct Agreed {
    link: Link,
    voters: BTreeSet<Hash32>,
}

impl FinalityState {
    /// As it was stored; genesis where nothing was.
    pub(crate) fn load(storage: &Storage, genesis: BlockHash) -> Result<Self, StoreError> {
        let at_genesis = Checkpoint { index: 0, block: genesis };
        let record =
            storage.finality_record()?.unwrap_or(FinalityRecord { justified: at_genesis, finalized: at_genesis });
        let kept = storage.certificates()?;
        let mut newest = Vec::new();
        for (index, _) in kept.iter().rev().take(2).rev() {
            newest.extend(storage.certificate(*index)?.map(Arc::new));
        }
        Ok(Self {
            justification: Justification::new(record.finalized, record.justified),
            saved: record,
            refused: BTreeSet::new(),
            kept,
            newest,
            unsaved: BTreeMap::new(),
        })
    }

    /// Highest justified checkpoint (R11).
    pub(crate) fn justified(&self) -> Checkpoint {
        self.justification.newest()
    }

    /// Highest final checkpoint (R12).
    pub(crate) fn finalized(&self) -> Checkpoint {
        self.justification.finalized()
    }

    /// The newest two certificates, oldest first.
    pub(crate) fn newest_certificates(&self) -> &[Arc<Certificate>] {
        &self.newest
    }

    /// Whether there is something to write.
    pub(crate) fn differs_from(&self, other: &Self) -> bool {
        self.justification != other.justification || !self.unsaved.is_empty()
    }

    /// Puts everything that changed into the batch that moves the sink.
    pub(crate) fn put(&self, storage: &Storage, batch: &mut Batch) {
        storage.put_finality_record(batch, &self.record());
        for (index, certificate) in &self.unsaved {
            match certificate {
                Some(certificate) => storage.put_certificate(batch, certificate),
                None => storage.delete_certificate(batch, *index),
            }
        }
    }

    /// How soon what [`FinalityState::put`] puts has to be on the disk.
    pub(crate) fn durability(&self) -> Durability {
        if self.saved == self.record() { Durability::Deferred } else { Durability::Immediate }
    }

    /// The batch was written.
    pub(crate) fn is_saved(&mut self) {
        self.unsaved.clear();
        self.saved = self.record();
    }

    fn record(&self) -> FinalityRecord {
        FinalityRecord { justified: self.justified(), finalized: self.finalized() }
    }

    /// Counts the votes of the pool and what the chain itself carries. Where another chain than the position's turns out to
    /// be justified, the position moves to it, or the votes are refused because it can't be verified.
    ///
    /// - `choice`: what chains had to contain so far, for the way back.
    pub(crate) fn advance(
        &mut self,
        search: &SinkSearch<'_>,
        pool: &Mutex<VotePool>,
        position: &mut Position,
        choice: BlockHash,
    ) -> Result<Disqualified, BlockError> {
        let mut disqualified = Vec::new();
        if self.refused.len() >= MAX_REFUSED {
            self.refused.clear();
        }
        // Each turn but the last refuses a checkpoint, or goes over to the chain of one.
        while self.refused.len() < MAX_REFUSED {
            self.include(search, position)?;
            let (next, agreed) = self.counted(search, pool, position)?;
            let newest = next.newest();
            if next == self.justification {
                return Ok(disqualified);
            }
            if search.storage.is_chain_ancestor_of(newest.block, position.block).map_err(fault)? {
                self.keep_certificates(search.storage, pool, position, &agreed)?;
                self.justification = next;
                return Ok(disqualified);
            }
            let found = search.run(position, newest.block)?;
            disqualified.extend(found.disqualified);
            // Counted again, by the sets of that chain and with what of it can be verified.
            let confirmed = found.arrived && self.counted(search, pool, position)?.0.newest() == newest;
            if !confirmed {
                tracing::warn!(index = newest.index, block = %newest.block, "votes for a chain that can't be verified");
                self.refused.insert(newest);
                disqualified.extend(search.run_back(position, choice)?);
            } else {
                tracing::warn!(index = newest.index, block = %newest.block, "another chain was justified");
            }
        }
        Ok(disqualified)
    }

    /// What the votes make of the justified checkpoints, by the sets at the position.
    fn counted(
        &self,
        search: &SinkSearch<'_>,
        pool: &Mutex<VotePool>,
        position: &Position,
    ) -> Result<(Justification, Vec<Agreed>), BlockError> {
        let epochs = epochs_at(&position.state.states).ok_or_else(|| no_record(position.block))?;
        let agreed = if epochs.is_on() { self.agreed(search, pool, &epochs, position.block)? } else { Vec::new() };
        let mut next = self.justification.clone();
        // Whoever was away for long has not heard what justified the source. Two thirds have.
        let certified = lock(pool).certified().filter(|link| link.source.index > next.finalized().index);
        if let Some(link) = certified.filter(|link| agreed.iter().any(|agreed| agreed.link == *link)) {
            next.include(&link);
        }
        next.advance(agreed.iter().map(|agreed| &agreed.link));
        Ok((next, agreed))
    }

    /// Links with enough votes that keep F5.
    fn agreed(
        &self,
        search: &SinkSearch<'_>,
        pool: &Mutex<VotePool>,
        epochs: &Epochs,
        sink: BlockHash,
    ) -> Result<Vec<Agreed>, BlockError> {
        let finalized = self.finalized();
        let voters = lock(pool).voters(finalized.index);
        let mut agreed = Vec::new();
        for ((epoch, link), voters) in voters {
            let Ok(electorate) = epochs.electorate(&link) else { continue };
            let enough = electorate.epoch == epoch && electorate.agrees(&voters);
            if enough && !self.refused.contains(&link.target) && link_holds(search, finalized, &link, sink)? {
                agreed.push(Agreed { link, voters });
            }
        }
        Ok(agreed)
    }

    /// # Consensus
    /// > An included certificate is an adjacent link n−1 → n; it justifies n and finalizes n−1. (F7)
    fn include(&mut self, search: &SinkSearch<'_>, position: &Position) -> Result<(), BlockError> {
        let record = overlay(&position.state.states).ok_or_else(|| no_record(position.block))?;
        let certified = record.certified;
        if certified.index > self.justified().index || certified.index > self.finalized().index.saturating_add(1) {
            let link = included_link(search.storage, search.params, certified).map_err(fault)?;
            self.justification.include(&link);
        }
        Ok(())
    }

    /// Makes certificates of the links that made a checkpoint of this chain final.
    fn keep_certificates(
        &mut self,
        storage: &Storage,
        pool: &Mutex<VotePool>,
        position: &Position,
        agreed: &[Agreed],
    ) -> Result<(), BlockError> {
        let Some(epochs) = epochs_at(&position.state.states) else { return Ok(()) };
        let mut links: Vec<&Agreed> = agreed.iter().filter(|agreed| agreed.link.is_adjacent()).collect();
        links.sort_by_key(|agreed| agreed.link.target.index);
        for Agreed { link, voters } in links {
            let on_chain = storage.is_chain_ancestor_of(link.target.block, position.block).map_err(fault)?;
            let is_kept = self.newest.iter().any(|kept| kept.link.target.index >= link.target.index);
            if on_chain
                && !is_kept
                && let Ok(electorate) = epochs.electorate(link)
            {
                let certificate = make_certificate(&lock(pool), link, &electorate, voters);
                self.keep(Arc::new(certificate));
            }
        }
        Ok(())
    }

    /// Keeps the newest two, and the last of each epoch.
    fn keep(&mut self, certificate: Arc<Certificate>) {
        let at = (certificate.link.target.index, certificate.epoch);
        self.kept.push(at);
        self.unsaved.insert(at.0, Some(certificate.clone()));
        self.newest.push(certificate);
        if self.newest.len() > 2 {
            self.newest.remove(0);
        }
        if let [.., old, next, _] = self.kept[..]
            && old.1 == next.1
        {
            self.kept.remove(self.kept.len() - 3);
            self.unsaved.insert(old.0, None);
        }
    }
}

/// Every state has the overlay's record: a table is damaged.
fn no_record(block: BlockHash) -> BlockError {
    fault(ReadError::Inconsistent { block, what: "its state has no record of the overlay" })
}

/// # Consensus
/// > The target is a PoW-valid selected-chain block, has more blue work than the source, descends from it, and is buried
/// > by σ of blue score. (F5)
///
/// On whatever chain it stands: which one is followed depends on the answer.
fn link_holds(
    search: &SinkSearch<'_>,
    finalized: Checkpoint,
    link: &Link,
    sink: BlockHash,
) -> Result<bool, BlockError> {
    let storage = search.storage;
    let has_body = |block| {
        let record = storage.find_record(block).map_err(|e| fault(read_error(&e)))?;
        Ok::<bool, BlockError>(record.is_some_and(|record| record.status.has_body()))
    };
    if !has_body(link.source.block)? || !has_body(link.target.block)? {
        return Ok(false);
    }
    let source = checkpoint_header(storage, search.params, link.source)?;
    let target = checkpoint_header(storage, search.params, link.target)?;
    let (Some(source), Some(target)) = (source, target) else { return Ok(false) };
    let descends = |from, to| storage.is_chain_ancestor_of(from, to).map_err(fault);
    if target.blue_work <= source.blue_work
        || !descends(link.source.block, link.target.block)?
        || !descends(finalized.block, link.target.block)?
    {
        return Ok(false);
    }
    let is_buried_below = |tip: BlockHash| {
        let score = storage.header(tip).map_err(fault)?.blue_score.0;
        let deep = score.saturating_sub(target.blue_score.0) >= search.params.confirmation_depth;
        Ok::<bool, BlockError>(deep && descends(link.target.block, tip)?)
    };
    if descends(link.target.block, sink)? {
        return is_buried_below(sink);
    }
    for tip in storage.ordered_tips().map_err(fault)? {
        if is_buried_below(tip.hash)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The adjacent link to a checkpoint, by walking down its chain.
fn included_link(storage: &Storage, params: &Params, target: Checkpoint) -> Result<Link, ReadError> {
    let index = target.index.saturating_sub(1);
    let mut block = target.block;
    loop {
        let score = storage.header(block)?.blue_score;
        let parent = storage.selected_parent_score(block)?;
        if *checkpoint_indices(score, parent, params.checkpoint_interval).start() <= index {
            return Ok(Link { source: Checkpoint { index, block }, target });
        }
        block = storage.ghostdag_data(block)?.selected_parent;
    }
}

/// The highest checkpoint that is buried by σ below `tip` on its chain (F3).
pub(crate) fn highest_buried(storage: &Storage, params: &Params, tip: BlockHash) -> Result<Checkpoint, ReadError> {
    let top = storage.header(tip)?.blue_score.0;
    let mut block = tip;
    loop {
        let score = storage.header(block)?.blue_score;
        let parent = storage.selected_parent_score(block)?;
        let indices = checkpoint_indices(score, parent, params.checkpoint_interval);
        let is_buried = top.saturating_sub(score.0) >= params.confirmation_depth;
        if parent.is_none() || (is_buried && !indices.is_empty()) {
            return Ok(Checkpoint { index: *indices.end(), block });
        }
        block = storage.ghostdag_data(block)?.selected_parent;
    }
}
