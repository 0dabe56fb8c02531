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

/// A database. Writes are made one after another, whoever calls; readers never wait for the disk that a write waits for.
pub trait KvStore: KvReader + Send + Sync + fmt::Debug {
    /// Writes a batch: all of it or, on any error, nothing.
    ///
    /// # Errors
    /// [`StoreError`]. After [`StoreError::Stopped`] the store has to be opened anew.
    fn write(&self, batch: Batch, durability: Durability) -> Result<(), StoreError>;

    /// The state as of now, whatever is written later. It holds disk space (memory, for sled and the engine without a disk)
    /// as long as it lives; after the store is dropped it answers [`StoreError::Stopped`], and
    /// [`StoreError::SnapshotEnded`] if more was written than the engine can keep for it.
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

    /// Lets go of the records before `first`: files that hold no other are deleted, the newest never. Returns the bytes that
    /// became free. Whoever calls it has brought to the disk that no table names them any more.
    ///
    /// # Errors
    /// Those of the disk.
    fn drop_records_before(&self, first: Location) -> Result<u64, StoreError>;

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
    /// redb: a file, crash-safe.
    Redb,
    /// sled: a folder of files. Beta, by its makers' own word.
    Sled,
    /// Memory: for tests and for a node that shall leave nothing behind.
    Mem,
}

impl StoreKind {
    /// All that keep their data on the disk.
    pub const ON_DISK: &'static [Self] = &[Self::Redb, Self::Sled];

    /// Its name in settings and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Redb => "redb",
            Self::Sled => "sled",
            Self::Mem => "mem",
        }
    }
}

/// Which engine, and what it may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreConfig {
    /// The engine.
    pub kind: StoreKind,
    /// Memory for pages of a database on the disk, in bytes. sled counts pages as they lie on the disk; in memory they take
    /// more.
    pub cache_bytes: usize,
    /// Length after which a file of records is full, in bytes: pruning deletes whole files.
    pub segment_bytes: u64,
}

/// Memory for pages unless a setting says otherwise, in bytes: redb's and sled's own defaults of 1 GiB are more than a
/// wallet may take.
pub const DEFAULT_PAGE_CACHE_BYTES: usize = 64 * 1024 * 1024;

/// Length of a file of records: large enough that a day of full blocks is some hundred files, small enough that pruning
/// drops hours and not days.
pub const DEFAULT_SEGMENT_BYTES: u64 = 64 * 1024 * 1024;

impl From<StoreKind> for StoreConfig {
    fn from(kind: StoreKind) -> Self {
        Self { kind, cache_bytes: DEFAULT_PAGE_CACHE_BYTES, segment_bytes: DEFAULT_SEGMENT_BYTES }
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
