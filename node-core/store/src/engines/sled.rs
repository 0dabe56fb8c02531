//! sled 0.34: one tree for each table. Its makers call it beta (docs/adr/0007-storage-engines.md).
//!
//! Three things that sled does not have are made here:
//!
//! - **Order on the disk.** sled writes its log whenever a buffer is full. Deferred batches therefore stay in memory
//!   ([`Overlay`]) until one is written through; then all of them are one sled transaction over all trees, which sled
//!   recovers whole or not at all. So a table on the disk never names a record that is not there.
//! - **Durability.** sled waits for its pages with `sync_file_range`, which says nothing of the file's length or the
//!   disk's own cache; a write that is told as durable is synced here as well.
//! - **Snapshots.** As long as there are any, a write keeps the values that it replaces, in memory and bounded
//!   ([`MAX_PAST_BYTES`]).
//!
//! sled takes bytes that do not hold for the end of its log, and says nothing: it may come back older than what was told
//! as durable, empty, or without some rows from the middle. So a file beside it has the number of the newest batch that was
//! told as durable ([`Acknowledged`]), and every batch writes the sums of the tables ([`totals`]). What contradicts them is
//! [`StoreError::Corrupt`], like what sled calls damage itself, and a panic.
//!
//! After a write that failed halfway the database is closed: what sled has in memory is then half a batch.

mod overlay;
mod totals;

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use ::sled::transaction::{TransactionError, TransactionResult};
use ::sled::{Config, Db, Error, IVec, Transactional, Tree};

use self::overlay::{Layered, Map, Overlay, Row};
use self::totals::Total;
use super::{Engine, guard};
use crate::batch::{Batch, Durability};
use crate::error::StoreError;
use crate::kv::{KvReader, Pair, StoreKind};
use crate::open::{SLED_FOLDER, sync_folder};
use crate::registry::Table;

/// Tree with the sums of the tables, by prefix, and the number of the newest batch.
const TOTALS: &str = "store/totals";
/// Key of the number of the newest batch.
const COMMITS_KEY: &[u8] = b"commits";
/// Bytes of keys and values that are kept for snapshots. Beyond, the oldest snapshot ends: a reader that is minutes behind
/// begins again rather than fill a wallet's memory.
const MAX_PAST_BYTES: usize = 128 * 1024 * 1024;

/// Longest wait for sled's threads to end.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(5);
/// Length of what [`Acknowledged`] holds.
const ACKNOWLEDGED_BYTES: usize = 12;

/// The engine.
pub(crate) struct Sled {
    path: PathBuf,
    /// The log, for its syncs.
    log: File,
    /// The newest blob that is on the disk.
    synced_blobs: AtomicI64,
    acknowledged: Acknowledged,
    state: Arc<RwLock<State>>,
}

impl fmt::Debug for Sled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sled").field("path", &self.path).finish_non_exhaustive()
    }
}

/// The open database.
struct Open {
    db: Db,
    /// Those of [`Table::ALL`], then [`TOTALS`].
    trees: Vec<Tree>,
}

impl Open {
    fn tree(&self, table: Table) -> &Tree {
        &self.trees[table.position()]
    }
}

type Totals = [Total; Table::COUNT];

struct State {
    /// `None` after the end, and after a write that failed.
    open: Option<Open>,
    /// Batches that are not in the database yet.
    pending: Overlay,
    /// Of what is in the database.
    totals: Totals,
    /// Transactions since the database is new.
    commits: u64,
    /// For each snapshot the values that were replaced between it and the next one.
    pasts: BTreeMap<u64, Past>,
    past_bytes: usize,
    /// [`MAX_PAST_BYTES`].
    max_past_bytes: usize,
    /// Number of the next snapshot.
    next_snapshot: u64,
}

#[derive(Default)]
struct Past {
    values: Overlay,
    bytes: usize,
}

impl State {
    fn open(&self) -> Result<&Open, StoreError> {
        self.open.as_ref().ok_or(StoreError::Stopped)
    }

