//! Where templates come from and blocks go to: the miner knows neither consensus nor the mempool.

use umbel_types::Block;
use umbel_types::consensus_api::{BlockStatus, BlockTemplate};
use umbel_types::errors::BlockError;

use crate::error::TemplateError;

/// The rest of the node, as the miner sees it. Called from several threads at once.
pub trait TemplateSource: Send + Sync {
    /// A block on top of everything known, with the current time, that lacks only nonce and mix digest.
    ///
    /// # Errors
    /// [`TemplateError`]; the miner asks again a little later.
    fn template(&self) -> Result<BlockTemplate, TemplateError>;

    /// Takes a finished block. Returns once header and body were judged; the block then stands in later templates.
    ///
    /// # Errors
    /// Why the block was refused.
    fn submit(&self, block: Block) -> Result<BlockStatus, BlockError>;

    /// Whether a newer template would be built on other parents. Asked a few times a second, so it must be cheap.
    fn is_stale(&self, template: &BlockTemplate) -> bool;
}
