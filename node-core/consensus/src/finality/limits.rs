//! What bounds the choice of a chain.

use umbel_types::BlockHash;
use umbel_types::errors::BlockError;

use super::overlay::epochs_at;
use super::progress::FinalityState;
use crate::pipeline::fault;
use crate::pipeline::virtual_state::{Position, SinkSearch};

/// Two blocks of the own chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Every chain that is followed contains it (R11, R12).
    pub(crate) choice: BlockHash,
    /// Nothing is taken in that does not have it in its past: no block could merge it, and no chain above `choice` leads
    /// through it.
    pub(crate) intake: BlockHash,
}

impl Limits {
    /// At the sink, whose tables are committed.
    ///
    /// # Consensus
    /// > Never below the last finalized checkpoint F; without finality, never below blue depth φ. (R12)
    pub(crate) fn at(search: &SinkSearch<'_>, finality: &FinalityState, sink: &Position) -> Result<Self, BlockError> {
        let score = |block| search.storage.header(block).map(|header| header.blue_score).map_err(fault);
        let deep = search.storage.finality_point(sink.block, search.params.finality_depth).map_err(fault)?;
        let is_on = epochs_at(&sink.state.states).is_some_and(|epochs| epochs.is_on());
        let (justified, finalized) = (finality.justified().block, finality.finalized().block);
        let higher = |a, b| Ok::<_, BlockError>(if score(a)? >= score(b)? { a } else { b });
        // All of them stand on the sink's chain. A block above `finalized` may still have to be taken in where it left
        // that chain: it can be merged for as long as the merge depth.
        if is_on {
            let intake = if higher(deep, finalized)? == deep { finalized } else { deep };
            Ok(Self { choice: justified, intake })
        } else {
            Ok(Self { choice: higher(justified, deep)?, intake: deep })
        }
    }
}
