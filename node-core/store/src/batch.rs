//! Changes that are written together or not at all.

use std::collections::BTreeMap;

use umbel_types::Encode;

use crate::registry::Table;

/// How far a written batch is from the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Visible at once, on disk with the next [`Durability::Immediate`] batch or [`crate::KvStore::sync`]. A crash loses
    /// the newest of them, whole and from the end.
    Deferred,
    /// On disk when the call returns, with every batch before it.
    Immediate,
}

/// Puts and deletes across tables. Of several operations on one key the last one counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    ops: BTreeMap<(Table, Vec<u8>), Option<Vec<u8>>>,
}

impl Batch {
    /// Without any operation.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the value of a key.
    pub fn put(&mut self, table: Table, key: &[u8], value: Vec<u8>) {
        self.ops.insert((table, key.to_vec()), Some(value));
    }

    /// Sets the value of a key to the canonical encoding of `value`.
    pub fn put_value<V: Encode>(&mut self, table: Table, key: &[u8], value: &V) {
        self.put(table, key, value.to_bytes());
    }

    /// Removes a key. A key that is not there is no error.
    pub fn delete(&mut self, table: Table, key: &[u8]) {
        self.ops.insert((table, key.to_vec()), None);
    }

    /// Adds everything of `later` behind what is here.
    pub fn append(&mut self, mut later: Self) {
        self.ops.append(&mut later.ops);
    }

    /// The value that this batch gives a key: `None` if it says nothing about it, `Some(None)` if it removes it.
    pub fn get(&self, table: Table, key: &[u8]) -> Option<Option<&[u8]>> {
        self.ops.get(&(table, key.to_vec())).map(|value| value.as_deref())
    }

    /// Number of keys it changes.
    pub fn len(&self) -> usize {
        self.ops.len()
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }

    /// Length of its keys and values.
    pub(crate) fn bytes(&self) -> u64 {
        let lens = self.ops.iter().map(|((_, key), value)| key.len() + value.as_ref().map_or(0, Vec::len));
        lens.sum::<usize>() as u64
    }

    /// The operations by table and key.
    pub(crate) fn into_ops(self) -> impl Iterator<Item = (Table, Vec<u8>, Option<Vec<u8>>)> {
        self.ops.into_iter().map(|((table, key), value)| (table, key, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_operation_on_a_key_counts() {
        let mut batch = Batch::new();
        assert!(batch.is_empty());
        batch.put(Table::Coin, b"k", vec![1]);
        batch.delete(Table::Coin, b"k");
        batch.put(Table::Memo, b"k", vec![2]);
        assert_eq!(batch.len(), 2);
        assert_eq!(batch.get(Table::Coin, b"k"), Some(None));
        assert_eq!(batch.get(Table::State, b"k"), None);
        let mut later = Batch::new();
        later.put(Table::Coin, b"k", vec![3]);
        batch.append(later);
        assert_eq!(batch.get(Table::Coin, b"k"), Some(Some(&[3][..])));
        assert_eq!(batch.get(Table::Memo, b"k"), Some(Some(&[2][..])));
    }
}
