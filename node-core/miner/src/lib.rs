//! A CPU miner: threads that take templates, search nonces and submit blocks.
//!
//! ## What it answers for
//! - threads that can be started, stopped promptly and changed in number ([`Miner`])
//! - pacing on networks where the clock, not difficulty, sets the rate ([`schedule`])
//! - the hash rate and what it waits for ([`MinerStats`])
//! - the dataset's memory, taken once [`Miner::allow_dataset`] was called and given back when mining stops
//!
//! ## What it must never do
//! No busy waiting, no keys, no opinion about transactions: all of a block but nonce and mix digest comes from the
//! [`TemplateSource`]. It names neither consensus nor the mempool.
//!
//! ## Flow
//! [`TemplateSource::template`] → [`umbel_pow::Pow::mine`] → [`TemplateSource::submit`], in each thread.
//!
//! ## Errors
//! [`TemplateError`] keeps a thread waiting and shows in [`MinerStats::waiting_for`]; [`MinerError`] is the system's.
//!
//! ## See
//! docs/spec/qanhash.md

#![deny(clippy::float_arithmetic, clippy::unwrap_used)]

pub mod error;
mod miner;
pub mod schedule;
mod source;
mod stats;
mod worker;

pub use error::{MinerError, TemplateError};
pub use miner::{MAX_THREADS, Miner};
pub use source::TemplateSource;
pub use stats::{DatasetState, MinerStats, RATE_WINDOW};
