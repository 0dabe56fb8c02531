//! Adding blocks and answering questions.

use std::sync::Arc;

use umbel_types::BlockHash;

use super::data::{ReachabilityData, ReachabilityStore, ReachabilityStoreReader};
use super::future_covering::{find_covering, find_covering_block, insert_covering};
use super::interval::Interval;
use super::tree::{add_leaf, advance_reindex_root, broken};
use crate::error::ReadError;
use crate::readers::ReachabilityReader;

/// When and how the tree is rebalanced. Answers do not depend on it, only cost does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reachability {
    /// Blocks on the selected chain above the reindex root: reorganisations of this depth stay cheap (rusty-kaspa: 100).
    pub depth: u64,
    /// Numbers left free on both sides of each block on the reindex root's chain, so that late blocks on old ones move
    /// nothing else (rusty-kaspa: 2¹⁴).
    pub slack: u64,
}

impl Default for Reachability {
    fn default() -> Self {
        Self { depth: 100, slack: 1 << 14 }
    }
}

impl Reachability {
    /// [`add_block`] with these constants.
    ///
    /// # Errors
    /// As [`add_block`].
    pub fn add_block(
        self,
        store: &mut (impl ReachabilityStore + ?Sized),
        new: BlockHash,
        selected_parent: BlockHash,
        mergeset: impl IntoIterator<Item = BlockHash>,
    ) -> Result<(), ReadError> {
        match store.reachability(new) {
            Err(ReadError::Missing(_)) => {}
            Ok(_) => return Err(broken(new, "added twice")),
            Err(error) => return Err(error),
        }
        add_leaf(store, new, selected_parent, self)?;
        for merged in mergeset {
            insert_covering(store, merged, new)?;
        }
        Ok(())
    }

    /// [`hint_virtual_selected_parent`] with these constants.
    ///
    /// # Errors
    /// As [`hint_virtual_selected_parent`].
    pub fn hint_virtual_selected_parent(
        self,
        store: &mut (impl ReachabilityStore + ?Sized),
        sink: BlockHash,
    ) -> Result<(), ReadError> {
        advance_reindex_root(store, sink, self)
    }
}

/// Makes `genesis` the root of an empty tree.
pub fn init(store: &mut (impl ReachabilityStore + ?Sized), genesis: BlockHash) {
    store.set_reachability(
        genesis,
        Arc::new(ReachabilityData {
            parent: None,
            interval: Interval::MAXIMAL,
            height: 0,
            children: Arc::default(),
            future_covering_set: Arc::default(),
        }),
    );
    store.set_reindex_root(genesis);
}

/// Adds a block above blocks that were added before.
///
/// - `mergeset`: without the selected parent, in any order.
///
/// On an error the store may hold part of the writes: stage them and drop the batch.
///
/// # Errors
/// [`ReadError::Missing`] for an unknown parent; [`ReadError::Inconsistent`] if the block is known already, if
/// `mergeset` is not its mergeset, or if the stored tree is damaged.
pub fn add_block(
    store: &mut (impl ReachabilityStore + ?Sized),
    new: BlockHash,
    selected_parent: BlockHash,
    mergeset: impl IntoIterator<Item = BlockHash>,
) -> Result<(), ReadError> {
    Reachability::default().add_block(store, new, selected_parent, mergeset)
}

/// Says that `sink` is, or may become, the selected tip. Keeps the part of the tree that grows well supplied; call it
/// once for each new tip.
///
/// # Errors
/// [`ReadError`].
pub fn hint_virtual_selected_parent(
    store: &mut (impl ReachabilityStore + ?Sized),
    sink: BlockHash,
) -> Result<(), ReadError> {
    Reachability::default().hint_virtual_selected_parent(store, sink)
}

/// Whether `this` is `queried` or on its selected chain. Constant time.
///
/// # Errors
/// [`ReadError`].
pub fn is_chain_ancestor_of(
    store: &(impl ReachabilityStoreReader + ?Sized),
    this: BlockHash,
    queried: BlockHash,
) -> Result<bool, ReadError> {
    Ok(store.reachability(this)?.interval.contains(store.reachability(queried)?.interval))
}

