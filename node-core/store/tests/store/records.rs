//! Segments beside the tables: no crash leaves a table that names a record which is not there, and no record that was
//! appended is lost with the process. Upgrades of the format.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use super::common::{contents, folder, image, on_disk, open_at, reopen, rows_file, tag};
use umbel_store::segments::Location;
use umbel_store::{
    Batch, Durability, FormatTag, KvReader, KvStore, SEGMENTS_FOLDER, StoreError, StoreKind, Table, Upgrade, get_value,
    open, open_existing,
};

fn record(n: u32) -> Vec<u8> {
    vec![u8::try_from(n % 251).unwrap(); 20 + n as usize % 50]
}

/// Appends a record and names it in a table.
fn put(store: &dyn KvStore, n: u32, durability: Durability) -> Location {
    let location = store.append(&record(n)).unwrap();
    let mut batch = Batch::new();
    batch.put_value(Table::BlockIndex, &n.to_be_bytes(), &location);
    store.write(batch, durability).unwrap();
    location
}

/// Every table entry names a record that holds; returns how many there are.
fn check_index(store: &dyn KvStore) -> u32 {
    let rows = store.scan(Table::BlockIndex, None, usize::MAX).unwrap();
    for (key, _) in &rows {
        let n = u32::from_be_bytes(key.as_slice().try_into().unwrap());
        let reader: &dyn KvReader = store;
        let location = get_value(reader, Table::BlockIndex, key).unwrap().unwrap();
        assert_eq!(store.record(location).unwrap(), record(n));
    }
    u32::try_from(rows.len()).unwrap()
}

#[test]
fn every_engine_gives_back_what_was_appended() {
    for kind in [StoreKind::Mem, StoreKind::Redb, StoreKind::Sled] {
        let dir = folder();
        let store = open_at(kind, dir.path());
        let locations: Vec<Location> = (0..20).map(|n| put(&*store, n, Durability::Deferred)).collect();
        assert_eq!(check_index(&*store), 20);
        assert!(store.record_bytes() > 20 * 20 && store.tail().is_empty());
        let wrong = Location { len: locations[3].len + 1, ..locations[3] };
        assert!(matches!(store.record(wrong), Err(StoreError::Corrupt(_))), "{kind}");
        let mut behind = locations[19];
        behind.start.offset += 1_000;
        assert!(matches!(store.record(behind), Err(StoreError::Corrupt(_))), "{kind}");
    }
}

/// A crash between the append and the disk's copy of the batch: the record is handed out again, until somebody says that
/// it was taken in.
#[test]
fn a_record_without_its_batch_is_handed_out_again() {
    on_disk(|kind, dir| {
        let store = open_at(kind, dir);
        put(&*store, 0, Durability::Immediate);
        let lost: Vec<Location> = (1..5).map(|n| put(&*store, n, Durability::Deferred)).collect();
        let only_appended = store.append(&record(5)).unwrap();
        let copy = image(dir);
        for _ in 0..2 {
            // Whoever looks and does nothing about it loses nothing, an orderly end included.
            let opened = reopen(kind, copy.path());
            assert_eq!(check_index(&*opened.store), 1);
            assert_eq!(opened.store.tail(), [&lost[..], &[only_appended]].concat());
            assert_eq!(opened.store.record(only_appended).unwrap(), record(5));
        }
        let opened = reopen(kind, copy.path());
        let mut batch = Batch::new();
        batch.put_value(Table::BlockIndex, &1u32.to_be_bytes(), &lost[0]);
        opened.store.write(batch, Durability::Immediate).unwrap();
        // Killed halfway through taking in: everything comes again.
        let half = image(copy.path());
        assert_eq!(reopen(kind, half.path()).store.tail().len(), 5);
        opened.store.tail_is_taken();
        opened.store.write(Batch::new(), Durability::Immediate).unwrap();
        let after = image(copy.path());
        assert!(reopen(kind, after.path()).store.tail().is_empty());
    });
}

/// At every moment of a run the disk's tables name records that the disk has.
#[test]
fn the_index_never_names_what_the_disk_does_not_have() {
    on_disk(|kind, dir| {
        let store = open_at(kind, dir);
        let mut durable = 0;
        for n in 0..15 {
            let location = store.append(&record(n)).unwrap();
            let mut batch = Batch::new();
            batch.put_value(Table::BlockIndex, &n.to_be_bytes(), &location);
            let durability = if n % 5 == 4 { Durability::Immediate } else { Durability::Deferred };
            let between = image(dir);
            store.write(batch, durability).unwrap();
            if n % 7 == 6 {
                store.sync().unwrap();
            }
            if durability == Durability::Immediate || n % 7 == 6 {
                durable = n + 1;
            }
            let opened = reopen(kind, between.path());
            assert!(opened.recovered.is_none());
            let named = check_index(&*opened.store);
            assert_eq!(named + u32::try_from(opened.store.tail().len()).unwrap(), n + 1, "nothing is lost");
            let after = image(dir);
            assert!(check_index(&*reopen(kind, after.path()).store) >= durable);
        }
    });
}

