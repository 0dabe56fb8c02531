//! A chain with everything in it: payments that conflict, branches that win and lose, blocks that can't stand on the
//! chain, bodies that never came.

use std::collections::BTreeMap;
use std::sync::Arc;

use umbel_store::{KvStore, Table};
use umbel_types::consensus_api::{BlockStatus, ConsensusApi};
use umbel_types::errors::BlockError;
use umbel_types::{Amount, Block, Hash32, OutPoint, Transaction, ZkAddress};

use crate::fixture::{TestNode, insert_learning, market_outpoint, pay_public};

/// Blocks in the order in which a node hears of them.
pub(crate) struct History {
    pub(crate) blocks: Vec<Block>,
    /// A chain block that accepted a payment.
    pub(crate) accepting: Block,
    /// A block that can't stand on the chain.
    pub(crate) disqualified: Block,
    /// One whose header alone is here.
    pub(crate) header_alone: Block,
}

/// Two payments of the same coin; the change of each is spent by the next round.
fn conflict(node: &TestNode, from: OutPoint, n: u8) -> [Transaction; 2] {
    [1u8, 2].map(|side| {
        let to = ZkAddress([16 * side + n % 16; 20]);
        pay_public(node, from, to, Amount::from_str_tokens(u64::from(side)), |_| {})
    })
}

/// `rounds`: lengths of the branches that lose, one after another; the one that wins is a block longer.
pub(crate) fn build(rounds: &[usize]) -> History {
    let (one, two) = (TestNode::new(), TestNode::new());
    // A tick of the clock, so that the branches differ.
    two.mine(&[]);
    let mut blocks: Vec<Block> = Vec::new();
    let share = |blocks: &mut Vec<Block>, block: Block| {
        one.insert(&block).ok();
        two.insert(&block).ok();
        blocks.push(block);
    };
    for _ in 0..2 {
        let block = one.mine(&[]);
        share(&mut blocks, block);
    }
    let mut coin = market_outpoint();
    let mut accepting = None;
    let mut disqualified = None;
    for (round, &length) in rounds.iter().enumerate() {
        let payments = conflict(&one, coin, u8::try_from(round % 16).expect("small"));
        let mut branches: Vec<Vec<Block>> = Vec::new();
        for (node, payment, length) in [(&one, &payments[0], length), (&two, &payments[1], length + 1)] {
            let mut branch = Vec::new();
            for index in 0..length {
                let txs = if index == 0 { core::slice::from_ref(payment) } else { &[] };
                let block = node.mine(txs);
                assert_eq!(node.insert(&block), Ok(BlockStatus::StateValid));
                branch.push(block);
            }
            branches.push(branch);
        }
        for block in &branches[1] {
            one.insert(block).expect("valid");
        }
        for block in &branches[0] {
            two.insert(block).expect("valid");
        }
        assert_eq!(one.sink(), two.sink());
        blocks.extend(branches.into_iter().flatten());
        let merger = one.mine(&[]);
        share(&mut blocks, merger.clone());
        accepting = Some(merger);
        let won = OutPoint::of_tx(payments[1].txid(), 1);
        assert!(one.consensus.utxo(won).expect("reads").is_some(), "the longer branch's payment counts");
        coin = won;
        // A block that commits to a wrong state, and one on top of it.
        let bad = one.mine_edited(&[], |b| b.header.state_root = Hash32([9; 32]));
        assert!(matches!(one.insert(&bad), Err(BlockError::Commitment { .. })));
        let above = one.mine_edited(&[], |b| b.header.parents = vec![bad.hash()]);
        let (above, _) = insert_learning(&one, above);
        for block in [&bad, &above] {
            two.insert(block).ok();
        }
        blocks.extend([bad.clone(), above]);
        disqualified = Some(bad);
    }
    let mut header_alone = one.mine(&[]);
    let whole = header_alone.clone();
    header_alone.body.extra.push(1);
    assert_eq!(one.insert(&header_alone), Err(BlockError::BodyMismatch));
    // On another branch, so that the header stays alone.
    let last = two.mine(&[]);
    blocks.extend([header_alone, last.clone()]);
    let accepting = accepting.expect("at least one round");
    let find = |hash| blocks.iter().find(|b| b.hash() == hash).expect("built above").clone();
    History {
        accepting: find(accepting.hash()),
        disqualified: disqualified.expect("at least one round"),
        header_alone: whole,
        blocks,
    }
}

impl History {
    /// Lets a node hear of everything, block by block. Refusals are part of the story.
    pub(crate) fn tell(&self, node: &TestNode) {
        for block in &self.blocks {
            if let Err(BlockError::Unavailable(why)) = node.insert(block) {
                panic!("{why}");
            }
        }
    }
}

/// Everything that a store holds of a chain. Where a body lies in the segments differs with what happened to others.
pub(crate) fn contents(store: &Arc<dyn KvStore>) -> BTreeMap<(Table, Vec<u8>), Vec<u8>> {
    let mut all = BTreeMap::new();
    for &table in Table::ALL {
        for (key, value) in store.scan(table, None, usize::MAX).expect("reads") {
            if table == Table::Meta && key.starts_with(b"store/") {
                continue;
            }
            all.insert((table, key), if table == Table::BlockIndex { Vec::new() } else { value });
        }
    }
    all
}
