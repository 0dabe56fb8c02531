//! How far pruning is, in one row.

use umbel_ledger::commitments::LtHash;
use umbel_ledger::genesis::Genesis;
use umbel_ledger::state_tree::StateChange;
use umbel_ledger::utxo::UtxoDiff;
use umbel_store::{Batch, KvReader, StoreError, Table, get_value};
use umbel_types::encode::Encode;
use umbel_types::utxo::StoredOutput;
use umbel_types::{BlockHash, UtxoEntry, encode_struct};

use crate::storage::Storage;

pub(crate) const META_PRUNING: &[u8] = b"chain/pruning";
pub(crate) const META_PRUNED_LTHASH: &[u8] = b"chain/pruned-lthash";

/// How far pruning is. Sequences are orders of arrival: a block arrives behind all of its past, so whatever arrived before
/// some block is closed under "past of", and what is kept is closed under "future of".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PruningRecord {
    /// The pruning point: where the `pruned_*` tables stand, or are on the way to.
    pub(crate) point: BlockHash,
    /// The chain block whose state they hold.
    pub(crate) state: BlockHash,
    /// Height of the block whose state the chain began with: 0, or that of a snapshot's block. Nothing below is undone.
    pub(crate) anchor_height: u64,
    /// Lowest height of the chain index: that of the lowest chain block whose header came with the snapshot.
    pub(crate) base_height: u64,
    /// Of blocks that arrived before, nothing is kept but the headers of chain blocks.
    pub(crate) rows_from: u64,
    /// Of blocks that arrived before, no body is kept.
    pub(crate) bodies_from: u64,
}
encode_struct!(PruningRecord { point, state, anchor_height, base_height, rows_from, bodies_from });

pub(crate) fn pruned_table(entry: &UtxoEntry) -> Table {
    match entry.output {
        StoredOutput::Coin { .. } => Table::PrunedCoin,
        StoredOutput::Memo(_) => Table::PrunedMemo,
    }
}

impl Storage {
    pub(crate) fn pruning(&self) -> Result<Option<PruningRecord>, StoreError> {
        get_value(&*self.kv as &dyn KvReader, Table::Meta, META_PRUNING)
    }

    pub(crate) fn pruned_lthash(&self) -> Result<Option<LtHash>, StoreError> {
        get_value(&*self.kv as &dyn KvReader, Table::Meta, META_PRUNED_LTHASH)
    }

    /// Whether a block's place in the DAG was here and is not kept any more. Asked only where something is missing.
    pub(crate) fn is_pruned(&self, block: BlockHash) -> Result<bool, StoreError> {
        Ok(self.pruning()?.is_some_and(|record| record.rows_from > 0) && self.find_record(block)?.is_none())
    }

    pub(crate) fn put_pruning(&self, batch: &mut Batch, record: &PruningRecord) {
        batch.put_value(Table::Meta, META_PRUNING, record);
    }

    pub(crate) fn put_pruned_lthash(&self, batch: &mut Batch, lthash: &LtHash) {
        batch.put_value(Table::Meta, META_PRUNED_LTHASH, lthash);
    }

    pub(crate) fn put_pruned_diff(&self, batch: &mut Batch, diff: &UtxoDiff) {
        for (outpoint, entry) in diff.removed() {
            batch.delete(pruned_table(entry), &outpoint.to_bytes());
        }
        for (outpoint, entry) in diff.added() {
            batch.put_value(pruned_table(entry), &outpoint.to_bytes(), entry);
        }
    }

    pub(crate) fn put_pruned_states(&self, batch: &mut Batch, changes: &[StateChange]) {
        for change in changes {
            match &change.after {
                Some(state) => batch.put_value(Table::PrunedState, &change.key.to_bytes(), state),
                None => batch.delete(Table::PrunedState, &change.key.to_bytes()),
            }
        }
    }

    /// The second state at genesis, where it begins.
    pub(crate) fn put_pruned_genesis(&self, batch: &mut Batch, genesis: &Genesis) -> PruningRecord {
        self.put_pruned_diff(batch, &genesis.utxo);
        for (key, state) in genesis.states.iter() {
            batch.put_value(Table::PrunedState, &key.to_bytes(), state);
        }
        self.put_pruned_lthash(batch, &genesis.lthash);
        let record = PruningRecord {
            point: genesis.hash,
            state: genesis.hash,
            anchor_height: 0,
            base_height: 0,
            rows_from: 0,
            bodies_from: 0,
        };
        self.put_pruning(batch, &record);
        record
    }
}
