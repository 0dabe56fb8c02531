//! Rewards (docs/spec/consensus.md R10).

use std::sync::{Arc, OnceLock};

use umbel_ledger::state_tree::{StateKey, StateTree};
use umbel_ledger::{MergedBlock, StateDelta, accept_mergeset, genesis};
use umbel_types::genesis::devnet;
use umbel_types::state::LedgerBalance;
use umbel_types::utxo::StoredOutput;
use umbel_types::{Amount, BlockHash, DaaScore, Memo, OutPoint, PayoutKey, Transaction};

use crate::fixture::{Set, entry_of, memo_of, outpoint, params, payout, place, spend};

/// Memos to spend.
const MEMOS: u32 = 2;

fn start() -> (Set, Vec<(OutPoint, Memo)>) {
    let memos: Vec<_> = (0..MEMOS).map(|n| (outpoint(n), memo_of(100_000 + u64::from(n)))).collect();
    let set = memos.iter().map(|(outpoint, memo)| (*outpoint, entry_of(memo.clone()))).collect();
    (Set(set), memos)
}

fn states() -> StateTree {
    genesis::build(&params(), &devnet()).states
}

fn merged(index: u8, txs: Vec<Arc<Transaction>>, is_blue: bool) -> MergedBlock {
    MergedBlock {
        hash: BlockHash([index + 1; 32]),
        daa_score: DaaScore(u64::from(index) + 5),
        is_blue,
        counts_for_daa: index != 3,
        payout: payout(),
        txs,
    }
}

/// The merging block's miner.
fn merger() -> &'static PayoutKey {
    static MERGER: OnceLock<PayoutKey> = OnceLock::new();
    MERGER.get_or_init(payout)
}

fn accept(set: &Set, states: &StateTree, blocks: &[MergedBlock]) -> StateDelta {
    let outcome = accept_mergeset(&params(), &place(50), blocks, set, states).expect("reading memory can't fail");
    outcome.pay::<std::convert::Infallible>(merger()).expect("payout keys are sound")
}

fn set_pool(states: &mut StateTree, amount: Amount) {
    let change = states.balance_change(LedgerBalance::RewardPool, amount).expect("another amount");
    states.redo(&change);
}

/// An old merged block earns no subsidy, a red one pays the merger, an empty pool pays nothing.
#[test]
fn rewards_follow_the_colour() {
    let (set, memos) = start();
    let mut states = states();
    let fee = 10_000;
    let tx = spend(&memos[..1], 1, 9);
    let reward_of = |states: &StateTree, block: &MergedBlock| {
        let delta = accept(&set, states, core::slice::from_ref(block));
        let coin = delta.utxo.added().get(&OutPoint::of_coinbase(block.hash)).cloned();
        coin.map(|entry| match entry.output {
            StoredOutput::Coin { public_value, coin } => (public_value.map_or(0, Amount::units), coin.owner),
            StoredOutput::Memo(_) => panic!("rewards are coins"),
        })
    };
    let blue = merged(0, vec![tx.clone()], true);
    let (value, owner) = reward_of(&states, &blue).expect("paid");
    assert_eq!(value, 100 * 100_000_000 + fee);
    assert_eq!(owner, blue.payout.owner);
    let red = merged(1, vec![tx.clone()], false);
    let (value, owner) = reward_of(&states, &red).expect("paid");
    assert_eq!(value, 100 * 100_000_000 + fee);
    assert_eq!(owner, merger().owner);
    let old = merged(3, vec![tx.clone()], true);
    let (value, owner) = reward_of(&states, &old).expect("fees are paid");
    assert_eq!(value, fee);
    assert_eq!(owner, merger().owner);
    assert!(states.get(&StateKey::of_balance(LedgerBalance::RewardPool)).is_some());
    set_pool(&mut states, Amount::from_units(7));
    assert_eq!(reward_of(&states, &blue).expect("paid").0, 7 + fee);
    set_pool(&mut states, Amount::ZERO);
    assert_eq!(reward_of(&states, &merged(0, Vec::new(), true)), None);
}
