//! A map of at most so many entries; the oldest entry goes first.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use umbel_types::BlockHash;

/// Read by all. What never changes is put here by whoever read it; what changes (reachability, status) only by the thread
/// that wrote it, after the batch is written, since a reader's value may be old by the time it is put.
#[derive(Debug)]
pub(crate) struct Cache<V> {
    inner: Mutex<Inner<V>>,
    limit: usize,
}

#[derive(Debug)]
struct Inner<V> {
    map: BTreeMap<BlockHash, Arc<V>>,
    order: VecDeque<BlockHash>,
}

impl<V> Cache<V> {
    /// Holds at most `limit` entries.
    pub(crate) fn new(limit: usize) -> Self {
        Self { inner: Mutex::new(Inner { map: BTreeMap::new(), order: VecDeque::new() }), limit }
    }

    pub(crate) fn get(&self, key: &BlockHash) -> Option<Arc<V>> {
        self.lock().map.get(key).cloned()
    }

    pub(crate) fn put(&self, key: BlockHash, value: Arc<V>) {
        let mut inner = self.lock();
        if inner.map.insert(key, value).is_none() {
            inner.order.push_back(key);
            if inner.order.len() > self.limit
                && let Some(oldest) = inner.order.pop_front()
            {
                inner.map.remove(&oldest);
            }
        }
    }

    // A panic while holding the lock can't leave the two collections apart in a way that matters: an entry too many.
    fn lock(&self) -> std::sync::MutexGuard<'_, Inner<V>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_entry_goes_first() {
        let cache = Cache::new(2);
        for n in 1..=3u8 {
            cache.put(BlockHash([n; 32]), Arc::new(n));
        }
        cache.put(BlockHash([2; 32]), Arc::new(22));
        assert_eq!(cache.get(&BlockHash([1; 32])), None);
        assert_eq!(cache.get(&BlockHash([2; 32])).as_deref(), Some(&22));
        assert_eq!(cache.get(&BlockHash([3; 32])).as_deref(), Some(&3));
    }
}
