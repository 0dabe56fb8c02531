//! Network constants for any rate.

use umbel_types::params::DifficultyRule;
use umbel_types::{CompactTarget, Network, Params};

/// Blocks a second that can be asked for.
pub const RATES: core::ops::RangeInclusive<u32> = 1..=32;
/// The delay that k allows for, in seconds (D of docs/spec/consensus.md R5).
pub const NETWORK_DELAY_S: u32 = 5;
/// Difficulty at genesis: far enough from the easiest that it can fall too.
pub const GENESIS_BITS: CompactTarget = CompactTarget(0x1e7f_ffff);

/// The smallest K that a Poisson variable with mean 2·D·rate exceeds with a probability below 0.01 (R5).
pub fn k_of(blocks_per_second: u32) -> u16 {
    let mean = 2.0 * f64::from(NETWORK_DELAY_S) * f64::from(blocks_per_second);
    // In logarithms: e^-320 alone is below what a float near 0 can be summed with.
    let (mut log_term, mut sum, mut k) = (-mean, (-mean).exp(), 0u16);
    while 1.0 - sum >= 0.01 {
        k += 1;
        log_term += mean.ln() - f64::from(k).ln();
        sum += log_term.exp();
    }
    k
}

/// The simulator's network at a rate: lab32's constants, with all that follows from the rate.
pub fn params_of(blocks_per_second: u32) -> Params {
    let base = Params::of(Network::Lab32);
    let k = k_of(blocks_per_second);
    let scaled = |at_base: u64| at_base / u64::from(base.blocks_per_second) * u64::from(blocks_per_second);
    Params {
        blocks_per_second,
        target_block_time_us: 1_000_000 / u64::from(blocks_per_second),
        k,
        max_parents: (usize::from(k) / 2).clamp(10, 16),
        mergeset_limit: (2 * usize::from(k)).clamp(180, 512),
        merge_depth: scaled(base.merge_depth),
        finality_depth: scaled(base.finality_depth),
        coinbase_maturity: scaled(base.coinbase_maturity),
        confirmation_depth: scaled(base.confirmation_depth),
        checkpoint_interval: scaled(base.checkpoint_interval),
        epoch_length: scaled(base.epoch_length),
        unbonding: scaled(base.unbonding),
        stall_depth: scaled(base.stall_depth),
        difficulty: DifficultyRule::Asert { half_life_s: 3_600 },
        ..base
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use umbel_types::params::PowProfile;

    /// Every constant of the public networks that follows from the rate, new ones included.
    #[test]
    fn at_ten_blocks_a_second_they_are_the_public_networks() {
        let public = Params::of(Network::Mainnet);
        let lab = params_of(10);
        let same = Params {
            network: public.network,
            chain_id: public.chain_id,
            address_prefix: public.address_prefix,
            pow: public.pow,
            ..lab.clone()
        };
        assert_eq!(same, public);
        assert_eq!(lab.pow, PowProfile::Sim);
    }

    #[test]
    fn k_is_the_published_one() {
        for (rate, k) in [(1, 18), (4, 55), (10, 124), (20, 234), (32, 362)] {
            assert_eq!(k_of(rate), k, "at {rate}");
        }
        assert_eq!(params_of(32).mergeset_limit, 512);
    }
}
