//! Files that are cut, flipped, foreign, locked or read-only: said, moved aside, never deleted, never a panic.

use std::fs;
use std::path::{Path, PathBuf};

use super::common::{
    Model, contents, database, files_of, folder, from_environment, image, on_disk, open_at, reopen, rows_file, rows_of,
    tag,
};
use proptest::prelude::*;
use umbel_store::{Batch, Durability, FormatTag, KvStore, StoreError, StoreKind, Table, open};
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
fn closed_database(kind: StoreKind, dir: &Path) -> Model {
    fill(&*open_at(kind, dir), 12)
}

/// Where the n-th damaged database lies.
fn aside(kind: StoreKind, dir: &Path, n: u32) -> PathBuf {
    let mut name = database(kind, dir).into_os_string();
    name.push(format!(".damaged-{n}"));
    name.into()
}

/// Moved aside under the next free name with its bytes as they were, and an empty store that works.
fn assert_recovered(kind: StoreKind, dir: &Path, n: u32) {
    let opened = reopen(kind, dir);
    assert_eq!(opened.recovered, Some(aside(kind, dir, n)));
    assert!(!opened.clean_shutdown);
    assert!(contents(&*opened.store).is_empty());
    let model = fill(&*opened.store, 1);
    drop(opened);
    let again = reopen(kind, dir);
    assert!(again.recovered.is_none() && again.clean_shutdown);
    assert_eq!(contents(&*again.store), model);
}

/// The counterpart of every other test here: an unharmed file is never moved aside.
#[test]
fn an_unharmed_file_is_opened_again_and_again() {
    on_disk(|kind, dir| {
        let model = closed_database(kind, dir);
        for _ in 0..5 {
            let opened = reopen(kind, dir);
            assert!(opened.recovered.is_none() && opened.clean_shutdown);
            assert_eq!(contents(&*opened.store), model);
        }
        // The database and the folder of segments.
        assert_eq!(fs::read_dir(dir).unwrap().count(), 2);
    });
}

#[test]
fn a_file_of_other_bytes_is_moved_aside() {
    on_disk(|kind, dir| {
        for (n, len) in [(1, 9), (2, 5_000), (3, 100_000)] {
            closed_database(kind, dir);
            fs::write(rows_file(kind, dir), vec![0x5a; len]).unwrap();
            assert_recovered(kind, dir, n);
            // sled writes over what it can't read before it says that it can't.
            let moved = fs::read(rows_of(&aside(kind, dir, n))).unwrap();
            assert!(kind == StoreKind::Sled || moved == vec![0x5a; len], "as it was");
        }
    });
}

#[test]
fn a_cut_file_is_moved_aside_or_an_older_state() {
    on_disk(|kind, dir| {
        let history = fill_history(&*open_at(kind, dir), 12);
        let whole = fs::read(rows_file(kind, dir)).unwrap();
        for part in [1, 50, 90] {
            let copy = image(dir);
            fs::write(rows_file(kind, copy.path()), &whole[..whole.len() * part / 100]).unwrap();
            let opened = reopen(kind, copy.path());
            let now = contents(&*opened.store);
            assert!(
                if opened.recovered.is_some() { now.is_empty() } else { history.contains(&now) },
                "cut to {part} %"
            );
        }
    });
    // Cut to nothing a file is one that no one has written to yet; sled has others beside it that say more.
    let dir = folder();
    closed_database(StoreKind::Redb, dir.path());
    fs::write(rows_file(StoreKind::Redb, dir.path()), b"").unwrap();
    assert!(reopen(StoreKind::Redb, dir.path()).recovered.is_none());
}

/// After a run that ended in order: the contents are those of a durable batch, or the database is moved aside. redb may go
/// back to an older commit; what comes back of sled is never older than what was told as durable.
fn flip(kind: StoreKind, at: prop::sample::Index, mask: u8, n: usize) {
    let dir = folder();
    let history = fill_history(&*open_at(kind, dir.path()), 6);
    let files = files_of(&database(kind, dir.path()));
    // One of sled's files is long; the others are flipped as often.
    let path = &files[at.index(files.len())];
    let mut bytes = fs::read(path).unwrap();
    let start = at.index(bytes.len());
    for byte in bytes.iter_mut().skip(start).take(n) {
        *byte ^= mask;
    }
    fs::write(path, &bytes).unwrap();
    let opened = reopen(kind, dir.path());
    let now = contents(&*opened.store);
    if opened.recovered.is_some() {
        assert!(now.is_empty());
    } else {
        let found = if kind == StoreKind::Sled { history.last() == Some(&now) } else { history.contains(&now) };
        assert!(found, "{kind}: {} keys after byte {start} of {} of {}", now.len(), bytes.len(), path.display());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: from_environment("UMBEL_FLIP_CASES", 60), ..ProptestConfig::default() })]

    #[test]
    fn a_flipped_byte_of_redb_is_found(at in any::<prop::sample::Index>(), mask in 1u8.., n in 1usize..4) {
        flip(StoreKind::Redb, at, mask, n);
    }

    #[test]
    fn a_flipped_byte_of_sled_is_found(at in any::<prop::sample::Index>(), mask in 1u8.., n in 1usize..4) {
        flip(StoreKind::Sled, at, mask, n);
    }
}

/// A bit of a value itself: nothing but the check at open can see it.
#[test]
fn a_flipped_bit_in_a_value_is_found() {
    on_disk(|kind, dir| {
        closed_database(kind, dir);
        let path = rows_file(kind, dir);
        let mut bytes = fs::read(&path).unwrap();
        // Pages that are no longer used hold such values too: all are flipped.
        let starts: Vec<usize> =
            (0..bytes.len() - 200).filter(|i| bytes[*i..i + 200].iter().all(|b| *b == 0xab)).collect();
        assert!(starts.len() > 12 * 40 / 2);
        for start in starts {
            bytes[start + 100] = 0xaa;
        }
        fs::write(&path, &bytes).unwrap();
        assert_recovered(kind, dir, 1);
    });
}

