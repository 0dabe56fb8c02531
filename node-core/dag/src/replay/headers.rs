//! Headers of a generated graph through every rule of a network, in memory: what `umbel bench ghostdag` measures.
//!
//! ```
//! use umbel_dag::replay::headers::{HeaderReplay, honest_graph};
//! use umbel_types::{BlockHash, CompactTarget, Network, Params};
//!
//! let params = Params::of(Network::Mainnet);
//! let mut seed = 1u64;
//! let graph = honest_graph(200, 20, params.max_parents, || {
//!     seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
//!     seed >> 33
//! });
//! let id = |n: usize| BlockHash(blake(n));
//! # fn blake(n: usize) -> [u8; 32] { let mut b = [7; 32]; b[..8].copy_from_slice(&(n as u64).to_be_bytes()); b }
//! let mut replay = HeaderReplay::new(&params, id(0), CompactTarget::EASIEST);
//! for (n, parents) in graph.iter().enumerate().skip(1) {
//!     let parents: Vec<BlockHash> = parents.iter().map(|&parent| id(parent)).collect();
//!     replay.push(id(n), &parents)?;
//! }
//! assert!(replay.dag().contains(id(199)));
//! # Ok::<(), umbel_dag::replay::headers::HeaderError>(())
//! ```

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;
use umbel_types::{BlockHash, BlueScore, CompactTarget, DaaScore, Params, TimestampMs};

use crate::daa::DaaRule;
use crate::depth::{BlockDepth, DepthError, check_bounded_merge};
use crate::difficulty::{DifficultyAlgorithm, DifficultyContext, rule_of};
use crate::error::{GhostdagError, ReadError};
use crate::ghostdag::{GhostdagData, GhostdagProtocol, SortableBlock};
use crate::memory::MemoryDag;
use crate::past_median_time::PastMedianTime;
use crate::reachability;
use crate::readers::{GhostdagReader, HeaderFacts};
use crate::window::SampleCache;

/// Blocks whose time samples are remembered: enough for every tip of a graph with the widest mergeset.
const SAMPLE_CACHE: usize = 1_024;

