//! Opening a folder, and what is done with one that is damaged.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::batch::Durability;
use crate::engines::mem::MemStore;
use crate::engines::redb::RedbStore;
use crate::error::StoreError;
use crate::format::{self, FormatTag};
use crate::kv::{KvStore, StoreKind};

/// Name of the database inside its folder.
pub const DATABASE_FILE: &str = "chain.redb";

/// An open store and what was found.
#[derive(Debug)]
pub struct Opened {
    /// The store.
    pub store: Arc<dyn KvStore>,
    /// Where a damaged database was moved; the store is then empty, and whoever runs the node has to be told.
    pub recovered: Option<PathBuf>,
    /// Whether the last run ended in order; true for a new store.
    pub clean_shutdown: bool,
}

/// Opens the database in `dir`, creating both if they are not there. A damaged database is moved aside and an empty one
/// takes its place; nothing is deleted. The engine without a disk ignores `dir`.
///
/// # Errors
/// [`StoreError::InUse`], [`StoreError::WrongFormat`], [`StoreError::ReadOnly`], [`StoreError::Full`],
/// [`StoreError::Io`]; the folder is then as it was.
pub fn open(kind: StoreKind, dir: &Path, format: FormatTag) -> Result<Opened, StoreError> {
    match kind {
        StoreKind::Mem => {
            let store = MemStore::new();
            store.write(format::opened(&format), Durability::Immediate)?;
            Ok(Opened { store: Arc::new(store), recovered: None, clean_shutdown: true })
        }
        StoreKind::Redb => open_redb(dir, &format),
    }
}

fn open_redb(dir: &Path, format: &FormatTag) -> Result<Opened, StoreError> {
    create_folder(dir)?;
    let path = dir.join(DATABASE_FILE);
    let is_new = !path.exists();
    let (recovered, (store, clean_shutdown)) = match RedbStore::open(&path, format) {
        Ok(opened) => (None, opened),
        Err(error) if error.is_damage() => {
            let aside = move_aside(&path)?;
            tracing::error!(%error, moved_to = %aside.display(), "the database was damaged; an empty one takes its place");
            let (store, _) = RedbStore::open(&path, format)?;
            (Some(aside), (store, false))
        }
        Err(error) => return Err(error),
    };
    if is_new || recovered.is_some() {
        sync_folder(dir)?;
    }
    Ok(Opened { store: Arc::new(store), recovered, clean_shutdown })
}

/// Creates the folder and its parents and brings their names to the disk.
pub(crate) fn create_folder(dir: &Path) -> Result<(), StoreError> {
    let missing: Vec<&Path> = dir.ancestors().take_while(|d| !d.as_os_str().is_empty() && !d.exists()).collect();
    fs::create_dir_all(dir).map_err(|error| StoreError::from_io(error, dir))?;
    for created in missing {
        if let Some(parent) = created.parent().filter(|p| !p.as_os_str().is_empty()) {
            sync_folder(parent)?;
        }
    }
    Ok(())
}

/// Brings the names inside a folder to the disk. Systems that can't open folders keep names by themselves.
pub(crate) fn sync_folder(dir: &Path) -> Result<(), StoreError> {
    if !cfg!(unix) {
        return Ok(());
    }
    File::open(dir).and_then(|d| d.sync_all()).map_err(|error| StoreError::from_io(error, dir))
}

/// Gives the file the first free name `<file>.damaged-<n>`, n from 1.
fn move_aside(path: &Path) -> Result<PathBuf, StoreError> {
    for n in 1u32.. {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".damaged-{n}"));
        let aside = PathBuf::from(name);
        if !aside.exists() {
            fs::rename(path, &aside).map_err(|error| StoreError::from_io(error, path))?;
            return Ok(aside);
        }
    }
    Err(StoreError::Io(io::Error::other("no free name for the damaged database")))
}
