//! The graph's algorithms read the committed tables.

use std::sync::Arc;

use umbel_dag::reachability::{ReachabilityData, ReachabilityStoreReader};
use umbel_dag::{GhostdagData, GhostdagReader, HeaderFacts, HeaderReader, ReadError, RelationsReader};
use umbel_types::BlockHash;

use super::tables::{Storage, read_error};

impl RelationsReader for Storage {
    fn parents(&self, block: BlockHash) -> Result<Arc<[BlockHash]>, ReadError> {
        Ok(Arc::from(self.header(block)?.parents.as_slice()))
    }
}

impl GhostdagReader for Storage {
    fn ghostdag(&self, block: BlockHash) -> Result<Arc<GhostdagData>, ReadError> {
        self.ghostdag_data(block)
    }
}

impl HeaderReader for Storage {
    fn header_facts(&self, block: BlockHash) -> Result<HeaderFacts, ReadError> {
        Ok(HeaderFacts::from(&*self.header(block)?))
    }
}

impl ReachabilityStoreReader for Storage {
    fn reachability(&self, block: BlockHash) -> Result<Arc<ReachabilityData>, ReadError> {
        self.reachability_data(block)
    }

    fn reindex_root(&self) -> Result<BlockHash, ReadError> {
        let root = Storage::reindex_root(self).map_err(|e| read_error(&e))?;
        root.ok_or(ReadError::Missing(umbel_dag::NO_PARENT))
    }
}
