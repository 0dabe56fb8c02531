//! Thefts, each with the rule that stops it.

use umbel_crypto::ActionSecrets;
use umbel_ledger::{check_tx_in_isolation, check_tx_structure};
use umbel_types::errors::{StakeError, TxContextError, TxRuleError};
use umbel_types::staking::{MAX_LEAVING, ValidatorStanding, Withdrawn};
use umbel_types::state::LedgerBalance;
use umbel_types::{Action, Evidence, Transaction, TxCore, Witness};

use super::{
    STR, World, amount, core, delegate, double_vote, id, link, owed, paid, person, prove, register, report, secp,
    signed, undelegate, unjail, unsigned, vote_key, withdraw,
};
use crate::fixture::{context, rng};

const FEE: u64 = 200_000;

fn isolated(tx: &Transaction) -> Result<(), TxRuleError> {
    check_tx_in_isolation(tx.clone(), &context(), &mut rng()).map(|_| ())
}

/// The rule that an Action breaks whoever signs it.
fn structural(action: Action) -> Result<(), TxRuleError> {
    let sound = prove(core(delegate(0, 5, 10 * STR), 0, FEE), &ActionSecrets::None);
    let core = TxCore { fee: amount(FEE), action, ..sound.core };
    check_tx_structure(&Transaction { core, witness: sound.witness }, &context())
}

/// What a thief signs with another witness's parts.
fn with_action_of(tx: &Transaction, thief: &Transaction) -> Transaction {
    Transaction {
        core: tx.core.clone(),
        witness: Witness { action: thief.witness.action.clone(), ..tx.witness.clone() },
    }
}

fn refused(world: &mut World, action: Action) -> StakeError {
    match world.act(action) {
        Err(TxContextError::Stake(error)) => error,
        other => panic!("refused by a rule of stake, not {other:?}"),
    }
}

#[test]
fn anothers_stake_is_not_withdrawn() {
    for action in [withdraw(0, 0, Withdrawn::StakeAndRewards, 0), undelegate(0, 0, STR, 0), unjail(0, 0, 0)] {
        let own = prove(core(action.clone(), 0, FEE), &ActionSecrets::Owner(secp(0)));
        assert_eq!(isolated(&own), Ok(()));
        // The thief's own key, and a signature of the owner over something else.
        let thief = prove(core(undelegate(0, 1, STR, 0), 0, FEE), &ActionSecrets::Owner(secp(1)));
        assert_eq!(isolated(&with_action_of(&own, &thief)), Err(TxRuleError::ActionKey));
        let nobody = prove(core(delegate(0, 1, 10 * STR), 0, FEE), &ActionSecrets::None);
        assert_eq!(isolated(&with_action_of(&own, &nobody)), Err(TxRuleError::ActionWitnessKind));
        let other = prove(core(undelegate(0, 0, 2 * STR, 0), 0, FEE), &ActionSecrets::Owner(secp(0)));
        assert_eq!(isolated(&with_action_of(&own, &other)), Err(TxRuleError::ActionSignature));
    }
    let mut world = World::new();
    assert_eq!(refused(&mut world, undelegate(0, 1, STR, 0)), StakeError::NoDelegation(id(0)));
}

#[test]
fn an_action_counts_once_at_each_nonce() {
    let mut world = World::new();
    let supply = world.supply();
    let twice = [undelegate(0, 0, 100 * STR, 0), undelegate(0, 0, 200 * STR, 0)].map(|action| world.tx(action));
    let delta = world.next(&twice, None);
    assert_eq!(delta.accepted.len(), 1);
    let stale = TxContextError::Stake(StakeError::StaleNonce { got: 0, now: 1 });
    assert_eq!(delta.skipped[0].error, stale);
    assert_eq!(world.validator(0).leaving.units(), 100 * STR);
    assert_eq!(refused(&mut world, undelegate(0, 0, STR, 0)), StakeError::StaleNonce { got: 0, now: 1 });
    assert_eq!(refused(&mut world, undelegate(0, 0, STR, 2)), StakeError::StaleNonce { got: 2, now: 1 });
    // A stranger's gift leaves the nonce as it is.
    world.act(delegate(0, 0, 10 * STR)).expect("anyone may give");
    assert_eq!(world.nonce(0, 0), 1);
    assert_eq!(world.supply(), supply);
}

