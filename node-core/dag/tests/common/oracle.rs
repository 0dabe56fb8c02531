//! The rules by their definitions, on explicit sets and by full scans. Slow, and written from docs/spec/consensus.md alone.

use std::cmp::Reverse;

use num_bigint::BigUint;

use super::exact;
use super::graph::{Bits, PlainDag};

/// Everything that R2 to R8 say about a graph, by block number.
pub struct Oracle<'a> {
    pub plain: &'a PlainDag,
    pub past: Vec<Bits>,
    pub anticone: Vec<Bits>,
    pub selected_parent: Vec<usize>,
    /// All blues of the past, as the block sees them.
    pub blue_set: Vec<Bits>,
    /// Blues of the mergeset: the selected parent, then in order.
    pub blues: Vec<Vec<usize>>,
    pub reds: Vec<Vec<usize>>,
    pub score: Vec<u64>,
    pub work: Vec<BigUint>,
}

/// Blocks found by following parents, one after the other.
pub fn past_by_search(plain: &PlainDag, block: usize) -> Bits {
    let mut past = Bits::new(plain.len());
    let mut open = vec![block];
    while let Some(current) = open.pop() {
        for &parent in &plain.parents[current] {
            if !past.has(parent) {
                past.set(parent);
                open.push(parent);
            }
        }
    }
    past
}

impl<'a> Oracle<'a> {
    pub fn new(plain: &'a PlainDag, k: usize) -> Self {
        let n = plain.len();
        let past: Vec<Bits> = (0..n).map(|block| past_by_search(plain, block)).collect();
        let mut anticone = vec![Bits::new(n); n];
        for (a, set) in anticone.iter_mut().enumerate() {
            for b in (0..n).filter(|&b| a != b && !past[a].has(b) && !past[b].has(a)) {
                set.set(b);
            }
        }
        let mut oracle = Self {
            plain,
            past,
            anticone,
            selected_parent: vec![usize::MAX],
            blue_set: vec![Bits::new(n)],
            blues: vec![Vec::new()],
            reds: vec![Vec::new()],
            score: vec![0],
            work: vec![BigUint::ZERO],
        };
        let work_of_bits: Vec<BigUint> = plain.bits.iter().map(|bits| exact::work_of(bits.0)).collect();
        for block in 1..n {
            oracle.color(block, k, &work_of_bits);
        }
        oracle
    }

    /// R3 and R4: greedily, what leaves the blue set a k-cluster.
    fn color(&mut self, block: usize, k: usize, work_of_bits: &[BigUint]) {
        let parent = self.heaviest(&self.plain.parents[block]).expect("it has parents");
        let mut candidates = self.set_difference(block, parent);
        candidates.sort_by(|&a, &b| self.key(a).cmp(&self.key(b)));
        let mut set = self.blue_set[parent].clone();
        set.set(parent);
        let (mut blues, mut reds) = (vec![parent], Vec::new());
        for candidate in candidates {
            let mut with = set.clone();
            with.set(candidate);
            let is_cluster = || (0..block).filter(|&b| with.has(b)).all(|b| self.anticone[b].count_common(&with) <= k);
            if blues.len() < k + 1 && is_cluster() {
                blues.push(candidate);
                set = with;
            } else {
                reds.push(candidate);
            }
        }
        self.score.push(self.score[parent] + blues.len() as u64);
        self.work.push(&self.work[parent] + blues.iter().map(|&b| &work_of_bits[b]).sum::<BigUint>());
        self.selected_parent.push(parent);
        self.blue_set.push(set);
        self.blues.push(blues);
        self.reds.push(reds);
    }

    /// What blocks are ordered by.
    pub fn key(&self, block: usize) -> (&BigUint, [u8; 32]) {
        (&self.work[block], self.plain.hash[block].0)
    }

    pub fn heaviest(&self, blocks: &[usize]) -> Option<usize> {
        blocks.iter().copied().max_by(|&a, &b| self.key(a).cmp(&self.key(b)))
    }

    /// Whether `a` is `b` or in its past.
    pub fn is_ancestor(&self, a: usize, b: usize) -> bool {
        a == b || self.past[b].has(a)
    }

    /// past(block) without past(parent) and `parent` itself.
    fn set_difference(&self, block: usize, parent: usize) -> Vec<usize> {
        (0..block).filter(|&b| self.past[block].has(b) && !self.is_ancestor(b, parent)).collect()
    }

    /// R3: the mergeset, the selected parent included; genesis has none.
    pub fn mergeset(&self, block: usize) -> Vec<usize> {
        if block == 0 {
            return Vec::new();
        }
        let parent = self.selected_parent[block];
        let mut all = self.set_difference(block, parent);
        all.push(parent);
        all
    }

