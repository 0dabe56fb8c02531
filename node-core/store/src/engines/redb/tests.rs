//! Disks that get full, pages that make the engine panic.

mod faults;

use super::*;
use crate::engines::{file::FileStore, guard};
use crate::format::FormatTag;
use crate::kv::KvStore;
use ::redb::StorageBackend;
use ::redb::backends::InMemoryBackend;
use std::sync::atomic::AtomicU64;
use umbel_types::{BlockHash, Network};

/// A disk with a fixed size.
#[derive(Debug)]
struct SmallDisk {
    inner: InMemoryBackend,
    limit: Arc<AtomicU64>,
}

impl StorageBackend for SmallDisk {
    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.inner.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        if len > self.limit.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.inner.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.inner.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.inner.write(offset, data)
    }
}

fn tag() -> FormatTag {
    FormatTag::new(Network::Devnet, BlockHash([9; 32]), 1)
}

fn put(n: u32, len: usize) -> Batch {
    let mut batch = Batch::new();
    batch.put(Table::Coin, &n.to_be_bytes(), vec![1; len]);
    batch.put(Table::Memo, &n.to_be_bytes(), vec![2; len]);
    batch
}

#[test]
fn a_full_disk_is_said_and_nothing_is_torn() {
    let limit = Arc::new(AtomicU64::new(u64::MAX));
    let disk = SmallDisk { inner: InMemoryBackend::new(), limit: Arc::clone(&limit) };
    let db = Builder::new().create_with_backend(disk).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let engine = Redb { db, path: PathBuf::from("/nonexistent"), is_checked: true };
    let store = FileStore::start(engine, Path::new("/nonexistent"), dir.path(), 1 << 20, &tag(), &[]).unwrap().store;
    store.write(put(1, 100), Durability::Immediate).unwrap();
    limit.store(0, Ordering::Relaxed);
    let mut written = 1;
    let error = loop {
        match store.write(put(written + 1, 200_000), Durability::Immediate) {
            Ok(()) => written += 1,
            Err(error) => break error,
        }
        assert!(written < 10_000, "the disk never got full");
    };
    assert!(matches!(error, StoreError::Full), "{error}");
    assert!(!error.is_damage());
    // Reads and later writes either work or say that the store has stopped; a batch is never half there.
    for n in 1..=written + 1 {
        let both = [Table::Coin, Table::Memo].map(|t| store.get(t, &n.to_be_bytes()));
        match both {
            [Ok(coin), Ok(memo)] => assert_eq!((coin.is_some(), memo.is_some()), (n <= written, n <= written)),
            [Err(StoreError::Stopped), _] | [_, Err(StoreError::Stopped)] => {}
            other => panic!("{other:?}"),
        }
    }
    limit.store(u64::MAX, Ordering::Relaxed);
    match store.write(put(7_777, 10), Durability::Immediate) {
        Ok(()) => assert!(store.get(Table::Coin, &7_777u32.to_be_bytes()).unwrap().is_some()),
        Err(error) => assert!(matches!(error, StoreError::Stopped), "{error}"),
    }
}

#[test]
fn a_panic_of_the_engine_is_damage() {
    let error = guard(|| -> Result<(), StoreError> { panic!("a page that can't be explained") }).unwrap_err();
    assert!(error.is_damage());
}

#[test]
fn kinds_of_io_errors() {
    let path = Path::new("/data/chain.redb");
    let from = |kind: io::ErrorKind| from_open(DatabaseError::Storage(StorageError::Io(kind.into())), path);
    assert!(matches!(from(io::ErrorKind::PermissionDenied), StoreError::ReadOnly(p) if p == path));
    assert!(matches!(from(io::ErrorKind::ReadOnlyFilesystem), StoreError::ReadOnly(_)));
    assert!(matches!(from(io::ErrorKind::StorageFull), StoreError::Full));
    assert!(matches!(from(io::ErrorKind::InvalidData), StoreError::Corrupt(_)));
    assert!(matches!(from(io::ErrorKind::TimedOut), StoreError::Io(_)));
    assert!(matches!(from_open(DatabaseError::DatabaseAlreadyOpen, path), StoreError::InUse(_)));
    assert!(from_open(DatabaseError::UpgradeRequired(1), path).is_damage());
}
