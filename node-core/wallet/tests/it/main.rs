//! Wallets against a chain that lives in memory: real proofs, real files, no consensus.

#![allow(clippy::unwrap_used, reason = "a test that unwraps fails, which is its purpose")]

mod chain;
mod folder;
mod lock_thieves;
mod locks;
mod outcomes;
mod payments;
mod people;
mod scanning;
mod secrecy;
mod several;
