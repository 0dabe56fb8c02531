//! umbel-mempool
