//! What a validator relies on when it votes is on the disk before, as its guard is.

use std::sync::{Arc, Mutex};

use umbel_consensus::DEFAULT_CACHE_BYTES;
use umbel_store::segments::Location;
use umbel_store::{Batch, Durability, KvReader, KvStore, Pair, StoreError, StoreStats, Table};
use umbel_types::consensus_api::ConsensusApi;

use super::quick;
use super::voters::{advance_voting, voters};
use crate::fixture::{TestNode, mem_store};

/// A store whose power is cut before any sync that it is asked for by the clock: what was not written with
/// [`Durability::Immediate`] is not on the disk.
#[derive(Debug)]
struct Hasty {
    seen: Arc<dyn KvStore>,
    disk: Arc<dyn KvStore>,
    pending: Mutex<Vec<Batch>>,
}

impl KvReader for Hasty {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.seen.get(table, key)
    }
    fn scan(&self, table: Table, after: Option<&[u8]>, limit: usize) -> Result<Vec<Pair>, StoreError> {
        self.seen.scan(table, after, limit)
    }
    fn last(&self, table: Table) -> Result<Option<Pair>, StoreError> {
        self.seen.last(table)
    }
    fn count(&self, table: Table) -> Result<u64, StoreError> {
        self.seen.count(table)
    }
}

impl KvStore for Hasty {
    fn write(&self, batch: Batch, durability: Durability) -> Result<(), StoreError> {
        let mut pending = self.pending.lock().expect("whole");
        pending.push(batch.clone());
        if durability == Durability::Immediate {
            for batch in pending.drain(..) {
                self.disk.write(batch, durability)?;
            }
        }
        self.seen.write(batch, durability)
    }
    fn snapshot(&self) -> Result<Box<dyn KvReader>, StoreError> {
        self.seen.snapshot()
    }
    fn append(&self, record: &[u8]) -> Result<Location, StoreError> {
        self.disk.append(record)?;
        self.seen.append(record)
    }
    fn record(&self, location: Location) -> Result<Vec<u8>, StoreError> {
        self.seen.record(location)
    }
    fn tail(&self) -> Vec<Location> {
        Vec::new()
    }
    fn tail_is_taken(&self) {}
    fn drop_records_before(&self, _first: Location) -> Result<u64, StoreError> {
        Ok(0)
    }
    fn record_bytes(&self) -> u64 {
        self.seen.record_bytes()
    }
    fn distrust(&self) {}
    fn sync(&self) -> Result<(), StoreError> {
        Ok(())
    }
    fn stats(&self) -> StoreStats {
        self.seen.stats()
    }
}

/// The power goes everywhere at once, each time when votes have just justified something. The guards are on the disk. Were
/// the nodes thrown back behind the sources that they hold, nobody could ever vote again.
#[test]
fn a_power_cut_leaves_every_validator_something_to_vote_for() {
    for blocks in [5, 8, 11, 20] {
        let disk = mem_store();
        let hasty = Hasty { seen: mem_store(), disk: disk.clone(), pending: Mutex::default() };
        let node = TestNode::open(Arc::new(hasty), quick(), DEFAULT_CACHE_BYTES).expect("opens");
        let mut voters = voters();
        advance_voting(&node, &mut voters, blocks);
        let before = node.consensus.finality();
        assert!(before.justified.index > 0);
        node.consensus.shutdown();
        drop(node);

        let node = TestNode::with(disk, quick());
        let after = node.consensus.finality();
        assert_eq!((after.justified, after.finalized), (before.justified, before.finalized), "{blocks} blocks");
        advance_voting(&node, &mut voters, 6);
        assert!(node.consensus.finality().finalized.index > before.finalized.index, "{blocks} blocks");
    }
}
