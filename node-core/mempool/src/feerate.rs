//! What a transaction pays for its mass, and what one should pay.

use core::cmp::Ordering;
use core::fmt;

use umbel_types::params::MIN_FEE_PER_MASS;
use umbel_types::{Amount, Params, TimestampMs};

use crate::pool::Mempool;
use crate::recent::Paid;

/// A fee for a mass: an exact fraction, never rounded while it is compared.
#[derive(Clone, Copy, Debug)]
pub struct Feerate {
    fee: u64,
    mass: u64,
}

impl Feerate {
    /// Of a transaction. No transaction has mass zero: it would have no bytes.
    pub fn new(fee: Amount, mass: u64) -> Self {
        Self { fee: fee.units(), mass: mass.max(1) }
    }

    /// Base units for a unit of mass, rounded up.
    pub fn per_mass(self) -> u64 {
        self.fee.div_ceil(self.mass)
    }

    /// Base units for a unit of mass times 2⁸, rounded down, within `1..=2³⁷`: a weight whose cubes sum over 2¹⁵
    /// transactions in 128 bits.
    pub(crate) fn fixed_point(self) -> u128 {
        ((u128::from(self.fee) << 8) / u128::from(self.mass)).clamp(1, 1 << 37)
    }

    /// Whether this is at least `percent` of `other`.
    pub(crate) fn at_least_percent_of(self, percent: u64, other: Self) -> bool {
        self.cross(100, other) >= other.cross(percent, self)
    }

    /// `fee · factor · other's mass`, which fits: a fee is below 2⁶⁴, factor and mass are below 2³².
    fn cross(self, factor: u64, other: Self) -> u128 {
        u128::from(self.fee).saturating_mul(u128::from(factor)).saturating_mul(u128::from(other.mass))
    }
}

impl PartialEq for Feerate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Feerate {}

impl PartialOrd for Feerate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Feerate {
    fn cmp(&self, other: &Self) -> Ordering {
        self.cross(1, *other).cmp(&other.cross(1, *self))
    }
}

impl fmt::Display for Feerate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} base units for each unit of mass", self.per_mass())
    }
}

/// What to pay, in base units for each unit of mass, by how long one is ready to wait. Never below the least fee.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeeEstimate {
    /// In the next seconds.
    pub next_seconds: u64,
    /// In less than a minute.
    pub within_minute: u64,
    /// In less than an hour.
    pub within_hour: u64,
}

/// Seconds of blocks that each bucket looks ahead. Half of what it promises: parallel blocks carry the same transactions
/// now and then, and others arrive.
const HORIZONS_S: [u64; 3] = [3, 30, 1_800];
/// Share of recently accepted mass, in percent from below, whose feerate each bucket asks for while blocks are full.
const PERCENTILES: [u64; 3] = [50, 25, 10];

impl Mempool {
    /// What to pay for the next transaction, from what waits and from what was accepted in the last ten minutes.
    ///
    /// What waits: the feerate above which the pool holds no more bytes than the blocks of the bucket's time. What was
    /// accepted counts only while blocks are more than half full: otherwise whatever others paid, less was enough.
    pub fn fee_estimate(&self, now: TimestampMs) -> FeeEstimate {
        let capacity_per_s = capacity_per_s(&self.params);
        let (paid, accepted_per_s) = self.recent.paid(now);
        let congested = accepted_per_s > capacity_per_s / 2;
        let [next_seconds, within_minute, within_hour] = [0, 1, 2].map(|bucket| {
            let waiting = self.feerate_above(capacity_per_s.saturating_mul(HORIZONS_S[bucket]));
            let accepted = if congested { percentile(&paid, PERCENTILES[bucket]) } else { 0 };
            waiting.max(accepted).max(MIN_FEE_PER_MASS)
        });
        // Waiting longer never costs more.
        let within_minute = within_minute.min(next_seconds);
        FeeEstimate { next_seconds, within_minute, within_hour: within_hour.min(within_minute) }
    }

    /// Feerate that puts a transaction among the first `bytes` of the pool; 0 if the pool has fewer.
    fn feerate_above(&self, bytes: u64) -> u64 {
        let mut sum = 0u64;
        for entry in self.pool.best_first() {
            sum = sum.saturating_add(entry.size_bytes as u64);
            if sum >= bytes {
                return entry.feerate.per_mass().saturating_add(1);
            }
        }
        0
    }
}

/// Bytes of transactions that blocks carry in a second.
fn capacity_per_s(params: &Params) -> u64 {
    (params.max_body_bytes as u64).saturating_mul(u64::from(params.blocks_per_second))
}

/// The feerate below which lies `percent` of the bytes; `paid` ascends.
fn percentile(paid: &[Paid], percent: u64) -> u64 {
    let limit = paid.iter().map(|p| p.bytes).sum::<u64>().saturating_mul(percent) / 100;
    let mut sum = 0;
    for p in paid {
        sum += p.bytes;
        if sum >= limit {
            return p.per_mass;
        }
    }
    0
}
