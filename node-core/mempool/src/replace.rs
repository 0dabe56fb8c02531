//! Replacement: what a transaction must pay to take the place of those that use the same.

use std::collections::BTreeSet;

use umbel_types::params::MIN_FEE_PER_MASS;
use umbel_types::{Amount, TxId};

use crate::conflict::ConflictKey;
use crate::entry::{Candidate, Entry};
use crate::error::MempoolErrorKind;
use crate::limits::Limits;
use crate::pool::Pool;

/// A replacing feerate in percent of what it replaces.
const REPLACEMENT_PERCENT: u64 = 110;

/// Waiting transactions that a candidate may replace.
#[derive(Debug, Default)]
pub(crate) struct Conflicts {
    pub(crate) txids: BTreeSet<TxId>,
    pub(crate) held_bytes: usize,
}

/// Finds what shares a conflict key with the candidate, and checks that the candidate may replace all of it.
///
/// # Rule
/// > A transaction replaces all that it conflicts with, at most 25, if its feerate is at least 110 % of each of theirs,
/// > and its fee is at least the sum of theirs and the least fee for its own mass. (docs/spec/mempool.md M4)
///
/// # Errors
/// [`MempoolErrorKind::TooManyConflicts`], [`MempoolErrorKind::Conflict`].
pub(crate) fn check_replacement(
    candidate: &Candidate,
    pool: &Pool,
    limits: &Limits,
) -> Result<Conflicts, MempoolErrorKind> {
    let mut conflicts = Conflicts::default();
    let mut first: Option<(ConflictKey, TxId)> = None;
    let mut entries: Vec<&Entry> = Vec::new();
    for key in candidate.keys() {
        let Some(entry) = pool.holder_of(key).and_then(|txid| pool.get(txid)) else { continue };
        first.get_or_insert((key, entry.txid));
        if conflicts.txids.insert(entry.txid) {
            conflicts.held_bytes += entry.held_bytes;
            entries.push(entry);
        }
    }
    let Some((key, by)) = first else { return Ok(conflicts) };
    if entries.len() > limits.max_replaced {
        return Err(MempoolErrorKind::TooManyConflicts { got: entries.len(), limit: limits.max_replaced });
    }
    let pays_rate =
        entries.iter().all(|entry| candidate.feerate().at_least_percent_of(REPLACEMENT_PERCENT, entry.feerate));
    let needed = needed_fee(candidate.mass, &entries);
    if !pays_rate || candidate.fee() < needed {
        return Err(MempoolErrorKind::Conflict { key, by, needed });
    }
    Ok(conflicts)
}

/// Least fee for a replacement of this mass, rounded up.
fn needed_fee(mass: u64, replaced: &[&Entry]) -> Amount {
    let sum: u128 = replaced.iter().map(|entry| u128::from(entry.fee().units())).sum();
    let relay = u128::from(mass) * u128::from(MIN_FEE_PER_MASS);
    let rate = replaced.iter().map(|entry| {
        let scaled = u128::from(entry.fee().units()) * u128::from(REPLACEMENT_PERCENT) * u128::from(mass);
        scaled.div_ceil(100 * u128::from(entry.mass.max(1)))
    });
    let needed = rate.chain([sum + relay]).max().unwrap_or(0);
    u64::try_from(needed).map_or(Amount::MAX, Amount::from_units)
}
