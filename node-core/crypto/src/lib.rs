//! umbel-crypto
