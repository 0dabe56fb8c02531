//! The rules that are compared: umbel-dag's own, under names.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use umbel_dag::difficulty::{Asert, DifficultyAlgorithm, DifficultyContext, GRACE_S, SampledWindow};
use umbel_dag::ghostdag::SortableBlock;
use umbel_dag::{DagReader, GhostdagData, HeaderFacts, ReadError};
use umbel_types::{BlockHash, CompactTarget, Params};

/// A rule of difficulty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// KIP-4's sampled window: what the others are compared with.
    Kip4,
    /// ASERT with this half-life.
    Asert {
        /// Seconds of lag in which the target doubles.
        half_life_s: u32,
    },
}

impl Rule {
    /// Those that are run: the comparator, half-lives up to the merge depth's hour, and the window's length as one.
    pub const ALL: [Self; 4] = [
        Self::Kip4,
        Self::Asert { half_life_s: 3_600 },
        Self::Asert { half_life_s: 2_641 },
        Self::Asert { half_life_s: 1_800 },
    ];

    /// As tables and plots show it.
    pub fn name(self) -> String {
        match self {
            Self::Kip4 => "kip4".to_owned(),
            Self::Asert { half_life_s } => format!("asert-{half_life_s}"),
        }
    }

    /// The rule itself.
    ///
    /// - `genesis`: the anchor.
    pub fn build(self, params: &Params, genesis: HeaderFacts) -> Box<dyn DifficultyAlgorithm> {
        match self {
            Self::Kip4 => {
                let window = SampledWindow::new(params, genesis.bits);
                Box::new(RememberedWindow::new(window, REMEMBERED))
            }
            Self::Asert { half_life_s } => Box::new(Asert {
                anchor: genesis,
                target_block_time_us: params.target_block_time_us,
                half_life_s,
                grace: params.daa_of_seconds(GRACE_S),
            }),
        }
    }
}

/// [`SampledWindow`] that remembers the samples of blocks it was asked about, so that a block costs its own mergeset
/// instead of a walk over 44 minutes. Its answers are the same (tested).
#[derive(Debug)]
pub(super) struct RememberedWindow {
    window: SampledWindow,
    known: Mutex<Memory>,
}

/// The newest blocks. One that was forgotten costs a walk to the next that was not.
#[derive(Debug, Default)]
struct Memory {
    known: BTreeMap<BlockHash, Known>,
    order: VecDeque<BlockHash>,
    capacity: usize,
}

/// Blocks whose samples are kept: at most 42 KB each, which blocks between two samples share.
const REMEMBERED: usize = 4_096;

impl Memory {
    fn put(&mut self, block: BlockHash, known: Known) {
        if self.known.insert(block, known).is_none() {
            self.order.push_back(block);
        }
        while self.order.len() > self.capacity {
            if let Some(oldest) = self.order.pop_front() {
                self.known.remove(&oldest);
            }
        }
    }
}

/// Samples in the past of a block, ascending, and the bits that follow from them.
#[derive(Clone, Debug)]
struct Known {
    samples: Arc<Vec<SortableBlock>>,
    bits: CompactTarget,
}

impl RememberedWindow {
    pub(super) fn new(window: SampledWindow, capacity: usize) -> Self {
        Self { window, known: Mutex::new(Memory { capacity, ..Memory::default() }) }
    }
}

impl DifficultyAlgorithm for RememberedWindow {
    fn expected_bits(&self, dag: &dyn DagReader, block: &DifficultyContext<'_>) -> Result<CompactTarget, ReadError> {
        // Nothing panics while it is held; what is inside is whole after every step.
        let mut memory = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        self.known_of(dag, block.ghostdag, &mut memory).map(|known| known.bits)
    }
}

impl RememberedWindow {
    /// What follows from the past of a block with this colouring.
    fn known_of(&self, dag: &dyn DagReader, data: &GhostdagData, memory: &mut Memory) -> Result<Known, ReadError> {
        if data.is_genesis() {
            return Ok(Known { samples: Arc::default(), bits: self.window.genesis_bits });
        }
        // Chain blocks whose own past was not looked at yet, the newest first: on a growing graph one.
        let mut missing = Vec::new();
        let mut current = data.selected_parent;
        let mut below = loop {
            if let Some(found) = memory.known.get(&current) {
                break found.clone();
            }
            let own = dag.ghostdag(current)?;
            if own.is_genesis() {
                break Known { samples: Arc::default(), bits: self.window.genesis_bits };
            }
            missing.push((current, own.clone()));
            current = own.selected_parent;
        };
        for (hash, own) in missing.into_iter().rev() {
            below = self.on_top(dag, &own, &below)?;
            memory.put(hash, below.clone());
        }
        self.on_top(dag, data, &below)
    }

    fn on_top(&self, dag: &dyn DagReader, data: &GhostdagData, below: &Known) -> Result<Known, ReadError> {
        let new = self.window.sampler.samples_of_mergeset(dag, data)?;
        if new.is_empty() {
            return Ok(below.clone());
        }
        let mut samples: Vec<SortableBlock> = below.samples.iter().copied().chain(new).collect();
        samples.sort_unstable();
        samples.drain(..samples.len().saturating_sub(self.window.sampler.count));
        let hashes: Vec<BlockHash> = samples.iter().map(|sample| sample.hash).collect();
        let bits = self.window.bits_of_samples(dag, data, &hashes)?;
        Ok(Known { samples: Arc::new(samples), bits })
    }
}
