//! Past median time: the clock that no single miner sets (R7).

use umbel_types::params::{PMT_MIDDLE, PMT_SAMPLE_INTERVAL_S, PMT_SAMPLES};
use umbel_types::{BlockHash, Params, TimestampMs};

use crate::error::ReadError;
use crate::readers::{GhostdagReader, HeaderReader};
use crate::window::{ChainSampler, SampleCache};

/// The rule with its constants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PastMedianTime {
    sampler: ChainSampler,
    middle: usize,
}

impl PastMedianTime {
    /// The rule of a network: 27 samples, one per 10 s of blue score; the middle 11 are averaged.
    pub fn new(params: &Params) -> Self {
        Self {
            sampler: ChainSampler { interval: params.daa_of_seconds(PMT_SAMPLE_INTERVAL_S), count: PMT_SAMPLES },
            middle: PMT_MIDDLE,
        }
    }

    /// Other constants, for tests.
    pub fn with_sampler(sampler: ChainSampler, middle: usize) -> Self {
        Self { sampler, middle }
    }

    /// Past median time of a block with this selected parent. Its timestamp must be above it.
    ///
    /// - `cache`: bounded memory of samples; without it the chain is read back 270 s.
    ///
    /// # Consensus
    /// > PMT = mean of the middle 11 of 27 samples, one per 10 s of blue score. (R7)
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn calc(
        &self,
        dag: &(impl GhostdagReader + HeaderReader + ?Sized),
        selected_parent: BlockHash,
        cache: Option<&mut SampleCache>,
    ) -> Result<TimestampMs, ReadError> {
        let samples = self.sampler.samples(dag, selected_parent, cache)?;
        Ok(calc_middle_mean(&samples, self.middle))
    }
}

/// Mean, rounded to the nearest, of the `middle` values around the median; of all, if there are fewer. Where two frames
/// are equally central, the higher one counts. Zero for no values.
pub fn calc_middle_mean(samples: &[TimestampMs], middle: usize) -> TimestampMs {
    let mut sorted: Vec<u64> = samples.iter().map(|time| time.0).collect();
    sorted.sort_unstable();
    let frame = sorted.len().min(middle);
    let end = (sorted.len() + frame).div_ceil(2);
    let sum: u128 = sorted.iter().take(end).skip(end - frame).map(|&time| u128::from(time)).sum();
    let mean = (sum + frame as u128 / 2) / (frame as u128).max(1);
    TimestampMs(u64::try_from(mean).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(times: &[u64], middle: usize) -> u64 {
        let samples: Vec<_> = times.iter().copied().map(TimestampMs).collect();
        calc_middle_mean(&samples, middle).0
    }

    #[test]
    fn frames() {
        assert_eq!(mean(&[7], 11), 7);
        assert_eq!(mean(&[1, 2], 11), 2, "1.5 is rounded up");
        assert_eq!(mean(&[5, 1, 3], 1), 3);
        assert_eq!(mean(&[4, 1, 3, 2], 1), 3, "the higher of two central values");
        assert_eq!(mean(&(0..27).collect::<Vec<_>>(), 11), 13);
        assert_eq!(mean(&[u64::MAX, u64::MAX, u64::MAX], 3), u64::MAX);
        assert_eq!(mean(&[], 11), 0);
    }

    #[test]
    fn outliers_outside_of_the_frame_do_not_count() {
        let mut times: Vec<u64> = (1000..1027).collect();
        times[..8].fill(0);
        times[19..].fill(u64::MAX);
        assert_eq!(mean(&times, 11), 1013);
    }
}
