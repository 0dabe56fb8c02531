//! Which transactions a miner takes: weighted random sampling.
//!
//! In a DAG many blocks are mined at once. If every miner took the best transactions, parallel blocks would carry the
//! same ones and most of their room would be lost. So each draws at random, with weight `feerate³`: who pays twice as
//! much is drawn eight times as often, and no two miners draw alike.

use std::sync::Arc;

use umbel_types::consensus_api::TxSelector;
use umbel_types::errors::TxContextError;
use umbel_types::{Transaction, TxId};

use crate::pool::Mempool;

/// Drawn transactions in a row that no longer fit, after which a template counts as full.
const MAX_MISSES: usize = 50;

#[derive(Clone, Debug)]
struct Choice {
    txid: TxId,
    tx: Arc<Transaction>,
    size_bytes: usize,
    weight: u128,
}

/// Draws from the pool as it was when the selector was made; holds no lock on it.
#[derive(Clone, Debug)]
pub struct TemplateSelector {
    /// Best first.
    choices: Vec<Choice>,
    /// Weights of those not drawn yet.
    weights: WeightTree,
    rng: SplitMix64,
    rejected: Vec<TxId>,
}

impl Mempool {
    /// A selector over all that waits now. `seed` has to differ from template to template and from node to node.
    pub fn selector(&self, seed: u64) -> TemplateSelector {
        let choices: Vec<Choice> = self
            .pool
            .best_first()
            .map(|entry| Choice {
                txid: entry.txid,
                tx: Arc::clone(&entry.tx),
                size_bytes: entry.size_bytes,
                weight: entry.feerate.fixed_point().pow(3),
            })
            .collect();
        let weights = WeightTree::new(choices.iter().map(|choice| choice.weight));
        TemplateSelector { choices, weights, rng: SplitMix64(seed), rejected: Vec::new() }
    }
}

impl TemplateSelector {
    /// What consensus could not use: for [`Mempool::settle_rejected`].
    pub fn into_rejected(self) -> Vec<TxId> {
        self.rejected
    }
}

impl TxSelector for TemplateSelector {
    /// Draws without putting back; a further call draws from the rest.
    fn select(&mut self, max_bytes: usize) -> Vec<Arc<Transaction>> {
        let mut room = max_bytes;
        let mut drawn = Vec::new();
        let mut too_long = Vec::new();
        let mut misses = 0;
        while self.weights.total > 0 && misses < MAX_MISSES {
            let index = self.weights.find(self.rng.below(self.weights.total));
            let choice = &self.choices[index];
            self.weights.subtract(index, choice.weight);
            if choice.size_bytes <= room {
                room -= choice.size_bytes;
                drawn.push(index);
                misses = 0;
            } else {
                too_long.push(index);
                misses += 1;
            }
        }
        for index in too_long {
            self.weights.add(index, self.choices[index].weight);
        }
        drawn.sort_unstable();
        drawn.into_iter().map(|index| Arc::clone(&self.choices[index].tx)).collect()
    }

    /// The pool is asked to look at it again; the error may be out of date by then.
    fn reject(&mut self, txid: TxId, _error: TxContextError) {
        if self.rejected.len() < self.choices.len() && self.choices.iter().any(|choice| choice.txid == txid) {
            self.rejected.push(txid);
        }
    }
}

/// Binary indexed tree: sums of weights from the front, changed and searched in logarithmic time.
#[derive(Clone, Debug)]
struct WeightTree {
    /// `sums[i]` covers the `i & -i` weights that end with number `i - 1`; entry 0 is not used.
    sums: Vec<u128>,
    total: u128,
}

impl WeightTree {
    fn new(weights: impl Iterator<Item = u128>) -> Self {
        let mut sums = vec![0];
        sums.extend(weights);
        let total = sums.iter().sum();
        for i in 1..sums.len() {
            let parent = i + (i & i.wrapping_neg());
            if parent < sums.len() {
                sums[parent] += sums[i];
            }
        }
        Self { sums, total }
    }

    fn subtract(&mut self, index: usize, weight: u128) {
        self.total -= weight;
        self.change(index, |sum| *sum -= weight);
    }

    fn add(&mut self, index: usize, weight: u128) {
        self.total += weight;
        self.change(index, |sum| *sum += weight);
    }

    fn change(&mut self, index: usize, f: impl Fn(&mut u128)) {
        let mut i = index + 1;
        while i < self.sums.len() {
            f(&mut self.sums[i]);
            i += i & i.wrapping_neg();
        }
    }

    /// The weight that covers `point`, with `point` below the total.
    fn find(&self, mut point: u128) -> usize {
        let mut before = 0;
        let mut step = self.sums.len().next_power_of_two();
        while step > 0 {
            if let Some(sum) = self.sums.get(before + step)
                && *sum <= point
            {
                point -= sum;
                before += step;
            }
            step /= 2;
        }
        before
    }
}

/// SplitMix64: enough for choosing; nothing is kept secret with it.
#[derive(Clone, Debug)]
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Evenly from `0..n`, for `n > 0`: draws as many bits as `n` has until they lie below it.
    fn below(&mut self, n: u128) -> u128 {
        let mask = u128::MAX >> (n - 1).leading_zeros().min(127);
        loop {
            let drawn = ((u128::from(self.next()) << 64) | u128::from(self.next())) & mask;
            if drawn < n {
                return drawn;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_tree_equals_a_linear_search(
            mut weights in prop::collection::vec(0u128..50, 1..40),
            steps in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>(), any::<u64>()), 0..40),
        ) {
            let mut tree = WeightTree::new(weights.iter().copied());
            for (index, down, point) in steps {
                let index = index.index(weights.len());
                if down {
                    tree.subtract(index, weights[index]);
                    weights[index] = 0;
                } else {
                    tree.add(index, 7);
                    weights[index] += 7;
                }
                let total: u128 = weights.iter().sum();
                prop_assert_eq!(tree.total, total);
                if total == 0 {
                    continue;
                }
                let point = u128::from(point) % total;
                let mut before = 0;
                let expected = weights.iter().position(|w| { before += w; before > point });
                prop_assert_eq!(Some(tree.find(point)), expected);
            }
        }
    }

    #[test]
    fn draws_are_even() {
        let mut rng = SplitMix64(1);
        let mut counts = [0u32; 5];
        for _ in 0..50_000 {
            counts[usize::try_from(rng.below(5)).unwrap()] += 1;
        }
        assert!(counts.iter().all(|n| (9_700..10_300).contains(n)), "{counts:?}");
        assert_eq!(rng.below(1), 0);
        assert!(rng.below(u128::MAX) < u128::MAX);
    }
}
