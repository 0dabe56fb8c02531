//! The node: state, live DAG, mining, devnet.

use crate::state::AppState;
use tauri::State;
use umbel_api::{ApiError, Empty, node, send};

/// What the node is doing.
#[tauri::command]
pub(crate) async fn node_state(state: State<'_, AppState>, request: Empty) -> Result<node::NodeState, ApiError> {
    state.api()?.node_state(request).await
}

/// Blocks as they arrived, for the live view.
#[tauri::command]
pub(crate) async fn node_dag(state: State<'_, AppState>, request: node::DagRequest) -> Result<node::DagView, ApiError> {
    state.api()?.node_dag(request).await
}

/// Starts, changes or stops mining.
#[tauri::command]
pub(crate) async fn node_mine(
    state: State<'_, AppState>,
    request: node::MineRequest,
) -> Result<node::MiningState, ApiError> {
    state.api()?.node_mine(request).await
}

/// Devnet: mines blocks at once.
#[tauri::command]
pub(crate) async fn node_devnet_advance(
    state: State<'_, AppState>,
    request: node::AdvanceRequest,
) -> Result<node::AdvanceAnswer, ApiError> {
    state.api()?.node_devnet_advance(request).await
}

/// Devnet: pays test coins from the genesis wallet, whose key is public.
#[tauri::command]
pub(crate) async fn node_devnet_fund(
    state: State<'_, AppState>,
    request: node::FundRequest,
) -> Result<send::Payment, ApiError> {
    state.api()?.node_devnet_fund(request).await
}

/// Devnet: throws the chain away and starts again from genesis. Wallets stay.
#[tauri::command]
pub(crate) async fn node_devnet_reset(state: State<'_, AppState>, request: Empty) -> Result<Empty, ApiError> {
    state.api()?.node_devnet_reset(request).await
}
