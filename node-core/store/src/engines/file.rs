//! A store of an engine on the disk: segments beside the tables, a clean end, one writer.
//!
//! redb and sled panic on some damaged pages. Every call into them runs behind [`guard`], which turns a panic into
//! [`StoreError::Corrupt`]; the store is then suspect, does not mark its shutdown as clean, and the next open checks the
//! whole database.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::{Engine, guard};
use crate::batch::{Batch, Durability};
use crate::error::StoreError;
use crate::format::{self, FormatTag};
use crate::kv::{KvReader, KvStore, Pair, StoreConfig, StoreStats};
use crate::open::Upgrade;
use crate::registry::Table;
use crate::segments::{Location, OpenedSegments, Position, SegmentReader, Segments};

/// Deferred batches after which one is written through, whatever its caller asked for: an owner who forgets to sync loses
/// a bounded number (docs/spec/storage.md §2).
const MAX_DEFERRED_BATCHES: u64 = 1_000;
/// Bytes of keys and values in deferred batches after which one is written through: an engine may hold them in memory.
const MAX_DEFERRED_BYTES: u64 = 16 * 1024 * 1024;
/// Longest database that is checked whole at every open, in bytes; a longer one only if the last run did not end in order.
/// Neither engine compares all checksums by itself, so only this check finds a flipped bit.
const CHECK_AT_OPEN_MAX_BYTES: u64 = 256 * 1024 * 1024;

#[derive(Debug, Default)]
struct Counters {
    batches: u64,
    unsynced: u64,
    unsynced_bytes: u64,
    syncs: u64,
}

/// The store.
///
/// What is written through is in this order: segments to the disk, then the batch with their end in it. A deferred batch
/// reaches the disk only with one that is written through, so that no table on the disk names a record that is not there.
pub(crate) struct FileStore<E: Engine> {
    engine: E,
    path: PathBuf,
    segments: Mutex<Segments>,
    records: SegmentReader,
    tail: Vec<Location>,
    /// The tail was not taken in yet: the tables' end of the segments stays before it, so that it is found again.
    tail_is_left: AtomicBool,
    /// Taken for the length of a write: one writer, and counts that agree with what was written.
    writer: Mutex<Counters>,
    /// Damage was seen, or an upgrade failed: the shutdown is not marked as clean.
    suspect: Arc<AtomicBool>,
}

impl<E: Engine> fmt::Debug for FileStore<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileStore").field("path", &self.path).finish_non_exhaustive()
    }
}

/// A store that was just opened.
#[derive(Debug)]
pub(crate) struct Started<E: Engine> {
    pub(crate) store: FileStore<E>,
    /// Whether the last run ended in order.
    pub(crate) clean_shutdown: bool,
    /// Version that the database had; `None` for a new one.
    pub(crate) version: Option<u32>,
}

impl<E: Engine> FileStore<E> {
    /// Opens or creates the database, checks what it says about itself and marks it as open. One of an older version that
    /// `upgrades` begin with keeps its version.
    pub(crate) fn open(
        path: &Path,
        config: StoreConfig,
        segments: &Path,
        tag: &FormatTag,
        upgrades: &[Upgrade],
    ) -> Result<Started<E>, StoreError> {
        guard(|| {
            let engine = E::open(path, config.cache_bytes)?;
            Self::start(engine, path, segments, config.segment_bytes, tag, upgrades)
        })
    }

    /// Begins with an engine that was opened.
    pub(super) fn start(
        mut engine: E,
        path: &Path,
        segments: &Path,
        segment_bytes: u64,
        tag: &FormatTag,
        upgrades: &[Upgrade],
    ) -> Result<Started<E>, StoreError> {
        let found = format::read(|key| engine.meta(key))?;
        let version = match &found {
            Some((got, _)) => Some(format::check(got, tag, upgrades)?),
            None => None,
        };
        let clean = found.as_ref().is_none_or(|(_, clean)| *clean);
        if !clean || engine.bytes() <= CHECK_AT_OPEN_MAX_BYTES {
            engine.check()?;
        }
        let old = version.is_some_and(|version| version < tag.version);
        let durable = match &found {
            Some(_) => format::records_end(|key| engine.meta(key))?,
            None => None,
        };
        // Where nothing is named yet, nothing is cut: the segments may be all that is left of another database.
        let durable = durable.filter(|named| *named != Position::default());
        let opened = match durable {
            Some(durable) => Segments::open(segments, segment_bytes, durable)?,
            None => Segments::open_without_index(segments, segment_bytes)?,
        };
        if opened.truncated_bytes > 0 {
            tracing::warn!(bytes = opened.truncated_bytes, "a torn record was cut from the end of the segments");
        }
        let OpenedSegments { mut segments, mut tail, .. } = opened;
        if let Some(named) = durable.filter(|_| old) {
            // What a killed upgrade had copied still lies where it was copied from.
            segments.cut_to(named)?;
            tail.clear();
        }
        engine.create_tables()?;
        let store = Self {
            engine,
            path: path.to_owned(),
            records: segments.reader(),
            segments: Mutex::new(segments),
            tail_is_left: AtomicBool::new(!tail.is_empty()),
            tail,
            writer: Mutex::default(),
            suspect: Arc::new(AtomicBool::new(false)),
        };
        let reached = FormatTag { version: version.unwrap_or(tag.version), ..tag.clone() };
        let mut batch = format::opened(&reached);
        store.settle(&mut batch)?;
        store.engine.apply(batch, Durability::Immediate)?;
        Ok(Started { store, clean_shutdown: clean, version })
    }

