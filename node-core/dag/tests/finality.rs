//! Justification, quorums and F6 against their definitions: by full enumeration on small trees of checkpoints, and on
//! random votes of honest and dishonest validators.

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{Rng, cases};
use umbel_dag::finality::{Electorate, Epochs, Justification, NoElectorate, VoteGuard, is_supermajority, stake_of};
use umbel_types::params::MIN_VALIDATORS;
use umbel_types::state::{SetMember, ValidatorSet};
use umbel_types::vote::{Offence, Vote, is_double_vote};
use umbel_types::{Amount, BlockHash, Checkpoint, Hash32, Link};

/// Checkpoint `index` of a branch; the branches share everything below the fork.
fn checkpoint(fork: u32, branch: u8, index: u32) -> Checkpoint {
    let branch = if index <= fork { 0 } else { branch };
    let mut block = [branch; 32];
    block[1] = u8::try_from(index).expect("small");
    Checkpoint { index, block: BlockHash(block) }
}

/// All links along the two branches of a tree.
fn links_of(fork: u32, height: u32) -> Vec<Link> {
    let mut links = BTreeSet::new();
    for branch in [1, 2] {
        for target in 1..=height {
            for source in 0..target {
                let at = |index| checkpoint(fork, branch, index);
                links.insert(Link { source: at(source), target: at(target) });
            }
        }
    }
    links.into_iter().collect()
}

/// F4 as it is written, on sets: what is justified, what is final.
fn by_definition(links: &[Link]) -> (BTreeSet<Checkpoint>, BTreeSet<Checkpoint>) {
    let genesis = checkpoint(0, 0, 0);
    let mut justified = BTreeSet::from([genesis]);
    for _ in 0..=links.len() {
        let more: Vec<_> = links.iter().filter(|l| justified.contains(&l.source)).map(|l| l.target).collect();
        justified.extend(more);
    }
    let is_final = |c: &Checkpoint| {
        let next = |l: &&Link| l.source == *c && l.target.index == c.index + 1;
        *c == genesis || (justified.contains(c) && links.iter().any(|l| next(&l)))
    };
    let finalized = justified.iter().copied().filter(is_final).collect();
    (justified, finalized)
}

fn on_one_chain(fork: u32, a: Checkpoint, b: Checkpoint) -> bool {
    a.index <= fork || b.index <= fork || a.block.0[0] == b.block.0[0]
}

fn conflict(fork: u32, finalized: &BTreeSet<Checkpoint>) -> bool {
    finalized.iter().any(|a| finalized.iter().any(|b| !on_one_chain(fork, *a, *b)))
}

fn offends(a: &Link, b: &Link) -> bool {
    is_double_vote((0, a), (0, b)) || a.surrounds(b) || b.surrounds(a)
}

/// The theorem of accountable safety, on every set of supermajority links of small trees: where two final checkpoints
/// conflict, two of the links break F6 together. Whoever signed both can be slashed, and two thirds and two thirds share
/// more than one third.
#[test]
fn conflicting_final_checkpoints_need_two_links_that_break_f6() {
    for (fork, height) in [(0, 2), (0, 3), (1, 3), (2, 4)] {
        let links = links_of(fork, height);
        let mut conflicts = 0;
        for set in 0u32..1 << links.len() {
            let chosen: Vec<Link> = (0..links.len()).filter(|i| set >> i & 1 == 1).map(|i| links[i]).collect();
            // Only sets that obey F6 are of interest; most don't.
            let obeys = chosen.iter().enumerate().all(|(i, a)| chosen[..i].iter().all(|b| !offends(a, b)));
            if obeys {
                let (_, finalized) = by_definition(&chosen);
                assert!(!conflict(fork, &finalized), "fork {fork}: {chosen:?}");
            } else if links.len() <= 12 && conflict(fork, &by_definition(&chosen).1) {
                conflicts += 1;
            }
        }
        // Without F6 there are many: the test has something to find.
        assert!(links.len() > 12 || conflicts > 0, "fork {fork}, height {height}");
    }
}

