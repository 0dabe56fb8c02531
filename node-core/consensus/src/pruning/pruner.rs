//! One small batch after another.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use umbel_dag::ReachabilityReader;
use umbel_dag::ReadError;
use umbel_dag::reachability::ReachabilityData;
use umbel_ledger::genesis::Genesis;
use umbel_store::segments::Location;
use umbel_store::{Batch, Durability, KvReader, Table, get_value};
use umbel_types::errors::BlockError;
use umbel_types::{BlockHash, Params};

use super::record::PruningRecord;
use super::{NodeRole, PruningConfig, PruningStatus};
use crate::pipeline::fault;
use crate::state_snapshot::OwnSnapshots;
use crate::storage::{Storage, read_error};

/// Outputs and State objects that one batch may move in the second state; a chain block that changes more goes alone.
const CHANGES_PER_BATCH: usize = 2_048;
/// Chain blocks that one batch may roll the second state over.
const ROLLED_PER_BATCH: usize = 256;
/// Blocks that one batch lets go of: about ten rows each.
const BLOCKS_PER_BATCH: usize = 64;

fn kv(error: umbel_store::StoreError) -> BlockError {
    fault(read_error(&error))
}

/// What there is to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Nothing,
    /// Move the second state towards the point.
    Roll,
    /// Wait until the own snapshot at the point is on the disk.
    Snapshot,
    /// Bodies of blocks that arrived before.
    Bodies,
    /// Everything of blocks that arrived before this one.
    Rows(u64),
    /// Files that hold no body that is kept.
    Files(Location),
}

/// The consensus thread's part that prunes.
pub(crate) struct Pruner {
    config: PruningConfig,
    record: PruningRecord,
    next: Next,
    /// Blue score of the sink and of the finalized block when they were last looked at.
    seen: Option<(u64, u64)>,
    /// First record that is kept, as far as files were dropped.
    dropped: Option<Location>,
    own: Option<OwnSnapshots>,
}

impl Pruner {
    /// Goes on where the store stands; a store without a second state gets that of genesis.
    pub(crate) fn open(
        storage: &Storage,
        params: &Params,
        genesis: &Genesis,
        config: PruningConfig,
    ) -> Result<Self, BlockError> {
        let record = match storage.pruning().map_err(kv)? {
            Some(record) => record,
            None => {
                let mut batch = Batch::new();
                let record = storage.put_pruned_genesis(&mut batch, genesis);
                storage.kv.write(batch, Durability::Deferred).map_err(kv)?;
                record
            }
        };
        let own = config.snapshots.clone().map(|folder| OwnSnapshots::new(folder, params, config.depths));
        Ok(Self { config, record, next: Next::Nothing, seen: None, dropped: None, own })
    }

    pub(crate) fn status(&self, storage: &Storage) -> Result<PruningStatus, BlockError> {
        Ok(PruningStatus {
            point: self.record.state,
            point_blue_score: storage.header(self.record.state).map_err(fault)?.blue_score,
            blocks_gone: self.record.rows_from.saturating_sub(1),
            bodies_gone: self.record.bodies_from.saturating_sub(1),
            busy: self.next != Next::Nothing,
        })
    }

    /// Looks whether the chain has moved on far enough for something to do.
    ///
    /// - `finalized`: chain block that no chain leaves any more.
    pub(crate) fn look(&mut self, storage: &Storage, sink: BlockHash, finalized: BlockHash) -> Result<(), BlockError> {
        let score = |block| Ok::<u64, BlockError>(storage.header(block).map_err(fault)?.blue_score.0);
        let seen = (score(sink)?, score(finalized)?);
        // What was let be for now can only go on when one of them has moved.
        if self.next == Next::Nothing && self.seen != Some(seen) {
            self.seen = Some(seen);
            if self.record.state == self.record.point
                && let Some(point) = self.newest_point(storage, sink, seen).map_err(fault)?
            {
                self.record.point = point;
            }
            self.next = self.find_next(storage)?;
        }
        Ok(())
    }

    /// Whether [`Self::step`] has something to do at once.
    pub(crate) fn is_busy(&self) -> bool {
        self.next != Next::Nothing && !self.waits()
    }

