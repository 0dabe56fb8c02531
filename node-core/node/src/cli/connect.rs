//! Who answers a command: the node that runs on the data folder, or one started for the command.

use std::sync::Arc;
use std::time::{Duration, Instant};

use umbel_api::node::SyncStage;
use umbel_api::wallet::{LockStatus, UnlockRequest, WalletRequest, WalletState};
use umbel_api::{Api, ApiError, ApiFuture, Empty, ErrorCode};

use super::Context;
use super::args::{WalletAccess, WalletName};
use super::secrets;
use crate::config::{Layout, NodeConfig};
use crate::error::NodeError;
use crate::lock::FolderLock;
use crate::node::{Node, StartError};
use crate::remote::RemoteApi;

/// Longest wait for a command that holds the folder for a moment, or for the server of a node that is starting.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest wait for a wallet to have looked at everything.
const SCAN_TIMEOUT: Duration = Duration::from_secs(600);
/// Longest wait for the chain to be open.
const LOAD_TIMEOUT: Duration = Duration::from_secs(120);
/// Times that a wallet is opened again when another command locks it.
const OPEN_ATTEMPTS: usize = 5;
/// Time between two looks.
const POLL: Duration = Duration::from_millis(50);

/// What a command needs of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// The wallets' files.
    Wallets,
    /// The chain as well.
    Chain,
    /// A node that goes on when the command is over.
    Running,
}

/// Somebody who answers.
pub(super) struct Connection {
    api: Arc<dyn Api>,
    // Stops when the command is over.
    local: Option<Node>,
    runtime: tokio::runtime::Runtime,
}

