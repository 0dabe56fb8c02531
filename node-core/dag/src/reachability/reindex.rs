//! Rebalancing: space for a block whose parent has none left.
//!
//! Below the reindex root, space is taken from the nearest ancestor that has enough, and dealt out anew over its
//! subtree. Off the root's chain, where intervals were tightened, it is taken from the slack that was left along the
//! chain towards the root, and in the end from the root itself, which owns nearly everything.

use std::collections::BTreeMap;

use umbel_types::BlockHash;

use super::data::ReachabilityStore;
use super::inquirer::{Reachability, is_chain_ancestor_of, next_chain_ancestor_unchecked};
use super::interval::Interval;
use super::tree::{broken, free_after, free_before, set_interval};
use crate::error::ReadError;

/// Steps of the reindex root for which one dealing out of its subtree lasts. The margin, 2²¹ numbers with the usual
/// slack, is nothing beside the root's interval.
const STEPS_PER_DEAL: u64 = 128;

/// Space looked for beyond what is needed. Each block takes half of what its parent has left, so that a chain grows by
/// some 16 blocks before its end is dealt out again; with just enough space every further block would be.
const GROWTH: u64 = 1 << 16;

/// On which side of the chain to the reindex root something lies.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Before,
    After,
}

/// One rebalancing.
pub(super) struct Reindex<'a, S: ?Sized> {
    store: &'a mut S,
    constants: Reachability,
    /// Sizes of subtrees counted so far. The shape of the tree does not change meanwhile.
    sizes: BTreeMap<BlockHash, u64>,
}

impl<'a, S: ReachabilityStore + ?Sized> Reindex<'a, S> {
    pub(super) fn new(store: &'a mut S, constants: Reachability) -> Self {
        Self { store, constants, sizes: BTreeMap::new() }
    }

    /// Gives `leaf`, whose interval is empty, a place: below the nearest ancestor that has [`GROWTH`] times the space
    /// needed, else below the nearest that has enough.
    pub(super) fn make_room_for(&mut self, leaf: BlockHash, root: BlockHash) -> Result<(), ReadError> {
        let mut current = leaf;
        let mut enough: Option<BlockHash> = None;
        loop {
            let required = self.subtree_size(current)?;
            let data = self.store.reachability(current)?;
            if data.interval.size() / GROWTH >= required {
                return self.deal_out(current);
            }
            if data.interval.size() >= required {
                enough.get_or_insert(current);
            }
            let parent = data.parent.filter(|_| current != root);
            let is_beside_chain = match parent {
                Some(parent) => parent != root && is_chain_ancestor_of(self.store, parent, root)?,
                None => false,
            };
            match (parent, enough) {
                (Some(parent), _) if !is_beside_chain => current = parent,
                (_, Some(ancestor)) => return self.deal_out(ancestor),
                (Some(parent), None) => return self.reclaim(current, root, parent, required),
                (None, None) => return Err(broken(current, "the reindex root is full")),
            }
        }
    }

    /// Number of blocks in the subtree of `block`, itself included.
    fn subtree_size(&mut self, block: BlockHash) -> Result<u64, ReadError> {
        if let Some(&size) = self.sizes.get(&block) {
            return Ok(size);
        }
        // Parents before children; summed up backwards. Zero marks a block that is not summed up yet.
        let mut order = vec![block];
        let mut next = 0;
        self.sizes.insert(block, 0);
        while let Some(&current) = order.get(next) {
            next += 1;
            for &child in self.store.reachability(current)?.children.iter() {
                match self.sizes.get(&child) {
                    // Else a damaged list would be walked for ever.
                    Some(0) => return Err(broken(child, "child of two blocks, or twice of one")),
                    Some(_) => {}
                    None => {
                        self.sizes.insert(child, 0);
                        order.push(child);
                    }
                }
            }
        }
        for &current in order.iter().rev() {
            let mut size = 1u64;
            for child in self.store.reachability(current)?.children.iter() {
                size += self.sizes.get(child).copied().ok_or_else(|| broken(*child, "counted before its child"))?;
            }
            self.sizes.insert(current, size);
        }
        self.sizes.get(&block).copied().ok_or_else(|| broken(block, "not counted"))
    }

