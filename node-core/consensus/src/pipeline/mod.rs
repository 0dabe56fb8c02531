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

/// The store failed, or the graph is damaged: the block was not judged.
pub(crate) fn fault(error: impl Into<ReadError>) -> BlockError {
    BlockError::Unavailable(error.into().to_string())
}
