//! Memory: one sorted map for each table.
//!
//! A snapshot shares the maps. A write copies a map only while a snapshot holds it, so that readers see one state and
//! a node without snapshots copies nothing.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock};

use crate::batch::{Batch, Durability};
use crate::error::StoreError;
use crate::kv::{KvReader, KvStore, Pair, StoreKind, StoreStats};
use crate::registry::Table;
use crate::segments::{Location, MAX_RECORD_BYTES, Position};

type Map = BTreeMap<Arc<[u8]>, Arc<[u8]>>;

#[derive(Clone, Debug)]
struct Tables([Arc<Map>; Table::COUNT]);

impl Tables {
    fn map(&self, table: Table) -> &Map {
        &self.0[table.position()]
    }
}

impl KvReader for Tables {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.map(table).get(key).map(|value| value.to_vec()))
    }

    fn scan(&self, table: Table, after: Option<&[u8]>, limit: usize) -> Result<Vec<Pair>, StoreError> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let range = self.map(table).range::<[u8], _>((start, Bound::Unbounded));
        Ok(range.take(limit).map(|(key, value)| (key.to_vec(), value.to_vec())).collect())
    }

    fn last(&self, table: Table) -> Result<Option<Pair>, StoreError> {
        Ok(self.map(table).last_key_value().map(|(key, value)| (key.to_vec(), value.to_vec())))
    }

    fn count(&self, table: Table) -> Result<u64, StoreError> {
        Ok(self.map(table).len() as u64)
    }
}

#[derive(Debug)]
struct State {
    tables: Tables,
    /// Records by the place that their [`Location`] names as offset.
    records: Vec<Arc<[u8]>>,
    record_bytes: u64,
    bytes: u64,
    batches: u64,
}

/// The engine.
#[derive(Debug)]
pub(crate) struct MemStore {
    state: RwLock<State>,
}

impl MemStore {
    /// Without any key.
    pub(crate) fn new() -> Self {
        let tables = Tables(std::array::from_fn(|_| Arc::default()));
        Self { state: RwLock::new(State { tables, records: Vec::new(), record_bytes: 0, bytes: 0, batches: 0 }) }
    }

    fn read<T>(&self, f: impl FnOnce(&Tables) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let state = self.state.read().map_err(|_| StoreError::Stopped)?;
        f(&state.tables)
    }
}

impl KvReader for MemStore {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(|tables| tables.get(table, key))
    }

    fn scan(&self, table: Table, after: Option<&[u8]>, limit: usize) -> Result<Vec<Pair>, StoreError> {
        self.read(|tables| tables.scan(table, after, limit))
    }

    fn last(&self, table: Table) -> Result<Option<Pair>, StoreError> {
        self.read(|tables| tables.last(table))
    }

    fn count(&self, table: Table) -> Result<u64, StoreError> {
        self.read(|tables| tables.count(table))
    }
}

impl KvStore for MemStore {
    fn write(&self, batch: Batch, _durability: Durability) -> Result<(), StoreError> {
        let mut state = self.state.write().map_err(|_| StoreError::Stopped)?;
        let State { tables, bytes, batches, .. } = &mut *state;
        for (table, key, value) in batch.into_ops() {
            let map = Arc::make_mut(&mut tables.0[table.position()]);
            let key_len = key.len();
            let (added, old) = match value {
                Some(value) => ((key_len + value.len()) as u64, map.insert(key.into(), value.into())),
                None => (0, map.remove(key.as_slice())),
            };
            let removed = old.map_or(0, |old| (key_len + old.len()) as u64);
            *bytes = bytes.saturating_add(added).saturating_sub(removed);
        }
        *batches = batches.saturating_add(1);
        Ok(())
    }

    fn snapshot(&self) -> Result<Box<dyn KvReader>, StoreError> {
        self.read(|tables| Ok(Box::new(tables.clone()) as Box<dyn KvReader>))
    }

    fn append(&self, record: &[u8]) -> Result<Location, StoreError> {
        let len = match u32::try_from(record.len()) {
            Ok(len) if record.len() <= MAX_RECORD_BYTES => len,
            _ => return Err(StoreError::TooLong(record.len())),
        };
        let mut state = self.state.write().map_err(|_| StoreError::Stopped)?;
        let start = Position { segment: 0, offset: state.records.len() as u64 };
        state.records.push(record.into());
        state.record_bytes += u64::from(len);
        Ok(Location { start, len })
    }

    fn record(&self, location: Location) -> Result<Vec<u8>, StoreError> {
        let state = self.state.read().map_err(|_| StoreError::Stopped)?;
        let found = usize::try_from(location.start.offset).ok().and_then(|at| state.records.get(at));
        match found {
            Some(record) if record.len() == location.len as usize => Ok(record.to_vec()),
            _ => Err(StoreError::Corrupt(format!("no record {}", location.start.offset))),
        }
    }

    fn tail(&self) -> Vec<Location> {
        Vec::new()
    }

    fn tail_is_taken(&self) {}

    fn drop_records_before(&self, first: Location) -> Result<u64, StoreError> {
        let mut state = self.state.write().map_err(|_| StoreError::Stopped)?;
        let end = usize::try_from(first.start.offset).unwrap_or(usize::MAX);
        // An offset is the record's number: the places stay, what lay there goes.
        let freed: u64 = state.records.iter_mut().take(end).map(|record| std::mem::take(record).len() as u64).sum();
        state.record_bytes = state.record_bytes.saturating_sub(freed);
        Ok(freed)
    }

    fn record_bytes(&self) -> u64 {
        self.state.read().unwrap_or_else(PoisonError::into_inner).record_bytes
    }

    fn distrust(&self) {}

    fn sync(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn stats(&self) -> StoreStats {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        StoreStats {
            kind: StoreKind::Mem,
            bytes: state.bytes + state.record_bytes,
            batches: state.batches,
            unsynced_batches: 0,
            syncs: 0,
        }
    }
}
