//! What an engine offers.

use std::fmt;

use crate::batch::{Batch, Durability};
use crate::error::StoreError;
use crate::registry::Table;
use crate::segments::Location;

/// A key and its value.
pub type Pair = (Vec<u8>, Vec<u8>);

/// Reads tables. The store itself reads the newest state; a snapshot always reads the same one.
pub trait KvReader: Send {
    /// The value of a key.
    ///
    /// # Errors
    /// [`StoreError`].
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Up to `limit` pairs whose keys lie behind `after` (from the first key without it), by ascending key.
    ///
    /// # Errors
    /// [`StoreError`].
    fn scan(&self, table: Table, after: Option<&[u8]>, limit: usize) -> Result<Vec<Pair>, StoreError>;

    /// The pair with the greatest key.
    ///
    /// # Errors
    /// [`StoreError`].
    fn last(&self, table: Table) -> Result<Option<Pair>, StoreError>;

    /// How many keys a table has.
    ///
    /// # Errors
    /// [`StoreError`].
    fn count(&self, table: Table) -> Result<u64, StoreError>;
}

/// A database. Writes are made one after another, whoever calls; readers never wait for them.
pub trait KvStore: KvReader + Send + Sync + fmt::Debug {
    /// Writes a batch: all of it or, on any error, nothing.
    ///
    /// # Errors
    /// [`StoreError`]. After [`StoreError::Stopped`] the store has to be opened anew.
    fn write(&self, batch: Batch, durability: Durability) -> Result<(), StoreError>;

    /// The state as of now, whatever is written later. It holds disk space (memory, for the engine without a disk) as
    /// long as it lives; after the store is dropped it answers [`StoreError::Stopped`].
    ///
    /// # Errors
    /// [`StoreError`].
    fn snapshot(&self) -> Result<Box<dyn KvReader>, StoreError>;

    /// Adds a record to the row of segments. It is on the disk before any batch that is written later: put the location
    /// into a batch, and whoever finds it there finds the record.
    ///
    /// # Errors
    /// [`StoreError::TooLong`]; those of the disk, after which the store has to be opened anew.
    fn append(&self, record: &[u8]) -> Result<Location, StoreError>;

    /// Reads a record of the row of segments.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if what stands there is not the record; those of the disk.
    fn record(&self, location: Location) -> Result<Vec<u8>, StoreError>;

    /// Records that were appended in earlier runs and whose batches a crash took back, in the order in which they were
    /// written; all records, if the database was lost and only the segments are left.
    fn tail(&self) -> Vec<Location>;

    /// Says that the tail was taken in: it is not handed out again once a batch was written through.
    fn tail_is_taken(&self);

    /// Length of the row of segments, in bytes.
    fn record_bytes(&self) -> u64;

    /// Leaves the shutdown unmarked, so that the next open checks the whole file: what was read contradicts itself, or a
    /// change was not brought to its end. Damage that the engine itself has met needs no word.
    fn distrust(&self);

    /// Brings everything written so far to the disk.
    ///
    /// # Errors
    /// [`StoreError`].
    fn sync(&self) -> Result<(), StoreError>;

    /// Figures for people and metrics.
    fn stats(&self) -> StoreStats;
}

/// An engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// A file, crash-safe.
    Redb,
    /// Memory: for tests and for a node that shall leave nothing behind.
    Mem,
}

impl StoreKind {
    /// Its name in settings and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Redb => "redb",
            Self::Mem => "mem",
        }
    }
}

impl fmt::Display for StoreKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Figures for people and metrics. Counts are since the store was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreStats {
    /// Which engine.
    pub kind: StoreKind,
    /// Length of the files; of all keys, values and records for the engine without any.
    pub bytes: u64,
    /// Batches written.
    pub batches: u64,
    /// Batches that a crash would lose.
    pub unsynced_batches: u64,
    /// Times that the disk was waited for.
    pub syncs: u64,
}
