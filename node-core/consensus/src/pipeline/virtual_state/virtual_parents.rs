//! The virtual block: what the next block would stand on.

use std::collections::BTreeSet;

use umbel_dag::ReachabilityReader;
use umbel_dag::depth::DepthError;
use umbel_dag::ghostdag::SortableBlock;
use umbel_dag::{GhostdagData, GhostdagError};
use umbel_ledger::accept_mergeset;
use umbel_ledger::acceptance::MergeOutcome;
use umbel_types::BlockHash;
use umbel_types::errors::BlockError;

use crate::pipeline::fault;
use crate::pipeline::rules::DagContext;
use crate::storage::StateAtSink;

use super::merge::{merge_place, merged_blocks};
use super::position::accept_fault;
use super::sink_search::SinkSearch;

/// Blocks that are tried for each place among the parents: bounds the work where most do not fit.
const CANDIDATES_PER_PARENT: usize = 3;

/// Everything about the virtual block that does not depend on who mines it.
#[derive(Clone, Debug)]
pub(crate) struct VirtualContext {
    /// In the order of a header.
    pub(crate) parents: Vec<BlockHash>,
    pub(crate) ghostdag: GhostdagData,
    pub(crate) context: DagContext,
    /// What merging the parents does to the sink's state.
    pub(crate) outcome: MergeOutcome,
}

/// Chooses parents and merges them.
///
/// A tip above the sink that could not be verified is no parent: it would be the selected one.
pub(crate) fn build_virtual(
    search: &SinkSearch<'_>,
    sink: BlockHash,
    state: &StateAtSink,
) -> Result<VirtualContext, BlockError> {
    let storage = search.storage;
    let sink_key = SortableBlock::read(storage, sink).map_err(fault)?;
    let candidates = parent_candidates(search, sink_key)?;
    let mut parents = vec![sink];
    let (mut ghostdag, mut context) = place(search, &parents)?.ok_or_else(|| {
        fault(umbel_dag::ReadError::Inconsistent { block: sink, what: "the sink alone can't be merged" })
    })?;
    for candidate in candidates {
        if parents.len() == search.params.max_parents {
            break;
        }
        if storage.is_dag_ancestor_of_any(candidate.hash, &parents).map_err(fault)? {
            continue;
        }
        parents.push(candidate.hash);
        match place(search, &parents)? {
            Some(placed) => (ghostdag, context) = placed,
            None => {
                parents.pop();
            }
        }
    }
    parents.sort_unstable();
    let merged = merged_blocks(storage, &ghostdag, &context.mergeset_non_daa, search.genesis).map_err(fault)?;
    let merge_place = merge_place(storage, search.params, &ghostdag, context.daa_score).map_err(fault)?;
    let outcome =
        accept_mergeset(search.params, &merge_place, &merged, storage, &state.states).map_err(accept_fault(sink))?;
    Ok(VirtualContext { parents, ghostdag, context, outcome })
}

/// Blocks that may stand beside the sink, heaviest first: tips, and below a tip that is too heavy to be a parent, what
/// it merges. Without the latter, a block that can't stand on the chain would hide every block in its past.
fn parent_candidates(search: &SinkSearch<'_>, sink: SortableBlock) -> Result<Vec<SortableBlock>, BlockError> {
    let storage = search.storage;
    let limit = CANDIDATES_PER_PARENT * search.params.max_parents;
    let mut open: BTreeSet<SortableBlock> = storage.ordered_tips().map_err(fault)?;
    let mut found = Vec::new();
    while let Some(next) = open.pop_last() {
        if found.len() == limit {
            break;
        }
        if next < sink {
            found.push(next);
        } else if next != sink {
            for parent in storage.parents_kept(next.hash).map_err(fault)? {
                open.insert(SortableBlock::read(storage, parent).map_err(fault)?);
            }
        }
    }
    Ok(found)
}

/// Colouring and context of a block with these parents; `None` if it would merge too much or too deep.
fn place(search: &SinkSearch<'_>, parents: &[BlockHash]) -> Result<Option<(GhostdagData, DagContext)>, BlockError> {
    let ghostdag = match search.rules.ghostdag.ghostdag(search.storage, parents) {
        Ok(ghostdag) => ghostdag,
        Err(GhostdagError::MergesetTooLarge { .. }) => return Ok(None),
        Err(GhostdagError::Read(error)) => return Err(fault(error)),
        Err(GhostdagError::NoParents) => return Ok(None),
    };
    let context = search.rules.context(search.storage, &ghostdag).map_err(fault)?;
    match search.rules.check_bounded_merge(search.storage, &ghostdag, context.merge_root) {
        Ok(()) => Ok(Some((ghostdag, context))),
        Err(DepthError::MergeTooDeep(_)) => Ok(None),
        Err(DepthError::Read(error)) => Err(fault(error)),
    }
}
