//! Votes, watching, and another machine with the same key.

use std::path::Path;
use std::sync::Arc;

use umbel_types::vote::Checkpoint;
use umbel_types::{Amount, Network};

use super::*;
use crate::validator::disk::{Disk, MemoryDisk};
use umbel_types::state::SetMember;

const GENESIS: BlockHash = BlockHash([1; 32]);
const WATCH: u32 = 6;

fn link(source: u32, target: u32) -> Link {
    let at = |index: u32| Checkpoint { index, block: BlockHash([u8::try_from(index).unwrap(); 32]) };
    Link { source: at(source), target: at(target) }
}

fn vote(validator: Hash32, link: Link) -> Vote {
    Vote { chain: 1313, genesis: GENESIS, epoch: 0, validator, link, signature: Box::new([0; 3309]) }
}

fn proposal(signer: &Signer, source: u32, target: u32) -> VoteProposal {
    let member = SetMember { key_hash: signer.id(), stake: Amount::from_units(1) };
    VoteProposal { epoch: 0, link: link(source, target), set: vec![member] }
}

fn disk() -> Arc<dyn Disk> {
    Arc::new(MemoryDisk::default())
}

/// A key on a disk; with a guard if it never signed.
fn signer(disk: &Arc<dyn Disk>, fresh: bool) -> Signer {
    let key = VoteKey::from_seed(&[7; 32]);
    let mut guard = GuardFile::open(Arc::clone(disk), Path::new("validator.guard"), GENESIS, key.hash());
    if fresh {
        guard.begin(0, 0).unwrap();
    }
    Signer::new(key, guard, WATCH)
}

fn consider(signer: &mut Signer, source: u32, target: u32) -> Option<Vote> {
    let proposal = proposal(signer, source, target);
    signer.consider(&proposal, &Params::of(Network::Devnet), GENESIS)
}

#[test]
fn a_member_votes_once_for_each_target() {
    let mut signer = signer(&disk(), true);
    assert!(consider(&mut signer, 0, 1).is_none(), "votes from before were not heard yet");
    signer.start();
    let vote = consider(&mut signer, 0, 1).unwrap();
    let key = umbel_crypto::ml_dsa::MlDsaKey::from_seed(&[7; 32]).verifying_key();
    let context = umbel_crypto::ml_dsa::MlDsaContext::Vote;
    assert!(umbel_crypto::ml_dsa::verify(&key, context, &vote.message(), &vote.signature));
    assert!(consider(&mut signer, 0, 1).is_none());
    signer.hear(&vote);
    assert_eq!(signer.standing(), Standing::Active, "its own vote comes back");
    assert!(consider(&mut signer, 1, 2).is_some());
    let mut outsider = proposal(&signer, 2, 3);
    outsider.set[0].key_hash = Hash32([9; 32]);
    assert!(signer.consider(&outsider, &Params::of(Network::Devnet), GENESIS).is_none(), "not a member");
}

#[test]
fn a_restart_does_not_contradict_what_was_signed() {
    let disk = disk();
    let mut first = signer(&disk, true);
    first.start();
    let cast = consider(&mut first, 0, 1).unwrap();
    drop(first);
    let mut second = signer(&disk, false);
    second.hear(&cast);
    second.start();
    assert_eq!(second.standing(), Standing::Active);
    assert!(consider(&mut second, 0, 1).is_none());
    assert!(consider(&mut second, 0, 2).is_some());
}

#[test]
fn a_key_that_signs_elsewhere_stops_here_at_once() {
    let (here, there) = (disk(), disk());
    let (mut a, mut b) = (signer(&here, true), signer(&there, true));
    a.start();
    b.start();
    let first = consider(&mut a, 0, 1).unwrap();
    b.hear(&first);
    assert!(matches!(b.standing(), Standing::Twin(_)), "{:?}", b.standing());
    assert!(consider(&mut b, 0, 1).is_none());
    assert!(consider(&mut b, 1, 9).is_none());
    assert_eq!(a.standing(), Standing::Active);

    // Both voted before they heard of each other, for different blocks.
    let mut c = signer(&disk(), true);
    c.start();
    assert!(consider(&mut c, 0, 1).is_some());
    let mut other = first.clone();
    other.link.target.block = BlockHash([0xee; 32]);
    c.hear(&other);
    assert!(matches!(c.standing(), Standing::Twin(_)));
}

#[test]
fn an_older_guard_counts_as_missing() {
    let disk = disk();
    let mut old = signer(&disk, true);
    old.start();
    assert!(consider(&mut old, 0, 1).is_some());
    let mut restored = signer(&disk, false);
    // Heard before it starts: this key went on after the guard was copied.
    restored.hear(&vote(restored.id(), link(3, 4)));
    restored.start();
    assert!(
        matches!(restored.standing(), Standing::Watching { done: 0, total: WATCH, .. }),
        "{:?}",
        restored.standing()
    );
    assert!(consider(&mut restored, 4, 5).is_none());
}

/// A folder that was put back from a backup knows nothing of what was signed since.
#[test]
fn a_guard_far_behind_counts_as_missing_when_a_run_begins() {
    for (next, standing_is_active) in [(1 + MAX_GUARD_AGE, true), (2 + MAX_GUARD_AGE, false)] {
        let disk = disk();
        let mut first = signer(&disk, true);
        first.start();
        assert!(consider(&mut first, 0, 1).is_some());
        drop(first);
        let mut second = signer(&disk, false);
        second.start();
        assert_eq!(consider(&mut second, 1, next).is_some(), standing_is_active);
        assert_eq!(second.standing() == Standing::Active, standing_is_active);
    }
    let mut busy = signer(&disk(), true);
    busy.start();
    assert!(consider(&mut busy, 0, 1).is_some());
    assert!(consider(&mut busy, 1, 200).is_some(), "a run that has signed knows all that it signed");
}

#[test]
fn without_a_guard_it_watches_and_then_signs_above_all_it_saw() {
    let other = Hash32([8; 32]);
    let mut signer = signer(&disk(), false);
    signer.hear(&vote(other, link(10, 11)));
    signer.start();
    for target in 12..=12 + WATCH {
        signer.hear(&vote(other, link(target - 1, target)));
        if target < 12 + WATCH {
            assert!(consider(&mut signer, target, target + 1).is_none(), "after {target}");
        }
    }
    assert!(matches!(signer.standing(), Standing::Watching { .. }));
    // Everything that was seen may have been signed elsewhere with this key.
    let newest = 12 + WATCH;
    assert!(consider(&mut signer, newest - 1, newest).is_none());
    assert_eq!(signer.standing(), Standing::Active);
    assert!(consider(&mut signer, newest - 2, newest + 1).is_none(), "its source is below one that was seen");
    assert!(consider(&mut signer, newest - 1, newest + 1).is_some());
}

#[test]
fn an_own_vote_while_watching_begins_the_watch_anew() {
    let other = Hash32([8; 32]);
    let mut signer = signer(&disk(), false);
    signer.start();
    for target in 1..=WATCH {
        signer.hear(&vote(other, link(target - 1, target)));
    }
    let own = signer.id();
    signer.hear(&vote(own, link(WATCH, WATCH + 1)));
    assert!(consider(&mut signer, WATCH + 1, WATCH + 2).is_none());
    assert!(matches!(signer.standing(), Standing::Watching { done: 0, .. }), "{:?}", signer.standing());
}