    /// Writes everything that is pending in one transaction.
    fn commit(&mut self) -> Result<(), StoreError> {
        let (keeps, commits) = (!self.pasts.is_empty(), self.commits + 1);
        let written: TransactionResult<(Totals, Overlay)> = self.open()?.trees.as_slice().transaction(|views| {
            let (mut totals, mut past) = (self.totals, Overlay::default());
            for (table, map) in self.pending.iter().filter(|(_, map)| !map.is_empty()) {
                let view = &views[table.position()];
                let total = &mut totals[table.position()];
                for (key, value) in map {
                    let old = match value {
                        Some(value) => view.insert(&**key, &**value)?,
                        None => view.remove(&**key)?,
                    };
                    total.change(table, key, old.as_deref(), value.as_deref());
                    if keeps {
                        past.keep(table, Arc::clone(key), old.as_deref().map(Into::into));
                    }
                }
                views[Table::COUNT].insert(&[table.prefix()][..], &total.to_bytes()[..])?;
            }
            views[Table::COUNT].insert(COMMITS_KEY, &commits.to_le_bytes()[..])?;
            Ok((totals, past))
        });
        let (totals, past) = written?;
        self.totals = totals;
        self.commits = commits;
        self.pending = Overlay::default();
        self.keep_for_snapshots(&past);
        Ok(())
    }

    /// Gives the newest snapshot the values that were just replaced; older ones look there as well.
    fn keep_for_snapshots(&mut self, replaced: &Overlay) {
        let Some(mut newest) = self.pasts.last_entry() else { return };
        let past = newest.get_mut();
        let mut bytes = 0;
        for (table, map) in replaced.iter() {
            for (key, value) in map {
                bytes += past.values.keep(table, Arc::clone(key), value.clone());
            }
        }
        past.bytes += bytes;
        self.past_bytes += bytes;
        while self.past_bytes > self.max_past_bytes
            && let Some((_, ended)) = self.pasts.pop_first()
        {
            self.past_bytes -= ended.bytes;
            tracing::warn!(bytes = ended.bytes, "a snapshot has ended: too much was written since");
        }
    }

    /// A snapshot has ended: what it kept is the next older one's now.
    fn release(&mut self, snapshot: u64) {
        let Some(ended) = self.pasts.remove(&snapshot) else { return };
        self.past_bytes -= ended.bytes;
        let Some((_, older)) = self.pasts.range_mut(..snapshot).next_back() else { return };
        let mut bytes = 0;
        for (table, map) in ended.values.iter() {
            for (key, value) in map {
                bytes += older.values.keep(table, Arc::clone(key), value.clone());
            }
        }
        older.bytes += bytes;
        self.past_bytes += bytes;
    }

    /// The table as the database and the maps over it have it, the first first.
    fn view<'a>(&'a self, table: Table, maps: Vec<&'a Map>) -> Result<View<'a>, StoreError> {
        Ok(View { tree: self.open()?.tree(table), rows: self.totals[table.position()].rows, maps })
    }
}

/// One state of one table.
struct View<'a> {
    tree: &'a Tree,
    /// Rows of the tree.
    rows: u64,
    maps: Vec<&'a Map>,
}

impl View<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        for map in &self.maps {
            if let Some(value) = map.get(key) {
                return Ok(value.as_ref().map(|v| v.to_vec()));
            }
        }
        Ok(self.tree.get(key)?.map(|value| value.to_vec()))
    }

    fn scan(&self, after: Option<&[u8]>, limit: usize) -> Result<Vec<Pair>, StoreError> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let base = self.tree.range::<&[u8], _>((start, Bound::Unbounded)).map(row);
        let mut rows = Layered::ascending(&self.maps, base, after)?;
        let mut pairs = Vec::new();
        while pairs.len() < limit {
            match rows.next_pair()? {
                Some(pair) => pairs.push(pair),
                None => break,
            }
        }
        Ok(pairs)
    }

    fn last(&self) -> Result<Option<Pair>, StoreError> {
        Layered::descending(&self.maps, self.tree.iter().rev().map(row))?.next_pair()
    }

    /// From the tree's own count, and one look at the tree for each key that lies over it.
    fn count(&self) -> Result<u64, StoreError> {
        let mut seen: BTreeMap<&[u8], bool> = BTreeMap::new();
        for map in &self.maps {
            for (key, value) in *map {
                seen.entry(key).or_insert(value.is_some());
            }
        }
        let mut rows = self.rows;
        for (key, is_there) in seen {
            match (self.tree.contains_key(key)?, is_there) {
                (true, false) => rows = rows.saturating_sub(1),
                (false, true) => rows = rows.saturating_add(1),
                _ => {}
            }
        }
        Ok(rows)
    }
}

