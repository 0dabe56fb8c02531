//! The greedy k-cluster colouring.

use std::collections::BTreeMap;
use std::sync::Arc;

use umbel_types::{BlockHash, BlueWork, CompactTarget};

use super::data::GhostdagData;
use super::mergeset::mergeset_without_selected_parent;
use super::ordering::find_selected_parent;
use crate::error::{GhostdagError, ReadError};
use crate::readers::DagReader;

/// Work that a block's bits stand for: [`CompactTarget::work`] on every network, one unit in test graphs.
pub type WorkOfBits = fn(CompactTarget) -> BlueWork;

/// The colouring rule with its constants.
#[derive(Clone, Copy, Debug)]
pub struct GhostdagProtocol {
    k: u16,
    mergeset_limit: usize,
    work: WorkOfBits,
}

/// A candidate's blue anticone, as far as it is known.
#[derive(Default)]
struct Anticone {
    size: u16,
    /// Its members with their own anticone sizes before the candidate joins.
    peers: BTreeMap<BlockHash, u16>,
}

impl GhostdagProtocol {
    /// The rule of a network.
    ///
    /// - `k`: most blue blocks in a blue block's anticone.
    /// - `mergeset_limit`: most blocks of a mergeset, the selected parent included; `usize::MAX` for none.
    /// - `work`: what a block's bits stand for.
    pub fn new(k: u16, mergeset_limit: usize, work: WorkOfBits) -> Self {
        Self { k, mergeset_limit, work }
    }

    /// k.
    pub fn k(&self) -> u16 {
        self.k
    }

    /// Colours the mergeset of a block with these parents.
    ///
    /// All parents and their pasts must be readable through `dag`; the block itself need not exist.
    ///
    /// # Consensus
    /// > Iterate the mergeset without the selected parent in ascending (blue_work, hash) order; a candidate is blue iff
    /// > its blue anticone ≤ k and no blue block's blue anticone would exceed k; stop adding blues at k+1 including the
    /// > selected parent. Blue score and work: sums over mergeset blues. (R3, R4)
    ///
    /// # Errors
    /// [`GhostdagError`].
    pub fn ghostdag(
        &self,
        dag: &(impl DagReader + ?Sized),
        parents: &[BlockHash],
    ) -> Result<GhostdagData, GhostdagError> {
        let selected_parent = find_selected_parent(dag, parents)?.ok_or(GhostdagError::NoParents)?;
        let below = dag.ghostdag(selected_parent)?;
        let mut data = GhostdagData {
            blue_score: below.blue_score,
            blue_work: below.blue_work,
            selected_parent,
            mergeset_blues: vec![selected_parent],
            mergeset_reds: Vec::new(),
            blues_anticone_sizes: BTreeMap::from([(selected_parent, 0)]),
        };
        for candidate in mergeset_without_selected_parent(dag, selected_parent, parents, self.mergeset_limit)? {
            match self.blue_anticone(dag, &data, candidate)? {
                Some(anticone) => {
                    data.mergeset_blues.push(candidate);
                    data.blues_anticone_sizes.insert(candidate, anticone.size);
                    for (peer, size) in anticone.peers {
                        data.blues_anticone_sizes.insert(peer, size + 1);
                    }
                }
                None => data.mergeset_reds.push(candidate),
            }
        }
        for &blue in &data.mergeset_blues {
            data.blue_work = data.blue_work.saturating_add((self.work)(dag.header_facts(blue)?.bits));
        }
        data.blue_score = data.blue_score.saturating_add(data.mergeset_blues.len() as u64);
        Ok(data)
    }

    /// The candidate's blue anticone in the view of the new block, or `None` if the candidate is red.
    fn blue_anticone(
        &self,
        dag: &(impl DagReader + ?Sized),
        new: &GhostdagData,
        candidate: BlockHash,
    ) -> Result<Option<Anticone>, ReadError> {
        if new.mergeset_blues.len() > usize::from(self.k) {
            return Ok(None);
        }
        let mut anticone = Anticone::default();
        // First the new block's own blues, then those of each block down its selected chain.
        if !self.extend_anticone(dag, new, &new.mergeset_blues, candidate, &mut anticone)? {
            return Ok(None);
        }
        let mut chain_block = new.selected_parent;
        loop {
            // All blues below are in the chain block's past, hence in the candidate's. Genesis is in every past, so the
            // walk ends.
            if dag.is_dag_ancestor_of(chain_block, candidate)? {
                return Ok(Some(anticone));
            }
            let chain_data = dag.ghostdag(chain_block)?;
            if !self.extend_anticone(dag, new, &chain_data.mergeset_blues, candidate, &mut anticone)? {
                return Ok(None);
            }
            chain_block = chain_data.selected_parent;
        }
    }

    /// Adds those of `peers` to the candidate's anticone that are not in its past. Earlier blues are never in the
    /// candidate's future: candidates come in topological order. `false` if a k-cluster would be broken.
    fn extend_anticone(
        &self,
        dag: &(impl DagReader + ?Sized),
        new: &GhostdagData,
        peers: &[BlockHash],
        candidate: BlockHash,
        anticone: &mut Anticone,
    ) -> Result<bool, ReadError> {
        for &peer in peers {
            if dag.is_dag_ancestor_of(peer, candidate)? {
                continue;
            }
            let peer_size = blue_anticone_size(dag, new, peer)?;
            anticone.size += 1;
            if anticone.size > self.k || peer_size >= self.k {
                return Ok(false);
            }
            anticone.peers.insert(peer, peer_size);
        }
        Ok(true)
    }
}

/// Size of the blue anticone of `blue`, which is blue in the view of `view`.
fn blue_anticone_size(dag: &(impl DagReader + ?Sized), view: &GhostdagData, blue: BlockHash) -> Result<u16, ReadError> {
    if let Some(&size) = view.blues_anticone_sizes.get(&blue) {
        return Ok(size);
    }
    let mut below: Arc<GhostdagData> = dag.ghostdag(view.selected_parent)?;
    loop {
        if let Some(&size) = below.blues_anticone_sizes.get(&blue) {
            return Ok(size);
        }
        if below.is_genesis() {
            return Err(ReadError::Inconsistent { block: blue, what: "not blue in the view that lists it as blue" });
        }
        below = dag.ghostdag(below.selected_parent)?;
    }
}
