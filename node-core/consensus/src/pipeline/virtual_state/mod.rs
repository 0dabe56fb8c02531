//! The virtual stage: which chain, what state, what the next block stands on.
//!
//! The UTXO and State tables hold the state of the sink. A candidate chain is tried on a [`Position`] above them: undo
//! down to the split point, redo or verify upwards. One batch moves the tables and the sink together.

mod merge;
mod position;
mod sink_search;
mod virtual_parents;

pub(crate) use merge::{merge_place, merged_blocks};
pub(crate) use position::Position;
pub(crate) use sink_search::{Disqualified, SinkMove, SinkSearch, commit_sink};
pub(crate) use virtual_parents::{VirtualContext, build_virtual};
