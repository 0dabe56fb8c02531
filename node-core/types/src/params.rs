//! Network constants, in one table (docs/spec/consensus.md R5).

use crate::amount::Amount;
use crate::network::Network;
use crate::score::DaaScore;

/// Which proof of work a network asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PowProfile {
    /// Qanhash with a 32 MiB cache and a 2 GiB dataset.
    Main,
    /// Qanhash with a 64 KiB cache and a 4 MiB dataset.
    Test,
    /// None: the simulator draws its miners.
    Sim,
}

/// How the expected difficulty is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DifficultyRule {
    /// Genesis bits for ever: for a network whose miner is paced by the clock.
    Fixed,
    /// ASERT on past median time and DAA score, half-life in seconds.
    Asert {
        /// Seconds in which the target halves or doubles.
        half_life_s: u32,
    },
}

/// Furthest that a timestamp may lie ahead of the receiver's clock, in ms (R7; rusty-kaspa's 132 s).
pub const MAX_TIME_AHEAD_MS: u64 = 132_000;
/// Reward for a second of DAA score before the first halving.
pub const SUBSIDY_PER_SECOND: Amount = Amount::from_str_tokens(100);
/// Seconds of DAA score between halvings: two years of 365 days.
pub const HALVING_INTERVAL_S: u64 = 63_072_000;
/// Compute mass of one signature or input proof, in bytes of transaction.
pub const MASS_PER_SIGNATURE: u64 = 300;
/// State mass of a byte that stays in the UTXO set. Ten times a byte of transaction: every node keeps it until it is
/// consumed, while bodies are pruned.
pub const MASS_PER_STATE_BYTE: u64 = 10;
/// Most bytes by which the transactions of one body may let the UTXO set grow: eighteen payments with one coin of change.
/// At one block a second that is at most 0.5 GB a day.
pub const MAX_BLOCK_STATE_BYTES: u64 = 6_144;
/// Least fee for a unit of mass, in base units of STR.
pub const MIN_FEE_PER_MASS: u64 = 1;
/// Past median time is the mean of the middle 11 of 27 samples (KIP-4).
pub const PMT_SAMPLES: usize = 27;
/// Samples in the middle that are averaged.
pub const PMT_MIDDLE: usize = 11;
/// Seconds of blue score between two samples of the past median time.
pub const PMT_SAMPLE_INTERVAL_S: u64 = 10;
/// Seconds of blue score below which merged blocks no longer count for difficulty (KIP-4's window).
pub const DAA_WINDOW_S: u64 = 2_641;
/// Seconds of DAA score behind the timeout of a hash lock, after which it may be taken back although no certificate says
/// that the time has come: a network without finality gives everything back a day late.
pub const TIMELOCK_GRACE_S: u64 = 86_400;
/// Seconds of DAA score by which upper time bounds are tested early, so that nothing is born expired (R9 b).
pub const EXPIRY_MARGIN_S: u64 = 60;

/// Checkpoints by which a header raises `cert`, at least: one certificate in 300 s (F7).
pub const CERT_INTERVAL: u32 = 30;
/// Seconds of blue score between the sink and what is final from which finality counts as late.
pub const FINALITY_WARN_S: u64 = 60;
/// Fewest members of a set that makes blocks final (F9).
pub const MIN_VALIDATORS: usize = 4;

/// The constants of one network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Params {
    /// Which network.
    pub network: Network,
    /// Distinguishes chains in every signature.
    pub chain_id: u32,
    /// Blocks a second.
    pub blocks_per_second: u32,
    /// Expected time between blocks, in µs (31,250 at 32 blocks/s).
    pub target_block_time_us: u64,
    /// GHOSTDAG's k: most blue blocks in a blue block's anticone.
    pub k: u16,
    /// Most parents of a block.
    pub max_parents: usize,
    /// Most blocks in a mergeset.
    pub mergeset_limit: usize,
    /// Bounded merge, in blue score (1 h).
    pub merge_depth: u64,
    /// No reorganisation below, without finality, in blue score (12 h).
    pub finality_depth: u64,
    /// DAA score until a reward may be spent.
    pub coinbase_maturity: u64,
    /// Proof of work.
    pub pow: PowProfile,
    /// How difficulty moves.
    pub difficulty: DifficultyRule,
    /// Prefix of confidential addresses, without bech32's separator.
    pub address_prefix: &'static str,
    /// Most bytes of a body, the certificate excluded.
    pub max_body_bytes: usize,
    /// Blue score that makes a block `confirmed`, and a checkpoint old enough to be voted on (σ: 10 s).
    pub confirmation_depth: u64,
    /// Blue score between two checkpoints (E: 10 s).
    pub checkpoint_interval: u64,
    /// DAA score of an epoch, whose validators stay the same (24 h; devnet 10 min).
    pub epoch_length: u64,
    /// DAA score from leaving until stake is given back; as long, evidence is taken (21 days; devnet 30 min).
    pub unbonding: u64,
    /// Blue score without a certificate in the past from which the overlay counts as stalled (L: 900 s).
    pub stall_depth: u64,
    /// Whether the miner waits for the next slot of the clock.
    pub paced_mining: bool,
}

