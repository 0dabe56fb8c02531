//! The `umbel` program, as people and scripts use it: the real binary, real processes, real files.

mod bad_input;
mod chain_proofs;
mod changed_bytes;
mod folder;
mod harness;
mod http;
mod kill;
mod locks;
mod offline;
mod payment_proof;
mod rest;
mod secrets;
mod snapshot;
mod stake;
mod story;
