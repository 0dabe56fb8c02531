//! What lies over sled's tables: batches that are not on the disk yet, and values that snapshots still see.

use std::collections::{BTreeMap, btree_map};
use std::ops::Bound;
use std::sync::Arc;

use crate::batch::Batch;
use crate::error::StoreError;
use crate::kv::Pair;
use crate::registry::Table;

/// Keys of one table with their values; `None` for a key that is not there.
pub(super) type Map = BTreeMap<Arc<[u8]>, Option<Arc<[u8]>>>;

/// Values of some keys, over a state that has the others.
#[derive(Clone, Debug)]
pub(super) struct Overlay {
    /// Shared with snapshots: copied by a write only while one holds it.
    maps: [Arc<Map>; Table::COUNT],
}

impl Default for Overlay {
    fn default() -> Self {
        Self { maps: std::array::from_fn(|_| Arc::default()) }
    }
}

impl Overlay {
    /// The keys of one table.
    pub(super) fn map(&self, table: Table) -> &Map {
        &self.maps[table.position()]
    }

    /// Lays a batch over what is here.
    pub(super) fn write(&mut self, batch: Batch) {
        for (table, key, value) in batch.into_ops() {
            let map = Arc::make_mut(&mut self.maps[table.position()]);
            map.insert(key.into(), value.map(Into::into));
        }
    }

    /// Sets a key unless it is here already; the bytes by which this one grew.
    pub(super) fn keep(&mut self, table: Table, key: Arc<[u8]>, value: Option<Arc<[u8]>>) -> usize {
        match Arc::make_mut(&mut self.maps[table.position()]).entry(key) {
            btree_map::Entry::Occupied(_) => 0,
            btree_map::Entry::Vacant(entry) => {
                let bytes = entry.key().len() + value.as_ref().map_or(0, |v| v.len());
                entry.insert(value);
                bytes
            }
        }
    }

    /// All keys, by table.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Table, &Map)> {
        Table::ALL.iter().map(|table| (*table, self.map(*table)))
    }
}

/// A key with its value.
pub(super) type Row = (Arc<[u8]>, Arc<[u8]>);

/// A key with its value, or that it is not there.
type Entry = (Arc<[u8]>, Option<Arc<[u8]>>);

/// One state of a table: maps over a base, the first that has a key decides. Both directions.
pub(super) struct Layered<'a, B> {
    maps: Vec<Peeked<'a>>,
    base: B,
    next_of_base: Option<Row>,
    backwards: bool,
}

struct Peeked<'a> {
    rest: Box<dyn Iterator<Item = Entry> + 'a>,
    next: Option<Entry>,
}

impl<'a, B: Iterator<Item = Result<Row, StoreError>>> Layered<'a, B> {
    /// Behind `after`, ascending; `base` has to begin there as well.
    pub(super) fn ascending(maps: &[&'a Map], base: B, after: Option<&[u8]>) -> Result<Self, StoreError> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let ranges = maps.iter().map(|map| map.range::<[u8], _>((start, Bound::Unbounded)).map(owned));
        Self::new(ranges.map(|range| Box::new(range) as _).collect(), base, false)
    }

    /// All keys, descending; `base` as well.
    pub(super) fn descending(maps: &[&'a Map], base: B) -> Result<Self, StoreError> {
        let ranges = maps.iter().map(|map| Box::new(map.iter().rev().map(owned)) as _);
        Self::new(ranges.collect(), base, true)
    }

    fn new(
        ranges: Vec<Box<dyn Iterator<Item = Entry> + 'a>>,
        mut base: B,
        backwards: bool,
    ) -> Result<Self, StoreError> {
        let next_of_base = base.next().transpose()?;
        let peeked = |mut rest: Box<dyn Iterator<Item = Entry> + 'a>| Peeked { next: rest.next(), rest };
        Ok(Self { maps: ranges.into_iter().map(peeked).collect(), base, next_of_base, backwards })
    }

    /// The next pair that is there.
    pub(super) fn next_pair(&mut self) -> Result<Option<Pair>, StoreError> {
        loop {
            let keys = self.maps.iter().filter_map(|map| map.next.as_ref().map(|(key, _)| key));
            let keys = keys.chain(self.next_of_base.as_ref().map(|(key, _)| key));
            let Some(key) = (if self.backwards { keys.max() } else { keys.min() }).cloned() else {
                return Ok(None);
            };
            let mut found: Option<Option<Arc<[u8]>>> = None;
            for map in &mut self.maps {
                if map.next.as_ref().is_some_and(|(k, _)| *k == key) {
                    let next = std::mem::replace(&mut map.next, map.rest.next());
                    found = found.or(next.map(|(_, value)| value));
                }
            }
            if self.next_of_base.as_ref().is_some_and(|(k, _)| *k == key) {
                let following = self.base.next().transpose()?;
                let next = std::mem::replace(&mut self.next_of_base, following);
                found = found.or(next.map(|(_, value)| Some(value)));
            }
            if let Some(Some(value)) = found {
                return Ok(Some((key.to_vec(), value.to_vec())));
            }
        }
    }
}

fn owned((key, value): (&Arc<[u8]>, &Option<Arc<[u8]>>)) -> Entry {
    (Arc::clone(key), value.clone())
}
