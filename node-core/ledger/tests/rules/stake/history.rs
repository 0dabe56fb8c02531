//! Random histories of stake against [`super::model`], which knows plain numbers only: registrations, delegations, slashes,
//! absences, stalls, epochs. Nothing is ever paid that is not there, and every block can be taken back.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use umbel_ledger::mass::state_bytes;
use umbel_ledger::staking;
use umbel_types::errors::{StakeError, TxContextError};
use umbel_types::staking::{ValidatorStanding, Withdrawn};
use umbel_types::state::{LedgerBalance, State, StateClass};
use umbel_types::utxo::StoredOutput;
use umbel_types::{Action, Encode, Evidence, Hash32, Transaction};

use super::model::{Act, Model, Outcome, Standing};
use super::{
    STR, World, delegate, id, link, owed, paid, person, register, report, undelegate, unjail, unsigned, withdraw,
};
use crate::draw::Dice;

/// Validators that a history knows; the first four are devnet's.
const VALIDATORS: u32 = 7;
const PEOPLE: u32 = 8;
/// Chain blocks of a history.
const BLOCKS: usize = 80;

/// Acceptance looks at no signature.
fn evidence(n: u32, epoch: u64, reporter: u32) -> Action {
    report(Evidence::new(unsigned(n, epoch, link(1, 2, 1)), unsigned(n, epoch, link(1, 2, 2))), reporter)
}

fn real(act: Act) -> Action {
    match act {
        Act::Register { n, owner, stake } => register(n, owner, stake),
        Act::Delegate { n, who, amount } => delegate(n, who, amount),
        Act::Undelegate { n, who, amount, nonce } => undelegate(n, who, amount, nonce),
        Act::Withdraw { n, who, stake, nonce } => {
            withdraw(n, who, if stake { Withdrawn::StakeAndRewards } else { Withdrawn::Rewards }, nonce)
        }
        Act::Unjail { n, who, nonce } => unjail(n, who, nonce),
        Act::Evidence { n, epoch, reporter } => evidence(n, epoch, reporter),
    }
}

fn one_of(dice: &mut Dice<'_>, n: u32) -> u32 {
    u32::try_from(dice.below(n as usize)).expect("below n")
}

/// An Action that often makes sense.
fn draw(dice: &mut Dice<'_>, model: &Model) -> Act {
    let n = one_of(dice, VALIDATORS);
    let any = one_of(dice, PEOPLE);
    let known = model.validators.get(&n).and_then(Option::as_ref);
    let people: Vec<u32> = known.map_or(Vec::new(), |validator| validator.shares.keys().copied().collect());
    let who = if people.is_empty() || dice.one_in(8) { any } else { people[dice.below(people.len())] };
    let share = known.and_then(|validator| validator.shares.get(&who));
    let fresh = share.map_or(0, |share| share.nonce);
    let nonce = if dice.one_in(8) { fresh + 1 } else { fresh };
    let odd = dice.below(256) as u64;
    match dice.below(12) {
        0 | 1 => Act::Register { n, owner: any, stake: dice.pick(&[20_000, 10_000, 9_999]) * STR + odd },
        2..=4 => Act::Delegate { n, who: any, amount: dice.pick(&[10, 500, 250_000]) * STR + odd },
        5 | 6 => {
            let bonded = share.map_or(STR, |share| share.bonded);
            let amount = dice.pick(&[bonded, bonded, bonded, bonded / 2, bonded / 3 + odd, bonded + 1]).max(1);
            Act::Undelegate { n, who, amount, nonce }
        }
        7 | 8 => Act::Withdraw { n, who, stake: true, nonce },
        9 => Act::Withdraw { n, who, stake: false, nonce },
        10 => {
            let of = known.map_or(0, |validator| validator.nonce);
            let owner = known.map_or(any, |validator| validator.owner);
            Act::Unjail { n, who: owner, nonce: if dice.one_in(8) { of + 1 } else { of } }
        }
        _ if dice.one_in(3) => {
            Act::Evidence { n, epoch: model.epoch.saturating_sub(dice.below(5) as u64), reporter: any }
        }
        _ => Act::Delegate { n, who: any, amount: 20_000 * STR },
    }
}

