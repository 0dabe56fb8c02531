//! A disk that forgets, reorders, tears and fails, under redb: every crash point of a scripted run.
//!
//! The run's writes are recorded. For each moment of it the disk has what was synced, and any part of what was written
//! since: nothing, all, all but one, one alone, a prefix whose last write is torn at a sector or a page, a random choice of
//! sectors. What opens then has to be what the batches 1 to n leave, with n at least the newest that was told as durable.
//! `UMBEL_FAULT_CASES` says how many choices are tried at each moment, and looks at every moment; a usual run looks at one
//! in [`STRIDE`].

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use ::redb::{Builder, StorageBackend};
use umbel_types::{BlockHash, Network};

use super::Redb;
use crate::batch::{Batch, Durability};
use crate::engines::{file::FileStore, guard};
use crate::error::StoreError;
use crate::format::FormatTag;
use crate::kv::{DEFAULT_SEGMENT_BYTES, KvReader, KvStore, Pair};
use crate::registry::Table;

/// What a disk writes whole, in bytes: a sector of old disks, and of new ones.
const SECTORS: [usize; 2] = [512, 4_096];
/// Choices of unsynced writes that are tried at each moment of a usual test run.
const CHOICES: u64 = 1;
/// Moments, and calls that fail, of which a usual test run looks at one.
const STRIDE: usize = 7;
/// Batches of the scripted run.
const BATCHES: u32 = 24;

#[derive(Clone, Debug)]
enum Call {
    Write(u64, Vec<u8>),
    SetLen(u64),
    Sync,
    /// Batch n was told as durable.
    Told(u32),
}

/// What the disk holds.
type Image = Vec<u8>;

fn at(offset: u64) -> usize {
    usize::try_from(offset).unwrap()
}

/// Does a call, or the sectors of a write that `keeps` chooses.
fn replay(image: &mut Image, call: &Call, mut keeps: impl FnMut(usize) -> bool) {
    match call {
        Call::Write(offset, data) => {
            for (n, part) in data.chunks(SECTORS[0]).enumerate().filter(|(n, _)| keeps(*n)) {
                let start = at(*offset) + n * SECTORS[0];
                // A write that is kept although the length before it is not makes the file as long as it needs.
                image.resize(image.len().max(start + part.len()), 0);
                image[start..start + part.len()].copy_from_slice(part);
            }
        }
        Call::SetLen(len) => image.resize(at(*len), 0),
        Call::Sync | Call::Told(_) => {}
    }
}

/// A call of the disk fails.
#[derive(Clone, Copy, Debug)]
struct Failure {
    /// Which one, from the first behind the opening.
    call: u64,
    kind: io::ErrorKind,
    /// Every later one as well.
    stays: bool,
}

#[derive(Debug, Default)]
struct State {
    image: Image,
    calls: Vec<Call>,
    /// Calls that may fail, done so far.
    done: u64,
    failure: Option<Failure>,
}

#[derive(Clone, Debug, Default)]
struct Disk(Arc<Mutex<State>>);

impl Disk {
    fn with(image: Image) -> Self {
        Self(Arc::new(Mutex::new(State { image, ..State::default() })))
    }

    fn state<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        f(&mut self.0.lock().unwrap())
    }

    fn call(&self, call: Call) -> io::Result<()> {
        self.try_call()?;
        self.state(|state| {
            replay(&mut state.image, &call, |_| true);
            state.calls.push(call);
        });
        Ok(())
    }

    fn try_call(&self) -> io::Result<()> {
        self.state(|state| {
            state.done += 1;
            match state.failure {
                Some(f) if state.done == f.call || f.stays && state.done > f.call => Err(f.kind.into()),
                _ => Ok(()),
            }
        })
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state(|state| state.image.len() as u64))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.try_call()?;
        self.state(|state| {
            let part = state.image.get(at(offset)..at(offset) + out.len());
            part.map(|part| out.copy_from_slice(part)).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
        })
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.call(Call::SetLen(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.call(Call::Sync)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.call(Call::Write(offset, data.to_vec()))
    }
}

