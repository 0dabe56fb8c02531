//! Typed access to the tables.

use std::sync::Arc;

use thiserror::Error;
use umbel_dag::reachability::ReachabilityData;
use umbel_dag::{GhostdagData, ReadError};
use umbel_ledger::commitments::LtHash;
use umbel_store::segments::Location;
use umbel_store::{Batch, KvReader, KvStore, StoreError, Table, decode_value, get_value};
use umbel_types::consensus_api::BlockStatus;
use umbel_types::encode::{Decode, Encode};
use umbel_types::{Block, BlockHash, Body, Header};

use super::cache::{Cache, Weigh};
use super::records::{BlockRecord, ChainMeta, ChainRecord, StoredBody};
use super::tips::Tips;

pub(crate) const META_CHAIN: &[u8] = b"chain/meta";
pub(crate) const META_LTHASH: &[u8] = b"chain/lthash";
pub(crate) const META_REINDEX_ROOT: &[u8] = b"chain/reindex-root";

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
    pub(super) tips: Tips,
    /// Records of newly verified blocks that may be held until the sink moves; beyond, they are written on the way, so that
    /// a long reorganisation builds no batch of its own length.
    pub(crate) held_records_bytes: usize,
}

/// The store's failure as the graph's algorithms know it.
pub(crate) fn read_error(error: &StoreError) -> ReadError {
    ReadError::Store(error.to_string())
}

/// Why the body of a block that has one can't be read.
#[derive(Debug, Error)]
pub(crate) enum BodyError {
    /// The block is not here, or only its header.
    #[error("the body of block {0} is not here")]
    Missing(BlockHash),
    /// It was here.
    #[error("the body of block {block} is damaged: {error}")]
    Damaged {
        /// The block.
        block: BlockHash,
        /// What was found.
        error: StoreError,
    },
}

impl From<BodyError> for ReadError {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::Missing(block) => Self::Missing(block),
            damaged @ BodyError::Damaged { .. } => Self::Store(damaged.to_string()),
        }
    }
}

/// Key of a height: big-endian, so that keys ascend with it.
pub(crate) fn height_key(height: u64) -> [u8; 8] {
    height.to_be_bytes()
}

impl Storage {
    /// `cache_bytes`: what all caches may hold together. At the default, bodies get the two mergesets of the fastest
    /// network that are read again and again, and the rest are some ten thousand headers and thousands of chain records.
    pub(crate) fn new(kv: Arc<dyn KvStore>, cache_bytes: usize) -> Self {
        let sixteenth = cache_bytes / 16;
        Self {
            kv,
            headers: Cache::new(2 * sixteenth),
            ghostdag: Cache::new(2 * sixteenth),
            reachability: Cache::new(sixteenth),
            records: Cache::new(sixteenth),
            bodies: Cache::new(6 * sixteenth),
            chain: Cache::new(3 * sixteenth),
            tips: Tips::default(),
            held_records_bytes: sixteenth,
        }
    }

