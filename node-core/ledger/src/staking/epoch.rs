//! Certificates and epochs: who votes, who is paid, who is left out (docs/spec/staking.md §6).

use std::collections::BTreeMap;

use umbel_types::encode::Encode;
use umbel_types::hash::Hash32;
use umbel_types::params::{CERT_INTERVAL, MIN_VALIDATORS};
use umbel_types::staking::{
    ACTIVE_VALIDATORS, CERTIFICATE_REWARD, Delegation, EPOCH_REWARD_SHARE, MIN_BOND, OverlayRecord, Signed, Validator,
    ValidatorStanding, WHOLE_BPS,
};
use umbel_types::state::{LedgerBalance, SetMember, State, StateClass, ValidatorSet};
use umbel_types::vote::Checkpoint;
use umbel_types::{Amount, DaaScore, Params};

use super::edits::{StateEdits, StateView};
use super::{key_of, overlay, read, validator_set};
use crate::acceptance::MergePlace;

/// A certificate that a chain block's body carries, verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncludedCertificate {
    /// The checkpoint that it justifies; it finalizes the one before.
    pub target: Checkpoint,
    /// DAA score of that block.
    pub target_daa: DaaScore,
    /// Hashes of the keys that signed.
    pub signers: Vec<Hash32>,
}

/// # Consensus
/// > The overlay is on in an epoch if and only if its recorded set has at least 4 members. (F9)
pub fn is_overlay_on(states: &impl StateView, epoch: u64) -> bool {
    validator_set(states, epoch).is_some_and(|set| set.members.len() >= MIN_VALIDATORS)
}

fn put_record(states: &mut StateEdits, record: &OverlayRecord) {
    let object = OverlayRecord::object();
    states.set(key_of(object), Some(State::of_ledger(object, StateClass::Overlay, record)));
}

/// Notes the certificate that the selected parent carries, and gives the reward for carrying it.
///
/// # Consensus
/// > The first chain block to include a due certificate gets 5 STR from STR.rewards, as long as it lasts. A certificate
/// > counts for its signers if its target is of the running epoch. (F7, docs/spec/staking.md S20)
pub(crate) fn include_certificate(states: &mut StateEdits, certificate: &IncludedCertificate) -> Amount {
    let Some(mut record) = overlay(states) else {
        return Amount::ZERO;
    };
    record.certified = certificate.target;
    record.certified_daa = certificate.target_daa;
    if certificate.target.index > record.boundary {
        record.certificates = record.certificates.saturating_add(1);
        let members = validator_set(states, record.epoch).map_or(Vec::new(), |set| set.members);
        for signer in &certificate.signers {
            if members.iter().any(|member| member.key_hash == *signer) {
                count_signature(&mut record.signed, *signer);
            }
        }
    }
    put_record(states, &record);
    let rewards = states.balance(LedgerBalance::StrRewards);
    let reward = CERTIFICATE_REWARD.min(rewards);
    states.set_balance(LedgerBalance::StrRewards, rewards.checked_sub(reward).unwrap_or(Amount::ZERO));
    reward
}

fn count_signature(signed: &mut Vec<Signed>, validator: Hash32) {
    match signed.binary_search_by(|entry| entry.validator.cmp(&validator)) {
        Ok(place) => signed[place].certificates = signed[place].certificates.saturating_add(1),
        Err(place) => signed.insert(place, Signed { validator, certificates: 1 }),
    }
}

/// # Consensus
/// > The first checkpoint with a DAA score of at least the epoch's end ends it, once the checkpoint that ended the epoch
/// > before is final in its past: below the newest certificate's target or, without the overlay, at the finality depth.
/// > (F4, F9, F11)
fn ends_epoch(params: &Params, place: &MergePlace, record: &OverlayRecord, overlay_on: bool) -> bool {
    if place.checkpoint.is_none() || place.daa_score < record.epoch_ends {
        return false;
    }
    if record.epoch == 0 {
        return true;
    }
    if overlay_on {
        return record.certified.index > record.boundary;
    }
    let boundary = u64::from(record.boundary).saturating_mul(params.checkpoint_interval);
    place.blue_score.0 >= boundary.saturating_add(params.finality_depth)
}