/// Why a header can't stand where it was pushed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HeaderError {
    /// It can't be coloured.
    #[error(transparent)]
    Ghostdag(#[from] GhostdagError),
    /// It merges too deep.
    #[error(transparent)]
    Depth(#[from] DepthError),
    /// The graph can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// What follows from a header's parents alone: all of it but its timestamp.
#[derive(Clone, Debug)]
pub struct PreparedHeader {
    /// Its colouring.
    pub ghostdag: GhostdagData,
    /// Its DAA score.
    pub daa_score: DaaScore,
    /// Merged blocks that do not count for the score.
    pub mergeset_non_daa: BTreeSet<BlockHash>,
    /// Its timestamp must be above this.
    pub past_median_time: TimestampMs,
    /// The bits that it must carry.
    pub bits: CompactTarget,
    merge_root: BlockHash,
}

/// A graph that grows header by header: colouring, DAA score, past median time, difficulty, bounded merge, reachability.
///
/// What a node checks besides (proof of work, the antichain of parents, the claimed fields) costs no walk over the graph
/// and is left out.
#[derive(Debug)]
pub struct HeaderReplay {
    dag: MemoryDag,
    ghostdag: GhostdagProtocol,
    daa: DaaRule,
    past_median_time: PastMedianTime,
    samples: SampleCache,
    difficulty: Box<dyn DifficultyAlgorithm>,
    merge_depth: BlockDepth,
    merge_roots: BTreeMap<BlockHash, BlockHash>,
    block_time_us: u64,
    sink: SortableBlock,
}

impl HeaderReplay {
    /// A graph of nothing but `genesis`, with these bits, under the rules of a network. Genesis' timestamp is 0.
    pub fn new(params: &Params, genesis: BlockHash, bits: CompactTarget) -> Self {
        let facts = HeaderFacts { timestamp: TimestampMs(0), bits, daa_score: DaaScore(0), blue_score: BlueScore(0) };
        Self::with_rule(params, genesis, facts, rule_of(params, facts))
    }

    /// A graph of nothing but `genesis`, with another rule of difficulty than the network's.
    pub fn with_rule(
        params: &Params,
        genesis: BlockHash,
        facts: HeaderFacts,
        difficulty: Box<dyn DifficultyAlgorithm>,
    ) -> Self {
        Self {
            dag: MemoryDag::new(genesis, facts),
            ghostdag: GhostdagProtocol::new(params.k, params.mergeset_limit, CompactTarget::work),
            daa: DaaRule::new(params),
            past_median_time: PastMedianTime::new(params),
            samples: SampleCache::new(SAMPLE_CACHE),
            difficulty,
            merge_depth: BlockDepth { depth: params.merge_depth, genesis },
            merge_roots: BTreeMap::from([(genesis, genesis)]),
            block_time_us: params.target_block_time_us,
            sink: SortableBlock { blue_work: umbel_types::BlueWork::ZERO, hash: genesis },
        }
    }

    /// The graph so far.
    pub fn dag(&self) -> &MemoryDag {
        &self.dag
    }

    /// Adds a header above headers that were pushed before. Its parents must be an antichain. It is on time: its
    /// timestamp follows from its DAA score.
    ///
    /// # Errors
    /// [`HeaderError`]. After an error the graph may hold a part of the header: drop it.
    pub fn push(&mut self, block: BlockHash, parents: &[BlockHash]) -> Result<HeaderFacts, HeaderError> {
        let prepared = self.prepare(parents)?;
        let timestamp = TimestampMs(prepared.daa_score.0.saturating_mul(self.block_time_us) / 1000);
        self.place(block, parents, prepared, timestamp)
    }

    /// What a header with these parents must say. Leaves the graph as it is.
    ///
    /// # Errors
    /// [`HeaderError`].
    pub fn prepare(&mut self, parents: &[BlockHash]) -> Result<PreparedHeader, HeaderError> {
        let data = self.ghostdag.ghostdag(&self.dag, parents)?;
        let daa = self.daa.calc(&self.dag, &data)?;
        let past_median_time = self.past_median_time.calc(&self.dag, data.selected_parent, Some(&mut self.samples))?;
        let context = DifficultyContext { ghostdag: &data, daa_score: daa.daa_score, past_median_time };
        let bits = self.difficulty.expected_bits(&self.dag, &context)?;
        let below = self.merge_roots.get(&data.selected_parent).ok_or(ReadError::Missing(data.selected_parent))?;
        let merge_root = self.merge_depth.root(&self.dag, &data, *below)?;
        check_bounded_merge(&self.dag, &data, merge_root)?;
        Ok(PreparedHeader {
            ghostdag: data,
            daa_score: daa.daa_score,
            mergeset_non_daa: daa.mergeset_non_daa,
            past_median_time,
            bits,
            merge_root,
        })
    }

    /// Adds a header that was prepared with these parents.
    ///
    /// - `timestamp`: not compared with the past median time.
    ///
    /// # Errors
    /// [`HeaderError`]. After an error the graph may hold a part of the header: drop it.
    pub fn place(
        &mut self,
        block: BlockHash,
        parents: &[BlockHash],
        prepared: PreparedHeader,
        timestamp: TimestampMs,
    ) -> Result<HeaderFacts, HeaderError> {
        let PreparedHeader { ghostdag: data, daa_score, bits, merge_root, .. } = prepared;
        let mergeset: Vec<_> = data.unordered_mergeset_without_selected_parent().collect();
        reachability::add_block(&mut self.dag, block, data.selected_parent, mergeset)?;
        let facts = HeaderFacts { timestamp, bits, daa_score, blue_score: data.blue_score };
        let key = SortableBlock { blue_work: data.blue_work, hash: block };
        self.dag.insert(block, parents, data, facts);
        self.merge_roots.insert(block, merge_root);
        if key > self.sink {
            self.sink = key;
            reachability::hint_virtual_selected_parent(&mut self.dag, block)?;
        }
        Ok(facts)
    }

    /// Reds in the mergesets of the selected chain: how far the graph is from all blue.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn count_reds(&self) -> Result<usize, ReadError> {
        let mut reds = 0;
        let mut data = self.dag.ghostdag(self.sink.hash)?;
        while !data.is_genesis() {
            reds += data.mergeset_reds.len();
            data = self.dag.ghostdag(data.selected_parent)?;
        }
        Ok(reds)
    }
}

/// Parents of `blocks` blocks as honest miners would name them, by number; block 0 is genesis.
///
/// Each block sees the graph as it was up to `max_lag` blocks ago, and names the newest tips of it. So about half of
/// `max_lag` blocks are mined side by side: twice the rate times the network's delay makes a network.
///
/// - `random`: uniform numbers, from the caller's seed.
pub fn honest_graph(
    blocks: usize,
    max_lag: usize,
    max_parents: usize,
    mut random: impl FnMut() -> u64,
) -> Vec<Vec<usize>> {
    let mut parents: Vec<Vec<usize>> = Vec::with_capacity(blocks);
    // The first block that names it: a block is a tip of the first n blocks as long as that one is n or later.
    let mut first_child = vec![usize::MAX; blocks];
    for block in 0..blocks {
        let lag = usize::try_from(random() % (max_lag as u64 + 1)).unwrap_or(0);
        let seen = block.saturating_sub(lag).max(1).min(block);
        // What nobody named for so long stays an orphan.
        let oldest = seen.saturating_sub(8 * (max_lag + 1));
        let is_tip = |&number: &usize| first_child.get(number).is_some_and(|&child| child >= seen);
        let own: Vec<usize> = (oldest..seen).rev().filter(is_tip).take(max_parents.max(1)).collect();
        for &parent in &own {
            if let Some(child) = first_child.get_mut(parent) {
                *child = (*child).min(block);
            }
        }
        parents.push(own);
    }
    parents
}
