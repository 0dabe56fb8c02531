//! The networks by name.

use core::fmt;
use core::str::FromStr;

/// A network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Network {
    /// Embedded, one machine, test coins, public keys.
    Devnet,
    /// Machines that find each other on a local network.
    Lan,
    /// Public test network.
    Testnet,
    /// The real thing.
    Mainnet,
    /// 32 blocks a second, for the simulator.
    Lab32,
}

impl Network {
    /// All networks.
    pub const ALL: [Self; 5] = [Self::Devnet, Self::Lan, Self::Testnet, Self::Mainnet, Self::Lab32];

    /// Its name on the command line and in paths.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Devnet => "devnet",
            Self::Lan => "lan",
            Self::Testnet => "testnet",
            Self::Mainnet => "mainnet",
            Self::Lab32 => "lab32",
        }
    }

    /// Whether its coins are worth nothing by design.
    pub const fn has_test_coins(self) -> bool {
        !matches!(self, Self::Mainnet)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that no network has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown network; there are devnet, lan, testnet and mainnet")]
pub struct UnknownNetwork;

impl FromStr for Network {
    type Err = UnknownNetwork;

    fn from_str(text: &str) -> Result<Self, UnknownNetwork> {
        Self::ALL.into_iter().find(|n| n.name() == text).ok_or(UnknownNetwork)
    }
}