fn open(disk: Disk, segments: &Path) -> Result<FileStore<Redb>, StoreError> {
    guard(|| {
        let path = PathBuf::from("/nonexistent");
        let db = Builder::new().create_with_backend(disk).map_err(|error| super::from_open(error, &path))?;
        let tag = FormatTag::new(Network::Devnet, BlockHash([9; 32]), 1);
        let engine = Redb { db, path: path.clone(), is_checked: false };
        Ok(FileStore::start(engine, &path, segments, DEFAULT_SEGMENT_BYTES, &tag, &[])?.store)
    })
}

/// Rows that batch n sets and removes, across tables, some of them long.
fn batch(n: u32) -> Batch {
    let mut batch = Batch::new();
    for (m, table) in [Table::Coin, Table::Memo, Table::ChainBlock].into_iter().enumerate() {
        let len = if n.is_multiple_of(5) { 9_000 } else { 120 };
        batch.put(table, &(n % 7).to_be_bytes(), vec![u8::try_from(n).unwrap(); len + m]);
        batch.put(table, &(1_000 + n).to_be_bytes(), vec![u8::try_from(m).unwrap(); 60]);
        batch.delete(table, &(1_000 + n / 2).to_be_bytes());
    }
    batch.put(Table::Tips, b"n", n.to_be_bytes().to_vec());
    batch
}

fn durability(n: u32) -> Durability {
    if n.is_multiple_of(3) { Durability::Immediate } else { Durability::Deferred }
}

const TABLES: [Table; 4] = [Table::Tips, Table::Coin, Table::Memo, Table::ChainBlock];

fn rows(reader: &dyn KvReader) -> Result<Vec<Vec<Pair>>, StoreError> {
    TABLES.iter().map(|table| reader.scan(*table, None, usize::MAX)).collect()
}

/// The script: batch by batch until the disk fails. Gives the states after 0 to n batches, the newest one told as durable,
/// and why it ended.
fn run(disk: &Disk, store: &FileStore<Redb>) -> (u32, Option<StoreError>) {
    let mut told = 0;
    for n in 1..=BATCHES {
        let level = durability(n);
        if let Err(error) = store.write(batch(n), level) {
            return (told, Some(error));
        }
        if level == Durability::Immediate {
            told = n;
            disk.state(|state| state.calls.push(Call::Told(n)));
        }
    }
    (told, None)
}

/// The rows after each number of batches, as memory has them.
fn states() -> Vec<Vec<Vec<Pair>>> {
    let model = crate::engines::mem::MemStore::new();
    let mut states = vec![rows(&model).unwrap()];
    for n in 1..=BATCHES {
        model.write(batch(n), Durability::Deferred).unwrap();
        states.push(rows(&model).unwrap());
    }
    states
}

/// Opens an image and says which state it is.
fn which(image: Image, states: &[Vec<Vec<Pair>>]) -> Result<usize, String> {
    let dir = tempfile::tempdir().unwrap();
    let store = open(Disk::with(image), dir.path()).map_err(|error| error.to_string())?;
    let rows = rows(&store).map_err(|error| error.to_string())?;
    states.iter().position(|state| *state == rows).ok_or_else(|| "a batch is torn".to_owned())
}

fn choices() -> u64 {
    std::env::var("UMBEL_FAULT_CASES").map_or(CHOICES, |text| text.parse().expect("UMBEL_FAULT_CASES is a number"))
}

fn stride() -> usize {
    if std::env::var_os("UMBEL_FAULT_CASES").is_some() { 1 } else { STRIDE }
}

