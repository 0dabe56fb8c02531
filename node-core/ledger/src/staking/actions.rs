//! What an Action does to State, or why the state refuses it (docs/spec/staking.md §5). One function decides, for the
//! check and for the effect: nothing can pass one and fail the other.

use umbel_types::encode::Encode;
use umbel_types::errors::StakeError;
use umbel_types::hash::Hash32;
use umbel_types::staking::{
    DELEGATION_DEPOSIT, Delegate, Delegation, Leaving, MAX_LEAVING, MIN_SLASH_PPB, OverlayRecord, REPORTER_SHARE,
    RecentSlash, Register, Report, Undelegate, Unjail, VALIDATOR_DEPOSIT, Validator, ValidatorStanding, WHOLE_PPB,
    Withdraw, Withdrawn,
};
use umbel_types::state::{LedgerBalance, State, StateClass};
use umbel_types::{Action, Amount, DaaRange, ObjectId, ZkAddress};

use super::edits::StateView;
use super::{key_of, overlay, read, validator_id, validator_set};
use crate::state_tree::StateKey;
use crate::tx_in_utxo_context::UtxoContext;

/// What an Action does.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Effect {
    /// Objects as they are afterwards; `None` for one that is gone.
    pub objects: Vec<(StateKey, Option<State>)>,
    /// Who is paid how much out of State, in public; never nothing.
    pub paid: Vec<(ZkAddress, Amount)>,
}

impl Effect {
    fn put(&mut self, state: State) {
        self.objects.push((key_of(state.object), Some(state)));
    }

    fn pay(&mut self, to: ZkAddress, amount: Amount) {
        if !amount.is_zero() {
            self.paid.push((to, amount));
        }
    }
}

/// What `action` does to `states`.
///
/// # Errors
/// The first rule broken; nothing happens then.
pub fn decide(action: &Action, states: &impl StateView, context: &UtxoContext) -> Result<Effect, StakeError> {
    match action {
        Action::Transfer => Ok(Effect::default()),
        Action::Register(action) => register(action, states),
        Action::Delegate(action) => delegate(action, states),
        Action::Undelegate(action) => undelegate(action, states, context),
        Action::Withdraw(action) => withdraw(action, states, context),
        Action::Unjail(action) => unjail(action, states),
        Action::Evidence(action) => slash(action, states, context),
    }
}

fn add(a: Amount, b: Amount) -> Result<Amount, StakeError> {
    a.checked_add(b).map_err(|_| StakeError::Amounts)
}

fn sub(a: Amount, b: Amount) -> Result<Amount, StakeError> {
    a.checked_sub(b).map_err(|_| StakeError::Amounts)
}

/// An object that somebody owns.
pub(crate) fn owned(
    object: ObjectId,
    class: StateClass,
    nonce: u64,
    owner: ZkAddress,
    deposit: Amount,
    body: &impl Encode,
) -> State {
    State {
        object,
        class,
        nonce,
        script: Hash32::default(),
        owner: Some(owner),
        deposit,
        body: body.to_bytes(),
        valid: DaaRange::ALWAYS,
    }
}

fn with_body(state: State, body: &impl Encode) -> State {
    State { body: body.to_bytes(), ..state }
}

fn acted_on(state: State, body: &impl Encode) -> State {
    State { nonce: state.nonce.saturating_add(1), ..with_body(state, body) }
}

fn find_validator(states: &impl StateView, id: Hash32) -> Result<(State, Validator), StakeError> {
    read(states, Validator::object(id)).ok_or(StakeError::NoValidator(id))
}

fn find_delegation(
    states: &impl StateView,
    validator: Hash32,
    delegator: ZkAddress,
) -> Result<(State, Delegation), StakeError> {
    read(states, Delegation::object(validator, delegator)).ok_or(StakeError::NoDelegation(validator))
}

/// # Consensus
/// > A key MUST NOT be registered twice, not even after its record is gone. (docs/spec/staking.md S10)
fn check_unregistered(states: &impl StateView, id: Hash32) -> Result<(), StakeError> {
    match states.state(&key_of(Validator::object(id))) {
        None => Ok(()),
        Some(_) => Err(StakeError::Registered(id)),
    }
}

/// # Consensus
/// > An Action that pins a nonce MUST pin the object's. (S11)
fn check_nonce(got: u64, state: &State) -> Result<(), StakeError> {
    if got == state.nonce { Ok(()) } else { Err(StakeError::StaleNonce { got, now: state.nonce }) }
}

/// # Consensus
/// > Nothing MUST be delegated to a validator that was slashed, and none is slashed twice. (S12)
fn check_not_slashed(id: Hash32, validator: &Validator) -> Result<(), StakeError> {
    match validator.standing {
        ValidatorStanding::Good | ValidatorStanding::Jailed => Ok(()),
        ValidatorStanding::Slashed { .. } => Err(StakeError::Slashed(id)),
    }
}

