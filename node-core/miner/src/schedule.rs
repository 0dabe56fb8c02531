//! When each thread of a paced network mines: an average of one block per block time from all threads together, with
//! blocks beside each other now and then, as on a network with real delays.
//!
//! Thread i of n owns every n-th slot. In a slot it takes its template at a jittered start and submits at the end, a
//! *hold* later. Two threads whose holds overlap do not see each other's block: both have the same parents, and a later
//! block has both of them as parents. The jitter reaches over into the neighbours' slots, so this happens to about one
//! block in six; a single thread never overlaps with itself.

use std::time::Duration;

/// Part of the block time between taking a template and submitting the block, in thousandths.
const HOLD_MILLI: u64 = 400;
/// Largest jitter of a slot's start, in thousandths of the block time.
const MAX_JITTER_MILLI: u64 = 1_500;

/// Slots of all threads. The same seed gives the same slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    block_time: Duration,
    threads: u64,
    seed: u64,
}

/// A thread's turn, in time since the miner started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// When to take the template.
    pub start: Duration,
    /// When to submit.
    pub end: Duration,
}

impl Schedule {
    /// - `block_time`: mean time between blocks of all threads together.
    /// - `threads`: how many, at least 1.
    /// - `seed`: where the jitter comes from.
    pub fn new(block_time: Duration, threads: usize, seed: u64) -> Self {
        Self { block_time, threads: (threads as u64).max(1), seed }
    }

    /// Slot `number` of `thread`.
    pub fn slot(&self, thread: usize, number: u64) -> Slot {
        let turn = number.saturating_mul(self.threads).saturating_add(thread as u64);
        // A thread's own slots lie `threads` block times apart and must not touch.
        let jitter_milli = MAX_JITTER_MILLI.min(self.threads * 1000 - HOLD_MILLI);
        let jitter = mix(self.seed ^ mix(turn)) % jitter_milli;
        let start_milli = turn.saturating_mul(1000).saturating_add(jitter);
        Slot { start: self.at(start_milli), end: self.at(start_milli.saturating_add(HOLD_MILLI)) }
    }

    /// The first slot number of `thread` that starts at or behind `now`, and not before `from`.
    pub fn next_number(&self, thread: usize, from: u64, now: Duration) -> u64 {
        // Jitter is below two block times: the search starts that much too early and ends after a few steps.
        let cycle = self.block_time.saturating_mul(u32::try_from(self.threads).unwrap_or(u32::MAX));
        let elapsed = now.as_nanos() / cycle.as_nanos().max(1);
        let mut number = u64::try_from(elapsed).unwrap_or(u64::MAX).saturating_sub(3).max(from);
        while self.slot(thread, number).start < now {
            number += 1;
        }
        number
    }

    fn at(&self, milli: u64) -> Duration {
        let nanos = self.block_time.as_nanos().saturating_mul(u128::from(milli)) / 1000;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// SplitMix64's output function: spreads a counter over all 64 bits.
pub(crate) fn mix(counter: u64) -> u64 {
    let mut z = counter.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(threads: usize, rounds: u64, seed: u64) -> Vec<(usize, Slot)> {
        let schedule = Schedule::new(Duration::from_secs(1), threads, seed);
        let mut slots: Vec<_> = (0..threads).flat_map(|t| (0..rounds).map(move |n| (t, schedule.slot(t, n)))).collect();
        slots.sort_by_key(|(_, slot)| slot.start);
        slots
    }

    #[test]
    fn one_block_a_second_on_average() {
        for threads in 1..=5 {
            let slots = slots(threads, 1000, 7);
            let last = slots.last().expect("not empty").1.end;
            let expected = Duration::from_secs(slots.len() as u64);
            assert!(last.abs_diff(expected) < Duration::from_secs(3), "{threads} threads: {last:?}");
        }
    }

    #[test]
    fn two_threads_overlap_now_and_then_and_never_with_themselves() {
        for seed in 0..20 {
            let slots = slots(2, 1000, seed);
            let overlaps = slots.windows(2).filter(|pair| pair[1].1.start < pair[0].1.end).count();
            assert!((200..500).contains(&overlaps), "{overlaps} of 2000");
            for thread in 0..2 {
                let own: Vec<_> = slots.iter().filter(|(t, _)| *t == thread).collect();
                assert!(own.windows(2).all(|pair| pair[0].1.end <= pair[1].1.start));
            }
        }
        assert!(slots(1, 1000, 3).windows(2).all(|pair| pair[0].1.end <= pair[1].1.start));
    }

    #[test]
    fn missed_slots_are_skipped() {
        let schedule = Schedule::new(Duration::from_millis(100), 3, 1);
        for thread in 0..3 {
            for now in [0, 50, 1234, 98_765] {
                let now = Duration::from_millis(now);
                let number = schedule.next_number(thread, 0, now);
                assert!(schedule.slot(thread, number).start >= now);
                assert!(number == 0 || schedule.slot(thread, number - 1).start < now);
                assert_eq!(schedule.next_number(thread, number + 5, now), number + 5);
            }
        }
    }
}