/// Stake that left before the slash pays like all the other, whatever way it took.
#[test]
fn unbonding_is_not_skipped_by_hopping() {
    let mut world = World::new();
    let supply = world.supply();
    world.act(delegate(0, 5, 1_000 * STR + STR)).expect("fine");
    world.act(undelegate(0, 5, 1_000 * STR, 0)).expect("fine");
    assert_eq!(world.overlay().epoch, 1, "it left as epoch 0 ended");
    let all = Withdrawn::StakeAndRewards;
    assert_eq!(refused(&mut world, withdraw(0, 5, all, 1)), StakeError::NotMatured { epoch: 1 });
    // Back in with new money; the old stays where it is.
    world.act(delegate(0, 5, 10 * STR)).expect("fine");
    assert_eq!(refused(&mut world, withdraw(0, 5, all, 1)), StakeError::NotMatured { epoch: 1 });
    while world.overlay().epoch < 4 {
        world.end_epoch(&[]);
    }
    assert_eq!(refused(&mut world, withdraw(0, 5, all, 1)), StakeError::NotMatured { epoch: 4 });
    // All the while it can be slashed: here by three times a quarter of all stake.
    let taken = world.act(report(double_vote(0, 3), 6)).expect("evidence holds");
    let ValidatorStanding::Slashed { kept_ppb } = world.validator(0).standing else { panic!("slashed") };
    assert!(kept_ppb < 260_000_000, "{kept_ppb}");
    assert!(taken[0].1 > 74_000 * STR);
    world.end_epoch(&[0]);
    assert_eq!(world.overlay().epoch, 5);
    let out = world.act(withdraw(0, 5, all, 1)).expect("its time has come");
    let earned_at_most = 1_000 * STR;
    assert_eq!(out[0].0, person(5));
    assert!(out[0].1 < 260 * STR + earned_at_most / 100, "{}", out[0].1);
    assert_eq!(world.supply(), supply);
}

#[test]
fn nobody_registers_anothers_key() {
    let tx = prove(
        core(register(5, 1, 10_000 * STR), 0, FEE),
        &ActionSecrets::Register { owner: secp(1), key: vote_key(5) },
    );
    assert_eq!(isolated(&tx), Ok(()));
    // The key signed for another owner.
    let rival = prove(
        core(register(5, 2, 10_000 * STR), 0, FEE),
        &ActionSecrets::Register { owner: secp(2), key: vote_key(5) },
    );
    assert_eq!(isolated(&with_action_of(&tx, &rival)), Err(TxRuleError::ActionKey));
    let mut mixed = with_action_of(&tx, &rival);
    let umbel_types::staking::ActionWitness::Register { owner, .. } = &mut mixed.witness.action else { panic!() };
    let umbel_types::staking::ActionWitness::Register { owner: own, .. } = &tx.witness.action else { panic!() };
    *owner = *own;
    assert_eq!(isolated(&mixed), Err(TxRuleError::RegisterSignature));
    let mut world = World::new();
    assert_eq!(refused(&mut world, register(0, 1, 10_000 * STR)), StakeError::Registered(id(0)));
}

#[test]
fn evidence_is_about_this_chain_by_one_key_and_true() {
    let sound =
        |evidence| prove(core(report(evidence, 6), 0, FEE), &ActionSecrets::VoteKey(&vote_key(4).verifying_key()));
    let tx = sound(double_vote(4, 0));
    assert_eq!(isolated(&tx), Ok(()));
    let with = |evidence: Evidence| Transaction {
        core: TxCore { action: report(evidence, 6), ..tx.core.clone() },
        witness: tx.witness.clone(),
    };
    let vote = |fork| signed(unsigned(4, 0, link(1, 2, fork)), 4);
    // Forged: signed by another key, which names the victim.
    let forged = Evidence::new(vote(1), signed(unsigned(4, 0, link(1, 2, 2)), 5));
    let place = usize::from(forged.first == vote(1));
    assert_eq!(
        umbel_crypto::action::check_action(
            &with(forged.clone()).core,
            &tx.witness.action,
            &tx.core.sighash(crate::fixture::GENESIS)
        ),
        Err(TxRuleError::EvidenceSignature(place))
    );
    // The forger's own key, with the victim's name in the votes.
    let key = umbel_types::staking::ActionWitness::VoteKey(Box::new(vote_key(5).verifying_key()));
    let claimed = Transaction { core: tx.core.clone(), witness: Witness { action: key, ..tx.witness.clone() } };
    assert_eq!(isolated(&claimed), Err(TxRuleError::EvidenceKey));
    let structural = |evidence| check_tx_structure(&with(evidence), &context());
    let two = Evidence::new(vote(1), signed(unsigned(5, 0, link(1, 2, 2)), 5));
    assert_eq!(structural(two), Err(TxRuleError::EvidenceValidators));
    let mut elsewhere = unsigned(4, 0, link(1, 2, 2));
    elsewhere.chain += 1;
    assert_eq!(structural(Evidence::new(vote(1), signed(elsewhere, 4))), Err(TxRuleError::EvidenceChain));
    let mut forked = unsigned(4, 0, link(1, 2, 2));
    forked.genesis.0[0] ^= 1;
    assert_eq!(structural(Evidence::new(vote(1), signed(forked, 4))), Err(TxRuleError::EvidenceChain));
    // One vote with two signatures is one vote.
    let mut again = vote(1);
    again.signature[0] ^= 1;
    assert_eq!(structural(Evidence::new(vote(1), again)), Err(TxRuleError::EvidenceHarmless));
}

