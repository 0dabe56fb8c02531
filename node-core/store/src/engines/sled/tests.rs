//! What sled does not have, and what it does not say.

use super::*;
use crate::format::FormatTag;
use crate::open;
use umbel_types::{BlockHash, Network};

fn put(n: u32, len: usize) -> Batch {
    let mut batch = Batch::new();
    batch.put(Table::Coin, &(n % 10).to_be_bytes(), vec![u8::try_from(n % 256).unwrap(); len]);
    batch
}

fn engine(dir: &Path) -> Sled {
    Sled::open(&dir.join(SLED_FOLDER), 8 * 1024 * 1024).unwrap()
}

/// Values are kept only as long as somebody may read them, and never more than the bound.
#[test]
fn snapshots_are_bounded_and_leave_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let sled = engine(dir.path());
    sled.state.write().unwrap().max_past_bytes = 50_000;
    let past = || sled.state.read().unwrap().past_bytes;
    for n in (0..10).rev() {
        sled.apply(put(n, if n == 0 { 1_000 } else { 9_000 }), Durability::Immediate).unwrap();
    }
    assert_eq!(past(), 0, "nobody looks");
    let [oldest, middle, newest] = [1, 2, 3].map(|n| {
        let snapshot = sled.snapshot().unwrap();
        sled.apply(put(0, 1_000 + n), Durability::Immediate).unwrap();
        snapshot
    });
    let key = 0u32.to_be_bytes();
    let len = |snapshot: &dyn KvReader| snapshot.get(Table::Coin, &key).unwrap().unwrap().len();
    assert_eq!([&oldest, &middle, &newest].map(|s| len(&**s)), [1_000, 1_001, 1_002]);
    let kept = past();
    drop(middle);
    assert!(past() < kept);
    assert_eq!([&oldest, &newest].map(|s| len(&**s)), [1_000, 1_002]);
    // The old values of nine keys are more than the bound.
    for n in 1..10 {
        sled.apply(put(n, 10), Durability::Immediate).unwrap();
    }
    assert!(past() <= 50_000);
    let ended = oldest.get(Table::Coin, &key).unwrap_err();
    assert!(matches!(ended, StoreError::SnapshotEnded) && !ended.is_damage(), "{ended}");
    drop((oldest, newest));
    assert_eq!(past(), 0);
    sled.apply(put(1, 10), Durability::Immediate).unwrap();
    assert_eq!(past(), 0);
}

/// What was deferred is read by everyone and is not in sled: its log would bring it to the disk before its records.
#[test]
fn a_deferred_batch_is_not_in_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let sled = engine(dir.path());
    sled.apply(put(1, 50), Durability::Deferred).unwrap();
    let key = 1u32.to_be_bytes();
    assert!(sled.get(Table::Coin, &key).unwrap().is_some());
    let in_log = || sled.state.read().unwrap().open().unwrap().tree(Table::Coin).get(key).unwrap().is_some();
    assert!(!in_log());
    sled.apply(Batch::new(), Durability::Immediate).unwrap();
    assert!(in_log());
}

fn store(dir: &Path) -> open::Opened {
    open::open(StoreKind::Sled, dir, FormatTag::new(Network::Devnet, BlockHash([9; 32]), 1), &[]).unwrap()
}

/// sled comes back without saying so: a row that is gone, one that is another, and batches that are gone are found.
#[test]
fn what_sled_lost_in_silence_is_found() {
    let lose: [fn(&Db); 4] = [
        |db| drop(db.open_tree("coin").unwrap().remove(3u32.to_be_bytes()).unwrap()),
        |db| drop(db.open_tree("coin").unwrap().insert(3u32.to_be_bytes(), vec![7; 50]).unwrap()),
        |db| drop(db.open_tree("memo").unwrap().insert(b"a row more", b"").unwrap()),
        |db| drop(db.open_tree(TOTALS).unwrap().insert(COMMITS_KEY, &3u64.to_le_bytes()[..]).unwrap()),
    ];
    let unharmed: fn(&Db) = |db| drop(db.open_tree("coin").unwrap());
    for (lose, is_found) in lose.into_iter().map(|lose| (lose, true)).chain([(unharmed, false)]) {
        let dir = tempfile::tempdir().unwrap();
        let opened = store(dir.path());
        for n in 0..6 {
            opened.store.write(put(n, 50), Durability::Immediate).unwrap();
        }
        drop(opened);
        let path = dir.path().join(SLED_FOLDER);
        let db = Config::new().path(&path).open().unwrap();
        lose(&db);
        drop(db);
        let log = File::open(path.join("db")).unwrap();
        while log.try_lock().is_err() {
            std::thread::yield_now();
        }
        drop(log);
        let opened = store(dir.path());
        assert_eq!(opened.recovered.is_some(), is_found);
        assert_eq!(opened.store.count(Table::Coin).unwrap(), if is_found { 0 } else { 6 });
    }
}

#[test]
fn kinds_of_errors() {
    let path = Path::new("/data/chain.sled");
    let io = |kind: io::ErrorKind| from_open(Error::Io(kind.into()), path);
    assert!(matches!(io(io::ErrorKind::PermissionDenied), StoreError::ReadOnly(p) if p == path));
    assert!(matches!(io(io::ErrorKind::StorageFull), StoreError::Full));
    assert!(matches!(io(io::ErrorKind::NotFound), StoreError::Corrupt(_)));
    assert!(matches!(io(io::ErrorKind::TimedOut), StoreError::Io(_)));
    assert!(from_open(Error::ReportableBug("pages".to_owned()), path).is_damage());
    assert!(from_open(Error::Unsupported("version".to_owned()), path).is_damage());
}
