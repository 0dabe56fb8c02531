//! Opening a folder, and what is done with one that is damaged.

use std::fs::{self, File};
use std::io;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::batch::Durability;
use crate::engines::Engine;
use crate::engines::file::{FileStore, Started};
use crate::engines::mem::MemStore;
use crate::engines::redb::Redb;
use crate::engines::sled::Sled;
use crate::error::StoreError;
use crate::format::{self, FormatTag};
use crate::kv::{KvStore, StoreConfig, StoreKind};

/// Name of redb's database inside the folder: a file.
pub const DATABASE_FILE: &str = "chain.redb";
/// Name of sled's database inside the folder: a folder.
pub const SLED_FOLDER: &str = "chain.sled";
/// Name of the folder of segments inside the same folder.
pub const SEGMENTS_FOLDER: &str = "blocks";

/// A step from one version of the format to the next. A step may be cut off at any moment: it writes in batches, each of
/// which leaves the rest to be done, and is run again from its start.
#[derive(Clone, Copy, Debug)]
pub struct Upgrade {
    /// Version that it begins with; it ends with the next.
    pub from: u32,
    /// What it does, for the log.
    pub what: &'static str,
    /// Does it.
    pub run: fn(&dyn KvStore) -> Result<(), StoreError>,
}

/// An open store and what was found.
#[derive(Debug)]
pub struct Opened {
    /// The store.
    pub store: Arc<dyn KvStore>,
    /// Where a damaged database was moved; the store is then empty but for its segments, and whoever runs the node has to
    /// be told.
    pub recovered: Option<PathBuf>,
    /// Whether the last run ended in order; true for a new store.
    pub clean_shutdown: bool,
    /// The version that the folder had before it was brought up to date.
    pub upgraded_from: Option<u32>,
}

/// Opens the database in `dir`, creating both if they are not there. An old format is brought up to date by `upgrades`, one
/// for each version that is still known. A damaged database is moved aside and an empty one takes its place; nothing is
/// deleted. The engine without a disk ignores `dir`.
///
/// Each engine has a database of its own in the folder, and the segments are common to all: an engine that was not used
/// before finds every record in [`KvStore::tail`].
///
/// # Errors
/// [`StoreError::InUse`], [`StoreError::WrongFormat`], [`StoreError::ReadOnly`], [`StoreError::Full`],
/// [`StoreError::Io`]; the folder is then as it was, or at a version in between.
pub fn open(
    config: impl Into<StoreConfig>,
    dir: &Path,
    format: FormatTag,
    upgrades: &[Upgrade],
) -> Result<Opened, StoreError> {
    let config = config.into();
    match config.kind {
        StoreKind::Mem => {
            let store = MemStore::new();
            store.write(format::opened(&format), Durability::Immediate)?;
            Ok(Opened { store: Arc::new(store), recovered: None, clean_shutdown: true, upgraded_from: None })
        }
        StoreKind::Redb => Folder::<Redb>::new(dir, config, &format, upgrades).open(),
        StoreKind::Sled => Folder::<Sled>::new(dir, config, &format, upgrades).open(),
    }
}

/// Opens the database in `dir` as it is: none is made, brought up to date or moved aside. For reading what a node left.
///
/// # Errors
/// [`StoreError::NotThere`], [`StoreError::Corrupt`], and those of [`open`].
pub fn open_existing(config: impl Into<StoreConfig>, dir: &Path, format: &FormatTag) -> Result<Opened, StoreError> {
    let config = config.into();
    match config.kind {
        StoreKind::Mem => Err(StoreError::NotThere(dir.to_owned())),
        StoreKind::Redb => Folder::<Redb>::new(dir, config, format, &[]).open_existing(),
        StoreKind::Sled => Folder::<Sled>::new(dir, config, format, &[]).open_existing(),
    }
}

/// The database of an engine in a folder, and what it has to be.
struct Folder<'a, E> {
    dir: &'a Path,
    path: PathBuf,
    config: StoreConfig,
    format: &'a FormatTag,
    upgrades: &'a [Upgrade],
    engine: PhantomData<E>,
}

impl<'a, E: Engine> Folder<'a, E> {
    fn new(dir: &'a Path, config: StoreConfig, format: &'a FormatTag, upgrades: &'a [Upgrade]) -> Self {
        let path = dir.join(E::NAME);
        Self { dir, path, config, format, upgrades, engine: PhantomData }
    }

    fn open_existing(&self) -> Result<Opened, StoreError> {
        if !E::exists(&self.path) {
            return Err(StoreError::NotThere(self.path.clone()));
        }
        let Started { store, clean_shutdown, .. } = self.start()?;
        Ok(Opened { store: Arc::new(store), recovered: None, clean_shutdown, upgraded_from: None })
    }

    fn open(&self) -> Result<Opened, StoreError> {
        create_folder(self.dir)?;
        let is_new = !self.path.exists();
        let (recovered, started) = match self.open_and_upgrade() {
            Ok(started) => (None, started),
            Err(error) if error.is_damage() => {
                let aside = move_aside(&self.path)?;
                tracing::error!(%error, moved_to = %aside.display(), "the database was damaged; an empty one takes its place");
                let started = self.open_and_upgrade()?;
                (Some(aside), Started { clean_shutdown: false, ..started })
            }
            Err(error) => return Err(error),
        };
        if is_new || recovered.is_some() {
            sync_folder(self.dir)?;
        }
        let Started { store, clean_shutdown, version } = started;
        let upgraded_from = version.filter(|version| *version < self.format.version);
        Ok(Opened { store: Arc::new(store), recovered, clean_shutdown, upgraded_from })
    }

    fn start(&self) -> Result<Started<E>, StoreError> {
        let segments = self.dir.join(SEGMENTS_FOLDER);
        FileStore::open(&self.path, self.config, &segments, self.format, self.upgrades)
    }

    fn open_and_upgrade(&self) -> Result<Started<E>, StoreError> {
        let started = self.start()?;
        for version in started.version.unwrap_or(self.format.version)..self.format.version {
            // The store has refused a version that no step begins with.
            if let Some(step) = self.upgrades.iter().find(|step| step.from == version) {
                tracing::info!(
                    from = version,
                    to = version + 1,
                    what = step.what,
                    "the chain's format is brought up to date"
                );
                let reached = FormatTag { version: version + 1, ..self.format.clone() };
                let stepped = (step.run)(&started.store)
                    .and_then(|()| started.store.write(format::opened(&reached), Durability::Immediate));
                if let Err(error) = stepped {
                    // What lies behind the last batch is cut off at the next attempt, like after a crash.
                    started.store.distrust();
                    return Err(error);
                }
            }
        }
        Ok(started)
    }
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
