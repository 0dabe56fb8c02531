//! What the miner reports.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::error::TemplateError;

/// Length of the window that the hash rate is averaged over.
pub const RATE_WINDOW: Duration = Duration::from_secs(10);
/// Width of one entry of the window: bounds it to some 20 entries.
const RATE_STEP: Duration = Duration::from_millis(500);

/// Whether the miner reads a dataset or computes from the cache, at a small part of the rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum DatasetState {
    /// Nobody allowed the memory, or nothing is mined.
    #[default]
    Unused,
    /// It is being computed; nothing is mined meanwhile.
    Building,
    /// It is there.
    Ready,
    /// The system refused the memory. Mining goes on from the cache until it is started again.
    NotEnoughMemory,
}

/// A moment of the miner.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct MinerStats {
    /// Threads at work; zero when stopped.
    pub threads: usize,
    /// Hashes a second of all threads, over the last [`RATE_WINDOW`].
    pub hashes_per_second: u64,
    /// Hashes since the miner was made.
    pub hashes: u64,
    /// Blocks that were found and taken.
    pub blocks_found: u64,
    /// Blocks that were found and refused.
    pub blocks_refused: u64,
    /// Why there was no template at the last attempt; `None` while there is one.
    pub waiting_for: Option<TemplateError>,
    /// Of the dataset.
    pub dataset: DatasetState,
}

/// Hashes of the recent past.
#[derive(Debug, Default)]
pub(crate) struct RateWindow {
    entries: VecDeque<(Instant, u64)>,
}

impl RateWindow {
    pub(crate) fn add(&mut self, now: Instant, hashes: u64) {
        match self.entries.back_mut() {
            Some((since, sum)) if now.saturating_duration_since(*since) < RATE_STEP => *sum += hashes,
            _ => self.entries.push_back((now, hashes)),
        }
        while self.entries.front().is_some_and(|(at, _)| now.saturating_duration_since(*at) > RATE_WINDOW) {
            self.entries.pop_front();
        }
    }

    /// Hashes a second since the oldest entry that still counts.
    pub(crate) fn per_second(&self, now: Instant) -> u64 {
        let recent = || self.entries.iter().filter(|(at, _)| now.saturating_duration_since(*at) <= RATE_WINDOW);
        let Some((oldest, _)) = recent().next() else { return 0 };
        let millis = now.saturating_duration_since(*oldest).max(RATE_STEP).as_millis();
        let sum: u128 = recent().map(|(_, hashes)| u128::from(*hashes)).sum();
        u64::try_from(sum * 1000 / millis).unwrap_or(u64::MAX)
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_over_a_window() {
        let start = Instant::now();
        let mut window = RateWindow::default();
        assert_eq!(window.per_second(start), 0);
        for step in 0..200u64 {
            window.add(start + Duration::from_millis(step * 100), 10);
        }
        let now = start + Duration::from_secs(20);
        assert!((90..=110).contains(&window.per_second(now)), "{}", window.per_second(now));
        assert!(window.entries.len() < 30);
        assert_eq!(window.per_second(now + Duration::from_secs(60)), 0);
    }
}
