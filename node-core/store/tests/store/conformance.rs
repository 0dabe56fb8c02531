//! What all engines have in common: every operation agrees with a plain sorted map, over snapshots, batches and
//! reopening.

use std::collections::BTreeMap;

use super::common::{Model, contents, folder, open_at, tag};
use proptest::prelude::*;
use umbel_store::{Batch, Durability, KvReader, KvStore, StoreError, StoreKind, Table, get_value, open};
use umbel_types::BlockHash;

fn assert_same(reader: &dyn KvReader, model: &Model) {
    assert_eq!(&contents(reader), model);
    for ((table, key), value) in model {
        assert_eq!(reader.get(*table, key).unwrap().as_ref(), Some(value));
    }
    assert_eq!(reader.get(Table::Coin, b"never written").unwrap(), None);
    for table in [Table::Coin, Table::Arrival, Table::Acceptance] {
        let keys: Vec<&Vec<u8>> = model.keys().filter(|(t, _)| *t == table).map(|(_, key)| key).collect();
        assert_eq!(reader.count(table).unwrap(), keys.len() as u64);
        assert_eq!(reader.last(table).unwrap().map(|(key, _)| key).as_ref(), keys.last().copied());
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// Puts and deletes: table, key, value.
    Write(Vec<(Table, Vec<u8>, Option<Vec<u8>>)>, Durability),
    Snapshot,
    DropSnapshot(prop::sample::Index),
    Sync,
    Reopen,
}

fn table() -> impl Strategy<Value = Table> {
    prop::sample::select(vec![Table::Meta, Table::Coin, Table::Arrival, Table::Acceptance])
}

/// Few distinct keys, so that overwriting and deleting happen; some are prefixes of others, some empty.
fn key() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(vec![0u8, 1, 0xff]), 0..4)
}

