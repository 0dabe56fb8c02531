//! The store on a disk: batches, reads, and opening again after the process was killed.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use umbel_api::ApiError;
use umbel_store::floor::BareRedb;
use umbel_store::{Batch, DATABASE_FILE, Durability, FormatTag, KvStore, Pair, StoreError, StoreKind, Table};
use umbel_types::hash::{Domain, hash_of};
use umbel_types::{BlockHash, Network};

use super::measurement::{Goal, Measurement};
use super::{Size, best_of, internal, millis, per_second, time};

/// Records of one batch.
const RECORDS: usize = 1_000;
/// Length of a value: about that of a header.
const VALUE_BYTES: usize = 256;
const GOAL: &[Goal] = &[Goal::RatioAtLeast(0.7)];

pub(super) fn run(size: Size) -> Result<Vec<Measurement>, ApiError> {
    let batches = size.of(50, 2);
    let records: Vec<Pair> = (0..(batches * RECORDS) as u64)
        .map(|n| (hash_of(Domain::BLOCK, &n).0.to_vec(), vec![n.to_le_bytes()[0]; VALUE_BYTES]))
        .collect();
    let [write, read] = measure(&records, size)?;
    Ok(vec![write, read, reopen(&records, size)?])
}

fn folder() -> Result<tempfile::TempDir, ApiError> {
    tempfile::tempdir().map_err(internal)
}

fn tag() -> FormatTag {
    FormatTag::new(Network::Devnet, BlockHash([1; 32]), 1)
}

fn open(dir: &Path) -> Result<Arc<dyn KvStore>, ApiError> {
    Ok(umbel_store::open(StoreKind::Redb, dir, tag(), &[]).map_err(internal)?.store)
}

fn fill_bare(store: &BareRedb, records: &[Pair]) -> Result<Duration, ApiError> {
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

fn measure(records: &[Pair], size: Size) -> Result<[Measurement; 2], ApiError> {
    let (dir, bare_dir) = (folder()?, folder()?);
    let store = open(dir.path())?;
    let bare = BareRedb::open(&bare_dir.path().join(DATABASE_FILE)).map_err(internal)?;
    let (figure, floor) = best_of(size.of(3, 1), || fill(&*store, records), || fill_bare(&bare, records))?;
    let write = Measurement {
        name: "store/write",
        inputs: format!("{} durable batches of {RECORDS} records of {VALUE_BYTES} bytes", records.len() / RECORDS),
        cores: 1,
        figure: per_second(records.len(), figure),
        floor: per_second(records.len(), floor),
        floor_is: "bare redb with the same commits",
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
        name: "store/read",
        inputs: format!("{} point reads in random order", records.len()),
        figure: per_second(records.len(), figure),
        floor: per_second(records.len(), floor),
        floor_is: "bare redb, each read of the newest state",
        ..write.clone()
    };
    Ok([write, read])
}

fn all_found(found: Result<usize, StoreError>, records: &[Pair]) -> Result<(), ApiError> {
    if found.map_err(internal)? == records.len() { Ok(()) } else { Err(internal("a record is lost")) }
}

/// The file as a kill leaves it: copied while it is open.
fn reopen(records: &[Pair], size: Size) -> Result<Measurement, ApiError> {
    let (dir, bare_dir) = (folder()?, folder()?);
    let store = open(dir.path())?;
    fill(&*store, records)?;
    let bare = BareRedb::open(&bare_dir.path().join(DATABASE_FILE)).map_err(internal)?;
    fill_bare(&bare, records)?;
    let copy = |from: &tempfile::TempDir| {
        let killed = folder()?;
        std::fs::copy(from.path().join(DATABASE_FILE), killed.path().join(DATABASE_FILE)).map_err(internal)?;
        Ok::<_, ApiError>(killed)
    };
    let ours = || {
        let killed = copy(&dir)?;
        let (opened, took) = time(|| open(killed.path()));
        let there = opened?.get(Table::Header, &records[0].0).map_err(internal)?;
        if there.is_some() { Ok(took) } else { Err(internal("a record is lost")) }
    };
    let engines = || {
        let killed = copy(&bare_dir)?;
        let (opened, took) = time(|| BareRedb::open(&killed.path().join(DATABASE_FILE)));
        opened.map(|_| took).map_err(internal)
    };
    let (figure, floor) = best_of(size.of(3, 1), ours, engines)?;
    Ok(Measurement {
        name: "store/reopen",
        inputs: format!("{} records, the process killed before", records.len()),
        cores: 1,
        figure: millis(1, figure),
        floor: millis(1, floor),
        floor_is: "bare redb's own repair; ours also compares every page with its checksum",
        unit: "ms",
        goals: &[],
    })
}
