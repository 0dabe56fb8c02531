//! What the node tells without being asked: coalesced to at most ten of a kind a second.

use serde::{Deserialize, Serialize};

use crate::{node, send, wallet};

/// Something changed. Each event carries the whole new state of its subject, so that a lost one does no harm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data", rename_all = "snake_case")]
pub enum NodeEvent {
    /// The node's state.
    Node(Box<node::NodeState>),
    /// New blocks: ask `node/dag` for what came behind the sequence number that is known.
    Blocks {
        /// Sequence number of the newest block.
        newest: u64,
    },
    /// The list of wallets changed.
    Wallets(wallet::WalletList),
    /// A wallet's balance or scan state.
    Wallet(wallet::WalletState),
    /// A payment went on.
    Payment(send::Payment),
}
