//! Mass: what a transaction costs everyone, in bytes.

use umbel_types::params::{MASS_PER_SIGNATURE, MIN_FEE_PER_MASS};
use umbel_types::{Amount, Transaction};

/// `max(bytes, 300 × signatures)` (R9 a). An input counts as one signature, whatever proves it.
pub fn compute_mass(size_bytes: usize, inputs: usize) -> u64 {
    (size_bytes as u64).max(MASS_PER_SIGNATURE * inputs as u64)
}

/// Mass of a whole transaction.
pub fn mass_of(tx: &Transaction) -> u64 {
    compute_mass(tx.size_bytes(), tx.core.inputs.len())
}

/// Least fee for a mass.
pub fn min_fee(mass: u64) -> Amount {
    Amount::from_units(mass.saturating_mul(MIN_FEE_PER_MASS))
}
