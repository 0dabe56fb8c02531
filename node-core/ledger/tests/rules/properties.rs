//! What must always hold (docs/spec/transaction.md §7): acceptance is atomic, deterministic, keeps the supply, and can be
//! undone exactly.

use std::sync::{Arc, OnceLock};

use proptest::prelude::*;
use umbel_ledger::state_tree::{StateKey, StateTree};
use umbel_ledger::{MergedBlock, StateDelta, accept_mergeset, genesis};
use umbel_types::genesis::devnet;
use umbel_types::state::LedgerBalance;
use umbel_types::utxo::StoredOutput;
use umbel_types::{Amount, BlockHash, DaaScore, Memo, MemoValue, OutPoint, PayoutKey, Transaction};

use crate::fixture::{Set, entry_of, memo_of, outpoint, params, payout, spend};

/// Memos that the blocks of a case compete for.
const MEMOS: u32 = 6;

fn start() -> (Set, Vec<(OutPoint, Memo)>) {
    let memos: Vec<_> = (0..MEMOS).map(|n| (outpoint(n), memo_of(100_000 + u64::from(n)))).collect();
    let set = memos.iter().map(|(outpoint, memo)| (*outpoint, entry_of(memo.clone()))).collect();
    (Set(set), memos)
}

fn states() -> StateTree {
    genesis::build(&params(), &devnet()).states
}

/// Public value of everything: what must not change but for fees and rewards moving about.
fn total(set: &Set) -> u64 {
    let value = |output: &StoredOutput| match output {
        StoredOutput::Coin { public_value, .. } => public_value.map_or(0, Amount::units),
        StoredOutput::Memo(memo) => match memo.value {
            MemoValue::Public(amount) => amount.units(),
            MemoValue::Hidden { .. } => 0,
        },
    };
    set.0.values().map(|entry| value(&entry.output)).sum()
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
    let pool = states.balance(LedgerBalance::RewardPool);
    let outcome = accept_mergeset(&params(), DaaScore(50), blocks, set, pool).expect("reading memory can't fail");
    outcome.pay::<std::convert::Infallible>(merger(), states).expect("payout keys are sound")
}

/// For each block, which memos its transactions spend: sets of one or two.
fn plan() -> impl Strategy<Value = Vec<(Vec<(u32, u32)>, bool)>> {
    let tx = (0..MEMOS, 0..MEMOS);
    proptest::collection::vec((proptest::collection::vec(tx, 0..3), any::<bool>()), 1..5)
}

fn build(plan: &[(Vec<(u32, u32)>, bool)], memos: &[(OutPoint, Memo)]) -> Vec<MergedBlock> {
    let mut salt = 0;
    let blocks = plan.iter().zip(0u8..).map(|((spends, is_blue), index)| {
        let txs = spends.iter().map(|(a, b)| {
            salt += 1;
            let mut inputs = vec![memos[*a as usize].clone()];
            if a != b {
                inputs.push(memos[*b as usize].clone());
            }
            inputs.sort_by_key(|(outpoint, _)| *outpoint);
            spend(&inputs, 2, salt)
        });
        merged(index, txs.collect(), *is_blue)
    });
    blocks.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn acceptance_is_exact(plan in plan()) {
        let (set, memos) = start();
        let states = states();
        let blocks = build(&plan, &memos);
        let delta = accept(&set, &states, &blocks);

        // Deterministic.
        let again = accept(&set, &states, &blocks);
        prop_assert_eq!(&delta.utxo, &again.utxo);
        prop_assert_eq!(&delta.accepted, &again.accepted);

        // First come, first served, whole or not at all.
        let mut spent = std::collections::BTreeSet::new();
        let mut expected = Vec::new();
        for tx in blocks.iter().flat_map(|b| &b.txs) {
            let inputs: Vec<_> = tx.core.inputs.iter().map(|i| i.outpoint).collect();
            if inputs.iter().all(|i| !spent.contains(i)) {
                spent.extend(inputs);
                expected.push(tx.txid());
            }
        }
        prop_assert_eq!(delta.accepted.iter().map(|a| a.txid).collect::<Vec<_>>(), expected);

        // Outputs and pool together hold what they held: fees move, subsidies come out of the pool.
        let mut after = set.clone();
        after.apply(&delta.utxo);
        let mut states_after = states.clone();
        delta.states.iter().for_each(|change| states_after.redo(change));
        let pool = |states: &StateTree| states.balance(LedgerBalance::RewardPool).units();
        prop_assert_eq!(total(&set) + pool(&states), total(&after) + pool(&states_after));

        // Undo(apply(s)) = s.
        after.undo(&delta.utxo);
        delta.states.iter().rev().for_each(|change| states_after.undo(change));
        prop_assert_eq!(after, set);
        prop_assert_eq!(states_after, states);
    }
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
    states.set_balance(LedgerBalance::RewardPool, Amount::from_units(7));
    assert_eq!(reward_of(&states, &blue).expect("paid").0, 7 + fee);
    states.set_balance(LedgerBalance::RewardPool, Amount::ZERO);
    assert_eq!(reward_of(&states, &merged(0, Vec::new(), true)), None);
}
