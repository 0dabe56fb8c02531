//! A store that lets a test look at, count and refuse what goes through it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use umbel_store::segments::Location;
use umbel_store::{Batch, Durability, KvReader, KvStore, Pair, StoreError, StoreStats, Table};

/// What a test does with calls.
pub(crate) trait Hooks: Send + Sync + std::fmt::Debug {
    /// Behind a read.
    fn after_get(&self, _table: Table, _key: &[u8]) {}
    /// Before something is written; an error is returned instead.
    fn before_change(&self, _change: Change<'_>) -> Result<(), StoreError> {
        Ok(())
    }
    /// Behind it; an error is returned although it was written.
    fn after_change(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// What is about to be written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Change<'a> {
    Batch(&'a Batch),
    Record,
    Drop,
    Sync,
}

#[derive(Debug)]
pub(crate) struct Hooked<H> {
    pub(crate) inner: Arc<dyn KvStore>,
    pub(crate) hooks: H,
}

impl<H: Hooks> Hooked<H> {
    fn change<T>(&self, change: Change<'_>, f: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.hooks.before_change(change)?;
        let done = f()?;
        self.hooks.after_change()?;
        Ok(done)
    }
}

impl<H: Hooks> KvReader for Hooked<H> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let value = self.inner.get(table, key);
        self.hooks.after_get(table, key);
        value
    }
    fn scan(&self, table: Table, after: Option<&[u8]>, limit: usize) -> Result<Vec<Pair>, StoreError> {
        self.inner.scan(table, after, limit)
    }
    fn last(&self, table: Table) -> Result<Option<Pair>, StoreError> {
        self.inner.last(table)
    }
    fn count(&self, table: Table) -> Result<u64, StoreError> {
        self.inner.count(table)
    }
}

impl<H: Hooks> KvStore for Hooked<H> {
    fn write(&self, batch: Batch, durability: Durability) -> Result<(), StoreError> {
        self.change(Change::Batch(&batch.clone()), || self.inner.write(batch, durability))
    }
    fn snapshot(&self) -> Result<Box<dyn KvReader>, StoreError> {
        self.inner.snapshot()
    }
    fn append(&self, record: &[u8]) -> Result<Location, StoreError> {
        self.change(Change::Record, || self.inner.append(record))
    }
    fn record(&self, location: Location) -> Result<Vec<u8>, StoreError> {
        self.inner.record(location)
    }
    fn tail(&self) -> Vec<Location> {
        self.inner.tail()
    }
    fn tail_is_taken(&self) {
        self.inner.tail_is_taken();
    }
    fn drop_records_before(&self, first: Location) -> Result<u64, StoreError> {
        self.change(Change::Drop, || self.inner.drop_records_before(first))
    }
    fn record_bytes(&self) -> u64 {
        self.inner.record_bytes()
    }
    fn distrust(&self) {
        self.inner.distrust();
    }
    fn sync(&self) -> Result<(), StoreError> {
        self.change(Change::Sync, || self.inner.sync())
    }
    fn stats(&self) -> StoreStats {
        self.inner.stats()
    }
}

/// Counts changes.
#[derive(Debug, Default)]
pub(crate) struct Counter {
    pub(crate) batches: AtomicUsize,
    pub(crate) records: AtomicUsize,
    pub(crate) largest_batch: AtomicUsize,
}

impl Hooks for Arc<Counter> {
    fn before_change(&self, change: Change<'_>) -> Result<(), StoreError> {
        match change {
            Change::Batch(batch) => {
                self.batches.fetch_add(1, Ordering::Relaxed);
                self.largest_batch.fetch_max(batch.len(), Ordering::Relaxed);
            }
            Change::Record => {
                self.records.fetch_add(1, Ordering::Relaxed);
            }
            Change::Drop | Change::Sync => {}
        }
        Ok(())
    }
}

/// Breaks at one change, before or behind it, and stays broken.
#[derive(Debug)]
pub(crate) struct BreakAt {
    pub(crate) left: AtomicUsize,
    pub(crate) written: bool,
    pub(crate) broken: AtomicBool,
}

impl BreakAt {
    fn broke() -> StoreError {
        StoreError::Io(std::io::Error::other("the disk was pulled out"))
    }
}

impl Hooks for Arc<BreakAt> {
    fn before_change(&self, change: Change<'_>) -> Result<(), StoreError> {
        if self.broken.load(Ordering::Relaxed) {
            return Err(BreakAt::broke());
        }
        // A sync changes nothing for a store in memory, and comes whenever a second is over.
        if matches!(change, Change::Sync) {
            return Ok(());
        }
        if self.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.broken.store(true, Ordering::Relaxed);
            if !self.written {
                return Err(BreakAt::broke());
            }
        }
        Ok(())
    }

    fn after_change(&self) -> Result<(), StoreError> {
        if self.broken.load(Ordering::Relaxed) { Err(BreakAt::broke()) } else { Ok(()) }
    }
}
