//! Tests of the crate from outside: what a wallet, a node or an attacker can do with its public parts.

#![allow(clippy::unwrap_used, reason = "a test that unwraps fails, which is its purpose")]

mod addresses;
mod batch;
mod clauses;
mod coins;
mod common;
mod forgeries;
mod genesis;
mod handmade;
mod hidden_memos;
mod mnemonics;
mod mutations;
mod named;
mod payments;
mod sealed_files;
mod signatures;
mod transcripts;
mod vectors;