/// # Consensus
/// > An undelegation MUST NOT take more than is bonded. (S13)
fn check_bonded(got: Amount, delegation: &Delegation) -> Result<(), StakeError> {
    if got <= delegation.bonded { Ok(()) } else { Err(StakeError::TooMuch { got, there: delegation.bonded }) }
}

/// # Consensus
/// > While the overlay is on and stalled, a withdrawal of stake is skipped. (F8, S14)
fn check_not_stalled(context: &UtxoContext) -> Result<(), StakeError> {
    if context.overlay.stalled { Err(StakeError::Stalled) } else { Ok(()) }
}

/// # Consensus
/// > Only the owner of a jailed validator lets it be elected again. (S16)
fn check_jailed(unjail: &Unjail, state: &State, validator: &Validator) -> Result<(), StakeError> {
    if state.owner != Some(unjail.owner) {
        return Err(StakeError::NotOwner(unjail.validator));
    }
    match validator.standing {
        ValidatorStanding::Jailed => Ok(()),
        ValidatorStanding::Good => Err(StakeError::NotJailed(unjail.validator)),
        ValidatorStanding::Slashed { .. } => Err(StakeError::Slashed(unjail.validator)),
    }
}

/// # Consensus
/// > The newer vote of evidence MUST be of an epoch whose stake can't have been withdrawn yet. (S17)
fn check_evidence_age(report: &Report, context: &UtxoContext) -> Result<(), StakeError> {
    let got = report.evidence.first.epoch.max(report.evidence.second.epoch);
    let oldest = context.overlay.epoch.saturating_sub(context.overlay.unbonding_epochs);
    if got >= oldest { Ok(()) } else { Err(StakeError::EvidenceTooOld { got, oldest }) }
}

fn register(action: &Register, states: &impl StateView) -> Result<Effect, StakeError> {
    let id = validator_id(action);
    check_unregistered(states, id)?;
    let (validator, delegation) = new_validator(action.key.clone(), action.commission_bps, action.stake);
    let mut effect = Effect::default();
    for state in records(id, action.owner, &validator, &delegation, [VALIDATOR_DEPOSIT, DELEGATION_DEPOSIT]) {
        effect.put(state);
    }
    Ok(effect)
}

/// A validator with its owner's delegation.
pub(crate) fn new_validator(
    key: Box<[u8; umbel_types::lock::ML_DSA_KEY_BYTES]>,
    commission_bps: u16,
    stake: Amount,
) -> (Validator, Delegation) {
    let delegation = Delegation {
        validator: umbel_crypto::ml_dsa::key_hash(&key),
        bonded: stake,
        leaving: Vec::new(),
        rewards: Amount::ZERO,
        settled: 0,
    };
    let validator = Validator {
        key,
        commission_bps,
        standing: ValidatorStanding::Good,
        bonded: stake,
        leaving: Amount::ZERO,
        held: stake,
        reward_per_unit: 0,
        delegations: 1,
        nonce_floor: 0,
    };
    (validator, delegation)
}

/// The objects of a validator and its owner's delegation.
pub(crate) fn records(
    id: Hash32,
    owner: ZkAddress,
    validator: &Validator,
    delegation: &Delegation,
    [of_validator, of_delegation]: [Amount; 2],
) -> [State; 2] {
    [
        owned(Validator::object(id), StateClass::Validator, 0, owner, of_validator, validator),
        owned(Delegation::object(id, owner), StateClass::Delegation, 0, owner, of_delegation, delegation),
    ]
}

/// Adds rewards up to now to those that wait.
fn settle(delegation: &mut Delegation, validator: &Validator) -> Result<(), StakeError> {
    delegation.rewards = delegation.earned(validator).ok_or(StakeError::Amounts)?;
    delegation.settled = validator.reward_per_unit;
    Ok(())
}

