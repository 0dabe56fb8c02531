//! The order of the block graph: which blocks are blue, who is in whose past, what time and difficulty a block must have.
//!
//! ## What it answers for
//! - GHOSTDAG colouring and the consensus order of a mergeset ([`ghostdag`], R3 and R4)
//! - reachability in logarithmic time ([`reachability`])
//! - past median time ([`past_median_time`], R7), DAA score ([`daa`]) and difficulty ([`difficulty`], R8)
//! - bounded merge ([`depth`], R6)
//! - what votes on checkpoints justify and finalize ([`finality`], F1 to F6)
//! - the graph in memory ([`memory`]), replays of named and generated graphs ([`replay`])
//!
//! ## What it must never do
//! No tokio, no clock, no randomness, no floats, no disk, no recursion over the graph. It writes through
//! [`reachability::ReachabilityStore`] only, and reads through the traits of [`readers`] only.
//!
//! ## Flow
//! For a header with known parents: [`ghostdag::GhostdagProtocol::ghostdag`] → [`daa::DaaRule::calc`] →
//! [`past_median_time::PastMedianTime::calc`] → [`difficulty::DifficultyAlgorithm::expected_bits`] →
//! [`depth::check_bounded_merge`] → [`reachability::add_block`], then, if the block is the new sink,
//! [`reachability::hint_virtual_selected_parent`].
//!
//! ## Errors
//! [`ReadError`]: the store's fault, never a peer's. [`GhostdagError::MergesetTooLarge`] and
//! [`depth::DepthError::MergeTooDeep`] are the header author's.
//!
//! ## See
//! docs/spec/consensus.md

#![deny(clippy::float_arithmetic, clippy::unwrap_used)]

pub mod daa;
pub mod depth;
pub mod difficulty;
pub mod error;
pub mod finality;
pub mod ghostdag;
pub mod memory;
pub mod past_median_time;
pub mod reachability;
pub mod readers;
pub mod replay;
pub mod window;

pub use error::{GhostdagError, ReadError};
pub use ghostdag::{GhostdagData, GhostdagProtocol, NO_PARENT, ordered_mergeset};
pub use readers::{DagReader, GhostdagReader, HeaderFacts, HeaderReader, ReachabilityReader, RelationsReader};
