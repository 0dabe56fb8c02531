//! What the app may be told when it is started.

use clap::Parser;
use std::path::PathBuf;
use umbel_types::Network;

/// Options of the program.
#[derive(Debug, Clone, Parser)]
#[command(name = "umbel-app", version, about = "Umbel: wallet and node for a confidential block-DAG")]
pub(crate) struct Options {
    /// Folder for wallets and chain; without it the system's folder for application data
    #[arg(long, value_name = "DIR", env = "UMBEL_DATA_DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Network to take part in
    #[arg(long, value_name = "NAME", env = "UMBEL_NETWORK", default_value_t = Network::Devnet)]
    pub(crate) network: Network,
}
