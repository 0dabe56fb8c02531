//! Elections, rewards, jail, stalls and the life of records.

use umbel_ledger::staking::{self, OverlayContext};
use umbel_types::errors::{StakeError, TxContextError};
use umbel_types::staking::{Validator, ValidatorStanding, Withdrawn};
use umbel_types::state::LedgerBalance;
use umbel_types::{Action, BlueScore, Hash32, Params};

use super::{STR, World, delegate, double_vote, id, params, person, register, report, undelegate, unjail, withdraw};

fn refused(world: &mut World, action: Action) -> StakeError {
    match world.act(action) {
        Err(TxContextError::Stake(error)) => error,
        other => panic!("refused by a rule of stake, not {other:?}"),
    }
}

fn members(world: &World, epoch: u64) -> Vec<(Hash32, u64)> {
    let set = staking::validator_set(&world.states, epoch).expect("it is there");
    set.members.iter().map(|member| (member.key_hash, member.stake.units())).collect()
}

fn is_elected(world: &World, n: u32, epoch: u64) -> bool {
    members(world, epoch).iter().any(|(member, _)| *member == id(n))
}

/// 0.01 % of STR.rewards, by stake and certificates signed; the commission to the owner, the rest to all alike.
#[test]
fn an_epoch_pays_those_that_signed() {
    let mut world = World::new();
    let supply = world.supply();
    world.act(delegate(1, 5, 1_000_000 * STR + STR)).expect("fine");
    let before = world.balance(LedgerBalance::StrRewards);
    // The fourth signs one of two certificates.
    let all = |n: u32| (0..n).map(id).collect::<Vec<_>>();
    world.next(&[], Some((1, all(3))));
    assert_eq!(world.overlay().epoch, 1, "epoch 0 ends at the first checkpoint behind its end");
    let bounty = 5 * STR;
    let budget = (before - bounty) / 10_000;
    // Equal stakes in the set of epoch 0, whatever was delegated since.
    let each = budget / 4;
    let after = world.balance(LedgerBalance::StrRewards);
    assert_eq!(before - bounty - after, 3 * each);
    let (owner, _) = staking::delegation(&world.states, id(1), person(1)).expect("the bond");
    let (guest, _) = staking::delegation(&world.states, id(1), person(5)).expect("delegated");
    let validator = world.validator(1);
    let commission = each * 500 / 10_000;
    let half = (each - commission) / 2;
    assert_eq!(owner.rewards.units(), commission);
    let close = |got: u64, expected: u64| got.abs_diff(expected) <= 1;
    assert!(close(owner.earned(&validator).expect("small").units(), commission + half));
    assert!(close(guest.earned(&validator).expect("small").units(), half));
    let paid = world.act(withdraw(1, 5, Withdrawn::Rewards, 0)).expect("something is due");
    assert!(close(paid[0].1, half) && paid[0].0 == person(5));
    assert_eq!(refused(&mut world, withdraw(1, 5, Withdrawn::Rewards, 1)), StakeError::NothingDue);
    assert_eq!(world.supply(), supply);
}

#[test]
fn a_set_is_elected_for_the_epoch_after_the_next() {
    let mut world = World::new();
    world.act(register(5, 6, 10_000 * STR)).expect("fine");
    world.act(register(6, 7, 9_999 * STR)).expect("fine");
    assert_eq!(world.overlay().epoch, 1, "the second block ended epoch 0");
    assert!(!is_elected(&world, 5, 1) && is_elected(&world, 5, 2));
    assert_eq!(members(&world, 2).len(), 5);
    assert!(members(&world, 2).is_sorted());
    world.act(delegate(6, 8, 2_000_000 * STR)).expect("stake of others is no bond");
    world.end_epoch(&[]);
    assert!(!is_elected(&world, 6, 3));
    world.act(delegate(6, 7, 10 * STR)).expect("fine");
    world.end_epoch(&[]);
    assert!(is_elected(&world, 6, 4));
    assert_eq!(staking::validator_set(&world.states, 0), None, "nothing asks for it any more");
}

/// Of equal stakes the lower key hash goes first.
#[test]
fn the_most_staked_are_elected() {
    let mut world = World::new();
    // Twenty beside devnet's four: two with the least stake, and two that are equal and above them.
    let stake = |n: u32| match n {
        4 | 5 => 10_000 * STR,
        6 | 7 => 11_000 * STR,
        n => u64::from(n) * 2_000 * STR,
    };
    let txs: Vec<_> = (4..24).map(|n| world.tx(register(n, 6, stake(n)))).collect();
    let delta = world.next(&txs, None);
    assert_eq!(delta.skipped, []);
    world.next(&[], None);
    assert_eq!(world.overlay().epoch, 1);
    let elected: Vec<u32> = (0..24).filter(|n| is_elected(&world, *n, 2)).collect();
    let lower = if id(6) < id(7) { 6 } else { 7 };
    let expected: Vec<u32> = (0..24).filter(|n| ![4, 5, 13 - lower].contains(n)).collect();
    assert_eq!(elected, expected);
    assert_eq!(elected.len(), 21);
}

