//! How much the pool may hold.

/// Bounds of a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most transactions.
    pub max_txs: usize,
    /// Most memory that transactions and their indexes take, in bytes, as [`crate::PoolStats::held_bytes`] counts it.
    pub max_held_bytes: usize,
    /// How long a transaction may wait, in ms.
    pub expiry_ms: u64,
    /// Most transactions that one transaction may replace.
    pub max_replaced: usize,
}

impl Limits {
    /// A wallet's node: 20,000 transactions in 64 MiB, for 24 h; 25 replaced at once (docs/spec/mempool.md §1).
    pub const WALLET_NODE: Self =
        Self { max_txs: 20_000, max_held_bytes: 64 * 1024 * 1024, expiry_ms: 24 * 60 * 60 * 1_000, max_replaced: 25 };
}

impl Default for Limits {
    fn default() -> Self {
        Self::WALLET_NODE
    }
}