/// Ends the epoch, where the merging block is the checkpoint that does: pays, jails, elects.
pub(crate) fn end_epoch(params: &Params, place: &MergePlace, states: &mut StateEdits) {
    let (Some(record), Some(index)) = (overlay(states), place.checkpoint) else {
        return;
    };
    if !ends_epoch(params, place, &record, is_overlay_on(states, record.epoch)) {
        return;
    }
    if let Some(set) = validator_set(states, record.epoch)
        && record.certificates > 0
    {
        pay_validators(states, &record, &set);
        if record.certificates >= fewest_to_jail(params) {
            jail_absent(states, &record, &set);
        }
    }
    let next = record.epoch.saturating_add(1);
    let elected = ValidatorSet { epoch: next.saturating_add(1), members: elect(states) };
    let object = ValidatorSet::object(elected.epoch);
    states.set(key_of(object), Some(State::of_ledger(object, StateClass::ValidatorSet, &elected)));
    // A link spans one change at most: the set before the running one is the oldest that anything asks for.
    if let Some(old) = record.epoch.checked_sub(1) {
        states.set(key_of(ValidatorSet::object(old)), None);
    }
    put_record(
        states,
        &OverlayRecord {
            epoch: next,
            epoch_ends: DaaScore(place.daa_score.0.saturating_add(params.epoch_length)),
            boundary: index,
            certificates: 0,
            signed: Vec::new(),
            ..record
        },
    );
}

fn signed_by(record: &OverlayRecord, id: Hash32) -> u32 {
    record.signed.iter().find(|entry| entry.validator == id).map_or(0, |entry| entry.certificates)
}

/// `a · b / c`, rounded down; nothing where c is zero.
fn share(a: Amount, b: u64, c: u64) -> Amount {
    let product = u128::from(a.units()) * u128::from(b);
    let units = product.checked_div(u128::from(c)).unwrap_or(0);
    Amount::from_units(u64::try_from(units).unwrap_or(0))
}

/// # Consensus
/// > An epoch pays 0.01 % of STR.rewards: to each member of its set by stake times the share of included certificates that
/// > it signed, its commission to its owner's delegation, the rest to all of its bonded stake alike. Each step rounds down;
/// > what nobody gets stays. (F7, docs/spec/staking.md S21)
fn pay_validators(states: &mut StateEdits, record: &OverlayRecord, set: &ValidatorSet) {
    let pool = states.balance(LedgerBalance::StrRewards);
    let budget = Amount::from_units(pool.units() / EPOCH_REWARD_SHARE);
    let Ok(total) = Amount::sum(set.members.iter().map(|member| member.stake)) else {
        return;
    };
    let mut paid = Amount::ZERO;
    for member in &set.members {
        let weight = share(member.stake, u64::from(signed_by(record, member.key_hash)), u64::from(record.certificates));
        let reward = share(budget, weight.units(), total.units());
        if let Ok(sum) = paid.checked_add(pay_validator(states, member.key_hash, reward)) {
            paid = sum;
        }
    }
    states.set_balance(LedgerBalance::StrRewards, pool.checked_sub(paid).unwrap_or(Amount::ZERO));
}

/// Gives one validator its reward, and says how much of it was taken.
fn pay_validator(states: &mut StateEdits, id: Hash32, reward: Amount) -> Amount {
    try_pay_validator(states, id, reward).unwrap_or(Amount::ZERO)
}

