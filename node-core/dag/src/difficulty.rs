//! Difficulty rules behind one trait (R8). Integers only.

use core::fmt;

use ruint::aliases::{U256, U512};
use umbel_types::params::{DAA_WINDOW_S, DifficultyRule};
use umbel_types::{BlockHash, CompactTarget, DaaScore, Params, TimestampMs};

use crate::error::ReadError;
use crate::ghostdag::GhostdagData;
use crate::readers::{DagReader, HeaderFacts, HeaderReader};
use crate::window::MergesetSampler;

/// The easiest target that a rule gives: 2²⁵⁵ − 1.
pub const MAX_TARGET: U256 = U256::MAX.wrapping_shr(1);
/// Seconds of DAA score from genesis on without adjustment: ten minutes.
pub const GRACE_S: u64 = 600;
/// Samples of KIP-4's window: 2,641 s at one sample in 4 s.
pub const KIP4_SAMPLES: usize = 661;
/// Seconds of DAA score between two of KIP-4's samples.
pub const KIP4_SAMPLE_INTERVAL_S: u64 = 4;
/// Samples from which on KIP-4 adjusts: ten minutes' worth (rusty-kaspa's `min_difficulty_window_size`).
pub const KIP4_MIN_SAMPLES: usize = 150;

/// A block whose bits are asked for. Everything in it follows from the block's past.
#[derive(Clone, Copy, Debug)]
pub struct DifficultyContext<'a> {
    /// Its colouring.
    pub ghostdag: &'a GhostdagData,
    /// Its DAA score.
    pub daa_score: DaaScore,
    /// Its past median time.
    pub past_median_time: TimestampMs,
}

