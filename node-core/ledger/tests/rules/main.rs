//! Rules and properties of the ledger.

mod commitments;
mod fixture;
mod isolation;
mod properties;
