//! Actions on State objects whose bodies say anything that has an encoding: nothing panics, and no Action makes STR.

use std::sync::OnceLock;

use arbitrary::Unstructured;
use umbel_ledger::staking::{OverlayContext, StateEdits, StateView, decide};
use umbel_ledger::state_tree::{StateKey, StateTree};
use umbel_ledger::{UtxoContext, genesis};
use umbel_types::lock::ML_DSA_SIGNATURE_BYTES;
use umbel_types::staking::{
    DELEGATION_DEPOSIT, Delegate, Delegation, Leaving, MAX_LEAVING, OverlayRecord, RecentSlash, Register, Report,
    Undelegate, Unjail, VALIDATOR_DEPOSIT, Validator, ValidatorStanding, WHOLE_PPB, Withdraw, Withdrawn,
};
use umbel_types::state::{LedgerBalance, SetMember, State, StateClass, ValidatorSet};
use umbel_types::{
    Action, Amount, BlockHash, DaaScore, Decode, Evidence, Ledger, Link, Network, ObjectId, Params, Vote, ZkAddress,
};

use crate::voters::{below, voter};

/// Most Actions of one input.
const MAX_ACTIONS: usize = 32;
/// Addresses that own and act, and validators that there may be.
const PEOPLE: u8 = 3;
const VALIDATORS: u8 = 2;

/// Above every epoch in which stake of the first delegations matures.
const FIRST_EPOCH: u64 = 1_000;

/// A step for each part of the state, then Actions; every number is led by its kind.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let actions: Vec<u8> = (0..24u8).flat_map(|n| [n, n / 3, 1, 40, 0, 0]).collect();
    vec![
        vec![0; 64],
        [vec![1; 48], actions.clone()].concat(),
        [vec![2; 96], actions.clone()].concat(),
        [(0..120).collect(), actions].concat(),
        (0..=255).collect(),
        (0..=255).rev().collect(),
    ]
}

fn long(u: &mut Unstructured<'_>) -> u64 {
    match below(u, 6) {
        0 => 0,
        1 => u64::from(below(u, 255)),
        2 => Amount::from_str_tokens(10_000).units(),
        3 => u.arbitrary().unwrap_or(0),
        4 => u64::MAX - u64::from(below(u, 4)),
        _ => Amount::from_str_tokens(u64::from(below(u, 255))).units(),
    }
}

fn amount(u: &mut Unstructured<'_>) -> Amount {
    Amount::from_units(long(u))
}

fn longest(u: &mut Unstructured<'_>) -> u128 {
    u128::from(long(u)) << (below(u, 3) * 32)
}

fn person(u: &mut Unstructured<'_>) -> ZkAddress {
    ZkAddress([below(u, PEOPLE); 20])
}

fn key(object: ObjectId) -> StateKey {
    StateKey { ledger: Ledger::Governance, object }
}

/// An object that somebody owns.
fn owned(u: &mut Unstructured<'_>, state: State, owner: ZkAddress) -> (StateKey, State) {
    (key(state.object), State { nonce: long(u), owner: Some(owner), deposit: amount(u), ..state })
}

fn validator(u: &mut Unstructured<'_>, n: u8) -> Validator {
    let standing = match below(u, 4) {
        1 => ValidatorStanding::Jailed,
        2 => ValidatorStanding::Slashed { kept_ppb: u.int_in_range(0..=WHOLE_PPB).unwrap_or(0) },
        _ => ValidatorStanding::Good,
    };
    Validator {
        key: Box::new(voter(n).verifying),
        commission_bps: u.arbitrary().unwrap_or(0),
        standing,
        bonded: amount(u),
        leaving: amount(u),
        held: amount(u),
        reward_per_unit: longest(u),
        delegations: u32::from(below(u, 4)).wrapping_sub(1),
        nonce_floor: long(u),
    }
}