fn try_pay_validator(states: &mut StateEdits, id: Hash32, reward: Amount) -> Option<Amount> {
    let (state, mut validator) = read::<Validator>(states, Validator::object(id))?;
    if matches!(validator.standing, ValidatorStanding::Slashed { .. }) || validator.bonded.is_zero() {
        return None;
    }
    let commission = share(reward, u64::from(validator.commission_bps), WHOLE_BPS);
    let for_owner = state.owner.and_then(|owner| read::<Delegation>(states, Delegation::object(id, owner)));
    let for_all = reward.checked_sub(commission).ok()?;
    let commission = if for_owner.is_some() { commission } else { Amount::ZERO };
    // The whole supply in units is below 2⁶³: no sum of these gets near 2¹²⁸.
    let per_unit = (u128::from(for_all.units()) << 64) / u128::from(validator.bonded.units());
    validator.reward_per_unit = validator.reward_per_unit.checked_add(per_unit)?;
    let taken = for_all.checked_add(commission).ok()?;
    validator.held = validator.held.checked_add(taken).ok()?;
    if let Some((owner_state, mut delegation)) = for_owner {
        delegation.rewards = delegation.rewards.checked_add(commission).ok()?;
        states.set(key_of(owner_state.object), Some(State { body: delegation.to_bytes(), ..owner_state }));
    }
    states.set(key_of(state.object), Some(State { body: validator.to_bytes(), ..state }));
    Some(taken)
}

/// Half of the certificates that an epoch has room for. Behind a stall a single one may end the epoch, and whoever mined
/// it chose its signers.
fn fewest_to_jail(params: &Params) -> u32 {
    let spacing = params.checkpoint_interval.saturating_mul(u64::from(CERT_INTERVAL)).max(1);
    u32::try_from(params.epoch_length / spacing / 2).unwrap_or(u32::MAX)
}

/// # Consensus
/// > In an epoch with at least half of the certificates it has room for, a member that missed more than half of them is
/// > jailed, those that missed most first, as long as at least 4 validators stay that can be elected.
/// > (docs/spec/staking.md S22)
fn jail_absent(states: &mut StateEdits, record: &OverlayRecord, set: &ValidatorSet) {
    let mut absent: Vec<(u32, Hash32)> = set
        .members
        .iter()
        .map(|member| (signed_by(record, member.key_hash), member.key_hash))
        .filter(|(signed, _)| u64::from(*signed) * 2 < u64::from(record.certificates))
        .collect();
    absent.sort_unstable();
    let mut electable: BTreeMap<Hash32, Amount> = candidates(states);
    for (_, id) in absent {
        let Some((state, mut validator)) = read::<Validator>(states, Validator::object(id)) else {
            continue;
        };
        if validator.standing != ValidatorStanding::Good {
            continue;
        }
        if electable.contains_key(&id) && electable.len() <= MIN_VALIDATORS {
            continue;
        }
        electable.remove(&id);
        validator.standing = ValidatorStanding::Jailed;
        let nonce = state.nonce.saturating_add(1);
        states.set(key_of(state.object), Some(State { nonce, body: validator.to_bytes(), ..state }));
    }
}

/// Every validator that may be elected, with its stake.
fn candidates(states: &impl StateView) -> BTreeMap<Hash32, Amount> {
    let objects = states.governance();
    let validators = objects.into_iter().filter(|state| state.class == StateClass::Validator);
    validators
        .filter_map(|state| {
            let validator = <Validator as umbel_types::Decode>::from_bytes(&state.body).ok()?;
            let id = umbel_crypto::ml_dsa::key_hash(&validator.key);
            let (_, bond) = read::<Delegation>(states, Delegation::object(id, state.owner?))?;
            let electable = validator.standing == ValidatorStanding::Good && bond.bonded >= MIN_BOND;
            electable.then_some((id, validator.bonded))
        })
        .collect()
}

/// # Consensus
/// > Elected are the 21 validators with the most bonded stake, ties by lower key hash, that are neither jailed nor slashed
/// > and whose owner's own stake is at least 10,000 STR. (docs/spec/staking.md S23)
fn elect(states: &impl StateView) -> Vec<SetMember> {
    let mut members: Vec<SetMember> =
        candidates(states).into_iter().map(|(key_hash, stake)| SetMember { key_hash, stake }).collect();
    members.sort_by(|a, b| b.stake.cmp(&a.stake).then(a.key_hash.cmp(&b.key_hash)));
    members.truncate(ACTIVE_VALIDATORS);
    members.sort_unstable_by_key(|member| member.key_hash);
    members
}
