//! Merkle trees over a list of hashes.
//!
//! Leaves, nodes and the root have their own labels and the root commits to the count, so a tree can't be read as
//! another one (CVE-2012-2459 came from duplicating the last leaf; here an odd node is promoted).

use crate::hash::{Domain, Hash32, Hasher};

/// The root of a list of leaves that are already hashed under a leaf label.
pub fn merkle_root(leaves: &[Hash32]) -> Hash32 {
    let mut level = leaves.to_vec();
    while level.len() > 1 {
        level = level
            .chunks(2)
            .map(|pair| match pair {
                [left, right] => Hasher::new(Domain::MERKLE_NODE).with(left).with(right).finish(),
                odd => odd[0],
            })
            .collect();
    }
    // No leaves: the zero hash, told apart from a leaf of zeros by the count.
    let top = level.first().copied().unwrap_or(Hash32([0; 32]));
    Hasher::new(Domain::MERKLE_ROOT).with(&(leaves.len() as u64)).with(&top).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(n: u8) -> Hash32 {
        Hash32([n; 32])
    }

    #[test]
    fn no_two_lists_of_a_small_set_share_a_root() {
        let mut roots = std::collections::BTreeSet::new();
        let mut lists = vec![vec![]];
        for n in 1..=9u8 {
            lists.push((0..n).map(leaf).collect());
            let mut doubled: Vec<_> = (0..n).map(leaf).collect();
            doubled.push(leaf(n - 1));
            lists.push(doubled);
        }
        for list in &lists {
            assert!(roots.insert(merkle_root(list)), "{} leaves collide", list.len());
        }
    }
}
