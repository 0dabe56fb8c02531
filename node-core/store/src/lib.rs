//! umbel-store
