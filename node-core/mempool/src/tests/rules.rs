//! Admission, conflicts, replacement, limits.

use proptest::prelude::*;
use std::slice;

use umbel_types::errors::{StakeError, TxContextError};
use umbel_types::lock::{ML_DSA_KEY_BYTES, ML_DSA_SIGNATURE_BYTES, PublicKeyBytes};
use umbel_types::staking::{ActionWitness, Delegate, Register, Report, Undelegate, Withdraw, Withdrawn};
use umbel_types::tx::KeySignature;
use umbel_types::{Action, Amount, BlockHash, Checkpoint, Evidence, Hash32, Link, Vote, ZkAddress};

use super::{admit, pool, pool_with, waiting};
use crate::admit::Outcome;
use crate::conflict::ConflictKey;
use crate::error::{MempoolError, MempoolErrorKind, Retry, retry_of};
use crate::feerate::Feerate;
use crate::limits::Limits;
use crate::removed::{RemovalReason, Removed};
use crate::testutil::{FakeConsensus, NOW, outpoint, output_of, tx};

#[test]
fn the_same_transaction_is_taken_once() {
    let (mut pool, consensus) = (pool(), FakeConsensus::new(4));
    let a = tx([outpoint(0)]).rate(2).build();
    assert_eq!(admit(&mut pool, &consensus, &a).unwrap().outcome, Outcome::New);
    assert_eq!(admit(&mut pool, &consensus, &a).unwrap().outcome, Outcome::Known);
    let other_witness = tx([outpoint(0)]).fee(a.fee().units()).witness(9).build();
    assert_eq!(other_witness.txid, a.txid);
    assert_ne!(other_witness.wtxid, a.wtxid);
    assert_eq!(admit(&mut pool, &consensus, &other_witness).unwrap().outcome, Outcome::KnownWithOtherWitness);
    assert_eq!(pool.get_by_wtxid(a.wtxid).unwrap(), a.tx);
    assert!(pool.get_by_wtxid(other_witness.wtxid).is_none());
    assert_eq!((pool.stats().count, pool.stats().bytes), (1, a.size_bytes));
    assert_eq!(pool.holder_of(ConflictKey::Output(outpoint(0))), Some(a.txid));
}

#[test]
fn a_missing_input_is_said() {
    let (mut pool, consensus) = (pool(), FakeConsensus::new(1));
    let a = tx([outpoint(5)]).rate(2).build();
    let kind = admit(&mut pool, &consensus, &a).unwrap_err();
    assert_eq!(kind, MempoolErrorKind::Context(TxContextError::InputMissing(outpoint(5))));
    assert_eq!(MempoolError { txid: a.txid, kind }.retry(), Retry::Later);
}

#[test]
fn only_accepted_outputs_can_be_spent() {
    let (mut pool, consensus) = (pool(), FakeConsensus::new(1));
    let parent = tx([outpoint(0)]).rate(2).build();
    let child = tx([output_of(parent.txid)]).rate(9).build();
    admit(&mut pool, &consensus, &parent).unwrap();
    let kind = admit(&mut pool, &consensus, &child).unwrap_err();
    assert_eq!(kind, MempoolErrorKind::SpendsUnaccepted { outpoint: output_of(parent.txid), parent: parent.txid });
    assert_eq!(MempoolError { txid: child.txid, kind }.retry(), Retry::Later);
    pool.on_new_virtual(&consensus, NOW).unwrap();
    consensus.extend(slice::from_ref(&parent.tx));
    pool.on_new_virtual(&consensus, NOW).unwrap();
    admit(&mut pool, &consensus, &child).unwrap();
    // And the parent, offered again, is known to be done.
    let kind = admit(&mut pool, &consensus, &parent).unwrap_err();
    assert_eq!(kind, MempoolErrorKind::AlreadyAccepted);
    assert_eq!(MempoolError { txid: parent.txid, kind }.retry(), Retry::Never);
}

