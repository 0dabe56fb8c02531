//! Which tip the selected chain ends in: the heaviest one whose chain can be verified (R11).

use std::collections::BTreeMap;
use std::sync::Arc;

use umbel_dag::ghostdag::SortableBlock;
use umbel_dag::reachability;
use umbel_dag::{ReachabilityReader, ReadError};
use umbel_store::{Batch, Durability, Table};
use umbel_types::consensus_api::BlockStatus;
use umbel_types::errors::BlockError;
use umbel_types::{BlockHash, Params};

use crate::finality::FinalityState;
use crate::pipeline::fault;
use crate::pipeline::rules::Rules;
use crate::storage::{
    BlockRecord, ChainMeta, ChainRecord, StagedReachability, StateAtSink, Storage, height_key, read_error,
};

use super::position::Position;

/// What the search needs of the node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SinkSearch<'a> {
    pub(crate) storage: &'a Storage,
    pub(crate) rules: &'a Rules,
    pub(crate) params: &'a Params,
    pub(crate) genesis: BlockHash,
}

/// The way between two chain blocks.
struct ChainStep {
    /// How often to go back.
    removed: usize,
    /// Oldest first.
    added: Vec<BlockHash>,
}

/// Blocks that can't stand on the chain, and why.
pub(crate) type Disqualified = Vec<(BlockHash, BlockError)>;

/// What a search did.
#[derive(Debug)]
pub(crate) struct Found {
    /// Blocks that were disqualified on the way.
    pub(crate) disqualified: Disqualified,
    /// Whether there is a chain that can be verified. If not, the position stands wherever the last one was given up.
    pub(crate) arrived: bool,
}

