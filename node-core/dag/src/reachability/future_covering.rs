//! Lists of blocks with disjoint intervals in ascending order: children, and future covering sets.

use std::sync::Arc;

use umbel_types::BlockHash;

use super::data::{ReachabilityData, ReachabilityStore, ReachabilityStoreReader};
use super::interval::Interval;
use super::tree::broken;
use crate::error::ReadError;

/// Position, among `n` blocks, of the one whose interval contains `wanted`, or else the position where a block with that
/// interval would have to stand.
///
/// - `interval_at`: interval of the block at a position; asked for about log2(n) of them.
pub(super) fn find_covering(
    n: usize,
    wanted: Interval,
    mut interval_at: impl FnMut(usize) -> Result<Interval, ReadError>,
) -> Result<Result<usize, usize>, ReadError> {
    // First position whose interval starts behind the wanted one's last number.
    let (mut low, mut high) = (0, n);
    while low < high {
        let middle = low + (high - low) / 2;
        if interval_at(middle)?.start() <= wanted.end() {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    match low.checked_sub(1) {
        Some(idx) if interval_at(idx)?.contains(wanted) => Ok(Ok(idx)),
        _ => Ok(Err(low)),
    }
}

/// [`find_covering`] in a list of blocks.
pub(super) fn find_covering_block(
    store: &(impl ReachabilityStoreReader + ?Sized),
    blocks: &[BlockHash],
    wanted: Interval,
) -> Result<Result<usize, usize>, ReadError> {
    find_covering(blocks.len(), wanted, |idx| match blocks.get(idx) {
        Some(&block) => Ok(store.reachability(block)?.interval),
        None => Err(ReadError::Missing(BlockHash::default())),
    })
}

/// Notes that `new` merges `merged`: all of the subtree of `new` is in the future of `merged`.
pub(super) fn insert_covering(
    store: &mut (impl ReachabilityStore + ?Sized),
    merged: BlockHash,
    new: BlockHash,
) -> Result<(), ReadError> {
    let data = store.reachability(merged)?;
    let interval = store.reachability(new)?.interval;
    if data.interval.contains(interval) {
        return Err(broken(new, "merges a block of its own selected chain"));
    }
    // A block that covers `new` already would be on its selected chain, with `merged` in its past.
    match find_covering_block(store, &data.future_covering_set, interval)? {
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
