//! The rules of a network with their constants, and what they say about a block's place in the DAG.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use umbel_dag::daa::DaaRule;
use umbel_dag::depth::{BlockDepth, DepthError, check_bounded_merge};
use umbel_dag::difficulty::{DifficultyAlgorithm, DifficultyContext, rule_of};
use umbel_dag::past_median_time::PastMedianTime;
use umbel_dag::window::SampleCache;
use umbel_dag::{GhostdagData, GhostdagProtocol, HeaderFacts, ReadError};
use umbel_types::{BlockHash, CompactTarget, DaaScore, Header, Params, TimestampMs};

use crate::storage::Storage;

/// Chain blocks whose time samples stay in memory.
const SAMPLE_CACHE: usize = 1_024;

/// What a block's place in the DAG says about its header, and what its children need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DagContext {
    pub(crate) daa_score: DaaScore,
    /// Merged blocks that are too old to count.
    pub(crate) mergeset_non_daa: BTreeSet<BlockHash>,
    pub(crate) past_median_time: TimestampMs,
    pub(crate) bits: CompactTarget,
    pub(crate) merge_root: BlockHash,
}

/// The rules of one network.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) ghostdag: GhostdagProtocol,
    daa: DaaRule,
    past_median_time: PastMedianTime,
    samples: Mutex<SampleCache>,
    difficulty: Box<dyn DifficultyAlgorithm>,
    merge_depth: BlockDepth,
}

impl Rules {
    pub(crate) fn new(params: &Params, genesis: BlockHash, header: &Header) -> Self {
        Self {
            ghostdag: GhostdagProtocol::new(params.k, params.mergeset_limit, CompactTarget::work),
            daa: DaaRule::new(params),
            past_median_time: PastMedianTime::new(params),
            samples: Mutex::new(SampleCache::new(SAMPLE_CACHE)),
            difficulty: rule_of(params, HeaderFacts::from(header)),
            merge_depth: BlockDepth { depth: params.merge_depth, genesis },
        }
    }

    /// Scores, time, difficulty and merge depth of a block with this colouring.
    pub(crate) fn context(&self, storage: &Storage, data: &GhostdagData) -> Result<DagContext, ReadError> {
        let daa = self.daa.calc(storage, data)?;
        let past_median_time = {
            let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
            self.past_median_time.calc(storage, data.selected_parent, Some(&mut samples))?
        };
        let block = DifficultyContext { ghostdag: data, daa_score: daa.daa_score, past_median_time };
        let bits = self.difficulty.expected_bits(storage, &block)?;
        let below = storage.record(data.selected_parent)?.merge_root;
        let merge_root = self.merge_depth.root(storage, data, below)?;
        Ok(DagContext {
            daa_score: daa.daa_score,
            mergeset_non_daa: daa.mergeset_non_daa,
            past_median_time,
            bits,
            merge_root,
        })
    }

    /// R6.
    pub(crate) fn check_bounded_merge(
        &self,
        storage: &Storage,
        data: &GhostdagData,
        merge_root: BlockHash,
    ) -> Result<(), DepthError> {
        check_bounded_merge(storage, data, merge_root)
    }
}
