//! What a transaction costs: bytes that are verified once, bytes that stay.

use umbel_ledger::mass::{
    COIN_STORED_BYTES, compute_mass, mass, min_fee, signatures, state_bytes, stored_bytes, sum_state_bytes,
};
use umbel_ledger::staking::OverlayContext;
use umbel_ledger::{UtxoContext, check_tx_in_isolation};
use umbel_types::errors::TxRuleError;
use umbel_types::params::MAX_BLOCK_STATE_BYTES;
use umbel_types::tx::LockBranch;
use umbel_types::utxo::StoredOutput;
use umbel_types::{Amount, AssetId, Encode, Input, Lock, Memo, Origin, Output};

use crate::fixture::{context, params, rng};
use crate::kinds::{KINDS, Make, Spend, address, draft, ending_memo, kind, memo, multisig, pay, spend};

fn coin(units: u64) -> Spend {
    Spend::Coin { asset: AssetId::STR, units, origin: Origin::Transaction }
}

fn make(units: u64, note: &'static str) -> Make {
    Make::Coin { asset: AssetId::STR, units, note }
}

/// The length of what the store keeps, by its own encoding.
#[test]
fn stored_bytes_are_those_of_the_entry() {
    for name in KINDS {
        for (outpoint, entry) in kind(name).entries {
            let kept = (outpoint.to_bytes().len() + entry.to_bytes().len()) as u64;
            assert_eq!(stored_bytes(&entry.output), kept, "{name}");
        }
    }
    let plain = draft(&[coin(10)], &[make(10, "")], 0).entries.remove(0).1;
    assert_eq!(stored_bytes(&plain.output), COIN_STORED_BYTES);
}

/// The figures that docs/spec/transaction.md gives.
#[test]
fn a_payment_with_change_adds_one_coin() {
    let state = |spends: &[Spend], makes: &[Make]| state_bytes(&draft(spends, makes, 0).core);
    assert_eq!(state(&[coin(9)], &[make(4, ""), make(5, "")]), 324);
    assert_eq!(state(&[coin(9)], &[make(4, "tea"), make(5, "tea")]), 324 + 2 * 64);
    assert_eq!(state(&[coin(9)], &[make(9, "")]), 0);
    assert_eq!(state(&[coin(4), coin(5)], &[make(9, "")]), 0, "never less than nothing");
    let own = || Lock::Address(address(0));
    assert_eq!(state(&[spend(own(), &[0])], &[pay(1), pay(2)]), 129);
    assert_eq!(MAX_BLOCK_STATE_BYTES / 324, 18);

    let tx = draft(&[coin(100_000)], &[make(60_000, ""), make(30_000, "")], 10_000).prove();
    let size = tx.size_bytes();
    assert!(size < 3_240, "{size}");
    assert_eq!(mass(&tx.core, size), 3_240);
}

/// A core shows neither the length of a note nor that of data, so neither is given back.
#[test]
fn data_is_not_given_back() {
    let with_data = Memo { data: vec![1; 1_000], ..memo(AssetId::STR, 9, Lock::Address(address(0))) };
    let spend = Spend::Memo { memo: with_data.clone(), branch: LockBranch::Owner, by: vec![0] };
    let moved = draft(&[spend], &[Make::Memo(with_data)], 0);
    assert_eq!(state_bytes(&moved.core), 1_000);
}

/// Each transaction of a body counts by itself: what one gives back may be skipped.
#[test]
fn a_body_sums_what_its_transactions_add() {
    let grows = draft(&[coin(9)], &[make(4, ""), make(5, "")], 0).core;
    let shrinks = draft(&[coin(4), coin(5)], &[make(9, "")], 0).core;
    assert_eq!(sum_state_bytes([&grows, &shrinks, &grows]), 648);
    assert_eq!(sum_state_bytes([]), 0);
}