fn name(error: &TxContextError) -> &'static str {
    let TxContextError::Stake(error) = error else { return "not of stake" };
    match error {
        StakeError::Registered(_) => "registered",
        StakeError::NoValidator(_) => "no validator",
        StakeError::NoDelegation(_) => "no delegation",
        StakeError::StaleNonce { .. } => "stale",
        StakeError::NotOwner(_) => "not the owner",
        StakeError::TooMuch { .. } => "too much",
        StakeError::TooManyLeaving { .. } => "in too many parts",
        StakeError::NotMatured { .. } => "too early",
        StakeError::NothingDue => "nothing due",
        StakeError::Stalled => "stalled",
        StakeError::NotJailed(_) => "not jailed",
        StakeError::Slashed(_) => "slashed",
        StakeError::EvidenceTooOld { .. } => "too old",
        StakeError::Amounts => "impossible",
    }
}

fn compare_payments(got: &[(umbel_types::ZkAddress, u64)], expected: &[(u32, u64, u64)]) {
    // What is nothing is not paid; a figure may be off by what rounding takes or gives.
    let expected: Vec<_> = expected.iter().filter(|(_, amount, slack)| amount + slack > 0).collect();
    let mut got = got.iter().peekable();
    for (who, amount, slack) in expected {
        match got.next_if(|(to, _)| *to == person(*who)) {
            Some((_, real)) => assert!(real.abs_diff(*amount) <= *slack, "{real} for {amount} ± {slack}"),
            None => assert!(amount <= slack, "{who} gets {amount}"),
        }
    }
    assert_eq!(got.next(), None);
}

fn compare(world: &World, model: &Model) {
    let record = world.overlay();
    assert_eq!(
        (record.epoch, u64::from(record.boundary), u64::from(record.certified.index)),
        (model.epoch, model.boundary, model.certified)
    );
    for (n, validator) in &model.validators {
        let found = staking::validator(&world.states, id(*n));
        let Some(validator) = validator else {
            assert_eq!(found, None);
            continue;
        };
        let found = found.expect("it is there");
        assert_eq!((found.bonded.units(), found.leaving.units()), (validator.bonded(), validator.leaving()));
        let standing = match found.standing {
            ValidatorStanding::Good => Standing::Good,
            ValidatorStanding::Jailed => Standing::Jailed,
            ValidatorStanding::Slashed { kept_ppb } => Standing::Slashed(u128::from(kept_ppb)),
        };
        assert_eq!(standing, validator.standing);
        assert_eq!(found.delegations as usize, validator.shares.len());
        for (who, share) in &validator.shares {
            let (delegation, nonce) = staking::delegation(&world.states, id(*n), person(*who)).expect("it is there");
            assert_eq!((delegation.bonded.units(), nonce), (share.bonded, share.nonce));
            let leaving: u64 = delegation.leaving.iter().map(|entry| entry.amount.units()).sum();
            assert_eq!(leaving, share.leaving.iter().map(|(_, amount)| amount).sum::<u64>());
            let earned = delegation.earned(&found).expect("no overflow").units();
            assert!(earned.abs_diff(share.earned) <= share.slack, "{earned} for {share:?}");
        }
        // Nobody is owed what is not there.
        assert!(owed(world, *n).values().sum::<u64>() <= found.held.units());
    }
    for epoch in [model.epoch, model.epoch + 1] {
        let set = staking::validator_set(&world.states, epoch).expect("elected").members;
        let found: BTreeMap<Hash32, u64> = set.iter().map(|member| (member.key_hash, member.stake.units())).collect();
        assert_eq!(found, model.sets[&epoch].iter().map(|(n, stake)| (id(*n), *stake)).collect());
    }
    assert_eq!(world.balance(LedgerBalance::StrRewards), model.rewards);
    // What rounding left in records that went is burned too: less than a unit for each payment.
    let burned = world.balance(LedgerBalance::Burned);
    assert!(burned >= model.burned && burned - model.burned < 1_000, "{burned} {}", model.burned);
}

/// What records of stake and unspent Memos take.
fn stored_bytes(world: &World) -> u64 {
    let of_stake = |state: &State| matches!(state.class, StateClass::Validator | StateClass::Delegation);
    let objects = world.states.iter().filter(|(_, state)| of_stake(state));
    let objects: usize = objects.map(|(key, state)| key.to_bytes().len() + state.to_bytes().len()).sum();
    let memos = world.set.0.iter().filter(|(_, entry)| matches!(entry.output, StoredOutput::Memo(_)));
    let memos: usize = memos.map(|(place, entry)| place.to_bytes().len() + entry.to_bytes().len()).sum();
    (objects + memos) as u64
}

