//! The engine by itself, with the same settings: what `umbel bench store` compares the store with.

use std::path::Path;

use ::redb::{Builder, Database, ReadableDatabase, TableDefinition};

use crate::error::StoreError;
use crate::kv::Pair;

const TABLE: TableDefinition<'static, &'static [u8], &'static [u8]> = TableDefinition::new("header");

/// One redb file with one table.
#[derive(Debug)]
pub struct BareRedb {
    db: Database,
}

impl BareRedb {
    /// Opens or creates the file.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let opened = Builder::new().set_cache_size(crate::engines::redb::CACHE_BYTES).create(path);
        Ok(Self { db: opened.map_err(|error| StoreError::Corrupt(error.to_string()))? })
    }

    /// Writes pairs in one commit that is on the disk when this returns.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn write(&self, pairs: &[Pair]) -> Result<(), StoreError> {
        let mut txn = self.db.begin_write()?;
        txn.set_two_phase_commit(true);
        {
            let mut table = txn.open_table(TABLE)?;
            for (key, value) in pairs {
                table.insert(key.as_slice(), value.as_slice())?;
            }
        }
        Ok(txn.commit()?)
    }

    /// The value of a key in the newest state: a read transaction of its own.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let table = self.db.begin_read()?.open_table(TABLE)?;
        Ok(table.get(key)?.map(|value| value.value().to_vec()))
    }
}
