//! Finality with real signatures: votes, certificates in blocks, the choice of a chain.

pub(crate) mod voters;

mod absence;
mod basics;
mod certificates;
mod epochs;
mod evidence;
mod forks;
mod power_cuts;
mod restarts;
mod slashing;
mod whole_epochs;

use umbel_consensus::DEFAULT_CACHE_BYTES;
use umbel_types::genesis::{GenesisSpec, devnet};
use umbel_types::{Network, Params};

use crate::fixture::{TestNode, mem_store};

/// Devnet with a checkpoint every three blocks, buried by two: 90 blocks between two certificates.
pub(crate) fn quick() -> Params {
    Params { checkpoint_interval: 3, confirmation_depth: 2, ..Params::of(Network::Devnet) }
}

/// Every block is a checkpoint: 30 blocks between two certificates.
pub(crate) fn dense() -> Params {
    Params { checkpoint_interval: 1, ..quick() }
}

/// A network with too few validators for the overlay.
pub(crate) fn without_overlay(params: Params) -> TestNode {
    let mut spec: GenesisSpec = devnet();
    spec.validators.truncate(3);
    TestNode::of(mem_store(), params, spec, DEFAULT_CACHE_BYTES).expect("opens")
}
