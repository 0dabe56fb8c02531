//! Typed access to the tables.

use std::sync::Arc;

use umbel_dag::reachability::ReachabilityData;
use umbel_dag::{GhostdagData, ReadError};
use umbel_ledger::commitments::LtHash;
use umbel_store::{Batch, KvReader, KvStore, StoreError, Table, decode_value, get_value};
use umbel_types::consensus_api::BlockStatus;
use umbel_types::{BlockHash, Body, Header};

use super::cache::Cache;
use super::records::{BlockRecord, ChainMeta, ChainRecord, StoredBody};

/// Blocks whose header, colouring and place in the tree stay in memory: about 15 minutes at 10 blocks/s, 20 MiB.
const HEADER_CACHE: usize = 10_000;
/// Bodies that stay in memory: what two mergesets of the fastest network need, 64 MiB at the very most.
const BODY_CACHE: usize = 1_024;
/// Chain records that stay in memory.
const CHAIN_CACHE: usize = 512;

const META_CHAIN: &[u8] = b"chain/meta";
const META_LTHASH: &[u8] = b"chain/lthash";
const META_REINDEX_ROOT: &[u8] = b"chain/reindex-root";

/// The tables of the chain. One thread writes; anyone reads.
#[derive(Debug)]
pub(crate) struct Storage {
    pub(crate) kv: Arc<dyn KvStore>,
    headers: Cache<Header>,
    ghostdag: Cache<GhostdagData>,
    reachability: Cache<ReachabilityData>,
    records: Cache<BlockRecord>,
    bodies: Cache<StoredBody>,
    chain: Cache<ChainRecord>,
}

/// The store's failure as the graph's algorithms know it.
pub(crate) fn read_error(error: &StoreError) -> ReadError {
    ReadError::Store(error.to_string())
}

/// Key of a height: big-endian, so that keys ascend with it.
pub(crate) fn height_key(height: u64) -> [u8; 8] {
    height.to_be_bytes()
}

impl Storage {
    pub(crate) fn new(kv: Arc<dyn KvStore>) -> Self {
        Self {
            kv,
            headers: Cache::new(HEADER_CACHE),
            ghostdag: Cache::new(HEADER_CACHE),
            reachability: Cache::new(HEADER_CACHE),
            records: Cache::new(HEADER_CACHE),
            bodies: Cache::new(BODY_CACHE),
            chain: Cache::new(CHAIN_CACHE),
        }
    }

    /// A value that never changes once it is written.
    fn immutable<V: umbel_types::Decode>(
        &self,
        cache: &Cache<V>,
        table: Table,
        hash: BlockHash,
    ) -> Result<Option<Arc<V>>, StoreError> {
        if let Some(value) = cache.get(&hash) {
            return Ok(Some(value));
        }
        let value = get_value::<V>(&*self.kv as &dyn KvReader, table, hash.as_bytes())?.map(Arc::new);
        if let Some(value) = &value {
            cache.put(hash, value.clone());
        }
        Ok(value)
    }

    /// A value that the consensus thread may change: a reader never puts it into the cache.
    fn mutable<V: umbel_types::Decode>(
        &self,
        cache: &Cache<V>,
        table: Table,
        hash: BlockHash,
    ) -> Result<Option<Arc<V>>, StoreError> {
        match cache.get(&hash) {
            Some(value) => Ok(Some(value)),
            None => Ok(get_value::<V>(&*self.kv as &dyn KvReader, table, hash.as_bytes())?.map(Arc::new)),
        }
    }

    pub(crate) fn find_header(&self, hash: BlockHash) -> Result<Option<Arc<Header>>, StoreError> {
        self.immutable(&self.headers, Table::Header, hash)
    }

    pub(crate) fn header(&self, hash: BlockHash) -> Result<Arc<Header>, ReadError> {
        self.find_header(hash).map_err(|e| read_error(&e))?.ok_or(ReadError::Missing(hash))
    }

    pub(crate) fn ghostdag_data(&self, hash: BlockHash) -> Result<Arc<GhostdagData>, ReadError> {
        let found = self.immutable(&self.ghostdag, Table::Ghostdag, hash).map_err(|e| read_error(&e))?;
        found.ok_or(ReadError::Missing(hash))
    }

    pub(crate) fn reachability_data(&self, hash: BlockHash) -> Result<Arc<ReachabilityData>, ReadError> {
        let found = self.mutable(&self.reachability, Table::Reachability, hash).map_err(|e| read_error(&e))?;
        found.ok_or(ReadError::Missing(hash))
    }

    /// Where a block stands; `None` if it was never seen.
    pub(crate) fn find_record(&self, hash: BlockHash) -> Result<Option<BlockRecord>, StoreError> {
        Ok(self.mutable(&self.records, Table::Status, hash)?.map(|record| *record))
    }

    pub(crate) fn record(&self, hash: BlockHash) -> Result<BlockRecord, ReadError> {
        self.find_record(hash).map_err(|e| read_error(&e))?.ok_or(ReadError::Missing(hash))
    }

    pub(crate) fn body(&self, hash: BlockHash) -> Result<Arc<StoredBody>, ReadError> {
        if let Some(body) = self.bodies.get(&hash) {
            return Ok(body);
        }
        let body: Option<Body> =
            get_value(&*self.kv as &dyn KvReader, Table::Body, hash.as_bytes()).map_err(|e| read_error(&e))?;
        let body = Arc::new(StoredBody::from(body.ok_or(ReadError::Missing(hash))?));
        self.bodies.put(hash, body.clone());
        Ok(body)
    }

