//! The engines by themselves, with the same settings: what `umbel bench store` compares the store with.

use std::fmt;
use std::fs::File;
use std::path::Path;

use ::redb::{Builder, Database, ReadableDatabase, TableDefinition};
use ::sled::{Config, Db, Tree};

use crate::error::StoreError;
use crate::kv::{DEFAULT_PAGE_CACHE_BYTES, Pair, StoreKind};
use crate::open::{DATABASE_FILE, SLED_FOLDER};

const TABLE: TableDefinition<'static, &'static [u8], &'static [u8]> = TableDefinition::new("header");

/// A bare database with one table.
pub struct Bare(Engine);

enum Engine {
    Redb(Database),
    Sled { db: Db, tree: Tree, log: File },
}

impl fmt::Debug for Bare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Engine::Redb(_) => "bare redb",
            Engine::Sled { .. } => "bare sled",
        })
    }
}

impl Bare {
    /// Opens or creates the database in a folder, where the store would have its own.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::NotThere`] for the engine without a disk.
    pub fn open(kind: StoreKind, dir: &Path) -> Result<Self, StoreError> {
        match kind {
            StoreKind::Mem => Err(StoreError::NotThere(dir.to_owned())),
            StoreKind::Redb => {
                let opened = Builder::new().set_cache_size(DEFAULT_PAGE_CACHE_BYTES).create(dir.join(DATABASE_FILE));
                Ok(Self(Engine::Redb(opened.map_err(|error| StoreError::Corrupt(error.to_string()))?)))
            }
            StoreKind::Sled => {
                let path = dir.join(SLED_FOLDER);
                let db = Config::new().path(&path).cache_capacity(DEFAULT_PAGE_CACHE_BYTES as u64).open()?;
                let tree = db.open_tree("header")?;
                let log = path.join("db");
                let log = File::open(&log).map_err(|error| StoreError::from_io(error, &log))?;
                Ok(Self(Engine::Sled { db, tree, log }))
            }
        }
    }

    /// Writes pairs in one commit that is on the disk when this returns.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn write(&self, pairs: &[Pair]) -> Result<(), StoreError> {
        match &self.0 {
            Engine::Redb(db) => {
                let mut txn = db.begin_write()?;
                txn.set_two_phase_commit(true);
                {
                    let mut table = txn.open_table(TABLE)?;
                    for (key, value) in pairs {
                        table.insert(key.as_slice(), value.as_slice())?;
                    }
                }
                Ok(txn.commit()?)
            }
            Engine::Sled { db, tree, log } => {
                let mut batch = ::sled::Batch::default();
                for (key, value) in pairs {
                    batch.insert(key.as_slice(), value.as_slice());
                }
                tree.apply_batch(batch)?;
                db.flush()?;
                log.sync_data().map_err(|error| StoreError::from_io(error, Path::new("the database")))
            }
        }
    }

    /// The value of a key in the newest state; of redb with a read transaction of its own.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match &self.0 {
            Engine::Redb(db) => {
                let table = db.begin_read()?.open_table(TABLE)?;
                Ok(table.get(key)?.map(|value| value.value().to_vec()))
            }
            Engine::Sled { tree, .. } => Ok(tree.get(key)?.map(|value| value.to_vec())),
        }
    }
}
