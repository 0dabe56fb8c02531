//! The order of blocks that everything else is built on.

use umbel_types::{BlockHash, BlueWork};

use crate::error::ReadError;
use crate::readers::GhostdagReader;

/// A block with the key it is sorted by: blue work, then id.
///
/// The order is topological: a block's blue work is above that of every block in its past.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SortableBlock {
    /// Compared first.
    pub blue_work: BlueWork,
    /// Breaks ties.
    pub hash: BlockHash,
}

impl SortableBlock {
    /// Looks the key up.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn read(dag: &(impl GhostdagReader + ?Sized), hash: BlockHash) -> Result<Self, ReadError> {
        Ok(Self { blue_work: dag.ghostdag(hash)?.blue_work, hash })
    }
}

/// The block that a child of `blocks` would have as its selected parent; `None` for an empty list.
///
/// # Consensus
/// > Selected parent = parent with maximum (blue_work, hash). (R3)
///
/// # Errors
/// [`ReadError`].
pub fn find_selected_parent(
    dag: &(impl GhostdagReader + ?Sized),
    blocks: &[BlockHash],
) -> Result<Option<BlockHash>, ReadError> {
    let mut best: Option<SortableBlock> = None;
    for &block in blocks {
        best = best.max(Some(SortableBlock::read(dag, block)?));
    }
    Ok(best.map(|block| block.hash))
}
