//! umbel-ledger