/// In whatever order links come, one by one or together, the outcome is that of the definition.
#[test]
fn links_in_any_order_give_what_the_definition_gives() {
    let mut rng = Rng(41);
    for case in 0..cases(3_000) {
        let (fork, height) = [(0, 4), (1, 5), (2, 5)][rng.below(3)];
        let mut links: Vec<Link> = Vec::new();
        for link in links_of(fork, height) {
            if rng.below(3) == 0 && links.iter().all(|held| !offends(held, &link)) {
                links.push(link);
            }
        }
        let (justified, finalized) = by_definition(&links);
        let highest = |set: &BTreeSet<Checkpoint>| set.iter().copied().max_by_key(|c| c.index).expect("genesis");
        let genesis = checkpoint(0, 0, 0);
        let mut all = Justification::new(genesis, genesis);
        all.advance(&links);
        assert_eq!(
            (all.newest(), all.finalized()),
            (highest(&justified), highest(&finalized)),
            "case {case}: {links:?}"
        );
        for i in (1..links.len()).rev() {
            links.swap(i, rng.below(i + 1));
        }
        let mut one_by_one = Justification::new(genesis, genesis);
        for end in 1..=links.len() {
            let before = (one_by_one.newest().index, one_by_one.finalized().index);
            one_by_one.advance(&links[..end]);
            assert!(before.0 <= one_by_one.newest().index && before.1 <= one_by_one.finalized().index);
        }
        assert_eq!(one_by_one, all, "case {case}: {links:?}");
        assert!(justified.iter().all(|c| c.index < all.finalized().index || all.is_justified(c)));
    }
}

fn id(n: usize) -> Hash32 {
    Hash32([u8::try_from(n).expect("few"); 32])
}

fn set_of(epoch: u64, stakes: &[u64]) -> ValidatorSet {
    let members = stakes.iter().enumerate();
    ValidatorSet {
        epoch,
        members: members.map(|(n, s)| SetMember { key_hash: id(n), stake: Amount::from_units(*s) }).collect(),
    }
}

fn vote_of(validator: usize, link: Link) -> Vote {
    Vote {
        chain: 0,
        genesis: BlockHash([0; 32]),
        epoch: 0,
        validator: id(validator),
        link,
        signature: Box::new([0; umbel_types::lock::ML_DSA_SIGNATURE_BYTES]),
    }
}

/// What everyone sees of an election with two branches.
struct Election {
    fork: u32,
    height: u32,
    set: ValidatorSet,
    votes: Vec<(usize, Link)>,
}

impl Election {
    fn random(rng: &mut Rng) -> Self {
        let stakes: Vec<u64> = (0..4 + rng.below(6)).map(|_| 1 + rng.next() % 1_000).collect();
        Self { fork: u32::from(rng.below(2) == 0), height: 6, set: set_of(0, &stakes), votes: Vec::new() }
    }

    fn agreed(&self) -> Vec<Link> {
        let mut voters: BTreeMap<Link, BTreeSet<Hash32>> = BTreeMap::new();
        for (validator, link) in &self.votes {
            voters.entry(*link).or_default().insert(id(*validator));
        }
        let electorate = Electorate { epoch: 0, sets: vec![&self.set] };
        voters.into_iter().filter(|(_, who)| electorate.agrees(who)).map(|(link, _)| link).collect()
    }

    /// Stake of those whose votes break F6, by every pair.
    fn slashable(&self) -> u128 {
        let offenders: BTreeSet<Hash32> = self
            .votes
            .iter()
            .filter(|(who, link)| {
                let mine = vote_of(*who, *link);
                self.votes.iter().any(|(other, link)| mine.offence(&vote_of(*other, *link)).is_some())
            })
            .map(|(who, _)| id(*who))
            .collect();
        stake_of(&self.set, &offenders).0
    }

    fn total(&self) -> u128 {
        stake_of(&self.set, &BTreeSet::new()).1
    }

    /// An honest validator sees one branch, takes the highest source on it that it has heard of, and asks its guard.
    fn honest_vote(&mut self, who: usize, branch: u8, target: u32, guard: &mut VoteGuard) {
        let (justified, _) = by_definition(&self.agreed());
        let on_branch = justified.into_iter().filter(|c| checkpoint(self.fork, branch, c.index) == *c);
        let source = on_branch.max_by_key(|c| c.index).expect("genesis");
        let link = Link { source, target: checkpoint(self.fork, branch, target) };
        if guard.may_sign(&link) {
            *guard = guard.behind(&link);
            self.votes.push((who, link));
        }
    }