    /// What is known of a block that stands or stood on the selected chain.
    pub(crate) fn find_chain_record(&self, hash: BlockHash) -> Result<Option<Arc<ChainRecord>>, StoreError> {
        self.immutable(&self.chain, Table::ChainBlock, hash)
    }

    pub(crate) fn chain_record(&self, hash: BlockHash) -> Result<Arc<ChainRecord>, ReadError> {
        self.find_chain_record(hash).map_err(|e| read_error(&e))?.ok_or(ReadError::Missing(hash))
    }

    /// The chain block at a height now.
    pub(crate) fn chain_block_at(&self, height: u64) -> Result<Option<BlockHash>, StoreError> {
        get_value(&*self.kv as &dyn KvReader, Table::ChainIndex, &height_key(height))
    }

    /// The highest chain block whose blue score is at least `depth` below the sink's; genesis while there is none.
    pub(crate) fn finality_point(&self, sink: BlockHash, depth: u64) -> Result<BlockHash, ReadError> {
        let score = self.header(sink)?.blue_score.0;
        let at = |height| -> Result<BlockHash, ReadError> {
            let found = self.chain_block_at(height).map_err(|e| read_error(&e))?;
            found.ok_or(ReadError::Inconsistent { block: sink, what: "its chain has a gap" })
        };
        // Blue score rises with height: the answer is the last height of those that are deep enough.
        let (mut low, mut high) = (0, self.chain_record(sink)?.height);
        while low < high {
            let middle = high - (high - low) / 2;
            let deep = self.header(at(middle)?)?.blue_score.0.saturating_add(depth) <= score;
            if deep { low = middle } else { high = middle - 1 }
        }
        at(low)
    }

    pub(crate) fn meta(&self) -> Result<Option<ChainMeta>, StoreError> {
        get_value(&*self.kv as &dyn KvReader, Table::Meta, META_CHAIN)
    }

    pub(crate) fn lthash(&self) -> Result<Option<LtHash>, StoreError> {
        get_value(&*self.kv as &dyn KvReader, Table::Meta, META_LTHASH)
    }

    pub(crate) fn reindex_root(&self) -> Result<Option<BlockHash>, StoreError> {
        get_value(&*self.kv as &dyn KvReader, Table::Meta, META_REINDEX_ROOT)
    }

    /// Tips of the DAG that have a body. Never more than what can be mined within the merge depth; all fit a page.
    pub(crate) fn tips(&self) -> Result<Vec<BlockHash>, StoreError> {
        let keys = self.kv.scan(Table::Tips, None, usize::MAX)?;
        keys.into_iter().map(|(key, _)| decode_value(Table::Tips, &key)).collect()
    }

    pub(crate) fn put_header(&self, batch: &mut Batch, hash: BlockHash, header: &Header, data: &GhostdagData) {
        batch.put_value(Table::Header, hash.as_bytes(), header);
        batch.put_value(Table::Ghostdag, hash.as_bytes(), data);
    }

    pub(crate) fn put_record(&self, batch: &mut Batch, hash: BlockHash, record: &BlockRecord) {
        batch.put_value(Table::Status, hash.as_bytes(), record);
    }

    pub(crate) fn put_body(&self, batch: &mut Batch, hash: BlockHash, body: &Body) {
        batch.put_value(Table::Body, hash.as_bytes(), body);
    }

    pub(crate) fn put_chain_record(&self, batch: &mut Batch, hash: BlockHash, record: &ChainRecord) {
        batch.put_value(Table::ChainBlock, hash.as_bytes(), record);
    }

    pub(crate) fn put_meta(&self, batch: &mut Batch, meta: &ChainMeta) {
        batch.put_value(Table::Meta, META_CHAIN, meta);
    }

    pub(crate) fn put_lthash(&self, batch: &mut Batch, lthash: &LtHash) {
        batch.put_value(Table::Meta, META_LTHASH, lthash);
    }

    pub(crate) fn put_reindex_root(&self, batch: &mut Batch, root: BlockHash) {
        batch.put_value(Table::Meta, META_REINDEX_ROOT, &root);
    }

    // The caches are told after the batch is written, so that no reader sees what a failed write would take back.

    pub(crate) fn cache_header(&self, hash: BlockHash, header: Header, data: GhostdagData) {
        self.headers.put(hash, Arc::new(header));
        self.ghostdag.put(hash, Arc::new(data));
    }

    pub(crate) fn cache_reachability(&self, hash: BlockHash, data: Arc<ReachabilityData>) {
        self.reachability.put(hash, data);
    }

    pub(crate) fn cache_record(&self, hash: BlockHash, record: BlockRecord) {
        self.records.put(hash, Arc::new(record));
    }

    pub(crate) fn cache_body(&self, hash: BlockHash, body: Arc<StoredBody>) {
        self.bodies.put(hash, body);
    }

    pub(crate) fn cache_chain_record(&self, hash: BlockHash, record: Arc<ChainRecord>) {
        self.chain.put(hash, record);
    }

    /// Sets a block's status, keeping the rest of its record.
    pub(crate) fn with_status(&self, hash: BlockHash, status: BlockStatus) -> Result<BlockRecord, ReadError> {
        Ok(BlockRecord { status, ..self.record(hash)? })
    }
}
