//! Transactions as bytes.

use serde::{Deserialize, Serialize};

/// A whole transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawTx {
    /// Canonical encoding, lower-case hexadecimal.
    pub hex: String,
}

/// It is in the pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submitted {
    /// Its id.
    pub txid: String,
}
