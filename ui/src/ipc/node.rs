//! Calls of the area `node`.

use super::transport::call;
use umbel_api::api_trait::{DevnetAdvance, DevnetFund, DevnetReset, NodeDag, NodeMine, NodeState};
use umbel_api::node::{AdvanceAnswer, AdvanceRequest, DagRequest, DagView, FundRequest, MineRequest, MiningState};
use umbel_api::{ApiError, Empty, send::Payment};

/// What the node is doing.
pub(crate) async fn state() -> Result<umbel_api::node::NodeState, ApiError> {
    call::<NodeState>(Empty {}).await
}

/// Blocks that arrived behind `since`, at most `limit`.
pub(crate) async fn dag(since: u64, limit: usize) -> Result<DagView, ApiError> {
    call::<NodeDag>(DagRequest { since, limit }).await
}

/// Starts, changes or stops mining.
pub(crate) async fn mine(threads: usize, pay_to: Option<String>) -> Result<MiningState, ApiError> {
    call::<NodeMine>(MineRequest { threads, pay_to }).await
}

/// Devnet: mines `blocks` at once.
pub(crate) async fn devnet_advance(blocks: u64, pay_to: Option<String>) -> Result<AdvanceAnswer, ApiError> {
    call::<DevnetAdvance>(AdvanceRequest { blocks, pay_to }).await
}

/// Devnet: pays test coins.
pub(crate) async fn devnet_fund(to: String, amount: String) -> Result<Payment, ApiError> {
    call::<DevnetFund>(FundRequest { to, amount }).await
}

/// Devnet: starts again from genesis.
pub(crate) async fn devnet_reset() -> Result<Empty, ApiError> {
    call::<DevnetReset>(Empty {}).await
}
