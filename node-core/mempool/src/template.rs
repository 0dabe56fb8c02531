//! Which transactions a miner takes: weighted random sampling.
//!
//! In a DAG many blocks are mined at once. If every miner took the best transactions, parallel blocks would carry the
//! same ones and most of their room would be lost. So each draws at random, with weight `feerate³`: who pays twice as
//! much is drawn eight times as often, and no two miners draw alike.
//!
//! A body is bounded by bytes and by state bytes. Mass weighs both on one scale: ten for a state byte makes a body full
//! of state as heavy as a body full of bytes, and a transaction's feerate is for the larger of its two shares. So what
//! takes much state is drawn as seldom as its fee deserves. Once the room for state is used up, only what adds none is
//! drawn, and the bytes left are not lost.

use core::cmp::Reverse;
use std::sync::Arc;

use umbel_types::consensus_api::{BodyRoom, TxSelector};
use umbel_types::errors::TxContextError;
use umbel_types::{Transaction, TxId};

use crate::pool::Mempool;

#[derive(Clone, Debug)]
struct Choice {
    txid: TxId,
    tx: Arc<Transaction>,
    size_bytes: usize,
    state_bytes: u64,
    /// Zero once it was drawn.
    weight: u128,
}

impl Choice {
    fn fits(&self, room: BodyRoom) -> bool {
        self.size_bytes <= room.bytes && self.state_bytes <= room.state_bytes
    }
}

/// Draws from the pool as it was when the selector was made; holds no lock on it.
#[derive(Clone, Debug)]
pub struct TemplateSelector {
    /// Best first.
    choices: Vec<Choice>,
    rng: SplitMix64,
    rejected: Vec<TxId>,
}

impl Mempool {
    /// A selector over all that can stand in the next block. `seed` has to differ from template to template and from node
    /// to node.
    pub fn selector(&self, seed: u64) -> TemplateSelector {
        let ready = self.pool.best_first().filter(|entry| !self.pool.is_blocked(entry.txid));
        let choices = ready.map(|entry| Choice {
            txid: entry.txid,
            tx: Arc::clone(&entry.tx),
            size_bytes: entry.size_bytes,
            state_bytes: entry.state_bytes,
            weight: entry.feerate.fixed_point().pow(3),
        });
        TemplateSelector { choices: choices.collect(), rng: SplitMix64(seed), rejected: Vec::new() }
    }
}

impl TemplateSelector {
    /// What consensus could not use: for [`Mempool::settle_rejected`].
    pub fn into_rejected(self) -> Vec<TxId> {
        self.rejected
    }
}

impl TxSelector for TemplateSelector {
    fn select(&mut self, mut room: BodyRoom) -> Vec<Arc<Transaction>> {
        let choices = &mut self.choices;
        let weight = |choice: &Choice| if choice.fits(room) { choice.weight } else { 0 };
        let mut weights: Vec<u128> = choices.iter().map(weight).collect();
        let mut tree = WeightTree::new(&weights);
        // Room only shrinks: what stops fitting is at the front of one of these, and leaves the tree once.
        let fitting = || (0..weights.len()).filter(|index| weights[*index] > 0);
        let mut longest: Vec<usize> = fitting().collect();
        longest.sort_unstable_by_key(|index| Reverse(choices[*index].size_bytes));
        let mut hungriest: Vec<usize> = fitting().filter(|index| choices[*index].state_bytes > 0).collect();
        hungriest.sort_unstable_by_key(|index| Reverse(choices[*index].state_bytes));
        let shortest = longest.last().map_or(0, |index| choices[*index].size_bytes);
        let (mut longest, mut hungriest) = (longest.into_iter().peekable(), hungriest.into_iter().peekable());

        let mut drawn = Vec::new();
        while tree.total > 0 && room.bytes >= shortest {
            let index = tree.find(self.rng.below(tree.total));
            tree.subtract(index, core::mem::take(&mut weights[index]));
            room.bytes -= choices[index].size_bytes;
            room.state_bytes -= choices[index].state_bytes;
            choices[index].weight = 0;
            drawn.push(index);
            for sorted in [&mut longest, &mut hungriest] {
                while let Some(index) = sorted.next_if(|index| !choices[*index].fits(room)) {
                    tree.subtract(index, core::mem::take(&mut weights[index]));
                }
            }
        }
        drawn.sort_unstable();
        drawn.into_iter().map(|index| Arc::clone(&choices[index].tx)).collect()
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
    fn new(weights: &[u128]) -> Self {
        let mut sums = vec![0];
        sums.extend(weights);
        let total = weights.iter().sum();
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
        let mut i = index + 1;
        while i < self.sums.len() {
            self.sums[i] -= weight;
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
            steps in prop::collection::vec((any::<prop::sample::Index>(), any::<u64>()), 0..40),
        ) {
            let mut tree = WeightTree::new(&weights);
            for (index, point) in steps {
                let index = index.index(weights.len());
                tree.subtract(index, weights[index]);
                weights[index] = 0;
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
