//! Why a transaction left the pool.

use umbel_types::errors::TxContextError;
use umbel_types::{BlockHash, TxId};

/// A transaction that left, and why: what a wallet tells its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// Which one.
    pub txid: TxId,
    /// Why.
    pub reason: RemovalReason,
}

/// Why a transaction left the pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RemovalReason {
    /// A chain block accepted it.
    Accepted {
        /// The chain block.
        chain_block: BlockHash,
    },
    /// A chain block accepted another transaction that consumes the same output.
    Conflicted {
        /// The other transaction.
        by: TxId,
    },
    /// It waited longer than the pool keeps transactions, or its own time is over.
    Expired,
    /// Others pay more for the room.
    Evicted,
    /// Another transaction consumes the same output and pays more.
    Replaced {
        /// The other transaction.
        by: TxId,
    },
    /// It no longer fits the state, which a reorganisation may cause.
    Stale {
        /// Which rule.
        error: TxContextError,
    },
}