impl Params {
    /// The table.
    pub const fn of(network: Network) -> Self {
        // k for D = 5 s and δ = 0.01: the smallest K with P[Poisson(2·D·λ) > K] < δ.
        let (bps, k) = match network {
            Network::Devnet => (1, 18),
            Network::Lan | Network::Testnet | Network::Mainnet => (10, 124),
            Network::Lab32 => (32, 362),
        };
        let address_prefix = match network {
            Network::Devnet => "dumbel",
            Network::Lan | Network::Testnet | Network::Lab32 => "tumbel",
            Network::Mainnet => "umbel",
        };
        let pow = match network {
            Network::Devnet | Network::Lan => PowProfile::Test,
            Network::Testnet | Network::Mainnet => PowProfile::Main,
            Network::Lab32 => PowProfile::Sim,
        };
        let devnet = matches!(network, Network::Devnet);
        let chain_id = match network {
            Network::Devnet => 1313,
            Network::Lan => 1314,
            Network::Testnet => 1315,
            Network::Mainnet => 13,
            Network::Lab32 => 1332,
        };
        let max_parents = clamp(k as usize / 2, 10, 16);
        Self {
            network,
            chain_id,
            blocks_per_second: bps,
            target_block_time_us: 1_000_000 / bps as u64,
            k,
            max_parents,
            mergeset_limit: clamp(2 * k as usize, 180, 512),
            merge_depth: 3_600 * bps as u64,
            finality_depth: 43_200 * bps as u64,
            coinbase_maturity: if devnet { 10 } else { 100 * bps as u64 },
            pow,
            difficulty: if devnet { DifficultyRule::Fixed } else { DifficultyRule::Asert { half_life_s: 3_600 } },
            address_prefix,
            max_body_bytes: 64 * 1024,
            confirmation_depth: 10 * bps as u64,
            checkpoint_interval: 10 * bps as u64,
            epoch_length: if devnet { 600 } else { 86_400 * bps as u64 },
            unbonding: if devnet { 1_800 } else { 21 * 86_400 * bps as u64 },
            stall_depth: 900 * bps as u64,
            paced_mining: devnet,
        }
    }

    /// DAA score of `seconds` at the expected rate.
    pub const fn daa_of_seconds(&self, seconds: u64) -> u64 {
        seconds * self.blocks_per_second as u64
    }

    /// Reward of a block at `daa_score`, before the pool's remainder is considered (R10): 100 STR a second, halved every
    /// two years, divided by the rate, rounded down.
    pub const fn subsidy(&self, daa_score: DaaScore) -> Amount {
        let halvings = daa_score.0 / (HALVING_INTERVAL_S * self.blocks_per_second as u64);
        if halvings >= 64 {
            return Amount::ZERO;
        }
        Amount::from_units((SUBSIDY_PER_SECOND.units() >> halvings) / self.blocks_per_second as u64)
    }
}

const fn clamp(n: usize, low: usize, high: usize) -> usize {
    if n < low {
        low
    } else if n > high {
        high
    } else {
        n
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amount::UNITS_PER_STR;

    /// The published columns of docs/spec/consensus.md R5.
    #[test]
    fn published_columns() {
        for (network, k, parents, mergeset) in
            [(Network::Devnet, 18, 10, 180), (Network::Mainnet, 124, 16, 248), (Network::Lab32, 362, 16, 512)]
        {
            let params = Params::of(network);
            assert_eq!((params.k, params.max_parents, params.mergeset_limit), (k, parents, mergeset));
        }
    }

    #[test]
    fn subsidies_sum_below_the_pool() {
        let params = Params::of(Network::Mainnet);
        let era = HALVING_INTERVAL_S * 10;
        let total: u128 =
            (0..64).map(|n| u128::from(params.subsidy(DaaScore(n * era)).units()) * u128::from(era)).sum();
        assert!(total <= 12_663_000_000u128 * u128::from(UNITS_PER_STR), "{total}");
        assert!(total > 12_614_000_000u128 * u128::from(UNITS_PER_STR), "{total}");
    }
}