/// Whether `this` is `queried` or in its past. Logarithmic in the future covering set of `this`.
///
/// # Errors
/// [`ReadError`].
pub fn is_dag_ancestor_of(
    store: &(impl ReachabilityStoreReader + ?Sized),
    this: BlockHash,
    queried: BlockHash,
) -> Result<bool, ReadError> {
    let this = store.reachability(this)?;
    is_before(store, &this, store.reachability(queried)?.interval)
}

/// [`is_dag_ancestor_of`] with both blocks read before.
pub(crate) fn is_before(
    store: &(impl ReachabilityStoreReader + ?Sized),
    this: &ReachabilityData,
    queried: Interval,
) -> Result<bool, ReadError> {
    Ok(this.interval.contains(queried) || find_covering_block(store, &this.future_covering_set, queried)?.is_ok())
}

/// A block's future, read once for many questions. Valid as long as the tree is not written to.
#[derive(Clone, Debug)]
pub struct Future {
    data: Arc<ReachabilityData>,
    /// Intervals of the future covering set, filled in as the search touches them; empty before the first search.
    covering: Vec<Option<Interval>>,
}

impl Future {
    /// The future of `block`.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn of(store: &(impl ReachabilityStoreReader + ?Sized), block: BlockHash) -> Result<Self, ReadError> {
        Ok(Self { data: store.reachability(block)?, covering: Vec::new() })
    }

    /// Whether the block that `other` was made of is in this future, or is the same block.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn contains(
        &mut self,
        store: &(impl ReachabilityStoreReader + ?Sized),
        other: &Self,
    ) -> Result<bool, ReadError> {
        let wanted = other.data.interval;
        if self.data.interval.contains(wanted) {
            return Ok(true);
        }
        let members = &self.data.future_covering_set;
        self.covering.resize(members.len(), None);
        let covering = &mut self.covering;
        let found = find_covering(members.len(), wanted, |idx| match (covering.get_mut(idx), members.get(idx)) {
            (Some(Some(known)), _) => Ok(*known),
            (Some(slot), Some(&member)) => Ok(*slot.insert(store.reachability(member)?.interval)),
            _ => Err(ReadError::Missing(BlockHash::default())),
        });
        Ok(found?.is_ok())
    }
}

/// The child of `ancestor` that is `descendant` or on its selected chain.
///
/// # Errors
/// [`ReadError::Inconsistent`] if `ancestor` is not on the chain strictly below `descendant`.
pub fn next_chain_ancestor(
    store: &(impl ReachabilityStoreReader + ?Sized),
    descendant: BlockHash,
    ancestor: BlockHash,
) -> Result<BlockHash, ReadError> {
    if descendant == ancestor || !is_chain_ancestor_of(store, ancestor, descendant)? {
        return Err(broken(descendant, "asked for the next block of a chain it is not on"));
    }
    next_chain_ancestor_unchecked(store, descendant, ancestor)
}

/// [`next_chain_ancestor`] while `ancestor` itself may have an interval that its children were not yet moved into.
pub(super) fn next_chain_ancestor_unchecked(
    store: &(impl ReachabilityStoreReader + ?Sized),
    descendant: BlockHash,
    ancestor: BlockHash,
) -> Result<BlockHash, ReadError> {
    let below = store.reachability(ancestor)?;
    let interval = store.reachability(descendant)?.interval;
    let found = find_covering_block(store, &below.children, interval)?;
    let idx = found.map_err(|_| broken(descendant, "no child leads to it"))?;
    let child = below.children.get(idx).copied().ok_or_else(|| broken(ancestor, "child list changed"))?;
    // Each step goes up by one: no damaged list leads a walk in a circle.
    if below.height.checked_add(1) != Some(store.reachability(child)?.height) {
        return Err(broken(child, "not one higher than the block below"));
    }
    Ok(child)
}

impl<S: ReachabilityStoreReader + ?Sized> ReachabilityReader for S {
    fn is_dag_ancestor_of(&self, this: BlockHash, queried: BlockHash) -> Result<bool, ReadError> {
        is_dag_ancestor_of(self, this, queried)
    }

    fn is_chain_ancestor_of(&self, this: BlockHash, queried: BlockHash) -> Result<bool, ReadError> {
        is_chain_ancestor_of(self, this, queried)
    }

    fn next_chain_ancestor(&self, descendant: BlockHash, ancestor: BlockHash) -> Result<BlockHash, ReadError> {
        next_chain_ancestor(self, descendant, ancestor)
    }
}
