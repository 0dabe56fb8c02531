//! Power cuts in the middle of a write, on copies of the files: of the sectors that differ before and after a batch that
//! was written through, the disk has some.
//!
//! Only sled: redb's file layer is replaced for the same, between any two of its syncs (`engines/redb/tests/faults.rs`); sled has
//! none that could be, and orders nothing within a batch. What opens has to be the rows before the batch or behind it, or
//! sled says that it is damaged; its database is then moved aside and built anew from the segments.
//! `UMBEL_TORN_CASES` says how many choices are tried at each batch.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::common::{Chance, database, files_of, folder, from_environment, image, open_at, reopen};
use super::workload::{Known, Workload};
use umbel_store::{KvStore, StoreKind};

/// Choices at each batch of a usual test run.
const CHOICES: u64 = 1;
const KIND: StoreKind = StoreKind::Sled;
/// Batches that are written through.
const BATCHES: u64 = 6;
/// What a disk writes whole, in bytes: a sector of old disks, and of new ones.
const SECTORS: [usize; 2] = [512, 4_096];

/// Files of a database by name below its folder.
type Files = BTreeMap<PathBuf, Vec<u8>>;

fn files(dir: &Path) -> Files {
    let database = database(KIND, dir);
    let mut all = files_of(&database);
    if database.is_dir() {
        all.extend(files_of(&database.join("blobs")));
    }
    all.into_iter().map(|path| (path.strip_prefix(dir).unwrap().to_owned(), fs::read(&path).unwrap())).collect()
}

/// Sectors of `after` that `before` does not have: file, place, and how many bytes.
fn changed(before: &Files, after: &Files, sector: usize) -> Vec<(PathBuf, usize)> {
    let mut sectors = Vec::new();
    for (path, bytes) in after {
        // Written behind the sync, when everything else is there.
        if path.ends_with("acknowledged") {
            continue;
        }
        let old = before.get(path).map_or(&[][..], Vec::as_slice);
        for (n, part) in bytes.chunks(sector).enumerate() {
            if old.get(n * sector..n * sector + part.len()) != Some(part) {
                sectors.push((path.clone(), n * sector));
            }
        }
    }
    sectors
}

#[derive(Debug, Default)]
struct Outcome {
    tried: u64,
    before: u64,
    after: u64,
    moved_aside: u64,
    failures: Vec<String>,
}

#[allow(clippy::print_stderr, reason = "long runs are reported by these figures")]
fn tear() -> Outcome {
    let workload = Workload { seed: 77, keys: 40 };
    let mut chance = Chance(9);
    let mut outcome = Outcome::default();
    let dir = folder();
    let store = open_at(KIND, dir.path());
    let (mut known, mut looked_at) = (Known::default(), 0);
    let mut before = (0, image(dir.path()));
    while looked_at < BATCHES {
        let step = workload.write(&*store, &mut known).unwrap();
        if step.durability != umbel_store::Durability::Immediate {
            continue;
        }
        looked_at += 1;
        let after = image(dir.path());
        let (old, new) = (files(before.1.path()), files(after.path()));
        for choice in 0..from_environment("UMBEL_TORN_CASES", CHOICES) * 4 {
            let sector = SECTORS[usize::try_from(choice % 2).unwrap()];
            let sectors = changed(&old, &new, sector);
            let bound = sectors.len() as u64;
            let cut = chance.below(bound + 1);
            let keeps: Vec<bool> = match choice % 4 {
                // In order, up to a moment.
                0 | 1 => (0..bound).map(|n| n < cut).collect(),
                // All but one.
                2 => (0..bound).map(|n| n != cut).collect(),
                _ => (0..bound).map(|_| chance.below(2) == 0).collect(),
            };
            let kept: Vec<_> = sectors.iter().zip(&keeps).filter(|(_, keeps)| **keeps).map(|(s, _)| s).collect();
            look_at((&before, &after), (&new, sector), &kept, &mut outcome, workload, known.number);
        }
        // Without a choice the disk has nothing, or everything.
        look_at((&before, &after), (&new, SECTORS[0]), &[], &mut outcome, workload, known.number);
        before = (known.number, after);
    }
    eprintln!("sled: {outcome:?}");
    outcome
}

/// Opens the files before a batch, with some sectors of those behind it.
fn look_at(
    (before, after): (&(u64, tempfile::TempDir), &tempfile::TempDir),
    (new, sector): (&Files, usize),
    kept: &[&(PathBuf, usize)],
    outcome: &mut Outcome,
    workload: Workload,
    number: u64,
) {
    let disk = image(before.1.path());
    // Records are synced before the batch that names them.
    let segments = umbel_store::SEGMENTS_FOLDER;
    fs::remove_dir_all(disk.path().join(segments)).unwrap();
    fs::create_dir(disk.path().join(segments)).unwrap();
    for path in files_of(&after.path().join(segments)) {
        fs::copy(&path, disk.path().join(segments).join(path.file_name().unwrap())).unwrap();
    }
    for (path, start) in kept {
        let target = disk.path().join(path);
        let mut bytes = fs::read(&target).unwrap_or_default();
        let part = &new[path][*start..new[path].len().min(start + sector)];
        bytes.resize(bytes.len().max(start + part.len()), 0);
        bytes[*start..start + part.len()].copy_from_slice(part);
        fs::write(&target, bytes).unwrap();
    }
    outcome.tried += 1;
    let opened = reopen(KIND, disk.path());
    if opened.recovered.is_some() {
        outcome.moved_aside += 1;
        assert_eq!(count(&*opened.store), 0);
        return;
    }
    match workload.check(&*opened.store, &mut Known::default()) {
        Ok(n) if n == before.0 => outcome.before += 1,
        Ok(n) if n == number => outcome.after += 1,
        Ok(n) => outcome.failures.push(format!("batch {n}, neither {} nor {number}", before.0)),
        Err(what) => outcome.failures.push(what),
    }
}

fn count(store: &dyn KvStore) -> u64 {
    store.count(umbel_store::Table::BlockIndex).unwrap()
}

#[test]
fn a_torn_write_of_sled_is_whole_or_not_at_all_or_told() {
    let outcome = tear();
    assert!(outcome.failures.is_empty(), "{outcome:#?}");
    assert!(outcome.before > 0, "{outcome:?}");
}