/// The other order can't come from this program; from a disk that forgets it can: the database is moved aside, and what
/// is left of the records is handed out.
#[test]
fn segments_shorter_than_the_index_are_damage() {
    on_disk(|kind, dir| {
        let store = open_at(kind, dir);
        let locations: Vec<Location> = (0..6).map(|n| put(&*store, n, Durability::Deferred)).collect();
        drop(store);
        let path = dir.join(SEGMENTS_FOLDER).join("00000000.segment");
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        let error = open_existing(kind, dir, &tag()).unwrap_err();
        assert!(matches!(error, StoreError::Corrupt(_)), "{error}");
        let opened = reopen(kind, dir);
        assert!(opened.recovered.is_some());
        assert!(contents(&*opened.store).is_empty());
        assert_eq!(opened.store.tail(), locations[..5]);
        assert_eq!(fs::read(&path).unwrap().len(), bytes.len() - 1, "nothing was cut");
        put(&*opened.store, 9, Durability::Immediate);
        // Still not taken in: handed out again, the new one too.
        drop(opened);
        assert_eq!(reopen(kind, dir).store.tail().len(), 6);
    });
}

/// Cut at every byte of the last records: those that a table names make it damage, the others are cut off, and every record
/// before the cut is handed out or named.
#[test]
fn segments_cut_at_every_byte() {
    on_disk(|kind, dir| {
        let store = open_at(kind, dir);
        let short = |n: u8| vec![n; 3 + usize::from(n) % 3];
        let mut ends = vec![0];
        let append = |n: u8, durability, ends: &mut Vec<usize>| {
            let mut batch = Batch::new();
            let location = store.append(&short(n)).unwrap();
            ends.push(usize::try_from(location.start.offset).unwrap() + 8 + short(n).len());
            batch.put_value(Table::BlockIndex, &[n], &location);
            store.write(batch, durability).unwrap();
        };
        for n in 0..4 {
            append(n, Durability::Immediate, &mut ends);
        }
        // Named in memory alone: a kill takes the names back.
        for n in 4..6 {
            append(n, Durability::Deferred, &mut ends);
        }
        let killed = image(dir);
        let path = |dir: &Path| dir.join(SEGMENTS_FOLDER).join("00000000.segment");
        let whole = fs::read(path(killed.path())).unwrap();
        assert_eq!(whole.len(), ends[6]);
        for cut in ends[3]..=ends[6] {
            let copy = image(killed.path());
            fs::write(path(copy.path()), &whole[..cut]).unwrap();
            let opened = reopen(kind, copy.path());
            let is_damage = cut < ends[4];
            assert_eq!(opened.recovered.is_some(), is_damage, "{kind}, cut at {cut}");
            let left = ends[1..].iter().filter(|end| **end <= cut).count();
            let named = if is_damage { 0u8 } else { 4 };
            let tail = opened.store.tail();
            assert_eq!(opened.store.count(Table::BlockIndex).unwrap(), u64::from(named));
            assert_eq!(tail.len(), left - usize::from(named));
            for (location, n) in tail.iter().zip(named..) {
                assert_eq!(opened.store.record(*location).unwrap(), short(n));
            }
        }
    });
}

/// With the database gone the records are left, damaged ones excepted.
#[test]
fn records_outlive_the_database() {
    on_disk(|kind, dir| {
        let store = open_at(kind, dir);
        let locations: Vec<Location> = (0..8).map(|n| put(&*store, n, Durability::Deferred)).collect();
        drop(store);
        fs::write(rows_file(kind, dir), vec![0x5a; 9_000]).unwrap();
        let path = dir.join(SEGMENTS_FOLDER).join("00000000.segment");
        let mut bytes = fs::read(&path).unwrap();
        bytes[usize::try_from(locations[2].start.offset).unwrap() + 10] ^= 4;
        fs::write(&path, &bytes).unwrap();
        let opened = reopen(kind, dir);
        assert!(opened.recovered.is_some());
        let expected: Vec<Location> = locations.iter().copied().filter(|l| *l != locations[2]).collect();
        assert_eq!(opened.store.tail(), expected);
        assert!(matches!(opened.store.record(locations[2]), Err(StoreError::Corrupt(_))));
    });
}

