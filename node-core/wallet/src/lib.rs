//! umbel-wallet
