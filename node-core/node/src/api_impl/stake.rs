//! Staking and validating.

use std::cmp::Reverse;
use std::sync::Arc;

use umbel_api::stake::{
    DelegateRequest, MovedKey, RegisterRequest, Reported, RestoreKeyRequest, SignedShare, StakeLeaving, StakeMoved,
    StakePosition, StakeRequest, StakeValidator, StakeView, TakeOverRequest, UndelegateRequest, ValidateRequest,
    ValidatingState, ValidatorStatus, WithdrawRequest,
};
use umbel_api::wallet::WalletRequest;
use umbel_api::{ApiError, Empty, ErrorCode};
use umbel_crypto::keys::Address;
use umbel_types::consensus_api::FinalityStatus;
use umbel_types::staking::{
    ACTIVE_VALIDATORS, DELEGATION_DEPOSIT, MAX_COMMISSION_BPS, MIN_BOND, MIN_DELEGATION, VALIDATOR_DEPOSIT, Validator,
    ValidatorStanding, Withdrawn,
};
use umbel_types::{Amount, DaaScore, Hash32, Ledger, Params, ZkAddress};
use umbel_wallet::{Held, SendAmount, StakeBook, Wallet, WalletError, check_registration};

use super::locks::{current, give_to_pool, last_txid};
use crate::convert;
use crate::node::Core;
use crate::services::chain::Chain;
use crate::services::clock;
use crate::services::wallet::{OpenWallet, hold};

/// Most validators in one answer; the largest come first.
const MAX_LISTED: usize = 500;

fn failed(error: WalletError) -> ApiError {
    convert::wallet_error(&error)
}

fn book(chain: &Chain) -> Result<StakeBook, ApiError> {
    let states = chain.consensus.states(Ledger::Governance).map_err(|e| convert::consensus_error(&e))?;
    StakeBook::read(&states).map_err(|error| failed(error.into()))
}

fn validator_id(text: &str) -> Result<Hash32, ApiError> {
    text.trim().parse().map_err(|_| {
        ApiError::new(ErrorCode::BadInput, "a validator's id has 64 hexadecimal digits; see `umbel stake status`")
    })
}

fn check_public(accepted: bool) -> Result<(), ApiError> {
    if accepted {
        Ok(())
    } else {
        Err(ApiError::new(
            ErrorCode::NeedsPublic,
            "staked STR is public: everyone sees who stakes how much; accept that",
        ))
    }
}

pub(super) fn status(core: &Arc<Core>, request: StakeRequest) -> Result<StakeView, ApiError> {
    let chain = core.chain.get()?;
    let book = book(&chain)?;
    let finality = chain.consensus.finality();
    let now = chain.consensus.virtual_state().daa_score;
    let wallet = request.wallet.as_deref().map(|name| core.wallets.get(name)).transpose()?;
    let owns = |address: &ZkAddress| wallet.as_ref().is_some_and(|wallet| hold(wallet).owns_zk(address));
    let mine: Vec<StakePosition> = match &wallet {
        None => Vec::new(),
        Some(_) => {
            let own = book.of(&owns);
            own.filter_map(|(id, held)| position(&core.params, &book, *id, held, now)).collect()
        }
    };
    let mut validators: Vec<(&Hash32, &Held<Validator>)> = book.validators.iter().collect();
    validators.sort_by_key(|(id, held)| (Reverse(held.is.bonded), **id));
    validators.truncate(MAX_LISTED);
    let seconds = |score: u64| score.div_ceil(u64::from(core.params.blocks_per_second));
    Ok(StakeView {
        epoch: book.overlay.epoch,
        epoch_ends_in_s: seconds(book.overlay.epoch_ends.0.saturating_sub(now.0)),
        epoch_s: seconds(core.params.epoch_length),
        // It leaves the set that is elected next, which is the one behind the next, and then waits.
        unbonding_s: seconds(core.params.unbonding.saturating_add(core.params.epoch_length.saturating_mul(2))),
        min_bond: MIN_BOND.to_string(),
        min_delegation: MIN_DELEGATION.to_string(),
        register_deposit: VALIDATOR_DEPOSIT.checked_add(DELEGATION_DEPOSIT).unwrap_or(Amount::MAX).to_string(),
        max_commission_bps: MAX_COMMISSION_BPS,
        max_active: ACTIVE_VALIDATORS,
        stalled: finality.stalled,
        validators: validators.into_iter().map(|(id, held)| shown(&book, &finality, *id, held, owns)).collect(),
        mine,
    })
}

