//! The file engine: redb with two-phase commits and one writer.
//!
//! redb panics on some damaged pages. Every call into it runs behind [`guard`], which turns a panic into
//! [`StoreError::Corrupt`]; the store is then suspect, does not mark its shutdown as clean, and the next open checks the
//! whole file.

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use ::redb::{
    Builder, CommitError, Database, DatabaseError, ReadOnlyTable, ReadTransaction, ReadableDatabase, ReadableTable,
    ReadableTableMetadata, StorageError, TableDefinition, TableError, TransactionError, WriteTransaction,
};

use crate::batch::{Batch, Durability};
use crate::error::StoreError;
use crate::format::{self, FormatTag};
use crate::kv::{KvReader, KvStore, Pair, StoreKind, StoreStats};
use crate::open::Upgrade;
use crate::registry::Table;
use crate::segments::{Location, OpenedSegments, Position, SegmentReader, Segments};

/// Memory for pages, in bytes: redb's own default of 1 GiB is more than a wallet may take.
pub(crate) const CACHE_BYTES: usize = 64 * 1024 * 1024;
/// Deferred batches after which one is written through, whatever its caller asked for: an owner who forgets to sync loses
/// a bounded number (docs/spec/storage.md §2).
const MAX_DEFERRED_BATCHES: u64 = 1_000;
/// Longest file that is checked whole at every open, in bytes; a longer one only if the last run did not end in order.
/// redb reads pages without comparing their checksums, so only this check finds a flipped bit.
const CHECK_AT_OPEN_MAX_BYTES: u64 = 256 * 1024 * 1024;

/// Length after which a segment is full: large enough that a day of full blocks is some hundred files, small enough that
/// pruning drops hours and not days.
const SEGMENT_BYTES: u64 = 64 * 1024 * 1024;

type Definition = TableDefinition<'static, &'static [u8], &'static [u8]>;
type Opened = ReadOnlyTable<&'static [u8], &'static [u8]>;

fn definition(table: Table) -> Definition {
    TableDefinition::new(table.name())
}

/// Runs a call into redb; a panic there is damage.
fn guard<T>(f: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    // Nothing of ours is changed inside `f`; redb's own locks are poisoned by the panic and refuse from then on.
    catch_unwind(AssertUnwindSafe(f))
        .unwrap_or_else(|_| Err(StoreError::Corrupt("the engine found pages it can't explain".to_owned())))
}

/// The meta table alone: a file of an older format lacks tables that came later.
struct MetaView(Opened);

impl KvReader for MetaView {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if table == Table::Meta { guard(|| Ok(self.0.get(key)?.map(|value| value.value().to_vec()))) } else { Ok(None) }
    }

    fn scan(&self, table: Table, after: Option<&[u8]>, limit: usize) -> Result<Vec<Pair>, StoreError> {
        if table == Table::Meta { guard(|| scan(&self.0, after, limit)) } else { Ok(Vec::new()) }
    }

    fn last(&self, table: Table) -> Result<Option<Pair>, StoreError> {
        if table == Table::Meta { guard(|| last(&self.0)) } else { Ok(None) }
    }

    fn count(&self, table: Table) -> Result<u64, StoreError> {
        if table == Table::Meta { guard(|| Ok(self.0.len()?)) } else { Ok(0) }
    }
}

/// Tables of one read transaction.
struct View {
    tables: Vec<Opened>,
}

impl View {
    fn new(txn: &ReadTransaction) -> Result<Self, StoreError> {
        let tables = Table::ALL.iter().map(|t| txn.open_table(definition(*t))).collect::<Result<_, _>>()?;
        Ok(Self { tables })
    }

    fn table(&self, table: Table) -> &Opened {
        &self.tables[table.position()]
    }
}

