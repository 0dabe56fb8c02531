//! What a run is made of.

use crate::delay::Delay;
use crate::error::SimError;
use crate::rate::RATES;
use crate::rng::SimRng;

/// Nodes that can be asked for.
pub const NODES: core::ops::RangeInclusive<usize> = 3..=100;
/// Minutes that can be asked for: a run needs a minute behind its attack.
pub const MINUTES: core::ops::RangeInclusive<u64> = 3..=1_440;

/// What a person may ask for in place of what a scenario draws.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Nodes that keep the rules or attack, those in the dark not counted.
    pub nodes: Option<usize>,
    /// Blocks a second.
    pub blocks_per_second: Option<u32>,
    /// Virtual time.
    pub minutes: Option<u64>,
}

impl Options {
    /// Whether it can be run.
    ///
    /// # Errors
    /// [`SimError::OutOfRange`].
    pub fn check(&self) -> Result<(), SimError> {
        let inside = |what, got: Option<u64>, least: u64, most: u64| match got {
            Some(got) if !(least..=most).contains(&got) => Err(SimError::OutOfRange { what, got, least, most }),
            _ => Ok(()),
        };
        inside("number of nodes", self.nodes.map(|n| n as u64), *NODES.start() as u64, *NODES.end() as u64)?;
        let rate = self.blocks_per_second.map(u64::from);
        inside("blocks a second", rate, u64::from(*RATES.start()), u64::from(*RATES.end()))?;
        inside("minutes", self.minutes, *MINUTES.start(), *MINUTES.end())
    }
}

/// Everything that a run is made of.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Which scenario.
    pub scenario: &'static str,
    /// Its seed.
    pub seed: u64,
    /// Nodes that others send to.
    pub nodes: usize,
    /// Nodes in the dark: attackers' own views.
    pub hidden: usize,
    /// Blocks a second.
    pub blocks_per_second: u32,
    /// Length.
    pub seconds: u64,
    /// From when to when something is wrong.
    pub attack_s: (u64, u64),
    /// Delays.
    pub delay: Delay,
    /// Each listed node's share of all hashes.
    pub shares: Vec<f64>,
    /// Validators of equal stake, each at a node; none switches finality off.
    pub validators: usize,
    /// Seconds between two payments of a user; 0 for none.
    pub payment_every_s: u64,
    /// Seconds for which a node offers a transaction again: longer than what may take it back.
    pub pool_s: u64,
    /// Merge depth in seconds, if not the network's.
    pub merge_depth_s: Option<u64>,
    /// Length of an epoch in seconds, if not the network's.
    pub epoch_s: Option<u64>,
    /// Most red blocks of all, where delays stay below the bound and nobody attacks.
    pub red_limit: Option<f64>,
    /// Whether one node's chain is replayed at the end.
    pub replay: bool,
    /// Whether nodes keep their chain on the disk, as in use, and nothing of the run grows with it.
    pub on_disk: bool,
}

/// Rates that a seed draws from: slow ones, which keep a run short; `honest` draws the network's own too.
const DRAWN_RATES: [u32; 6] = [1, 1, 1, 1, 2, 4];

impl Setup {
    /// What a seed draws where nothing else is asked for.
    pub fn drawn(scenario: &'static str, seed: u64, options: &Options) -> Self {
        let mut rng = SimRng::new(seed, scenario);
        let drawn_nodes = 4 + rng.index(4);
        let drawn_rate = rng.pick(&DRAWN_RATES);
        let delay = match rng.below(3) {
            0 => Delay::Constant { us: 50_000 + rng.below(1_000_000) },
            1 => Delay::Uniform { min_us: 20_000, max_us: 200_000 + rng.below(2_000_000) },
            _ => Delay::LogNormal { median_us: 50_000 + rng.below(500_000), sigma: 0.7, max_us: 5_000_000 },
        };
        let nodes = options.nodes.unwrap_or(drawn_nodes);
        let weights: Vec<f64> = (0..nodes).map(|_| rng.between(0.2, 1.0)).collect();
        let total: f64 = weights.iter().sum();
        let seconds = options.minutes.map_or(180, |minutes| minutes * 60);
        Self {
            scenario,
            seed,
            nodes,
            hidden: 0,
            blocks_per_second: options.blocks_per_second.unwrap_or(drawn_rate),
            seconds,
            attack_s: (30, seconds - 80),
            delay,
            shares: weights.iter().map(|weight| weight / total).collect(),
            validators: 4 + rng.index(4),
            payment_every_s: 10,
            pool_s: 200,
            merge_depth_s: None,
            epoch_s: None,
            red_limit: None,
            // A replay costs as much as another node.
            replay: seed.is_multiple_of(4),
            on_disk: false,
        }
    }

    /// Gives one node this share of all hashes; the others keep their proportions.
    pub fn give_share(&mut self, node: usize, share: f64) {
        let rest: f64 = self.shares.iter().enumerate().filter(|(n, _)| *n != node).map(|(_, share)| share).sum();
        for (n, own) in self.shares.iter_mut().enumerate() {
            *own = if n == node { share } else { *own / rest * (1.0 - share) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_sum_to_one() {
        let mut setup = Setup::drawn("honest", 5, &Options::default());
        setup.give_share(0, 0.4);
        assert!((setup.shares.iter().sum::<f64>() - 1.0).abs() < 1e-9 && (setup.shares[0] - 0.4).abs() < 1e-9);
    }

    #[test]
    fn what_can_not_be_run_is_said() {
        let options = Options { nodes: Some(2), ..Options::default() };
        let error = options.check().expect_err("too few").to_string();
        assert_eq!(error, "number of nodes is 2, 3 to 100 can be run");
        assert!(Options { blocks_per_second: Some(33), ..Options::default() }.check().is_err());
        assert!(Options { nodes: Some(100), blocks_per_second: Some(32), minutes: Some(3) }.check().is_ok());
    }
}
