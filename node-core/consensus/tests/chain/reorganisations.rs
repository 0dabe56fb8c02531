//! Competing branches through `insert_block`: deep ones, back and forth, with blocks that can't stand on the chain.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use umbel_store::KvStore;
use umbel_types::consensus_api::{BlockStatus, ConsensusApi, UtxoSnapshot};
use umbel_types::errors::BlockError;
use umbel_types::{Amount, Block, BlockHash, Hash32, Network, OutPoint, Params, UtxoEntry, ZkAddress};

use crate::fixture::{TestNode, insert_learning, market_outpoint, mem_store, pay_public};
use crate::hooked::{Counter, Hooked};

/// All unspent outputs at the sink.
fn unspent(node: &TestNode) -> (BlockHash, Vec<(OutPoint, UtxoEntry)>) {
    let snapshot: Box<dyn UtxoSnapshot> = node.consensus.utxo_snapshot().expect("reads");
    let mut all = snapshot.page(None, usize::MAX).expect("reads");
    all.sort_by_key(|(outpoint, _)| *outpoint);
    (snapshot.sink(), all)
}

/// Two nodes that share a beginning and never hear of each other again.
fn two_branches(common: usize) -> (Vec<Block>, TestNode, TestNode) {
    let (one, two) = (TestNode::new(), TestNode::new());
    two.mine(&[]);
    let blocks = one.advance(common);
    for block in &blocks {
        two.insert(block).expect("valid");
    }
    (blocks, one, two)
}

/// A branch whose first block carries a payment of the market's coin.
fn branch(node: &TestNode, to: u8, length: usize) -> Vec<Block> {
    let payment =
        pay_public(node, market_outpoint(), ZkAddress([to; 20]), Amount::from_str_tokens(u64::from(to)), |_| {});
    let first = node.mine(&[payment]);
    assert_eq!(node.insert(&first), Ok(BlockStatus::StateValid));
    let mut blocks = vec![first];
    blocks.extend(node.advance(length - 1));
    blocks
}

/// Branches overtake each other again and again, each time a little deeper; the conflict is decided by the sink each time.
#[test]
fn branches_that_overtake_each_other_end_in_the_same_state() {
    let (common, one, two) = two_branches(2);
    let depths = [1usize, 2, 10, 30];
    let (ones, twos) = (branch(&one, 1, 32), branch(&two, 2, 32));
    let node = TestNode::new();
    for block in &common {
        node.insert(block).expect("valid");
    }
    let mut sent = [0usize; 2];
    for (turn, depth) in depths.into_iter().flat_map(|d| [d, d + 1]).enumerate() {
        let (side, blocks) = if turn % 2 == 0 { (0, &ones) } else { (1, &twos) };
        let target = depth.max(sent[1 - side] + usize::from(sent[1 - side] > 0)).min(32);
        for block in &blocks[sent[side]..target] {
            node.insert(block).expect("valid");
        }
        sent[side] = target;
        assert_eq!(node.sink(), blocks[target - 1].hash(), "turn {turn}: the longer branch is the chain");
        // A node that has heard of the winning branch alone has the same outputs there.
        let alone = TestNode::new();
        for block in common.iter().chain(&blocks[..target]) {
            alone.insert(block).expect("valid");
        }
        assert_eq!(unspent(&node), unspent(&alone), "turn {turn}");
    }
    node.advance(2);
}

/// A hundred blocks and more at once, in one burst and block by block, with caches of any size.
#[test]
fn a_reorganisation_of_a_hundred_blocks_is_one_state() {
    let (common, one, two) = two_branches(1);
    let (short, long) = (branch(&one, 1, 104), branch(&two, 2, 106));
    let (roomy, tight) = (mem_store(), mem_store());
    let counter = Arc::new(Counter::default());
    let small: Arc<dyn KvStore> = Arc::new(Hooked { inner: tight, hooks: counter.clone() });
    let nodes = [
        TestNode::on(roomy),
        // Records of verified blocks are written on the way, a few at a time.
        TestNode::open(small, Params::of(Network::Devnet), 64 * 1024).expect("opens"),
    ];
    for node in &nodes {
        for block in common.iter().chain(&short) {
            node.insert(block).expect("valid");
        }
        assert_eq!(node.sink(), short[103].hash());
    }
    counter.batches.store(0, Ordering::Relaxed);
    for node in &nodes {
        let handles: Vec<_> = long.iter().map(|block| node.consensus.insert_block(block.clone())).collect();
        for handle in handles {
            handle.wait().expect("valid");
        }
        assert_eq!(node.sink(), long[105].hash());
        assert_eq!(unspent(node), unspent(&two));
        let path = node.consensus.chain_path(short[103].hash(), 1_000).expect("was on the chain");
        assert_eq!((path.removed.len(), path.added.len()), (104, 106));
    }
    assert_eq!(nodes[0].commitments(), nodes[1].commitments());
    // Header and body of each are a batch; had the records been held, only one for each drain would come on top.
    let extra = counter.batches.load(Ordering::Relaxed) - 2 * long.len();
    assert!(extra > 5, "{extra} batches for the state");
}

/// A heavier branch with a bad block at its start, in its middle, at its end: the node stands on the last block that can
/// be verified if that outweighs its own chain, and else stays; told block by block or all at once.
#[test]
fn a_bad_block_in_the_heavier_branch_does_not_move_the_node() {
    for (bad_at, burst) in [0usize, 3, 5].into_iter().flat_map(|at| [(at, false), (at, true)]) {
        let (common, one, two) = two_branches(2);
        let own = branch(&one, 1, 2);
        let mut evil: Vec<Block> = Vec::new();
        for index in 0..6 {
            let block = match index {
                _ if index < bad_at => {
                    let block = two.mine(&[]);
                    assert_eq!(two.insert(&block), Ok(BlockStatus::StateValid));
                    block
                }
                _ if index == bad_at => {
                    let block = two.mine_edited(&[], |b| b.header.utxo_commit = Hash32([9; 32]));
                    assert!(matches!(two.insert(&block), Err(BlockError::Commitment { what: "utxo_commit", .. })));
                    block
                }
                _ => {
                    let parent = evil[index - 1].hash();
                    let block = two.mine_edited(&[], |b| b.header.parents = vec![parent]);
                    insert_learning(&two, block).0
                }
            };
            evil.push(block);
        }
        let node = TestNode::new();
        for block in common.iter().chain(&own) {
            node.insert(block).expect("valid");
        }
        let before = unspent(&node);
        if burst {
            let handles: Vec<_> = evil.iter().map(|block| node.consensus.insert_block(block.clone())).collect();
            for handle in handles {
                let _verdicts_differ = handle.wait();
            }
        } else {
            for block in &evil {
                let _verdicts_differ = node.insert(block);
            }
        }
        let case = format!("bad at {bad_at}, burst: {burst}");
        if bad_at > own.len() {
            assert_eq!(node.sink(), evil[bad_at - 1].hash(), "{case}");
        } else {
            assert_eq!(unspent(&node), before, "{case}");
        }
        for (index, block) in evil.iter().enumerate().skip(bad_at) {
            let status = node.consensus.status(block.hash()).expect("reads");
            // Blocks above the bad one need not have been looked at.
            let stands = status == Some(BlockStatus::StateValid);
            assert!(!stands && (index > bad_at || status == Some(BlockStatus::Disqualified)), "{case}: {status:?}");
        }
        // The chain goes on, and its own branch can win again.
        node.advance(2);
        assert!(node.consensus.failure().is_none());
    }
}