#[test]
fn evidence_counts_once() {
    let mut world = World::new();
    let supply = world.supply();
    let other = Evidence::new(signed(unsigned(0, 0, link(1, 6, 1)), 0), signed(unsigned(0, 0, link(2, 5, 1)), 0));
    let both = [report(double_vote(0, 0), 6), report(other, 7)].map(|action| world.tx(action));
    let delta = world.next(&both, None);
    assert_eq!(delta.accepted.len(), 1);
    assert_eq!(delta.skipped[0].error, TxContextError::Stake(StakeError::Slashed(id(0))));
    // A quarter of the set's stake: three quarters go, a tenth of that to the reporter.
    let stake = 1_000_000 * STR;
    let taken = stake * 3 / 4;
    assert_eq!(paid(both[0].txid(), &delta), [(person(6), taken / 10)]);
    assert_eq!(world.balance(LedgerBalance::Burned), taken - taken / 10);
    assert_eq!(world.validator(0).held.units(), stake - taken);
    assert_eq!(refused(&mut world, report(double_vote(0, 0), 6)), StakeError::Slashed(id(0)));
    assert_eq!(refused(&mut world, delegate(0, 5, 10 * STR)), StakeError::Slashed(id(0)));
    assert_eq!(world.supply(), supply);
}

#[test]
fn evidence_grows_old() {
    let mut world = World::new();
    for _ in 0..4 {
        world.end_epoch(&[]);
    }
    let old = refused(&mut world, report(double_vote(0, 0), 6));
    assert_eq!(old, StakeError::EvidenceTooOld { got: 0, oldest: 1 });
    world.act(report(double_vote(0, 1), 6)).expect("as old as stake on its way out");
}

/// An honest validator whose target was not justified goes on from the same source; that is no offence.
#[test]
fn recovering_from_a_split_is_no_offence() {
    let pair = |a: (u32, u32), b: (u32, u32)| {
        Evidence::new(unsigned(0, 0, link(a.0, a.1, 1)), unsigned(0, 0, link(b.0, b.1, 1)))
    };
    let judge = |evidence| structural(report(evidence, 6));
    assert_eq!(judge(pair((3, 4), (3, 5))), Err(TxRuleError::EvidenceHarmless));
    assert_eq!(judge(pair((3, 4), (4, 5))), Err(TxRuleError::EvidenceHarmless));
    assert_eq!(judge(pair((3, 5), (4, 5))), Ok(()), "two votes for one index");
    assert_eq!(judge(pair((3, 6), (4, 5))), Ok(()), "one inside the other");
    assert_eq!(judge(pair((4, 6), (4, 5))), Err(TxRuleError::EvidenceHarmless), "a common source surrounds nothing");
}

/// Every two votes that one who never goes back may cast, up to index 6: none of them is an offence.
#[test]
fn no_pair_of_honest_votes_is_an_offence() {
    let links: Vec<(u32, u32)> =
        (0..6).flat_map(|source| (source + 1..=6).map(move |target| (source, target))).collect();
    let mut pairs = 0;
    for first in &links {
        for second in links.iter().filter(|second| second.0 >= first.0 && second.1 > first.1) {
            pairs += 1;
            let evidence =
                Evidence::new(unsigned(0, 0, link(first.0, first.1, 1)), unsigned(0, 0, link(second.0, second.1, 1)));
            assert_eq!(structural(report(evidence, 6)), Err(TxRuleError::EvidenceHarmless), "{first:?} {second:?}");
        }
    }
    assert_eq!(pairs, 140);
}

