//! The blue blocks that candidates are compared with, each read once for all candidates.

use std::sync::Arc;

use umbel_types::BlockHash;

use super::data::{AnticoneSizes, GhostdagData};
use crate::error::ReadError;
use crate::reachability::Future;
use crate::readers::DagReader;

/// A blue block, as the new block sees it.
struct Peer {
    hash: BlockHash,
    future: Future,
    /// Size of its blue anticone.
    size: u16,
    /// Whether a candidate of this mergeset is in it: then the new block stores the size.
    changed: bool,
}

impl Peer {
    fn read(dag: &(impl DagReader + ?Sized), hash: BlockHash, size: u16, changed: bool) -> Result<Self, ReadError> {
        Ok(Self { hash, future: Future::of(dag, hash)?, size, changed })
    }
}

/// The blue set of a block that is being coloured, from its own mergeset down its selected chain as far as was asked.
pub(super) struct BlueView {
    k: u16,
    /// Blues of the new block's mergeset, the selected parent first.
    own: Vec<Peer>,
    /// Those that the chain blocks merged, the newest chain block's first.
    below: Vec<Vec<Peer>>,
    /// Colouring of the chain blocks that merged them, and of the one further down.
    chain: Vec<Arc<GhostdagData>>,
    selected_parent: Arc<GhostdagData>,
}

impl BlueView {
    pub(super) fn new(dag: &(impl DagReader + ?Sized), k: u16, selected_parent: BlockHash) -> Result<Self, ReadError> {
        let own = vec![Peer::read(dag, selected_parent, 0, true)?];
        let selected_parent = dag.ghostdag(selected_parent)?;
        Ok(Self { k, own, below: Vec::new(), chain: vec![selected_parent.clone()], selected_parent })
    }

    /// Colouring of the selected parent.
    pub(super) fn selected_parent(&self) -> &GhostdagData {
        &self.selected_parent
    }

    /// Blues of the mergeset so far.
    pub(super) fn blues(&self) -> impl Iterator<Item = BlockHash> {
        self.own.iter().map(|peer| peer.hash)
    }

    /// Adds `candidate`, the next one in topological order, to the blue set if that leaves it a k-cluster.
    pub(super) fn try_add(&mut self, dag: &(impl DagReader + ?Sized), candidate: BlockHash) -> Result<bool, ReadError> {
        let k = usize::from(self.k);
        // Every candidate is in the selected parent's anticone, so the rule below would say so too, after more reads.
        if self.own.len() > k {
            return Ok(false);
        }
        let future = Future::of(dag, candidate)?;
        // Level 0 is the mergeset, level n + 1 what the n-th chain block merged.
        let mut anticone: Vec<(usize, usize)> = Vec::with_capacity(k);
        let mut level = 0;
        loop {
            let peers = match level {
                0 => &mut self.own,
                _ => self.level_below(dag, level - 1)?,
            };
            let mut is_chain_block_past = false;
            for (idx, peer) in peers.iter_mut().enumerate() {
                // Earlier blues are never in the candidate's future: candidates come in topological order.
                if peer.future.contains(dag, &future)? {
                    is_chain_block_past |= idx == 0;
                    continue;
                }
                if anticone.len() == k || usize::from(peer.size) >= k {
                    return Ok(false);
                }
                anticone.push((level, idx));
            }
            // Each level starts with the next chain block. All blues further down are in its past, hence in the
            // candidate's. Genesis is in every past, so the walk ends.
            if is_chain_block_past {
                break;
            }
            level += 1;
        }
        let size = u16::try_from(anticone.len()).unwrap_or(self.k);
        for (level, idx) in anticone {
            let peers = if level == 0 { Some(&mut self.own) } else { self.below.get_mut(level - 1) };
            if let Some(peer) = peers.and_then(|peers| peers.get_mut(idx)) {
                peer.size += 1;
                peer.changed = true;
            }
        }
        self.own.push(Peer { hash: candidate, future, size, changed: true });
        Ok(true)
    }

    /// The blues that a chain block merged, read on first use.
    fn level_below(&mut self, dag: &(impl DagReader + ?Sized), depth: usize) -> Result<&mut Vec<Peer>, ReadError> {
        if depth == self.below.len() {
            let merging = self.chain.last().map(Arc::clone).ok_or(ReadError::Missing(super::NO_PARENT))?;
            if merging.is_genesis() {
                let block = self.own.first().map_or(super::NO_PARENT, |peer| peer.hash);
                return Err(ReadError::Inconsistent { block, what: "its chain leads past genesis" });
            }
            let peers = merging
                .mergeset_blues
                .iter()
                .map(|&blue| Peer::read(dag, blue, self.size_below(blue)?, false))
                .collect::<Result<Vec<_>, _>>()?;
            self.chain.push(dag.ghostdag(merging.selected_parent)?);
            self.below.push(peers);
        }
        self.below.get_mut(depth).ok_or(ReadError::Missing(super::NO_PARENT))
    }

    /// Size of a blue's anticone as the selected parent sees it: the newest entry down the chain.
    fn size_below(&self, blue: BlockHash) -> Result<u16, ReadError> {
        let newest = self.chain.iter().find_map(|data| data.blues_anticone_sizes.get(blue));
        newest.ok_or(ReadError::Inconsistent { block: blue, what: "not blue in the view that lists it as blue" })
    }

    /// The sizes that the mergeset changed.
    pub(super) fn changed_sizes(&self) -> AnticoneSizes {
        let peers = self.own.iter().chain(self.below.iter().flatten());
        peers.filter(|peer| peer.changed).map(|peer| (peer.hash, peer.size)).collect()
    }
}