    /// A dishonest one helps with whatever the others began, on both branches.
    fn dishonest_votes(&mut self, rng: &mut Rng, who: usize) {
        let begun: BTreeSet<Link> = self.votes.iter().map(|(_, link)| *link).collect();
        self.votes.extend(begun.into_iter().filter(|_| rng.below(10) > 0).map(|link| (who, link)));
    }
}

/// Honest validators on any branch in any order never break F6. With less than a third of the stake voting as it likes,
/// nothing conflicting becomes final; and whenever something does, at least a third is in evidence.
#[test]
fn honest_votes_never_offend_and_conflicts_leave_a_third_in_evidence() {
    let (mut conflicts, mut finals) = (0u64, 0u64);
    for case in 0..cases(600) {
        let mut rng = Rng(1_000 + case);
        let mut election = Election::random(&mut rng);
        let total = election.total();
        let members = election.set.members.len();
        let is_evil: Vec<bool> = {
            let mut left = [total / 3, total * 2 / 5, total][rng.below(3)];
            let stakes = election.set.members.iter().map(|m| u128::from(m.stake.units()));
            stakes
                .map(|stake| {
                    let evil = stake < left;
                    left -= if evil { stake } else { 0 };
                    evil
                })
                .collect()
        };
        let mut guards = vec![VoteGuard::default(); members];
        let mut branches: Vec<u8> = (0..members).map(|_| 1 + u8::from(rng.below(2) == 0)).collect();
        if rng.below(2) == 0 {
            branches.fill(1);
        }
        for round in 1..=election.height {
            for who in 0..members {
                let target = round.saturating_sub(u32::from(rng.below(10) == 0)).max(1);
                match (is_evil[who], rng.below(10)) {
                    (true, _) => election.dishonest_votes(&mut rng, who),
                    (false, 0) => branches[who] = 3 - branches[who],
                    (false, _) => election.honest_vote(who, branches[who], target, &mut guards[who]),
                }
            }
        }
        for who in (0..members).filter(|who| is_evil[*who]) {
            election.dishonest_votes(&mut rng, who);
        }
        for (i, (who, link)) in election.votes.iter().enumerate() {
            for (other, earlier) in &election.votes[..i] {
                let offence = vote_of(*who, *link).offence(&vote_of(*other, *earlier));
                assert!(offence.is_none() || is_evil[*who], "case {case}: an honest validator offends: {link:?}");
            }
        }
        let (_, finalized) = by_definition(&election.agreed());
        finals += u64::from(finalized.len() > 1);
        if conflict(election.fork, &finalized) {
            conflicts += 1;
            assert!(3 * election.slashable() >= total, "case {case}: {:?}", election.votes);
            let evil = (0..members).filter(|n| is_evil[*n]).map(id).collect();
            assert!(3 * stake_of(&election.set, &evil).0 >= total, "case {case}");
        }
    }
    assert!(finals > 100 && conflicts > 0, "{finals} with something final, {conflicts} conflicts");
}

/// A third of the stake that signs both branches makes two conflicting final checkpoints, and all of it is in evidence.
#[test]
fn a_third_can_break_it_and_all_of_it_is_caught() {
    let mut election = Election { fork: 0, height: 2, set: set_of(0, &[10, 10, 10, 1]), votes: Vec::new() };
    for (branch, honest) in [(1, 0), (2, 1)] {
        let at = |index| checkpoint(0, branch, index);
        for link in [Link { source: at(0), target: at(1) }, Link { source: at(1), target: at(2) }] {
            election.votes.extend([honest, 2, 3].map(|who| (who, link)));
        }
    }
    let (_, finalized) = by_definition(&election.agreed());
    assert!(conflict(0, &finalized));
    assert_eq!((election.slashable(), election.total()), (11, 31));
    // Without the smallest of them there is no quorum.
    election.votes.retain(|(who, _)| *who != 3);
    assert!(!conflict(0, &by_definition(&election.agreed()).1));
}

#[test]
fn two_thirds_are_not_enough_whatever_the_size() {
    for of in [3u128, 30, 3 * (u128::from(u64::MAX) / 3), 64 * u128::from(u64::MAX)] {
        let two_thirds = 2 * of / 3;
        assert!(!is_supermajority(two_thirds, of), "{of}");
        assert!(is_supermajority(two_thirds + 1, of), "{of}");
    }
    assert!(!is_supermajority(0, 0));
}