    /// A value that never changes once it is written.
    fn immutable<V: Decode + Weigh>(
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
    fn mutable<V: Decode + Weigh>(
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

    /// The body of a block that has one.
    pub(crate) fn body(&self, hash: BlockHash) -> Result<Arc<StoredBody>, BodyError> {
        if let Some(body) = self.bodies.get(&hash) {
            return Ok(body);
        }
        let Block { header: _, body } = self.stored_block(hash)?;
        let body = Arc::new(StoredBody::from(body));
        self.bodies.put(hash, body.clone());
        Ok(body)
    }

    /// Where a block lies in the segments, if its body is kept.
    pub(crate) fn find_location(&self, hash: BlockHash) -> Result<Option<Location>, StoreError> {
        get_value(&*self.kv as &dyn KvReader, Table::BlockIndex, hash.as_bytes())
    }

    /// A block as the segments have it.
    pub(crate) fn stored_block(&self, hash: BlockHash) -> Result<Block, BodyError> {
        let damaged = |error| BodyError::Damaged { block: hash, error };
        let index = self.find_location(hash).map_err(damaged)?;
        let block = self.block_at(index.ok_or(BodyError::Missing(hash))?).map_err(damaged)?;
        if block.hash() == hash {
            return Ok(block);
        }
        Err(damaged(StoreError::Corrupt(format!("block {} stands there", block.hash()))))
    }

    /// The block in one record of the segments.
    pub(crate) fn block_at(&self, location: Location) -> Result<Block, StoreError> {
        decode_value(Table::BlockIndex, &self.kv.record(location)?)
    }

    /// Adds a block to the segments.
    pub(crate) fn append_block(&self, header: &Header, body: &Body) -> Result<Location, StoreError> {
        let mut record = header.to_bytes();
        body.encode(&mut record);
        self.kv.append(&record)
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

    /// The highest chain block whose blue score is at least `depth` below the sink's; while there is none, the block whose
    /// state the chain began with.
    pub(crate) fn finality_point(&self, sink: BlockHash, depth: u64) -> Result<BlockHash, ReadError> {
        let score = self.header(sink)?.blue_score.0;
        let (height, block) = self.last_chain_block(sink, |below| below.saturating_add(depth) <= score)?;
        let anchor = self.anchor_height()?;
        if height < anchor { self.chain_at(sink, anchor) } else { Ok(block) }
    }

    /// The lowest chain block whose blue score is at least `score`, which the sink's has to be.
    pub(crate) fn chain_block_reaching(&self, sink: BlockHash, score: u64) -> Result<BlockHash, ReadError> {
        if score == 0 {
            return Ok(self.last_chain_block(sink, |_| false)?.1);
        }
        let (height, _) = self.last_chain_block(sink, |blue_score| blue_score < score)?;
        self.chain_at(sink, height + 1)
    }

    /// The highest block of the chain up to `top`, with its height, whose blue score is at most `score`; the lowest that is
    /// known if none is.
    pub(crate) fn chain_at_or_below(&self, top: BlockHash, score: u64) -> Result<(u64, BlockHash), ReadError> {
        self.last_chain_block(top, |blue_score| blue_score <= score)
    }

    /// The highest chain block up to `top`, with its height, for which a test of its blue score holds; the lowest that is
    /// known where it holds for none. Blue score rises with height: what the test holds for, it has to hold for below.
    fn last_chain_block(&self, top: BlockHash, holds: impl Fn(u64) -> bool) -> Result<(u64, BlockHash), ReadError> {
        let (mut low, mut high) = (self.base_height()?, self.chain_record(top)?.height);
        while low < high {
            let middle = high - (high - low) / 2;
            if holds(self.header(self.chain_at(top, middle)?)?.blue_score.0) { low = middle } else { high = middle - 1 }
        }
        Ok((low, self.chain_at(top, low)?))
    }

    fn chain_at(&self, top: BlockHash, height: u64) -> Result<BlockHash, ReadError> {
        let found = self.chain_block_at(height).map_err(|e| read_error(&e))?;
        found.ok_or(ReadError::Inconsistent { block: top, what: "its chain has a gap" })
    }

    /// What has to be in the past of a new block, where `intake` is the block that everyone asks for: a chain that began with
    /// a snapshot takes in what stands beside the snapshot's block, since blocks above it merge that.
    pub(crate) fn root_of_new_blocks(&self, intake: BlockHash) -> Result<BlockHash, ReadError> {
        let (anchor, base) = (self.anchor_height()?, self.base_height()?);
        if anchor == base || self.chain_record(intake)?.height > anchor {
            Ok(intake)
        } else {
            self.chain_at(intake, base)
        }
    }

    fn anchor_height(&self) -> Result<u64, ReadError> {
        Ok(self.pruning().map_err(|e| read_error(&e))?.map_or(0, |record| record.anchor_height))
    }

    /// The lowest height of the chain index: above 0 where the chain began with a snapshot.
    fn base_height(&self) -> Result<u64, ReadError> {
        Ok(self.pruning().map_err(|e| read_error(&e))?.map_or(0, |record| record.base_height))
    }

    /// Direct parents, but for those that were pruned.
    pub(crate) fn parents_kept(&self, hash: BlockHash) -> Result<Vec<BlockHash>, ReadError> {
        let mut kept = Vec::new();
        for &parent in &self.header(hash)?.parents {
            let known = self.find_record(parent).map_err(|e| read_error(&e))?.is_some();
            if known || !self.is_pruned(parent).map_err(|e| read_error(&e))? {
                kept.push(parent);
            }
        }
        Ok(kept)
    }

    /// Whether a block stands on the chain now. Of a block that was pruned only the header is left.
    pub(crate) fn is_on_chain(&self, hash: BlockHash) -> Result<bool, StoreError> {
        match self.find_chain_record(hash)? {
            Some(record) => Ok(self.chain_block_at(record.height)? == Some(hash)),
            None => Ok(false),
        }
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

    pub(crate) fn put_location(&self, batch: &mut Batch, hash: BlockHash, location: &Location) {
        batch.put_value(Table::BlockIndex, hash.as_bytes(), location);
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

    /// A block is no longer stored. Its header may be.
    pub(crate) fn forget(&self, hash: BlockHash) {
        self.ghostdag.remove(&hash);
        self.reachability.remove(&hash);
        self.records.remove(&hash);
        self.chain.remove(&hash);
        self.headers.remove(&hash);
        self.forget_body(hash);
    }

    /// A body is no longer stored.
    pub(crate) fn forget_body(&self, hash: BlockHash) {
        self.bodies.remove(&hash);
    }

    /// Sets a block's status, keeping the rest of its record.
    pub(crate) fn with_status(&self, hash: BlockHash, status: BlockStatus) -> Result<BlockRecord, ReadError> {
        Ok(BlockRecord { status, ..self.record(hash)? })
    }
}
