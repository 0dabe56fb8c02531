//! Files that are cut, flipped, foreign, locked or read-only: said, moved aside, never deleted, never a panic.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod common;

use std::fs;
use std::path::Path;

use common::{Model, contents, folder, open_at, tag};
use proptest::prelude::*;
use umbel_store::{Batch, DATABASE_FILE, Durability, FormatTag, KvStore, Opened, StoreError, StoreKind, Table, open};
use umbel_types::{BlockHash, Network};

/// Writes durable batches; the contents after each.
fn fill_history(store: &dyn KvStore, rounds: u32) -> Vec<Model> {
    let mut history = vec![contents(store)];
    for round in 0..rounds {
        let mut batch = Batch::new();
        for n in 0..40u32 {
            batch.put(Table::Coin, &(round * 1_000 + n).to_be_bytes(), vec![u8::try_from(n).unwrap(); 120]);
            batch.put(Table::Header, &[round.to_be_bytes(), n.to_le_bytes()].concat(), vec![0xab; 200]);
        }
        batch.delete(Table::Coin, &(round * 1_000 / 2).to_be_bytes());
        store.write(batch, Durability::Immediate).unwrap();
        history.push(contents(store));
    }
    history
}

fn fill(store: &dyn KvStore, rounds: u32) -> Model {
    fill_history(store, rounds).pop().unwrap()
}

/// A folder with a database that was closed in order.
fn closed_database() -> (tempfile::TempDir, Model) {
    let dir = folder();
    let store = open_at(StoreKind::Redb, dir.path());
    let model = fill(&*store, 12);
    drop(store);
    (dir, model)
}

fn reopen(dir: &Path) -> Opened {
    open(StoreKind::Redb, dir, tag(), &[]).unwrap()
}

/// Moved aside under the next free name with its bytes as they were, and an empty store that works.
fn assert_recovered(dir: &Path, damaged: &[u8], n: u32) {
    let opened = reopen(dir);
    let aside = dir.join(format!("{DATABASE_FILE}.damaged-{n}"));
    assert_eq!(opened.recovered.as_deref(), Some(aside.as_path()));
    assert!(!opened.clean_shutdown);
    assert_eq!(fs::read(&aside).unwrap().len(), damaged.len());
    assert!(contents(&*opened.store).is_empty());
    let model = fill(&*opened.store, 1);
    drop(opened);
    let again = reopen(dir);
    assert!(again.recovered.is_none() && again.clean_shutdown);
    assert_eq!(contents(&*again.store), model);
}

/// The counterpart of every other test here: an unharmed file is never moved aside.
#[test]
fn an_unharmed_file_is_opened_again_and_again() {
    let (dir, model) = closed_database();
    for _ in 0..5 {
        let opened = reopen(dir.path());
        assert!(opened.recovered.is_none() && opened.clean_shutdown);
        assert_eq!(contents(&*opened.store), model);
    }
    // The database and the folder of segments.
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
}

#[test]
fn a_file_of_other_bytes_is_moved_aside() {
    let dir = folder();
    let path = dir.path().join(DATABASE_FILE);
    for (n, len) in [(1, 9), (2, 5_000), (3, 100_000)] {
        let garbage = vec![0x5a; len];
        fs::write(&path, &garbage).unwrap();
        assert_recovered(dir.path(), &garbage, n);
    }
}

#[test]
fn a_cut_file_is_moved_aside_or_whole() {
    let (dir, model) = closed_database();
    let path = dir.path().join(DATABASE_FILE);
    let whole = fs::read(&path).unwrap();
    for part in [1, 50, 90] {
        let cut = &whole[..whole.len() * part / 100];
        let dir = folder();
        fs::write(dir.path().join(DATABASE_FILE), cut).unwrap();
        let opened = reopen(dir.path());
        let now = contents(&*opened.store);
        assert!(if opened.recovered.is_some() { now.is_empty() } else { now == model }, "cut to {part} %");
    }
    // Cut to nothing it is a file that no one has written to yet.
    fs::write(&path, b"").unwrap();
    assert!(reopen(dir.path()).recovered.is_none());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// After a run that ended in order: the contents are those of a durable batch (the engine may have gone back to an
    /// older commit), or the file is moved aside.
    #[test]
    fn a_flipped_byte_is_found(at in any::<prop::sample::Index>(), mask in 1u8.., n in 1usize..4) {
        let dir = folder();
        let store = open_at(StoreKind::Redb, dir.path());
        let history = fill_history(&*store, 6);
        drop(store);
        let path = dir.path().join(DATABASE_FILE);
        let mut bytes = fs::read(&path).unwrap();
        let start = at.index(bytes.len());
        for byte in bytes.iter_mut().skip(start).take(n) {
            *byte ^= mask;
        }
        fs::write(&path, &bytes).unwrap();
        let opened = reopen(dir.path());
        let now = contents(&*opened.store);
        match &opened.recovered {
            Some(aside) => {
                prop_assert!(now.is_empty());
                prop_assert_eq!(fs::read(aside).unwrap().len(), bytes.len());
            }
            None => {
                let found = history.iter().position(|then| *then == now);
                prop_assert!(found.is_some(), "{} keys after byte {start} of {}", now.len(), bytes.len());
            }
        }
    }
}

/// A bit of a value itself: nothing but the check at open can see it.
#[test]
fn a_flipped_bit_in_a_value_is_found() {
    let (dir, _) = closed_database();
    let path = dir.path().join(DATABASE_FILE);
    let mut bytes = fs::read(&path).unwrap();
    // Pages that are no longer used hold such values too: all are flipped.
    let starts: Vec<usize> = (0..bytes.len() - 200).filter(|i| bytes[*i..i + 200].iter().all(|b| *b == 0xab)).collect();
    assert!(starts.len() > 12 * 40 / 2);
    for start in starts {
        bytes[start + 100] = 0xaa;
    }
    fs::write(&path, &bytes).unwrap();
    assert_recovered(dir.path(), &bytes, 1);
}

