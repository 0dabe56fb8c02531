//! Graphs as plain numbers, and how a failing one is made smaller.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};

use umbel_types::{BlockHash, CompactTarget};

use super::Rng;

/// A set of block numbers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bits(Vec<u64>);

impl Bits {
    pub fn new(n: usize) -> Self {
        Self(vec![0; n.div_ceil(64)])
    }
    pub fn has(&self, i: usize) -> bool {
        self.0[i / 64] >> (i % 64) & 1 == 1
    }
    pub fn set(&mut self, i: usize) {
        self.0[i / 64] |= 1 << (i % 64);
    }
    pub fn union(&mut self, other: &Self) {
        for (a, b) in self.0.iter_mut().zip(&other.0) {
            *a |= b;
        }
    }
    pub fn count_common(&self, other: &Self) -> usize {
        self.0.iter().zip(&other.0).map(|(a, b)| (a & b).count_ones() as usize).sum()
    }
}

/// Block 0 is genesis; parents come before children and are an antichain.
#[derive(Clone)]
pub struct PlainDag {
    pub parents: Vec<Vec<usize>>,
    pub hash: Vec<BlockHash>,
    pub bits: Vec<CompactTarget>,
    pub timestamp: Vec<u64>,
}

/// Bits with works 2, 4, 8 and 16: blue work is not blue score, and ties are common.
const EASY_BITS: [u32; 4] = [0x207f_ffff, 0x203f_ffff, 0x201f_ffff, 0x200f_ffff];
/// Works from 2 to 2²³²: one block outweighs a whole branch.
const MIXED_BITS: [u32; 6] = [0x207f_ffff, 0x1f00_ffff, 0x1d00_ffff, 0x1b04_04cb, 0x1000_ffff, 0x0400_8000];

impl PlainDag {
    /// Ids, bits and timestamps for a shape: bits all the same, mixed a little, or by orders of magnitude; timestamps
    /// in order, nearly so, anything, or with many ties.
    pub fn from_parents(parents: Vec<Vec<usize>>, rng: &mut Rng) -> Self {
        let n = parents.len();
        let choices: &[u32] = match rng.below(4) {
            0 => &EASY_BITS[..1],
            1 => &MIXED_BITS,
            _ => &EASY_BITS,
        };
        let (step, spread) = [(1000, 1), (1000, 20_000), (0, 1 << 40), (0, 4)][rng.below(4)];
        Self {
            hash: (0..n).map(|_| rng.hash()).collect(),
            bits: (0..n).map(|_| CompactTarget(choices[rng.below(choices.len())])).collect(),
            timestamp: (0..n as u64).map(|i| 1_000_000 + i * step + rng.next() % spread).collect(),
            parents,
        }
    }

    pub fn len(&self) -> usize {
        self.parents.len()
    }

    /// The first `n` blocks.
    fn prefix(&self, n: usize) -> Self {
        Self {
            parents: self.parents[..n].to_vec(),
            hash: self.hash[..n].to_vec(),
            bits: self.bits[..n].to_vec(),
            timestamp: self.timestamp[..n].to_vec(),
        }
    }

    /// Without one block: its children stand on its parents.
    fn without(&self, block: usize) -> Self {
        let mut grower = Grower::default();
        for (number, own) in self.parents.iter().enumerate().filter(|&(number, _)| number != block) {
            let parents = own.iter().flat_map(|&parent| {
                let bypassed = if parent == block { self.parents[block].clone() } else { vec![parent] };
                bypassed.into_iter().map(|parent| parent - usize::from(parent > block))
            });
            let parents: Vec<usize> = parents.collect();
            if number == 0 {
                grower.start()
            } else {
                grower.add(&parents)
            };
        }
        let keep = |n: &usize| *n != block;
        let rest: Vec<usize> = (0..self.len()).filter(keep).collect();
        Self {
            parents: grower.parents,
            hash: rest.iter().map(|&n| self.hash[n]).collect(),
            bits: rest.iter().map(|&n| self.bits[n]).collect(),
            timestamp: rest.iter().map(|&n| self.timestamp[n]).collect(),
        }
    }

    /// What `check` gives, which panics for a bad graph. A bad one is made as small as it stays bad, and printed with
    /// `title`.
    pub fn check_or_shrink<T>(&self, title: &str, check: impl Fn(&Self) -> T) -> T {
        let run = |dag: &Self| catch_unwind(AssertUnwindSafe(|| check(dag)));
        if let Ok(result) = run(self) {
            return result;
        }
        let fails = |dag: &Self| run(dag).is_err();
        let hook = take_hook();
        set_hook(Box::new(|_| {}));
        let mut small = self.clone();
        if let Some(n) = (2..self.len()).find(|&n| fails(&self.prefix(n))) {
            small = self.prefix(n);
        }
        while let Some(smaller) = (1..small.len()).rev().map(|block| small.without(block)).find(|dag| fails(dag)) {
            small = smaller;
        }
        set_hook(hook);
        println!("{title}\nsmallest graph that fails:\n{small}");
        check(&small);
        panic!("{title}: the smaller graph fails only now and then");
    }
}

impl fmt::Display for PlainDag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, parents) in self.parents.iter().enumerate() {
            let (hash, bits, time) = (self.hash[number], self.bits[number].0, self.timestamp[number]);
            writeln!(f, "  {number} on {parents:?}, id {hash}, bits {bits:#x}, timestamp {time}")?;
        }
        Ok(())
    }
}

/// A graph while it grows.
#[derive(Default)]
pub struct Grower {
    pub parents: Vec<Vec<usize>>,
    past: Vec<Vec<bool>>,
}

impl Grower {
    /// Genesis.
    pub fn start(&mut self) -> usize {
        self.parents.push(Vec::new());
        self.past.push(Vec::new());
        0
    }

    pub fn len(&self) -> usize {
        self.parents.len()
    }

    pub fn is_before(&self, a: usize, b: usize) -> bool {
        self.past[b].get(a).is_some_and(|&is| is)
    }

    /// A block above `chosen`, less those of them that are in another's past.
    pub fn add(&mut self, chosen: &[usize]) -> usize {
        let mut own: Vec<usize> =
            chosen.iter().copied().filter(|&a| !chosen.iter().any(|&b| self.is_before(a, b))).collect();
        own.sort_unstable();
        own.dedup();
        let mut past = vec![false; self.len()];
        for &parent in &own {
            past[parent] = true;
            for (block, is) in self.past[parent].iter().enumerate() {
                past[block] |= is;
            }
        }
        self.parents.push(own);
        self.past.push(past);
        self.len() - 1
    }

    /// Tips among the first `n` blocks, newest first.
    pub fn tips(&self, n: usize) -> Vec<usize> {
        let mut is_tip = vec![true; n];
        for own in &self.parents[..n] {
            for &parent in own {
                is_tip[parent] = false;
            }
        }
        (0..n).rev().filter(|&block| is_tip[block]).collect()
    }
}
