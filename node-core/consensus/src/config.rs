//! What consensus is given at the start.

use std::sync::Arc;

use thiserror::Error;
use umbel_dag::ReadError;
use umbel_pow::Pow;
use umbel_store::{KvStore, StoreError};
use umbel_types::genesis::GenesisSpec;
use umbel_types::{BlockHash, Params, TimestampMs};

use crate::pruning::PruningConfig;

/// The system's clock, passed in: tests bring their own.
pub type NowFn = Arc<dyn Fn() -> TimestampMs + Send + Sync>;

/// What consensus is given at the start.
#[derive(Clone)]
pub struct ConsensusConfig {
    /// Network constants.
    pub params: Params,
    /// What the network's genesis names.
    pub genesis: GenesisSpec,
    /// The network's proof of work, its caches shared with whoever mines.
    pub pow: Arc<Pow>,
    /// Where the chain is kept.
    pub store: Arc<dyn KvStore>,
    /// The clock that timestamps are compared with.
    pub now: NowFn,
    /// What the caches may hold together, in bytes ([`DEFAULT_CACHE_BYTES`]).
    pub cache_bytes: usize,
    /// What is kept of the chain.
    pub pruning: PruningConfig,
}

/// Cache of a node that also runs a wallet on a small machine.
pub const DEFAULT_CACHE_BYTES: usize = 96 * 1024 * 1024;

impl core::fmt::Debug for ConsensusConfig {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ConsensusConfig").field("network", &self.params.network).finish_non_exhaustive()
    }
}

/// Why the chain can't be opened. Nothing was changed.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Stored data is missing or contradicts itself.
    #[error("the chain on disk is inconsistent: {0}")]
    Inconsistent(String),
    /// The store holds another chain.
    #[error("the store holds the chain of genesis {got}, this network's is {expected}")]
    OtherGenesis {
        /// Genesis in the store.
        got: BlockHash,
        /// Genesis of the network.
        expected: BlockHash,
    },
    /// The thread could not be started.
    #[error("the consensus thread could not be started: {0}")]
    Thread(#[from] std::io::Error),
}

impl From<ReadError> for OpenError {
    fn from(error: ReadError) -> Self {
        Self::Inconsistent(error.to_string())
    }
}