fn row(row: Result<(IVec, IVec), Error>) -> Result<Row, StoreError> {
    let (key, value) = row?;
    Ok((key.as_ref().into(), value.as_ref().into()))
}

impl Sled {
    fn read<T>(&self, table: Table, f: impl FnOnce(View<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let state = self.state.read().map_err(|_| StoreError::Stopped)?;
        f(state.view(table, vec![state.pending.map(table)])?)
    }

    /// Brings everything that was committed to the disk.
    fn flush(&self, db: &Db, commits: u64) -> Result<(), StoreError> {
        db.flush()?;
        self.sync_blobs()?;
        self.log.sync_data().map_err(|error| StoreError::from_io(error, &self.path))?;
        self.acknowledged.set(commits).map_err(|error| StoreError::from_io(error, &self.path))
    }

    /// sled writes values of 128 KiB and more into files of their own and leaves them to the system.
    fn sync_blobs(&self) -> Result<(), StoreError> {
        let blobs = self.path.join("blobs");
        let failed = |error| StoreError::from_io(error, &blobs);
        let synced = self.synced_blobs.load(Ordering::Relaxed);
        let mut newest = synced;
        for entry in std::fs::read_dir(&blobs).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            // Their names are places in the log, which only grow.
            let number = path.file_name().and_then(|n| n.to_str()).and_then(|n| n.parse::<i64>().ok());
            // One that is gone was replaced in the meantime.
            if let (Some(number), Ok(file)) = (number.filter(|n| *n > synced), File::open(&path)) {
                file.sync_all().map_err(failed)?;
                newest = newest.max(number);
            }
        }
        if newest > synced {
            sync_folder(&blobs)?;
            self.synced_blobs.store(newest, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Rows and sums as they are in the trees.
    fn compute_totals(open: &Open) -> Result<Totals, StoreError> {
        let mut totals = Totals::default();
        for table in Table::ALL {
            for row in open.tree(*table) {
                let (key, value) = row?;
                totals[table.position()].change(*table, &key, None, Some(&value));
            }
        }
        Ok(totals)
    }
}

impl Engine for Sled {
    const KIND: StoreKind = StoreKind::Sled;
    const NAME: &'static str = SLED_FOLDER;

    fn exists(path: &Path) -> bool {
        path.join("db").is_file()
    }

    fn open(path: &Path, cache_bytes: usize) -> Result<Self, StoreError> {
        let failed = |error| from_open(error, path);
        let db = Config::new().path(path).cache_capacity(cache_bytes as u64).open().map_err(failed)?;
        // Files that sled has just made, and leaves to the system.
        for name in ["conf", "db"] {
            let file = path.join(name);
            File::open(&file).and_then(|f| f.sync_all()).map_err(|error| StoreError::from_io(error, &file))?;
        }
        for folder in [&path.join("blobs"), path] {
            sync_folder(folder)?;
        }
        let names = Table::ALL.iter().map(|table| table.name()).chain([TOTALS]);
        let trees: Vec<Tree> = names.map(|name| db.open_tree(name)).collect::<Result<_, _>>().map_err(failed)?;
        let mut totals = Totals::default();
        for table in Table::ALL {
            if let Some(bytes) = trees[Table::COUNT].get([table.prefix()]).map_err(failed)? {
                totals[table.position()] = Total::from_bytes(&bytes)?;
            }
        }
        let commits = match trees[Table::COUNT].get(COMMITS_KEY).map_err(failed)? {
            Some(bytes) => <[u8; 8]>::try_from(bytes.as_ref()).map_or(0, u64::from_le_bytes),
            None => 0,
        };
        let (acknowledged, told) = Acknowledged::open(path).map_err(|error| StoreError::from_io(error, path))?;
        if commits < told {
            return Err(StoreError::Corrupt(format!("it has {commits} batches, and {told} were told as durable")));
        }
        let log = path.join("db");
        let log = File::open(&log).map_err(|error| StoreError::from_io(error, &log))?;
        let state = State {
            open: Some(Open { db, trees }),
            pending: Overlay::default(),
            totals,
            commits,
            pasts: BTreeMap::new(),
            past_bytes: 0,
            max_past_bytes: MAX_PAST_BYTES,
            next_snapshot: 0,
        };
        let (path, state) = (path.to_owned(), Arc::new(RwLock::new(state)));
        Ok(Self { path, log, synced_blobs: AtomicI64::new(-1), acknowledged, state })
    }

    fn meta(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.get(Table::Meta, key)
    }

    fn check(&mut self) -> Result<(), StoreError> {
        let state = self.state.read().map_err(|_| StoreError::Stopped)?;
        if Self::compute_totals(state.open()?)? == state.totals {
            return Ok(());
        }
        Err(StoreError::Corrupt("rows are missing, or are not what was written".to_owned()))
    }

    /// Opening has made them.
    fn create_tables(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn apply(&self, batch: Batch, durability: Durability) -> Result<(), StoreError> {
        let (db, commits) = {
            let mut state = self.state.write().map_err(|_| StoreError::Stopped)?;
            state.open()?;
            state.pending.write(batch);
            if durability == Durability::Deferred {
                return Ok(());
            }
            // Half a batch may be in sled's memory, and reach its log when it is dropped: the sums tell at the next open.
            guard(|| state.commit()).inspect_err(|_| close(&mut state))?;
            (state.open()?.db.clone(), state.commits)
        };
        // Readers do not wait for the disk.
        guard(move || self.flush(&db, commits)).inspect_err(|_| {
            if let Ok(mut state) = self.state.write() {
                close(&mut state);
            }
        })
    }

    fn snapshot(&self) -> Result<Box<dyn KvReader>, StoreError> {
        let mut state = self.state.write().map_err(|_| StoreError::Stopped)?;
        state.open()?;
        let number = state.next_snapshot;
        state.next_snapshot += 1;
        state.pasts.insert(number, Past::default());
        Ok(Box::new(Snapshot { number, pending: state.pending.clone(), state: Arc::clone(&self.state) }))
    }

    fn bytes(&self) -> u64 {
        let blobs = std::fs::read_dir(self.path.join("blobs")).into_iter().flatten();
        let blobs = blobs.flatten().filter_map(|entry| entry.metadata().ok()).map(|m| m.len());
        blobs.sum::<u64>() + self.log.metadata().map_or(0, |m| m.len())
    }
}

impl KvReader for Sled {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(table, |view| view.get(key))
    }

    fn scan(&self, table: Table, after: Option<&[u8]>, limit: usize) -> Result<Vec<Pair>, StoreError> {
        self.read(table, |view| view.scan(after, limit))
    }

    fn last(&self, table: Table) -> Result<Option<Pair>, StoreError> {
        self.read(table, |view| view.last())
    }

    fn count(&self, table: Table) -> Result<u64, StoreError> {
        self.read(table, |view| view.count())
    }
}

/// Ends the database; what it can't write any more is said in the log.
fn close(state: &mut State) {
    let ended = state.open.take();
    state.pasts.clear();
    state.past_bytes = 0;
    if let Err(error) = guard(|| {
        drop(ended);
        Ok(())
    }) {
        tracing::error!(%error, "the database could not be closed");
    }
}

impl Drop for Sled {
    fn drop(&mut self) {
        close(&mut self.state.write().unwrap_or_else(PoisonError::into_inner));
        // sled's own threads let go of the file a moment later: whoever opens it next would be refused.
        let deadline = Instant::now() + RELEASE_TIMEOUT;
        while matches!(self.log.try_lock(), Err(TryLockError::WouldBlock)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Number of the newest batch that was told as durable, in a file of its own: `number u64 ‖ crc u32`. Not synced: a killed
/// process leaves it exact, a power cut at worst too low.
struct Acknowledged(File);

impl Acknowledged {
    /// Opens or creates the file; 0 if it says nothing that holds.
    fn open(database: &Path) -> io::Result<(Self, u64)> {
        let path = database.join("acknowledged");
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let mut bytes = Vec::new();
        (&mut file).take(ACKNOWLEDGED_BYTES as u64).read_to_end(&mut bytes)?;
        let told =
            bytes.split_first_chunk::<8>().filter(|(number, crc)| crc32fast::hash(*number).to_le_bytes() == *crc);
        let told = told.map_or(0, |(number, _)| u64::from_le_bytes(*number));
        Ok((Self(file), told))
    }

    fn set(&self, number: u64) -> io::Result<()> {
        let number = number.to_le_bytes();
        let mut file = &self.0;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&[&number[..], &crc32fast::hash(&number).to_le_bytes()].concat())
    }
}

/// The state at a moment: what was pending then, the values that were replaced since, and the trees.
struct Snapshot {
    number: u64,
    pending: Overlay,
    state: Arc<RwLock<State>>,
}

impl Snapshot {
    fn read<T>(&self, table: Table, f: impl FnOnce(View<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let state = self.state.read().map_err(|_| StoreError::Stopped)?;
        if !state.pasts.contains_key(&self.number) {
            return Err(if state.open.is_some() { StoreError::SnapshotEnded } else { StoreError::Stopped });
        }
        let pasts = state.pasts.range(self.number..).map(|(_, past)| past.values.map(table));
        let maps = std::iter::once(self.pending.map(table)).chain(pasts).collect();
        f(state.view(table, maps)?)
    }
}

impl KvReader for Snapshot {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(table, |view| view.get(key))
    }

    fn scan(&self, table: Table, after: Option<&[u8]>, limit: usize) -> Result<Vec<Pair>, StoreError> {
        self.read(table, |view| view.scan(after, limit))
    }

    fn last(&self, table: Table) -> Result<Option<Pair>, StoreError> {
        self.read(table, |view| view.last())
    }

    fn count(&self, table: Table) -> Result<u64, StoreError> {
        self.read(table, |view| view.count())
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        self.state.write().unwrap_or_else(PoisonError::into_inner).release(self.number);
    }
}

fn from_open(error: Error, path: &Path) -> StoreError {
    match error {
        // sled has no kind for it: the name of the lock's file is in the message.
        Error::Io(error) if error.kind() == io::ErrorKind::Other && error.to_string().contains("acquire lock") => {
            StoreError::InUse(path.to_owned())
        }
        Error::Io(error) => from_io(error, path),
        error => error.into(),
    }
}

fn from_io(error: io::Error, path: &Path) -> StoreError {
    match error.kind() {
        // Of a page or a file that its log names.
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof | io::ErrorKind::NotFound => {
            StoreError::Corrupt(error.to_string())
        }
        _ => StoreError::from_io(error, path),
    }
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        match error {
            Error::Io(error) => from_io(error, Path::new("the database")),
            // Another version's settings, a tree that is gone, a state that sled holds to be impossible: none of them was
            // written by this program.
            error => Self::Corrupt(error.to_string()),
        }
    }
}

impl From<TransactionError<()>> for StoreError {
    fn from(error: TransactionError<()>) -> Self {
        match error {
            TransactionError::Storage(error) => error.into(),
            // Nothing here aborts.
            TransactionError::Abort(()) => Self::Stopped,
        }
    }
}

#[cfg(test)]
mod tests;