/// The file as it is at a moment is what a killed process leaves.
#[test]
fn a_killed_process_loses_only_what_was_deferred() {
    let dir = folder();
    let store = open_at(StoreKind::Redb, dir.path());
    let durable = fill(&*store, 5);
    let mut batch = Batch::new();
    batch.put(Table::Tips, b"deferred", vec![1]);
    batch.delete(Table::Coin, &0u32.to_be_bytes());
    store.write(batch, Durability::Deferred).unwrap();
    let image = |store: &dyn KvStore| {
        let copy = folder();
        fs::copy(dir.path().join(DATABASE_FILE), copy.path().join(DATABASE_FILE)).unwrap();
        let opened = reopen(copy.path());
        assert!(opened.recovered.is_none() && !opened.clean_shutdown);
        (contents(&*opened.store), contents(store))
    };
    let (after_kill, live) = image(&*store);
    assert!(after_kill == durable || after_kill == live, "a batch was torn");
    store.sync().unwrap();
    let (after_kill, live) = image(&*store);
    assert_eq!(after_kill, live);
    assert!(live.contains_key(&(Table::Tips, b"deferred".to_vec())));
}

/// An owner who never syncs loses a bounded number of batches.
#[test]
fn deferred_batches_are_bounded() {
    let dir = folder();
    let store = open_at(StoreKind::Redb, dir.path());
    for n in 0..1_500u32 {
        let mut batch = Batch::new();
        batch.put(Table::Arrival, &n.to_be_bytes(), vec![]);
        store.write(batch, Durability::Deferred).unwrap();
    }
    let stats = store.stats();
    assert!(stats.unsynced_batches < 1_000 && stats.syncs == 1, "{stats:?}");
}

#[test]
fn a_second_opener_is_refused() {
    let dir = folder();
    let store = open_at(StoreKind::Redb, dir.path());
    let model = fill(&*store, 1);
    let error = open(StoreKind::Redb, dir.path(), tag(), &[]).unwrap_err();
    assert!(matches!(&error, StoreError::InUse(path) if path.ends_with(DATABASE_FILE)), "{error}");
    assert_eq!(contents(&*store), model);
    drop(store);
    assert_eq!(contents(&*open_at(StoreKind::Redb, dir.path())), model);
}

#[test]
fn a_foreign_folder_is_left_as_it_is() {
    let (dir, model) = closed_database();
    let foreign = [
        (FormatTag::new(Network::Testnet, tag().genesis, 1), "network devnet"),
        (FormatTag::new(Network::Devnet, BlockHash([1; 32]), 1), "another chain"),
        (FormatTag::new(Network::Devnet, tag().genesis, 0), "newer version"),
        (FormatTag::new(Network::Devnet, tag().genesis, 2), "old format"),
    ];
    for (expected, message) in foreign {
        let error = open(StoreKind::Redb, dir.path(), expected.clone(), &[]).unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
        match error {
            StoreError::WrongFormat { got, expected: e } => assert_eq!((*got, *e), (tag(), expected)),
            other => panic!("{other}"),
        }
    }
    let opened = reopen(dir.path());
    assert!(opened.recovered.is_none() && opened.clean_shutdown);
    assert_eq!(contents(&*opened.store), model);
}

#[test]
fn a_folder_that_can_not_be_written_is_said() {
    // The superuser may write everywhere but into the kernel's own folders.
    let dir = folder();
    let mut permissions = fs::metadata(dir.path()).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(dir.path(), permissions).unwrap();
    let privileged = fs::write(dir.path().join("probe"), b"").is_ok();
    let target = if privileged { Path::new("/proc/sys/umbel") } else { dir.path() };
    let error = open(StoreKind::Redb, target, tag(), &[]).unwrap_err();
    if privileged {
        assert!(matches!(error, StoreError::ReadOnly(_) | StoreError::Io(_)), "{error}");
    } else {
        assert!(matches!(error, StoreError::ReadOnly(_)), "{error}");
    }
    assert!(!error.is_damage());
}

#[test]
fn a_file_where_the_folder_should_be_is_said() {
    let dir = folder();
    let file = dir.path().join("file");
    fs::write(&file, b"someone's").unwrap();
    let error = open(StoreKind::Redb, &file, tag(), &[]).unwrap_err();
    assert!(matches!(error, StoreError::Io(_)), "{error}");
    assert_eq!(fs::read(&file).unwrap(), b"someone's");
    fs::create_dir(dir.path().join(DATABASE_FILE)).unwrap();
    let error = open(StoreKind::Redb, dir.path(), tag(), &[]).unwrap_err();
    assert!(matches!(error, StoreError::Io(_)), "{error}");
}

#[test]
fn a_snapshot_outlives_its_store_with_an_error() {
    let dir = folder();
    let store = open_at(StoreKind::Redb, dir.path());
    fill(&*store, 2);
    let snapshot = store.snapshot().unwrap();
    drop(store);
    assert!(matches!(snapshot.last(Table::Header), Err(StoreError::Stopped) | Ok(Some(_))));
    drop(snapshot);
    assert!(reopen(dir.path()).clean_shutdown);
}

#[test]
fn missing_folders_are_made() {
    let dir = folder();
    let deep = dir.path().join("a").join("b");
    drop(open_at(StoreKind::Redb, &deep));
    assert!(deep.join(DATABASE_FILE).is_file());
}