    /// Brings the segments to the disk and adds their end to a batch that is to be written through.
    fn settle(&self, batch: &mut Batch) -> Result<(), StoreError> {
        let mut segments = self.segments.lock().map_err(|_| StoreError::Stopped)?;
        segments.sync()?;
        if !self.tail_is_left.load(Ordering::Acquire) {
            format::put_records_end(batch, segments.end());
        }
        Ok(())
    }

    /// Writes through, with the end of the segments.
    fn write_through(&self, mut batch: Batch, counters: &mut Counters) -> Result<(), StoreError> {
        self.settle(&mut batch)?;
        self.call(|| self.engine.apply(batch, Durability::Immediate))?;
        counters.unsynced = 0;
        counters.unsynced_bytes = 0;
        counters.syncs += 1;
        Ok(())
    }

    fn call<T>(&self, f: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        suspecting(&self.suspect, f)
    }
}

/// Runs `f` behind [`guard`] and remembers damage.
fn suspecting<T>(suspect: &AtomicBool, f: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    let result = guard(f);
    if result.as_ref().is_err_and(StoreError::is_damage) {
        suspect.store(true, Ordering::Relaxed);
    }
    result
}

impl<E: Engine> KvReader for FileStore<E> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.call(|| self.engine.get(table, key))
    }

    fn scan(&self, table: Table, after: Option<&[u8]>, limit: usize) -> Result<Vec<Pair>, StoreError> {
        self.call(|| self.engine.scan(table, after, limit))
    }

    fn last(&self, table: Table) -> Result<Option<Pair>, StoreError> {
        self.call(|| self.engine.last(table))
    }

    fn count(&self, table: Table) -> Result<u64, StoreError> {
        self.call(|| self.engine.count(table))
    }
}

impl<E: Engine> KvStore for FileStore<E> {
    fn write(&self, batch: Batch, durability: Durability) -> Result<(), StoreError> {
        let mut counters = self.writer.lock().map_err(|_| StoreError::Stopped)?;
        if batch.is_empty() && durability == Durability::Deferred {
            return Ok(());
        }
        let (unsynced, bytes) = (counters.unsynced + 1, counters.unsynced_bytes + batch.bytes());
        let full = unsynced >= MAX_DEFERRED_BATCHES || bytes > MAX_DEFERRED_BYTES;
        if full || durability == Durability::Immediate {
            self.write_through(batch, &mut counters)?;
        } else {
            self.call(|| self.engine.apply(batch, Durability::Deferred))?;
            counters.unsynced = unsynced;
            counters.unsynced_bytes = bytes;
        }
        counters.batches += 1;
        Ok(())
    }

    fn snapshot(&self) -> Result<Box<dyn KvReader>, StoreError> {
        let view = self.call(|| self.engine.snapshot())?;
        Ok(Box::new(Snapshot { view, suspect: Arc::clone(&self.suspect) }))
    }

    fn distrust(&self) {
        self.suspect.store(true, Ordering::Relaxed);
    }

    fn sync(&self) -> Result<(), StoreError> {
        let mut counters = self.writer.lock().map_err(|_| StoreError::Stopped)?;
        if counters.unsynced == 0 {
            return Ok(());
        }
        self.write_through(Batch::new(), &mut counters)
    }

    fn append(&self, record: &[u8]) -> Result<Location, StoreError> {
        self.segments.lock().map_err(|_| StoreError::Stopped)?.append(record)
    }

    fn record(&self, location: Location) -> Result<Vec<u8>, StoreError> {
        self.records.read(location)
    }

    fn tail(&self) -> Vec<Location> {
        self.tail.clone()
    }

    fn tail_is_taken(&self) {
        self.tail_is_left.store(false, Ordering::Release);
    }

    fn drop_records_before(&self, first: Location) -> Result<u64, StoreError> {
        self.segments.lock().map_err(|_| StoreError::Stopped)?.drop_before(first.start.segment)
    }

    fn record_bytes(&self) -> u64 {
        self.segments.lock().unwrap_or_else(PoisonError::into_inner).bytes()
    }

    fn stats(&self) -> StoreStats {
        let bytes = self.engine.bytes() + self.record_bytes();
        let counters = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        StoreStats {
            kind: E::KIND,
            bytes,
            batches: counters.batches,
            unsynced_batches: counters.unsynced,
            syncs: counters.syncs,
        }
    }
}

impl<E: Engine> Drop for FileStore<E> {
    fn drop(&mut self) {
        if self.suspect.load(Ordering::Relaxed) {
            tracing::error!(path = %self.path.display(), "the database did not end in order and is checked at the next start");
            return;
        }
        let close = || {
            let mut batch = format::closed();
            self.settle(&mut batch)?;
            self.engine.apply(batch, Durability::Immediate)
        };
        if let Err(error) = guard(close) {
            tracing::error!(path = %self.path.display(), %error, "the database could not be closed in order");
        }
    }
}

/// A snapshot that reports damage to the store it came from.
struct Snapshot {
    view: Box<dyn KvReader>,
    suspect: Arc<AtomicBool>,
}

impl KvReader for Snapshot {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        suspecting(&self.suspect, || self.view.get(table, key))
    }

    fn scan(&self, table: Table, after: Option<&[u8]>, limit: usize) -> Result<Vec<Pair>, StoreError> {
        suspecting(&self.suspect, || self.view.scan(table, after, limit))
    }

    fn last(&self, table: Table) -> Result<Option<Pair>, StoreError> {
        suspecting(&self.suspect, || self.view.last(table))
    }

    fn count(&self, table: Table) -> Result<u64, StoreError> {
        suspecting(&self.suspect, || self.view.count(table))
    }
}
