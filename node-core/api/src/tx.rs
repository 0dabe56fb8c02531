//! Transactions as bytes.

use serde::{Deserialize, Serialize};

/// A whole transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawTx {
    /// Canonical encoding, lower-case hexadecimal.
    pub hex: String,
}

/// It is in the pool, or the chain has it already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submitted {
    /// Its id.
    pub txid: String,
    /// Whether the chain had accepted it before: the pool does not take it again.
    pub accepted: bool,
}
