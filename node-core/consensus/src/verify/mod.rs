//! Replays a stored chain from genesis and compares everything with what is stored (`umbel node verify`).
//!
//! Nothing of what is stored is believed but the blocks themselves: places in the DAG, colouring, commitments and the
//! ledger's state are computed anew, in memory and by every rule that a block from the network has to keep. Then each
//! table is compared with the outcome, row by row, and every row has to be accounted for. A store that was pruned is
//! verified from the state of its pruning point on.
//!
//! Memory: the unspent outputs and about 2 KiB a block.

mod blocks;
mod pruned;
mod report;
mod state;
mod supply;
mod tables;

use std::path::Path;
use std::sync::Arc;

use umbel_ledger::genesis::{self, Genesis};
use umbel_pow::Pow;
use umbel_store::segments::Location;
use umbel_store::{Batch, Durability, KvReader, KvStore, Pair, StoreError, StoreKind, StoreStats, Table};
use umbel_types::genesis::GenesisSpec;
use umbel_types::{BlockHash, Params};

use crate::config::DEFAULT_CACHE_BYTES;
use crate::pipeline::rules::Rules;
use crate::storage::{ChainMeta, Storage, open_store};

pub use report::{AssetSupply, Mismatch, VerifyError, VerifyProgress, VerifyReport, VerifyStage};
use report::{Verdict, differs};

/// Rows that are read at once.
const PAGE: usize = 1_024;

/// Verifies the chain in a store, which nobody else writes meanwhile.
///
/// # Errors
/// [`VerifyError::Mismatch`]: the first thing that is not as it should be. [`VerifyError::Store`]: the disk failed.
pub fn verify_chain(
    params: &Params,
    spec: &GenesisSpec,
    store: Arc<dyn KvStore>,
    progress: &mut dyn FnMut(VerifyProgress),
) -> Result<VerifyReport, VerifyError> {
    let genesis = genesis::build(params, spec);
    let stored = Storage::new(store.clone(), DEFAULT_CACHE_BYTES / 2);
    let Some(meta) = report::readable(None, "the chain's own record", stored.meta())? else {
        return Err(differs(None, "the chain's own record", "none", "genesis, sink and number of blocks"));
    };
    if meta.genesis != genesis.hash {
        return Err(differs(None, "genesis", meta.genesis, genesis.hash));
    }
    let start = pruned::Start::of(report::readable(None, "how far pruning is", stored.pruning())?);
    let memory = open_store(StoreKind::Mem, Path::new(""), params.network, genesis.hash)?.store;
    let replayed = Storage::new(Arc::new(Replayed { memory, records: store }), DEFAULT_CACHE_BYTES / 2);
    let mut replay = Replay {
        params,
        rules: Rules::new(params, genesis.hash, &genesis.block.header),
        pow: Pow::of(params),
        genesis,
        stored,
        replayed,
        meta,
        start,
        report: VerifyReport::default(),
    };
    replay.blocks(progress)?;
    let state = replay.chain(progress)?;
    replay.tables(&state, progress)?;
    Ok(replay.report)
}

/// What is stored beside what is computed.
struct Replay<'a> {
    params: &'a Params,
    rules: Rules,
    pow: Pow,
    genesis: Genesis,
    stored: Storage,
    /// Filled block by block; only the blocks themselves come from the store.
    replayed: Storage,
    meta: ChainMeta,
    /// Where a pruned store begins.
    start: Option<pruned::Start>,
    report: VerifyReport,
}

impl Replay<'_> {
    /// All rows of a stored table, a page at a time. The walk ends at the first failure.
    fn rows(&self, table: Table, mut row: impl FnMut(&[u8], &[u8]) -> Verdict) -> Verdict {
        let mut after: Option<Vec<u8>> = None;
        loop {
            let page = self.stored.kv.scan(table, after.as_deref(), PAGE)?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            after = Some(last.clone());
            for (key, value) in &page {
                row(key, value)?;
            }
        }
    }

    fn count(&mut self, table: Table) -> Result<u64, VerifyError> {
        let rows = self.stored.kv.count(table)?;
        self.report.records += rows;
        Ok(rows)
    }
}

/// The hash that a key is, if it is one.
fn hash_of_key(table: Table, key: &[u8]) -> Result<BlockHash, VerifyError> {
    match key.try_into() {
        Ok(hash) => Ok(BlockHash(hash)),
        Err(_) => Err(differs(None, format!("a key of table {}", table.name()), report::hex(key), "a block's hash")),
    }
}

/// Tables in memory, blocks from the store.
#[derive(Debug)]
struct Replayed {
    memory: Arc<dyn KvStore>,
    records: Arc<dyn KvStore>,
}

impl KvReader for Replayed {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.memory.get(table, key)
    }

    fn scan(&self, table: Table, after: Option<&[u8]>, limit: usize) -> Result<Vec<Pair>, StoreError> {
        self.memory.scan(table, after, limit)
    }

    fn last(&self, table: Table) -> Result<Option<Pair>, StoreError> {
        self.memory.last(table)
    }

    fn count(&self, table: Table) -> Result<u64, StoreError> {
        self.memory.count(table)
    }
}

impl KvStore for Replayed {
    fn write(&self, batch: Batch, durability: Durability) -> Result<(), StoreError> {
        self.memory.write(batch, durability)
    }

    fn snapshot(&self) -> Result<Box<dyn KvReader>, StoreError> {
        self.memory.snapshot()
    }

    fn append(&self, record: &[u8]) -> Result<Location, StoreError> {
        self.memory.append(record)
    }

    fn record(&self, location: Location) -> Result<Vec<u8>, StoreError> {
        self.records.record(location)
    }

    fn tail(&self) -> Vec<Location> {
        self.memory.tail()
    }

    fn tail_is_taken(&self) {}

    fn drop_records_before(&self, _first: Location) -> Result<u64, StoreError> {
        Ok(0)
    }

    fn record_bytes(&self) -> u64 {
        self.memory.record_bytes()
    }

    fn distrust(&self) {
        self.memory.distrust();
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.memory.sync()
    }

    fn stats(&self) -> StoreStats {
        self.memory.stats()
    }
}
