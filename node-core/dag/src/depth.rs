//! Depth on the selected chain, and the bound on what may still be merged (R6).

use thiserror::Error;
use umbel_types::BlockHash;

use crate::error::ReadError;
use crate::ghostdag::GhostdagData;
use crate::readers::{GhostdagReader, ReachabilityReader};

/// Why a mergeset is not allowed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DepthError {
    /// Reading failed.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A red block that branched off below the merge depth root, and that no suitable blue block vouches for. The
    /// header's author is at fault.
    #[error("{0} is merged from below the merge depth")]
    MergeTooDeep(BlockHash),
}

/// A distance below a block on its selected chain: merge depth, finality depth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockDepth {
    /// In blue score.
    pub depth: u64,
    /// Stands for everything that would lie below it.
    pub genesis: BlockHash,
}

impl BlockDepth {
    /// The highest block on the chain of a block with this colouring whose blue score is more than `depth` below its
    /// own; genesis, where there is none.
    ///
    /// - `below`: a chain block at or below the answer. The answer for the selected parent always is: store it with the
    ///   block, and each block costs a step or two. Genesis works too, slowly.
    ///
    /// # Errors
    /// [`ReadError`]; [`ReadError::Inconsistent`] if `below` is not on the chain.
    pub fn root(
        &self,
        dag: &(impl GhostdagReader + ReachabilityReader + ?Sized),
        data: &GhostdagData,
        below: BlockHash,
    ) -> Result<BlockHash, ReadError> {
        if data.is_genesis() || data.blue_score.0 < self.depth {
            return Ok(self.genesis);
        }
        let required = data.blue_score.saturating_sub(self.depth);
        let mut root = below;
        while root != data.selected_parent {
            let next = dag.next_chain_ancestor(data.selected_parent, root)?;
            if dag.ghostdag(next)?.blue_score >= required {
                break;
            }
            root = next;
        }
        Ok(root)
    }
}

/// Checks that a mergeset brings in no side branch from below the merge depth.
///
/// - `root`: merge depth root of the block, from [`BlockDepth::root`].
///
/// # Consensus
/// > A red mergeset block must have the merge depth root in its past, or be in the past of a blue block of the mergeset
/// > that has the root on its selected chain. (R6)
///
/// # Errors
/// [`DepthError::MergeTooDeep`] with the first offending block in mergeset order.
pub fn check_bounded_merge(
    dag: &(impl ReachabilityReader + ?Sized),
    data: &GhostdagData,
    root: BlockHash,
) -> Result<(), DepthError> {
    let mut kosherizing: Option<Vec<BlockHash>> = None;
    for &red in &data.mergeset_reds {
        if dag.is_dag_ancestor_of(root, red)? {
            continue;
        }
        let blues = match &mut kosherizing {
            Some(blues) => blues,
            None => {
                let mut blues = Vec::new();
                for &blue in &data.mergeset_blues {
                    if dag.is_chain_ancestor_of(root, blue)? {
                        blues.push(blue);
                    }
                }
                kosherizing.insert(blues)
            }
        };
        if !dag.is_dag_ancestor_of_any(red, blues)? {
            return Err(DepthError::MergeTooDeep(red));
        }
    }
    Ok(())
}
