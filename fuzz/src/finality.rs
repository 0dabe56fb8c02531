//! What votes make final, as arithmetic on checkpoints of two branches: against the definitions, and what no votes may do
//! while less than a third of the stake contradicts itself.

use std::collections::{BTreeMap, BTreeSet};

use arbitrary::Unstructured;
use umbel_dag::finality::{Epochs, Justification};
use umbel_types::state::{SetMember, ValidatorSet};
use umbel_types::{Amount, BlockHash, Checkpoint, Hash32, Link};

use crate::voters::below;

/// Highest checkpoint.
const HEIGHT: u8 = 6;
/// Most votes of one input.
const MAX_VOTES: usize = 96;

/// Validators less four, their stakes, the height of the fork, then three bytes for each vote: voter, branch and source,
/// target. A second part, behind the first byte, asks whose votes count for links across epochs.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let link = |source: u8, target: u8| (0..3).flat_map(move |n| [n, source, target]);
    let votes = |fork: u8, votes: Vec<u8>| [vec![0, 0, 1, 1, 1, 1, fork], votes].concat();
    vec![
        votes(2, link(0, 1).chain(link(1, 2)).chain(link(2, 3)).collect()),
        votes(1, link(0, 4).chain(link(4, 5)).collect()),
        votes(0, link(4, 5).chain(link(0, 4)).collect()),
        // One votes on both branches.
        votes(0, vec![0, 0, 1, 1, 0, 1, 2, 0, 1, 0, 7, 1, 3, 7, 1, 0, 8, 2, 3, 8, 2]),
        vec![1, 3, 5, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
        vec![1, 0, 0, 0, 4, 1, 1, 1, 1, 4, 2, 2, 2, 2, 0, 5],
        vec![1, 2, 3, 1, 3, 1, 1, 1, 0, 6, 2, 2, 2, 2, 1, 1, 2, 3],
    ]
}

fn id(n: u8) -> Hash32 {
    Hash32([n; 32])
}

fn set(epoch: u64, stakes: &[u8]) -> ValidatorSet {
    let members =
        (0..).zip(stakes).map(|(n, stake)| SetMember { key_hash: id(n), stake: Amount::from_units((*stake).into()) });
    ValidatorSet { epoch, members: members.collect() }
}

/// Whether these have more than two thirds of a set's stake.
fn is_enough(set: &ValidatorSet, voters: &BTreeSet<Hash32>) -> bool {
    let stake_of = |voted: &dyn Fn(&SetMember) -> bool| -> u64 {
        set.members.iter().filter(|member| voted(member)).map(|member| member.stake.units()).sum()
    };
    3 * stake_of(&|member| voters.contains(&member.key_hash)) > 2 * stake_of(&|_| true)
}

pub(crate) fn run(data: &[u8]) {
    let mut u = Unstructured::new(data);
    if below(&mut u, 2) == 0 { election(&mut u) } else { hand_over(&mut u) }
}

/// Checkpoint of a branch; both share what is not above the fork.
fn checkpoint(fork: u8, branch: u8, index: u8) -> Checkpoint {
    let branch = if index <= fork { 0 } else { branch };
    Checkpoint { index: index.into(), block: BlockHash([16 * branch + index; 32]) }
}

/// F4 as it is written, on everything that more than two thirds voted for.
fn by_definition(agreed: &[Link]) -> (BTreeSet<Checkpoint>, BTreeSet<Checkpoint>) {
    let genesis = checkpoint(0, 0, 0);
    let mut justified = BTreeSet::from([genesis]);
    for _ in 0..=agreed.len() {
        let more: Vec<_> = agreed.iter().filter(|link| justified.contains(&link.source)).map(|l| l.target).collect();
        justified.extend(more);
    }
    let follows = |at: &Checkpoint| agreed.iter().any(|l| l.source == *at && l.target.index == at.index + 1);
    let finalized = justified.iter().copied().filter(|at| *at == genesis || follows(at)).collect();
    (justified, finalized)
}

fn offends(a: &Link, b: &Link) -> bool {
    let around =
        |outer: &Link, inner: &Link| outer.source.index < inner.source.index && inner.target.index < outer.target.index;
    a != b && (a.target.index == b.target.index || around(a, b) || around(b, a))
}

