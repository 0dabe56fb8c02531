//! How deep a node prunes (docs/spec/consensus.md "Pruning").

use std::fmt;
use std::str::FromStr;

use umbel_types::params::{PMT_SAMPLE_INTERVAL_S, PMT_SAMPLES};
use umbel_types::{Network, Params};

/// Seconds below the newest block until a public network's blocks are pruned, at least (18 h).
const MIN_DEPTH_S: u64 = 64_800;
/// Checkpoints between two pruning points: an hour.
const CHECKPOINTS: u64 = 360;
/// The same on devnet, whose chains are short: six minutes.
const CHECKPOINTS_DEVNET: u64 = 36;

/// What a node keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeRole {
    /// Everything.
    Archive,
    /// Bodies down to a pruning point that lies below everything the rules ever read (18 h).
    Full,
    /// Bodies down to a pruning point as near to finality as the rules allow.
    Wallet,
}

impl NodeRole {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Archive, Self::Full, Self::Wallet];

    /// Its name in settings and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Archive => "archive",
            Self::Full => "full",
            Self::Wallet => "wallet",
        }
    }
}

impl fmt::Display for NodeRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A word that names no role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no role: archive, full or wallet")]
pub struct UnknownRole(String);

impl FromStr for NodeRole {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL.into_iter().find(|role| role.name() == text).ok_or_else(|| UnknownRole(text.to_owned()))
    }
}

/// Distances in blue score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PruningDepths {
    /// Between two pruning points.
    pub interval: u64,
    /// From the sink down to the pruning point, at least.
    pub below_sink: u64,
    /// From the finalized block down to the pruning point, at least: what no chain through the finalized block merges any
    /// more lies below (R5's bound without the finality depth).
    pub below_finality: u64,
    /// From the pruning point down to the root of what is kept of the DAG, at least.
    pub window: u64,
}

impl PruningDepths {
    /// A network's depths.
    pub fn of(params: &Params, role: NodeRole) -> Self {
        let (k, limit) = (u64::from(params.k), params.mergeset_limit as u64);
        let below_finality = 2 * params.merge_depth + 4 * limit * k + 2 * k + 2;
        let below_sink = match role {
            NodeRole::Archive | NodeRole::Full => {
                (params.finality_depth + below_finality).max(params.daa_of_seconds(MIN_DEPTH_S))
            }
            NodeRole::Wallet => below_finality,
        };
        // Past median time reads so many samples down the chain, one a block at most and each block adds at most k + 1.
        let samples = (PMT_SAMPLES as u64 + 1) * params.daa_of_seconds(PMT_SAMPLE_INTERVAL_S).max(k + 1);
        let checkpoints = if params.network == Network::Devnet { CHECKPOINTS_DEVNET } else { CHECKPOINTS };
        Self {
            interval: checkpoints * params.checkpoint_interval,
            below_sink,
            below_finality,
            window: below_finality.max(samples),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published lower bounds (R5): φ + 2M + 4LK + 2K + 2.
    #[test]
    fn depths_are_above_the_published_bounds() {
        for (network, bound, hours) in
            [(Network::Devnet, 63_398, 18), (Network::Mainnet, 627_258, 18), (Network::Lab32, 2_354_902, 20)]
        {
            let params = Params::of(network);
            let full = PruningDepths::of(&params, NodeRole::Full);
            assert_eq!(params.finality_depth + full.below_finality, bound);
            assert!(full.below_sink >= bound && full.window >= full.below_finality);
            assert_eq!(full.below_sink / params.daa_of_seconds(3_600), hours);
            let wallet = PruningDepths::of(&params, NodeRole::Wallet);
            assert_eq!(wallet, PruningDepths { below_sink: wallet.below_finality, ..full });
            // Points of every role are checkpoints.
            assert_eq!(full.interval % params.checkpoint_interval, 0);
        }
    }

    #[test]
    fn roles_have_names() {
        for role in NodeRole::ALL {
            assert_eq!(role.name().parse(), Ok(role));
        }
        assert_eq!("light".parse::<NodeRole>(), Err(UnknownRole("light".to_owned())));
    }
}