fn delegate(action: &Delegate, states: &impl StateView) -> Result<Effect, StakeError> {
    let (validator_state, mut validator) = find_validator(states, action.validator)?;
    check_not_slashed(action.validator, &validator)?;
    let (state, mut delegation, amount) = match find_delegation(states, action.validator, action.delegator) {
        Ok((state, delegation)) => (state, delegation, action.amount),
        Err(_) => {
            let delegation = Delegation {
                validator: action.validator,
                bonded: Amount::ZERO,
                leaving: Vec::new(),
                rewards: Amount::ZERO,
                settled: validator.reward_per_unit,
            };
            validator.delegations = validator.delegations.checked_add(1).ok_or(StakeError::Amounts)?;
            let object = Delegation::object(action.validator, action.delegator);
            let (nonce, owner) = (validator.nonce_floor, action.delegator);
            let state = owned(object, StateClass::Delegation, nonce, owner, DELEGATION_DEPOSIT, &delegation);
            (state, delegation, sub(action.amount, DELEGATION_DEPOSIT)?)
        }
    };
    settle(&mut delegation, &validator)?;
    delegation.bonded = add(delegation.bonded, amount)?;
    validator.bonded = add(validator.bonded, amount)?;
    validator.held = add(validator.held, amount)?;
    let mut effect = Effect::default();
    // Nonces stay: a stranger's gift must not make the owner's signed Actions stale.
    effect.put(with_body(validator_state, &validator));
    effect.put(with_body(state, &delegation));
    Ok(effect)
}

fn undelegate(action: &Undelegate, states: &impl StateView, context: &UtxoContext) -> Result<Effect, StakeError> {
    let (validator_state, mut validator) = find_validator(states, action.validator)?;
    let (state, mut delegation) = find_delegation(states, action.validator, action.delegator)?;
    check_nonce(action.nonce, &state)?;
    check_bonded(action.amount, &delegation)?;
    settle(&mut delegation, &validator)?;
    // The set of the next epoch is elected: this stake counts until that epoch is over.
    let matures = context.overlay.epoch.saturating_add(2).saturating_add(context.overlay.unbonding_epochs);
    delegation.leaving =
        with_leaving(&delegation.leaving, context.overlay.epoch, Leaving { matures, amount: action.amount })?;
    delegation.bonded = sub(delegation.bonded, action.amount)?;
    validator.bonded = sub(validator.bonded, action.amount)?;
    validator.leaving = add(validator.leaving, action.amount)?;
    let mut effect = Effect::default();
    effect.put(with_body(validator_state, &validator));
    effect.put(acted_on(state, &delegation));
    Ok(effect)
}

/// Adds an entry; those that have matured become one.
fn with_leaving(entries: &[Leaving], epoch: u64, new: Leaving) -> Result<Vec<Leaving>, StakeError> {
    let mut merged: Vec<Leaving> = Vec::with_capacity(entries.len() + 1);
    for entry in entries.iter().chain([&new]) {
        match merged.last_mut() {
            Some(last) if last.matures == entry.matures || entry.matures <= epoch => {
                last.amount = add(last.amount, entry.amount)?;
                last.matures = entry.matures;
            }
            _ => merged.push(*entry),
        }
    }
    if merged.len() > MAX_LEAVING {
        return Err(StakeError::TooManyLeaving { limit: MAX_LEAVING });
    }
    Ok(merged)
}

fn withdraw(action: &Withdraw, states: &impl StateView, context: &UtxoContext) -> Result<Effect, StakeError> {
    let (validator_state, mut validator) = find_validator(states, action.validator)?;
    let (state, mut delegation) = find_delegation(states, action.validator, action.delegator)?;
    check_nonce(action.nonce, &state)?;
    settle(&mut delegation, &validator)?;
    let mut paid = core::mem::take(&mut delegation.rewards);
    match action.what {
        Withdrawn::Rewards => check_something_due(paid)?,
        Withdrawn::StakeAndRewards => {
            check_not_stalled(context)?;
            let matured = check_matured(&delegation, context)?;
            delegation.leaving.retain(|entry| entry.matures > context.overlay.epoch);
            validator.leaving = sub(validator.leaving, matured)?;
            paid = add(paid, validator.worth(matured))?;
        }
    }
    validator.held = sub(validator.held, paid)?;
    let mut effect = Effect::default();
    if !delegation.bonded.is_zero() || !delegation.leaving.is_empty() {
        effect.pay(action.delegator, paid);
        effect.put(with_body(validator_state, &validator));
        effect.put(acted_on(state, &delegation));
        return Ok(effect);
    }
    // Nothing is left: the record goes and its deposit comes back. The next one's nonce starts above.
    effect.pay(action.delegator, add(paid, state.deposit)?);
    effect.objects.push((key_of(state.object), None));
    validator.nonce_floor = validator.nonce_floor.max(state.nonce.saturating_add(1));
    validator.delegations = validator.delegations.checked_sub(1).ok_or(StakeError::Amounts)?;
    if validator.delegations == 0 {
        retire(&mut effect, states, validator_state, &validator)?;
    } else {
        effect.put(with_body(validator_state, &validator));
    }
    Ok(effect)
}

/// # Consensus
/// > A withdrawal of rewards MUST take something. (S15)
fn check_something_due(rewards: Amount) -> Result<(), StakeError> {
    if rewards.is_zero() { Err(StakeError::NothingDue) } else { Ok(()) }
}

