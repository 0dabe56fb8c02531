//! What is stored for each block, and the trait behind which it lies.

use std::sync::Arc;

use umbel_types::BlockHash;
use umbel_types::encode::{Decode, DecodeError, Encode, Reader, encode_list};

use super::interval::Interval;
use crate::error::ReadError;

/// Most entries of a stored list, 512 MiB: more blocks than can be mined on one another in the hour of bounded merge
/// (115,200 at 32 a second), by far. The bound keeps a damaged record from making us allocate.
pub const MAX_STORED_LIST: usize = 1 << 24;

/// A block's place in the tree of selected parents, and who covers its future outside of its subtree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReachabilityData {
    /// Selected parent; `None` at the root.
    pub parent: Option<BlockHash>,
    /// Contains the intervals of its subtree and of nobody else.
    pub interval: Interval,
    /// Distance from the root.
    pub height: u64,
    /// Blocks that have it as their selected parent, ascending by interval.
    pub children: Arc<Vec<BlockHash>>,
    /// Blocks whose subtrees together are its future without its own subtree, ascending by interval, none in the
    /// subtree of another.
    pub future_covering_set: Arc<Vec<BlockHash>>,
}

impl ReachabilityData {
    /// Memory of this value in bytes, its lists included; the allocator's rounding is not.
    ///
    /// The lists have no bound in the rules: `children` are the blocks that chose this one as their selected parent,
    /// and the covering set at most one block for each branch of the tree that merged it. On an honest network both are
    /// about as long as blocks are mined side by side. Each further entry costs its miner a block's proof of work and
    /// every node 32 bytes; [`MAX_STORED_LIST`] bounds what is read back. A cache must therefore count bytes, not
    /// records.
    pub fn size_bytes(&self) -> usize {
        // Each list lies behind a pointer with two counters and the list's own three words.
        let list = |list: &Vec<BlockHash>| 5 * size_of::<usize>() + list.capacity() * size_of::<BlockHash>();
        size_of::<Self>() + list(&self.children) + list(&self.future_covering_set)
    }
}

impl Encode for ReachabilityData {
    fn encode(&self, out: &mut Vec<u8>) {
        self.parent.encode(out);
        self.interval.encode(out);
        self.height.encode(out);
        encode_list(&self.children, out);
        encode_list(&self.future_covering_set, out);
    }
}

impl Decode for ReachabilityData {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            parent: Decode::decode(r)?,
            interval: Decode::decode(r)?,
            height: Decode::decode(r)?,
            children: Arc::new(r.list(MAX_STORED_LIST, "tree children")?),
            future_covering_set: Arc::new(r.list(MAX_STORED_LIST, "future covering set")?),
        })
    }
}

/// Reads the tree. Every implementor answers [`crate::readers::ReachabilityReader`]'s questions.
pub trait ReachabilityStoreReader {
    /// Data of `block`.
    ///
    /// # Errors
    /// [`ReadError`].
    fn reachability(&self, block: BlockHash) -> Result<Arc<ReachabilityData>, ReadError>;

    /// The block whose subtree gets the space when the tree is rebalanced.
    ///
    /// # Errors
    /// [`ReadError`]; [`ReadError::Missing`] before [`super::init`].
    fn reindex_root(&self) -> Result<BlockHash, ReadError>;
}

/// Writes the tree. Adding one block writes several blocks' data: collect the writes and commit them in one batch.
pub trait ReachabilityStore: ReachabilityStoreReader {
    /// Sets data of `block`. Later reads through `self` must see it.
    fn set_reachability(&mut self, block: BlockHash, data: Arc<ReachabilityData>);

    /// Sets the reindex root.
    fn set_reindex_root(&mut self, block: BlockHash);
}
