//! What the algorithms of this crate must be able to read about blocks that were added before.
//!
//! Every method takes a block id and returns by value or behind an [`Arc`], so that an implementation over a key-value
//! store with a cache in memory, or over a set of writes not yet committed, is natural. All methods fail alike:
//! [`ReadError::Missing`] for a block that is not here.

use std::sync::Arc;

use umbel_types::{BlockHash, BlueScore, CompactTarget, DaaScore, Header, TimestampMs};

use crate::error::ReadError;
use crate::ghostdag::GhostdagData;
use crate::reachability::ReachabilityStoreReader;

/// Direct parents.
pub trait RelationsReader {
    /// Direct parents of `block`, as in its header; empty for genesis.
    ///
    /// # Errors
    /// [`ReadError`].
    fn parents(&self, block: BlockHash) -> Result<Arc<[BlockHash]>, ReadError>;
}

/// Colouring of blocks that were added before.
pub trait GhostdagReader {
    /// What [`crate::ghostdag::GhostdagProtocol::ghostdag`] gave for `block`.
    ///
    /// # Errors
    /// [`ReadError`].
    fn ghostdag(&self, block: BlockHash) -> Result<Arc<GhostdagData>, ReadError>;
}

/// The few fields of a header that windows, scores and difficulty need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderFacts {
    /// Miner's clock.
    pub timestamp: TimestampMs,
    /// Difficulty.
    pub bits: CompactTarget,
    /// The ledger's clock.
    pub daa_score: DaaScore,
    /// Blue blocks in the past.
    pub blue_score: BlueScore,
}

impl From<&Header> for HeaderFacts {
    fn from(header: &Header) -> Self {
        Self {
            timestamp: header.timestamp,
            bits: header.bits,
            daa_score: header.daa_score,
            blue_score: header.blue_score,
        }
    }
}

/// Header fields of blocks that were added before.
pub trait HeaderReader {
    /// The fields for `block`.
    ///
    /// # Errors
    /// [`ReadError`].
    fn header_facts(&self, block: BlockHash) -> Result<HeaderFacts, ReadError>;
}

/// Who is in whose past.
///
/// Implemented for every [`ReachabilityStoreReader`].
pub trait ReachabilityReader {
    /// Whether `this` is `queried` or in its past.
    ///
    /// # Errors
    /// [`ReadError`].
    fn is_dag_ancestor_of(&self, this: BlockHash, queried: BlockHash) -> Result<bool, ReadError>;

    /// Whether `this` is `queried` or on its selected chain.
    ///
    /// # Errors
    /// [`ReadError`].
    fn is_chain_ancestor_of(&self, this: BlockHash, queried: BlockHash) -> Result<bool, ReadError>;

    /// The child of `ancestor`, in the tree of selected parents, that is `descendant` or on its selected chain.
    ///
    /// # Errors
    /// [`ReadError::Inconsistent`] if `ancestor` is not on the chain strictly below `descendant`.
    fn next_chain_ancestor(&self, descendant: BlockHash, ancestor: BlockHash) -> Result<BlockHash, ReadError>;

    /// Whether `this` is in the past of one of `queried`, or is one of them.
    ///
    /// # Errors
    /// [`ReadError`].
    fn is_dag_ancestor_of_any(&self, this: BlockHash, queried: &[BlockHash]) -> Result<bool, ReadError> {
        for &block in queried {
            if self.is_dag_ancestor_of(this, block)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// All of it: what colouring a block takes.
pub trait DagReader: RelationsReader + GhostdagReader + HeaderReader + ReachabilityStoreReader {}

impl<T: RelationsReader + GhostdagReader + HeaderReader + ReachabilityStoreReader + ?Sized> DagReader for T {}
