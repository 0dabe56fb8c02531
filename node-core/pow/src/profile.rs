//! The sizes of Qanhash's two memories, as constants of the type.

/// Cache nodes that go into one dataset item: what computing an item costs more than reading it. Why 256:
/// docs/adr/0005-qanhash-parameters.md.
pub const PARENTS: u32 = 256;
/// Pages that one hash reads.
pub const ACCESSES: u32 = 32;
/// Seconds of DAA score that one cache serves: seven days.
pub const EPOCH_S: u64 = 604_800;
/// Bytes of a cache node and of a dataset item.
pub const NODE_LEN_BYTES: usize = 64;

/// Nodes of the `Main` cache: 32 MiB. More than the last-level cache of most processors, less than a phone's memory.
pub const MAIN_CACHE_NODES: u32 = 1 << 19;
/// Items of the `Main` dataset: 2 GiB.
pub const MAIN_DATASET_ITEMS: u32 = 1 << 25;
/// Nodes of the `Test` cache: 64 KiB.
pub const TEST_CACHE_NODES: u32 = 1 << 10;
/// Items of the `Test` dataset: 4 MiB.
pub const TEST_DATASET_ITEMS: u32 = 1 << 16;

/// Mainnet and testnet.
pub type MainCache = crate::cache::Cache<MAIN_CACHE_NODES, MAIN_DATASET_ITEMS>;
/// Devnet and local networks: the same loops over little memory.
pub type TestCache = crate::cache::Cache<TEST_CACHE_NODES, TEST_DATASET_ITEMS>;
/// Mainnet and testnet.
pub type MainDataset = crate::dataset::Dataset<MAIN_CACHE_NODES, MAIN_DATASET_ITEMS>;
/// Devnet and local networks.
pub type TestDataset = crate::dataset::Dataset<TEST_CACHE_NODES, TEST_DATASET_ITEMS>;
