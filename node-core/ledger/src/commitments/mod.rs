//! The commitments of a header (docs/spec/consensus.md R1, docs/spec/commitments.md). `state_root` is that of
//! [`crate::state_tree`].

mod lanes;
mod lthash;
mod mmr;

pub use lanes::{AcceptedFacts, AcceptedLeaf, LaneRoots, Outcome, OutputDigest, SystemFacts, system_leaf};
pub(crate) use lanes::{lane_batch, next_lane};
pub use lthash::LtHash;
pub use mmr::ChainMmr;
pub(crate) use mmr::{mmr_leaf, mmr_node, mmr_root};
