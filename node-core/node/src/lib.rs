//! umbel-node
