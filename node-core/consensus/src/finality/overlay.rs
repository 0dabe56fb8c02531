//! What the state says of epochs.

use umbel_dag::finality::Epochs;
use umbel_ledger::staking::{StateView, overlay, validator_set};
use umbel_types::state::ValidatorSet;

/// Epoch, boundary and sets behind a chain block. Every state has them, so that `None` means a damaged table.
pub(crate) fn epochs_at(states: &impl StateView) -> Option<Epochs> {
    let record = overlay(states)?;
    let previous = match record.epoch.checked_sub(1) {
        Some(previous) => Some(validator_set(states, previous)?),
        None => None,
    };
    Some(Epochs {
        epoch: record.epoch,
        boundary: record.boundary,
        certified: record.certified.index,
        previous,
        current: validator_set(states, record.epoch)?,
    })
}

/// The sets whose members may vote by what this state knows: those of the epochs before, now and next.
pub(crate) fn known_sets(states: &impl StateView) -> Vec<ValidatorSet> {
    let Some(record) = overlay(states) else { return Vec::new() };
    let epochs = record.epoch.saturating_sub(1)..=record.epoch.saturating_add(1);
    epochs.filter_map(|epoch| validator_set(states, epoch)).collect()
}
