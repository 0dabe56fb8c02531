//! Votes that were verified, until nobody needs them any more.

use std::collections::{BTreeMap, BTreeSet};

use umbel_types::consensus_api::{VoteAdmission, VoteError};
use umbel_types::{BlockHash, Checkpoint, Evidence, Hash32, Link, Vote};

/// Votes of one validator that are held: 320 s of voting, and as much again for one that votes twice. Of more, the one
/// with the lowest target goes.
const VOTES_PER_VALIDATOR: usize = 64;
/// Votes of one validator for one target that are held. All of them count, so that nodes that heard them in different
/// order agree; an honest validator casts one.
const VOTES_PER_TARGET: usize = 4;
/// Votes that are held in all: 14 MiB at 3.4 KiB each. Of more, one with the lowest target goes.
const MAX_VOTES: usize = 4_096;
/// Validators of which evidence is held, and stored, 7 KiB each: those of three elected sets.
pub(crate) const MAX_EVIDENCE: usize = 64;

/// Validator, target index, and what tells the votes for it apart.
type Key = (Hash32, u32, u64, Link);

/// Votes by number and by validator. All of them have a valid signature and a member's key.
#[derive(Debug, Default)]
pub(crate) struct VotePool {
    votes: BTreeMap<u64, Vote>,
    by_validator: BTreeMap<Key, u64>,
    /// Target index and number, to find what goes first.
    by_target: BTreeSet<(u32, u64)>,
    /// Two votes of one validator that can be slashed; one pair is enough.
    evidence: BTreeMap<Hash32, Evidence>,
    /// Whether the store lacks some of it.
    has_unsaved_evidence: bool,
    /// Adjacent link of the newest certificate that came whole.
    certified: Option<Link>,
    last: u64,
}

/// Who voted for a link in the name of an epoch.
pub(crate) type Voters = BTreeMap<(u64, Link), BTreeSet<Hash32>>;

fn key_of(vote: &Vote) -> Key {
    (vote.validator, vote.link.target.index, vote.epoch, vote.link)
}

impl VotePool {
    /// Whether this very vote is held, signature aside; then there is nothing to verify.
    pub(crate) fn knows(&self, vote: &Vote) -> bool {
        self.by_validator.contains_key(&key_of(vote))
    }

    fn of_validator(&self, validator: Hash32) -> impl DoubleEndedIterator<Item = (&Key, &u64)> {
        let highest = Checkpoint { index: u32::MAX, block: BlockHash([u8::MAX; 32]) };
        let (lowest, highest) = (Link::default(), Link { source: highest, target: highest });
        self.by_validator.range((validator, 0, 0, lowest)..=(validator, u32::MAX, u64::MAX, highest))
    }

    /// Adds a vote whose signature was verified.
    ///
    /// # Errors
    /// [`VoteError::TooOld`], [`VoteError::TooMany`]: the validator's other votes take all the room that it has.
    pub(crate) fn insert(&mut self, vote: Vote) -> Result<VoteAdmission, VoteError> {
        if self.knows(&vote) {
            return Ok(VoteAdmission::Known);
        }
        let (validator, target) = (vote.validator, vote.link.target.index);
        let held = self.of_validator(validator).filter_map(|(_, at)| self.votes.get(at));
        let offended = { held }.find(|held| held.offence(&vote).is_some()).cloned();
        let conflicting = offended.is_some();
        if let Some(other) = offended
            && self.evidence.len() < MAX_EVIDENCE
            && !self.has_equivocated(&validator)
        {
            self.evidence.insert(validator, Evidence::new(other, vote.clone()));
            self.has_unsaved_evidence = true;
        }
        if self.of_validator(validator).filter(|(key, _)| key.1 == target).count() >= VOTES_PER_TARGET {
            return Err(VoteError::TooMany { validator, target });
        }
        let lowest = self.of_validator(validator).next().map(|(key, _)| *key);
        if let Some(lowest) = lowest.filter(|_| self.of_validator(validator).count() >= VOTES_PER_VALIDATOR) {
            if target < lowest.1 {
                return Err(VoteError::TooOld { target, first: lowest.1 });
            }
            self.remove(lowest);
        }
        self.last += 1;
        self.by_validator.insert(key_of(&vote), self.last);
        self.by_target.insert((target, self.last));
        self.votes.insert(self.last, vote);
        self.remove_lowest_while(|_, votes| votes > MAX_VOTES);
        Ok(if conflicting { VoteAdmission::Conflicting } else { VoteAdmission::Added { sequence: self.last } })
    }

