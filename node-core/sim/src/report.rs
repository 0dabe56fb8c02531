//! What a run says.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::delay::Delay;

/// Something that must hold and did not.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Violation {
    /// Virtual time, in seconds.
    pub at_s: f64,
    /// What must hold.
    pub invariant: &'static str,
    /// What was found.
    pub found: String,
}

/// Median, 95th percentile and the ends of some durations, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Spread {
    /// How many.
    pub count: usize,
    /// The shortest.
    pub least: f64,
    /// Half are below.
    pub median: f64,
    /// One in twenty is above.
    pub p95: f64,
    /// The longest.
    pub most: f64,
}

impl Spread {
    /// Of durations in µs; nothing of none.
    pub fn of(mut us: Vec<u64>) -> Option<Self> {
        us.sort_unstable();
        let seconds = |at: usize| us.get(at).map_or(0.0, |us| *us as f64 / 1e6);
        let last = us.len().checked_sub(1)?;
        let at = |share: usize| seconds(last * share / 100);
        Some(Self { count: us.len(), least: at(0), median: at(50), p95: at(95), most: at(100) })
    }
}

/// What became of blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Blocks {
    /// Made by anyone.
    pub made: u64,
    /// Made by those who keep the rules.
    pub honest: u64,
    /// Chain blocks of the final sink.
    pub chain: u64,
    /// In the final past, genesis excluded.
    pub ordered: u64,
    /// Of those, red.
    pub red: u64,
    /// Of those, red and honest.
    pub honest_red: u64,
    /// Honest, older than 10 s at the end, and in nobody's final past.
    pub orphans: u64,
    /// Refused as invalid, by any node.
    pub invalid: u64,
    /// Not fit for the selected chain, by any node.
    pub disqualified: u64,
}

impl Blocks {
    /// Red of all that were ordered.
    pub fn red_ratio(&self) -> f64 {
        ratio(self.red, self.ordered)
    }

    /// Orphans of what was honestly made.
    pub fn orphan_rate(&self) -> f64 {
        ratio(self.orphans, self.honest)
    }
}

fn ratio(part: u64, all: u64) -> f64 {
    if all == 0 { 0.0 } else { part as f64 / all as f64 }
}

/// Selected chains that honest nodes left.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Reorganisations {
    /// How many.
    pub count: u64,
    /// Chain blocks left by the deepest.
    pub deepest: u64,
    /// How far the deepest went back, in seconds of blue score.
    pub deepest_s: f64,
    /// Chain blocks left → how often.
    pub depths: BTreeMap<u64, u64>,
}

/// Public payments of the run's users.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Payments {
    /// Handed to nodes, both sides of a conflict counted.
    pub submitted: u64,
    /// Of those, one side of a conflict.
    pub conflicting: u64,
    /// Accepted by the final chain.
    pub accepted: u64,
}

/// What validators did.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Finality {
    /// Validators.
    pub validators: usize,
    /// Of those, such as break the rules or are away.
    pub faulty: usize,
    /// The highest final checkpoint of an honest node.
    pub finalized: u32,
    /// Votes cast.
    pub votes: u64,
    /// Validators that evidence was found against.
    pub accused: usize,
    /// Two different final blocks for one checkpoint were seen.
    pub conflicting: bool,
    /// From the making of a chain block to its being final at a node, in seconds.
    pub latency: Option<Spread>,
    /// Longest time in which nothing became final at a node, in seconds.
    pub longest_gap_s: f64,
}

/// One run. All of it follows from scenario, seed and what was asked for, but for `real_s` and `memory_kib`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunReport {
    /// Which scenario.
    pub scenario: &'static str,
    /// Which seed: with it, the run is the same again.
    pub seed: u64,
    /// Nodes, those of attackers included.
    pub nodes: usize,
    /// Blocks a second.
    pub blocks_per_second: u32,
    /// Length, in seconds of virtual time.
    pub virtual_s: f64,
    /// Delays of messages.
    pub delay: Delay,
    /// Events that were handled.
    pub events: u64,
    /// Sink of all honest nodes at the end.
    pub sink: String,
    /// Digest over every chain block of the final sink, with what it accepted.
    pub digest: String,
    /// Blocks.
    pub blocks: Blocks,
    /// Reorganisations.
    pub reorganisations: Reorganisations,
    /// Payments.
    pub payments: Payments,
    /// Finality, where there are validators.
    pub finality: Option<Finality>,
    /// Blocks that nodes took in, each with every check.
    pub taken: u64,
    /// What the process held in memory, in KiB, by minute of virtual time; only where it was looked at.
    pub memory_kib: Vec<(u64, u64)>,
    /// Further figures of the scenario.
    pub figures: BTreeMap<&'static str, f64>,
    /// What did not hold.
    pub violations: Vec<Violation>,
    /// Real time that it took, in seconds.
    pub real_s: f64,
}

impl RunReport {
    /// Virtual seconds in one real second.
    pub fn speed(&self) -> f64 {
        if self.real_s > 0.0 { self.virtual_s / self.real_s } else { 0.0 }
    }

    /// Blocks that nodes took in a real second.
    pub fn taken_per_second(&self) -> f64 {
        if self.real_s > 0.0 { self.taken as f64 / self.real_s } else { 0.0 }
    }

    /// The command that repeats it.
    pub fn command(&self) -> String {
        format!(
            "umbel sim run {} --seed {} --nodes {} --bps {}",
            self.scenario, self.seed, self.nodes, self.blocks_per_second
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_has_its_order() {
        let spread = Spread::of((1..=101).rev().map(|s| s * 1_000_000).collect()).expect("not empty");
        assert_eq!((spread.least, spread.median, spread.p95, spread.most), (1.0, 51.0, 96.0, 101.0));
        assert_eq!(Spread::of(Vec::new()), None);
    }
}
