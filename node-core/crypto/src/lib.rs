//! Keys, coins and proofs of the ledger.
//!
//! ## What it answers for
//! - one seed → every key ([`keys`]), both kinds of address and their text ([`keys::address`])
//! - coins: built, detected, opened, read again by their sender ([`coin`])
//! - the four proofs of a transaction ([`input_proof`], [`output_proof`], [`range_proof`], [`kernel`]), made together
//!   ([`prove_transaction`]) and checked alone or in a batch ([`verify_transaction_proofs`], [`BatchVerifier`])
//! - proof to anyone that a payment was made ([`payment_proof`])
//! - what each lock asks for ([`lock`]), signatures ([`signature`], [`ml_dsa`]) and secrets at rest ([`sealed_file`])
//!
//! ## What it must never do
//! No I/O, no clock, no floats, no randomness but what is passed in. No secret is `Debug`, `Clone` or serializable, and all
//! are zeroized on drop. Nothing that comes from outside makes it panic.
//!
//! ## Flow
//! [`keys::Mnemonic`] → [`keys::Seed`] → [`keys::AccountKeys`] → [`coin::build_coin`] → a core →
//! [`prove_transaction`] → network → [`statement::TxStatement`] → [`BatchVerifier`] → scan: [`keys::ViewKey::detects_each`] →
//! [`coin::open_coin`].
//!
//! ## Errors
//! [`umbel_types::errors::TxRuleError`] blames whoever sent the transaction; [`ProveError`], [`coin::OpenError`],
//! [`keys::AddressError`], [`keys::MnemonicError`] and [`sealed_file::SealedFileError`] are the user's own.
//!
//! ## Features
//! None. Builds for wasm32-unknown-unknown.
//!
//! ## See
//! docs/spec/proofs.md, docs/spec/keys.md

#![deny(clippy::float_arithmetic, clippy::unwrap_used, clippy::disallowed_types, clippy::disallowed_methods)]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that unwraps fails, which is its purpose"))]
#![allow(missing_debug_implementations, reason = "types that hold secrets are not Debug, on purpose")]

pub mod action;
pub mod coin;
pub mod element;
pub mod generators;
pub mod hashers;
pub mod input_proof;
pub mod kernel;
pub mod keys;
pub mod lock;
pub mod ml_dsa;
pub mod output_proof;
pub mod payment_proof;
mod prove;
pub mod range_proof;
pub mod sealed_file;
mod sigma;
pub mod signature;
pub mod statement;
pub mod transcript;
mod verify;

pub use action::ActionSecrets;
pub use element::{BadPoint, Element};
pub use keys::{Address, AddressError};
pub use prove::{InputSecrets, OutputSecrets, ProveError, prove_transaction, prove_with_action};
pub use transcript::ProofContext;
pub use verify::{BatchError, BatchVerifier, verify_transaction_proofs};