    /// Whether a thread writes a snapshot, without which nothing is deleted.
    pub(crate) fn waits(&self) -> bool {
        self.next == Next::Snapshot && self.own.as_ref().is_some_and(OwnSnapshots::is_writing)
    }

    /// One batch of what there is to do. Returns whether anything was written.
    pub(crate) fn step(&mut self, storage: &Storage) -> Result<bool, BlockError> {
        match self.next {
            Next::Nothing => return Ok(false),
            Next::Roll => self.roll(storage)?,
            Next::Snapshot => {
                let height = storage.chain_record(self.record.state).map_err(fault)?.height;
                if let Some(own) = &mut self.own {
                    own.poll(&storage.kv, self.record.state, height);
                }
            }
            Next::Bodies => self.drop_bodies(storage)?,
            Next::Rows(end) => self.drop_rows(storage, end)?,
            Next::Files(first) => {
                // On the disk no table names what goes now.
                storage.kv.sync().map_err(kv)?;
                let freed = storage.kv.drop_records_before(first).map_err(kv)?;
                if freed > 0 {
                    tracing::info!(freed, "bodies below the pruning point were deleted");
                }
                self.dropped = Some(first);
            }
        }
        self.next = self.find_next(storage)?;
        Ok(true)
    }

    /// # Consensus
    /// > The pruning point is the highest finalized chain block that is a checkpoint whose index is a multiple of 360, and
    /// > lies deep enough below the sink and the finalized block. (Pruning)
    fn newest_point(
        &self,
        storage: &Storage,
        sink: BlockHash,
        (sink_score, finalized_score): (u64, u64),
    ) -> Result<Option<BlockHash>, ReadError> {
        let depths = &self.config.depths;
        let limits = sink_score.checked_sub(depths.below_sink).zip(finalized_score.checked_sub(depths.below_finality));
        let Some((below_sink, below_finality)) = limits else { return Ok(None) };
        let interval = depths.interval.max(1);
        let now = storage.header(self.record.state)?.blue_score.0;
        if below_sink.min(below_finality) / interval <= now / interval {
            return Ok(None);
        }
        let (_, highest) = storage.chain_at_or_below(sink, below_sink.min(below_finality))?;
        let multiple = storage.header(highest)?.blue_score.0 / interval * interval;
        if multiple == 0 {
            return Ok(None);
        }
        // A checkpoint is the lowest chain block that has reached its score.
        let (below, _) = storage.chain_at_or_below(sink, multiple - 1)?;
        let point = storage.chain_block_at(below + 1).map_err(|e| read_error(&e))?;
        let point = point.ok_or(ReadError::Inconsistent { block: sink, what: "its chain has a gap" })?;
        let now = storage.chain_record(self.record.state)?.height;
        Ok((storage.chain_record(point)?.height > now).then_some(point))
    }

    fn find_next(&self, storage: &Storage) -> Result<Next, BlockError> {
        if self.record.state != self.record.point {
            return Ok(Next::Roll);
        }
        if self.config.role == NodeRole::Archive && self.own.is_none() {
            return Ok(Next::Nothing);
        }
        let is_genesis = storage.chain_record(self.record.state).map_err(fault)?.height == 0;
        if is_genesis {
            return Ok(Next::Nothing);
        }
        if let Some(own) = self.own.as_ref().filter(|own| !own.has(self.record.state)) {
            let failed = own.has_failed(self.record.state);
            return Ok(if failed { Next::Nothing } else { Next::Snapshot });
        }
        if self.config.role == NodeRole::Archive {
            return Ok(Next::Nothing);
        }
        let end = self.rows_end(storage).map_err(fault)?;
        if self.body_goes(storage, self.record.bodies_from, end)? {
            return Ok(Next::Bodies);
        }
        if self.record.rows_from < end {
            return Ok(Next::Rows(end));
        }
        match self.first_body(storage)? {
            Some(first) if self.dropped != Some(first) => Ok(Next::Files(first)),
            _ => Ok(Next::Nothing),
        }
    }

