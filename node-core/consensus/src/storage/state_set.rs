//! The ledger's state as the tables hold it: that of the sink.

use umbel_dag::ReadError;
use umbel_ledger::commitments::LtHash;
use umbel_ledger::state_tree::{StateChange, StateKey, StateTree};
use umbel_ledger::utxo::{UtxoDiff, UtxoView};
use umbel_store::{Batch, KvReader, StoreError, Table, decode_value, get_value};
use umbel_types::encode::Encode;
use umbel_types::state::State;
use umbel_types::utxo::StoredOutput;
use umbel_types::{OutPoint, UtxoEntry};

use super::tables::{Storage, read_error};

/// Which table an output lies in: coins and memos are kept apart.
pub(crate) fn utxo_table(entry: &UtxoEntry) -> Table {
    match entry.output {
        StoredOutput::Coin { .. } => Table::Coin,
        StoredOutput::Memo(_) => Table::Memo,
    }
}

/// Small parts of the sink's state that are kept in memory.
#[derive(Clone, Debug)]
pub(crate) struct StateAtSink {
    /// Sum over all Coins and Memos.
    pub(crate) lthash: LtHash,
    /// State objects.
    pub(crate) states: StateTree,
}

impl UtxoView for Storage {
    type Error = ReadError;

    fn get(&self, outpoint: &OutPoint) -> Result<Option<UtxoEntry>, ReadError> {
        self.find_utxo(outpoint).map_err(|e| read_error(&e))
    }
}

impl Storage {
    /// An unspent output in the sink's state.
    pub(crate) fn find_utxo(&self, outpoint: &OutPoint) -> Result<Option<UtxoEntry>, StoreError> {
        let reader = &*self.kv as &dyn KvReader;
        let key = outpoint.to_bytes();
        match get_value(reader, Table::Coin, &key)? {
            Some(entry) => Ok(Some(entry)),
            None => get_value(reader, Table::Memo, &key),
        }
    }

    /// Reads all State objects.
    pub(crate) fn load_states(&self) -> Result<StateTree, StoreError> {
        let rows = self.kv.scan(Table::State, None, usize::MAX)?;
        let objects = rows.into_iter().map(|(key, value)| {
            let key: StateKey = decode_value(Table::State, &key)?;
            let state: State = decode_value(Table::State, &value)?;
            Ok((key, state))
        });
        objects.collect()
    }

    pub(crate) fn put_utxo_diff(&self, batch: &mut Batch, diff: &UtxoDiff) {
        for (outpoint, entry) in diff.removed() {
            batch.delete(utxo_table(entry), &outpoint.to_bytes());
        }
        for (outpoint, entry) in diff.added() {
            batch.put_value(utxo_table(entry), &outpoint.to_bytes(), entry);
        }
    }

    /// Writes the objects that `changes` name as they stand in `states`.
    pub(crate) fn put_states<'a>(
        &self,
        batch: &mut Batch,
        states: &StateTree,
        changes: impl IntoIterator<Item = &'a StateChange>,
    ) {
        for change in changes {
            let key = change.key.to_bytes();
            match states.get(&change.key) {
                Some(state) => batch.put_value(Table::State, &key, state),
                None => batch.delete(Table::State, &key),
            }
        }
    }
}