    /// R4's consensus order.
    pub fn ordered_mergeset(&self, block: usize) -> Vec<usize> {
        let parent = self.selected_parent[block];
        let mut rest = self.set_difference(block, parent);
        rest.sort_by(|&a, &b| self.key(a).cmp(&self.key(b)));
        rest.insert(0, parent);
        rest
    }

    /// The selected chain from `block` down to genesis.
    pub fn chain(&self, block: usize) -> Vec<usize> {
        let mut chain = vec![block];
        let mut current = block;
        while current != 0 {
            current = self.selected_parent[current];
            chain.push(current);
        }
        chain
    }

    /// R8: merged blocks that are too old to count.
    pub fn non_daa(&self, block: usize, window: u64) -> Vec<usize> {
        let mut old = self.mergeset(block);
        old.retain(|&merged| self.score[merged] + window < self.score[block]);
        old.sort_unstable();
        old
    }

    /// R8: blocks of the past that counted when the chain merged them.
    pub fn daa_score(&self, block: usize, window: u64) -> u64 {
        let chain = self.chain(block);
        let counted = chain.iter().map(|&b| self.mergeset(b).len() - self.non_daa(b, window).len());
        counted.sum::<usize>() as u64
    }

    /// R7: the samples' timestamps, newest first, for a block whose selected parent is `parent`.
    pub fn time_samples(&self, parent: usize, interval: u64, count: usize) -> Vec<u64> {
        let chain = self.chain(parent);
        let reaches_multiple = |i: usize| match chain.get(i + 1) {
            None => true,
            Some(&below) => (self.score[below] + 1..=self.score[chain[i]]).any(|score| score.is_multiple_of(interval)),
        };
        let samples = (0..chain.len()).filter(|&i| reaches_multiple(i)).map(|i| self.plain.timestamp[chain[i]]);
        samples.take(count).collect()
    }

    /// R7: the mean of the middle ones.
    pub fn past_median_time(&self, parent: usize, interval: u64, count: usize, middle: usize) -> u64 {
        let mut samples = self.time_samples(parent, interval, count);
        samples.sort_unstable();
        // Take off both ends, the lower one first, until the middle is left.
        let mut lower = true;
        while samples.len() > middle {
            if lower {
                samples.remove(0);
            } else {
                samples.pop();
            }
            lower = !lower;
        }
        // To the nearest; halves go up.
        let (sum, n) = (samples.iter().sum::<u64>(), samples.len() as u64);
        if (sum % n) * 2 >= n { sum / n + 1 } else { sum / n }
    }

    /// R8, KIP-4: blocks by the numbers that their merging chain blocks give them, the heaviest `count`, ascending.
    ///
    /// - `daa`: DAA scores of all blocks.
    pub fn kip4_samples(&self, block: usize, interval: u64, count: usize, window: u64, daa: &[u64]) -> Vec<usize> {
        let mut samples = Vec::new();
        for chain_block in self.chain(block) {
            let mut merged = self.mergeset(chain_block);
            merged.sort_by(|&a, &b| self.key(b).cmp(&self.key(a)));
            for (i, &b) in merged.iter().enumerate() {
                let number = daa[self.selected_parent[chain_block]] + 1 + i as u64;
                let is_young = self.score[b] + window >= self.score[chain_block];
                if b != 0 && is_young && number.is_multiple_of(interval) {
                    samples.push(b);
                }
            }
        }
        samples.sort_by_key(|&b| Reverse(self.key(b)));
        samples.truncate(count);
        samples.reverse();
        samples
    }

    /// R6: the highest block on the chain whose blue score is more than `depth` below; genesis while there is none.
    pub fn depth_root(&self, block: usize, depth: u64) -> usize {
        let chain = self.chain(block);
        chain.into_iter().find(|&b| self.score[b] + depth < self.score[block]).unwrap_or(0)
    }

    /// R6: reds that nothing excuses, in order; and how many a blue block vouches for.
    pub fn too_deep(&self, block: usize, root: usize) -> (Vec<usize>, usize) {
        let vouches = |red: usize| {
            let blues = self.blues[block].iter();
            blues.copied().any(|blue| self.chain(blue).contains(&root) && self.is_ancestor(red, blue))
        };
        let below: Vec<usize> = self.reds[block].iter().copied().filter(|&red| !self.is_ancestor(root, red)).collect();
        let refused: Vec<usize> = below.iter().copied().filter(|&red| !vouches(red)).collect();
        let vouched = below.len() - refused.len();
        (refused, vouched)
    }
}
