//! The commitments depend on the set, not on the way there.

use proptest::prelude::*;
use umbel_ledger::commitments::{AcceptedLeaf, ChainMmr, LaneRoots, LtHash, system_leaf};
use umbel_types::hash::{Domain, Hasher};
use umbel_types::utxo::StoredOutput;
use umbel_types::{BlockHash, Encode, Hash32, Ledger, Output, TxCore, UtxoEntry};

use crate::fixture::{entry_of, memo_of, outpoint};
use crate::kinds::kind;

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
}

/// Peaks by a second statement: cut the list into its powers of two and hash each tree from the leaves.
#[test]
fn mmr_root_is_that_of_the_definition() {
    use umbel_types::encode::encode_list;
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

fn hash(label: &'static str, parts: &[&[u8]]) -> Hash32 {
    Hasher::new(Domain(label)).with_bytes(&parts.concat()).finish()
}

fn list(label: &'static str, items: &[Vec<u8>]) -> Hash32 {
    let count = u32::try_from(items.len()).expect("few").to_le_bytes();
    hash(label, &[&count, &items.concat()])
}

fn naive_output(index: u32, output: &StoredOutput) -> Vec<u8> {
    let mut bytes = index.to_le_bytes().to_vec();
    match output {
        StoredOutput::Coin { coin, .. } => {
            bytes.push(0);
            bytes.extend_from_slice(&coin.owner.g.0);
            bytes.extend_from_slice(&coin.owner.view.0);
        }
        StoredOutput::Memo(memo) => {
            bytes.push(1);
            let lock = hash("umbel/lock-hash/v1", &[&memo.lock.to_bytes()]).0;
            bytes.extend_from_slice(&[lock, lock].concat());
        }
    }
    bytes.extend_from_slice(&hash("umbel/output/v1", &[&output.to_bytes()]).0);
    bytes
}

fn naive_leaf(core: &TxCore) -> Hash32 {
    let consumed: Vec<Vec<u8>> = core.inputs.iter().map(|input| input.outpoint.to_bytes()).collect();
    let created: Vec<Vec<u8>> = (0u32..)
        .zip(&core.outputs)
        .map(|(index, output)| {
            let stored = match output {
                Output::Coin { coin, .. } => StoredOutput::Coin { coin: coin.clone(), public_value: None },
                Output::Memo(memo) => StoredOutput::Memo(memo.clone()),
            };
            naive_output(index, &stored)
        })
        .collect();
    let txid = hash("umbel/txid/v1", &[&core.to_bytes()]);
    let (consumed, created) = (list("umbel/list/v1", &consumed), list("umbel/list/v1", &created));
    // Accepted, no gas.
    hash("umbel/acc/v1", &[&txid.0, &[0], &[0; 8], &consumed.0, &created.0])
}

fn naive_merkle(leaves: &[Hash32]) -> Hash32 {
    fn top(leaves: &[Hash32]) -> Hash32 {
        match leaves {
            [] => Hash32([0; 32]),
            [leaf] => *leaf,
            _ => {
                let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
                hash("umbel/merkle-node/v1", &[&top(left).0, &top(right).0])
            }
        }
    }
    hash("umbel/merkle-root/v1", &[&(leaves.len() as u64).to_le_bytes(), &top(leaves).0])
}

/// Accepted leaves and lanes by a second statement: docs/spec/consensus.md R1 in bytes.
#[test]
fn accepted_root_is_that_of_the_definition() {
    let main: Vec<TxCore> = ["coin", "hidden memo", "every lock created"].map(|name| kind(name).tx.core).into();
    let ccos = kind("both assets").tx.core;
    assert_eq!((main[0].ledger(), ccos.ledger()), (Ledger::Main, Ledger::Ccos));
    let cores: Vec<&TxCore> = main[..2].iter().chain([&ccos]).chain(&main[2..]).collect();
    let leaves: Vec<AcceptedLeaf> = cores.iter().map(|core| AcceptedLeaf::of(core.txid(), core, &[])).collect();
    for (leaf, core) in leaves.iter().zip(&cores) {
        assert_eq!(leaf.hash, naive_leaf(core));
    }
    let reward = kind("reward").entries.remove(0);
    let system = system_leaf(core::slice::from_ref(&reward)).expect("there is an output");
    let sources = list("umbel/list/v1", &[reward.0.to_bytes()]);
    let outputs = list("umbel/list/v1", &[naive_output(reward.0.index, &reward.1.output)]);
    assert_eq!(system, hash("umbel/sys/v1", &[&sources.0, &outputs.0]));
    assert_eq!(system_leaf(&[]), None);

    let mut lanes = [Hash32([0; 32]); 6].map(|before| hash("umbel/lane/v1", &[&before.0, &naive_merkle(&[]).0]));
    let genesis = LaneRoots::genesis();
    assert_eq!(genesis.lanes, lanes);
    let main: Vec<Hash32> = main.iter().map(naive_leaf).chain([system]).collect();
    for (lane, before) in lanes.iter_mut().enumerate() {
        let leaves = match lane {
            0 => main.clone(),
            5 => vec![naive_leaf(&ccos)],
            _ => Vec::new(),
        };
        *before = hash("umbel/lane/v1", &[&before.0, &naive_merkle(&leaves).0]);
    }
    let next = genesis.advance(&leaves, Some(system));
    assert_eq!(next.lanes, lanes);
    assert_eq!(next.root(), hash("umbel/accepted-root/v1", &[&lanes.map(|lane| lane.0).concat()]));
}
