//! Rules of the ledger, one by one, and what must always hold.

mod bytes;
mod commitments;
mod draw;
mod fixture;
mod genesis;
mod history;
mod isolation;
mod kinds;
mod locks;
mod mass;
mod model;
mod order;
mod proofs;
mod rewards;
mod stake;
mod state_tree;
