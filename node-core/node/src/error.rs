//! Why a node can't start or go on.

use std::io;
use std::path::PathBuf;

use thiserror::Error;
use umbel_api::{ApiError, ErrorCode};

/// What keeps a node from starting. None of these changes anything on disk.
#[derive(Debug, Error)]
pub enum NodeError {
    /// The system names no folder for application data, and none was given.
    #[error("there is no folder for application data on this system; name one with --data-dir")]
    NoDataFolder,
    /// The data folder can't be made, read or written.
    #[error("the data folder {} can't be used: {source}", path.display())]
    DataFolder {
        /// Which folder or file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another process holds the data folder.
    #[error("{} holds the data folder {}; stop it first, or use another --data-dir", holder(*pid), path.display())]
    AlreadyRunning {
        /// The holder, where it is known.
        pid: Option<u32>,
        /// The data folder of the network.
        path: PathBuf,
    },
    /// The network's genesis names recipients and validators that are not known yet.
    #[error("{network} can't start: {reason} (genesis file {})", path.display())]
    GenesisMissing {
        /// Which network.
        network: &'static str,
        /// Where its genesis file belongs.
        path: PathBuf,
        /// What is missing or wrong.
        reason: String,
    },
    /// The network exists for the simulator only.
    #[error("{0} is a network for simulations; no node runs on it")]
    SimulationOnly(&'static str),
    /// The settings file holds something else than settings.
    #[error("the settings file {} is damaged: {reason}; mend or delete it", path.display())]
    Settings {
        /// The file.
        path: PathBuf,
        /// Where it is wrong.
        reason: String,
    },
    /// The address to listen on could be reached from elsewhere: the token would cross a network unencrypted.
    #[error("--api {0}: the API is served on loopback addresses only, such as 127.0.0.1:{port}", port = .0.port())]
    NotLoopback(std::net::SocketAddr),
    /// The address to listen on can't be used.
    #[error("{address} can't be listened on: {reason}; choose another with --api")]
    Listen {
        /// The address.
        address: String,
        /// What the system says.
        reason: String,
    },
    /// The folder of the page holds no page.
    #[error("{} holds no index.html; build the page with `cargo xtask ui`", .0.display())]
    NoPage(PathBuf),
    /// The system refused a thread or its source of randomness.
    #[error("the system refused {what}: {reason}")]
    System {
        /// What was asked for.
        what: &'static str,
        /// What the system says.
        reason: String,
    },
}

fn holder(pid: Option<u32>) -> String {
    match pid {
        Some(pid) => format!("process {pid}"),
        None => "another process".to_owned(),
    }
}

impl NodeError {
    /// Ties a path to an error of the system.
    pub(crate) fn folder(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::DataFolder { path, source }
    }
}

impl From<NodeError> for ApiError {
    fn from(error: NodeError) -> Self {
        let code = match &error {
            NodeError::NoDataFolder | NodeError::DataFolder { .. } => ErrorCode::DataFolder,
            NodeError::AlreadyRunning { .. } => ErrorCode::AlreadyRunning,
            NodeError::GenesisMissing { .. } => ErrorCode::GenesisMissing,
            NodeError::SimulationOnly(_)
            | NodeError::Settings { .. }
            | NodeError::NotLoopback(_)
            | NodeError::NoPage(_) => ErrorCode::BadInput,
            NodeError::Listen { .. } => ErrorCode::PortInUse,
            NodeError::System { .. } => ErrorCode::Internal,
        };
        Self::new(code, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_folder_names_its_holder() {
        let error = NodeError::AlreadyRunning { pid: Some(4711), path: "/d/devnet".into() };
        let error = ApiError::from(error);
        assert_eq!(error.code, ErrorCode::AlreadyRunning);
        assert!(error.message.contains("process 4711") && error.message.contains("/d/devnet"), "{error}");
    }
}
