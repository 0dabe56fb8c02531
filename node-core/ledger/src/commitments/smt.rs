//! A sparse Merkle tree over 256-bit keys.
//!
//! A subtree without leaves is the zero hash; a subtree with one leaf is that leaf; any other is a node of its halves. The
//! form depends on the set alone. A leaf hash covers its whole key, so a leaf can't be moved.

use umbel_types::Hash32;
use umbel_types::hash::{Domain, Hasher};

/// The root over `(key, leaf hash)`, strictly ascending by key.
pub fn smt_root(leaves: &[(Hash32, Hash32)]) -> Hash32 {
    Hasher::new(Domain::SMT_ROOT).with(&(leaves.len() as u64)).with(&subtree(leaves, 0)).finish()
}

fn subtree(leaves: &[(Hash32, Hash32)], depth: usize) -> Hash32 {
    match leaves {
        [] => Hash32::default(),
        [(_, leaf)] => *leaf,
        _ => {
            let middle = leaves.partition_point(|(key, _)| !bit(key, depth));
            let (left, right) = leaves.split_at(middle);
            Hasher::new(Domain::SMT_NODE).with(&subtree(left, depth + 1)).with(&subtree(right, depth + 1)).finish()
        }
    }
}

fn bit(key: &Hash32, depth: usize) -> bool {
    key.0[depth / 8] >> (7 - depth % 8) & 1 == 1
}
