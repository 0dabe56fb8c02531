//! Transactions that wait for a block: which are taken, which leave and why, which a miner takes first.
//!
//! ## What it answers for
//! - admission: conflicts, replacement, limits ([`Mempool::admit`])
//! - following the selected chain, reorganisations included, with a reason for everything that leaves
//!   ([`Mempool::on_new_virtual`], [`Removed`])
//! - the choice of a template's transactions, by weighted random sampling ([`TemplateSelector`])
//! - what to pay ([`Mempool::fee_estimate`])
//!
//! ## What it must never do
//! No tokio, no clock, no randomness but what is passed in, no floats. It never sees consensus, only
//! [`umbel_types::consensus_api::ConsensusApi`]; it verifies no proof: [`umbel_ledger::IsolatedTx`] says that it was done.
//! Everything in it is bounded by [`Limits`] and the constants beside it.
//!
//! ## Flow
//! [`Mempool::consider`] → proofs → `IsolatedTx` → [`Mempool::admit`] → [`Mempool::selector`] → `ConsensusApi::build_template` →
//! [`Mempool::settle_rejected`]; each new virtual state → [`Mempool::on_new_virtual`]
//!
//! ## Errors
//! [`MempoolError`]: no peer is to blame for any of them; [`MempoolError::retry`] says whether trying again helps.
//!
//! ## See
//! docs/spec/mempool.md, docs/spec/consensus.md R9

#![deny(clippy::float_arithmetic, clippy::unwrap_used)]

mod admit;
mod conflict;
mod entry;
mod error;
mod feerate;
mod limits;
mod on_new_virtual;
mod pool;
mod recent;
mod removed;
mod replace;
mod template;

#[cfg(any(test, feature = "test-util"))]
mod tests;
#[cfg(any(test, feature = "test-util"))]
mod testutil;

/// What a fuzzer drives: any history of a pool, against a model.
#[cfg(feature = "test-util")]
pub mod test_util {
    pub use crate::tests::machine::{run, seeds};
}

pub use admit::{Admission, Outcome};
pub use conflict::ConflictKey;
pub use error::{MempoolError, MempoolErrorKind, Retry};
pub use feerate::{FeeEstimate, Feerate};
pub use limits::Limits;
pub use on_new_virtual::Update;
pub use pool::{Mempool, PoolStats};
pub use removed::{RemovalReason, Removed};
pub use template::TemplateSelector;
