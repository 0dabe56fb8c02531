//! Wallets against a chain that lives in memory: real proofs, real files, no consensus.

mod chain;
mod folder;
mod payments;
mod people;
mod scanning;
mod secrecy;
