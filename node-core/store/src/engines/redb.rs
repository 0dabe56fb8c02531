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
use crate::registry::Table;

/// Memory for pages, in bytes: redb's own default of 1 GiB is more than a wallet may take. Not measured yet.
const CACHE_BYTES: usize = 64 * 1024 * 1024;
/// Deferred batches after which one is written through, whatever its caller asked for: an owner who forgets to sync loses
/// a bounded number (storage.md §5.3: a durable commit a second or every 1,000 blocks).
const MAX_DEFERRED_BATCHES: u64 = 1_000;
/// Longest file that is checked whole at every open, in bytes; a longer one only if the last run did not end in order.
/// redb reads pages without comparing their checksums, so only this check finds a flipped bit.
const CHECK_AT_OPEN_MAX_BYTES: u64 = 256 * 1024 * 1024;

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
pub(crate) struct RedbStore {
    db: Database,
    path: PathBuf,
    /// Taken for the length of a write: one writer, and counts that agree with what was written.
    writer: Mutex<Counters>,
    /// Damage was seen: the shutdown is not marked as clean.
    suspect: Arc<AtomicBool>,
}

impl fmt::Debug for RedbStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedbStore").field("path", &self.path).finish_non_exhaustive()
    }
}

impl RedbStore {
    /// Opens or creates the file, checks what it says about itself and marks it as open. The flag says whether the last
    /// run ended in order.
    pub(crate) fn open(path: &Path, tag: &FormatTag) -> Result<(Self, bool), StoreError> {
        guard(|| {
            let repaired = Arc::new(AtomicBool::new(false));
            let seen = Arc::clone(&repaired);
            let db = Builder::new()
                .set_cache_size(CACHE_BYTES)
                .set_repair_callback(move |_| seen.store(true, Ordering::Relaxed))
                .create(path)
                .map_err(|error| from_open(error, path))?;
            Self::start(db, path, tag, repaired.load(Ordering::Relaxed))
        })
    }