/// T8 and T11.
#[test]
fn state_is_paid_for_and_bounded() {
    let fee_of = |tx: &umbel_types::Transaction| min_fee(mass(&tx.core, tx.size_bytes())).units();
    let (spends, note) = ([coin(100_000)], "");
    let tx = draft(&spends, &[make(60_000, note), make(30_000, note)], 10_000).prove();
    let fee = fee_of(&tx);
    let with_fee = |fee: u64| draft(&spends, &[make(60_000, note), make(40_000 - fee, note)], fee).prove();
    assert!(check_tx_in_isolation(with_fee(fee), &context(), &mut rng()).is_ok());
    let (got, needed) = (Amount::from_units(fee - 1), Amount::from_units(fee));
    let refused = check_tx_in_isolation(with_fee(fee - 1), &context(), &mut rng());
    assert_eq!(refused.err(), Some(TxRuleError::FeeTooLow { got, needed }));

    // 129 bytes of Memo for 129 of Memo consumed; the rest is data, to the byte.
    let own = || Lock::Address(address(0));
    let filled = |extra: usize| {
        let with = |n: usize, units| Make::Memo(Memo { data: vec![0; n], ..memo(AssetId::STR, units, own()) });
        let second = 4_096 - 129 - 1;
        let rest = usize::try_from(MAX_BLOCK_STATE_BYTES).expect("small") - 129 - second;
        draft(&[spend(own(), &[0])], &[with(second, 10_000), with(rest + extra, 20_000)], 70_000).prove()
    };
    let full = check_tx_in_isolation(filled(0), &context(), &mut rng()).expect("as much as a block may");
    assert_eq!(full.state_bytes(), MAX_BLOCK_STATE_BYTES);
    assert_eq!(full.mass(), 10 * MAX_BLOCK_STATE_BYTES);
    let refused = check_tx_in_isolation(filled(1), &context(), &mut rng());
    let (got, limit) = (MAX_BLOCK_STATE_BYTES + 1, MAX_BLOCK_STATE_BYTES);
    assert_eq!(refused.err(), Some(TxRuleError::StateTooLarge { got, limit }));
}

/// Compute mass follows what is verified.
#[test]
fn signatures_are_counted() {
    let count = |name| signatures(&kind(name).tx.core);
    let expected = [("coin", 1), ("both assets", 3), ("multisig", 2), ("claim", 1), ("taken back", 1)];
    for (name, n) in expected {
        assert_eq!(count(name), n, "{name}");
    }
    assert_eq!(count("post-quantum"), 2);
    let back = crate::kinds::take_back(ending_memo(100_000, multisig(2, &[0, 1, 2])));
    assert_eq!(signatures(&draft(&[back], &[pay(1)], 0).core), 1, "a refund is one signature");
    assert_eq!((compute_mass(1_000, 3), compute_mass(1_000, 4)), (1_000, 1_200));
}

/// What is given back never exceeds what the consumed entry takes, whatever it holds.
#[test]
fn nothing_is_given_back_twice() {
    for name in KINDS {
        let kind = kind(name);
        let mut alone = kind.tx.core.clone();
        alone.outputs.clear();
        for (input, (_, entry)) in kind.tx.core.inputs.iter().zip(&kind.entries) {
            alone.inputs = vec![input.clone()];
            // Against a created output of the same size: what is left over was not given back.
            let same = match &entry.output {
                StoredOutput::Memo(memo) => Output::Memo(memo.clone()),
                StoredOutput::Coin { coin, .. } => {
                    let Input::Coin { value_commitment, .. } = input.consumed else { panic!("a coin") };
                    Output::Coin { coin: coin.clone(), value_commitment }
                }
            };
            alone.outputs = vec![same.clone(), same];
            let created = 2 * stored_bytes(&StoredOutput::from(&alone.outputs[0]));
            assert!(state_bytes(&alone) + stored_bytes(&entry.output) >= created, "{name}");
        }
        let view = crate::fixture::Set(kind.entries.iter().cloned().collect());
        let context = UtxoContext::for_acceptance(&params(), kind.at, OverlayContext::genesis(&params()));
        let states = umbel_ledger::state_tree::StateTree::default();
        let checked = umbel_ledger::check_tx_in_utxo_context(&kind.tx.core, &view, &states, &context);
        assert_eq!(checked.expect("memory").expect(name).consumed.len(), kind.entries.len());
    }
}
