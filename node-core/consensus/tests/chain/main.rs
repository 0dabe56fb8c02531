//! Consensus with real proof of work, real proofs and both engines.

mod attacks;
mod finality;
mod fixture;
mod forks;
mod history;
mod hooked;
mod hostile_snapshots;
mod linear;
mod payments;
mod proofs;
mod pruning;
mod refusals;
mod reorganisations;
mod restarts;
mod snapshots;
mod staking;
mod verify;