    /// Divides the interval of `block` among its whole subtree.
    fn deal_out(&mut self, block: BlockHash) -> Result<(), ReadError> {
        self.subtree_size(block)?;
        let mut pending = vec![block];
        while let Some(current) = pending.pop() {
            let data = self.store.reachability(current)?;
            if data.children.is_empty() {
                continue;
            }
            let sizes = self.sizes_of(&data.children)?;
            let parts = data
                .interval
                .children_capacity()
                .and_then(|capacity| capacity.split_by_growth(&sizes))
                .ok_or_else(|| broken(current, "the subtree is larger than its interval"))?;
            for (&child, part) in data.children.iter().zip(parts) {
                set_interval(self.store, child, part)?;
                pending.push(child);
            }
        }
        Ok(())
    }

    fn sizes_of(&mut self, blocks: &[BlockHash]) -> Result<Vec<u64>, ReadError> {
        blocks.iter().map(|&block| self.subtree_size(block)).collect()
    }

    /// Widens `block`, a child of `fork`, by at least `required`; `fork` is on the chain of `root` and `block` is not.
    fn reclaim(&mut self, block: BlockHash, root: BlockHash, fork: BlockHash, required: u64) -> Result<(), ReadError> {
        let chosen = next_chain_ancestor_unchecked(self.store, root, fork)?;
        let before =
            self.store.reachability(block)?.interval.start() < self.store.reachability(chosen)?.interval.start();
        let side = if before { Side::Before } else { Side::After };
        // Up towards the root, until the slack on this side of the chain is enough.
        let mut path = Vec::new();
        let mut current = chosen;
        let mut slack_sum = 0u64;
        let keep = loop {
            if current == root {
                // The root is practically boundless: renew the slack of the chain on the way down.
                let slack = self.constants.slack;
                let offset = required
                    .checked_add(slack.saturating_mul(path.len() as u64))
                    .and_then(|needed| needed.checked_sub(slack_sum))
                    .ok_or_else(|| broken(root, "slack exceeds what is required"))?;
                self.narrow(current, offset, side)?;
                self.deal_out(current)?;
                self.shift_siblings(block, current, offset, side)?;
                break slack;
            }
            let free = self.free(current, side)?;
            slack_sum = slack_sum.saturating_add(free);
            if slack_sum >= required {
                let offset = free - (slack_sum - required);
                self.narrow(current, offset, side)?;
                self.shift_siblings(block, current, offset, side)?;
                break 0;
            }
            path.push(current);
            current = next_chain_ancestor_unchecked(self.store, root, current)?;
        };
        // Down again: what each block got above its share is handed on.
        while let Some(current) = path.pop() {
            let offset = self
                .free(current, side)?
                .checked_sub(keep)
                .ok_or_else(|| broken(current, "less slack than was set aside"))?;
            self.narrow(current, offset, side)?;
            self.shift_siblings(block, current, offset, side)?;
        }
        Ok(())
    }

    fn free(&self, block: BlockHash, side: Side) -> Result<u64, ReadError> {
        Ok(match side {
            Side::Before => free_before(self.store, block)?,
            Side::After => free_after(self.store, block)?,
        }
        .size())
    }

    fn shift(&mut self, block: BlockHash, start_by: i128, end_by: i128) -> Result<(), ReadError> {
        let interval = self.store.reachability(block)?.interval;
        let shifted = interval.shifted(start_by, end_by).ok_or_else(|| broken(block, "interval out of bounds"))?;
        set_interval(self.store, block, shifted)
    }

    /// Gives up `offset` numbers on one side. Children are not moved.
    fn narrow(&mut self, block: BlockHash, offset: u64, side: Side) -> Result<(), ReadError> {
        match side {
            Side::Before => self.shift(block, i128::from(offset), 0),
            Side::After => self.shift(block, 0, -i128::from(offset)),
        }
    }

