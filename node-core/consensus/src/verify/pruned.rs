//! A store that has let go of old blocks: verification begins at the state of the pruning point.
//!
//! That state has to be what the point's header commits to. Blocks above the point are verified like any others; of those
//! beside and below it that are still kept, header, body and place are compared as far as their past is here.

use umbel_dag::{NO_PARENT, ReachabilityReader, reachability};
use umbel_ledger::commitments::{ChainMmr, LtHash};
use umbel_ledger::state_tree::{StateKey, StateTree};
use umbel_store::{Batch, Durability, Table, decode_value};
use umbel_types::encode::Encode;
use umbel_types::state::State;
use umbel_types::{BlockHash, Header, OutPoint, UtxoEntry};

use super::Replay;
use super::report::{Verdict, VerifyError, bad_body, differs, hex, readable, same, same_block, unreadable};
use super::state::{LedgerState, Utxos};
use crate::pruning::{META_PRUNED_LTHASH, PruningRecord, pruned_table};
use crate::storage::{ChainMeta, StagedReachability};

/// Where verification begins in a store that was pruned.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    /// The block whose state the second set of tables holds.
    pub(super) block: BlockHash,
    pub(super) record: PruningRecord,
}

impl Start {
    /// `None` for a store that holds everything from genesis on.
    pub(super) fn of(record: Option<PruningRecord>) -> Option<Self> {
        let record = record.filter(|record| record.bodies_from > 1 || record.rows_from > 1 || record.anchor_height > 0);
        record.map(|record| Self { block: record.state, record })
    }
}