impl KvReader for View {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        guard(|| Ok(self.table(table).get(key)?.map(|value| value.value().to_vec())))
    }

    fn scan(&self, table: Table, after: Option<&[u8]>, limit: usize) -> Result<Vec<Pair>, StoreError> {
        guard(|| scan(self.table(table), after, limit))
    }

    fn last(&self, table: Table) -> Result<Option<Pair>, StoreError> {
        guard(|| last(self.table(table)))
    }

    fn count(&self, table: Table) -> Result<u64, StoreError> {
        guard(|| Ok(self.table(table).len()?))
    }
}

fn scan(
    table: &impl ReadableTable<&'static [u8], &'static [u8]>,
    after: Option<&[u8]>,
    limit: usize,
) -> Result<Vec<Pair>, StoreError> {
    use std::ops::Bound;
    let start = after.map_or(Bound::Unbounded, Bound::Excluded);
    let range = table.range::<&[u8]>((start, Bound::Unbounded))?;
    let pairs = range.take(limit).map(|pair| pair.map(|(key, value)| (key.value().to_vec(), value.value().to_vec())));
    Ok(pairs.collect::<Result<_, _>>()?)
}

fn last(table: &impl ReadableTable<&'static [u8], &'static [u8]>) -> Result<Option<Pair>, StoreError> {
    Ok(table.last()?.map(|(key, value)| (key.value().to_vec(), value.value().to_vec())))
}

#[derive(Debug, Default)]
struct Counters {
    batches: u64,
    unsynced: u64,
    syncs: u64,
}

/// The engine.
///
/// What is written through is in this order: segments to the disk, then the batch with their end in it. A deferred batch
/// reaches the disk only with one that is written through, so that no table on the disk names a record that is not there.
pub(crate) struct RedbStore {
    db: Database,
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

impl fmt::Debug for RedbStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedbStore").field("path", &self.path).finish_non_exhaustive()
    }
}

/// An engine that was just opened.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) store: RedbStore,
    /// Whether the last run ended in order.
    pub(crate) clean_shutdown: bool,
    /// Version that the file had; `None` for a new one.
    pub(crate) version: Option<u32>,
}

impl RedbStore {
    /// Opens or creates the file, checks what it says about itself and marks it as open. A file of an older version that
    /// `upgrades` begin with keeps its version.
    pub(crate) fn open(
        path: &Path,
        segments: &Path,
        tag: &FormatTag,
        upgrades: &[Upgrade],
    ) -> Result<Started, StoreError> {
        guard(|| {
            let repaired = Arc::new(AtomicBool::new(false));
            let seen = Arc::clone(&repaired);
            let db = Builder::new()
                .set_cache_size(CACHE_BYTES)
                .set_repair_callback(move |_| seen.store(true, Ordering::Relaxed))
                .create(path)
                .map_err(|error| from_open(error, path))?;
            Self::start(db, path, segments, tag, upgrades, repaired.load(Ordering::Relaxed))
        })
    }