/// A difficulty rule.
pub trait DifficultyAlgorithm: fmt::Debug + Send + Sync {
    /// The bits that the block must carry.
    ///
    /// # Errors
    /// [`ReadError`].
    fn expected_bits(&self, dag: &dyn DagReader, block: &DifficultyContext<'_>) -> Result<CompactTarget, ReadError>;
}

/// The rule of a network.
///
/// - `genesis`: header fields of its genesis block, the anchor.
pub fn rule_of(params: &Params, genesis: HeaderFacts) -> Box<dyn DifficultyAlgorithm> {
    match params.difficulty {
        DifficultyRule::Fixed => Box::new(Fixed { bits: genesis.bits }),
        DifficultyRule::Asert { half_life_s } => Box::new(Asert {
            anchor: genesis,
            target_block_time_us: params.target_block_time_us,
            half_life_s,
            grace: params.daa_of_seconds(GRACE_S),
        }),
    }
}

/// The same bits for ever.
#[derive(Clone, Copy, Debug)]
pub struct Fixed {
    /// The bits.
    pub bits: CompactTarget,
}

impl DifficultyAlgorithm for Fixed {
    fn expected_bits(&self, _dag: &dyn DagReader, _block: &DifficultyContext<'_>) -> Result<CompactTarget, ReadError> {
        Ok(self.bits)
    }
}

/// ASERT: the target doubles for each half-life that the chain lags behind its schedule, and halves for each that it is
/// ahead. It looks at one anchor and the block itself, nothing between.
#[derive(Clone, Copy, Debug)]
pub struct Asert {
    /// The block that the schedule starts from.
    pub anchor: HeaderFacts,
    /// Expected time between blocks, in µs.
    pub target_block_time_us: u64,
    /// Seconds of lag in which the target doubles.
    pub half_life_s: u32,
    /// DAA score behind the anchor's up to which the anchor's bits hold.
    pub grace: u64,
}

impl Asert {
    /// Bits at this time and score.
    ///
    /// # Consensus
    /// > target(B) = target_anchor · 2^((PMT(B) − PMT_anchor − T·(daa(B) − daa_anchor)) / half-life), integer cubic
    /// > approximation as in aserti3-2d, clamped to [1, 2^255−1]; no adjustment for the first 10 minutes of DAA score.
    /// > (R8)
    pub fn bits_at(&self, past_median_time: TimestampMs, daa_score: DaaScore) -> CompactTarget {
        let scored = daa_score.0.saturating_sub(self.anchor.daa_score.0);
        if scored < self.grace {
            return self.anchor.bits;
        }
        let Some(anchor_target) = self.anchor.bits.to_target() else {
            return self.anchor.bits;
        };
        let elapsed_us = (i128::from(past_median_time.0) - i128::from(self.anchor.timestamp.0)) * 1000;
        let scheduled_us = i128::from(self.target_block_time_us).saturating_mul(i128::from(scored));
        let lag_us = elapsed_us.saturating_sub(scheduled_us);
        let half_life_us = i128::from(self.half_life_s.max(1)) * 1_000_000;
        // Saturates only for block times above an hour. Rounds towards zero, as aserti3-2d does.
        let exponent = lag_us.saturating_mul(65_536) / half_life_us;
        CompactTarget::from_target(scale_by_power_of_two(anchor_target, exponent))
    }
}

impl DifficultyAlgorithm for Asert {
    fn expected_bits(&self, _dag: &dyn DagReader, block: &DifficultyContext<'_>) -> Result<CompactTarget, ReadError> {
        Ok(self.bits_at(block.past_median_time, block.daa_score))
    }
}

/// `target · 2^(exponent / 65536)`, clamped to 1 ..= [`MAX_TARGET`].
///
/// - `target`: at least 1, as every target that bits stand for.
///
/// The fractional power is aserti3-2d's cubic, at most 0.013 % off:
/// 2^x ≈ 1 + 0.695502049·x + 0.2262698·x² + 0.0782318·x³ for 0 ≤ x < 1, in 16-bit fixed point.
pub fn scale_by_power_of_two(target: U256, exponent: i128) -> U256 {
    let shifts = exponent.div_euclid(65_536);
    let x = u128::try_from(exponent.rem_euclid(65_536)).unwrap_or(0);
    let factor = 65_536u128 + ((195_766_423_245_049 * x + 971_821_376 * x * x + 5_127 * x * x * x + (1 << 47)) >> 48);
    let product = U512::from(target) * U512::from(factor);
    // `shifts` beyond ±600 leave nothing of a 273-bit product, or overflow any of it.
    let shifts = i32::try_from(shifts.clamp(-600, 600)).unwrap_or(0) - 16;
    let amount = shifts.unsigned_abs() as usize;
    let scaled = if shifts < 0 {
        product.wrapping_shr(amount.min(511))
    } else if product.bit_len() + amount > 256 {
        U512::from(MAX_TARGET)
    } else {
        product.wrapping_shl(amount)
    };
    scaled.min(U512::from(MAX_TARGET)).saturating_to::<U256>().max(U256::ONE)
}

/// KIP-4's sampled window: the mean target of the samples, scaled by how long they took.
///
/// No network uses it; it is what the simulator compares [`Asert`] with.
#[derive(Clone, Copy, Debug)]
pub struct SampledWindow {
    /// Which blocks are looked at.
    pub sampler: MergesetSampler,
    /// Samples from which on the target moves.
    pub min_samples: usize,
    /// Expected time between blocks, in µs.
    pub target_block_time_us: u64,
    /// Until then, the bits of genesis.
    pub genesis_bits: CompactTarget,
}

impl SampledWindow {
    /// KIP-4 with a network's rate.
    pub fn new(params: &Params, genesis_bits: CompactTarget) -> Self {
        Self {
            sampler: MergesetSampler {
                interval: params.daa_of_seconds(KIP4_SAMPLE_INTERVAL_S),
                count: KIP4_SAMPLES,
                daa_window: params.daa_of_seconds(DAA_WINDOW_S),
            },
            min_samples: KIP4_MIN_SAMPLES,
            target_block_time_us: params.target_block_time_us,
            genesis_bits,
        }
    }
}

impl DifficultyAlgorithm for SampledWindow {
    fn expected_bits(&self, dag: &dyn DagReader, block: &DifficultyContext<'_>) -> Result<CompactTarget, ReadError> {
        let samples = self.sampler.samples(dag, block.ghostdag)?;
        self.bits_of_samples(dag, block.ghostdag, &samples)
    }
}

impl SampledWindow {
    /// The bits of a block with this colouring.
    ///
    /// - `samples`: those of its past, as [`MergesetSampler::samples`] gives them.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn bits_of_samples(
        &self,
        dag: &(impl HeaderReader + ?Sized),
        block: &GhostdagData,
        samples: &[BlockHash],
    ) -> Result<CompactTarget, ReadError> {
        if samples.len() < self.min_samples.max(2) {
            let below = block.selected_parent;
            return if block.is_genesis() { Ok(self.genesis_bits) } else { Ok(dag.header_facts(below)?.bits) };
        }
        // Samples ascend by (blue work, id); the earliest one only starts the clock.
        let facts = samples.iter().map(|&sample| dag.header_facts(sample)).collect::<Result<Vec<_>, _>>()?;
        let times = facts.iter().map(|fact| fact.timestamp.0);
        let (earliest, latest) = (times.clone().min().unwrap_or(0), times.clone().max().unwrap_or(0));
        let starts = times.clone().position(|time| time == earliest).unwrap_or(0);
        let mut sum = U512::ZERO;
        for (idx, fact) in facts.iter().enumerate() {
            if idx != starts {
                sum += U512::from(fact.bits.to_target().unwrap_or(U256::ONE));
            }
        }
        let counted = facts.len() as u64 - 1;
        let average = sum / U512::from(counted);
        let measured_us = u128::from((latest - earliest).max(1)) * 1000;
        let expected_us = u128::from(self.target_block_time_us)
            .saturating_mul(u128::from(self.sampler.interval) * u128::from(counted));
        let target = average * U512::from(measured_us) / U512::from(expected_us.max(1));
        let target = target.min(U512::from(MAX_TARGET)).saturating_to::<U256>().max(U256::ONE);
        Ok(CompactTarget::from_target(target))
    }
}
