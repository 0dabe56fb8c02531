//! The store on a disk: batches, reads, and opening again after the process was killed, on each engine and beside it bare.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use umbel_api::ApiError;
use umbel_store::floor::Bare;
use umbel_store::{Batch, Durability, FormatTag, KvStore, Pair, StoreError, StoreKind, Table};
use umbel_types::hash::{Domain, hash_of};
use umbel_types::{BlockHash, Network};

use super::measurement::{Goal, Measurement};
use super::{Size, best_of, internal, millis, per_second, time};

/// Records of one batch.
const RECORDS: usize = 1_000;
/// Length of a value: about that of a header.
const VALUE_BYTES: usize = 256;
const GOAL: &[Goal] = &[Goal::RatioAtLeast(0.7)];

/// How the figures of an engine are called.
struct Engine {
    kind: StoreKind,
    write: &'static str,
    read: &'static str,
    reopen: &'static str,
    write_floor: &'static str,
    read_floor: &'static str,
    reopen_floor: &'static str,
}

const REDB: Engine = Engine {
    kind: StoreKind::Redb,
    write: "store/redb/write",
    read: "store/redb/read",
    reopen: "store/redb/reopen",
    write_floor: "bare redb with the same commits",
    read_floor: "bare redb, each read of the newest state",
    reopen_floor: "bare redb's own repair; ours also compares every page with its checksum",
};

const SLED: Engine = Engine {
    kind: StoreKind::Sled,
    write: "store/sled/write",
    read: "store/sled/read",
    reopen: "store/sled/reopen",
    write_floor: "bare sled, one batch of one tree and a sync of its log for each; ours keeps sums of the rows",
    read_floor: "bare sled, each read of the newest state",
    reopen_floor: "bare sled's own recovery; ours also reads every row and compares the sums",
};

pub(super) fn run(size: Size) -> Result<Vec<Measurement>, ApiError> {
    let batches = size.of(50, 2);
    let records: Vec<Pair> = (0..(batches * RECORDS) as u64)
        .map(|n| (hash_of(Domain::BLOCK, &n).0.to_vec(), vec![n.to_le_bytes()[0]; VALUE_BYTES]))
        .collect();
    let mut measured = Vec::new();
    for engine in [&REDB, &SLED] {
        measured.extend(measure(engine, &records, size)?);
        measured.push(reopen(engine, &records, size)?);
    }
    Ok(measured)
}

fn folder() -> Result<tempfile::TempDir, ApiError> {
    tempfile::tempdir().map_err(internal)
}

fn tag() -> FormatTag {
    FormatTag::new(Network::Devnet, BlockHash([1; 32]), 1)
}

fn open(kind: StoreKind, dir: &Path) -> Result<Arc<dyn KvStore>, ApiError> {
    Ok(umbel_store::open(kind, dir, tag(), &[]).map_err(internal)?.store)
}

fn fill_bare(store: &Bare, records: &[Pair]) -> Result<Duration, ApiError> {
    let (written, took) = time(|| records.chunks(RECORDS).try_for_each(|part| store.write(part)));
    written.map(|()| took).map_err(internal)
}

fn fill(store: &dyn KvStore, records: &[Pair]) -> Result<Duration, ApiError> {
    let (written, took) = time(|| {
        records.chunks(RECORDS).try_for_each(|part| {
            let mut batch = Batch::new();
            part.iter().for_each(|(key, value)| batch.put(Table::Header, key, value.clone()));
            store.write(batch, Durability::Immediate)
        })
    });
    written.map(|()| took).map_err(internal)
}

fn measure(engine: &Engine, records: &[Pair], size: Size) -> Result<[Measurement; 2], ApiError> {
    let (dir, bare_dir) = (folder()?, folder()?);
    let store = open(engine.kind, dir.path())?;
    let bare = Bare::open(engine.kind, bare_dir.path()).map_err(internal)?;
    // Other values each time: sled writes nothing where nothing changes.
    let changed = |round: u8| -> Vec<Pair> {
        let change = |(key, value): &Pair| (key.clone(), value.iter().map(|byte| byte.wrapping_add(round)).collect());
        records.iter().map(change).collect()
    };
    let (mut ours, mut theirs) = (0..u8::MAX, 0..u8::MAX);
    let fill_ours = || fill(&*store, &changed(ours.next().unwrap_or_default()));
    let fill_theirs = || fill_bare(&bare, &changed(theirs.next().unwrap_or_default()));
    let (figure, floor) = best_of(size.of(3, 1), fill_ours, fill_theirs)?;
    let write = Measurement {
        name: engine.write,
        inputs: format!("{} durable batches of {RECORDS} records of {VALUE_BYTES} bytes", records.len() / RECORDS),
        cores: 1,
        figure: per_second(records.len(), figure),
        floor: per_second(records.len(), floor),
        floor_is: engine.write_floor,
        unit: "records/s",
        goals: GOAL,
    };
    let read_store = || {
        let read = |(key, _): &Pair| store.get(Table::Header, key).map(|value| usize::from(black_box(value).is_some()));
        let (found, took) = time(|| records.iter().map(read).sum::<Result<usize, _>>());
        all_found(found, records).map(|()| took)
    };
    let read_bare = || {
        let read = |(key, _): &Pair| bare.get(key).map(|value| usize::from(black_box(value).is_some()));
        let (found, took) = time(|| records.iter().map(read).sum::<Result<usize, _>>());
        all_found(found, records).map(|()| took)
    };
    let (figure, floor) = best_of(size.rounds(), read_store, read_bare)?;
    let read = Measurement {
        name: engine.read,
        inputs: format!("{} point reads in random order", records.len()),
        figure: per_second(records.len(), figure),
        floor: per_second(records.len(), floor),
        floor_is: engine.read_floor,
        ..write.clone()
    };
    Ok([write, read])
}

fn all_found(found: Result<usize, StoreError>, records: &[Pair]) -> Result<(), ApiError> {
    if found.map_err(internal)? == records.len() { Ok(()) } else { Err(internal("a record is lost")) }
}

/// The files as a kill leaves them: copied while they are open.
fn reopen(engine: &Engine, records: &[Pair], size: Size) -> Result<Measurement, ApiError> {
    let (dir, bare_dir) = (folder()?, folder()?);
    let store = open(engine.kind, dir.path())?;
    fill(&*store, records)?;
    let bare = Bare::open(engine.kind, bare_dir.path()).map_err(internal)?;
    fill_bare(&bare, records)?;
    let copy = |from: &tempfile::TempDir| {
        let killed = folder()?;
        copy_folder(from.path(), killed.path()).map_err(internal)?;
        Ok::<_, ApiError>(killed)
    };
    let ours = || {
        let killed = copy(&dir)?;
        let (opened, took) = time(|| open(engine.kind, killed.path()));
        let there = opened?.get(Table::Header, &records[0].0).map_err(internal)?;
        if there.is_some() { Ok(took) } else { Err(internal("a record is lost")) }
    };
    let engines = || {
        let killed = copy(&bare_dir)?;
        let (opened, took) = time(|| Bare::open(engine.kind, killed.path()));
        opened.map(|_| took).map_err(internal)
    };
    let (figure, floor) = best_of(size.of(3, 1), ours, engines)?;
    Ok(Measurement {
        name: engine.reopen,
        inputs: format!("{} records, the process killed before", records.len()),
        cores: 1,
        figure: millis(1, figure),
        floor: millis(1, floor),
        floor_is: engine.reopen_floor,
        unit: "ms",
        goals: &[],
    })
}

fn copy_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            std::fs::create_dir(&target)?;
            copy_folder(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}