impl SinkSearch<'_> {
    /// Moves `position` to the heaviest tip that can be verified and whose chain contains `choice`. Blocks that can't stand
    /// on the chain are disqualified on the way.
    ///
    /// # Consensus
    /// > The maximum (blue_work, hash) among tips whose selected chain contains the latest known justified checkpoint.
    /// > (R11) Never below the last finalized checkpoint; without finality, never below the finality depth. (R12)
    pub(crate) fn run(&self, position: &mut Position, choice: BlockHash) -> Result<Found, BlockError> {
        let mut disqualified = Vec::new();
        let mut candidates = self.storage.ordered_tips().map_err(fault)?;
        while let Some(SortableBlock { hash, .. }) = candidates.pop_last() {
            if self.storage.is_chain_ancestor_of(choice, hash).map_err(fault)? {
                match self.try_candidate(position, hash)? {
                    None => return Ok(Found { disqualified, arrived: true }),
                    Some(refused) => disqualified.extend(refused),
                }
            }
            // What it merged may stand on such a chain. Whatever is lighter than a candidate is looked at after it, so
            // that nothing is tried before what stands on it.
            for parent in self.storage.parents_kept(hash).map_err(fault)? {
                if self.storage.is_dag_ancestor_of(choice, parent).map_err(fault)? {
                    candidates.insert(SortableBlock::read(self.storage, parent).map_err(fault)?);
                }
            }
        }
        Ok(Found { disqualified, arrived: false })
    }

    /// Like [`SinkSearch::run`] where there is a chain: the one that the node was on.
    pub(crate) fn run_back(&self, position: &mut Position, choice: BlockHash) -> Result<Disqualified, BlockError> {
        let Found { disqualified, arrived } = self.run(position, choice)?;
        if arrived {
            return Ok(disqualified);
        }
        Err(fault(ReadError::Inconsistent { block: choice, what: "no tip above it has a chain that can be verified" }))
    }

    /// `None` if the position is at `candidate` now; else what was disqualified (nothing, if it was known before).
    fn try_candidate(&self, position: &mut Position, candidate: BlockHash) -> Result<Option<Disqualified>, BlockError> {
        if self.is_above_disqualified(candidate)? {
            return Ok(Some(Vec::new()));
        }
        let step = self.step_to(position.block, candidate).map_err(fault)?;
        for _ in 0..step.removed {
            position.undo(self.storage)?;
        }
        for (index, &block) in step.added.iter().enumerate() {
            let known = self.storage.record(block).map_err(fault)?.status == BlockStatus::StateValid
                || position.verified.contains_key(&block);
            let result = if known {
                position.redo(self.storage, block)
            } else {
                position.verify(self.storage, self.rules, self.params, self.genesis, block)
            };
            match result {
                Ok(()) => self.flush_records(position)?,
                Err(
                    error @ (BlockError::Commitment { .. } | BlockError::TxContext { .. } | BlockError::Certificate(_)),
                ) => {
                    return self.disqualify(&step.added[index..], error).map(Some);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Whether the candidate or a block below it on its chain is disqualified. What is found so is marked, so that no
    /// block is walked over twice.
    fn is_above_disqualified(&self, candidate: BlockHash) -> Result<bool, BlockError> {
        let mut above = Vec::new();
        let mut block = candidate;
        loop {
            match self.storage.record(block).map_err(fault)?.status {
                BlockStatus::StateValid => return Ok(false),
                BlockStatus::Disqualified => break,
                _ => above.push(block),
            }
            block = self.storage.ghostdag_data(block).map_err(fault)?.selected_parent;
        }
        self.mark_disqualified(&above)?;
        Ok(true)
    }

    /// Writes the records of blocks that were verified on the way, if they take more than their share of memory. They are true
    /// wherever the sink is: a crash in the middle of a long way leaves it where it was, and what was verified is not
    /// verified again.
    fn flush_records(&self, position: &mut Position) -> Result<(), BlockError> {
        if position.verified_bytes <= self.storage.held_records_bytes {
            return Ok(());
        }
        let mut batch = Batch::new();
        let statuses = put_verified(self.storage, &position.verified, &mut batch)?;
        self.storage.kv.write(batch, Durability::Deferred).map_err(|e| fault(read_error(&e)))?;
        statuses.into_iter().for_each(|(block, record)| self.storage.cache_record(block, record));
        for (block, record) in std::mem::take(&mut position.verified) {
            self.storage.cache_chain_record(block, record);
        }
        position.verified_bytes = 0;
        Ok(())
    }

    fn step_to(&self, from: BlockHash, to: BlockHash) -> Result<ChainStep, ReadError> {
        let mut removed = 0;
        let mut split = from;
        while !self.storage.is_chain_ancestor_of(split, to)? {
            split = self.storage.ghostdag_data(split)?.selected_parent;
            removed += 1;
        }
        let mut added = Vec::new();
        let mut block = to;
        while block != split {
            added.push(block);
            block = self.storage.ghostdag_data(block)?.selected_parent;
        }
        added.reverse();
        Ok(ChainStep { removed, added })
    }

    fn mark_disqualified(&self, blocks: &[BlockHash]) -> Result<(), BlockError> {
        let mut batch = Batch::new();
        let mut records: Vec<(BlockHash, BlockRecord)> = Vec::new();
        for &block in blocks {
            let record = self.storage.with_status(block, BlockStatus::Disqualified).map_err(fault)?;
            self.storage.put_record(&mut batch, block, &record);
            records.push((block, record));
        }
        self.storage.kv.write(batch, Durability::Deferred).map_err(|e| fault(read_error(&e)))?;
        for (block, record) in &records {
            self.storage.cache_record(*block, *record);
        }
        Ok(())
    }

    /// A block above a disqualified one on its chain is disqualified too.
    fn disqualify(&self, blocks: &[BlockHash], error: BlockError) -> Result<Disqualified, BlockError> {
        self.mark_disqualified(blocks)?;
        Ok(blocks.iter().map(|block| (*block, error.clone())).collect())
    }
}

/// Where the sink goes, with what is justified and final there.
#[derive(Debug)]
pub(crate) struct SinkMove<'a> {
    pub(crate) position: Position,
    /// Tips that do not have it in their past are forgotten: nothing can merge them any more.
    pub(crate) intake: BlockHash,
    pub(crate) finality: &'a FinalityState,
}

/// Moves tables, chain index, sink and what is final to the position, in one batch. What became justified or final is on the
/// disk before anyone hears of it: a validator that votes on it, and whose guard is, must find it again after a power cut.
///
/// # Errors
/// [`BlockError::Unavailable`]; nothing was moved.
pub(crate) fn commit_sink(
    storage: &Storage,
    SinkMove { position, intake, finality }: SinkMove<'_>,
    meta: &mut ChainMeta,
) -> Result<StateAtSink, BlockError> {
    let mut batch = Batch::new();
    let records = put_verified(storage, &position.verified, &mut batch)?;
    index_chain(storage, &position, meta.sink, &mut batch)?;
    storage.put_utxo_diff(&mut batch, &position.utxo);
    storage.put_states(&mut batch, &position.state.states, position.touched.values());
    storage.put_lthash(&mut batch, &position.state.lthash);
    let next = ChainMeta { sink: position.block, ..*meta };
    storage.put_meta(&mut batch, &next);
    finality.put(storage, &mut batch);
    let forgotten = storage.tips_beside(intake).map_err(fault)?;
    for tip in &forgotten {
        batch.delete(Table::Tips, tip.hash.as_bytes());
    }
    let mut staged = StagedReachability::new(storage);
    reachability::hint_virtual_selected_parent(&mut staged, next.sink).map_err(fault)?;
    let tree = staged.into_batch(&mut batch);
    storage.kv.write(batch, finality.durability()).map_err(|e| fault(read_error(&e)))?;
    storage.tips_were_forgotten(&forgotten, intake).map_err(fault)?;
    tree.into_iter().for_each(|(block, data)| storage.cache_reachability(block, data));
    records.into_iter().for_each(|(block, record)| storage.cache_record(block, record));
    position.verified.into_iter().for_each(|(block, record)| storage.cache_chain_record(block, record));
    *meta = next;
    Ok(position.state)
}

/// Puts what was verified into a batch; returns the new statuses for the cache.
fn put_verified(
    storage: &Storage,
    verified: &BTreeMap<BlockHash, Arc<ChainRecord>>,
    batch: &mut Batch,
) -> Result<Vec<(BlockHash, BlockRecord)>, BlockError> {
    let mut statuses = Vec::with_capacity(verified.len());
    for (block, record) in verified {
        let status = storage.with_status(*block, BlockStatus::StateValid).map_err(fault)?;
        storage.put_chain_record(batch, *block, record);
        storage.put_record(batch, *block, &status);
        statuses.push((*block, status));
    }
    Ok(statuses)
}

/// Writes the heights of the new chain and deletes those that only the old one had.
fn index_chain(storage: &Storage, position: &Position, old: BlockHash, batch: &mut Batch) -> Result<(), BlockError> {
    let height_of = |block: BlockHash| match position.verified.get(&block) {
        Some(record) => Ok(record.height),
        None => storage.chain_record(block).map(|record| record.height),
    };
    let mut block = position.block;
    let mut height = height_of(block).map_err(fault)?;
    let old_height = height_of(old).map_err(fault)?;
    for stale in height + 1..=old_height {
        batch.delete(Table::ChainIndex, &height_key(stale));
    }
    while storage.chain_block_at(height).map_err(|e| fault(read_error(&e)))? != Some(block) {
        batch.put_value(Table::ChainIndex, &height_key(height), &block);
        block = storage.ghostdag_data(block).map_err(fault)?.selected_parent;
        height -= 1;
    }
    Ok(())
}
