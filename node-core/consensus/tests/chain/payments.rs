use umbel_types::consensus_api::{BlockStatus, ConsensusApi};
use umbel_types::errors::{BlockError, TxContextError};
use umbel_types::{Amount, OutPoint, ZkAddress};

use crate::fixture::{TestNode, market_outpoint, pay_public};

fn alice() -> ZkAddress {
    ZkAddress([1; 20])
}

fn bob() -> ZkAddress {
    ZkAddress([2; 20])
}

#[test]
fn a_payment_is_accepted_by_the_next_chain_block() {
    let node = TestNode::new();
    node.advance(1);
    let tx = pay_public(&node, market_outpoint(), alice(), Amount::from_str_tokens(5), |_| {});
    let carrier = node.mine(core::slice::from_ref(&tx));
    node.insert(&carrier).expect("valid");
    let paid = OutPoint::of_tx(tx.txid(), 0);
    assert_eq!(node.consensus.utxo(paid).expect("reads"), None, "a body has no effect of its own");
    let merger = node.advance(1).remove(0);
    assert!(node.consensus.utxo(paid).expect("reads").is_some());
    assert!(node.consensus.utxo(market_outpoint()).expect("reads").is_none());
    let acceptance = node.consensus.acceptance(merger.hash()).expect("on the chain");
    assert_eq!(acceptance.accepted.len(), 1);
    assert_eq!(acceptance.accepted[0].block, carrier.hash());
}

/// The order of two blocks in the DAG, not their arrival, decides who wins a conflict.
#[test]
fn of_two_conflicting_payments_one_is_accepted_everywhere() {
    let (one, two) = (TestNode::new(), TestNode::new());
    for block in one.advance(1) {
        two.insert(&block).expect("valid");
    }
    let to_alice = pay_public(&one, market_outpoint(), alice(), Amount::from_str_tokens(5), |_| {});
    let to_bob = pay_public(&one, market_outpoint(), bob(), Amount::from_str_tokens(6), |_| {});
    let a = one.mine(core::slice::from_ref(&to_alice));
    let b = one.mine(core::slice::from_ref(&to_bob));
    for (node, order) in [(&one, [&a, &b]), (&two, [&b, &a])] {
        for block in order {
            node.insert(block).expect("both are valid blocks");
        }
    }
    assert_eq!(one.commitments(), two.commitments());
    let merger = one.mine(&[]);
    one.insert(&merger).expect("valid");
    two.insert(&merger).expect("valid");
    let accepted = one.consensus.acceptance(merger.hash()).expect("on the chain").accepted;
    assert_eq!(accepted.len(), 1, "exactly one payment counts");
    assert_eq!(two.consensus.acceptance(merger.hash()).expect("on the chain").accepted, accepted);
}

#[test]
fn a_block_that_carries_a_spent_input_can_not_stand_on_the_chain() {
    let node = TestNode::new();
    node.advance(1);
    let first = pay_public(&node, market_outpoint(), alice(), Amount::from_str_tokens(5), |_| {});
    let second = pay_public(&node, market_outpoint(), bob(), Amount::from_str_tokens(6), |_| {});
    let carrier = node.mine(core::slice::from_ref(&first));
    node.insert(&carrier).expect("valid");
    node.advance(1);
    let sink = node.sink();
    let bad = node.mine_edited(&[], |block| {
        block.body.txs.push(second.clone());
        block.header.tx_root = block.body.tx_root();
    });
    let error = node.insert(&bad).expect_err("disqualified");
    assert!(matches!(error, BlockError::TxContext { error: TxContextError::InputMissing(_), .. }), "{error}");
    assert!(!error.is_peer_fault());
    assert_eq!(node.consensus.status(bad.hash()).expect("reads"), Some(BlockStatus::Disqualified));
    assert_eq!(node.sink(), sink);
    node.advance(2);
}

#[test]
fn rewards_can_not_be_spent_before_they_are_mature() {
    let node = TestNode::new();
    node.advance(3);
    let entry = node.consensus.utxo(market_outpoint()).expect("reads").expect("unspent");
    assert_eq!(entry.mature_at(10).0, 0, "genesis outputs are mature at once");
    let reward = node.advance(2).remove(0);
    let coin = node.consensus.utxo(OutPoint::of_coinbase(reward.hash())).expect("reads").expect("paid");
    assert_eq!(coin.mature_at(10).0, coin.daa_score.0 + 10);
}

/// The reward for the newest block is made by the next one: until then it is said to be immature, not missing.
#[test]
fn a_reward_to_come_is_immature() {
    let node = TestNode::new();
    node.advance(2);
    let mut core = pay_public(&node, market_outpoint(), alice(), Amount::from_str_tokens(1), |_| {}).core;
    let mut refusal = |outpoint| {
        core.inputs[0].outpoint = outpoint;
        node.consensus.check_tx_in_virtual_context(&core).expect("reads").expect_err("can't be spent")
    };
    let reward = OutPoint::of_coinbase(node.sink());
    assert!(matches!(refusal(reward), TxContextError::Immature { outpoint, .. } if outpoint == reward));
    let nothing = OutPoint { index: 1, ..reward };
    assert_eq!(refusal(nothing), TxContextError::InputMissing(nothing));
}