fn shown(
    book: &StakeBook,
    finality: &FinalityStatus,
    id: Hash32,
    held: &Held<Validator>,
    owns: impl Fn(&ZkAddress) -> bool,
) -> StakeValidator {
    let set = book.sets.get(&book.overlay.epoch);
    let member = set.is_some_and(|set| set.members.iter().any(|member| member.key_hash == id));
    let bond = book.bond(id);
    let signed = book.overlay.signed.iter().find(|signed| signed.validator == id);
    StakeValidator {
        id: id.to_string(),
        owner: Address::Zk13str(held.owner).to_text(""),
        status: match held.is.standing {
            ValidatorStanding::Slashed { .. } => ValidatorStatus::Slashed,
            ValidatorStanding::Jailed => ValidatorStatus::Jailed,
            ValidatorStanding::Good if member => ValidatorStatus::Active,
            ValidatorStanding::Good if bond < MIN_BOND => ValidatorStatus::LowBond,
            ValidatorStanding::Good => ValidatorStatus::Waiting,
        },
        stake: held.is.bonded.to_string(),
        bond: bond.to_string(),
        commission_bps: held.is.commission_bps,
        signed: member.then(|| SignedShare {
            signed: signed.map_or(0, |signed| signed.certificates),
            of: book.overlay.certificates,
        }),
        last_target: finality.validators.iter().find(|v| v.id == id).and_then(|v| v.last_target),
        delegations: held.is.delegations,
        own: owns(&held.owner),
    }
}

/// What a wallet has with one validator; `None` for a record whose validator is gone.
fn position(
    params: &Params,
    book: &StakeBook,
    id: Hash32,
    held: &Held<umbel_types::staking::Delegation>,
    now: DaaScore,
) -> Option<StakePosition> {
    let of = &book.validators.get(&id)?.is;
    let overlay = &book.overlay;
    let seconds = |score: u64| score.div_ceil(u64::from(params.blocks_per_second));
    let left = overlay.epoch_ends.0.saturating_sub(now.0);
    let leaving = held.is.leaving.iter().filter(|entry| entry.matures > overlay.epoch).map(|entry| {
        let epochs = entry.matures - overlay.epoch - 1;
        StakeLeaving {
            amount: of.worth(entry.amount).to_string(),
            epoch: entry.matures,
            in_s: seconds(left.saturating_add(epochs.saturating_mul(params.epoch_length))),
        }
    });
    Some(StakePosition {
        validator: id.to_string(),
        address: Address::Zk13str(held.owner).to_text(""),
        staked: of.worth(held.is.bonded).to_string(),
        rewards: held.is.earned(of).unwrap_or(Amount::ZERO).to_string(),
        due: of.worth(held.is.matured(overlay.epoch).unwrap_or(Amount::ZERO)).to_string(),
        leaving: leaving.collect(),
        kept_ppb: match of.standing {
            ValidatorStanding::Slashed { kept_ppb } => Some(kept_ppb),
            ValidatorStanding::Good | ValidatorStanding::Jailed => None,
        },
    })
}

/// Moves stake with a wallet, and gives the pool what came of it.
fn act(
    core: &Core,
    wallet: &OpenWallet,
    act: impl FnOnce(&mut Wallet) -> Result<umbel_wallet::StakeMoved, WalletError>,
) -> Result<StakeMoved, ApiError> {
    let moved = {
        let mut wallet = hold(wallet);
        let moved = act(&mut wallet).map_err(failed)?;
        give_to_pool(core, &mut wallet, &moved.payment)?;
        moved
    };
    core.wallets.tell(core, wallet);
    Ok(StakeMoved {
        txid: last_txid(&moved.payment),
        validator: moved.validator.to_string(),
        amount: moved.payment.amount.to_string(),
        fee: moved.payment.fee.to_string(),
    })
}

pub(super) fn register(core: &Arc<Core>, request: RegisterRequest) -> Result<StakeMoved, ApiError> {
    check_public(request.public)?;
    let chain = core.chain.get()?;
    let stake = convert::amount(&request.stake)?;
    check_registration(request.commission_bps, stake).map_err(|error| failed(error.into()))?;
    let wallet = current(core, &request.wallet)?;
    let book = book(&chain)?;
    let (index, id) = hold(&wallet).free_vote_key(&book).map_err(failed)?;
    let seed = hold(&wallet).vote_seed(index).map_err(failed)?;
    // The key is kept before anything is staked on it. What no chain has registered was never a member of a set, so it
    // never signed, and a guard may begin.
    core.validator.keep(index, &seed, request.password.expose(), !book.validators.contains_key(&id))?;
    act(core, &wallet, |wallet| wallet.stake_register(&book, index, request.commission_bps, stake))
}

