//! DAA score: the ledger's clock (R8).

use std::collections::BTreeSet;

use umbel_types::params::DAA_WINDOW_S;
use umbel_types::{BlockHash, DaaScore, Params};

use crate::error::ReadError;
use crate::ghostdag::GhostdagData;
use crate::readers::{GhostdagReader, HeaderReader};

/// Which merged blocks count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DaaRule {
    /// Blue score below a block at which what it merges no longer counts.
    window: u64,
}

/// A block's place on the ledger's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DaaContext {
    /// DAA score of the block.
    pub daa_score: DaaScore,
    /// Blocks of its mergeset that are too old to count; they earn no subsidy.
    pub mergeset_non_daa: BTreeSet<BlockHash>,
}

impl DaaRule {
    /// The rule of a network: a window of 2,641 s of blue score.
    pub fn new(params: &Params) -> Self {
        Self { window: params.daa_of_seconds(DAA_WINDOW_S) }
    }

    /// A window of `window` units of blue score.
    pub fn with_window(window: u64) -> Self {
        Self { window }
    }

    /// Score and uncounted blocks of a block with this colouring. Genesis has score 0, a chain without forks one more
    /// per block.
    ///
    /// # Consensus
    /// > daa_score(B) = daa(selected parent) + |mergeset| − |non-DAA blocks|; the mergeset includes the selected parent;
    /// > non-DAA are merged blocks whose blue score is more than 2,641·BPS below B's. (R8)
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn calc(
        &self,
        dag: &(impl GhostdagReader + HeaderReader + ?Sized),
        data: &GhostdagData,
    ) -> Result<DaaContext, ReadError> {
        if data.is_genesis() {
            return Ok(DaaContext { daa_score: DaaScore(0), mergeset_non_daa: BTreeSet::new() });
        }
        let lowest = data.blue_score.saturating_sub(self.window);
        let mut mergeset_non_daa = BTreeSet::new();
        for block in data.unordered_mergeset() {
            if dag.ghostdag(block)?.blue_score < lowest {
                mergeset_non_daa.insert(block);
            }
        }
        let counted = data.mergeset_size() - mergeset_non_daa.len();
        let below = dag.header_facts(data.selected_parent)?.daa_score;
        Ok(DaaContext { daa_score: below.saturating_add(counted as u64), mergeset_non_daa })
    }
}
