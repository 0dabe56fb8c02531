//! What was accepted last.

use std::collections::{BTreeMap, VecDeque};

use umbel_types::{TimestampMs, TxId};

use crate::feerate::Feerate;

/// What counts for the fee estimate, in ms: ten minutes (docs/spec/mempool.md M8).
const WINDOW_MS: u64 = 600_000;
/// Shortest time over which a rate is computed, in ms: one full block is no congestion.
const MIN_RATE_MS: u64 = 60_000;
/// Most accepted transactions that are remembered: more than a minute of full blocks at ten a second, which is the
/// shortest time that tells a rate. Some 6 MiB.
const MAX_RECENT: usize = 40_000;

#[derive(Clone, Copy, Debug)]
struct Accepted {
    txid: TxId,
    sequence: u64,
    at: TimestampMs,
    paid: Option<Paid>,
}

/// What a transaction paid, and for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Paid {
    /// Base units for a unit of mass.
    pub(crate) per_mass: u64,
    /// Length of the transaction.
    pub(crate) bytes: u64,
    /// Its state bytes.
    pub(crate) state_bytes: u64,
}

impl Paid {
    pub(crate) fn new(feerate: Feerate, size_bytes: usize, state_bytes: u64) -> Self {
        Self { per_mass: feerate.per_mass(), bytes: size_bytes as u64, state_bytes }
    }
}

/// What the accepted transactions of the window paid.
#[derive(Clone, Debug, Default)]
pub(crate) struct Window {
    /// By ascending feerate.
    pub(crate) paid: Vec<Paid>,
    /// Time that it covers, in ms.
    pub(crate) span_ms: u64,
}

/// Transactions accepted last, oldest first.
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
        if self.queue.len() >= MAX_RECENT
            && let Some(oldest) = self.queue.pop_front()
            && self.valid.get(&oldest.txid) == Some(&oldest.sequence)
        {
            self.valid.remove(&oldest.txid);
        }
        self.sequence += 1;
        self.queue.push_back(Accepted { txid, sequence: self.sequence, at, paid });
        self.valid.insert(txid, self.sequence);
    }

    /// Forgets what a reorganisation took back.
    pub(crate) fn take_back(&mut self, txid: TxId) {
        self.valid.remove(&txid);
    }

    /// Whether it is among the last that were accepted.
    pub(crate) fn contains(&self, txid: TxId) -> bool {
        self.valid.contains_key(&txid)
    }

    /// Whether a block of that time counts for the estimate.
    pub(crate) fn is_in_window(&self, at: TimestampMs, now: TimestampMs) -> bool {
        at >= now.saturating_sub(WINDOW_MS)
    }

    /// What was paid in the window that ends now.
    pub(crate) fn window(&self, now: TimestampMs) -> Window {
        let counted = self.queue.iter().filter(|a| self.is_in_window(a.at, now));
        let counted = counted.filter(|a| self.valid.get(&a.txid) == Some(&a.sequence));
        let mut window = Window { paid: Vec::new(), span_ms: MIN_RATE_MS };
        for accepted in counted {
            window.paid.extend(accepted.paid);
            window.span_ms = window.span_ms.max(now.saturating_sub(accepted.at.0).0);
        }
        window.paid.sort_unstable();
        window
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paid(per_mass: u64) -> Option<Paid> {
        Some(Paid { per_mass, bytes: 600, state_bytes: 0 })
    }

    fn rates(window: &Window) -> Vec<u64> {
        window.paid.iter().map(|p| p.per_mass).collect()
    }

    #[test]
    fn what_was_taken_back_and_accepted_again_counts_once() {
        let (a, b) = (TxId([1; 32]), TxId([2; 32]));
        let mut recent = RecentlyAccepted::default();
        recent.push(a, TimestampMs(1_000_000), paid(5));
        recent.push(b, TimestampMs(1_000_000), paid(3));
        recent.take_back(a);
        assert!(!recent.contains(a) && recent.contains(b));
        recent.push(a, TimestampMs(1_001_000), paid(5));
        let window = recent.window(TimestampMs(1_010_000));
        assert_eq!((rates(&window), window.span_ms), (vec![3, 5], MIN_RATE_MS));
        let window = recent.window(TimestampMs(1_600_500));
        assert_eq!((rates(&window), window.span_ms), (vec![5], 599_500));
        // Out of the window, and still known to be accepted.
        assert!(recent.contains(a) && recent.contains(b));
        assert!(recent.window(TimestampMs(1_700_000)).paid.is_empty());
        // A clock that was set back makes no rate out of nothing.
        assert_eq!(recent.window(TimestampMs(900_000)).span_ms, MIN_RATE_MS);
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