#[test]
fn a_replacement_pays_for_all_it_replaces() {
    let (mut pool, consensus) = (pool(), FakeConsensus::new(4));
    let a = tx([outpoint(0)]).rate(10).build();
    let b = tx([outpoint(1)]).rate(3).build();
    admit(&mut pool, &consensus, &a).unwrap();
    admit(&mut pool, &consensus, &b).unwrap();
    let builder = tx([outpoint(0), outpoint(1), outpoint(2)]);
    let needed = match admit(&mut pool, &consensus, &builder.clone().fee(1).build()).unwrap_err() {
        MempoolErrorKind::Conflict { key, by, needed } => {
            assert_eq!((key, by), (ConflictKey::Output(outpoint(0)), a.txid));
            needed.units()
        }
        other => panic!("{other}"),
    };
    let mass = builder.clone().build().mass;
    assert!(needed >= a.fee().units() + b.fee().units() + mass);
    let short = builder.clone().fee(needed - 1).build();
    let kind = admit(&mut pool, &consensus, &short).unwrap_err();
    assert_eq!(MempoolError { txid: short.txid, kind }.retry(), Retry::WithHigherFee);
    assert_eq!(pool.stats().count, 2);
    let enough = builder.fee(needed).build();
    let mut removed = admit(&mut pool, &consensus, &enough).unwrap().removed;
    removed.sort_unstable_by_key(|r| r.txid);
    let mut expected =
        [a.txid, b.txid].map(|txid| Removed { txid, reason: RemovalReason::Replaced { by: enough.txid } });
    expected.sort_unstable_by_key(|r| r.txid);
    assert_eq!(removed, expected);
    assert_eq!(waiting(&pool), [enough.txid]);
}

/// A replacement that can't stand in the state replaces nothing.
#[test]
fn a_replacement_is_checked_before_anything_leaves() {
    let (mut pool, consensus) = (pool(), FakeConsensus::new(1));
    let a = tx([outpoint(0)]).rate(1).build();
    admit(&mut pool, &consensus, &a).unwrap();
    let bad = tx([outpoint(0), outpoint(7)]).rate(50).build();
    assert!(matches!(admit(&mut pool, &consensus, &bad), Err(MempoolErrorKind::Context(_))));
    assert_eq!(waiting(&pool), [a.txid]);
}

#[test]
fn at_most_25_are_replaced() {
    let (mut pool, consensus) = (pool(), FakeConsensus::new(30));
    for n in 0..26 {
        admit(&mut pool, &consensus, &tx([outpoint(n)]).rate(1).build()).unwrap();
    }
    let all = tx((0..26).map(outpoint)).rate(500).build();
    assert_eq!(
        admit(&mut pool, &consensus, &all).unwrap_err(),
        MempoolErrorKind::TooManyConflicts { got: 26, limit: 25 }
    );
    let fewer = tx((0..25).map(outpoint)).rate(500).build();
    assert_eq!(admit(&mut pool, &consensus, &fewer).unwrap().removed.len(), 25);
}

/// Who enters a full pool pays one base unit for each unit of mass more than whom it pushes out, and is told so.
#[test]
fn a_full_pool_keeps_who_pays_most() {
    let consensus = FakeConsensus::new(10);
    let mut pool = pool_with(Limits { max_txs: 3, ..Limits::default() });
    let txs: Vec<_> = [5, 2, 9].into_iter().zip(0..).map(|(rate, n)| tx([outpoint(n)]).rate(rate).build()).collect();
    for tx in &txs {
        admit(&mut pool, &consensus, tx).unwrap();
    }
    let mass = txs[1].mass;
    let builder = tx([outpoint(3)]);
    let short = builder.clone().fee(3 * mass - 1).build();
    let kind = admit(&mut pool, &consensus, &short).unwrap_err();
    assert_eq!(kind, MempoolErrorKind::PoolFull { needed: Amount::from_units(3 * mass) });
    assert_eq!(MempoolError { txid: short.txid, kind }.retry(), Retry::WithHigherFee);
    let more = builder.fee(3 * mass).build();
    let removed = admit(&mut pool, &consensus, &more).unwrap().removed;
    assert_eq!(removed, [Removed { txid: txs[1].txid, reason: RemovalReason::Evicted }]);
    // A replacement needs no one else's room.
    let replacing = tx([outpoint(0)]).rate(7).build();
    let removed = admit(&mut pool, &consensus, &replacing).unwrap().removed;
    assert_eq!(removed, [Removed { txid: txs[0].txid, reason: RemovalReason::Replaced { by: replacing.txid } }]);
}

