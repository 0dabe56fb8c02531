//! A chain that begins with a snapshot.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use umbel_dag::{NO_PARENT, ReadError, reachability};
use umbel_ledger::utxo::UtxoDiff;
use umbel_pow::Pow;
use umbel_store::{Batch, Durability, KvStore, Table};
use umbel_types::consensus_api::BlockStatus;
use umbel_types::encode::{Decode, Encode};
use umbel_types::{Block, BlockHash, Checkpoint, Params};

use super::dag::PastBlock;
use super::format::{Manifest, Object, SnapshotInfo, Unspent};
use super::read::{Taker, read_all};
use super::{Progress, SnapshotError, own};
use crate::pruning::{PruningDepths, PruningRecord, pruned_table};
use crate::storage::{
    BlockRecord, ChainMeta, ChainRecord, FinalityRecord, StagedReachability, Storage, height_key, utxo_table,
};

/// Rows that one batch writes or clears.
const ROWS_PER_BATCH: usize = 4_096;
/// Blocks of the past between two rebalancings of the tree: they come in ascending order, so that the tree grows at its end.
const HINT_EVERY: usize = 32;
/// Memory for the tables' values while the tree is built.
const CACHE_BYTES: usize = 16 * 1024 * 1024;

fn inconsistent(error: ReadError) -> SnapshotError {
    SnapshotError::NotHere(format!("the tree of blocks can't be built: {error}"))
}

/// What a store gets.
struct Import<'a> {
    storage: &'a Storage,
    batch: Batch,
    /// Selected parent of each block of the past.
    past: BTreeMap<BlockHash, BlockHash>,
    /// Blocks so far, and those of them that have an order of arrival: all but genesis.
    blocks: usize,
    arrived: u64,
    genesis: BlockHash,
}

impl Import<'_> {
    fn flush(&mut self) -> Result<(), SnapshotError> {
        let batch = std::mem::take(&mut self.batch);
        Ok(self.storage.kv.write(batch, Durability::Deferred)?)
    }

    fn flush_if_full(&mut self) -> Result<(), SnapshotError> {
        if self.batch.len() >= ROWS_PER_BATCH { self.flush() } else { Ok(()) }
    }
}

impl Taker for Import<'_> {
    fn output(&mut self, Unspent { outpoint, entry }: Unspent) -> Result<(), SnapshotError> {
        for table in [utxo_table(&entry), pruned_table(&entry)] {
            self.batch.put_value(table, &outpoint.to_bytes(), &entry);
        }
        self.flush_if_full()
    }

    fn object(&mut self, Object { key, state }: Object) -> Result<(), SnapshotError> {
        for table in [Table::State, Table::PrunedState] {
            self.batch.put_value(table, &key.to_bytes(), &state);
        }
        self.flush_if_full()
    }

    fn past(&mut self, hash: BlockHash, block: PastBlock) -> Result<(), SnapshotError> {
        let PastBlock { header, ghostdag, merge_root } = block;
        let mut staged = StagedReachability::new(self.storage);
        if self.blocks == 0 {
            // What stands on blocks that are not here has one common root in the tree.
            reachability::init(&mut staged, NO_PARENT);
        }
        let is_here = |block: &BlockHash| self.past.contains_key(block);
        let parent = Some(ghostdag.selected_parent).filter(is_here).unwrap_or(NO_PARENT);
        let merged: Vec<BlockHash> =
            ghostdag.unordered_mergeset_without_selected_parent().filter(|block| is_here(block)).collect();
        reachability::add_block(&mut staged, hash, parent, merged).map_err(inconsistent)?;
        if self.blocks.is_multiple_of(HINT_EVERY) {
            reachability::hint_virtual_selected_parent(&mut staged, hash).map_err(inconsistent)?;
        }
        let mut batch = std::mem::take(&mut self.batch);
        let tree = staged.into_batch(&mut batch);
        self.storage.put_header(&mut batch, hash, &header, &ghostdag);
        // None of them can stand on another chain, and their bodies are not here: the last puts right those of the chain.
        let sequence = if hash == self.genesis { 0 } else { self.arrived + 1 };
        let record = BlockRecord { status: BlockStatus::Disqualified, sequence, merge_root };
        self.storage.put_record(&mut batch, hash, &record);
        if hash != self.genesis {
            batch.put_value(Table::Arrival, &sequence.to_be_bytes(), &hash);
        }
        // The tree reads what it wrote before.
        self.batch = batch;
        self.flush()?;
        tree.into_iter().for_each(|(block, data)| self.storage.cache_reachability(block, data));
        self.past.insert(hash, ghostdag.selected_parent);
        self.blocks += 1;
        self.arrived = self.arrived.max(sequence);
        Ok(())
    }
}

/// Fills an empty store with the state of a snapshot: a node that opens it goes on from there. What an attempt that was cut
/// off has left is cleared first; the chain's own record is written last, so that such a store holds no chain.
///
/// # Errors
/// [`SnapshotError`]; the store then holds no chain.
pub fn import_into(
    params: &Params,
    genesis: BlockHash,
    depths: &PruningDepths,
    store: &Arc<dyn KvStore>,
    dir: &Path,
    progress: Progress<'_>,
) -> Result<SnapshotInfo, SnapshotError> {
    let storage = Storage::new(store.clone(), CACHE_BYTES);
    if storage.meta()?.is_some() {
        return Err(SnapshotError::NotEmpty);
    }
    clear(&**store)?;
    let mut import =
        Import { storage: &storage, batch: Batch::new(), past: BTreeMap::new(), blocks: 0, arrived: 0, genesis };
    let manifest = read_all(params, genesis, depths, &Pow::of(params), dir, &mut import, progress)?;
    import.flush()?;
    finish(params, &storage, &import, &manifest)?;
    store.sync()?;
    Ok(manifest.info())
}

