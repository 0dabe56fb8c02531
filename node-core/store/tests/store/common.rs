//! Shared by the tests of this crate.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use umbel_store::registry::META_PREFIX;
use umbel_store::{DATABASE_FILE, FormatTag, KvReader, KvStore, Opened, SLED_FOLDER, StoreKind, Table, open};
use umbel_types::{BlockHash, Network};

/// Everything that a store holds.
pub(crate) type Model = BTreeMap<(Table, Vec<u8>), Vec<u8>>;

pub(crate) fn tag() -> FormatTag {
    FormatTag::new(Network::Devnet, BlockHash([9; 32]), 1)
}

pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

pub(crate) fn open_at(kind: StoreKind, dir: &Path) -> Arc<dyn KvStore> {
    open(kind, dir, tag(), &[]).unwrap().store
}

/// Runs a test on a folder of its own for each engine on the disk.
pub(crate) fn on_disk(test: impl Fn(StoreKind, &Path)) {
    for kind in StoreKind::ON_DISK {
        test(*kind, folder().path());
    }
}

pub(crate) fn reopen(kind: StoreKind, dir: &Path) -> Opened {
    open(kind, dir, tag(), &[]).unwrap()
}

/// The database inside its folder.
pub(crate) fn database(kind: StoreKind, dir: &Path) -> PathBuf {
    dir.join(if kind == StoreKind::Sled { SLED_FOLDER } else { DATABASE_FILE })
}

/// The file that holds the rows.
pub(crate) fn rows_file(kind: StoreKind, dir: &Path) -> PathBuf {
    rows_of(&database(kind, dir))
}

/// The file that holds the rows of a database.
pub(crate) fn rows_of(database: &Path) -> PathBuf {
    if database.is_dir() { database.join("db") } else { database.to_owned() }
}

/// Every file of a database, by name.
pub(crate) fn files_of(database: &Path) -> Vec<PathBuf> {
    if database.is_file() {
        return vec![database.to_owned()];
    }
    let mut files: Vec<PathBuf> = fs::read_dir(database).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.is_file());
    files.sort();
    files
}

/// A number of cases or rounds that long runs raise.
pub(crate) fn from_environment<T: std::str::FromStr>(name: &str, otherwise: T) -> T {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is a number, not {text:?}")),
        Err(_) => otherwise,
    }
}

/// The files as they are at a moment: what a killed process leaves.
pub(crate) fn image(dir: &Path) -> tempfile::TempDir {
    let copy = folder();
    copy_folder(dir, copy.path());
    copy
}

/// Folders before files, and what names others before what is named: a file that is gone is left out.
fn copy_folder(from: &Path, to: &Path) {
    let mut entries: Vec<PathBuf> = fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for entry in entries {
        let target = to.join(entry.file_name().unwrap());
        if entry.is_dir() {
            fs::create_dir(&target).unwrap();
            copy_folder(&entry, &target);
        } else {
            let _ = fs::copy(&entry, &target);
        }
    }
}

/// Everything that the store's users wrote.
pub(crate) fn contents(reader: &dyn KvReader) -> Model {
    let mut all = Model::new();
    for table in Table::ALL {
        for (key, value) in reader.scan(*table, None, usize::MAX).unwrap() {
            if *table != Table::Meta || !key.starts_with(META_PREFIX) {
                all.insert((*table, key), value);
            }
        }
    }
    all
}

/// SplitMix64: the same numbers for the same seed.
#[derive(Clone, Debug)]
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(crate) fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
        bytes
    }
}