    /// The order of arrival of the root of what is kept: a chain block far enough below the point, and below the root of
    /// reachability's rebalancing, which climbs the tree down to there.
    fn rows_end(&self, storage: &Storage) -> Result<u64, ReadError> {
        let point = self.record.state;
        let Some(score) = storage.header(point)?.blue_score.0.checked_sub(self.config.depths.window) else {
            return Ok(self.record.rows_from);
        };
        let (_, root) = storage.chain_at_or_below(point, score)?;
        let known = storage.find_record(root).map_err(|e| read_error(&e))?;
        let Some(record) = known else { return Ok(self.record.rows_from) };
        let reindex_root = storage.reindex_root().map_err(|e| read_error(&e))?;
        let reindex_root = reindex_root.ok_or(ReadError::Missing(umbel_dag::NO_PARENT))?;
        if !storage.is_chain_ancestor_of(root, reindex_root)? {
            return Ok(self.record.rows_from);
        }
        Ok(record.sequence.max(self.record.rows_from))
    }

    fn arrived(&self, storage: &Storage, sequence: u64) -> Result<Option<BlockHash>, BlockError> {
        get_value(&*storage.kv as &dyn KvReader, Table::Arrival, &sequence.to_be_bytes()).map_err(kv)
    }

    /// A body goes once its block is merged below the point; so does that of a block which nothing can merge any more.
    fn body_goes(&self, storage: &Storage, sequence: u64, rows_end: u64) -> Result<bool, BlockError> {
        let point = self.record.state;
        if sequence < rows_end || sequence == 0 {
            return Ok(true);
        }
        match self.arrived(storage, sequence)? {
            Some(block) => Ok(block != point && storage.is_dag_ancestor_of(block, point).map_err(fault)?),
            None => Ok(false),
        }
    }

    /// Where the first body that is kept lies.
    fn first_body(&self, storage: &Storage) -> Result<Option<Location>, BlockError> {
        let Some(block) = self.arrived(storage, self.record.bodies_from)? else { return Ok(None) };
        get_value(&*storage.kv as &dyn KvReader, Table::BlockIndex, block.as_bytes()).map_err(kv)
    }

    /// Whether a block below the point is a chain block. One that came with a snapshot has no record as such.
    fn stood_on_chain(&self, storage: &Storage, block: BlockHash) -> Result<bool, ReadError> {
        if storage.find_chain_record(block).map_err(|e| read_error(&e))?.is_some() {
            return storage.is_on_chain(block).map_err(|e| read_error(&e));
        }
        let score = storage.header(block)?.blue_score.0;
        Ok(storage.chain_at_or_below(self.record.state, score)?.1 == block)
    }

    fn roll(&mut self, storage: &Storage) -> Result<(), BlockError> {
        let mut batch = Batch::new();
        let missing = || fault(ReadError::Inconsistent { block: self.record.state, what: "its state has no sum" });
        let mut lthash = storage.pruned_lthash().map_err(kv)?.ok_or_else(missing)?;
        let mut next = self.record;
        let mut height = storage.chain_record(next.state).map_err(fault)?.height;
        let (mut blocks, mut changes) = (0, 0);
        while next.state != next.point && blocks < ROLLED_PER_BATCH && changes < CHANGES_PER_BATCH {
            height += 1;
            let block = storage.chain_block_at(height).map_err(kv)?;
            let gap = ReadError::Inconsistent { block: next.point, what: "its chain has a gap" };
            let block = block.ok_or_else(|| fault(gap))?;
            let record = storage.chain_record(block).map_err(fault)?;
            storage.put_pruned_diff(&mut batch, &record.utxo);
            storage.put_pruned_states(&mut batch, &record.states);
            lthash.apply(&record.utxo);
            changes += record.utxo.removed().len() + record.utxo.added().len() + record.states.len();
            blocks += 1;
            next.state = block;
        }
        let committed = storage.header(next.state).map_err(fault)?.utxo_commit;
        if lthash.commitment() != committed {
            let what = "the outputs at the pruning point are not what its header commits to";
            return Err(fault(ReadError::Inconsistent { block: next.state, what }));
        }
        storage.put_pruned_lthash(&mut batch, &lthash);
        storage.put_pruning(&mut batch, &next);
        storage.kv.write(batch, Durability::Deferred).map_err(kv)?;
        self.record = next;
        Ok(())
    }

