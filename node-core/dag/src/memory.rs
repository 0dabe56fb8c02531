//! A graph in memory: what replays, measurements and tests run the rules of this crate on.

use std::collections::BTreeMap;
use std::sync::Arc;

use umbel_types::BlockHash;

use crate::error::ReadError;
use crate::ghostdag::GhostdagData;
use crate::reachability::{self, ReachabilityData, ReachabilityStore, ReachabilityStoreReader};
use crate::readers::{GhostdagReader, HeaderFacts, HeaderReader, RelationsReader};

/// All that is stored of each block. Grows without bound: for graphs whose size the caller knows.
#[derive(Clone, Debug, Default)]
pub struct MemoryDag {
    blocks: BTreeMap<BlockHash, StoredBlock>,
    reachability: BTreeMap<BlockHash, Arc<ReachabilityData>>,
    reindex_root: Option<BlockHash>,
    moved: u64,
}

#[derive(Clone, Debug)]
struct StoredBlock {
    parents: Arc<[BlockHash]>,
    ghostdag: Arc<GhostdagData>,
    facts: HeaderFacts,
}

impl MemoryDag {
    /// A graph of nothing but `genesis`.
    pub fn new(genesis: BlockHash, facts: HeaderFacts) -> Self {
        let mut dag = Self::default();
        reachability::init(&mut dag, genesis);
        dag.insert(genesis, &[], GhostdagData::genesis(), facts);
        dag
    }

    /// Stores everything of a block but its place in the reachability tree, which
    /// [`crate::reachability::add_block`] gives it.
    pub fn insert(&mut self, block: BlockHash, parents: &[BlockHash], ghostdag: GhostdagData, facts: HeaderFacts) {
        let stored = StoredBlock { parents: parents.into(), ghostdag: Arc::new(ghostdag), facts };
        self.blocks.insert(block, stored);
    }

    /// Whether `block` was inserted.
    pub fn contains(&self, block: BlockHash) -> bool {
        self.blocks.contains_key(&block)
    }

    /// How often a block's interval was changed after it had its place: the cost of rebalancing.
    pub fn moved(&self) -> u64 {
        self.moved
    }

    fn stored(&self, block: BlockHash) -> Result<&StoredBlock, ReadError> {
        self.blocks.get(&block).ok_or(ReadError::Missing(block))
    }
}

impl RelationsReader for MemoryDag {
    fn parents(&self, block: BlockHash) -> Result<Arc<[BlockHash]>, ReadError> {
        Ok(self.stored(block)?.parents.clone())
    }
}

impl GhostdagReader for MemoryDag {
    fn ghostdag(&self, block: BlockHash) -> Result<Arc<GhostdagData>, ReadError> {
        Ok(self.stored(block)?.ghostdag.clone())
    }
}

impl HeaderReader for MemoryDag {
    fn header_facts(&self, block: BlockHash) -> Result<HeaderFacts, ReadError> {
        Ok(self.stored(block)?.facts)
    }
}

impl ReachabilityStoreReader for MemoryDag {
    fn reachability(&self, block: BlockHash) -> Result<Arc<ReachabilityData>, ReadError> {
        self.reachability.get(&block).cloned().ok_or(ReadError::Missing(block))
    }

    fn reindex_root(&self) -> Result<BlockHash, ReadError> {
        self.reindex_root.ok_or(ReadError::Missing(BlockHash::default()))
    }
}

impl ReachabilityStore for MemoryDag {
    fn set_reachability(&mut self, block: BlockHash, data: Arc<ReachabilityData>) {
        let interval = data.interval;
        let before = self.reachability.insert(block, data);
        self.moved += u64::from(before.is_some_and(|before| before.interval != interval));
    }

    fn set_reindex_root(&mut self, block: BlockHash) {
        self.reindex_root = Some(block);
    }
}
