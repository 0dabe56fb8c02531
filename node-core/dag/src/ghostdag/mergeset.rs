//! Mergesets: what a block adds to its selected parent's past.

use std::collections::BTreeSet;
use std::sync::Arc;

use umbel_types::BlockHash;

use super::data::GhostdagData;
use super::ordering::SortableBlock;
use crate::error::{GhostdagError, ReadError};
use crate::reachability::is_before;
use crate::readers::{DagReader, GhostdagReader};

/// The mergeset of a block with these parents without its selected parent, ascending by (blue work, id).
///
/// Searches backwards from `parents` and never enters the selected parent's past. Stops as soon as the mergeset, the
/// selected parent counted, has more than `limit` blocks: at most one block's parents later. A parent in another's past
/// adds nothing (R2 is checked elsewhere).
///
/// # Errors
/// [`GhostdagError::MergesetTooLarge`], [`GhostdagError::Read`].
pub fn mergeset_without_selected_parent(
    dag: &(impl DagReader + ?Sized),
    selected_parent: BlockHash,
    parents: &[BlockHash],
    limit: usize,
) -> Result<Vec<BlockHash>, GhostdagError> {
    // Every block that was looked at: each is asked for once.
    let mut seen = BTreeSet::new();
    let mut found: Vec<BlockHash> = Vec::new();
    let mut pending: Vec<BlockHash> = Vec::new();
    let selected = dag.reachability(selected_parent)?.interval;
    let mut next: Arc<[BlockHash]> = parents.into();
    loop {
        for &parent in next.iter() {
            if seen.insert(parent) && !is_before(dag, &*dag.reachability(parent)?, selected)? {
                found.push(parent);
                pending.push(parent);
            }
        }
        if found.len() >= limit {
            return Err(GhostdagError::MergesetTooLarge { got: found.len().saturating_add(1), limit });
        }
        let Some(block) = pending.pop() else { break };
        next = dag.parents(block)?;
    }
    let mut sortable =
        found.into_iter().map(|block| SortableBlock::read(dag, block)).collect::<Result<Vec<_>, ReadError>>()?;
    sortable.sort_unstable();
    Ok(sortable.into_iter().map(|block| block.hash).collect())
}

/// The mergeset in consensus order: the selected parent, then blues and reds together, ascending by (blue work, id).
///
/// This is the order in which a chain block applies what it merges.
///
/// # Errors
/// [`ReadError`].
pub fn ordered_mergeset(
    dag: &(impl GhostdagReader + ?Sized),
    data: &GhostdagData,
) -> Result<Vec<BlockHash>, ReadError> {
    let mut rest = data
        .unordered_mergeset_without_selected_parent()
        .map(|block| SortableBlock::read(dag, block))
        .collect::<Result<Vec<_>, _>>()?;
    rest.sort_unstable();
    let first = (!data.is_genesis()).then_some(data.selected_parent);
    Ok(first.into_iter().chain(rest.into_iter().map(|block| block.hash)).collect())
}
