//! Consensus with real proof of work, real proofs and both engines.

mod attacks;
mod fixture;
mod forks;
mod history;
mod hooked;
mod linear;
mod payments;
mod refusals;
mod reorganisations;
mod restarts;
mod verify;
