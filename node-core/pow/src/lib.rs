//! Qanhash, the proof of work: memory-hard for the miner, light for the verifier.
//!
//! ## What it answers for
//! - the hash in its light and full form ([`mod@hash`]), its cache ([`cache`]) and dataset ([`dataset`])
//! - two sizes, `Main` and `Test`, as constants of the types ([`profile`])
//! - verification of a header, the cheap check before it, and the search for a nonce ([`Pow`])
//!
//! ## What it must never do
//! No clock, no randomness, no floats, no disk. It starts threads in two places: those of [`Pow::build_dataset`] end
//! before it returns; the one that builds the next epoch's cache ahead ends within a second, and before [`Pow`] is gone.
//!
//! ## Flow
//! [`Pow::check_digest`] → (epoch near the tips') → [`Pow::verify`]; a miner: [`Pow::mine`].
//!
//! ## Errors
//! [`PowError`]: always the header author's fault. [`DatasetError`]: the miner's machine, or its stop signal.
//!
//! ## See
//! docs/spec/qanhash.md

#![deny(clippy::float_arithmetic, clippy::unwrap_used)]

pub mod cache;
pub mod dataset;
pub mod error;
pub mod h64;
pub mod hash;
mod pow;
pub mod profile;

pub use error::{DatasetError, PowError};
pub use pow::{MAX_EPOCH, Pow, SearchOutcome, Solution};
