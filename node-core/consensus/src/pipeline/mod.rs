//! The pipeline of a block, stage by stage.
//!
//! Each stage takes one type and gives the next: `Header` → `IsolatedHeader` → `CheckedHeader`, `Body` → `CheckedBody`,
//! chain block → `ChainRecord`. The stages only read; `commit_*` writes one batch each.

pub(crate) mod body;
pub(crate) mod header;
pub(crate) mod rules;
pub(crate) mod virtual_state;

use umbel_dag::ReadError;
use umbel_types::errors::BlockError;

use crate::storage::{Storage, read_error};

/// [`fault`], unless what is missing was pruned here: then the block leads below what this node keeps, is not taken in, and
/// nobody is at fault (R12).
pub(crate) fn fault_or_pruned(storage: &Storage, error: ReadError) -> BlockError {
    let ReadError::Missing(block) = error else { return fault(error) };
    match storage.is_pruned(block) {
        Ok(true) => BlockError::BelowFinality(block),
        Ok(false) => fault(error),
        Err(error) => fault(read_error(&error)),
    }
}

/// The store failed, or the graph is damaged: the block was not judged.
pub(crate) fn fault(error: impl Into<ReadError>) -> BlockError {
    BlockError::Unavailable(error.into().to_string())
}