#[test]
fn both_conditions_are_strict_where_they_must_be() {
    let link = |source, target| Link { source: checkpoint(0, 1, source), target: checkpoint(0, 1, target) };
    let other = |source, target| Link { source: checkpoint(0, 1, source), target: checkpoint(0, 2, target) };
    let of = |a: Link, b: Link| vote_of(1, a).offence(&vote_of(1, b));
    assert_eq!(of(link(1, 2), other(1, 2)), Some(Offence::DoubleVote));
    assert_eq!(of(link(0, 2), link(1, 2)), Some(Offence::DoubleVote));
    assert_eq!(of(link(1, 2), link(1, 2)), None);
    assert_eq!(of(link(1, 4), link(2, 3)), Some(Offence::Surround));
    assert_eq!(of(link(2, 3), other(1, 4)), Some(Offence::Surround));
    // Recovery behind a split vote: the same source, the next target.
    assert_eq!(of(link(1, 2), other(1, 3)), None);
    assert_eq!(of(link(1, 3), link(2, 4)), None);
    assert_eq!(vote_of(1, link(1, 2)).offence(&vote_of(2, other(1, 2))), None);
    let foreign = Vote { chain: 7, ..vote_of(1, other(1, 2)) };
    assert_eq!(vote_of(1, link(1, 2)).offence(&foreign), None);
}

/// F4's three kinds of links, at every place relative to the boundary.
#[test]
fn a_link_over_a_change_needs_both_sets() {
    let epochs = Epochs {
        epoch: 3,
        boundary: 10,
        certified: 7,
        previous: Some(set_of(2, &[1, 1, 1, 1])),
        current: set_of(3, &[5, 1, 1, 1, 1]),
    };
    let asked = |source, target| {
        let link = Link { source: checkpoint(0, 1, source), target: checkpoint(0, 1, target) };
        epochs.electorate(&link).map(|e| (e.epoch, e.sets.iter().map(|set| set.epoch).collect::<Vec<_>>()))
    };
    assert_eq!(asked(6, 10), Err(NoElectorate::ReachesBack));
    assert_eq!(asked(7, 10), Ok((2, vec![2])));
    assert_eq!(asked(9, 10), Ok((2, vec![2])));
    assert_eq!(asked(9, 11), Ok((3, vec![2, 3])));
    assert_eq!(asked(10, 11), Ok((3, vec![2, 3])));
    assert_eq!(asked(11, 12), Ok((3, vec![3])));
    let link = Link { source: checkpoint(0, 1, 10), target: checkpoint(0, 1, 11) };
    let both = epochs.electorate(&link).expect("on");
    let who = |list: &[usize]| list.iter().copied().map(id).collect::<BTreeSet<_>>();
    // Of nine in the new set, of four in the old one.
    assert!(!both.agrees(&who(&[1, 2, 3])), "the new set is missing");
    assert!(!both.agrees(&who(&[0, 3, 4])), "the old set is missing");
    assert!(both.agrees(&who(&[0, 1, 2])));
    // Everyone who voted is named; where there is no room for all, those that make it enough come first.
    assert_eq!(both.signers(&who(&[0, 1, 2, 3, 4, 9]), 5), who(&[0, 1, 2, 3, 4]));
    assert_eq!(both.signers(&who(&[0, 2, 1, 4]), 3), who(&[0, 1, 2]));
    let four = both.signers(&who(&[0, 1, 2, 3, 4]), 4);
    assert!(four.len() == 4 && four.is_superset(&who(&[0, 1, 2])), "{four:?}");
    // A set that was too small has no say; one that is too small makes nothing final.
    let small = set_of(2, &[1; MIN_VALIDATORS - 1]);
    let grown = Epochs { previous: Some(small.clone()), ..epochs.clone() };
    assert_eq!(grown.electorate(&link).expect("on").sets, [&epochs.current]);
    let shrunk = Epochs { current: ValidatorSet { epoch: 3, ..small }, ..epochs.clone() };
    assert_eq!((shrunk.electorate(&link), shrunk.is_on()), (Err(NoElectorate::Off(3)), false));
    let first = Epochs { epoch: 0, boundary: 0, certified: 0, previous: None, ..epochs };
    let early = Link { source: checkpoint(0, 1, 0), target: checkpoint(0, 1, 5) };
    assert_eq!(first.electorate(&early).map(|e| (e.epoch, e.sets.len())), Ok((0, 1)));
}
