//! Consensus: blocks in, one ordered state out.
//!
//! ## What it answers for
//! - the pipeline of a block: header, body, virtual state ([`pipeline`]), on one thread with a bounded queue
//! - votes, what they make final, certificates ([`finality`])
//! - letting go of old blocks, and snapshots of the state ([`pruning`], [`state_snapshot`])
//! - everything on disk that belongs to the chain ([`storage`])
//! - a replay of the whole chain that compares everything with what is stored ([`verify`])
//! - [`ConsensusApi`] for the rest of the node, templates included
//! - proofs for those who have no node ([`proofs`])
//!
//! ## What it must never do
//! Write the block tables from any thread but its own. Judge a block by a body that the header does not commit to. Keep
//! anything in memory that grows with the chain: caches have bounds. Panic on bad input.
//!
//! ## Flow
//! `Block` → `pipeline::header` → `pipeline::body` → `pipeline::virtual_state` → [`VirtualState`] for readers
//!
//! ## Errors
//! [`BlockError`]; `is_peer_fault` says whom to blame. [`OpenError`] at the start.
//!
//! ## See
//! docs/spec/consensus.md
//!
//! [`BlockError`]: umbel_types::errors::BlockError
//! [`VirtualState`]: umbel_types::consensus_api::VirtualState
//! [`ConsensusApi`]: umbel_types::consensus_api::ConsensusApi

mod api_impl;
mod config;
mod consensus;
mod finality;
mod pipeline;
mod proofs;
pub mod pruning;
mod queue;
mod snapshot;
pub mod state_snapshot;
mod storage;
mod template;
#[cfg(feature = "test-util")]
pub mod test_util;
pub mod verify;
mod worker;

pub use config::{ConsensusConfig, DEFAULT_CACHE_BYTES, NowFn, OpenError};
pub use consensus::Consensus;
pub use proofs::{Acceptance, ProveError};
pub use storage::{CHAIN_FORMAT, open_existing_store, open_store};
