//! How long a message is on its way.

use serde::Serialize;

use crate::rng::{SimRng, micros};

/// A distribution of delays, in µs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Delay {
    /// Always the same.
    Constant {
        /// The delay.
        us: u64,
    },
    /// Anything between two.
    Uniform {
        /// Shortest.
        min_us: u64,
        /// Longest.
        max_us: u64,
    },
    /// Mostly short, sometimes long: what is measured on public networks.
    LogNormal {
        /// Half of the messages are faster.
        median_us: u64,
        /// Deviation of the logarithm.
        sigma: f64,
        /// None is slower.
        max_us: u64,
    },
}

impl Delay {
    /// One message's.
    pub fn draw(self, rng: &mut SimRng) -> u64 {
        match self {
            Self::Constant { us } => us,
            Self::Uniform { min_us, max_us } => min_us + rng.below(max_us.saturating_sub(min_us) + 1),
            Self::LogNormal { median_us, sigma, max_us } => {
                micros(median_us as f64 * (rng.normal() * sigma).exp()).min(max_us)
            }
        }
    }

    /// The longest there is.
    pub fn longest(self) -> u64 {
        match self {
            Self::Constant { us } => us,
            Self::Uniform { max_us, .. } | Self::LogNormal { max_us, .. } => max_us,
        }
    }
}

/// The delays between nodes: one distribution, and a factor of its own for each link.
#[derive(Debug)]
pub struct Links {
    delay: Delay,
    /// By the greater number, then by the lesser: both directions of a link have one.
    factors: Vec<Vec<f64>>,
    rng: SimRng,
}

impl Links {
    /// Between `nodes` nodes, with factors from 0.5 to 1.5.
    pub fn new(seed: u64, nodes: usize, delay: Delay) -> Self {
        let mut rng = SimRng::new(seed, "links");
        let mut factors: Vec<Vec<f64>> = Vec::with_capacity(nodes);
        for node in 0..nodes {
            factors.push((0..node).map(|_| rng.between(0.5, 1.5)).collect());
        }
        Self { delay, factors, rng }
    }

    /// One message's delay, at least 1 µs and never longer than the distribution's longest.
    pub fn draw(&mut self, from: usize, to: usize) -> u64 {
        let drawn = self.delay.draw(&mut self.rng) as f64 * self.factors[from.max(to)][from.min(to)];
        micros(drawn).clamp(1, self.delay.longest().max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_keep_their_bounds_and_medians() {
        let mut rng = SimRng::new(3, "delay");
        let mut drawn = |delay: Delay| {
            let mut all: Vec<u64> = (0..10_001).map(|_| delay.draw(&mut rng)).collect();
            all.sort_unstable();
            (all[0], all[5_000], all[10_000])
        };
        assert_eq!(drawn(Delay::Constant { us: 9 }), (9, 9, 9));
        let (least, median, most) = drawn(Delay::Uniform { min_us: 100, max_us: 300 });
        assert!(least >= 100 && most <= 300 && median.abs_diff(200) < 10);
        let (_, median, most) = drawn(Delay::LogNormal { median_us: 1_000, sigma: 0.7, max_us: 5_000 });
        assert!(most <= 5_000 && median.abs_diff(1_000) < 60, "{median}");
    }
}