/// Two coins that take turns in pushing each other out of a full pool pay for each relay.
#[test]
fn pushing_others_out_is_paid_for() {
    let consensus = FakeConsensus::new(3);
    let mut pool = pool_with(Limits { max_txs: 1, ..Limits::default() });
    let first = tx([outpoint(0)]).rate(1).build();
    admit(&mut pool, &consensus, &first).unwrap();
    let mut relayed = 0;
    for more in 1..=10 * first.mass {
        let fee = first.fee().units() + more;
        let next = tx([outpoint(1 + u32::from(more % 2 == 0))]).fee(fee).salt(more).build();
        relayed += u32::from(admit(&mut pool, &consensus, &next).is_ok());
    }
    assert!((9..=10).contains(&relayed), "{relayed} transactions relayed for ten times the least fee of one");
}

#[test]
fn memory_is_bounded_too() {
    let consensus = FakeConsensus::new(10);
    let held = tx([outpoint(0)]).build().held_bytes;
    let mut pool = pool_with(Limits { max_held_bytes: 3 * held, ..Limits::default() });
    for n in 0..3 {
        admit(&mut pool, &consensus, &tx([outpoint(n)]).rate(2 + u64::from(n)).build()).unwrap();
    }
    let two = tx([outpoint(8), outpoint(9)]).rate(20).build();
    assert!(two.held_bytes > held && two.held_bytes < 2 * held);
    assert_eq!(admit(&mut pool, &consensus, &two).unwrap().removed.len(), 2);
    assert!(pool.stats().held_bytes <= 3 * held);
    let mut tiny = pool_with(Limits { max_held_bytes: held - 1, ..Limits::default() });
    let error = admit(&mut tiny, &consensus, &tx([outpoint(0)]).rate(5).build()).unwrap_err();
    assert_eq!(error, MempoolErrorKind::LargerThanPool);
}

#[test]
fn a_store_failure_is_not_the_transactions_fault() {
    let (mut pool, consensus) = (pool(), FakeConsensus::new(1));
    consensus.set_failing(true);
    let a = tx([outpoint(0)]).rate(1).build();
    let kind = admit(&mut pool, &consensus, &a).unwrap_err();
    assert!(matches!(kind, MempoolErrorKind::Unavailable(_)));
    assert_eq!(MempoolError { txid: a.txid, kind }.retry(), Retry::Later);
}

/// Consumes the same and pays the same: whoever comes first stays, as often as others try.
#[test]
fn the_same_fee_replaces_nothing() {
    let (mut pool, consensus) = (pool(), FakeConsensus::new(2));
    let first = tx([outpoint(0)]).rate(4).build();
    admit(&mut pool, &consensus, &first).unwrap();
    for salt in 1..50 {
        let same = tx([outpoint(0)]).rate(4).salt(salt).build();
        assert!(matches!(admit(&mut pool, &consensus, &same), Err(MempoolErrorKind::Conflict { .. })));
    }
    assert_eq!(waiting(&pool), [first.txid]);
}

