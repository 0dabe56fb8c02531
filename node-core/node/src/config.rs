//! What a node is started with, and where it keeps things.
//!
//! Precedence: flags before the environment (`UMBEL_DATA_DIR`, `UMBEL_NETWORK`, `UMBEL_STORE`) before the person's
//! settings before defaults; the command line does the choosing, but for the settings, which lie in the data folder.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use umbel_api::settings::{Settings, StoreEngine};
pub use umbel_consensus::pruning::NodeRole;
pub use umbel_store::StoreKind;
use umbel_store::{DEFAULT_SEGMENT_BYTES, StoreConfig};
use umbel_types::Network;

use crate::error::NodeError;

/// What a full node's chain is meant to take, in bytes: 18 hours of full blocks at ten a second.
pub const FULL_BUDGET_BYTES: u64 = 60_000_000_000;
/// What a wallet's chain is meant to take, in bytes.
pub const WALLET_BUDGET_BYTES: u64 = 10_000_000_000;

/// Mining from the start.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct MiningConfig {
    /// Threads; 0 for none.
    pub threads: usize,
    /// Confidential address to pay; `None` for the first wallet of the data folder.
    pub pay_to: Option<String>,
    /// Whether the proof of work's dataset may be built in memory.
    pub dataset: bool,
}

/// Everything a node is started with.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// Holds one folder a network.
    pub data_dir: PathBuf,
    /// Which network.
    pub network: Network,
    /// Where the chain is kept; `None` for what the person's settings say.
    pub store: Option<StoreKind>,
    /// What is kept of the chain. A program that only looks at a folder takes [`NodeRole::Archive`], which deletes nothing.
    pub role: NodeRole,
    /// What chain and snapshots may take on the disk before the person is told, in bytes; `None` for the role's own.
    pub disk_budget: Option<u64>,
    /// Whether to open the chain; without it there are only the wallets' files.
    pub chain: bool,
    /// Mining from the start.
    pub mining: MiningConfig,
}

impl NodeConfig {
    /// A node that does not mine, on the database of the person's settings.
    pub fn new(data_dir: impl Into<PathBuf>, network: Network) -> Self {
        Self {
            data_dir: data_dir.into(),
            network,
            store: None,
            role: NodeRole::Archive,
            disk_budget: None,
            chain: true,
            mining: MiningConfig::default(),
        }
    }

    /// What chain and snapshots may take on the disk before the person is told, in bytes.
    pub(crate) fn disk_budget(&self) -> Option<u64> {
        self.disk_budget.or(match self.role {
            NodeRole::Archive => None,
            NodeRole::Full => Some(FULL_BUDGET_BYTES),
            NodeRole::Wallet => Some(WALLET_BUDGET_BYTES),
        })
    }

    /// The database and what it may take, by what was asked for and the person's settings.
    pub(crate) fn store(&self, settings: &Settings) -> StoreConfig {
        let kind = self.store.unwrap_or(match settings.store {
            StoreEngine::Redb => StoreKind::Redb,
            StoreEngine::Sled => StoreKind::Sled,
        });
        StoreConfig { kind, cache_bytes: bytes_of_mib(settings.store_cache_mib), segment_bytes: DEFAULT_SEGMENT_BYTES }
    }

    /// Where this node keeps things.
    pub fn layout(&self) -> Layout {
        Layout::new(&self.data_dir, self.network)
    }
}

/// A number of MiB that does not fit is one that no machine has.
pub(crate) fn bytes_of_mib(mib: u32) -> usize {
    usize::try_from(mib).unwrap_or(usize::MAX).saturating_mul(1024 * 1024)
}

/// The loopback server.
#[derive(Clone, Debug)]
pub struct RestConfig {
    /// Address to listen on; port 0 takes a free one.
    pub address: SocketAddr,
    /// Folder with the page to serve.
    pub ui: Option<PathBuf>,
}

impl Default for RestConfig {
    fn default() -> Self {
        Self { address: SocketAddr::from(([127, 0, 0, 1], 0)), ui: None }
    }
}

/// Paths below `<data>/<network>/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// The layout of one network.
    pub fn new(data_dir: &Path, network: Network) -> Self {
        Self { root: data_dir.join(network.name()) }
    }

    /// The network's own folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The chain: rebuildable.
    pub fn chain(&self) -> PathBuf {
        self.root.join("chain")
    }

    /// The node's own snapshots: rebuildable.
    pub fn snapshots(&self) -> PathBuf {
        self.root.join("snapshots")
    }

    /// One folder of files a wallet: not rebuildable.
    pub fn wallets(&self) -> PathBuf {
        self.root.join("wallets")
    }

    /// The person's settings.
    pub fn settings(&self) -> PathBuf {
        self.root.join("settings.json")
    }

    /// The vote key of this machine, sealed.
    pub fn validator_key(&self) -> PathBuf {
        self.root.join("validator.key")
    }

    /// What that key has signed: not rebuildable.
    pub fn validator_guard(&self) -> PathBuf {
        self.root.join("validator.guard")
    }

    /// Address and token of the running node's server.
    pub fn api_file(&self) -> PathBuf {
        self.root.join("api.json")
    }

    /// Held locked while a process uses the folder.
    pub fn lock_file(&self) -> PathBuf {
        self.root.join("lock")
    }

    /// Process id of the holder, beside the lock: a locked file can't be read everywhere.
    pub fn holder_file(&self) -> PathBuf {
        self.root.join("lock.pid")
    }

    /// Recipients and validators of networks that have no built-in genesis.
    pub fn genesis_file(&self) -> PathBuf {
        self.root.join("genesis.toml")
    }
}

/// The system's folder for application data, with `umbel` in it.
///
/// # Errors
/// [`NodeError::NoDataFolder`] where the environment does not name one.
pub fn default_data_dir() -> Result<PathBuf, NodeError> {
    let variable = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let folder = if cfg!(target_os = "windows") {
        variable("APPDATA").map(|d| d.join("Umbel"))
    } else if cfg!(target_os = "macos") {
        variable("HOME").map(|d| d.join("Library/Application Support/Umbel"))
    } else {
        variable("XDG_DATA_HOME")
            .filter(|d| d.is_absolute())
            .or_else(|| variable("HOME").map(|d| d.join(".local/share")))
            .map(|d| d.join("umbel"))
    };
    folder.ok_or(NodeError::NoDataFolder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_do_not_share_a_folder() {
        let (dev, test) =
            (Layout::new(Path::new("/d"), Network::Devnet), Layout::new(Path::new("/d"), Network::Testnet));
        assert_eq!(dev.wallets(), Path::new("/d/devnet/wallets"));
        assert_ne!(dev.lock_file(), test.lock_file());
    }
}