fn check_history(bytes: &[u8], seen: &mut BTreeMap<&'static str, usize>) {
    let mut dice = Dice { bytes, next: 0, names: 0 };
    let mut world = World::new();
    let supply = world.supply();
    let mut room = stored_bytes(&world);
    let mut model = Model::new(world.balance(LedgerBalance::StrRewards));
    // Blocks to come without a certificate: a stall now and then.
    let mut dry = 0;
    for _ in 0..BLOCKS {
        dry = if dry == 0 && dice.one_in(24) { 14 } else { u32::saturating_sub(dry, 1) };
        let acts: Vec<Act> = (0..dice.below(4)).map(|_| draw(&mut dice, &model)).collect();
        let txs: Vec<Arc<Transaction>> = acts.iter().map(|act| world.tx(real(*act))).collect();
        // A selected parent that carries a certificate, signed by most.
        let certificate = (dry == 0 && !dice.one_in(4) && world.blue > 0).then(|| {
            let away = one_of(&mut dice, 12);
            let on = model.sets[&model.epoch].keys().copied();
            (world.blue / 10, on.filter(|n| *n != away).collect::<Vec<u32>>())
        });
        let given = certificate.as_ref().map(|(target, on)| {
            (u32::try_from(*target).expect("small"), on.iter().map(|n| id(*n)).collect::<Vec<Hash32>>())
        });
        let before = (world.set.clone(), world.states.clone());
        let delta = world.next(&txs, given);
        if let Some((target, on)) = &certificate {
            model.include(*target, on);
        }
        for (act, tx) in acts.iter().zip(&txs) {
            let outcome: Outcome = model.act(*act, world.blue);
            let refused = delta.skipped.iter().find(|skipped| skipped.txid == tx.txid());
            match (&outcome, refused) {
                (Ok(expected), None) => {
                    room += state_bytes(&tx.core);
                    compare_payments(&paid(tx.txid(), &delta), expected);
                    *seen.entry(kind(act)).or_insert(0) += 1;
                }
                (Err(expected), Some(refused)) => {
                    assert_eq!(name(&refused.error), *expected, "{act:?}");
                    *seen.entry(expected).or_insert(0) += 1;
                }
                // Nothing but rounding is due: the model can't tell.
                (Ok(expected), Some(refused)) if expected.iter().all(|(_, amount, slack)| amount <= slack) => {
                    assert_eq!(refused.error, TxContextError::Stake(StakeError::NothingDue));
                    return;
                }
                other => panic!("{act:?}: {other:?}"),
            }
        }
        model.end_epoch(world.blue, &|n| id(n).0);
        compare(&world, &model);
        assert_eq!(world.supply(), supply);
        assert!(stored_bytes(&world) <= room, "it grew by more than was paid for");
        // Back, and on again.
        let after = (world.set.clone(), world.states.clone());
        world.undo(&delta);
        assert_eq!((&world.set, &world.states), (&before.0, &before.1));
        assert_eq!(world.states.root(), before.1.root());
        world.apply(&delta);
        assert_eq!((&world.set, &world.states), (&after.0, &after.1));
    }
    *seen.entry("epochs").or_insert(0) += usize::try_from(model.epoch).expect("few");
}

fn kind(act: &Act) -> &'static str {
    match act {
        Act::Register { .. } => "register",
        Act::Delegate { .. } => "delegate",
        Act::Undelegate { .. } => "undelegate",
        Act::Withdraw { stake: true, .. } => "withdraw stake",
        Act::Withdraw { stake: false, .. } => "withdraw rewards",
        Act::Unjail { .. } => "unjail",
        Act::Evidence { .. } => "evidence",
    }
}

/// How many histories: `UMBEL_STAKE_CASES` for the long run.
fn cases() -> u32 {
    std::env::var("UMBEL_STAKE_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(40).max(40)
}

#[test]
fn every_history_of_stake_keeps_what_must_hold() {
    let mut seen = BTreeMap::new();
    let config = ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let strategy = proptest::collection::vec(any::<u8>(), 1_800);
    let seen_by_all = std::cell::RefCell::new(&mut seen);
    let outcome = runner.run(&strategy, |bytes| {
        check_history(&bytes, *seen_by_all.borrow_mut());
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    for what in [
        "register",
        "delegate",
        "undelegate",
        "withdraw stake",
        "withdraw rewards",
        "unjail",
        "evidence",
        "registered",
        "no validator",
        "no delegation",
        "stale",
        "too much",
        "too early",
        "nothing due",
        "stalled",
        "not jailed",
        "slashed",
        "too old",
        "epochs",
    ] {
        assert!(seen.get(what).is_some_and(|count| *count > 0), "no history had {what:?}: {seen:?}");
    }
}
