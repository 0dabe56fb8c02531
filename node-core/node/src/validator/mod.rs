//! A validator's own files and what it may sign.
//!
//! ## What it answers for
//! - `validator.key`: the seed of the vote key under a password of its own, opened without any spend key ([`key_file`])
//! - `validator.guard`: the highest source and target that were ever signed, on the disk before a vote leaves ([`guard`])
//! - what one key does with proposals and with the votes it hears ([`signer`])
//! - carrying both to another machine ([`bundle`])
//!
//! ## What it must never do
//! Sign without a [`guard::Raised`], which only a guard that is on the disk gives. Guess a guard that is missing, damaged
//! or of another key: without one, the key watches and keeps silent.
//!
//! ## Flow
//! `services/validator.rs` → [`signer::Signer`] → [`guard::GuardFile`] → [`key_file::VoteKey`] → the vote

pub(crate) mod bundle;
pub(crate) mod disk;
pub(crate) mod guard;
pub(crate) mod key_file;
pub(crate) mod signer;
