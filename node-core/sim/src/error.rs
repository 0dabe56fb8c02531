//! Why a run could not be made. What did not hold in a run is a [`Violation`](crate::report::Violation).

use thiserror::Error;
use umbel_consensus::OpenError;
use umbel_store::StoreError;
use umbel_types::consensus_api::ConsensusError;

/// Why a run could not be made or finished.
#[derive(Debug, Error)]
pub enum SimError {
    /// No scenario of this name.
    #[error("no scenario is called {0}; `umbel sim list` names them")]
    UnknownScenario(String),
    /// Outside of what can be run.
    #[error("{what} is {got}, {least} to {most} can be run")]
    OutOfRange {
        /// What was asked for.
        what: &'static str,
        /// How much of it.
        got: u64,
        /// The least.
        least: u64,
        /// The most.
        most: u64,
    },
    /// A node's store could not be made.
    #[error("a node's store could not be made: {0}")]
    Store(#[from] StoreError),
    /// A node could not be started.
    #[error("a node could not be started: {0}")]
    Open(#[from] OpenError),
    /// A node's consensus could not answer.
    #[error("a node's consensus could not answer: {0}")]
    Consensus(#[from] ConsensusError),
    /// A folder for the nodes' chains could not be made.
    #[error("no folder for the nodes' chains: {0}")]
    Folder(#[from] std::io::Error),
    /// A payment could not be built.
    #[error("a payment could not be built: {0}")]
    Payment(String),
    /// A plot could not be drawn.
    #[error("a plot could not be drawn: {0}")]
    Plot(String),
}
