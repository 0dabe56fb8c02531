//! Random block graphs, the graph in memory as the crate sees it, and where test vectors lie.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    reason = "shared by test files that each use their own part"
)]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use umbel_dag::reachability::{Reachability, ReachabilityData, ReachabilityStore, ReachabilityStoreReader};
use umbel_dag::{
    GhostdagData, GhostdagProtocol, GhostdagReader, HeaderFacts, HeaderReader, ReadError, RelationsReader, reachability,
};
use umbel_types::{BlockHash, CompactTarget, DaaScore, TimestampMs};

/// SplitMix64: small, and the same everywhere.
#[derive(Clone)]
pub struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    pub fn hash(&mut self) -> BlockHash {
        let mut bytes = [0u8; 32];
        for chunk in bytes.chunks_exact_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes());
        }
        BlockHash(bytes)
    }
}

/// Number of random graphs: `default`, unless `UMBEL_DAG_CASES` says otherwise.
pub fn cases(default: u64) -> u64 {
    std::env::var("UMBEL_DAG_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(default)
}

/// The folder of test vectors, or `None` with a message when it is not here.
pub fn vectors(folder: &str) -> Option<PathBuf> {
    let root = std::env::var_os("UMBEL_VECTORS")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors"), PathBuf::from);
    let path = root.join(folder);
    if path.is_dir() {
        return Some(path);
    }
    assert!(std::env::var_os("CI").is_none(), "CI compares with the vectors: none at {}", path.display());
    println!("SKIPPED: no test vectors at {} (set UMBEL_VECTORS)", path.display());
    None
}

/// A set of block numbers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bits(pub Vec<u64>);

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

/// A graph as plain numbers: block 0 is genesis, parents come before children. Pasts are explicit sets.
pub struct PlainDag {
    pub parents: Vec<Vec<usize>>,
    pub past: Vec<Bits>,
    pub hash: Vec<BlockHash>,
    pub bits: Vec<CompactTarget>,
    pub timestamp: Vec<u64>,
}

/// Bits with works 2, 4, 8 and 16: enough to make blue work differ from blue score.
pub const EASY_BITS: [u32; 4] = [0x207f_ffff, 0x203f_ffff, 0x201f_ffff, 0x200f_ffff];

impl PlainDag {
    pub fn from_parents(parents: Vec<Vec<usize>>, rng: &mut Rng) -> Self {
        let n = parents.len();
        let mut past: Vec<Bits> = Vec::with_capacity(n);
        for own in &parents {
            let mut set = Bits::new(n);
            for &parent in own {
                set.union(&past[parent]);
                set.set(parent);
            }
            past.push(set);
        }
        Self {
            past,
            hash: (0..n).map(|_| rng.hash()).collect(),
            bits: (0..n).map(|_| CompactTarget(EASY_BITS[rng.below(4)])).collect(),
            timestamp: (0..n as u64).map(|i| 1_000_000 + i * 1000 + rng.next() % 20_000).collect(),
            parents,
        }
    }

    /// A random graph of `n` blocks. Each block sees the graph with its own delay; now and then a branch is mined in
    /// secret for a while, or a block goes back to a long gone one.
    pub fn random(rng: &mut Rng, n: usize) -> Self {
        let max_delay = 1 + rng.below(12);
        let max_parents = 1 + rng.below(8);
        let oddity = rng.below(30);
        let mut past: Vec<Bits> = vec![Bits::new(n)];
        let mut parents: Vec<Vec<usize>> = vec![Vec::new()];
        let mut secret: Option<usize> = None;
        for block in 1..n {
            let visible = block.saturating_sub(rng.below(max_delay)).max(1);
            let roll = rng.below(100);
            let mut chosen: Vec<usize> = if let (Some(tip), true) = (secret, roll < 40) {
                vec![tip]
            } else if roll < 40 + oddity {
                vec![rng.below(visible)]
            } else {
                // The tips of what is visible, the newest first.
                let tips = (0..visible).rev().filter(|&b| (b + 1..visible).all(|later| !past[later].has(b)));
                tips.take(max_parents).collect()
            };
            if rng.below(10) == 0 {
                chosen.push(rng.below(visible));
            }
            // No parent in another's past.
            chosen.sort_unstable();
            chosen.dedup();
            let own: Vec<usize> =
                chosen.iter().copied().filter(|&a| chosen.iter().all(|&b| a == b || !past[b].has(a))).collect();
            let mut set = Bits::new(n);
            for &parent in &own {
                set.union(&past[parent]);
                set.set(parent);
            }
            past.push(set);
            parents.push(own);
            if secret.is_some() && roll < 40 {
                secret = Some(block);
            }
            if rng.below(40) == 0 {
                secret = if secret.is_some() { None } else { Some(block) };
            }
        }
        Self::from_parents(parents, rng)
    }

    pub fn len(&self) -> usize {
        self.parents.len()
    }

    /// Whether `a` is `b` or in its past.
    pub fn is_ancestor(&self, a: usize, b: usize) -> bool {
        a == b || self.past[b].has(a)
    }
}

/// The graph as the crate sees it.
#[derive(Default)]
pub struct MemoryDag {
    pub parents: BTreeMap<BlockHash, Arc<[BlockHash]>>,
    pub ghostdag: BTreeMap<BlockHash, Arc<GhostdagData>>,
    pub facts: BTreeMap<BlockHash, HeaderFacts>,
    pub reachability: BTreeMap<BlockHash, Arc<ReachabilityData>>,
    pub root: Option<BlockHash>,
    /// Writes of reachability since genesis.
    pub writes: usize,
}

impl RelationsReader for MemoryDag {
    fn parents(&self, block: BlockHash) -> Result<Arc<[BlockHash]>, ReadError> {
        self.parents.get(&block).cloned().ok_or(ReadError::Missing(block))
    }
}
impl GhostdagReader for MemoryDag {
    fn ghostdag(&self, block: BlockHash) -> Result<Arc<GhostdagData>, ReadError> {
        self.ghostdag.get(&block).cloned().ok_or(ReadError::Missing(block))
    }
}
impl HeaderReader for MemoryDag {
    fn header_facts(&self, block: BlockHash) -> Result<HeaderFacts, ReadError> {
        self.facts.get(&block).copied().ok_or(ReadError::Missing(block))
    }
}
impl ReachabilityStoreReader for MemoryDag {
    fn reachability(&self, block: BlockHash) -> Result<Arc<ReachabilityData>, ReadError> {
        self.reachability.get(&block).cloned().ok_or(ReadError::Missing(block))
    }
    fn reindex_root(&self) -> Result<BlockHash, ReadError> {
        self.root.ok_or(ReadError::Missing(BlockHash::default()))
    }
}
impl ReachabilityStore for MemoryDag {
    fn set_reachability(&mut self, block: BlockHash, data: Arc<ReachabilityData>) {
        self.writes += 1;
        self.reachability.insert(block, data);
    }
    fn set_reindex_root(&mut self, block: BlockHash) {
        self.root = Some(block);
    }
}

impl MemoryDag {
    /// An empty graph above `genesis`.
    pub fn new(genesis: BlockHash, facts: HeaderFacts) -> Self {
        let mut dag = Self::default();
        reachability::init(&mut dag, genesis);
        dag.insert(genesis, &[], GhostdagData::genesis(), facts);
        dag
    }

    /// Stores everything but reachability.
    pub fn insert(&mut self, block: BlockHash, parents: &[BlockHash], data: GhostdagData, facts: HeaderFacts) {
        self.parents.insert(block, parents.into());
        self.ghostdag.insert(block, Arc::new(data));
        self.facts.insert(block, facts);
    }

    /// Colours and adds a block.
    pub fn add(
        &mut self,
        protocol: &GhostdagProtocol,
        tuning: Reachability,
        block: BlockHash,
        parents: &[BlockHash],
        bits: CompactTarget,
        timestamp: u64,
    ) -> Arc<GhostdagData> {
        let data = protocol.ghostdag(self, parents).expect("all parents are here");
        let mergeset: Vec<_> = data.unordered_mergeset_without_selected_parent().collect();
        tuning.add_block(self, block, data.selected_parent, mergeset).expect("reachability takes the block");
        let daa = umbel_dag::daa::DaaRule::with_window(40).calc(self, &data).expect("readable");
        let facts = HeaderFacts {
            timestamp: TimestampMs(timestamp),
            bits,
            daa_score: daa.daa_score,
            blue_score: data.blue_score,
        };
        self.insert(block, parents, data, facts);
        self.ghostdag[&block].clone()
    }

    /// Adds all of a plain graph, telling reachability of each new best tip.
    pub fn of(plain: &PlainDag, protocol: &GhostdagProtocol, tuning: Reachability) -> Self {
        let facts = HeaderFacts {
            timestamp: TimestampMs(plain.timestamp[0]),
            bits: plain.bits[0],
            daa_score: DaaScore(0),
            blue_score: umbel_types::BlueScore(0),
        };
        let mut dag = Self::new(plain.hash[0], facts);
        let mut best = (umbel_types::BlueWork::ZERO, plain.hash[0]);
        for block in 1..plain.len() {
            let hash = plain.hash[block];
            let parents: Vec<_> = plain.parents[block].iter().map(|&parent| plain.hash[parent]).collect();
            let data = dag.add(protocol, tuning, hash, &parents, plain.bits[block], plain.timestamp[block]);
            if (data.blue_work, hash) > best {
                best = (data.blue_work, hash);
                tuning.hint_virtual_selected_parent(&mut dag, hash).expect("the reindex root moves");
            }
        }
        dag
    }

    /// Intervals of children lie inside their parents', apart from each other, in order.
    pub fn check_intervals(&self) {
        for (block, data) in &self.reachability {
            let mut last = data.interval.start() - 1;
            assert!(!data.interval.is_empty(), "{block:?}");
            for child in data.children.iter() {
                let child = &self.reachability[child];
                assert!(child.interval.start() > last && child.interval.end() < data.interval.end(), "{block:?}");
                assert_eq!((child.parent, child.height), (Some(*block), data.height + 1));
                last = child.interval.end();
            }
            let set: Vec<_> = data.future_covering_set.iter().map(|b| self.reachability[b].interval).collect();
            assert!(set.windows(2).all(|pair| pair[0].end() < pair[1].start()), "covering set of {block:?}");
        }
    }
}
