//! Lists of blocks with disjoint intervals in ascending order: children, and future covering sets.

use std::sync::Arc;

use umbel_types::BlockHash;

use super::data::{ReachabilityData, ReachabilityStore, ReachabilityStoreReader};
use super::interval::Interval;
use super::tree::broken;
use crate::error::ReadError;

/// Position of the block in `blocks` whose interval contains `wanted`, or else the position where a block with that
/// interval would have to stand.
pub(super) fn find_covering(
    store: &(impl ReachabilityStoreReader + ?Sized),
    blocks: &[BlockHash],
    wanted: Interval,
) -> Result<Result<usize, usize>, ReadError> {
    // First position whose interval starts behind the wanted one's last number.
    let (mut low, mut high) = (0, blocks.len());
    while low < high {
        let middle = low + (high - low) / 2;
        let Some(&block) = blocks.get(middle) else { break };
        if store.reachability(block)?.interval.start() <= wanted.end() {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if let Some((idx, &block)) = low.checked_sub(1).and_then(|idx| Some((idx, blocks.get(idx)?)))
        && store.reachability(block)?.interval.contains(wanted)
    {
        return Ok(Ok(idx));
    }
    Ok(Err(low))
}

/// Notes that `new` merges `merged`: all of the subtree of `new` is in the future of `merged`.
pub(super) fn insert_covering(
    store: &mut (impl ReachabilityStore + ?Sized),
    merged: BlockHash,
    new: BlockHash,
) -> Result<(), ReadError> {
    let data = store.reachability(merged)?;
    let interval = store.reachability(new)?.interval;
    // A block that covers `new` already would be on its selected chain, with `merged` in its past.
    match find_covering(store, &data.future_covering_set, interval)? {
        Ok(_) => Err(broken(new, "merges a block that is in its selected parent's past")),
        Err(idx) => {
            let mut set = (*data.future_covering_set).clone();
            set.insert(idx, new);
            store.set_reachability(
                merged,
                Arc::new(ReachabilityData { future_covering_set: Arc::new(set), ..(*data).clone() }),
            );
            Ok(())
        }
    }
}