    /// `checked`: redb has just walked the whole file.
    fn start(mut db: Database, path: &Path, tag: &FormatTag, checked: bool) -> Result<(Self, bool), StoreError> {
        let found = match db.begin_read()?.open_table(definition(Table::Meta)) {
            Ok(_) => format::read(&View::new(&db.begin_read()?)?)?,
            Err(TableError::TableDoesNotExist(_)) => None,
            Err(error) => return Err(error.into()),
        };
        if let Some((got, _)) = &found
            && got != tag
        {
            return Err(StoreError::WrongFormat { got: Box::new(got.clone()), expected: Box::new(tag.clone()) });
        }
        let clean = found.as_ref().is_none_or(|(_, clean)| *clean);
        let short = std::fs::metadata(path).is_ok_and(|m| m.len() <= CHECK_AT_OPEN_MAX_BYTES);
        if found.is_some() && !checked && (short || !clean) {
            let sound = db.check_integrity().map_err(|error| from_open(error, path))?;
            if !sound {
                tracing::warn!(path = %path.display(), "the database was repaired; its newest batches may be gone");
            }
        }
        let store =
            Self { db, path: path.to_owned(), writer: Mutex::default(), suspect: Arc::new(AtomicBool::new(false)) };
        store.apply(format::opened(tag), Durability::Immediate, true)?;
        Ok((store, clean))
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
    fn write(&self, batch: Batch, durability: Durability) -> Result<(), StoreError> {
        let mut counters = self.writer.lock().map_err(|_| StoreError::Stopped)?;
        if batch.is_empty() && durability == Durability::Deferred {
            return Ok(());
        }
        let durability = if counters.unsynced + 1 >= MAX_DEFERRED_BATCHES { Durability::Immediate } else { durability };
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

    fn sync(&self) -> Result<(), StoreError> {
        let mut counters = self.writer.lock().map_err(|_| StoreError::Stopped)?;
        if counters.unsynced == 0 {
            return Ok(());
        }
        self.call(|| Ok(self.begin_write(Durability::Immediate)?.commit()?))?;
        counters.unsynced = 0;
        counters.syncs += 1;
        Ok(())
    }

    fn stats(&self) -> StoreStats {
        let bytes = std::fs::metadata(&self.path).map_or(0, |m| m.len());
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
            tracing::error!(path = %self.path.display(), "the database is damaged and is checked at the next start");
            return;
        }
        if let Err(error) = guard(|| self.apply(format::closed(), Durability::Immediate, false)) {
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
mod tests {
    use super::*;
    use ::redb::StorageBackend;
    use ::redb::backends::InMemoryBackend;
    use std::sync::atomic::AtomicU64;
    use umbel_types::{BlockHash, Network};

    /// A disk with a fixed size.
    #[derive(Debug)]
    struct SmallDisk {
        inner: InMemoryBackend,
        limit: Arc<AtomicU64>,
    }

    impl StorageBackend for SmallDisk {
        fn len(&self) -> io::Result<u64> {
            self.inner.len()
        }

        fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
            self.inner.read(offset, out)
        }

        fn set_len(&self, len: u64) -> io::Result<()> {
            if len > self.limit.load(Ordering::Relaxed) {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.inner.set_len(len)
        }

        fn sync_data(&self) -> io::Result<()> {
            self.inner.sync_data()
        }

        fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
            self.inner.write(offset, data)
        }
    }

    fn tag() -> FormatTag {
        FormatTag::new(Network::Devnet, BlockHash([9; 32]), 1)
    }

    fn put(n: u32, len: usize) -> Batch {
        let mut batch = Batch::new();
        batch.put(Table::Coin, &n.to_be_bytes(), vec![1; len]);
        batch.put(Table::Memo, &n.to_be_bytes(), vec![2; len]);
        batch
    }

    #[test]
    fn a_full_disk_is_said_and_nothing_is_torn() {
        let limit = Arc::new(AtomicU64::new(u64::MAX));
        let disk = SmallDisk { inner: InMemoryBackend::new(), limit: Arc::clone(&limit) };
        let db = Builder::new().create_with_backend(disk).unwrap();
        let (store, _) = RedbStore::start(db, Path::new("/nonexistent"), &tag(), false).unwrap();
        store.write(put(1, 100), Durability::Immediate).unwrap();
        limit.store(0, Ordering::Relaxed);
        let mut written = 1;
        let error = loop {
            match store.write(put(written + 1, 200_000), Durability::Immediate) {
                Ok(()) => written += 1,
                Err(error) => break error,
            }
            assert!(written < 10_000, "the disk never got full");
        };
        assert!(matches!(error, StoreError::Full), "{error}");
        assert!(!error.is_damage());
        // Reads and later writes either work or say that the store has stopped; a batch is never half there.
        for n in 1..=written + 1 {
            let both = [Table::Coin, Table::Memo].map(|t| store.get(t, &n.to_be_bytes()));
            match both {
                [Ok(coin), Ok(memo)] => assert_eq!((coin.is_some(), memo.is_some()), (n <= written, n <= written)),
                [Err(StoreError::Stopped), _] | [_, Err(StoreError::Stopped)] => {}
                other => panic!("{other:?}"),
            }
        }
        limit.store(u64::MAX, Ordering::Relaxed);
        match store.write(put(7_777, 10), Durability::Immediate) {
            Ok(()) => assert!(store.get(Table::Coin, &7_777u32.to_be_bytes()).unwrap().is_some()),
            Err(error) => assert!(matches!(error, StoreError::Stopped), "{error}"),
        }
    }

    #[test]
    fn a_panic_of_the_engine_is_damage() {
        let error = guard(|| -> Result<(), StoreError> { panic!("a page that can't be explained") }).unwrap_err();
        assert!(error.is_damage());
    }

    #[test]
    fn kinds_of_io_errors() {
        let path = Path::new("/data/chain.redb");
        let from = |kind: io::ErrorKind| from_open(DatabaseError::Storage(StorageError::Io(kind.into())), path);
        assert!(matches!(from(io::ErrorKind::PermissionDenied), StoreError::ReadOnly(p) if p == path));
        assert!(matches!(from(io::ErrorKind::ReadOnlyFilesystem), StoreError::ReadOnly(_)));
        assert!(matches!(from(io::ErrorKind::StorageFull), StoreError::Full));
        assert!(matches!(from(io::ErrorKind::InvalidData), StoreError::Corrupt(_)));
        assert!(matches!(from(io::ErrorKind::TimedOut), StoreError::Io(_)));
        assert!(matches!(from_open(DatabaseError::DatabaseAlreadyOpen, path), StoreError::InUse(_)));
        assert!(from_open(DatabaseError::UpgradeRequired(1), path).is_damage());
    }
}