/// A large transaction at the least fee, put in the way by who shares a coin: getting past it costs its fee, no more.
#[test]
fn a_pin_costs_what_it_paid() {
    let (mut pool, consensus) = (pool(), FakeConsensus::new(40));
    let pin = tx((0..40).map(outpoint)).coins(16).rate(1).build();
    admit(&mut pool, &consensus, &pin).unwrap();
    let builder = tx([outpoint(3)]).salt(1);
    let mass = builder.clone().build().mass;
    let past = builder.fee(pin.fee().units() + mass).build();
    assert_eq!(admit(&mut pool, &consensus, &past).unwrap().removed.len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    /// However many are replaced by few and few by many: whatever is relayed adds at least the least fee for it to the
    /// fees that wait.
    #[test]
    fn each_relay_is_paid(
        offers in prop::collection::vec((prop::collection::btree_set(0u32..12, 1..12), 1u64..12, 0u64..4_000), 1..60),
    ) {
        let (mut pool, consensus) = (pool(), FakeConsensus::new(12));
        let mut before = 0;
        for ((inputs, rate, more), salt) in offers.iter().zip(0..) {
            let builder = tx(inputs.iter().map(|n| outpoint(*n))).salt(salt);
            let fee = builder.clone().rate(*rate).build().fee().units() + more;
            let offer = builder.fee(fee).build();
            let relayed = admit(&mut pool, &consensus, &offer).map_or(0, |_| offer.mass);
            let fees: u64 = pool.pool.best_first().map(|entry| entry.fee().units()).sum();
            prop_assert!(fees >= before + relayed, "{} {} {}", fees, before, relayed);
            before = fees;
        }
    }

    /// The fee named in the refusal is exactly the least that is taken.
    #[test]
    fn the_needed_fee_is_exact(fees in prop::collection::vec(0u64..5_000_000, 1..6)) {
        let consensus = FakeConsensus::new(6);
        let mut pool = pool();
        let n = u32::try_from(fees.len()).unwrap();
        for (n, fee) in (0..).zip(&fees) {
            admit(&mut pool, &consensus, &tx([outpoint(n)]).fee(*fee).build()).unwrap();
        }
        let builder = tx((0..n).map(outpoint)).salt(1);
        let Err(MempoolErrorKind::Conflict { needed, .. }) =
            admit(&mut pool, &consensus, &builder.clone().fee(0).build())
        else { panic!("a free replacement") };
        let short = builder.clone().fee(needed.units() - 1).build();
        prop_assert!(admit(&mut pool, &consensus, &short).is_err());
        prop_assert!(admit(&mut pool, &consensus, &builder.fee(needed.units()).build()).is_ok());
        prop_assert_eq!(pool.stats().count, 1);
    }

    /// Feerates are ordered as fractions are.
    #[test]
    fn feerates_are_fractions(a in any::<u64>(), am in 1u64..50_000, b in any::<u64>(), bm in 1u64..50_000) {
        let (x, y) = (Feerate::new(Amount::from_units(a), am), Feerate::new(Amount::from_units(b), bm));
        let (left, right) = (u128::from(a) * u128::from(bm), u128::from(b) * u128::from(am));
        prop_assert_eq!(x.cmp(&y), left.cmp(&right));
        prop_assert_eq!(x.at_least_percent_of(110, y), left.checked_mul(100).unwrap() >= right.checked_mul(110).unwrap());
        prop_assert!(x.fixed_point() <= 1 << 35 && x.fixed_point() >= 1);
    }
}

/// A refund that comes a moment early, or that a reorganisation puts before its time, can wait; an owner who comes late
/// can't.
#[test]
fn a_refund_may_come_early_and_its_owner_not_late() {
    let retry =
        |error| MempoolError { txid: umbel_types::TxId([1; 32]), kind: MempoolErrorKind::Context(error) }.retry();
    assert_eq!(retry(TxContextError::MemoNotYetValid(outpoint(0))), Retry::Later);
    assert_eq!(retry(TxContextError::MemoEnded(outpoint(0))), Retry::Never);
}

fn owner() -> ActionWitness {
    ActionWitness::Owner(KeySignature { public_key: PublicKeyBytes([2; 33]), signature: [1; 64] })
}

fn undelegate(amount: u64, nonce: u64) -> Action {
    let (validator, delegator) = (Hash32([1; 32]), ZkAddress([2; 20]));
    Action::Undelegate(Undelegate { validator, delegator, amount: Amount::from_units(amount), nonce })
}

fn withdraw(nonce: u64) -> Action {
    let (validator, delegator) = (Hash32([1; 32]), ZkAddress([2; 20]));
    Action::Withdraw(Withdraw { validator, delegator, what: Withdrawn::Rewards, nonce })
}

fn vote(fork: u8) -> Vote {
    let at = |index| Checkpoint { index, block: BlockHash([fork; 32]) };
    Vote {
        chain: 1313,
        genesis: BlockHash([9; 32]),
        epoch: 0,
        validator: Hash32([1; 32]),
        link: Link { source: at(1), target: at(2) },
        signature: Box::new([fork; ML_DSA_SIGNATURE_BYTES]),
    }
}

fn report(forks: (u8, u8), reporter: u8) -> (Action, ActionWitness) {
    let evidence = Box::new(Evidence::new(vote(forks.0), vote(forks.1)));
    let witness = ActionWitness::VoteKey(Box::new([3; ML_DSA_KEY_BYTES]));
    (Action::Evidence(Report { evidence, reporter: ZkAddress([reporter; 20]) }), witness)
}

fn register(owner: u8) -> (Action, ActionWitness) {
    let key = Box::new([5; ML_DSA_KEY_BYTES]);
    let signed = KeySignature { public_key: PublicKeyBytes([2; 33]), signature: [1; 64] };
    let witness = ActionWitness::Register { owner: signed, key: Box::new([6; ML_DSA_SIGNATURE_BYTES]) };
    let stake = Amount::from_str_tokens(10);
    (Action::Register(Register { key, owner: ZkAddress([owner; 20]), commission_bps: 0, stake }), witness)
}

/// Whether two Actions with inputs of their own can wait beside each other.
fn stand_together(a: (Action, ActionWitness), b: (Action, ActionWitness)) -> bool {
    let (mut pool, consensus) = (pool(), FakeConsensus::new(4));
    let a = tx([outpoint(0)]).action(a.0, a.1).rate(2).build();
    let b = tx([outpoint(1)]).action(b.0, b.1).rate(2).build();
    admit(&mut pool, &consensus, &a).unwrap();
    match admit(&mut pool, &consensus, &b) {
        Ok(_) => true,
        Err(MempoolErrorKind::Conflict { by, .. }) if by == a.txid => false,
        Err(other) => panic!("{other}"),
    }
}

/// One block would hold both, and the second would be skipped.
#[test]
fn actions_that_exclude_each_other_do_not_wait_together() {
    assert!(!stand_together((undelegate(1, 7), owner()), (undelegate(2, 7), owner())));
    assert!(!stand_together((undelegate(1, 7), owner()), (withdraw(7), owner())));
    assert!(stand_together((undelegate(1, 7), owner()), (undelegate(1, 8), owner())));
    assert!(!stand_together(report((1, 2), 1), report((3, 4), 2)));
    assert!(!stand_together(register(1), register(2)));
    let gift = || {
        let (validator, delegator) = (Hash32([1; 32]), ZkAddress([2; 20]));
        let amount = Amount::from_str_tokens(10);
        (Action::Delegate(Delegate { validator, delegator, amount }), ActionWitness::None)
    };
    assert!(stand_together(gift(), gift()));
    assert!(stand_together(gift(), (undelegate(1, 7), owner())));
}

#[test]
fn what_a_chain_can_still_change_may_be_offered_again() {
    let retry = |error: StakeError| retry_of(&error.into());
    assert_eq!(retry(StakeError::Stalled), Retry::Later);
    assert_eq!(retry(StakeError::NotMatured { epoch: 1 }), Retry::Later);
    assert_eq!(retry(StakeError::StaleNonce { got: 3, now: 2 }), Retry::Later);
    assert_eq!(retry(StakeError::StaleNonce { got: 2, now: 3 }), Retry::Never);
    assert_eq!(retry(StakeError::Slashed(Hash32([1; 32]))), Retry::Never);
}