/// Empties all tables but for what the store keeps for itself.
fn clear(store: &dyn KvStore) -> Result<(), SnapshotError> {
    for &table in Table::ALL {
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = store.scan(table, after.as_deref(), ROWS_PER_BATCH)?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            let mut batch = Batch::new();
            for (key, _) in page {
                if table != Table::Meta || !key.starts_with(umbel_store::registry::META_PREFIX) {
                    batch.delete(table, &key);
                }
            }
            store.write(batch, Durability::Deferred)?;
        }
    }
    Ok(())
}

/// The chain below the block, its record, and last of all the chain's own.
fn finish(params: &Params, storage: &Storage, import: &Import<'_>, manifest: &Manifest) -> Result<(), SnapshotError> {
    let block = manifest.block.header.hash();
    let sequence = import.arrived;
    let mut batch = Batch::new();
    let (mut at, mut height) = (block, manifest.height);
    let mut lowest = height;
    while let Some(below) = import.past.get(&at) {
        let record = storage.record(at).map_err(inconsistent)?;
        let record = BlockRecord { status: BlockStatus::StateValid, ..record };
        storage.put_record(&mut batch, at, &record);
        storage.cache_record(at, record);
        batch.put_value(Table::ChainIndex, &height_key(height), &at);
        lowest = height;
        at = *below;
        height = height.saturating_sub(1);
        if batch.len() >= ROWS_PER_BATCH {
            storage.kv.write(std::mem::take(&mut batch), Durability::Deferred)?;
        }
    }
    let record = ChainRecord {
        height: manifest.height,
        lanes: manifest.lanes,
        mmr: manifest.mmr.clone(),
        utxo: UtxoDiff::default(),
        states: Vec::new(),
        accepted: Vec::new(),
    };
    storage.put_chain_record(&mut batch, block, &record);
    let location = match place_in_tail(storage, block) {
        Some(location) => location,
        None => storage.append_block(&manifest.block.header, &manifest.block.body)?,
    };
    storage.put_location(&mut batch, block, &location);
    batch.put(Table::Tips, block.as_bytes(), Vec::new());
    storage.put_lthash(&mut batch, &manifest.lthash);
    storage.put_pruned_lthash(&mut batch, &manifest.lthash);
    storage.put_pruning(
        &mut batch,
        &PruningRecord {
            point: block,
            state: block,
            anchor_height: manifest.height,
            base_height: lowest,
            rows_from: 1,
            bodies_from: sequence,
        },
    );
    // Whoever imports a snapshot takes its block for final.
    let anchor = Checkpoint { index: manifest.checkpoint(params)?, block };
    storage.put_finality_record(&mut batch, &FinalityRecord { justified: anchor, finalized: anchor });
    let mut staged = StagedReachability::new(storage);
    reachability::hint_virtual_selected_parent(&mut staged, block).map_err(inconsistent)?;
    staged.into_batch(&mut batch);
    storage.put_meta(&mut batch, &ChainMeta { genesis: import.genesis, sink: block, block_count: sequence });
    Ok(storage.kv.write(batch, Durability::Immediate)?)
}

/// Where the segments have the block already: beside a database that was lost.
fn place_in_tail(storage: &Storage, block: BlockHash) -> Option<umbel_store::segments::Location> {
    storage.kv.tail().into_iter().find(|place| storage.block_at(*place).is_ok_and(|found| found.hash() == block))
}

/// What was done about a store without a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Restored {
    /// It holds a chain, or nothing at all, or all blocks from genesis on.
    NotNeeded,
    /// Its chain begins with this snapshot now.
    From(Box<SnapshotInfo>, PathBuf),
}

/// Where the database was lost and the segments don't go back to genesis, the newest of the node's own snapshots takes its
/// place: the blocks behind it are then taken in from the segments as after any crash.
///
/// # Errors
/// [`SnapshotError`]: there is none, or none that holds.
pub fn restore_if_needed(
    params: &Params,
    genesis: BlockHash,
    depths: &PruningDepths,
    store: &Arc<dyn KvStore>,
    snapshots: &Path,
) -> Result<Restored, SnapshotError> {
    let storage = Storage::new(store.clone(), CACHE_BYTES);
    if storage.meta()?.is_some() {
        return Ok(Restored::NotNeeded);
    }
    let cut_off = store.count(Table::Header)? > 0;
    if !cut_off && begins_at_genesis(store, genesis) {
        return Ok(Restored::NotNeeded);
    }
    let mut refused = None;
    for dir in own::newest(snapshots).into_iter() {
        match import_into(params, genesis, depths, store, &dir, &mut |_| true) {
            Ok(info) => return Ok(Restored::From(Box::new(info), dir)),
            Err(error @ SnapshotError::Store(_)) => return Err(error),
            Err(error) => {
                tracing::error!(%error, snapshot = %dir.display(), "a snapshot does not hold");
                refused = Some(error);
            }
        }
    }
    clear(&**store)?;
    let none = || SnapshotError::NotHere(format!("there is no snapshot in {}", snapshots.display()));
    Err(refused.unwrap_or_else(none))
}

/// Whether the segments hold nothing, or genesis: then its blocks can be taken in one after another.
fn begins_at_genesis(store: &Arc<dyn KvStore>, genesis: BlockHash) -> bool {
    let tail = store.tail();
    let block_at = |place| store.record(place).ok().and_then(|bytes| Block::from_bytes(&bytes).ok());
    tail.is_empty() || tail.into_iter().any(|place| block_at(place).is_some_and(|block| block.hash() == genesis))
}
