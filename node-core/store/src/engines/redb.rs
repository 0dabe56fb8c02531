//! redb, with two-phase commits. It panics on some damaged pages: whoever calls does so behind [`super::guard`].

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ::redb::{
    Builder, CommitError, Database, DatabaseError, ReadOnlyTable, ReadTransaction, ReadableDatabase, ReadableTable,
    ReadableTableMetadata, StorageError, TableDefinition, TableError, TransactionError, WriteTransaction,
};

use super::Engine;
use crate::batch::{Batch, Durability};
use crate::error::StoreError;
use crate::kv::{KvReader, Pair, StoreKind};
use crate::open::DATABASE_FILE;
use crate::registry::Table;

type Definition = TableDefinition<'static, &'static [u8], &'static [u8]>;
type Opened = ReadOnlyTable<&'static [u8], &'static [u8]>;

fn definition(table: Table) -> Definition {
    TableDefinition::new(table.name())
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
        Ok(self.table(table).get(key)?.map(|value| value.value().to_vec()))
    }

    fn scan(&self, table: Table, after: Option<&[u8]>, limit: usize) -> Result<Vec<Pair>, StoreError> {
        scan(self.table(table), after, limit)
    }

    fn last(&self, table: Table) -> Result<Option<Pair>, StoreError> {
        last(self.table(table))
    }

    fn count(&self, table: Table) -> Result<u64, StoreError> {
        Ok(self.table(table).len()?)
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

/// The engine.
pub(crate) struct Redb {
    db: Database,
    path: PathBuf,
    /// Nothing was in the file, or opening has just walked all of it.
    is_checked: bool,
}

impl fmt::Debug for Redb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redb").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Redb {
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

    fn table(&self, table: Table) -> Result<Opened, StoreError> {
        Ok(self.db.begin_read()?.open_table(definition(table))?)
    }
}

impl Engine for Redb {
    const KIND: StoreKind = StoreKind::Redb;
    const NAME: &'static str = DATABASE_FILE;

    fn exists(path: &Path) -> bool {
        path.is_file()
    }

    fn open(path: &Path, cache_bytes: usize) -> Result<Self, StoreError> {
        let is_new = std::fs::metadata(path).map_or(true, |m| m.len() == 0);
        let repaired = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&repaired);
        let db = Builder::new()
            .set_cache_size(cache_bytes)
            .set_repair_callback(move |_| seen.store(true, Ordering::Relaxed))
            .create(path)
            .map_err(|error| from_open(error, path))?;
        Ok(Self { db, path: path.to_owned(), is_checked: is_new || repaired.load(Ordering::Relaxed) })
    }

    fn meta(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match self.db.begin_read()?.open_table(definition(Table::Meta)) {
            Ok(meta) => Ok(meta.get(key)?.map(|value| value.value().to_vec())),
            Err(TableError::TableDoesNotExist(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn check(&mut self) -> Result<(), StoreError> {
        if self.is_checked {
            return Ok(());
        }
        let sound = self.db.check_integrity().map_err(|error| from_open(error, &self.path))?;
        if !sound {
            tracing::warn!(path = %self.path.display(), "the database was repaired; its newest batches may be gone");
        }
        self.is_checked = true;
        Ok(())
    }

    fn create_tables(&self) -> Result<(), StoreError> {
        let txn = self.begin_write(Durability::Deferred)?;
        for table in Table::ALL {
            txn.open_table(definition(*table))?;
        }
        Ok(txn.commit()?)
    }

    fn apply(&self, batch: Batch, durability: Durability) -> Result<(), StoreError> {
        let txn = self.begin_write(durability)?;
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
        Ok(txn.commit()?)
    }

    fn snapshot(&self) -> Result<Box<dyn KvReader>, StoreError> {
        Ok(Box::new(View::new(&self.db.begin_read()?)?))
    }

    fn bytes(&self) -> u64 {
        std::fs::metadata(&self.path).map_or(0, |m| m.len())
    }
}

impl KvReader for Redb {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.table(table)?.get(key)?.map(|value| value.value().to_vec()))
    }

    fn scan(&self, table: Table, after: Option<&[u8]>, limit: usize) -> Result<Vec<Pair>, StoreError> {
        scan(&self.table(table)?, after, limit)
    }

    fn last(&self, table: Table) -> Result<Option<Pair>, StoreError> {
        last(&self.table(table)?)
    }

    fn count(&self, table: Table) -> Result<u64, StoreError> {
        Ok(self.table(table)?.len()?)
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