    fn remove(&mut self, key: Key) {
        if let Some(at) = self.by_validator.remove(&key) {
            self.votes.remove(&at);
            self.by_target.remove(&(key.1, at));
        }
    }

    /// Removes votes with the lowest target while a test of target and number of votes holds.
    fn remove_lowest_while(&mut self, holds: impl Fn(u32, usize) -> bool) {
        while let Some(&(target, at)) = self.by_target.first()
            && holds(target, self.votes.len())
        {
            self.by_target.pop_first();
            if let Some(vote) = self.votes.remove(&at) {
                self.by_validator.remove(&key_of(&vote));
            }
        }
    }

    /// Forgets votes for targets below `first`.
    pub(crate) fn forget_below(&mut self, first: u32) {
        self.remove_lowest_while(|target, _| target < first);
    }

    /// Voters by epoch and link, of links that begin at `first` or above.
    pub(crate) fn voters(&self, first: u32) -> Voters {
        let mut voters = Voters::new();
        for vote in self.votes.values().filter(|vote| vote.link.source.index >= first) {
            voters.entry((vote.epoch, vote.link)).or_default().insert(vote.validator);
        }
        voters
    }

    /// The vote of a validator for a link.
    pub(crate) fn vote(&self, validator: Hash32, epoch: u64, link: &Link) -> Option<&Vote> {
        self.votes.get(self.by_validator.get(&(validator, link.target.index, epoch, *link))?)
    }

    /// A certificate came whose votes were all taken, and are enough. Returns whether that is news.
    pub(crate) fn note_certificate(&mut self, link: Link) -> bool {
        let is_news = link.is_adjacent() && self.certified.is_none_or(|held| held.target.index < link.target.index);
        if is_news {
            self.certified = Some(link);
        }
        is_news
    }

    /// Adjacent link of the newest certificate that came whole.
    pub(crate) fn certified(&self) -> Option<Link> {
        self.certified
    }

    /// Highest target of a validator.
    pub(crate) fn last_target(&self, validator: Hash32) -> Option<u32> {
        self.of_validator(validator).next_back().map(|(key, _)| key.1)
    }

    /// Votes behind a number.
    pub(crate) fn since(&self, sequence: u64, limit: usize) -> Vec<(u64, Vote)> {
        let behind = self.votes.range(sequence.saturating_add(1)..);
        behind.take(limit).map(|(at, vote)| (*at, vote.clone())).collect()
    }

    pub(crate) fn evidence(&self) -> Vec<Evidence> {
        self.evidence.values().cloned().collect()
    }

    /// All evidence, if some of it was not given before.
    pub(crate) fn unsaved_evidence(&mut self) -> Option<Vec<Evidence>> {
        std::mem::take(&mut self.has_unsaved_evidence).then(|| self.evidence())
    }

    /// Evidence from before a restart.
    pub(crate) fn restore_evidence(&mut self, evidence: Vec<Evidence>) {
        self.evidence = evidence.into_iter().map(|pair| (pair.first.validator, pair)).collect();
    }

    /// Forgets what is of no use any more, where there is no room for more.
    pub(crate) fn make_room_for_evidence(&mut self, is_of_use: impl Fn(&Evidence) -> bool) {
        if self.evidence.len() >= MAX_EVIDENCE {
            let held = self.evidence.len();
            self.evidence.retain(|_, pair| is_of_use(pair));
            self.has_unsaved_evidence |= self.evidence.len() < held;
        }
    }

