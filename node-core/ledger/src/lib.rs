//! The rules of the ledger: what a transaction may do, in which context, and what accepting it changes.
//!
//! ## What it answers for
//! - rules that need nothing but the transaction ([`tx_in_isolation`]) and rules that need state ([`tx_in_utxo_context`])
//! - acceptance of merged blocks in consensus order ([`acceptance`]), rewards ([`coinbase`]), exact undo ([`utxo`])
//! - validators, stake and epochs ([`staking`])
//! - the commitments of a header ([`commitments`]), proofs that need nothing but a header ([`proofs`]), and the state
//!   before the first block ([`genesis`])
//!
//! ## What it must never do
//! No I/O, no clock, no floats, no unordered iteration. Randomness is passed in, for batch weights only. A verified thing
//! has another type than an unverified one: [`IsolatedTx`] has no public constructor.
//!
//! ## Flow
//! `Transaction` → [`check_tx_in_isolation`] → [`IsolatedTx`] → [`check_tx_in_utxo_context`] → [`accept_mergeset`] →
//! [`acceptance::StateDelta`]
//!
//! ## Errors
//! [`umbel_types::errors::TxRuleError`] (someone is at fault) and [`umbel_types::errors::TxContextError`] (no one is).
//!
//! ## See
//! docs/spec/transaction.md, docs/spec/consensus.md R9 and R10

#![deny(clippy::float_arithmetic, clippy::unwrap_used)]

pub mod acceptance;
pub mod coinbase;
pub mod commitments;
pub mod genesis;
pub mod mass;
mod on_threads;
pub mod proofs;
pub mod staking;
pub mod state_tree;
pub mod tx_in_isolation;
pub mod tx_in_utxo_context;
pub mod utxo;

pub use acceptance::{MergePlace, MergedBlock, StateDelta, accept_mergeset};
pub use on_threads::check_txs_on_threads;
pub use tx_in_isolation::{
    IsolatedTx, IsolationContext, check_tx_in_isolation, check_tx_structure, check_txs_in_isolation,
};
pub use tx_in_utxo_context::{CheckedTx, UtxoContext, check_tx_in_utxo_context};