/// Votes come one by one.
fn election(u: &mut Unstructured<'_>) {
    let members = 4 + below(u, 4);
    let stakes: Vec<u8> = (0..members).map(|_| 1 + below(u, 4)).collect();
    let fork = below(u, HEIGHT);
    let epochs = Epochs { epoch: 0, boundary: 0, certified: 0, previous: None, current: set(0, &stakes) };
    let genesis = checkpoint(0, 0, 0);
    let mut state = Justification::new(genesis, genesis);
    let mut votes: BTreeMap<Link, BTreeSet<Hash32>> = BTreeMap::new();
    let mut offenders: BTreeSet<Hash32> = BTreeSet::new();
    for _ in 0..MAX_VOTES {
        if u.is_empty() {
            return;
        }
        let (voter, source, target) = (id(below(u, members)), below(u, 2 * HEIGHT), below(u, HEIGHT + 1));
        let (branch, source) = (1 + source / HEIGHT, source % HEIGHT);
        let at = |index| checkpoint(fork, branch, index);
        let link = Link { source: at(source), target: at(target) };
        let by_voter = votes.iter().filter(|(_, voters)| voters.contains(&voter));
        if { by_voter }.any(|(other, _)| offends(other, &link)) {
            offenders.insert(voter);
        }
        votes.entry(link).or_default().insert(voter);

        let electorate = epochs.electorate(&link).unwrap();
        assert_eq!(electorate.epoch, 0);
        let agreed: Vec<Link> = votes
            .iter()
            .filter(|(link, voters)| {
                let agrees = electorate.agrees(voters);
                assert_eq!(agrees, is_enough(&epochs.current, voters));
                if agrees {
                    let fewest = electorate.signers(voters, 0);
                    assert!(fewest.is_subset(voters) && electorate.agrees(&fewest), "too few were chosen");
                    let without = |one| fewest.iter().copied().filter(|other| *other != one).collect();
                    assert!(fewest.iter().all(|one| !electorate.agrees(&without(*one))), "one is too many");
                    assert!(electorate.signers(voters, voters.len()) == **voters, "somebody was left out");
                }
                agrees && link.source.index < link.target.index
            })
            .map(|(link, _)| *link)
            .collect();
        let before = state.clone();
        state.advance(&agreed);
        assert!(state.finalized().index >= before.finalized().index && state.newest().index >= before.newest().index);
        let mut again = state.clone();
        again.advance(agreed.iter().rev());
        assert_eq!(again, state, "counting twice changes something");

        let offending: u64 = epochs
            .current
            .members
            .iter()
            .filter(|member| offenders.contains(&member.key_hash))
            .map(|member| member.stake.units())
            .sum();
        let whole: u64 = stakes.iter().map(|stake| u64::from(*stake)).sum();
        if offending * 3 >= whole {
            return;
        }
        let (justified, finalized) = by_definition(&agreed);
        let one_chain = |a: &Checkpoint, b: &Checkpoint| {
            let branch = |at: &Checkpoint| at.block.0[0] / 16;
            branch(a) == 0 || branch(b) == 0 || branch(a) == branch(b)
        };
        assert!(
            finalized.iter().all(|a| finalized.iter().all(|b| one_chain(a, b))),
            "two final checkpoints contradict each other"
        );
        let highest = |set: &BTreeSet<Checkpoint>| set.iter().copied().max_by_key(|at| at.index).unwrap();
        assert_eq!((state.newest(), state.finalized()), (highest(&justified), highest(&finalized)), "{agreed:?}");
    }
}

/// Whose votes count for a link where the set has changed: docs/spec/finality.md, read as a table.
fn hand_over(u: &mut Unstructured<'_>) {
    let stakes = |u: &mut Unstructured<'_>| -> Vec<u8> {
        let members = 2 + below(u, 5);
        (0..members).map(|_| 1 + below(u, 4)).collect()
    };
    let epoch = u64::from(below(u, 3));
    let boundary = if epoch == 0 { 0 } else { u32::from(below(u, 8)) };
    let certified = u32::from(below(u, 8));
    let (old, new) = (stakes(u), stakes(u));
    let previous = epoch.checked_sub(1).map(|before| set(before, &old));
    let epochs = Epochs { epoch, boundary, certified, previous: previous.clone(), current: set(epoch, &new) };
    let (source, target) = (below(u, 10), below(u, 10));
    let at = |index: u8| Checkpoint { index: index.into(), block: BlockHash([index; 32]) };
    let link = Link { source: at(source), target: at(target) };
    let voters: BTreeSet<Hash32> = { u.bytes(4).unwrap_or(&[]) }.iter().map(|n| id(n % 8)).collect();

    let on = |set: &ValidatorSet| set.members.len() >= 4;
    let (s, t) = (u32::from(source), u32::from(target));
    let expected = match &previous {
        None => on(&epochs.current).then(|| (0, vec![&epochs.current])),
        Some(old) if t <= boundary => (s >= certified && on(old)).then(|| (epoch - 1, vec![old])),
        Some(old) if s <= boundary && on(old) => on(&epochs.current).then(|| (epoch, vec![old, &epochs.current])),
        Some(_) => on(&epochs.current).then(|| (epoch, vec![&epochs.current])),
    };
    let got = epochs.electorate(&link);
    match (&got, expected) {
        (Err(_), None) => {}
        (Ok(got), Some((epoch, sets))) => {
            assert_eq!((got.epoch, &got.sets), (epoch, &sets));
            assert_eq!(got.agrees(&voters), sets.iter().all(|set| is_enough(set, &voters)));
            assert!((0..8).all(|n| got.has(&id(n)) == sets.iter().any(|set| usize::from(n) < set.members.len())));
            if got.agrees(&voters) {
                for limit in 0..8 {
                    let signers = got.signers(&voters, limit);
                    assert!(signers.is_subset(&voters) && signers.iter().all(|n| got.has(n)) && got.agrees(&signers));
                }
            }
        }
        (got, expected) => panic!("{got:?} where {expected:?} is right"),
    }
    assert_eq!(epochs.is_on(), on(&epochs.current));
}