    fn drop_bodies(&mut self, storage: &Storage) -> Result<(), BlockError> {
        let end = self.rows_end(storage).map_err(fault)?;
        let mut batch = Batch::new();
        let mut next = self.record;
        let mut gone = Vec::new();
        while gone.len() < BLOCKS_PER_BATCH && self.body_goes(storage, next.bodies_from, end)? {
            let block = match next.bodies_from {
                0 => storage.chain_block_at(0).map_err(kv)?,
                sequence => self.arrived(storage, sequence)?,
            };
            if let Some(block) = block {
                batch.delete(Table::BlockIndex, block.as_bytes());
                gone.push(block);
            }
            next.bodies_from += 1;
        }
        storage.put_pruning(&mut batch, &next);
        storage.kv.write(batch, Durability::Deferred).map_err(kv)?;
        gone.into_iter().for_each(|block| storage.forget_body(block));
        self.record = next;
        Ok(())
    }

    /// Everything of the blocks that arrived from `rows_from` on and before `end`, but for the headers of chain blocks.
    /// Genesis, which never arrived, stays.
    fn drop_rows(&mut self, storage: &Storage, end: u64) -> Result<(), BlockError> {
        let mut next = self.record;
        let mut gone = BTreeSet::new();
        let mut covering: BTreeMap<BlockHash, Arc<ReachabilityData>> = BTreeMap::new();
        let mut batch = Batch::new();
        let last = end.min(next.rows_from.saturating_add(BLOCKS_PER_BATCH as u64));
        while next.rows_from < last {
            let sequence = next.rows_from;
            next.rows_from += 1;
            let Some(block) = self.arrived(storage, sequence)? else { continue };
            for &child in storage.reachability_data(block).map_err(fault)?.children.iter() {
                // A header whose body never came has no place in the order of arrival. Nothing stands on it: it goes with
                // the block that it chose.
                if storage.record(child).map_err(fault)?.sequence == 0 {
                    uncover(storage, child, &mut covering).map_err(fault)?;
                    batch.delete(Table::Header, child.as_bytes());
                    gone.insert(child);
                }
            }
            batch.delete(Table::Arrival, &sequence.to_be_bytes());
            if !self.stood_on_chain(storage, block).map_err(fault)? {
                batch.delete(Table::Header, block.as_bytes());
            }
            gone.insert(block);
        }
        for (block, data) in &covering {
            batch.put_value(Table::Reachability, block.as_bytes(), &**data);
        }
        for block in &gone {
            for table in [Table::Ghostdag, Table::Reachability, Table::Status, Table::BlockIndex, Table::ChainBlock] {
                batch.delete(table, block.as_bytes());
            }
            batch.delete(Table::Tips, block.as_bytes());
        }
        storage.put_pruning(&mut batch, &next);
        storage.kv.write(batch, Durability::Deferred).map_err(kv)?;
        covering.into_iter().for_each(|(block, data)| storage.cache_reachability(block, data));
        gone.into_iter().for_each(|block| storage.forget(block));
        self.record = next;
        Ok(())
    }
}

/// Takes a block that nothing stands on out of the covering sets of those that it merged.
fn uncover(
    storage: &Storage,
    leaf: BlockHash,
    covering: &mut BTreeMap<BlockHash, Arc<ReachabilityData>>,
) -> Result<(), ReadError> {
    for merged in storage.ghostdag_data(leaf)?.unordered_mergeset_without_selected_parent() {
        let data = match covering.get(&merged) {
            Some(data) => data.clone(),
            None => match storage.reachability_data(merged) {
                Ok(data) => data,
                Err(ReadError::Missing(_)) => continue,
                Err(error) => return Err(error),
            },
        };
        if data.future_covering_set.contains(&leaf) {
            let rest = data.future_covering_set.iter().copied().filter(|block| *block != leaf).collect();
            let changed = ReachabilityData { future_covering_set: Arc::new(rest), ..(*data).clone() };
            covering.insert(merged, Arc::new(changed));
        }
    }
    Ok(())
}