#[test]
fn an_existing_database_is_opened_as_it_is() {
    on_disk(|kind, dir| {
        assert!(matches!(open_existing(kind, dir, &tag()), Err(StoreError::NotThere(_))));
        assert_eq!(fs::read_dir(dir).unwrap().count(), 0);
        let store = open_at(kind, dir);
        put(&*store, 1, Durability::Deferred);
        assert!(matches!(open_existing(kind, dir, &tag()), Err(StoreError::InUse(_))));
        drop(store);
        assert_eq!(check_index(&*open_existing(kind, dir, &tag()).unwrap().store), 1);
        let newer = FormatTag { version: 2, ..tag() };
        let error = open_existing(kind, dir, &newer).unwrap_err();
        assert!(error.to_string().contains("when the node is started"), "{error}");
        fs::write(rows_file(kind, dir), b"someone's").unwrap();
        let error = open_existing(kind, dir, &newer).unwrap_err();
        assert!(error.is_damage(), "{error}");
        assert_eq!(fs::read(rows_file(kind, dir)).unwrap(), b"someone's");
    });
}

static FAIL_AT: AtomicU32 = AtomicU32::new(u32::MAX);

/// Moves one key at a time from one table to another and appends it.
fn one_to_two(store: &dyn KvStore) -> Result<(), StoreError> {
    for (key, value) in store.scan(Table::Body, None, usize::MAX)? {
        let n = FAIL_AT.load(Ordering::SeqCst);
        let location = store.append(&value)?;
        if n == 0 {
            return Err(StoreError::Full);
        }
        FAIL_AT.store(n - 1, Ordering::SeqCst);
        let mut batch = Batch::new();
        batch.put_value(Table::BlockIndex, &key, &location);
        batch.delete(Table::Body, &key);
        store.write(batch, Durability::Immediate)?;
    }
    Ok(())
}

fn two_to_three(store: &dyn KvStore) -> Result<(), StoreError> {
    let mut batch = Batch::new();
    batch.put(Table::Meta, b"three", vec![3]);
    store.write(batch, Durability::Deferred)
}

/// Every step runs once and in order, from wherever it was cut off; a version without a step is refused.
#[test]
fn a_format_is_brought_up_to_date_step_by_step() {
    on_disk(|kind, dir| {
        let store = open_at(kind, dir);
        let mut batch = Batch::new();
        for n in 0..10u32 {
            batch.put(Table::Body, &n.to_be_bytes(), record(n));
        }
        store.write(batch, Durability::Immediate).unwrap();
        drop(store);
        let steps = [
            Upgrade { from: 1, what: "records to segments", run: one_to_two },
            Upgrade { from: 2, what: "a key", run: two_to_three },
        ];
        let three = FormatTag { version: 3, ..tag() };
        let refused = open(kind, dir, three.clone(), &steps[1..]).unwrap_err();
        assert!(matches!(refused, StoreError::WrongFormat { .. }), "{refused}");
        for _ in 0..3 {
            FAIL_AT.store(2, Ordering::SeqCst);
            let error = open(kind, dir, three.clone(), &steps).unwrap_err();
            assert!(matches!(error, StoreError::Full), "{error}");
        }
        assert!(open(kind, dir, FormatTag { version: 2, ..tag() }, &[]).is_err(), "still the first");
        FAIL_AT.store(u32::MAX, Ordering::SeqCst);
        let opened = open(kind, dir, three.clone(), &steps).unwrap();
        assert_eq!((opened.upgraded_from, &opened.recovered), (Some(1), &None));
        assert_eq!(check_index(&*opened.store), 10);
        assert_eq!((opened.store.count(Table::Body).unwrap(), opened.store.tail().len()), (0, 0));
        assert_eq!(opened.store.get(Table::Meta, b"three").unwrap(), Some(vec![3]));
        let bytes: u64 = (0..10).map(|n| record(n).len() as u64 + 8).sum();
        assert_eq!(opened.store.record_bytes(), bytes, "what was cut off lies there no more");
        drop(opened);
        let error = open(kind, dir, tag(), &[]).unwrap_err();
        assert!(error.to_string().contains("newer version"), "{error}");
        assert_eq!(open(kind, dir, three, &steps).unwrap().upgraded_from, None);
    });
}