/// SplitMix64, below `bound`.
fn below(seed: &mut u64, bound: usize) -> usize {
    *seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (*seed ^ (*seed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB) >> 7;
    usize::try_from(z % bound as u64).unwrap()
}

/// What the disk may have of `unsynced`, on top of `synced`.
fn images(synced: &Image, unsynced: &[Call], seed: &mut u64) -> Vec<Image> {
    let with = |keeps: &mut dyn FnMut(usize, usize) -> bool| {
        let mut image = synced.clone();
        for (n, call) in unsynced.iter().enumerate() {
            if !matches!(call, Call::SetLen(_)) || keeps(n, 0) {
                replay(&mut image, call, |sector| keeps(n, sector));
            }
        }
        image
    };
    let mut images = vec![with(&mut |_, _| false), with(&mut |_, _| true)];
    if unsynced.is_empty() {
        return images;
    }
    let last = unsynced.len() - 1;
    for sector in SECTORS {
        // The last write is cut at a random sector's end.
        let part = below(seed, 9) * (sector / SECTORS[0]);
        images.push(with(&mut |n, s| n < last || s < part));
    }
    for _ in 0..choices() {
        let one = below(seed, unsynced.len());
        images.push(with(&mut |n, _| n != one));
        images.push(with(&mut |n, _| n == one));
        images.push(with(&mut |_, _| below(seed, 2) == 0));
    }
    images
}

#[test]
#[allow(clippy::print_stderr, reason = "long runs are reported by these figures")]
fn no_crash_point_loses_or_tears_a_batch() {
    let states = states();
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::default();
    let store = open(disk.clone(), dir.path()).unwrap();
    let opened_after = disk.state(|state| state.calls.len());
    assert!(run(&disk, &store).1.is_none());
    let calls = disk.state(|state| state.calls.clone());
    drop(store);
    let (mut synced, mut unsynced): (Image, Vec<Call>) = (Image::new(), Vec::new());
    let (mut told, mut seed, mut tried) = (0, 11, 0);
    for (moment, call) in calls.into_iter().enumerate() {
        match call {
            Call::Sync => unsynced.drain(..).for_each(|call| replay(&mut synced, &call, |_| true)),
            Call::Told(n) => told = n as usize,
            call => unsynced.push(call),
        }
        // Opening a new file is looked at as well, but not at each of its writes.
        let stride = if moment < opened_after { 9 * stride() } else { stride() };
        if !moment.is_multiple_of(stride) {
            continue;
        }
        for image in images(&synced, &unsynced, &mut seed) {
            tried += 1;
            match which(image, &states) {
                Ok(n) => assert!(n >= told, "moment {moment}: batch {told} was told as durable, {n} is the newest"),
                // A new file that was never synced may be anything; nothing was told yet.
                Err(_) if moment < opened_after => {}
                Err(what) => panic!("moment {moment}, {} unsynced calls: {what}", unsynced.len()),
            }
        }
    }
    eprintln!("redb: {tried} images");
    assert!(tried > 200, "{tried}");
}

/// The n-th call fails, for every n: an error that is no damage, no panic, and a disk that opens as what was told.
#[test]
fn a_failing_call_is_told_and_costs_nothing_that_was_told() {
    let states = states();
    for kind in [io::ErrorKind::Other, io::ErrorKind::StorageFull] {
        for (call, stays) in (1..).step_by(stride()).zip([false, true].into_iter().cycle()) {
            let dir = tempfile::tempdir().unwrap();
            let disk = Disk::default();
            let store = open(disk.clone(), dir.path()).unwrap();
            disk.state(|state| (state.done, state.failure) = (0, Some(Failure { call, kind, stays })));
            let (told, error) = run(&disk, &store);
            if let Some(error) = &error {
                let expected = if kind == io::ErrorKind::StorageFull { "full" } else { "failed" };
                assert!(error.to_string().contains(expected) && !error.is_damage(), "call {call}: {error}");
            }
            drop(store);
            let image = disk.state(|state| state.image.clone());
            let n = which(image, &states).unwrap_or_else(|what| panic!("call {call}: {what}"));
            assert!(n >= told as usize, "call {call}: batch {told} was told as durable, {n} is the newest");
            if error.is_none() && disk.state(|state| state.done < call) {
                assert!(call > 50, "{call}");
                break;
            }
        }
    }
}

/// Bits that flip while the machine is off: an older durable state, or damage that is told.
#[test]
fn a_flipped_bit_is_an_older_state_or_told() {
    let states = states();
    let dir = tempfile::tempdir().unwrap();
    let disk = Disk::default();
    let store = open(disk.clone(), dir.path()).unwrap();
    run(&disk, &store);
    let killed = disk.state(|state| state.image.clone());
    drop(store);
    let closed = disk.state(|state| state.image.clone());
    let mut seed = 5;
    for _ in 0..40 * choices() {
        let mut image = if below(&mut seed, 2) == 0 { killed.clone() } else { closed.clone() };
        let byte = below(&mut seed, image.len());
        image[byte] ^= 1 << below(&mut seed, 8);
        if let Err(what) = which(image, &states) {
            assert_ne!(what, "a batch is torn", "bit of byte {byte}");
        }
    }
}
