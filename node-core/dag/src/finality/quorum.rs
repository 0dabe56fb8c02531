//! Whose votes count for a link, and how many are enough.

use std::collections::BTreeSet;

use thiserror::Error;
use umbel_types::params::MIN_VALIDATORS;
use umbel_types::state::ValidatorSet;
use umbel_types::{Hash32, Link};

/// # Consensus
/// > stake strictly > 2/3 of the epoch's active stake
pub fn is_supermajority(stake: u128, of: u128) -> bool {
    // Both are sums of at most 64 amounts below 2^64.
    3 * stake > 2 * of
}

/// What the state behind a chain block says of epochs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Epochs {
    /// Its epoch.
    pub epoch: u64,
    /// Index of the checkpoint that ended the epoch before; 0 in epoch 0.
    pub boundary: u32,
    /// Index of the newest certified checkpoint in its past.
    pub certified: u32,
    /// Set of the epoch before; `None` in epoch 0.
    pub previous: Option<ValidatorSet>,
    /// Set of the epoch.
    pub current: ValidatorSet,
}

/// Why no votes count for a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NoElectorate {
    /// The overlay is off in the target's epoch (F9).
    #[error("the set of epoch {0} is too small to make blocks final")]
    Off(u64),
    /// Its target ends below the epoch's boundary and it begins below what is certified.
    #[error("the link reaches back over an earlier change of the set")]
    ReachesBack,
}

/// The sets of which each has to agree to a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Electorate<'a> {
    /// Epoch of the target: what votes and certificates name.
    pub epoch: u64,
    /// One, or two where the link spans a change.
    pub sets: Vec<&'a ValidatorSet>,
}

fn is_on(set: &ValidatorSet) -> bool {
    set.members.len() >= MIN_VALIDATORS
}

impl Epochs {
    /// # Consensus
    /// > The overlay is on in an epoch if and only if its recorded set has ≥ 4 members. (F9)
    pub fn is_on(&self) -> bool {
        is_on(&self.current)
    }

    /// # Consensus
    /// > A link spans at most one change, and then needs > 2/3 of both sets. (F4)
    ///
    /// # Errors
    /// [`NoElectorate`].
    pub fn electorate(&self, link: &Link) -> Result<Electorate<'_>, NoElectorate> {
        let Some(previous) = &self.previous else {
            return electorate(self.epoch, vec![&self.current]);
        };
        if link.target.index <= self.boundary {
            // What is certified lies behind the boundary of the epoch before: nothing ends an epoch before that.
            if link.source.index < self.certified {
                return Err(NoElectorate::ReachesBack);
            }
            return electorate(self.epoch - 1, vec![previous]);
        }
        // A set that was too small to make anything final has no say about what follows it.
        if link.source.index > self.boundary || !is_on(previous) {
            electorate(self.epoch, vec![&self.current])
        } else {
            electorate(self.epoch, vec![previous, &self.current])
        }
    }

    /// Whether a key hash stands in one of the sets.
    pub fn is_member(&self, validator: &Hash32) -> bool {
        let in_set = |set: &ValidatorSet| set.members.binary_search_by_key(validator, |m| m.key_hash).is_ok();
        in_set(&self.current) || self.previous.as_ref().is_some_and(in_set)
    }
}

fn electorate(epoch: u64, sets: Vec<&ValidatorSet>) -> Result<Electorate<'_>, NoElectorate> {
    if sets.iter().all(|set| is_on(set)) { Ok(Electorate { epoch, sets }) } else { Err(NoElectorate::Off(epoch)) }
}

impl Electorate<'_> {
    /// Whether each set agrees.
    pub fn agrees(&self, voters: &BTreeSet<Hash32>) -> bool {
        self.sets.iter().all(|set| {
            let (stake, of) = stake_of(set, voters);
            is_supermajority(stake, of)
        })
    }

    /// Whether one of its sets has this member.
    pub fn has(&self, validator: &Hash32) -> bool {
        self.sets.iter().any(|set| set.members.binary_search_by_key(validator, |m| m.key_hash).is_ok())
    }

    /// Of voters that agree, all that are members. Of more than `limit`, as few as are enough, those with the most stake
    /// first, by each set, ties by key hash; then those with the lowest key hash.
    pub fn signers(&self, voters: &BTreeSet<Hash32>, limit: usize) -> BTreeSet<Hash32> {
        let members: BTreeSet<Hash32> = voters.iter().filter(|voter| self.has(voter)).copied().collect();
        if members.len() <= limit {
            return members;
        }
        let mut chosen = BTreeSet::new();
        for set in &self.sets {
            let mut members: Vec<_> = set.members.iter().filter(|m| voters.contains(&m.key_hash)).collect();
            members.sort_by(|a, b| b.stake.cmp(&a.stake).then(a.key_hash.cmp(&b.key_hash)));
            for member in members {
                let (stake, of) = stake_of(set, &chosen);
                if is_supermajority(stake, of) {
                    break;
                }
                chosen.insert(member.key_hash);
            }
        }
        for member in members {
            if chosen.len() >= limit {
                break;
            }
            chosen.insert(member);
        }
        chosen
    }
}

/// Stake of the voters in a set, and of the whole set.
pub fn stake_of(set: &ValidatorSet, voters: &BTreeSet<Hash32>) -> (u128, u128) {
    set.members.iter().fold((0, 0), |(stake, of), member| {
        let units = u128::from(member.stake.units());
        (if voters.contains(&member.key_hash) { stake + units } else { stake }, of + units)
    })
}
