//! What a database must do to be an engine, and the engines.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use crate::batch::{Batch, Durability};
use crate::error::StoreError;
use crate::kv::{KvReader, StoreKind};

pub(crate) mod file;
pub(crate) mod mem;
pub(crate) mod redb;
pub(crate) mod sled;

/// A database on the disk. [`file::FileStore`] makes a store of it: with segments beside the tables, a clean end, and one
/// writer at a time.
///
/// A deferred batch must not reach the disk before an immediate one does: it may name a record that is not there yet.
pub(crate) trait Engine: KvReader + Sync + fmt::Debug + Sized + 'static {
    /// Which one.
    const KIND: StoreKind;
    /// Name of its database inside the folder.
    const NAME: &'static str;

    /// Whether there is a database, sound or not.
    fn exists(path: &Path) -> bool;

    /// Opens or creates the database. `cache_bytes` bounds its cache of pages.
    fn open(path: &Path, cache_bytes: usize) -> Result<Self, StoreError>;

    /// A value of the table `meta`, which a new database does not have yet.
    fn meta(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Compares everything with its checksums, unless opening has just done so.
    fn check(&mut self) -> Result<(), StoreError>;

    /// Makes the tables that an older format or a new database does not have.
    fn create_tables(&self) -> Result<(), StoreError>;

    /// Writes a batch whole or not at all. [`Durability::Immediate`] takes every earlier one with it.
    fn apply(&self, batch: Batch, durability: Durability) -> Result<(), StoreError>;

    /// The state as of now; it does not keep the database open.
    fn snapshot(&self) -> Result<Box<dyn KvReader>, StoreError>;

    /// Length of its files.
    fn bytes(&self) -> u64;
}

/// Runs a call into a database; a panic there is damage.
pub(crate) fn guard<T>(f: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    // Nothing of ours is changed halfway inside `f`; the database's own locks refuse from then on, or its store stops.
    catch_unwind(AssertUnwindSafe(f))
        .unwrap_or_else(|_| Err(StoreError::Corrupt("the engine found pages it can't explain".to_owned())))
}
