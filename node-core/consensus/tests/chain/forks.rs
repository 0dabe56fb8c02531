use umbel_types::consensus_api::{BlockStatus, ConsensusApi};
use umbel_types::{Block, OutPoint};

use crate::fixture::TestNode;

#[test]
fn parallel_blocks_are_merged_and_both_miners_are_paid() {
    let node = TestNode::new();
    node.advance(2);
    let (a, b) = (node.mine(&[]), node.mine(&[]));
    node.insert(&a).expect("valid");
    node.insert(&b).expect("valid");
    let state = node.consensus.virtual_state();
    assert_eq!(state.parents.len(), 2);
    let merging = node.mine(&[]);
    // Whoever compares a template with the virtual state sees whether it is stale.
    assert_eq!(merging.header.parents, state.parents);
    assert_eq!(node.insert(&merging), Ok(BlockStatus::StateValid));
    for block in [&a, &b] {
        let coin = node.consensus.utxo(OutPoint::of_coinbase(block.hash())).expect("reads");
        assert!(coin.is_some(), "{} is not paid", block.hash());
    }
    let summary = node.consensus.block_summary(merging.hash()).expect("known");
    assert_eq!((summary.mergeset_blues.len(), summary.mergeset_reds.len()), (2, 0));
}

/// Two nodes mine apart; each then hears of the other's blocks. Both end with the heavier chain and the same state, and
/// so does a third one that hears of everything in another order.
#[test]
fn a_deep_reorganisation_ends_in_the_same_state_everywhere() {
    let (short, long) = (TestNode::new(), TestNode::new());
    let common: Vec<Block> = short.advance(5);
    for block in &common {
        long.insert(block).expect("valid");
    }
    let lost = short.advance(30);
    let won = long.advance(45);
    for block in &won {
        short.insert(block).expect("valid");
    }
    for block in &lost {
        long.insert(block).expect("valid");
    }
    assert_eq!(short.commitments(), long.commitments());
    assert!(short.consensus.chain_path(lost[29].hash(), 1_000).expect("was on the chain").removed.len() >= 30);

    let third = TestNode::new();
    let mut mixed: Vec<&Block> = common.iter().chain(&won).chain(&lost).collect();
    mixed.sort_by_key(|block| (block.header.blue_work, block.hash()));
    for block in mixed {
        third.insert(block).expect("valid");
    }
    assert_eq!(third.commitments(), short.commitments());
    // And everyone goes on from there.
    let next = third.mine(&[]);
    for node in [&short, &long, &third] {
        node.insert(&next).expect("valid");
    }
    assert_eq!(short.commitments(), third.commitments());
    assert_eq!(short.sink(), long.sink());
}

#[test]
fn blocks_without_their_parents_blame_nobody() {
    let (node, other) = (TestNode::new(), TestNode::new());
    let blocks = other.advance(3);
    let error = node.insert(&blocks[2]).expect_err("its parent is not here");
    assert!(!error.is_peer_fault(), "{error}");
    assert_eq!(node.consensus.status(blocks[2].hash()).expect("reads"), None);
    for block in &blocks {
        node.insert(block).expect("valid");
    }
    assert_eq!(node.sink(), other.sink());
}
