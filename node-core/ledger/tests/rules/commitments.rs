//! The commitments depend on the set, not on the way there.

use proptest::prelude::*;
use umbel_ledger::commitments::{ChainMmr, LtHash, smt_root};
use umbel_types::{BlockHash, Hash32, UtxoEntry};

use crate::fixture::{entry_of, memo_of, outpoint};

fn entry(n: u32) -> UtxoEntry {
    entry_of(memo_of(u64::from(n) + 1))
}

proptest! {
    #[test]
    fn lthash_forgets_the_order(n in 1u32..20, rotate in 0usize..20) {
        let mut order: Vec<u32> = (0..n).collect();
        let mut forward = LtHash::default();
        order.iter().for_each(|i| forward.add(&outpoint(*i), &entry(*i)));
        let turn = rotate % order.len();
        order.rotate_left(turn);
        let mut other = LtHash::default();
        order.iter().for_each(|i| other.add(&outpoint(*i), &entry(*i)));
        prop_assert_eq!(forward.commitment(), other.commitment());
        order.iter().for_each(|i| other.remove(&outpoint(*i), &entry(*i)));
        prop_assert_eq!(other, LtHash::default());
    }

    /// The root by a second statement: fold the 256 levels from below, over a map of nodes.
    #[test]
    fn smt_root_is_that_of_the_definition(keys in proptest::collection::btree_set(any::<[u8; 32]>(), 0..12)) {
        let leaves: Vec<(Hash32, Hash32)> =
            keys.iter().map(|key| (Hash32(*key), Hash32([key[31] ^ 0x5a; 32]))).collect();
        prop_assert_eq!(smt_root(&leaves), naive_smt_root(&leaves));
    }
}

fn naive_smt_root(leaves: &[(Hash32, Hash32)]) -> Hash32 {
    use umbel_types::hash::{Domain, Hasher};
    fn prefix_matches(key: &Hash32, prefix: &[bool]) -> bool {
        prefix.iter().enumerate().all(|(i, bit)| (key.0[i / 8] & (0x80 >> (i % 8)) != 0) == *bit)
    }
    fn node(leaves: &[(Hash32, Hash32)], prefix: &mut Vec<bool>) -> Hash32 {
        let below: Vec<&(Hash32, Hash32)> = leaves.iter().filter(|(key, _)| prefix_matches(key, prefix)).collect();
        if below.is_empty() {
            return Hash32([0; 32]);
        }
        if below.len() == 1 {
            return below[0].1;
        }
        prefix.push(false);
        let left = node(leaves, prefix);
        prefix.pop();
        prefix.push(true);
        let right = node(leaves, prefix);
        prefix.pop();
        Hasher::new(Domain::SMT_NODE).with(&left).with(&right).finish()
    }
    let top = node(leaves, &mut Vec::new());
    Hasher::new(Domain::SMT_ROOT).with(&(leaves.len() as u64)).with(&top).finish()
}

/// Peaks by a second statement: cut the list into its powers of two and hash each tree from the leaves.
#[test]
fn mmr_root_is_that_of_the_definition() {
    use umbel_types::encode::encode_list;
    use umbel_types::hash::{Domain, Hasher};
    fn tree(blocks: &[BlockHash]) -> Hash32 {
        if let [block] = blocks {
            return Hasher::new(Domain::MMR_LEAF).with(block).finish();
        }
        let (left, right) = blocks.split_at(blocks.len() / 2);
        Hasher::new(Domain::MMR_NODE).with(&tree(left)).with(&tree(right)).finish()
    }
    let mut mmr = ChainMmr::default();
    let mut blocks = Vec::new();
    let mut roots = std::collections::BTreeSet::new();
    for n in 0..70u8 {
        let mut peaks = Vec::new();
        let mut rest: &[BlockHash] = &blocks;
        for bit in (0..8).rev() {
            if blocks.len() & (1 << bit) != 0 {
                let (tree_blocks, later) = rest.split_at(1 << bit);
                peaks.push(tree(tree_blocks));
                rest = later;
            }
        }
        let mut bytes = (blocks.len() as u64).to_le_bytes().to_vec();
        encode_list(&peaks, &mut bytes);
        assert_eq!(mmr.root(), Hasher::new(Domain::MMR_ROOT).with_bytes(&bytes).finish());
        assert!(roots.insert(mmr.root()), "two sizes share a root");
        blocks.push(BlockHash([n; 32]));
        mmr = mmr.push(BlockHash([n; 32]));
    }
}
