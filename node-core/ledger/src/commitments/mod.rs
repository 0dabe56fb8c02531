//! The commitments of a header (docs/spec/consensus.md R1).

mod lanes;
mod lthash;
mod mmr;
mod smt;

pub use lanes::{AcceptedLeaf, LaneRoots, system_leaf};
pub use lthash::LtHash;
pub use mmr::ChainMmr;
pub use smt::smt_root;
