//! What can go wrong while the graph is read or coloured.

use thiserror::Error;
use umbel_types::BlockHash;

/// A block's data could not be read, or contradicts itself. Nobody outside is at fault.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReadError {
    /// The block, or the part of its data that was asked for, is not here.
    #[error("block {0} is not here")]
    Missing(BlockHash),
    /// The store failed.
    #[error("the store failed: {0}")]
    Store(String),
    /// Stored data breaks an invariant of this crate: the database is damaged, or a block was added out of order.
    #[error("stored data of block {block} is inconsistent: {what}")]
    Inconsistent {
        /// Where it was noticed.
        block: BlockHash,
        /// Which invariant.
        what: &'static str,
    },
}

/// Why a block can't be coloured.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum GhostdagError {
    /// Reading failed.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A block other than genesis without parents.
    #[error("a block without parents can't be coloured")]
    NoParents,
    /// The mergeset, the selected parent included, is larger than the network allows (R5). The search stops there, so
    /// that a hostile header costs no more than an honest one. Its author is at fault.
    #[error("a mergeset of at least {got} blocks, at most {limit} are allowed")]
    MergesetTooLarge {
        /// Blocks found until the search stopped.
        got: usize,
        /// Most allowed.
        limit: usize,
    },
}
