//! umbel-miner