/// No finality, no change: the next epoch waits until the checkpoint that ended the last is final.
#[test]
fn an_epoch_ends_only_behind_a_final_boundary() {
    let mut world = World::new();
    world.next(&[], None);
    world.next(&[], None);
    assert_eq!((world.overlay().epoch, world.overlay().boundary), (1, 2));
    for _ in 0..8 {
        world.next(&[], None);
    }
    assert_eq!(world.overlay().epoch, 1);
    // A certificate for the boundary itself justifies it only.
    world.next(&[], Some((2, vec![id(0)])));
    assert_eq!(world.overlay().epoch, 1);
    assert_eq!(world.overlay().certificates, 0, "its target is of the epoch before");
    world.next(&[], Some((3, vec![id(0), id(1), id(2), id(3)])));
    assert_eq!((world.overlay().epoch, world.overlay().boundary), (2, 12));
}

/// Without four members a depth stands for finality.
#[test]
fn a_set_that_is_too_small_hands_over_by_depth() {
    let mut world = World::new();
    for n in [2, 3] {
        world.act(undelegate(n, n, 995_000 * STR, 0)).expect("fine");
    }
    while world.overlay().epoch < 2 {
        world.end_epoch(&[]);
    }
    assert_eq!(members(&world, 2).len(), 2);
    assert!(!staking::is_overlay_on(&world.states, 2));
    let boundary = u64::from(world.overlay().boundary) * 10;
    while world.overlay().epoch == 2 {
        world.next(&[], None);
    }
    assert_eq!(world.blue, boundary + params().finality_depth);
}

#[test]
fn the_absent_are_jailed_as_long_as_four_remain() {
    let mut world = World::new();
    world.act(register(5, 6, 20_000 * STR)).expect("fine");
    world.end_epoch(&[]);
    world.end_epoch(&[]);
    assert_eq!(world.overlay().epoch, 2);
    assert!(is_elected(&world, 5, 2));
    let before = world.validator(5).held;
    world.end_epoch(&[5, 3]);
    // Both were away; five less one is four, and no more is left out.
    let jailed = [3, 5].map(|n| world.validator(n).standing == ValidatorStanding::Jailed);
    assert_eq!(jailed.iter().filter(|jailed| **jailed).count(), 1, "{jailed:?}");
    assert_eq!(world.validator(5).held, before, "nothing is taken from the absent");
    let n = if jailed[0] { 3 } else { 5 };
    let owner = if n == 3 { 3 } else { 6 };
    assert!(!is_elected(&world, n, 4));
    assert!(matches!(refused(&mut world, unjail(n, 9, 1)), StakeError::NotOwner(_)));
    assert!(matches!(refused(&mut world, unjail(n, owner, 0)), StakeError::StaleNonce { .. }));
    world.act(unjail(n, owner, 1)).expect("it is jailed");
    assert!(matches!(refused(&mut world, unjail(n, owner, 2)), StakeError::NotJailed(_)));
    world.end_epoch(&[]);
    assert!(is_elected(&world, n, 5));
}

/// Of an epoch with room for four certificates one alone says nothing about who was there.
#[test]
fn few_certificates_jail_nobody() {
    for (certificates, jailed) in [(1, false), (2, true)] {
        let mut world = World::with(Params { epoch_length: 1_200, ..params() });
        world.act(register(5, 6, 20_000 * STR)).expect("fine");
        // Number 5 stands in the set of epoch 2.
        for (epoch, mut left) in [(0, 0), (1, 1), (2, certificates)] {
            let set = staking::validator_set(&world.states, epoch).expect("every epoch has one");
            let signers: Vec<Hash32> =
                set.members.iter().map(|member| member.key_hash).filter(|key| *key != id(5)).collect();
            while world.overlay().epoch == epoch {
                let target = u32::try_from(world.blue / 10).expect("small");
                let due = left > 0 && target > world.overlay().boundary;
                left -= u32::from(due);
                world.next(&[], due.then(|| (target, signers.clone())));
            }
        }
        assert_eq!(world.validator(5).standing == ValidatorStanding::Jailed, jailed, "{certificates}");
    }
}