fn delegation(u: &mut Unstructured<'_>, n: u8) -> Delegation {
    let most = if below(u, 8) == 1 { MAX_LEAVING } else { usize::from(below(u, 4)) };
    let first = u64::from(below(u, 255));
    let leaving = (0..most as u64).map(|n| Leaving { matures: first + n, amount: amount(u) }).collect();
    Delegation { validator: voter(n).id, bonded: amount(u), leaving, rewards: amount(u), settled: longest(u) }
}

/// Balances of genesis.
fn balances() -> &'static [(StateKey, State)] {
    static BALANCES: OnceLock<Vec<(StateKey, State)>> = OnceLock::new();
    BALANCES.get_or_init(|| {
        let genesis = genesis::build(&Params::of(Network::Devnet), &crate::voters::genesis());
        let balance = |balance| {
            let key = StateKey::of_balance(balance);
            (key, genesis.states.get(&key).unwrap().clone())
        };
        LedgerBalance::ALL.map(balance).to_vec()
    })
}

/// Validators, delegations, the record and the running set.
fn state(u: &mut Unstructured<'_>) -> StateTree {
    let mut objects = balances().to_vec();
    for n in 0..VALIDATORS {
        let id = Validator::object(voter(n).id);
        let mut validator = State::of_ledger(id, StateClass::Validator, &validator(u, n));
        if below(u, 16) == 1 {
            // What is left of one that is gone.
            validator.body.clear();
        }
        let owner = person(u);
        objects.push(owned(u, validator, owner));
        for owner in (0..PEOPLE).map(|person| ZkAddress([person; 20])) {
            if below(u, 4) > 0 {
                let id = Delegation::object(voter(n).id, owner);
                let delegation = State::of_ledger(id, StateClass::Delegation, &delegation(u, n));
                objects.push(owned(u, delegation, owner));
            }
        }
    }
    let day = long(u) / 2;
    let slashes = (0..below(u, 4)).map(|n| RecentSlash { day: day + u64::from(n), stake: amount(u) }).collect();
    let epoch = long(u);
    let record = OverlayRecord { epoch, slashes, ..OverlayRecord::genesis(&Params::of(Network::Devnet)) };
    let record = State::of_ledger(OverlayRecord::object(), StateClass::Overlay, &record);
    let mut members: Vec<SetMember> =
        (0..below(u, 4)).map(|n| SetMember { key_hash: voter(n).id, stake: amount(u) }).collect();
    members.sort_by_key(|member| member.key_hash);
    let set = State::of_ledger(ValidatorSet::object(epoch), StateClass::ValidatorSet, &ValidatorSet { epoch, members });
    objects.into_iter().chain([record, set].map(|state| (key(state.object), state))).collect()
}

/// The nonce that an object has, or another one.
fn nonce(u: &mut Unstructured<'_>, states: &StateEdits, object: ObjectId) -> u64 {
    let its = states.state(&key(object)).map_or(0, |state| state.nonce);
    if below(u, 4) == 1 { long(u) } else { its }
}

fn action(u: &mut Unstructured<'_>, states: &StateEdits) -> Action {
    // One more than there are at first.
    let (kind, n, delegator) = (below(u, 6), below(u, VALIDATORS + 1), person(u));
    let validator = voter(n).id;
    let delegation = Delegation::object(validator, delegator);
    match kind {
        0 => Action::Register(Register {
            key: Box::new(voter(n).verifying),
            owner: delegator,
            commission_bps: u.arbitrary().unwrap_or(0),
            stake: amount(u),
        }),
        1 => Action::Delegate(Delegate { validator, delegator, amount: amount(u) }),
        2 => {
            let amount = amount(u);
            Action::Undelegate(Undelegate { validator, delegator, amount, nonce: nonce(u, states, delegation) })
        }
        3 => {
            let what = if below(u, 2) == 0 { Withdrawn::StakeAndRewards } else { Withdrawn::Rewards };
            Action::Withdraw(Withdraw { validator, delegator, what, nonce: nonce(u, states, delegation) })
        }
        4 => {
            let nonce = nonce(u, states, Validator::object(validator));
            Action::Unjail(Unjail { validator, owner: delegator, nonce })
        }
        _ => {
            let epoch = long(u);
            let (chain, genesis) = (1, BlockHash([1; 32]));
            let signature = Box::new([0; ML_DSA_SIGNATURE_BYTES]);
            let vote =
                |epoch| Vote { chain, genesis, epoch, validator, link: Link::default(), signature: signature.clone() };
            let evidence = Evidence { first: vote(epoch), second: vote(epoch / 2) };
            Action::Evidence(Report { evidence: Box::new(evidence), reporter: delegator })
        }
    }
}