impl Connection {
    /// Connects to the node that holds the folder, or starts one for this command.
    pub(super) fn open(context: &Context, need: Need) -> Result<Self, ApiError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .map_err(|e| NodeError::System { what: "a runtime", reason: e.to_string() })?;
        let config = NodeConfig { chain: need == Need::Chain, ..context.node_config()? };
        let layout = config.layout();
        let deadline = Instant::now() + BUSY_TIMEOUT;
        loop {
            match FolderLock::held_by(&layout)? {
                Some(holder) => {
                    if let Some(api) = RemoteApi::of_holder(&layout, holder.pid) {
                        return Ok(Self { api: Arc::new(api), local: None, runtime });
                    }
                    if Instant::now() > deadline {
                        return Err(
                            NodeError::AlreadyRunning { pid: holder.pid, path: layout.root().to_owned() }.into()
                        );
                    }
                }
                None if need == Need::Running => return Err(not_running(&layout)),
                None => match Node::start(config.clone()) {
                    Ok(node) => {
                        let connection = Self { api: node.api(), local: Some(node), runtime };
                        if need == Need::Chain {
                            connection.wait_for_chain()?;
                        }
                        return Ok(connection);
                    }
                    Err(StartError::Node(NodeError::AlreadyRunning { .. })) if Instant::now() < deadline => {}
                    Err(error) => return Err(error.into()),
                },
            }
            std::thread::sleep(POLL);
        }
    }

    /// Whether the node that answers stops when the command is over.
    pub(super) fn is_local(&self) -> bool {
        self.local.is_some()
    }

    /// The API.
    pub(super) fn api(&self) -> &dyn Api {
        self.api.as_ref()
    }

    /// Waits for a call.
    pub(super) fn wait<T>(&self, call: ApiFuture<'_, T>) -> Result<T, ApiError> {
        self.runtime.block_on(call)
    }

    /// Stops the node of this command, so that everything is written.
    pub(super) fn close(mut self) {
        if let Some(node) = self.local.take() {
            node.stop();
        }
    }

    /// The wallet that is meant: the named one, or the only one.
    pub(super) fn wallet_name(&self, name: &WalletName) -> Result<String, ApiError> {
        if let Some(name) = &name.name {
            return Ok(name.clone());
        }
        let list = self.wait(self.api().wallet_list(Empty {}))?.wallets;
        match list.as_slice() {
            [only] => Ok(only.name.clone()),
            [] => {
                Err(ApiError::new(ErrorCode::NoSuchWallet, "there is no wallet; make one with `umbel wallet create`"))
            }
            _ => Err(ApiError::new(ErrorCode::BadInput, "there are several wallets; say which with --wallet NAME")),
        }
    }

    /// The wallet, open at least as far as `enough`: else it is unlocked, and locked again with the returned value.
    fn open_wallet(&self, access: &WalletAccess, enough: LockStatus) -> Result<Opened<'_>, ApiError> {
        let name = self.wallet_name(&access.wallet)?;
        let list = self.wait(self.api().wallet_list(Empty {}))?.wallets;
        // Names that differ in case only are one wallet's.
        let Some(summary) = list.iter().find(|w| w.name.to_lowercase() == name.to_lowercase()) else {
            return Err(ApiError::new(ErrorCode::NoSuchWallet, format!("there is no wallet named {name:?}")));
        };
        let is_open = match summary.status {
            LockStatus::Closed => false,
            LockStatus::Locked => enough == LockStatus::Locked,
            LockStatus::Unlocked => true,
        };
        if !is_open {
            let password =
                secrets::password(access.password.password_file.as_deref(), &format!("Password of {name}: "))?;
            self.wait(self.api().wallet_unlock(UnlockRequest { wallet: name.clone(), password }))?;
        }
        Ok(Opened { connection: self, name, lock_again: !is_open })
    }

    /// Waits until the chain of a node started for this command is open.
    fn wait_for_chain(&self) -> Result<(), ApiError> {
        let deadline = Instant::now() + LOAD_TIMEOUT;
        while self.check_chain()? != SyncStage::Synced {
            if Instant::now() > deadline {
                return Err(ApiError::passing(ErrorCode::Unavailable, "the chain takes too long to open"));
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }

    /// The node's stage, unless it has failed.
    fn check_chain(&self) -> Result<SyncStage, ApiError> {
        let state = self.wait(self.api().node_state(Empty {}))?;
        if state.sync.stage == SyncStage::Failed {
            let reason = state.warnings.into_iter().next().map(|w| w.message);
            let reason = reason.unwrap_or_else(|| "the chain could not be opened".to_owned());
            return Err(ApiError::new(ErrorCode::Unavailable, reason));
        }
        Ok(state.sync.stage)
    }

    /// Uses the wallet, open at least as far as `enough`. Another command may lock it in between, since each leaves
    /// it as it was: then it is opened again.
    pub(super) fn with_wallet<T>(
        &self,
        access: &WalletAccess,
        enough: LockStatus,
        mut call: impl FnMut(&Opened<'_>) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        for _ in 1..OPEN_ATTEMPTS {
            let opened = self.open_wallet(access, enough)?;
            match call(&opened) {
                Err(error) if error.code == ErrorCode::Locked => {}
                result => return result,
            }
        }
        call(&self.open_wallet(access, enough)?)
    }
}

/// A wallet that a command uses. When the command is over it is locked again, if it was locked before.
pub(super) struct Opened<'a> {
    connection: &'a Connection,
    pub(super) name: String,
    lock_again: bool,
}

impl Opened<'_> {
    /// Waits until the wallet has looked at everything.
    pub(super) fn wait_for_scan(&self) -> Result<WalletState, ApiError> {
        let deadline = Instant::now() + SCAN_TIMEOUT;
        let connection = self.connection;
        loop {
            let request = WalletRequest { wallet: self.name.clone() };
            let state = connection.wait(connection.api().wallet_state(request))?;
            if state.scan.complete {
                return Ok(state);
            }
            connection.check_chain()?;
            if Instant::now() > deadline {
                return Err(ApiError::passing(ErrorCode::Unavailable, "the wallet is still looking for its coins"));
            }
            std::thread::sleep(POLL);
        }
    }
}

impl Drop for Opened<'_> {
    fn drop(&mut self) {
        if self.lock_again {
            let connection = self.connection;
            let request = WalletRequest { wallet: self.name.clone() };
            if let Err(error) = connection.wait(connection.api().wallet_lock(request)) {
                tracing::warn!(%error, "the wallet stays unlocked until its time is over");
            }
        }
    }
}

fn not_running(layout: &Layout) -> ApiError {
    ApiError::new(
        ErrorCode::NotRunning,
        format!("no node runs on {}; start one with `umbel node run`", layout.root().display()),
    )
}
