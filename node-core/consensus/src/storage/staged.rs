//! Writes to the reachability tree, collected until they are committed in one batch.

use std::collections::BTreeMap;
use std::sync::Arc;

use umbel_dag::ReadError;
use umbel_dag::reachability::{ReachabilityData, ReachabilityStore, ReachabilityStoreReader};
use umbel_store::{Batch, Table};
use umbel_types::BlockHash;

use super::tables::Storage;

/// The tree with writes that are not committed yet.
#[derive(Debug)]
pub(crate) struct StagedReachability<'a> {
    storage: &'a Storage,
    writes: BTreeMap<BlockHash, Arc<ReachabilityData>>,
    reindex_root: Option<BlockHash>,
}

impl<'a> StagedReachability<'a> {
    pub(crate) fn new(storage: &'a Storage) -> Self {
        Self { storage, writes: BTreeMap::new(), reindex_root: None }
    }

    /// Puts the writes into a batch; the caller gives them to the cache once the batch is written.
    pub(crate) fn into_batch(self, batch: &mut Batch) -> BTreeMap<BlockHash, Arc<ReachabilityData>> {
        for (hash, data) in &self.writes {
            batch.put_value(Table::Reachability, hash.as_bytes(), &**data);
        }
        if let Some(root) = self.reindex_root {
            self.storage.put_reindex_root(batch, root);
        }
        self.writes
    }
}

impl ReachabilityStoreReader for StagedReachability<'_> {
    fn reachability(&self, block: BlockHash) -> Result<Arc<ReachabilityData>, ReadError> {
        match self.writes.get(&block) {
            Some(data) => Ok(data.clone()),
            None => self.storage.reachability(block),
        }
    }

    fn reindex_root(&self) -> Result<BlockHash, ReadError> {
        match self.reindex_root {
            Some(root) => Ok(root),
            None => ReachabilityStoreReader::reindex_root(self.storage),
        }
    }
}

impl ReachabilityStore for StagedReachability<'_> {
    fn set_reachability(&mut self, block: BlockHash, data: Arc<ReachabilityData>) {
        self.writes.insert(block, data);
    }

    fn set_reindex_root(&mut self, block: BlockHash) {
        self.reindex_root = Some(block);
    }
}
