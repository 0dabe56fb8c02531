//! Who wins a conflict: the order of blocks in the DAG, whatever arrived first (docs/spec/consensus.md R9).

use std::sync::Arc;

use umbel_ledger::{MergedBlock, StateDelta, accept_mergeset, genesis};
use umbel_types::errors::TxContextError;
use umbel_types::genesis::devnet;
use umbel_types::utxo::StoredOutput;
use umbel_types::{Amount, BlockHash, DaaScore, Memo, OutPoint, Transaction};

use crate::fixture::{Set, core_spending, entry_of, memo_of, outpoint, params, payout, place, sign, spend};

const FEE: u64 = 10_000;

fn start() -> (Set, (OutPoint, Memo)) {
    let memo = (outpoint(0), memo_of(100_000));
    (Set([(memo.0, entry_of(memo.1.clone()))].into()), memo)
}

fn block(name: u8, txs: &[&Arc<Transaction>]) -> MergedBlock {
    MergedBlock {
        hash: BlockHash([name; 32]),
        daa_score: DaaScore(40),
        is_blue: true,
        counts_for_daa: true,
        payout: payout(),
        txs: txs.iter().map(|tx| Arc::clone(tx)).collect(),
    }
}

fn merge(set: &Set, blocks: &[MergedBlock]) -> StateDelta {
    let states = genesis::build(&params(), &devnet()).states;
    let outcome = accept_mergeset(&params(), &place(50), blocks, set, &states).expect("memory");
    outcome.pay::<core::convert::Infallible>(&payout()).expect("a sound payout key")
}

fn reward(delta: &StateDelta, block: &MergedBlock) -> u64 {
    let entry = &delta.utxo.added()[&OutPoint::of_coinbase(block.hash)];
    let StoredOutput::Coin { public_value, .. } = &entry.output else { panic!("rewards are coins") };
    public_value.map_or(0, Amount::units)
}

/// A node that saw one order first, and one that never did, end up alike.
#[test]
fn order_in_the_dag_decides_a_conflict_not_arrival() {
    let (genesis, memo) = start();
    let (a, b) = (spend(core::slice::from_ref(&memo), 1, 1), spend(core::slice::from_ref(&memo), 2, 2));
    let (x, y) = (block(1, &[&a]), block(2, &[&b]));
    let (first_x, first_y) = (merge(&genesis, &[x.clone(), y.clone()]), merge(&genesis, &[y, x]));
    for (delta, winner, loser) in [(&first_x, &a, &b), (&first_y, &b, &a)] {
        assert_eq!(delta.accepted.iter().map(|a| a.txid).collect::<Vec<_>>(), [winner.txid()]);
        assert_eq!(delta.skipped.len(), 1);
        assert_eq!(delta.skipped[0].txid, loser.txid());
        assert_eq!(delta.skipped[0].error, TxContextError::InputMissing(memo.0));
    }
    let mut changed_its_mind = genesis.clone();
    changed_its_mind.apply(&first_x.utxo);
    changed_its_mind.undo(&first_x.utxo);
    assert_eq!(changed_its_mind, genesis);
    changed_its_mind.apply(&first_y.utxo);
    let mut straight = genesis;
    straight.apply(&first_y.utxo);
    assert_eq!(changed_its_mind, straight);
}

/// The fee goes to the block with the first accepted copy; a later copy pays nothing.
#[test]
fn the_first_copy_earns_the_fee() {
    let (set, memo) = start();
    let tx = spend(&[memo], 1, 1);
    let (x, y) = (block(1, &[&tx]), block(2, &[&tx]));
    let delta = merge(&set, &[y.clone(), x.clone()]);
    assert_eq!(reward(&delta, &y), reward(&delta, &x) + FEE);
    assert_eq!((delta.accepted.len(), delta.skipped.len()), (1, 1));
    assert_eq!(delta.accepted[0].block, y.hash);
}

/// What one merged block creates, a later one may consume, and not the other way round.
#[test]
fn a_chain_of_payments_follows_the_order_of_blocks() {
    let (set, memo) = start();
    let first = spend(&[memo], 1, 1);
    let made = (OutPoint::of_tx(first.txid(), 0), memo_of(100_000 - FEE));
    let second = Arc::new(sign(core_spending(core::slice::from_ref(&made), 1, FEE, 2)));
    let (x, y) = (block(1, &[&first]), block(2, &[&second]));
    let in_order = merge(&set, &[x.clone(), y.clone()]);
    assert_eq!(in_order.accepted.len(), 2);
    assert!(!in_order.utxo.added().contains_key(&made.0), "made and consumed at once");
    let out_of_order = merge(&set, &[y, x]);
    assert_eq!(out_of_order.skipped[0].error, TxContextError::InputMissing(made.0));
    assert!(out_of_order.utxo.added().contains_key(&made.0));
}

/// The outcome depends on state and core: a witness changes nothing.
#[test]
fn a_witness_changes_no_outcome() {
    let (set, memo) = start();
    let tx = spend(&[memo], 2, 1);
    let mut bare = Transaction::clone(&tx);
    bare.witness.inputs.clear();
    bare.witness.kernel = [0; 64];
    let (with, without) = (merge(&set, &[block(1, &[&tx])]), merge(&set, &[block(1, &[&Arc::new(bare)])]));
    assert_eq!(with.accepted, without.accepted);
    assert_eq!(with.system_leaf.is_some(), without.system_leaf.is_some());
    let outputs = |delta: &StateDelta| -> Vec<OutPoint> { delta.utxo.added().keys().copied().collect() };
    assert_eq!(outputs(&with), outputs(&without));
}