impl Replay<'_> {
    /// Whether a block is verified by every rule: in a pruned store, if it stands above the start.
    pub(super) fn is_above_start(&self, block: BlockHash) -> Result<bool, VerifyError> {
        let Some(start) = self.start else { return Ok(true) };
        Ok(block != start.block && self.stored.is_dag_ancestor_of(start.block, block).map_err(unreadable(block))?)
    }

    /// Whether a chain block lies below where a pruned store begins.
    pub(super) fn is_below_start(&self, block: BlockHash) -> Result<bool, VerifyError> {
        let Some(start) = self.start else { return Ok(false) };
        Ok(block != start.block && (self.stored.find_record(block)?.is_none() || !self.is_above_start(block)?))
    }

    /// Blocks that stand on what is no longer here have one common root in the replayed tree. Genesis is kept.
    pub(super) fn begin_pruned(&mut self) -> Verdict {
        let mut batch = Batch::new();
        let mut staged = StagedReachability::new(&self.replayed);
        reachability::init(&mut staged, NO_PARENT);
        staged.into_batch(&mut batch);
        self.replayed.kv.write(batch, Durability::Deferred)?;
        if self.stored.find_record(self.genesis.hash)?.is_some() {
            let header = self.stored_header(self.genesis.hash)?;
            self.take_over(self.genesis.hash, &header)?;
        }
        Ok(())
    }

    /// A kept block that is not above the start: its parts have to agree with each other.
    pub(super) fn kept_block(&mut self, hash: BlockHash, meta: &mut ChainMeta) -> Verdict {
        let header = self.stored_header(hash)?;
        self.take_over(hash, &header)?;
        let location = readable(hash, "where its body lies", self.stored.find_location(hash))?;
        if location.is_some() {
            let block = self.stored.stored_block(hash).map_err(bad_body)?;
            same(hash, "tx_root", block.body.tx_root(), header.tx_root)?;
        }
        let mut batch = Batch::new();
        if let Some(location) = &location {
            self.replayed.put_location(&mut batch, hash, location);
        }
        meta.block_count += 1;
        let record = self.stored_record(hash)?;
        same(hash, "its place in the order of arrival", record.sequence, meta.block_count)?;
        batch.put_value(Table::Arrival, &record.sequence.to_be_bytes(), &hash);
        let mut kept = Vec::new();
        for &parent in &header.parents {
            if self.replayed.find_record(parent)?.is_some() {
                batch.delete(Table::Tips, parent.as_bytes());
                kept.push(parent);
            }
        }
        batch.put(Table::Tips, hash.as_bytes(), Vec::new());
        self.replayed.kv.write(batch, Durability::Deferred)?;
        self.report.kept_blocks += 1;
        self.replayed.tip_was_added(hash, &kept).map_err(unreadable(hash))
    }

    /// Header, colouring and status as they are stored; the place in the tree is computed.
    pub(super) fn take_over(&mut self, hash: BlockHash, header: &Header) -> Verdict {
        let ghostdag = self.stored.ghostdag_data(hash).map_err(unreadable(hash))?;
        same(hash, "blue score as coloured", ghostdag.blue_score, header.blue_score)?;
        same(hash, "blue work as coloured", format!("{:?}", ghostdag.blue_work), format!("{:?}", header.blue_work))?;
        let record = self.stored_record(hash)?;
        let mut merged = Vec::new();
        for block in ghostdag.unordered_mergeset_without_selected_parent() {
            if self.replayed.find_record(block)?.is_some() {
                merged.push(block);
            }
        }
        let parent = match self.replayed.find_record(ghostdag.selected_parent)? {
            Some(_) => ghostdag.selected_parent,
            None => NO_PARENT,
        };
        let mut batch = Batch::new();
        let mut staged = StagedReachability::new(&self.replayed);
        reachability::add_block(&mut staged, hash, parent, merged).map_err(unreadable(hash))?;
        let tree = staged.into_batch(&mut batch);
        self.replayed.put_header(&mut batch, hash, header, &ghostdag);
        self.replayed.put_record(&mut batch, hash, &record);
        self.replayed.kv.write(batch, Durability::Deferred)?;
        tree.into_iter().for_each(|(block, data)| self.replayed.cache_reachability(block, data));
        self.replayed.cache_record(hash, record);
        Ok(())
    }

    /// The ledger at the start: every table row, against what the block's header commits to.
    pub(super) fn start_state(&self, start: &Start) -> Result<LedgerState, VerifyError> {
        let block = start.block;
        let header = self.stored_header(block)?;
        let found = readable(block, "what is stored of a chain block", self.stored.find_chain_record(block))?;
        let record = found.ok_or_else(|| differs(block, "what is stored of a chain block", "nothing", "its lanes"))?;
        let mut utxo = Utxos::default();
        let mut lthash = LtHash::default();
        for table in [Table::PrunedCoin, Table::PrunedMemo] {
            self.rows(table, |key, value| {
                let outpoint: OutPoint = readable(block, "an outpoint", decode_value(table, key))?;
                let entry: UtxoEntry = readable(block, "an output", decode_value(table, value))?;
                if pruned_table(&entry) != table {
                    return Err(differs(block, format!("{outpoint}"), table.name(), pruned_table(&entry).name()));
                }
                lthash.add(&outpoint, &entry);
                utxo.0.insert(outpoint, entry);
                Ok(())
            })?;
        }
        let mut objects: Vec<(StateKey, State)> = Vec::new();
        self.rows(Table::PrunedState, |key, value| {
            let object = readable(block, "the key of a State object", decode_value(Table::PrunedState, key))?;
            objects.push((object, readable(block, "a State object", decode_value(Table::PrunedState, value))?));
            Ok(())
        })?;
        let states: StateTree = objects.into_iter().collect();
        same(block, "utxo_commit of the outputs at the pruning point", lthash.commitment(), header.utxo_commit)?;
        same(block, "state_root of the objects at the pruning point", states.root(), header.state_root)?;
        same(block, "accepted_root of its lanes", record.lanes.root(), header.accepted_root)?;
        same(block, "chain_mmr_root as stored", record.mmr.root(), header.chain_mmr_root)?;
        same(block, "height", record.height, record.mmr.size())?;
        let (lanes, mmr) = (record.lanes, record.mmr.clone());
        let flows = self.hidden_at(block, &utxo.0, &states)?;
        Ok(LedgerState { block, height: record.height, utxo, lthash, states, lanes, mmr, flows })
    }

    /// The second set of tables beside the ledger where they stand.
    pub(super) fn compare_pruned(&self, state: &LedgerState) -> Verdict {
        let mut rows = 0;
        for table in [Table::PrunedCoin, Table::PrunedMemo] {
            self.rows(table, |key, value| {
                rows += 1;
                let outpoint: OutPoint = readable(None, "an outpoint", decode_value(table, key))?;
                let expected = state.utxo.0.get(&outpoint).filter(|entry| pruned_table(entry) == table);
                if expected.is_some_and(|entry| entry.to_bytes() == value) {
                    return Ok(());
                }
                Err(differs(
                    state.block,
                    format!("{outpoint} in {}", table.name()),
                    hex(value),
                    "what is unspent there",
                ))
            })?;
        }
        same(state.block, "the number of outputs at the pruning point", rows, state.utxo.0.len())?;
        let mut expected = state.states.iter().map(|(key, object)| (key.to_bytes(), object.to_bytes()));
        self.rows(Table::PrunedState, |key, value| match expected.next() {
            Some((object, body)) if object == key && body == value => Ok(()),
            _ => Err(differs(state.block, format!("pruned State object {}", hex(key)), hex(value), "another")),
        })?;
        match expected.next() {
            None => Ok(()),
            Some((key, _)) => Err(differs(state.block, format!("pruned State object {}", hex(&key)), "nothing", "one")),
        }
    }

    /// The sum that is stored beside them.
    pub(super) fn pruned_sum(&self, value: &[u8]) -> Verdict {
        let Some(record) = readable(None, "how far pruning is", self.stored.pruning())? else {
            return Err(differs(None, String::from_utf8_lossy(META_PRUNED_LTHASH), "a sum", "no second state"));
        };
        let sum: LtHash = readable(None, "the sum at the pruning point", decode_value(Table::Meta, value))?;
        let header = self.stored_header(record.state)?;
        same(record.state, "utxo_commit of the sum at the pruning point", sum.commitment(), header.utxo_commit)
    }

    /// Below the start: headers lead down to the lowest that is kept, and the whole chain is the one that the start's header
    /// commits to.
    pub(super) fn chain_below(&self, start: &Start) -> Verdict {
        let top = self.stored.chain_record(start.block).map_err(unreadable(start.block))?;
        let mut mmr = ChainMmr::default();
        let mut below: Option<BlockHash> = None;
        for height in start.record.base_height..=top.height {
            let what = || format!("the block at height {height}");
            let found = readable(start.block, "the block at a height", self.stored.chain_block_at(height))?;
            let hash = found.ok_or_else(|| differs(start.block, what(), "none", "a chain block"))?;
            let header = self.stored_header(hash)?;
            if let Some(below) = below
                && !header.parents.contains(&below)
            {
                return Err(differs(hash, what(), "a block that does not stand on the one below", "one that does"));
            }
            if height == top.height {
                same_block(hash, what(), Some(hash), Some(start.block))?;
            } else {
                mmr = mmr.push(hash);
            }
            below = Some(hash);
        }
        if start.record.base_height == 0 {
            same(start.block, "chain_mmr_root of the chain below", mmr.root(), top.mmr.root())?;
        }
        Ok(())
    }

    /// Headers that outlived their block: only those of the chain.
    pub(super) fn is_kept_header(&self, hash: BlockHash) -> Result<bool, VerifyError> {
        let Some(start) = self.start else { return Ok(false) };
        if self.stored.find_record(hash)?.is_some() {
            return Ok(false);
        }
        let header = self.stored_header(hash)?;
        let found = self.stored.chain_at_or_below(start.block, header.blue_score.0).map_err(unreadable(hash))?;
        Ok(found.1 == hash)
    }
}
