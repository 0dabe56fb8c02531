//! umbel-consensus
