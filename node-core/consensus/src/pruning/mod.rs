//! Letting go of what no rule reads any more (docs/spec/consensus.md "Pruning").
//!
//! A second state stands at the *pruning point*, a finalized chain block, and is rolled forward along the undo records.
//! Behind it go bodies, whole segment files at a time, and further down whole blocks, in the order in which they arrived.
//! All of it on the consensus thread, in small batches between blocks; a kill anywhere costs the batch in hand.

mod depths;
mod pruner;
mod record;

pub use depths::{NodeRole, PruningDepths, UnknownRole};
pub(crate) use pruner::Pruner;
pub(crate) use record::{META_PRUNED_LTHASH, META_PRUNING, PruningRecord, pruned_table};

use std::path::PathBuf;

use umbel_types::{BlockHash, BlueScore, Params};

/// What a node keeps of the chain, and where it puts its own snapshots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PruningConfig {
    /// What it keeps.
    pub role: NodeRole,
    /// How deep the pruning point lies.
    pub depths: PruningDepths,
    /// Folder of the node's own snapshots. With it, nothing is deleted before the state at the new pruning point is on the
    /// disk a second time: the way back from a damaged database.
    pub snapshots: Option<PathBuf>,
}

impl PruningConfig {
    /// The network's depths for a role, without snapshots.
    pub fn of(params: &Params, role: NodeRole) -> Self {
        Self { role, depths: PruningDepths::of(params, role), snapshots: None }
    }
}

/// How far pruning is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PruningStatus {
    /// The pruning point; genesis until there is one.
    pub point: BlockHash,
    /// Its blue score.
    pub point_blue_score: BlueScore,
    /// Blocks of which nothing but the headers of chain blocks is kept.
    pub blocks_gone: u64,
    /// Blocks whose body is not kept.
    pub bodies_gone: u64,
    /// Whether there is something to do now.
    pub busy: bool,
}