#[test]
fn an_epoch_without_certificates_jails_and_pays_nobody() {
    let mut world = World::new();
    let before = world.balance(LedgerBalance::StrRewards);
    world.next(&[], None);
    world.next(&[], None);
    assert_eq!(world.overlay().epoch, 1);
    assert_eq!(world.balance(LedgerBalance::StrRewards), before);
    assert!((0..4).all(|n| world.validator(n).standing == ValidatorStanding::Good));
}

/// Only a withdrawal of stake waits for finality.
#[test]
fn a_stall_holds_stake_back_and_nothing_else() {
    let mut world = World::new();
    world.act(delegate(0, 5, 100 * STR)).expect("fine");
    world.act(undelegate(0, 5, 50 * STR, 0)).expect("fine");
    while world.overlay().epoch < 5 {
        world.end_epoch(&[]);
    }
    let last = u64::from(world.overlay().certified.index) * 10;
    while world.blue < last + params().stall_depth {
        world.next(&[], None);
    }
    let context = |world: &World| OverlayContext::of(&params(), BlueScore(world.blue), &world.states);
    assert!(!context(&world).stalled);
    world.next(&[], None);
    assert!(context(&world).stalled);
    let nonce = world.nonce(0, 5);
    assert_eq!(refused(&mut world, withdraw(0, 5, Withdrawn::StakeAndRewards, nonce)), StakeError::Stalled);
    world.act(withdraw(0, 5, Withdrawn::Rewards, nonce)).expect("rewards are no stake");
    world.act(delegate(0, 5, 10 * STR)).expect("fine");
    world.act(register(5, 6, 10_000 * STR)).expect("fine");
    world.act(report(double_vote(1, 5), 6)).expect("evidence never waits");
    world.act(undelegate(0, 5, STR, nonce + 1)).expect("it only starts");
    // A certificate, and it is over.
    let target = u32::try_from(world.blue / 10).expect("small");
    world.next(&[], Some((target, (0..4).map(id).collect())));
    world.act(withdraw(0, 5, Withdrawn::StakeAndRewards, nonce + 2)).expect("its time had come");
}

/// What goes in comes out: deposits with the last withdrawal, and nothing stays but a mark.
#[test]
fn records_go_with_their_deposits() {
    let mut world = World::new();
    let supply = world.supply();
    world.act(register(5, 6, 10_000 * STR)).expect("fine");
    world.act(delegate(5, 7, 101 * STR)).expect("fine");
    world.act(undelegate(5, 6, 10_000 * STR, 0)).expect("fine");
    world.act(undelegate(5, 7, 100 * STR, 0)).expect("fine");
    for _ in 0..6 {
        world.end_epoch(&[]);
    }
    let paid = world.act(withdraw(5, 7, Withdrawn::StakeAndRewards, 1)).expect("fine");
    assert_eq!(paid, [(person(7), 101 * STR)]);
    assert_eq!(staking::delegation(&world.states, id(5), person(7)), None);
    // Come back, the record does not start at nonces that were used.
    world.act(delegate(5, 7, 11 * STR)).expect("fine");
    assert_eq!(world.nonce(5, 7), 2);
    world.act(undelegate(5, 7, 10 * STR, 2)).expect("fine");
    for _ in 0..6 {
        world.end_epoch(&[]);
    }
    assert_eq!(world.act(withdraw(5, 7, Withdrawn::StakeAndRewards, 3)).expect("fine"), [(person(7), 11 * STR)]);
    let last = world.act(withdraw(5, 6, Withdrawn::StakeAndRewards, 1)).expect("fine");
    assert_eq!(last, [(person(6), 10_001 * STR), (person(6), 3 * STR)]);
    assert_eq!(staking::validator(&world.states, id(5)), None);
    assert_eq!(refused(&mut world, register(5, 6, 10_000 * STR)), StakeError::Registered(id(5)));
    assert_eq!(refused(&mut world, delegate(5, 6, 10 * STR)), StakeError::NoValidator(id(5)));
    assert_eq!(world.supply(), supply);
}

/// Rewards that no honest state holds are refused, and nothing overflows in silence.
#[test]
fn rewards_do_not_overflow() {
    let world = World::new();
    let (delegation, _) = staking::delegation(&world.states, id(0), person(0)).expect("the bond");
    let validator = Validator { reward_per_unit: u128::MAX, ..world.validator(0) };
    assert_eq!(delegation.earned(&validator), None);
    let backwards = umbel_types::staking::Delegation { settled: 1, ..delegation };
    assert_eq!(backwards.earned(&world.validator(0)), None);
    // All of STR.rewards, for ever, on one unit of stake.
    let all = 4_221_000_000 * u128::from(STR);
    assert!((all << 64).checked_mul(1).is_some());
}