#[test]
fn amounts_and_commissions_have_bounds() {
    let with = |commission_bps, stake| {
        let Action::Register(action) = register(5, 1, stake) else { panic!() };
        structural(Action::Register(umbel_types::staking::Register { commission_bps, ..action }))
    };
    assert_eq!(with(2_000, 10 * STR), Ok(()));
    assert_eq!(with(2_001, 10 * STR), Err(TxRuleError::CommissionTooHigh { got: 2_001, limit: 2_000 }));
    let small = |got| Err(TxRuleError::StakeTooSmall { got: amount(got), least: amount(10 * STR) });
    assert_eq!(with(0, 10 * STR - 1), small(10 * STR - 1));
    assert_eq!(structural(delegate(0, 5, 10 * STR - 1)), small(10 * STR - 1));
    assert_eq!(structural(delegate(0, 5, u64::MAX)), Err(TxRuleError::StakeTooLarge(amount(u64::MAX))));
    let nothing = Err(TxRuleError::StakeTooSmall { got: amount(0), least: amount(1) });
    assert_eq!(structural(undelegate(0, 5, 0, 0)), nothing);
    let mut world = World::new();
    let all = 1_000_000 * STR;
    let more = refused(&mut world, undelegate(0, 0, all + 1, 0));
    assert_eq!(more, StakeError::TooMuch { got: amount(all + 1), there: amount(all) });
}

/// What is staked leaves the inputs in the kernel.
#[test]
fn stake_is_paid_for() {
    let sound = core(delegate(0, 5, 10 * STR), 0, FEE);
    assert_eq!(isolated(&prove(sound.clone(), &ActionSecrets::None)), Ok(()));
    let mut free = sound;
    free.action = delegate(0, 5, 11 * STR);
    let sighash = free.sighash(crate::fixture::GENESIS);
    let inputs = [umbel_crypto::InputSecrets::Memo { key: secp(11) }];
    let outputs = [umbel_crypto::OutputSecrets::PublicMemo];
    let proved = umbel_crypto::prove_transaction(&free, &sighash, &inputs, &outputs, &mut rng());
    assert_eq!(proved, Err(umbel_crypto::ProveError::Unbalanced));
    let balanced = prove(core(delegate(0, 5, 10 * STR), 0, FEE), &ActionSecrets::None);
    let unbalanced = Transaction {
        core: free.clone(),
        witness: {
            let signed = umbel_crypto::signature::sign(secp(11), &sighash);
            Witness { inputs: vec![umbel_types::tx::InputWitness::Signature(signed)], ..balanced.witness }
        },
    };
    assert_eq!(isolated(&unbalanced), Err(TxRuleError::Kernel));
}

/// Taken apart as finely as the rules allow, a slashed stake is worth no more.
#[test]
fn rounding_never_pays() {
    let mut world = World::new();
    let supply = world.supply();
    world.act(delegate(0, 5, 10 * STR)).expect("fine");
    world.act(delegate(0, 5, 10 * STR + 7)).expect("fine");
    let whole = world.bonded(0, 5);
    assert_eq!(whole, 19 * STR + 7, "a STR is the deposit");
    world.act(report(double_vote(0, 0), 6)).expect("evidence holds");
    let validator = world.validator(0);
    let worth: u64 = [1, 2, 3, 5, 8, 13, 21].iter().map(|part| validator.worth(amount(*part)).units()).sum();
    assert!(worth <= validator.worth(amount(53)).units());
    let mut nonce = 0;
    for part in [1, 2, 3, 5, 8, 13, 21, whole - 53] {
        world.act(undelegate(0, 5, part, nonce)).expect("fine");
        nonce += 1;
    }
    let rest = owed(&world, 0).values().sum::<u64>();
    assert!(rest <= world.validator(0).held.units());
    // No member but this one is left out; the others sign on.
    for _ in 0..6 {
        world.end_epoch(&[0]);
    }
    let out = world.act(withdraw(0, 5, Withdrawn::StakeAndRewards, nonce)).expect("its time has come");
    assert!(out[0].1 <= validator.worth(amount(whole)).units() + STR + 10 * STR, "{}", out[0].1);
    assert_eq!(world.bonded(0, 5), 0);
    assert_eq!(world.supply(), supply);
}

#[test]
fn a_delegation_leaves_in_a_bounded_number_of_parts() {
    let mut world = World::new();
    // As an epoch lasts, its parts are one; so the bound needs as many epochs.
    for nonce in 0..10 {
        world.act(undelegate(0, 0, STR, nonce)).expect("fine");
        world.end_epoch(&[]);
    }
    let (delegation, _) = umbel_ledger::staking::delegation(&world.states, id(0), person(0)).expect("it is there");
    assert!(delegation.leaving.len() <= 6, "what has matured is one: {}", delegation.leaving.len());
    assert!(delegation.leaving.len() < MAX_LEAVING);
}