fn value() -> impl Strategy<Value = Option<Vec<u8>>> {
    prop_oneof![
        3 => prop::collection::vec(any::<u8>(), 0..40).prop_map(Some),
        1 => prop::collection::vec(any::<u8>(), 5_000..9_000).prop_map(Some),
        2 => Just(None),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let durability = prop_oneof![4 => Just(Durability::Deferred), 1 => Just(Durability::Immediate)];
    prop_oneof![
        8 => (prop::collection::vec((table(), key(), value()), 0..12), durability).prop_map(|(w, d)| Step::Write(w, d)),
        2 => Just(Step::Snapshot),
        1 => any::<prop::sample::Index>().prop_map(Step::DropSnapshot),
        1 => Just(Step::Sync),
        1 => Just(Step::Reopen),
    ]
}

fn run(kind: StoreKind, steps: &[Step]) {
    let dir = folder();
    let mut store = open_at(kind, dir.path());
    let mut model = Model::new();
    let mut snapshots: Vec<(Box<dyn KvReader>, Model)> = Vec::new();
    for step in steps {
        match step {
            Step::Write(ops, durability) => {
                let mut batch = Batch::new();
                for (table, key, value) in ops {
                    match value {
                        Some(value) => {
                            batch.put(*table, key, value.clone());
                            model.insert((*table, key.clone()), value.clone());
                        }
                        None => {
                            batch.delete(*table, key);
                            model.remove(&(*table, key.clone()));
                        }
                    }
                }
                store.write(batch, *durability).unwrap();
            }
            Step::Snapshot if snapshots.len() < 4 => snapshots.push((store.snapshot().unwrap(), model.clone())),
            Step::DropSnapshot(index) if !snapshots.is_empty() => {
                snapshots.swap_remove(index.index(snapshots.len()));
            }
            Step::Snapshot | Step::DropSnapshot(_) => {}
            Step::Sync => {
                store.sync().unwrap();
                assert_eq!(store.stats().unsynced_batches, 0);
            }
            // Memory does not outlive the store.
            Step::Reopen if kind == StoreKind::Mem => {}
            Step::Reopen => {
                snapshots.clear();
                drop(store);
                let opened = open(kind, dir.path(), tag(), &[]).unwrap();
                assert!(opened.clean_shutdown && opened.recovered.is_none());
                store = opened.store;
            }
        }
        assert_same(&*store, &model);
        for (snapshot, then) in &snapshots {
            assert_same(&**snapshot, then);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn mem_equals_the_model(steps in prop::collection::vec(step(), 1..25)) {
        run(StoreKind::Mem, &steps);
    }

    #[test]
    fn redb_equals_the_model(steps in prop::collection::vec(step(), 1..25)) {
        run(StoreKind::Redb, &steps);
    }

    #[test]
    fn sled_equals_the_model(steps in prop::collection::vec(step(), 1..25)) {
        run(StoreKind::Sled, &steps);
    }
}

fn each_engine(test: impl Fn(&dyn KvStore)) {
    for kind in [StoreKind::Mem, StoreKind::Redb, StoreKind::Sled] {
        let dir = folder();
        test(&*open_at(kind, dir.path()));
    }
}

#[test]
fn scan_pages_without_gap_or_repeat() {
    each_engine(|store| {
        let mut batch = Batch::new();
        for n in 0..250u32 {
            batch.put(Table::Coin, &n.to_be_bytes(), vec![1]);
            batch.put(Table::Memo, &n.to_be_bytes(), vec![2]);
        }
        store.write(batch, Durability::Deferred).unwrap();
        let mut seen = Vec::new();
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = store.scan(Table::Coin, after.as_deref(), 7).unwrap();
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            seen.extend(page.into_iter().map(|(key, _)| key));
        }
        assert_eq!(seen, (0..250u32).map(|n| n.to_be_bytes().to_vec()).collect::<Vec<_>>());
        assert!(store.scan(Table::Coin, None, 0).unwrap().is_empty());
        assert_eq!(store.last(Table::Coin).unwrap().unwrap().0, 249u32.to_be_bytes());
        assert_eq!(store.last(Table::State).unwrap(), None);
        assert_eq!((store.count(Table::Coin).unwrap(), store.count(Table::State).unwrap()), (250, 0));
    });
}

#[test]
fn typed_values_are_refused_if_they_are_something_else() {
    each_engine(|store| {
        let hash = BlockHash([7; 32]);
        let mut batch = Batch::new();
        batch.put_value(Table::Arrival, b"good", &hash);
        batch.put(Table::Arrival, b"long", vec![7; 33]);
        store.write(batch, Durability::Deferred).unwrap();
        let reader: &dyn KvReader = store;
        assert_eq!(get_value(reader, Table::Arrival, b"good").unwrap(), Some(hash));
        assert_eq!(get_value::<BlockHash>(reader, Table::Arrival, b"none").unwrap(), None);
        let error = get_value::<BlockHash>(reader, Table::Arrival, b"long").unwrap_err();
        assert!(matches!(error, StoreError::Value { table: Table::Arrival, .. }) && error.is_damage(), "{error}");
    });
}

/// Readers see a batch whole or not at all, while it is being written.
#[test]
fn a_batch_is_atomic_for_readers_of_several_tables() {
    each_engine(|store| {
        let put = |n: u32| {
            let mut batch = Batch::new();
            for table in [Table::Coin, Table::Memo, Table::State] {
                batch.put(table, b"n", n.to_be_bytes().to_vec());
            }
            store.write(batch, Durability::Deferred).unwrap();
        };
        put(0);
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                for _ in 0..300 {
                    let snapshot = store.snapshot().unwrap();
                    let seen = [Table::Coin, Table::Memo, Table::State].map(|t| snapshot.get(t, b"n").unwrap());
                    assert!(seen[0] == seen[1] && seen[1] == seen[2], "{seen:?}");
                }
            });
            for n in 1..300 {
                put(n);
            }
            reader.join().unwrap();
        });
    });
}

#[test]
fn figures_count_batches() {
    each_engine(|store| {
        let before = store.stats();
        for n in 0..5u8 {
            let mut batch = Batch::new();
            batch.put(Table::Coin, &[n], vec![n; 10]);
            store.write(batch, Durability::Deferred).unwrap();
        }
        let stats = store.stats();
        assert_eq!(stats.batches - before.batches, 5);
        assert!(stats.bytes >= before.bytes && stats.bytes > 0);
        if stats.kind != StoreKind::Mem {
            assert_eq!(stats.unsynced_batches, 5);
        }
        store.sync().unwrap();
        assert_eq!(store.stats().unsynced_batches, 0);
    });
}

/// The model itself is the format: what this crate writes for itself stays under its prefix.
#[test]
fn own_keys_stay_under_their_prefix() {
    each_engine(|store| {
        assert_same(store, &BTreeMap::new());
        assert!(store.count(Table::Meta).unwrap() > 0);
    });
}
