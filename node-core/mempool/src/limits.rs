//! How much the pool may hold.

/// Bounds of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most transactions.
    pub max_txs: usize,
    /// Most bytes of encoded transactions.
    pub max_bytes: usize,
    /// How long a transaction may wait, in ms.
    pub expiry_ms: u64,
    /// Most transactions that one transaction may replace.
    pub max_replaced: usize,
}

impl Limits {
    /// A wallet's node: 20,000 transactions of together 64 MiB, for 24 h; 25 replaced at once (network.md §7).
    pub const WALLET_NODE: Self =
        Self { max_txs: 20_000, max_bytes: 64 * 1024 * 1024, expiry_ms: 24 * 60 * 60 * 1_000, max_replaced: 25 };
}

impl Default for Limits {
    fn default() -> Self {
        Self::WALLET_NODE
    }
}
