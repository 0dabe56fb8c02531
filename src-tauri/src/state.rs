//! What the commands share: the node's API, or why there is none.

use crate::options::Options;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::broadcast;
use umbel_api::{Api, ApiError, NodeEvent};
use umbel_node::{EventSource, Node, NodeConfig, NodeRole, StartError, default_data_dir};

/// The node inside the app, as commands see it.
pub(crate) struct AppState {
    node: Result<Running, ApiError>,
}

struct Running {
    api: Arc<dyn Api>,
    events: EventSource,
    /// Taken when the app ends: stopping consumes it.
    node: Mutex<Option<Node>>,
}

impl AppState {
    /// Starts the node. A failure is kept for the commands to tell: the window must open all the same.
    pub(crate) fn start(options: &Options) -> Self {
        Self { node: start(options).map_err(ApiError::from) }
    }

    /// The API, or why the node is not running.
    pub(crate) fn api(&self) -> Result<&dyn Api, ApiError> {
        self.node.as_ref().map(|node| node.api.as_ref()).map_err(Clone::clone)
    }

    /// The node's events from now on.
    pub(crate) fn events(&self) -> Result<broadcast::Receiver<NodeEvent>, ApiError> {
        self.node.as_ref().map(|node| node.events.subscribe()).map_err(Clone::clone)
    }

    /// Stops the node and waits for it, ten seconds at most.
    pub(crate) fn stop(&self) {
        let Ok(running) = &self.node else { return };
        let node = running.node.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(node) = node {
            node.stop();
        }
    }
}

fn start(options: &Options) -> Result<Running, StartError> {
    let data_dir = options.data_dir.clone().map_or_else(default_data_dir, Ok)?;
    let node = Node::start(NodeConfig { role: NodeRole::Wallet, ..NodeConfig::new(data_dir, options.network) })?;
    Ok(Running { api: node.api(), events: node.events(), node: Mutex::new(Some(node)) })
}
