//! What was accepted a short time ago.

use std::collections::{BTreeMap, VecDeque};

use umbel_types::{TimestampMs, TxId};

/// How long an accepted transaction is remembered, in ms: ten minutes, the window of the fee estimate (network.md §7).
const RECENT_MS: u64 = 600_000;
/// Shortest time over which a rate is computed, in ms: one full block is no congestion.
const MIN_RATE_MS: u64 = 60_000;
/// Most accepted transactions that are remembered: a minute of full blocks at ten a second, which is the shortest time
/// that tells a rate.
const MAX_RECENT: usize = 40_000;

#[derive(Clone, Copy, Debug)]
struct Accepted {
    txid: TxId,
    sequence: u64,
    at: TimestampMs,
    paid: Option<Paid>,
}

/// What a transaction paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Paid {
    /// Base units for a unit of mass.
    pub(crate) per_mass: u64,
    /// Length of the transaction.
    pub(crate) bytes: u64,
}

/// Recently accepted transactions, oldest first.
#[derive(Debug, Default)]
pub(crate) struct RecentlyAccepted {
    queue: VecDeque<Accepted>,
    /// Number of the entry that counts; others of the same transaction were taken back by a reorganisation.
    valid: BTreeMap<TxId, u64>,
    sequence: u64,
}

impl RecentlyAccepted {
    /// Remembers a transaction; `paid` if it is known.
    pub(crate) fn push(&mut self, txid: TxId, at: TimestampMs, paid: Option<Paid>) {
        self.forget_old(at);
        if self.queue.len() >= MAX_RECENT {
            self.pop();
        }
        self.sequence += 1;
        self.queue.push_back(Accepted { txid, sequence: self.sequence, at, paid });
        self.valid.insert(txid, self.sequence);
    }

    /// Forgets what a reorganisation took back.
    pub(crate) fn take_back(&mut self, txid: TxId) {
        self.valid.remove(&txid);
    }

    /// Whether it was accepted a short time ago.
    pub(crate) fn contains(&self, txid: TxId) -> bool {
        self.valid.contains_key(&txid)
    }

    /// What was paid, by ascending feerate, and the bytes a second of all that is remembered.
    pub(crate) fn paid(&self, now: TimestampMs) -> (Vec<Paid>, u64) {
        let since = now.saturating_sub(RECENT_MS);
        let counts = |a: &&Accepted| a.at >= since && self.valid.get(&a.txid) == Some(&a.sequence);
        let mut paid: Vec<Paid> = self.queue.iter().filter(counts).filter_map(|a| a.paid).collect();
        paid.sort_unstable();
        let oldest = self.queue.front().map_or(now, |a| a.at.max(since));
        let span_ms = now.saturating_sub(oldest.0).0.max(MIN_RATE_MS);
        let bytes: u64 = paid.iter().map(|p| p.bytes).sum();
        (paid, bytes.saturating_mul(1_000) / span_ms)
    }

    /// Forgets what is older than the window.
    pub(crate) fn forget_old(&mut self, now: TimestampMs) {
        let since = now.saturating_sub(RECENT_MS);
        while self.queue.front().is_some_and(|oldest| oldest.at < since) {
            self.pop();
        }
    }

    fn pop(&mut self) {
        let Some(oldest) = self.queue.pop_front() else { return };
        if self.valid.get(&oldest.txid) == Some(&oldest.sequence) {
            self.valid.remove(&oldest.txid);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_back_and_accepted_again_counts_once() {
        let (a, b) = (TxId([1; 32]), TxId([2; 32]));
        let paid = |per_mass| Some(Paid { per_mass, bytes: 600 });
        let mut recent = RecentlyAccepted::default();
        recent.push(a, TimestampMs(1_000_000), paid(5));
        recent.push(b, TimestampMs(1_000_000), paid(3));
        recent.take_back(a);
        assert!(!recent.contains(a) && recent.contains(b));
        recent.push(a, TimestampMs(1_001_000), paid(5));
        let (paid, rate) = recent.paid(TimestampMs(1_010_000));
        assert_eq!(paid.iter().map(|p| p.per_mass).collect::<Vec<_>>(), [3, 5]);
        assert_eq!(rate, 1_200 / 60);
        recent.forget_old(TimestampMs(1_600_500));
        assert!(recent.contains(a) && !recent.contains(b));
    }

    #[test]
    fn it_is_bounded() {
        let mut recent = RecentlyAccepted::default();
        for n in 0..MAX_RECENT as u64 + 10 {
            let mut id = [0; 32];
            id[..8].copy_from_slice(&n.to_le_bytes());
            recent.push(TxId(id), TimestampMs(n / 100), None);
        }
        assert_eq!((recent.queue.len(), recent.valid.len()), (MAX_RECENT, MAX_RECENT));
    }
}