/// # Consensus
/// > A withdrawal of stake MUST take stake whose unbonding is over. (S15)
fn check_matured(delegation: &Delegation, context: &UtxoContext) -> Result<Amount, StakeError> {
    let epoch = context.overlay.epoch;
    match delegation.matured(epoch).ok_or(StakeError::Amounts)? {
        amount if amount.is_zero() => Err(StakeError::NotMatured { epoch }),
        amount => Ok(amount),
    }
}

/// The last delegation is gone: nothing but a tombstone stays, so that the key is never registered again. What rounding
/// left is destroyed.
fn retire(effect: &mut Effect, states: &impl StateView, state: State, validator: &Validator) -> Result<(), StakeError> {
    if let Some(owner) = state.owner {
        effect.pay(owner, state.deposit);
    }
    burn(effect, states, validator.held)?;
    effect.put(State {
        nonce: state.nonce.saturating_add(1),
        owner: None,
        deposit: Amount::ZERO,
        body: Vec::new(),
        ..state
    });
    Ok(())
}

fn burn(effect: &mut Effect, states: &impl StateView, amount: Amount) -> Result<(), StakeError> {
    let key = StateKey::of_balance(LedgerBalance::Burned);
    let state = states.state(&key).ok_or(StakeError::Amounts)?.clone();
    let burned = add(states.balance(LedgerBalance::Burned), amount)?;
    effect.objects.push((key, Some(with_body(state, &burned))));
    Ok(())
}

fn unjail(action: &Unjail, states: &impl StateView) -> Result<Effect, StakeError> {
    let (state, mut validator) = find_validator(states, action.validator)?;
    check_jailed(action, &state, &validator)?;
    check_nonce(action.nonce, &state)?;
    validator.standing = ValidatorStanding::Good;
    let mut effect = Effect::default();
    effect.put(acted_on(state, &validator));
    Ok(effect)
}

fn slash(action: &Report, states: &impl StateView, context: &UtxoContext) -> Result<Effect, StakeError> {
    let id = action.evidence.first.validator;
    let (state, mut validator) = find_validator(states, id)?;
    check_not_slashed(id, &validator)?;
    check_evidence_age(action, context)?;
    let mut record = overlay(states).ok_or(StakeError::Amounts)?;

    let stake = add(validator.bonded, validator.leaving)?;
    let total = validator_set(states, record.epoch).map_or(Ok(Amount::ZERO), |set| {
        Amount::sum(set.members.iter().map(|member| member.stake)).map_err(|_| StakeError::Amounts)
    })?;
    remember_slash(&mut record, stake, context)?;
    let slashed = Amount::sum(record.slashes.iter().map(|slash| slash.stake)).map_err(|_| StakeError::Amounts)?;
    let kept_ppb = WHOLE_PPB - slashed_ppb(slashed, total);

    validator.standing = ValidatorStanding::Slashed { kept_ppb };
    let taken = sub(stake, validator.worth(stake))?;
    let reward = Amount::from_units(taken.units() / REPORTER_SHARE);
    validator.held = sub(validator.held, taken)?;
    let mut effect = Effect::default();
    effect.pay(action.reporter, reward);
    burn(&mut effect, states, sub(taken, reward)?)?;
    effect.put(acted_on(state, &validator));
    effect.put(State::of_ledger(OverlayRecord::object(), StateClass::Overlay, &record));
    Ok(effect)
}

/// # Consensus
/// > A slash takes max(5 %, 3 × share of the epoch's stake that was slashed in the unbonding time, this one included), at
/// > most all. (S18)
pub(crate) fn slashed_ppb(slashed: Amount, total: Amount) -> u32 {
    let whole = u128::from(WHOLE_PPB);
    let thrice = 3 * u128::from(slashed.units()) * whole;
    // No set has no stake: then there is no share, and the least is taken.
    let share = thrice.checked_next_multiple_of(u128::from(total.units())).map_or(0, |n| n / u128::from(total.units()));
    u32::try_from(share.min(whole)).expect("at most the whole").max(MIN_SLASH_PPB)
}

/// Adds to what was slashed today, and forgets what is older than the unbonding time.
fn remember_slash(record: &mut OverlayRecord, stake: Amount, context: &UtxoContext) -> Result<(), StakeError> {
    let today = context.daa_score.0 / context.overlay.epoch_length.max(1);
    record.slashes.retain(|slash| slash.day.saturating_add(context.overlay.unbonding_epochs) >= today);
    match record.slashes.last_mut() {
        Some(last) if last.day == today => last.stake = add(last.stake, stake)?,
        _ => record.slashes.push(RecentSlash { day: today, stake }),
    }
    Ok(())
}
