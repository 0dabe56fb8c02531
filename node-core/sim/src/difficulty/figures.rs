//! What a run is measured by.

use serde::Serialize;
use umbel_types::Params;
use umbel_types::params::DAA_WINDOW_S;

use super::scenario::Scenario;
use super::world::{Account, Branch, Run, SAMPLE_S, Sample};

/// How far from the target rate still counts as settled.
const SETTLED: f64 = 0.1;

/// Figures of one run, of several by their worst. All are better the lower they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Figures {
    /// Seconds from the event until the rate stays within ±10 % of the target rate.
    pub settle_s: f64,
    /// How far the rate goes to the other side after it first came back, in percent of the target rate.
    pub overshoot_pct: f64,
    /// Integral of |rate − 1|: seconds of schedule gained and lost.
    pub error_s: f64,
    /// Mean of |rate − 1| in percent.
    pub mean_error_pct: f64,
    /// Standard deviation of the expected rate in percent.
    pub spread_pct: f64,
    /// |mean rate − 1| over the second half, in percent: what does not go away.
    pub lasting_pct: f64,
    /// Largest |rate − 1| in percent.
    pub peak_pct: f64,
    /// |DAA score − wall clock| gained since the event, in seconds: the error of the emission.
    pub drift_s: f64,
    /// What a hash of the attacker earns beyond an honest one, in percent; below zero if less.
    pub gain_pct: f64,
    /// Blocks that a withheld branch finds as long as they earn subsidies, as a multiple of mining in public.
    pub branch_yield: f64,
    /// Target of a withheld branch at the merge depth, as a multiple of the public one.
    pub branch_ease: f64,
    /// Red blocks in percent of all.
    pub red_pct: f64,
}

impl Figures {
    pub(super) fn of(scenario: &Scenario, run: &Run, params: &Params) -> Self {
        let event_s = scenario.event_s();
        let seen: Vec<Sample> = run.samples.iter().copied().filter(|sample| sample.second >= event_s).collect();
        let (Some(first), Some(last)) = (seen.first(), seen.last()) else { return Self::default() };
        let count = seen.len() as f64;
        let off = |sample: &Sample| (sample.rate - 1.0).abs();
        let mean = seen.iter().map(|sample| sample.rate).sum::<f64>() / count;
        let error_s = seen.iter().map(off).sum::<f64>() * SAMPLE_S as f64;
        let elapsed_s = (last.second - first.second) as f64;
        let scored_s = (last.daa_score - first.daa_score) as f64 / f64::from(params.blocks_per_second);
        let half = &seen[seen.len() / 2..];
        let second_half = half.iter().map(|sample| sample.rate).sum::<f64>() / half.len() as f64;
        let last_outside = seen.iter().rposition(|sample| off(sample) > SETTLED);
        Self {
            settle_s: last_outside.map_or(0.0, |n| (seen[n].second + SAMPLE_S - event_s) as f64),
            overshoot_pct: overshoot(&seen) * 100.0,
            error_s,
            mean_error_pct: error_s / (count * SAMPLE_S as f64) * 100.0,
            spread_pct: (seen.iter().map(|sample| (sample.rate - mean).powi(2)).sum::<f64>() / count).sqrt() * 100.0,
            lasting_pct: (second_half - 1.0).abs() * 100.0,
            peak_pct: seen.iter().map(off).fold(0.0, f64::max) * 100.0,
            drift_s: (scored_s - elapsed_s).abs(),
            gain_pct: gain(run.attacker, run.honest) * 100.0,
            branch_yield: branch_at(&seen, params.daa_of_seconds(DAA_WINDOW_S))
                .map_or(1.0, |branch| branch.yield_ratio),
            branch_ease: branch_at(&seen, params.merge_depth).map_or(1.0, |branch| branch.ease),
            red_pct: run.reds as f64 / run.blocks.max(1) as f64 * 100.0,
        }
    }

    /// The worse of each.
    pub(super) fn worst(self, other: Self) -> Self {
        Self {
            settle_s: self.settle_s.max(other.settle_s),
            overshoot_pct: self.overshoot_pct.max(other.overshoot_pct),
            error_s: self.error_s.max(other.error_s),
            mean_error_pct: self.mean_error_pct.max(other.mean_error_pct),
            spread_pct: self.spread_pct.max(other.spread_pct),
            lasting_pct: self.lasting_pct.max(other.lasting_pct),
            peak_pct: self.peak_pct.max(other.peak_pct),
            drift_s: self.drift_s.max(other.drift_s),
            gain_pct: self.gain_pct.max(other.gain_pct),
            branch_yield: self.branch_yield.max(other.branch_yield),
            branch_ease: self.branch_ease.max(other.branch_ease),
            red_pct: self.red_pct.max(other.red_pct),
        }
    }
}

/// After a rate that starts on one side has come into the band: how far it goes beyond 1 on the other side.
fn overshoot(seen: &[Sample]) -> f64 {
    let started_above = seen.first().is_some_and(|sample| sample.rate > 1.0);
    let back = seen.iter().position(|sample| (sample.rate - 1.0).abs() <= SETTLED).unwrap_or(seen.len());
    let beyond = |sample: &Sample| if started_above { 1.0 - sample.rate } else { sample.rate - 1.0 };
    seen[back..].iter().map(beyond).fold(0.0, f64::max)
}

fn gain(attacker: Account, honest: Account) -> f64 {
    let per_hash = |account: Account| account.rewards as f64 / account.hashes;
    if attacker.rewards == 0 || honest.rewards == 0 { 0.0 } else { per_hash(attacker) / per_hash(honest) - 1.0 }
}

/// The last look at the branch before the public network is `depth` beyond the fork: there it counts no longer.
fn branch_at(seen: &[Sample], depth: u64) -> Option<Branch> {
    seen.iter().filter_map(|sample| sample.branch).take_while(|branch| branch.depth <= depth).last()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(rates: &[f64]) -> Vec<Sample> {
        let sample = |(n, rate): (usize, &f64)| Sample {
            second: n as u64 * SAMPLE_S,
            rate: *rate,
            ease: 1.0,
            daa_score: 0,
            branch: None,
        };
        rates.iter().enumerate().map(sample).collect()
    }

    #[test]
    fn overshoot_counts_from_the_band_on_and_on_the_other_side_only() {
        assert!((overshoot(&samples(&[10.0, 3.0, 1.05, 0.8, 1.3, 1.0])) - 0.2).abs() < 1e-9);
        assert!((overshoot(&samples(&[0.1, 0.5, 0.95, 1.25, 0.7])) - 0.25).abs() < 1e-9);
        assert!(overshoot(&samples(&[10.0, 5.0])).abs() < 1e-9, "never came back");
    }

    #[test]
    fn a_hash_that_earns_more_is_a_gain() {
        let (attacker, honest) = (Account { hashes: 100.0, rewards: 150 }, Account { hashes: 200.0, rewards: 200 });
        assert!((gain(attacker, honest) - 0.5).abs() < 1e-9);
        assert!(gain(Account::default(), honest).abs() < 1e-9);
    }
}
