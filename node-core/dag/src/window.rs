//! Samples of the past: of the selected chain for the past median time, of all merged blocks for KIP-4's difficulty.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use umbel_types::params::PMT_SAMPLES;
use umbel_types::{BlockHash, TimestampMs};

use crate::error::ReadError;
use crate::ghostdag::{GhostdagData, SortableBlock};
use crate::readers::{GhostdagReader, HeaderReader};

/// Timestamps of sampled chain blocks, newest first.
pub type TimeSamples = Arc<Vec<TimestampMs>>;

/// Samples the selected chain at equal distances of blue score.
///
/// A chain block is a sample if its blue score has reached a multiple of `interval` that its selected parent's has not;
/// genesis is one. So whether a block is a sample does not depend on who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainSampler {
    /// Blue score between samples; at least 1.
    pub interval: u64,
    /// Most samples.
    pub count: usize,
}

impl ChainSampler {
    /// The newest samples on the chain that ends in `block`, `block` included.
    ///
    /// Without a cache this reads the chain down to the oldest sample. `cache` keeps what it found for `block`, so that
    /// the next block on top reads one.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn samples(
        &self,
        dag: &(impl GhostdagReader + HeaderReader + ?Sized),
        block: BlockHash,
        cache: Option<&mut SampleCache>,
    ) -> Result<TimeSamples, ReadError> {
        let mut newer: Vec<TimestampMs> = Vec::new();
        let mut current = block;
        let mut older: Option<TimeSamples> = None;
        let interval = self.interval.max(1);
        while newer.len() < self.count {
            if let Some(known) = cache.as_ref().and_then(|cache| cache.get(current)) {
                older = Some(known);
                break;
            }
            let data = dag.ghostdag(current)?;
            if data.is_genesis() {
                newer.push(dag.header_facts(current)?.timestamp);
                break;
            }
            let below = dag.ghostdag(data.selected_parent)?;
            if data.blue_score.0 / interval > below.blue_score.0 / interval {
                newer.push(dag.header_facts(current)?.timestamp);
            }
            current = data.selected_parent;
        }
        let samples = match older {
            Some(known) if newer.is_empty() => known,
            older => {
                let known = older.iter().flat_map(|known| known.iter().copied());
                Arc::new(newer.into_iter().chain(known).take(self.count).collect())
            }
        };
        if let Some(cache) = cache {
            cache.put(block, samples.clone());
        }
        Ok(samples)
    }
}

/// Samples of recent blocks. Forgets the oldest entry when full; a miss costs time only.
#[derive(Clone, Debug)]
pub struct SampleCache {
    samples: BTreeMap<BlockHash, TimeSamples>,
    order: VecDeque<BlockHash>,
    capacity: usize,
}

impl SampleCache {
    /// Most memory of an entry: its id twice, its place in the map, and a list of [`PMT_SAMPLES`] that it shares with
    /// nobody.
    pub const ENTRY_BYTES: usize = 2 * size_of::<BlockHash>() + 4 * size_of::<TimeSamples>() + 64 + 8 * PMT_SAMPLES;

    /// Keeps `capacity` blocks, or at most [`Self::ENTRY_BYTES`] bytes for each. Blocks between two samples share one
    /// list, so it is less. One cache serves one [`ChainSampler`].
    pub fn new(capacity: usize) -> Self {
        Self { samples: BTreeMap::new(), order: VecDeque::new(), capacity }
    }

    fn get(&self, block: BlockHash) -> Option<TimeSamples> {
        self.samples.get(&block).cloned()
    }

    fn put(&mut self, block: BlockHash, samples: TimeSamples) {
        if self.samples.insert(block, samples).is_none() {
            self.order.push_back(block);
        }
        while self.order.len() > self.capacity {
            if let Some(oldest) = self.order.pop_front() {
                self.samples.remove(&oldest);
            }
        }
    }
}

/// Samples every n-th merged block, as KIP-4 does for difficulty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MergesetSampler {
    /// Every how many units of DAA score a block is taken; at least 1.
    pub interval: u64,
    /// Most samples.
    pub count: usize,
    /// Blue score below a block at which what it merges no longer counts.
    pub daa_window: u64,
}

impl MergesetSampler {
    /// The samples with the most blue work in the past of a block with this colouring, ascending. Genesis is none of
    /// them: its timestamp is a constant.
    ///
    /// The blocks that one chain block merges are numbered from the DAA score of its selected parent on, the selected
    /// parent first and the rest by descending (blue work, id); those whose number is a multiple of the interval are
    /// samples.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn samples(
        &self,
        dag: &(impl GhostdagReader + HeaderReader + ?Sized),
        data: &GhostdagData,
    ) -> Result<Vec<BlockHash>, ReadError> {
        let mut best: BTreeSet<SortableBlock> = BTreeSet::new();
        let mut current = Arc::new(data.clone());
        while !current.is_genesis() {
            let below = dag.ghostdag(current.selected_parent)?;
            // Everything merged further down has less work than the chain block above it.
            // Nothing merged here or further down has more work than the selected parent.
            if best.len() >= self.count && best.first().is_some_and(|least| least.blue_work > below.blue_work) {
                break;
            }
            for sample in self.samples_of_mergeset(dag, &current)? {
                best.insert(sample);
                if best.len() > self.count {
                    best.pop_first();
                }
            }
            current = below;
        }
        Ok(best.into_iter().map(|block| block.hash).collect())
    }

    /// The samples among the blocks that a chain block with this colouring merges, in any order. With them the samples
    /// of its past follow from those of its selected parent's past.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn samples_of_mergeset(
        &self,
        dag: &(impl GhostdagReader + HeaderReader + ?Sized),
        data: &GhostdagData,
    ) -> Result<Vec<SortableBlock>, ReadError> {
        if data.is_genesis() {
            return Ok(Vec::new());
        }
        let lowest = data.blue_score.saturating_sub(self.daa_window);
        let mut rest = data
            .unordered_mergeset_without_selected_parent()
            .map(|block| SortableBlock::read(dag, block))
            .collect::<Result<Vec<_>, _>>()?;
        rest.sort_unstable_by(|a, b| b.cmp(a));
        let first = SortableBlock::read(dag, data.selected_parent)?;
        let mut number = dag.header_facts(data.selected_parent)?.daa_score.0;
        let mut samples = Vec::new();
        for block in std::iter::once(first).chain(rest) {
            number = number.saturating_add(1);
            let merged = dag.ghostdag(block.hash)?;
            if number.is_multiple_of(self.interval.max(1)) && merged.blue_score >= lowest && !merged.is_genesis() {
                samples.push(block);
            }
        }
        Ok(samples)
    }
}
