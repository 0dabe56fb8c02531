//! The tree of selected parents: free space, new leaves, and where the reindex root goes.

use std::sync::Arc;

use umbel_types::BlockHash;

use super::data::{ReachabilityData, ReachabilityStore, ReachabilityStoreReader};
use super::inquirer::{Reachability, is_chain_ancestor_of, next_chain_ancestor_unchecked};
use super::interval::Interval;
use super::reindex::Reindex;
use crate::error::ReadError;

/// An invariant of the tree does not hold at `block`.
pub(super) fn broken(block: BlockHash, what: &'static str) -> ReadError {
    ReadError::Inconsistent { block, what }
}

/// What `block` may still give to children before its first one.
pub(super) fn free_before(
    store: &(impl ReachabilityStoreReader + ?Sized),
    block: BlockHash,
) -> Result<Interval, ReadError> {
    let data = store.reachability(block)?;
    let capacity = data.interval.children_capacity().ok_or_else(|| broken(block, "empty interval"))?;
    let Some(&first) = data.children.first() else {
        return Ok(capacity);
    };
    let first = store.reachability(first)?.interval;
    Interval::new(capacity.start(), first.start() - 1).ok_or_else(|| broken(block, "child outside of its parent"))
}

/// What `block` may still give to children behind its last one.
pub(super) fn free_after(
    store: &(impl ReachabilityStoreReader + ?Sized),
    block: BlockHash,
) -> Result<Interval, ReadError> {
    let data = store.reachability(block)?;
    let capacity = data.interval.children_capacity().ok_or_else(|| broken(block, "empty interval"))?;
    let Some(&last) = data.children.last() else {
        return Ok(capacity);
    };
    let last = store.reachability(last)?.interval;
    Interval::new(last.end() + 1, capacity.end()).ok_or_else(|| broken(block, "child outside of its parent"))
}

/// Changes the interval of `block`.
pub(super) fn set_interval(
    store: &mut (impl ReachabilityStore + ?Sized),
    block: BlockHash,
    interval: Interval,
) -> Result<(), ReadError> {
    let data = store.reachability(block)?;
    if data.interval != interval {
        store.set_reachability(block, Arc::new(ReachabilityData { interval, ..(*data).clone() }));
    }
    Ok(())
}

/// Appends `new` as the last child of `parent`: with half of the space that is left there, or, when none is, with an
/// empty interval that a reindex then widens.
pub(super) fn add_leaf(
    store: &mut (impl ReachabilityStore + ?Sized),
    new: BlockHash,
    parent: BlockHash,
    constants: Reachability,
) -> Result<(), ReadError> {
    let free = free_after(store, parent)?;
    let parent_data = store.reachability(parent)?;
    let mut children = (*parent_data.children).clone();
    children.push(new);
    let height = parent_data.height.checked_add(1).ok_or_else(|| broken(parent, "height out of bounds"))?;
    store.set_reachability(
        parent,
        Arc::new(ReachabilityData { children: Arc::new(children), ..(*parent_data).clone() }),
    );
    let interval = free.first_half().ok_or_else(|| broken(parent, "free space out of bounds"))?;
    store.set_reachability(
        new,
        Arc::new(ReachabilityData {
            parent: Some(parent),
            interval,
            height,
            children: Arc::default(),
            future_covering_set: Arc::default(),
        }),
    );
    if interval.is_empty() {
        let root = store.reindex_root()?;
        Reindex::new(store, constants).make_room_for(new, root)?;
    }
    Ok(())
}

/// The lowest block at or below `block` that is on the chain of `other` too.
fn common_chain_ancestor(
    store: &(impl ReachabilityStoreReader + ?Sized),
    block: BlockHash,
    other: BlockHash,
) -> Result<BlockHash, ReadError> {
    let mut current = block;
    while !is_chain_ancestor_of(store, current, other)? {
        current = store.reachability(current)?.parent.ok_or_else(|| broken(current, "root covers nothing"))?;
    }
    Ok(current)
}

/// Moves the reindex root up the chain of `hint`, if it lags by more than the reindex depth.
///
/// A root that is not on the chain of `hint` moves over only when that chain is higher by `slack`, so that branches
/// that take turns can't make us rebalance each time.
pub(super) fn advance_reindex_root(
    store: &mut (impl ReachabilityStore + ?Sized),
    hint: BlockHash,
    constants: Reachability,
) -> Result<(), ReadError> {
    let current = store.reindex_root()?;
    let hint_height = store.reachability(hint)?.height;
    let mut from = current;
    if !is_chain_ancestor_of(store, current, hint)? {
        if hint_height.saturating_sub(store.reachability(current)?.height) < constants.slack {
            return Ok(());
        }
        from = common_chain_ancestor(store, hint, current)?;
    }
    // The chain from there to the highest block that is buried by the reindex depth.
    let mut path = vec![from];
    let mut top = from;
    while top != hint {
        let child = next_chain_ancestor_unchecked(store, hint, top)?;
        if hint_height.saturating_sub(store.reachability(child)?.height) < constants.depth {
            break;
        }
        path.push(child);
        top = child;
    }
    if top == current {
        return Ok(());
    }
    for pair in path.windows(2) {
        if let [parent, child] = *pair {
            Reindex::new(store, constants).concentrate(parent, child, child == top)?;
        }
    }
    store.set_reindex_root(top);
    Ok(())
}