pub(super) fn delegate(core: &Arc<Core>, request: DelegateRequest) -> Result<StakeMoved, ApiError> {
    check_public(request.public)?;
    let chain = core.chain.get()?;
    let (id, amount) = (validator_id(&request.validator)?, convert::amount(&request.amount)?);
    let wallet = current(core, &request.wallet)?;
    let book = book(&chain)?;
    act(core, &wallet, |wallet| wallet.stake_delegate(&book, id, amount))
}

pub(super) fn undelegate(core: &Arc<Core>, request: UndelegateRequest) -> Result<StakeMoved, ApiError> {
    let chain = core.chain.get()?;
    let id = validator_id(&request.validator)?;
    let amount = match convert::send_amount(&request.amount)? {
        SendAmount::Max => None,
        SendAmount::Exact(amount) => Some(amount),
    };
    let wallet = current(core, &request.wallet)?;
    let book = book(&chain)?;
    act(core, &wallet, |wallet| wallet.stake_undelegate(&book, id, amount))
}

pub(super) fn withdraw(core: &Arc<Core>, request: WithdrawRequest) -> Result<StakeMoved, ApiError> {
    let chain = core.chain.get()?;
    let id = validator_id(&request.validator)?;
    let what = if request.rewards_only { Withdrawn::Rewards } else { Withdrawn::StakeAndRewards };
    let wallet = current(core, &request.wallet)?;
    let book = book(&chain)?;
    act(core, &wallet, |wallet| wallet.stake_withdraw(&book, id, what))
}

pub(super) fn unjail(core: &Arc<Core>, request: WalletRequest) -> Result<StakeMoved, ApiError> {
    let chain = core.chain.get()?;
    let wallet = current(core, &request.wallet)?;
    let book = book(&chain)?;
    act(core, &wallet, |wallet| wallet.stake_unjail(&book))
}

pub(super) fn report(core: &Arc<Core>, request: WalletRequest) -> Result<Reported, ApiError> {
    core.wallets.used();
    report_with(core, &request.wallet)
}

/// Reports with a wallet every validator that was seen contradicting itself and is not slashed yet.
pub(crate) fn report_with(core: &Core, wallet: &str) -> Result<Reported, ApiError> {
    let chain = core.chain.get()?;
    let wallet = core.wallets.get(wallet)?;
    core.wallets.check_knows_chain(core, hold(&wallet).name())?;
    let mut reports = Vec::new();
    for evidence in chain.consensus.evidence() {
        let book = book(&chain)?;
        let held = book.validators.get(&evidence.first.validator);
        if held.is_some_and(|held| !matches!(held.is.standing, ValidatorStanding::Slashed { .. })) {
            reports.push(act(core, &wallet, |wallet| wallet.stake_report(&book, evidence))?);
        }
    }
    Ok(Reported { reports })
}

fn validating(core: &Core) -> ValidatingState {
    let mut state = core.sink.state();
    if clock::look_at_chain(core, &mut state).is_none() {
        state.validating = core.validator.state(None);
    }
    let validating = state.validating.clone();
    core.sink.publish_state(state);
    validating
}

pub(super) fn start(core: &Arc<Core>, request: ValidateRequest) -> Result<ValidatingState, ApiError> {
    core.validator.start(request.password.expose())?;
    Ok(validating(core))
}

pub(super) fn restore_key(core: &Arc<Core>, request: RestoreKeyRequest) -> Result<ValidatingState, ApiError> {
    let chain = core.chain.get()?;
    let id = validator_id(&request.validator)?;
    if !book(&chain)?.validators.contains_key(&id) {
        let message = format!("there is no validator {id}; see `umbel stake status`");
        return Err(ApiError::new(ErrorCode::NotFound, message));
    }
    let wallet = current(core, &request.wallet)?;
    let (index, seed) = {
        let wallet = hold(&wallet);
        let index = wallet.vote_key_of(id).map_err(failed)?.ok_or_else(|| {
            ApiError::new(ErrorCode::NotFound, format!("validator {id} was not registered with this wallet's words"))
        })?;
        (index, wallet.vote_seed(index).map_err(failed)?)
    };
    core.validator.keep(index, &seed, request.password.expose(), false)?;
    Ok(validating(core))
}

pub(super) fn stop(core: &Arc<Core>, _: Empty) -> Result<ValidatingState, ApiError> {
    core.validator.stop();
    Ok(validating(core))
}

pub(super) fn move_out(core: &Arc<Core>, request: ValidateRequest) -> Result<MovedKey, ApiError> {
    let moved = core.validator.move_out(request.password.expose());
    validating(core);
    moved
}

pub(super) fn move_in(core: &Arc<Core>, request: TakeOverRequest) -> Result<ValidatingState, ApiError> {
    core.validator.move_in(&request.sealed, request.password.expose())?;
    Ok(validating(core))
}
