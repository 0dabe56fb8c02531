//! What is justified and final outlives the process, whenever it ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use umbel_consensus::DEFAULT_CACHE_BYTES;
use umbel_consensus::verify::{VerifyError, verify_chain};
use umbel_store::{Batch, Durability, KvStore, Table};
use umbel_types::consensus_api::{ConsensusApi, FinalityStatus, VoteError};
use umbel_types::genesis::devnet;
use umbel_types::{Amount, Block, Vote};

use super::voters::{advance_voting, vote_all, voters};
use super::{dense, quick};
use crate::fixture::{TestNode, mem_store};
use crate::hooked::{BreakAt, Counter, Hooked};

/// Without what is known from votes alone.
fn kept(status: &FinalityStatus) -> FinalityStatus {
    let mut status = status.clone();
    status.validators.iter_mut().for_each(|validator| validator.last_target = None);
    // Votes that came when the certificate was made already are forgotten with the pool.
    if let Some(newest) = &mut status.last_certificate {
        (newest.signers, newest.stake) = (Vec::new(), Amount::ZERO);
    }
    status
}

#[test]
fn a_restart_keeps_what_is_final() {
    let store = mem_store();
    let node = TestNode::with(store.clone(), quick());
    let mut voters = voters();
    advance_voting(&node, &mut voters, 20);
    let before = node.consensus.finality();
    assert_eq!((before.justified.index, before.finalized.index), (6, 5));
    let certificates: Vec<_> = (0..9).map(|index| node.consensus.certificate(index)).collect();
    node.consensus.shutdown();
    drop(node);
    let node = TestNode::with(store, quick());
    assert_eq!(kept(&node.consensus.finality()), kept(&before));
    assert_eq!((0..9).map(|index| node.consensus.certificate(index)).collect::<Vec<_>>(), certificates);
    // A heavier branch that forked below is still not followed.
    let stranger = TestNode::with(mem_store(), quick());
    stranger.mine(&[]);
    let sink = node.sink();
    for block in stranger.advance(30) {
        node.insert(&block).expect("it may be merged");
    }
    assert_eq!(node.sink(), sink);
    advance_voting(&node, &mut voters, 6);
    assert_eq!(node.consensus.finality().finalized.index, 7);
}

/// `umbel node verify` knows what is stored of finality, and names what was damaged.
#[test]
fn a_chain_with_certificates_is_verified() {
    let store = mem_store();
    let node = TestNode::with(store.clone(), dense());
    let mut voters = voters();
    advance_voting(&node, &mut voters, 34);
    assert_eq!(node.consensus.finality().included.index, 30);
    // A branch that outweighs it and leads past what is justified.
    let other = TestNode::with(mem_store(), dense());
    other.mine(&[]);
    for block in other.advance(36) {
        node.insert(&block).expect("it may be merged");
    }
    node.consensus.shutdown();
    drop(node);
    let verify = || verify_chain(&dense(), &devnet(), store.clone(), &mut |_| {});
    verify().expect("nothing was touched");
    let put = |table, key: &[u8], value: &[u8]| {
        let mut batch = Batch::new();
        batch.put(table, key, value.to_vec());
        store.write(batch, Durability::Immediate).expect("writes");
    };
    let (key, value) = store.last(Table::Certificate).expect("reads").expect("there are two");
    let mut forged = value.clone();
    *forged.last_mut().expect("a signature") ^= 1;
    for (damaged_key, damaged) in [(&key[..], &forged), (&[0, 0, 0, 5], &value)] {
        put(Table::Certificate, damaged_key, damaged);
        assert!(matches!(verify(), Err(VerifyError::Mismatch(_))));
        let mut batch = Batch::new();
        batch.delete(Table::Certificate, damaged_key);
        store.write(batch, Durability::Immediate).expect("writes");
        put(Table::Certificate, &key, &value);
        verify().expect("put back");
    }
    let record = store.get(Table::Meta, b"chain/finality").expect("reads").expect("is there");
    let mut elsewhere = record.clone();
    elsewhere[10] ^= 1;
    put(Table::Meta, b"chain/finality", &elsewhere);
    assert!(matches!(verify(), Err(VerifyError::Mismatch(_))));
    put(Table::Meta, b"chain/finality", &record);
    verify().expect("put back");
}

/// What happens to a node, told again as often as a test likes.
enum Event {
    Block(Box<Block>),
    Vote(Box<Vote>),
}

fn tell(node: &TestNode, events: &[Event]) -> bool {
    for event in events {
        match event {
            Event::Block(block) => {
                if node.insert(block).is_err_and(|error| !error.is_peer_fault()) {
                    return false;
                }
            }
            Event::Vote(vote) => {
                if let Err(VoteError::Unavailable(_)) = node.consensus.submit_vote(Vote::clone(vote)) {
                    return false;
                }
            }
        }
    }
    true
}

/// Two branches and votes that make the node change from the heavier one to the lighter; the disk is pulled out at any write.
/// What was final stays final, and told again, the node ends where one ends that was never stopped.
#[test]
fn a_disk_that_fails_at_any_write_takes_no_finality_back() {
    let (one, two) = (TestNode::with(mem_store(), quick()), TestNode::with(mem_store(), quick()));
    two.mine(&[]);
    let mut voters = voters();
    let mut events: Vec<Event> = one.advance(11).into_iter().map(|block| Event::Block(Box::new(block))).collect();
    for _ in 0..9 {
        events.push(Event::Block(Box::new(two.advance(1).remove(0))));
        events.extend(vote_all(&two, &mut voters).into_iter().map(|vote| Event::Vote(Box::new(vote))));
    }
    let counter = Arc::new(Counter::default());
    let hooked = Arc::new(Hooked { inner: mem_store(), hooks: counter.clone() });
    let steady = TestNode::open(hooked, quick(), DEFAULT_CACHE_BYTES).expect("opens");
    assert!(tell(&steady, &events));
    assert_eq!((steady.sink(), steady.consensus.finality().finalized.index), (two.sink(), 1));
    let changes = counter.batches.load(Ordering::Relaxed) + counter.records.load(Ordering::Relaxed);
    for at in 3..=changes {
        let inner = mem_store();
        let breaks =
            Arc::new(BreakAt { left: AtomicUsize::new(at), written: at % 2 == 0, broken: AtomicBool::new(false) });
        let hooked: Arc<dyn KvStore> = Arc::new(Hooked { inner: inner.clone(), hooks: breaks });
        let mut seen = None;
        if let Ok(node) = TestNode::open(hooked, quick(), DEFAULT_CACHE_BYTES) {
            assert!(!tell(&node, &events), "at change {at}");
            seen = Some(node.consensus.finality());
            node.consensus.shutdown();
        }
        let node = TestNode::with(inner, quick());
        let found = node.consensus.finality();
        let seen = seen.map_or((0, 0), |seen| (seen.justified.index, seen.finalized.index));
        assert!(found.justified.index >= seen.0 && found.finalized.index >= seen.1, "at change {at}");
        assert!(tell(&node, &events), "at change {at}: {:?}", node.consensus.failure());
        assert_eq!(*node.consensus.finality(), *steady.consensus.finality(), "at change {at}");
        assert_eq!(node.commitments(), steady.commitments(), "at change {at}");
    }
}