    /// Moves the siblings on one side of `pivot` towards it by `offset`, or, where `target` is among them, widens
    /// `target` by as much and leaves those beyond it alone.
    fn shift_siblings(
        &mut self,
        target: BlockHash,
        pivot: BlockHash,
        offset: u64,
        side: Side,
    ) -> Result<(), ReadError> {
        let parent = self.store.reachability(pivot)?.parent.ok_or_else(|| broken(pivot, "no parent"))?;
        let children = self.store.reachability(parent)?.children.clone();
        let (before, after) = split_at(&children, pivot)?;
        let nearest_first: Vec<BlockHash> = match side {
            Side::Before => before.iter().rev().copied().collect(),
            Side::After => after.to_vec(),
        };
        let by = match side {
            Side::Before => i128::from(offset),
            Side::After => -i128::from(offset),
        };
        for sibling in nearest_first {
            if sibling == target {
                match side {
                    Side::Before => self.shift(sibling, 0, by)?,
                    Side::After => self.shift(sibling, by, 0)?,
                }
                return self.deal_out(sibling);
            }
            self.shift(sibling, by, by)?;
            self.deal_out(sibling)?;
        }
        Ok(())
    }

    /// Tightens all children of `parent` but `child`, which gets the rest: `child` is on the way to the new root, and
    /// is it if `is_root`.
    pub(super) fn concentrate(&mut self, parent: BlockHash, child: BlockHash, is_root: bool) -> Result<(), ReadError> {
        let data = self.store.reachability(parent)?;
        let slack = self.constants.slack;
        let (before, after) = split_at(&data.children, child)?;
        let (sizes_before, sizes_after) = (self.sizes_of(before)?, self.sizes_of(after)?);
        let (sum_before, sum_after) = (sizes_before.iter().sum::<u64>(), sizes_after.iter().sum::<u64>());
        let too_small = || broken(parent, "too small to concentrate on one child");
        let capacity = data.interval.children_capacity().ok_or_else(too_small)?;
        let room = |from: u64, till: u64| Interval::new(from, till).ok_or_else(too_small);
        let first = capacity.start().checked_add(slack).ok_or_else(too_small)?;
        let last = capacity.end().checked_sub(slack).ok_or_else(too_small)?;
        let chosen_start = first.checked_add(sum_before).ok_or_else(too_small)?;
        let chosen_end = last.checked_sub(sum_after).ok_or_else(too_small)?;
        let chosen = room(chosen_start, chosen_end)?;
        self.tighten(before, &sizes_before, room(first, chosen_start - 1)?)?;
        self.tighten(after, &sizes_after, room(chosen_end + 1, last)?)?;
        if is_root && !chosen.contains(self.store.reachability(child)?.interval) {
            // Its subtree must move. Dealt out with a margin at both ends, it need not move again at the next steps,
            // each of which takes one slack from either end.
            let margin = slack.saturating_mul(STEPS_PER_DEAL);
            let inner = room(
                chosen.start().checked_add(margin).ok_or_else(too_small)?,
                chosen.end().checked_sub(margin).ok_or_else(too_small)?,
            )?;
            set_interval(self.store, child, inner)?;
            self.deal_out(child)?;
        }
        set_interval(self.store, child, chosen)
    }

    fn tighten(&mut self, blocks: &[BlockHash], sizes: &[u64], room: Interval) -> Result<(), ReadError> {
        let Some(&first) = blocks.first() else { return Ok(()) };
        let parts = room.split_exact(sizes).ok_or_else(|| broken(first, "siblings do not fit"))?;
        for (&block, part) in blocks.iter().zip(parts) {
            set_interval(self.store, block, part)?;
            self.deal_out(block)?;
        }
        Ok(())
    }
}

/// The blocks before and behind `pivot`.
fn split_at(children: &[BlockHash], pivot: BlockHash) -> Result<(&[BlockHash], &[BlockHash]), ReadError> {
    let idx =
        children.iter().position(|&child| child == pivot).ok_or_else(|| broken(pivot, "not among its siblings"))?;
    let (before, rest) = children.split_at(idx);
    Ok((before, rest.get(1..).unwrap_or(&[])))
}