    pub(crate) fn has_equivocated(&self, validator: &Hash32) -> bool {
        self.evidence.contains_key(validator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vote(validator: u8, source: u32, target: u32, fork: u8) -> Vote {
        let at = |index| Checkpoint { index, block: BlockHash([fork; 32]) };
        Vote {
            chain: 1,
            genesis: BlockHash([0; 32]),
            epoch: 0,
            validator: Hash32([validator; 32]),
            link: Link { source: at(source), target: at(target) },
            signature: Box::new([validator; 3_309]),
        }
    }

    #[test]
    fn both_offences_are_kept_as_evidence_and_all_votes_count() {
        let mut pool = VotePool::default();
        assert_eq!(pool.insert(vote(1, 4, 5, 1)), Ok(VoteAdmission::Added { sequence: 1 }));
        assert_eq!(pool.insert(vote(1, 4, 5, 1)), Ok(VoteAdmission::Known));
        assert_eq!(pool.insert(vote(1, 4, 5, 2)), Ok(VoteAdmission::Conflicting));
        assert_eq!(pool.insert(vote(2, 2, 9, 1)), Ok(VoteAdmission::Added { sequence: 3 }));
        assert_eq!(pool.insert(vote(2, 3, 8, 1)), Ok(VoteAdmission::Conflicting));
        // Neighbours in the plane of (source, target) that are no offence.
        assert_eq!(pool.insert(vote(3, 2, 9, 1)), Ok(VoteAdmission::Added { sequence: 5 }));
        assert_eq!(pool.insert(vote(3, 2, 8, 1)), Ok(VoteAdmission::Added { sequence: 6 }));
        assert_eq!(pool.insert(vote(3, 1, 7, 1)), Ok(VoteAdmission::Added { sequence: 7 }));
        assert_eq!(
            pool.evidence(),
            [Evidence::new(vote(1, 4, 5, 1), vote(1, 4, 5, 2)), Evidence::new(vote(2, 2, 9, 1), vote(2, 3, 8, 1)),]
        );
        assert_eq!((pool.has_equivocated(&Hash32([2; 32])), pool.has_equivocated(&Hash32([3; 32]))), (true, false));
        assert_eq!(pool.voters(0)[&(0, vote(0, 2, 9, 1).link)].len(), 2);
        assert_eq!((pool.voters(0).len(), pool.voters(4).len()), (6, 2));
        assert_eq!(pool.since(2, 1).iter().map(|(at, _)| *at).collect::<Vec<_>>(), [3]);
        assert_eq!((pool.last_target(Hash32([3; 32])), pool.last_target(Hash32([9; 32]))), (Some(9), None));
    }

    /// Where there is no more room, what can't be reported any more goes first; whatever is found is given to the store once.
    #[test]
    fn evidence_is_bounded_and_what_is_of_no_use_makes_room() {
        let mut pool = VotePool::default();
        let accuse = |pool: &mut VotePool, validator: u8| {
            pool.insert(vote(validator, 4, 5, 1)).unwrap();
            assert_eq!(pool.insert(vote(validator, 4, 5, 2)), Ok(VoteAdmission::Conflicting));
        };
        assert_eq!(pool.unsaved_evidence(), None);
        (0..=64).for_each(|validator| accuse(&mut pool, validator));
        assert_eq!(pool.unsaved_evidence().map(|all| all.len()), Some(MAX_EVIDENCE));
        assert_eq!(pool.unsaved_evidence(), None);
        pool.make_room_for_evidence(|pair| pair.first.validator != Hash32([7; 32]));
        assert_eq!(pool.unsaved_evidence().map(|all| all.len()), Some(MAX_EVIDENCE - 1));
        accuse(&mut pool, 65);
        assert!(pool.has_equivocated(&Hash32([65; 32])) && !pool.has_equivocated(&Hash32([7; 32])));
        let mut later = VotePool::default();
        later.restore_evidence(pool.unsaved_evidence().unwrap());
        assert_eq!((later.evidence(), later.unsaved_evidence()), (pool.evidence(), None));
    }

    #[test]
    fn nobody_takes_more_than_its_room() {
        let mut pool = VotePool::default();
        for target in 10..10 + 80 {
            pool.insert(vote(1, 5, target, 1)).unwrap();
        }
        assert_eq!(pool.votes.len(), VOTES_PER_VALIDATOR);
        assert!(matches!(pool.insert(vote(1, 5, 9, 1)), Err(VoteError::TooOld { target: 9, first: 26 })));
        for fork in 2..=4 {
            assert_eq!(pool.insert(vote(1, 5, 60, fork)), Ok(VoteAdmission::Conflicting));
        }
        assert!(matches!(pool.insert(vote(1, 5, 60, 5)), Err(VoteError::TooMany { target: 60, .. })));
        for validator in 2..=100 {
            for target in 10..10 + 64 {
                pool.insert(vote(validator, 5, target, 1)).unwrap();
            }
        }
        assert_eq!((pool.votes.len(), pool.by_validator.len()), (MAX_VOTES, MAX_VOTES));
        pool.forget_below(70);
        assert!(pool.by_validator.keys().all(|key| key.1 >= 70));
        assert_eq!((pool.votes.len(), pool.by_target.len()), (pool.by_validator.len(), pool.by_validator.len()));
    }
}