    /// `checked`: redb has just walked the whole file.
    fn start(
        mut db: Database,
        path: &Path,
        segments: &Path,
        tag: &FormatTag,
        upgrades: &[Upgrade],
        checked: bool,
    ) -> Result<Started, StoreError> {
        let found = match db.begin_read()?.open_table(definition(Table::Meta)) {
            Ok(meta) => format::read(&MetaView(meta))?,
            Err(TableError::TableDoesNotExist(_)) => None,
            Err(error) => return Err(error.into()),
        };
        let version = match &found {
            Some((got, _)) => Some(format::check(got, tag, upgrades)?),
            None => None,
        };
        let clean = found.as_ref().is_none_or(|(_, clean)| *clean);
        let short = std::fs::metadata(path).is_ok_and(|m| m.len() <= CHECK_AT_OPEN_MAX_BYTES);
        if found.is_some() && !checked && (short || !clean) {
            let sound = db.check_integrity().map_err(|error| from_open(error, path))?;
            if !sound {
                tracing::warn!(path = %path.display(), "the database was repaired; its newest batches may be gone");
            }
        }
        let old = version.is_some_and(|version| version < tag.version);
        let durable = match &found {
            Some(_) => format::records_end(&MetaView(db.begin_read()?.open_table(definition(Table::Meta))?))?,
            None => None,
        };
        // Where nothing is named yet, nothing is cut: the segments may be all that is left of another database.
        let durable = durable.filter(|named| *named != Position::default());
        let opened = match durable {
            Some(durable) => Segments::open(segments, SEGMENT_BYTES, durable)?,
            None => Segments::open_without_index(segments, SEGMENT_BYTES)?,
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
        let store = Self {
            db,
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
        store.apply(batch, Durability::Immediate, true)?;
        Ok(Started { store, clean_shutdown: clean, version })
    }

    /// Writes and commits; `create` makes tables that are not there yet.
    fn apply(&self, batch: Batch, durability: Durability, create: bool) -> Result<(), StoreError> {
        let txn = self.begin_write(durability)?;
        if create {
            for table in Table::ALL {
                txn.open_table(definition(*table))?;
            }
        }
        let mut ops = batch.into_ops().peekable();
        while let Some((table, ..)) = ops.peek() {
            let table = *table;
            let mut opened = txn.open_table(definition(table))?;
            while let Some((_, key, value)) = ops.next_if(|(t, ..)| *t == table) {
                match value {
                    Some(value) => opened.insert(key.as_slice(), value.as_slice())?,
                    None => opened.remove(key.as_slice())?,
                };
            }
        }
        txn.commit()?;
        Ok(())
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

    fn begin_write(&self, durability: Durability) -> Result<WriteTransaction, StoreError> {
        let mut txn = self.db.begin_write()?;
        let level = match durability {
            Durability::Deferred => ::redb::Durability::None,
            Durability::Immediate => ::redb::Durability::Immediate,
        };
        txn.set_durability(level).map_err(|_| StoreError::Stopped)?;
        txn.set_two_phase_commit(true);
        txn.set_quick_repair(false);
        Ok(txn)
    }

    /// Runs `f` behind [`guard`] and remembers damage.
    fn call<T>(&self, f: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        let result = guard(f);
        if result.as_ref().is_err_and(StoreError::is_damage) {
            self.suspect.store(true, Ordering::Relaxed);
        }
        result
    }

    fn read<T>(&self, table: Table, f: impl FnOnce(&Opened) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.call(|| f(&self.db.begin_read()?.open_table(definition(table))?))
    }
}

impl KvReader for RedbStore {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(table, |opened| Ok(opened.get(key)?.map(|value| value.value().to_vec())))
    }

    fn scan(&self, table: Table, after: Option<&[u8]>, limit: usize) -> Result<Vec<Pair>, StoreError> {
        self.read(table, |opened| scan(opened, after, limit))
    }

    fn last(&self, table: Table) -> Result<Option<Pair>, StoreError> {
        self.read(table, last)
    }

    fn count(&self, table: Table) -> Result<u64, StoreError> {
        self.read(table, |opened| Ok(opened.len()?))
    }
}

impl KvStore for RedbStore {
    fn write(&self, mut batch: Batch, durability: Durability) -> Result<(), StoreError> {
        let mut counters = self.writer.lock().map_err(|_| StoreError::Stopped)?;
        if batch.is_empty() && durability == Durability::Deferred {
            return Ok(());
        }
        let durability = if counters.unsynced + 1 >= MAX_DEFERRED_BATCHES { Durability::Immediate } else { durability };
        if durability == Durability::Immediate {
            self.settle(&mut batch)?;
        }
        self.call(|| self.apply(batch, durability, false))?;
        counters.batches += 1;
        match durability {
            Durability::Deferred => counters.unsynced += 1,
            Durability::Immediate => {
                counters.unsynced = 0;
                counters.syncs += 1;
            }
        }
        Ok(())
    }

    fn snapshot(&self) -> Result<Box<dyn KvReader>, StoreError> {
        self.call(|| {
            let view = View::new(&self.db.begin_read()?)?;
            Ok(Box::new(Snapshot { view, suspect: Arc::clone(&self.suspect) }) as Box<dyn KvReader>)
        })
    }

    fn distrust(&self) {
        self.suspect.store(true, Ordering::Relaxed);
    }

    fn sync(&self) -> Result<(), StoreError> {
        let mut counters = self.writer.lock().map_err(|_| StoreError::Stopped)?;
        if counters.unsynced == 0 {
            return Ok(());
        }
        let mut batch = Batch::new();
        self.settle(&mut batch)?;
        self.call(|| self.apply(batch, Durability::Immediate, false))?;
        counters.unsynced = 0;
        counters.syncs += 1;
        Ok(())
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

    fn record_bytes(&self) -> u64 {
        self.segments.lock().unwrap_or_else(std::sync::PoisonError::into_inner).bytes()
    }

    fn stats(&self) -> StoreStats {
        let bytes = std::fs::metadata(&self.path).map_or(0, |m| m.len()) + self.record_bytes();
        let counters = self.writer.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        StoreStats {
            kind: StoreKind::Redb,
            bytes,
            batches: counters.batches,
            unsynced_batches: counters.unsynced,
            syncs: counters.syncs,
        }
    }
}

impl Drop for RedbStore {
    fn drop(&mut self) {
        if self.suspect.load(Ordering::Relaxed) {
            tracing::error!(path = %self.path.display(), "the database did not end in order and is checked at the next start");
            return;
        }
        let close = || {
            let mut batch = format::closed();
            self.settle(&mut batch)?;
            self.apply(batch, Durability::Immediate, false)
        };
        if let Err(error) = guard(close) {
            tracing::error!(path = %self.path.display(), %error, "the database could not be closed in order");
        }
    }
}

/// A snapshot that reports damage to the store it came from.
struct Snapshot {
    view: View,
    suspect: Arc<AtomicBool>,
}

impl Snapshot {
    fn call<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if result.as_ref().is_err_and(StoreError::is_damage) {
            self.suspect.store(true, Ordering::Relaxed);
        }
        result
    }
}

impl KvReader for Snapshot {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.call(self.view.get(table, key))
    }

    fn scan(&self, table: Table, after: Option<&[u8]>, limit: usize) -> Result<Vec<Pair>, StoreError> {
        self.call(self.view.scan(table, after, limit))
    }

    fn last(&self, table: Table) -> Result<Option<Pair>, StoreError> {
        self.call(self.view.last(table))
    }

    fn count(&self, table: Table) -> Result<u64, StoreError> {
        self.call(self.view.count(table))
    }
}

fn from_open(error: DatabaseError, path: &Path) -> StoreError {
    match error {
        DatabaseError::DatabaseAlreadyOpen => StoreError::InUse(path.to_owned()),
        DatabaseError::Storage(StorageError::Io(error)) => match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => StoreError::Corrupt(error.to_string()),
            _ => StoreError::from_io(error, path),
        },
        DatabaseError::Storage(error) => error.into(),
        // redb's older file formats were never written by this program: such a byte is damage.
        error => StoreError::Corrupt(error.to_string()),
    }
}

impl From<StorageError> for StoreError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Corrupted(what) => Self::Corrupt(what),
            StorageError::ValueTooLarge(len) => Self::TooLong(len),
            StorageError::Io(error) => match error.kind() {
                io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => Self::Corrupt(error.to_string()),
                _ => Self::from_io(error, Path::new("the database")),
            },
            // An earlier failure or a closed database; what redb may add later is no reason to go on either.
            _ => Self::Stopped,
        }
    }
}

impl From<TransactionError> for StoreError {
    fn from(error: TransactionError) -> Self {
        match error {
            TransactionError::Storage(error) => error.into(),
            _ => Self::Stopped,
        }
    }
}

impl From<CommitError> for StoreError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Storage(error) => error.into(),
            _ => Self::Stopped,
        }
    }
}

impl From<TableError> for StoreError {
    fn from(error: TableError) -> Self {
        match error {
            TableError::Storage(error) => error.into(),
            // Names and types of tables are fixed by the registry: another answer means other bytes.
            error => Self::Corrupt(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests;
