//! Consensus with real proof of work, real proofs and both engines.

mod attacks;
mod fixture;
mod forks;
mod linear;
mod payments;
mod refusals;