/// Time goes on, and unbonding takes as long as it always did.
fn later(u: &mut Unstructured<'_>, before: UtxoContext) -> UtxoContext {
    let UtxoContext { overlay, daa_score, .. } = before;
    let passes = |u: &mut Unstructured<'_>| if below(u, 2) == 1 { long(u) } else { u64::from(below(u, 3)) };
    let epoch = overlay.epoch.saturating_add(passes(u));
    let overlay = OverlayContext { epoch, stalled: below(u, 4) == 1, ..overlay };
    UtxoContext { daa_score: daa_score.saturating_add(passes(u)), overlay, ..before }
}

/// All STR in the objects: what validators hold, deposits, what was burned.
fn held(states: &StateEdits) -> u128 {
    let objects = states.governance();
    let of_object = |state: &&State| {
        let is_validator = state.class == StateClass::Validator;
        let held = if is_validator { Validator::from_bytes(&state.body).map_or(0, |v| v.held.units()) } else { 0 };
        u128::from(held) + u128::from(state.deposit.units())
    };
    objects.iter().map(of_object).sum::<u128>() + u128::from(states.balance(LedgerBalance::Burned).units())
}

/// What an Action brings into State.
fn brought(action: &Action) -> u128 {
    let amounts = match action {
        Action::Register(register) => vec![register.stake, VALIDATOR_DEPOSIT, DELEGATION_DEPOSIT],
        Action::Delegate(delegate) => vec![delegate.amount],
        _ => Vec::new(),
    };
    amounts.into_iter().map(|amount| u128::from(amount.units())).sum()
}

pub(crate) fn run(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let tree = state(&mut u);
    let mut states = StateEdits::new(&tree);
    let overlay = OverlayContext {
        certified: DaaScore(0),
        epoch: FIRST_EPOCH,
        stalled: false,
        unbonding_epochs: long(&mut u),
        epoch_length: long(&mut u),
    };
    let start = DaaScore(0);
    let mut context =
        UtxoContext { daa_score: start, expiry_score: start, overlay, coinbase_maturity: 0, timelock_grace: 0 };
    for _ in 0..MAX_ACTIONS {
        if u.is_empty() {
            return;
        }
        context = later(&mut u, context);
        let action = action(&mut u, &states);
        let before = held(&states);
        let Ok(effect) = decide(&action, &states, &context) else { continue };
        let paid: u128 = effect.paid.iter().map(|(_, amount)| u128::from(amount.units())).sum();
        assert!(effect.paid.iter().all(|(_, amount)| !amount.is_zero()), "a payment of nothing");
        for (key, object) in &effect.objects {
            let Some(State { object, class, body, .. }) = object else { continue };
            assert_eq!(key.object, *object);
            let readable = match class {
                StateClass::Validator => body.is_empty() || Validator::from_bytes(body).is_ok(),
                StateClass::Delegation => Delegation::from_bytes(body).is_ok(),
                _ => true,
            };
            assert!(readable, "an object that can't be read was written");
        }
        states.apply(effect);
        assert_eq!(held(&states) + paid, before + brought(&action), "STR came from nothing, or went: {action:?}");
    }
}
