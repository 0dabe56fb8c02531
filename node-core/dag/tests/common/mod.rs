//! What the tests of this crate share: random graphs, the graph as the crate sees it, the definitions it is compared
//! with, and where test vectors lie.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    reason = "shared by test files that each use their own part"
)]

pub mod build;
pub mod exact;
pub mod graph;
pub mod oracle;
pub mod shapes;

use std::path::PathBuf;

use umbel_types::BlockHash;

/// SplitMix64: small, and the same everywhere.
#[derive(Clone)]
pub struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    pub fn hash(&mut self) -> BlockHash {
        let mut bytes = [0u8; 32];
        for chunk in bytes.chunks_exact_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes());
        }
        BlockHash(bytes)
    }
}

/// Number of random graphs: `default`, unless `UMBEL_DAG_CASES` says otherwise.
pub fn cases(default: u64) -> u64 {
    std::env::var("UMBEL_DAG_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(default)
}

/// The files of one kind in a folder of test vectors, or `None` with a message when the folder is not here.
pub fn vectors(folder: &str, extension: &str) -> Option<Vec<PathBuf>> {
    let root = std::env::var_os("UMBEL_VECTORS")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors"), PathBuf::from);
    let path = root.join(folder);
    if !path.is_dir() {
        assert!(std::env::var_os("CI").is_none(), "CI compares with the vectors: none at {}", path.display());
        println!("SKIPPED: no test vectors at {} (set UMBEL_VECTORS)", path.display());
        return None;
    }
    let mut files: Vec<_> =
        std::fs::read_dir(&path).expect("readable").map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|ext| ext == extension));
    files.sort();
    assert!(!files.is_empty(), "no .{extension} file in {}", path.display());
    Some(files)
}
