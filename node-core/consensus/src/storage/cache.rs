//! A map of at most so many bytes; the oldest entry goes first.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use umbel_types::BlockHash;

/// Bytes that an entry takes besides its value: keys, pointers and counts in two collections.
const ENTRY_BYTES: usize = 160;

/// How much memory a value takes.
pub(crate) trait Weigh {
    /// In bytes, about.
    fn weight(&self) -> usize;
}

/// Read by all. What never changes is put here by whoever read it; what changes (reachability, status) only by the thread
/// that wrote it, after the batch is written, since a reader's value may be old by the time it is put.
#[derive(Debug)]
pub(crate) struct Cache<V> {
    inner: Mutex<Inner<V>>,
    limit: usize,
}

#[derive(Debug)]
struct Inner<V> {
    map: BTreeMap<BlockHash, (Arc<V>, usize)>,
    order: VecDeque<BlockHash>,
    bytes: usize,
}

impl<V: Weigh> Cache<V> {
    /// Holds values of at most `limit` bytes together, the newest one whatever its size.
    pub(crate) fn new(limit: usize) -> Self {
        Self { inner: Mutex::new(Inner { map: BTreeMap::new(), order: VecDeque::new(), bytes: 0 }), limit }
    }

    pub(crate) fn get(&self, key: &BlockHash) -> Option<Arc<V>> {
        self.lock().map.get(key).map(|(value, _)| value.clone())
    }

    pub(crate) fn put(&self, key: BlockHash, value: Arc<V>) {
        let weight = value.weight().saturating_add(ENTRY_BYTES);
        let mut inner = self.lock();
        match inner.map.insert(key, (value, weight)) {
            Some((_, old)) => inner.bytes = inner.bytes.saturating_sub(old),
            None => inner.order.push_back(key),
        }
        inner.bytes = inner.bytes.saturating_add(weight);
        while inner.bytes > self.limit
            && inner.order.len() > 1
            && let Some(oldest) = inner.order.pop_front()
        {
            if let Some((_, weight)) = inner.map.remove(&oldest) {
                inner.bytes = inner.bytes.saturating_sub(weight);
            }
        }
    }

    /// Forgets a value that is no longer stored.
    pub(crate) fn remove(&self, key: &BlockHash) {
        let mut inner = self.lock();
        if let Some((_, weight)) = inner.map.remove(key) {
            inner.bytes = inner.bytes.saturating_sub(weight);
            inner.order.retain(|kept| kept != key);
        }
    }

    // A panic while holding the lock can't leave the collections apart in a way that matters: an entry too many.
    fn lock(&self) -> std::sync::MutexGuard<'_, Inner<V>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Weigh for Vec<u8> {
        fn weight(&self) -> usize {
            self.len()
        }
    }

    fn key(n: u8) -> BlockHash {
        BlockHash([n; 32])
    }

    fn held(cache: &Cache<Vec<u8>>) -> Vec<u8> {
        (0..=255).filter(|n| cache.get(&key(*n)).is_some()).collect()
    }

    #[test]
    fn the_oldest_entries_go_first_until_the_bytes_fit() {
        let cache = Cache::new(3 * (100 + ENTRY_BYTES));
        for n in 1..=4 {
            cache.put(key(n), Arc::new(vec![n; 100]));
        }
        assert_eq!(held(&cache), [2, 3, 4]);
        // The same key again: its old weight does not count, and it keeps its place.
        cache.put(key(2), Arc::new(vec![22; 90]));
        assert_eq!((held(&cache), cache.get(&key(2)).map(|v| v[0])), (vec![2, 3, 4], Some(22)));
        // A value as large as two others takes the place of two.
        cache.put(key(5), Arc::new(vec![5; 200 + ENTRY_BYTES]));
        assert_eq!(held(&cache), [4, 5]);
        // One that is larger than everything is held alone.
        cache.put(key(6), Arc::new(vec![6; 10_000]));
        assert_eq!(held(&cache), [6]);
        cache.put(key(7), Arc::new(Vec::new()));
        assert_eq!(held(&cache), [7]);
        assert_eq!(cache.lock().bytes, ENTRY_BYTES);
    }
}
