//! What keeps the miner from mining.

use thiserror::Error;
use umbel_types::consensus_api::ConsensusError;

/// Why there is no template now. The miner waits and asks again.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TemplateError {
    /// Nobody to pay yet: there is no wallet.
    #[error("there is no wallet to mine for")]
    NoPayout,
    /// The node is still catching up; a block on top of what it knows would be wasted.
    #[error("the node is still synchronising")]
    Syncing,
    /// Consensus could not build one.
    #[error(transparent)]
    Consensus(#[from] ConsensusError),
}

/// The miner could not be started.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MinerError {
    /// The system gives no more threads. Those that started were stopped again.
    #[error("a mining thread could not be started: {0}")]
    Spawn(String),
}
