//! What a transaction pays for its mass, and what one should pay.

use core::cmp::Ordering;
use core::fmt;

use umbel_types::params::{MAX_BLOCK_STATE_BYTES, MIN_FEE_PER_MASS};
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

    /// Base units for a unit of mass times 2⁸, rounded down, within `1..=2³⁵`: a weight whose cubes sum over 2²⁰
    /// transactions in 128 bits.
    pub(crate) fn fixed_point(self) -> u128 {
        ((u128::from(self.fee) << 8) / u128::from(self.mass)).clamp(1, 1 << 35)
    }

    /// Least fee that pays `more` base units for each unit of `mass` above this, rounded up.
    pub(crate) fn fee_above(self, more: u64, mass: u64) -> Amount {
        let mass = u128::from(mass);
        let same = (u128::from(self.fee) * mass).div_ceil(u128::from(self.mass));
        u64::try_from(same + mass * u128::from(more)).map_or(Amount::MAX, Amount::from_units)
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

/// What to pay, in base units for each unit of mass, by how long one is ready to wait. Never below the least fee, and
/// waiting longer never costs more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeeEstimate {
    /// In the next seconds.
    pub next_seconds: u64,
    /// In less than a minute.
    pub within_minute: u64,
    /// In less than an hour.
    pub within_hour: u64,
    /// What was paid in the last ten minutes: a tenth of the bytes paid less than the first, a tenth more than the
    /// second. `None` if nothing was accepted.
    pub paid: Option<(u64, u64)>,
}

/// Seconds of blocks that each bucket looks ahead. Half of what it promises: parallel blocks carry the same transactions
/// now and then, and others arrive.
const HORIZONS_S: [u64; 3] = [3, 30, 1_800];
/// Share of the room that blocks had in the last ten minutes, in percent, that has to be filled by who paid as much as
/// each bucket asks for.
const FILLED_PERCENT: [u64; 3] = [50, 75, 90];
/// The range that is shown, in percent from below.
const RANGE: (u64, u64) = (10, 90);

impl Mempool {
    /// What to pay for the next transaction, from what waits and from what was accepted in the last ten minutes.
    ///
    /// # Rule
    /// > What waits: the feerate above which the pool holds no more, by bytes or by state bytes, than the blocks of the
    /// > bucket's time. What was accepted: the feerate at which the better paying half, three quarters or nine tenths of
    /// > the room that blocks had were filled, by either measure. Where less was used, whatever others paid, less was
    /// > enough. (docs/spec/mempool.md M8)
    ///
    /// Shares are of the room, not of what was accepted: a miner can pay itself any fee, and would need half of all
    /// blocks to be believed.
    pub fn fee_estimate(&self, now: TimestampMs) -> FeeEstimate {
        let window = self.recent.window(now);
        let waiting = self.pool.best_first().map(|e| Paid::new(e.feerate, e.size_bytes, e.state_bytes));
        let frontier = fillers(waiting, HORIZONS_S.map(|seconds| Room::of(&self.params, seconds * 1_000, 100)));
        let had = FILLED_PERCENT.map(|percent| Room::of(&self.params, window.span_ms, percent));
        let accepted = fillers(window.paid.iter().rev().copied(), had);
        // Both fall from bucket to bucket, so their maximum does.
        let [next_seconds, within_minute, within_hour] = [0, 1, 2].map(|bucket| {
            let outbid = frontier[bucket].map_or(0, |rate| rate.saturating_add(1));
            outbid.max(accepted[bucket].unwrap_or(0)).max(MIN_FEE_PER_MASS)
        });
        let range = || (percentile(&window.paid, RANGE.0), percentile(&window.paid, RANGE.1));
        let paid = (!window.paid.is_empty()).then(range);
        FeeEstimate { next_seconds, within_minute, within_hour, paid }
    }
}

/// What blocks carry in some time.
#[derive(Clone, Copy)]
struct Room {
    bytes: u128,
    state_bytes: u128,
}

impl Room {
    fn of(params: &Params, ms: u64, percent: u64) -> Self {
        let share = u128::from(params.blocks_per_second) * u128::from(ms) * u128::from(percent);
        let of = |each: u64| (u128::from(each) * share).div_ceil(1_000 * 100);
        Self { bytes: of(params.max_body_bytes as u64), state_bytes: of(MAX_BLOCK_STATE_BYTES) }
    }
}

/// For each of ascending rooms the feerate of the transaction that fills it, by either measure; `None` if all fit.
fn fillers(best_first: impl Iterator<Item = Paid>, rooms: [Room; 3]) -> [Option<u64>; 3] {
    let mut found = [None; 3];
    let mut open = rooms.iter().zip(&mut found).peekable();
    let (mut bytes, mut state_bytes) = (0u128, 0u128);
    for paid in best_first {
        bytes += u128::from(paid.bytes);
        state_bytes += u128::from(paid.state_bytes);
        while let Some((_, filler)) = open.next_if(|(room, _)| bytes >= room.bytes || state_bytes >= room.state_bytes) {
            *filler = Some(paid.per_mass);
        }
        if open.peek().is_none() {
            break;
        }
    }
    found
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