/// The file as it is at a moment is what a killed process leaves.
#[test]
fn a_killed_process_loses_only_what_was_deferred() {
    on_disk(|kind, dir| {
        let store = open_at(kind, dir);
        let durable = fill(&*store, 5);
        let mut batch = Batch::new();
        batch.put(Table::Tips, b"deferred", vec![1]);
        batch.delete(Table::Coin, &0u32.to_be_bytes());
        store.write(batch, Durability::Deferred).unwrap();
        let killed = |store: &dyn KvStore| {
            let copy = image(dir);
            let opened = reopen(kind, copy.path());
            assert!(opened.recovered.is_none() && !opened.clean_shutdown);
            (contents(&*opened.store), contents(store))
        };
        let (after_kill, live) = killed(&*store);
        assert!(after_kill == durable || after_kill == live, "a batch was torn");
        store.sync().unwrap();
        let (after_kill, live) = killed(&*store);
        assert_eq!(after_kill, live);
        assert!(live.contains_key(&(Table::Tips, b"deferred".to_vec())));
    });
}

/// An owner who never syncs loses a bounded number of batches.
#[test]
fn deferred_batches_are_bounded() {
    on_disk(|kind, dir| {
        let store = open_at(kind, dir);
        for n in 0..1_500u32 {
            let mut batch = Batch::new();
            batch.put(Table::Arrival, &n.to_be_bytes(), vec![]);
            store.write(batch, Durability::Deferred).unwrap();
        }
        let stats = store.stats();
        assert!(stats.unsynced_batches < 1_000 && stats.syncs == 1, "{stats:?}");
    });
}

#[test]
fn a_second_opener_is_refused() {
    on_disk(|kind, dir| {
        let store = open_at(kind, dir);
        let model = fill(&*store, 1);
        let error = open(kind, dir, tag(), &[]).unwrap_err();
        assert!(matches!(&error, StoreError::InUse(path) if *path == database(kind, dir)), "{error}");
        assert_eq!(contents(&*store), model);
        drop(store);
        assert_eq!(contents(&*open_at(kind, dir)), model);
    });
}

#[test]
fn a_foreign_folder_is_left_as_it_is() {
    on_disk(|kind, dir| {
        let model = closed_database(kind, dir);
        let foreign = [
            (FormatTag::new(Network::Testnet, tag().genesis, 1), "network devnet"),
            (FormatTag::new(Network::Devnet, BlockHash([1; 32]), 1), "another chain"),
            (FormatTag::new(Network::Devnet, tag().genesis, 0), "newer version"),
            (FormatTag::new(Network::Devnet, tag().genesis, 2), "old format"),
        ];
        for (expected, message) in foreign {
            let error = open(kind, dir, expected.clone(), &[]).unwrap_err();
            assert!(error.to_string().contains(message), "{error}");
            match error {
                StoreError::WrongFormat { got, expected: e } => assert_eq!((*got, *e), (tag(), expected)),
                other => panic!("{other}"),
            }
        }
        let opened = reopen(kind, dir);
        assert!(opened.recovered.is_none() && opened.clean_shutdown);
        assert_eq!(contents(&*opened.store), model);
    });
}

#[test]
fn a_folder_that_can_not_be_written_is_said() {
    on_disk(|kind, dir| {
        // The superuser may write everywhere but into the kernel's own folders.
        let mut permissions = fs::metadata(dir).unwrap().permissions();
        permissions.set_readonly(true);
        fs::set_permissions(dir, permissions).unwrap();
        let privileged = fs::write(dir.join("probe"), b"").is_ok();
        let target = if privileged { Path::new("/proc/sys/umbel") } else { dir };
        let error = open(kind, target, tag(), &[]).unwrap_err();
        if privileged {
            assert!(matches!(error, StoreError::ReadOnly(_) | StoreError::Io(_)), "{error}");
        } else {
            assert!(matches!(error, StoreError::ReadOnly(_)), "{error}");
        }
        assert!(!error.is_damage());
    });
}

#[test]
fn a_file_where_the_folder_should_be_is_said() {
    on_disk(|kind, dir| {
        let file = dir.join("file");
        fs::write(&file, b"someone's").unwrap();
        let error = open(kind, &file, tag(), &[]).unwrap_err();
        assert!(matches!(error, StoreError::Io(_)), "{error}");
        assert_eq!(fs::read(&file).unwrap(), b"someone's");
        match kind {
            StoreKind::Sled => fs::write(database(kind, dir), b"someone's").unwrap(),
            _ => fs::create_dir(database(kind, dir)).unwrap(),
        }
        let error = open(kind, dir, tag(), &[]).unwrap_err();
        assert!(matches!(error, StoreError::Io(_)), "{error}");
    });
}

#[test]
fn a_snapshot_outlives_its_store_with_an_error() {
    on_disk(|kind, dir| {
        let store = open_at(kind, dir);
        fill(&*store, 2);
        let snapshot = store.snapshot().unwrap();
        drop(store);
        assert!(matches!(snapshot.last(Table::Header), Err(StoreError::Stopped) | Ok(Some(_))));
        drop(snapshot);
        assert!(reopen(kind, dir).clean_shutdown);
    });
}

#[test]
fn missing_folders_are_made() {
    on_disk(|kind, dir| {
        let deep = dir.join("a").join("b");
        drop(open_at(kind, &deep));
        assert!(rows_file(kind, &deep).is_file());
    });
}
