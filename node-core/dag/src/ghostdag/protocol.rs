//! The greedy k-cluster colouring.

use umbel_types::{BlockHash, BlueWork, CompactTarget};

use super::anticone::BlueView;
use super::data::GhostdagData;
use super::mergeset::mergeset_without_selected_parent;
use super::ordering::find_selected_parent;
use crate::error::GhostdagError;
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
        let candidates = mergeset_without_selected_parent(dag, selected_parent, parents, self.mergeset_limit)?;
        let mut view = BlueView::new(dag, self.k, selected_parent)?;
        let mut mergeset_reds = Vec::new();
        for candidate in candidates {
            if !view.try_add(dag, candidate)? {
                mergeset_reds.push(candidate);
            }
        }
        let mergeset_blues: Vec<BlockHash> = view.blues().collect();
        let below = view.selected_parent();
        let mut blue_work = below.blue_work;
        for &blue in &mergeset_blues {
            blue_work = blue_work.saturating_add((self.work)(dag.header_facts(blue)?.bits));
        }
        Ok(GhostdagData {
            blue_score: below.blue_score.saturating_add(mergeset_blues.len() as u64),
            blue_work,
            selected_parent,
            mergeset_blues,
            mergeset_reds,
            blues_anticone_sizes: view.changed_sizes(),
        })
    }
}
