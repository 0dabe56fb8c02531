use umbel_types::consensus_api::{ConsensusApi, VoteAdmission, VoteError};
use umbel_types::{BlockHash, CertRef, Checkpoint, Link};

use super::quick;
use super::voters::{advance_voting, vote_all, voters};
use crate::fixture::{TestNode, mem_store};

/// Depths as computed by hand: checkpoint n is block 3n; it is voted for when block 3n + 2 is there; its votes finalize
/// checkpoint n − 1.
#[test]
fn four_validators_make_checkpoints_final_at_the_right_depth() {
    let node = TestNode::with(mem_store(), quick());
    let mut voters = voters();
    let mut blocks: Vec<BlockHash> = vec![node.consensus.genesis_hash()];
    for height in 1..=20u32 {
        blocks.extend(advance_voting(&node, &mut voters, 1).iter().map(umbel_types::Block::hash));
        let status = node.consensus.finality();
        let justified = height.saturating_sub(2) / 3;
        let finalized = justified.saturating_sub(1);
        let at = |index: u32| Checkpoint { index, block: blocks[3 * index as usize] };
        assert_eq!((status.justified, status.finalized), (at(justified), at(finalized)), "height {height}");
        assert_eq!(status.finalized_blue_score.0, u64::from(3 * finalized));
        assert_eq!(status.gap, u64::from(height - 3 * finalized));
        assert!(status.overlay_on && !status.late && !status.stalled);
        let certified = node.consensus.certificate(justified).expect("reads");
        assert_eq!(certified.is_some(), justified > 0, "height {height}");
        if let Some(certificate) = certified {
            assert_eq!((certificate.link.source, certificate.link.target), (at(finalized), at(justified)));
            // Three of four equal stakes are more than two thirds.
            assert_eq!(certificate.entries.len(), 3);
        }
    }
    let status = node.consensus.finality();
    assert!(status.validators.iter().all(|v| v.last_target == Some(6) && !v.equivocated));
    let newest = status.last_certificate.clone().expect("held");
    assert_eq!(newest.stake, newest.of_stake, "the fourth vote came later and is told");
    // The newest two, and none else of this epoch.
    let held: Vec<u32> = (0..8).filter(|index| node.consensus.certificate(*index).expect("reads").is_some()).collect();
    assert_eq!(held, [5, 6]);
}

/// Votes of all that come too early wait until their target is buried.
#[test]
fn what_is_not_buried_does_not_count() {
    let node = TestNode::with(mem_store(), quick());
    let blocks = node.advance(4);
    assert_eq!(node.consensus.vote_proposal(), Ok(None));
    let source = node.consensus.finality().justified;
    let link = Link { source, target: Checkpoint { index: 1, block: blocks[2].hash() } };
    for voter in voters() {
        node.consensus.submit_vote(voter.sign(&node, 0, link)).expect("a vote");
    }
    assert_eq!(node.consensus.finality().justified.index, 0);
    node.advance(1);
    assert_eq!(node.consensus.finality().justified, link.target);
}

/// Whoever waits is woken, and what it sees is there when the vote was taken.
#[test]
fn a_vote_that_moves_finality_makes_a_new_version() {
    let node = TestNode::with(mem_store(), quick());
    let mut voters = voters();
    node.advance(5);
    let proposal = node.consensus.vote_proposal().expect("reads").expect("checkpoint 1 is buried");
    let before = node.consensus.virtual_state();
    for (count, voter) in voters.iter_mut().enumerate() {
        let vote = voter.vote(&node, &proposal).expect("the first");
        let admission = node.consensus.submit_vote(vote.clone());
        assert_eq!(admission, Ok(VoteAdmission::Added { sequence: count as u64 + 1 }));
        assert_eq!(node.consensus.submit_vote(vote), Ok(VoteAdmission::Known));
        let moved = count >= 2;
        assert_eq!(node.consensus.finality().justified.index, u32::from(moved));
        assert_eq!(node.consensus.virtual_state().version, before.version + u64::from(moved));
    }
    let woken = node.consensus.wait_newer(before.version, std::time::Duration::MAX);
    assert_eq!((woken.version, woken.sink), (before.version + 1, before.sink));
    // Nothing new is buried.
    assert_eq!(node.consensus.vote_proposal(), Ok(None));
    assert_eq!(node.consensus.votes_since(2, 10).iter().map(|(at, _)| *at).collect::<Vec<_>>(), [3, 4]);
}

#[test]
fn votes_that_are_none_are_refused_before_anything_is_kept() {
    let node = TestNode::with(mem_store(), quick());
    let voters = voters();
    node.advance(5);
    let proposal = node.consensus.vote_proposal().expect("reads").expect("buried");
    let vote = || voters[0].sign(&node, proposal.epoch, proposal.link);
    let submit = |edit: &dyn Fn(&mut umbel_types::Vote)| {
        let mut vote = vote();
        edit(&mut vote);
        node.consensus.submit_vote(vote)
    };
    assert!(matches!(submit(&|v| v.chain += 1), Err(VoteError::OtherChain { .. })));
    assert!(matches!(submit(&|v| v.genesis = BlockHash([1; 32])), Err(VoteError::OtherChain { .. })));
    assert!(matches!(submit(&|v| v.signature[7] ^= 1), Err(VoteError::BadSignature(_))));
    assert!(matches!(submit(&|v| v.epoch += 1), Err(VoteError::BadSignature(_))));
    assert!(matches!(submit(&|v| v.link.target.block = BlockHash([1; 32])), Err(VoteError::BadSignature(_))));
    assert!(matches!(submit(&|v| v.validator = umbel_types::Hash32([9; 32])), Err(VoteError::NotAMember(_))));
    assert!(matches!(submit(&|v| v.link.target.index = 0), Err(VoteError::Backwards { .. })));
    assert!(matches!(submit(&|v| v.link.target.index = 99), Err(VoteError::TooNew { target: 99, last: 9 })));
    assert!(node.consensus.votes_since(0, 10).is_empty());
    assert_eq!(submit(&|_| {}), Ok(VoteAdmission::Added { sequence: 1 }));
}

/// A due certificate goes into a block; the next one gives its effect to the state.
#[test]
fn blocks_carry_certificates() {
    let node = TestNode::with(mem_store(), quick());
    let listener = TestNode::with(mem_store(), quick());
    let mut voters = voters();
    let blocks = advance_voting(&node, &mut voters, 96);
    let carrying: Vec<&umbel_types::Block> = blocks.iter().filter(|b| !b.body.certificate.is_empty()).collect();
    // Checkpoint 30 is block 90: justified behind block 92, so that block 93 is the first to carry it.
    assert_eq!(carrying.iter().map(|b| b.header.blue_score.0).collect::<Vec<_>>(), [93]);
    let cert = carrying[0].header.cert;
    assert_eq!(cert.index, 30);
    for block in &blocks {
        let expected = if block.header.blue_score.0 < 93 { CertRef::genesis() } else { cert };
        assert_eq!(block.header.cert, expected);
        // One who hears no vote learns the same from the blocks.
        listener.insert(block).expect("valid");
    }
    let heard = listener.consensus.finality();
    assert_eq!((heard.justified.index, heard.finalized.index, heard.included), (30, 29, cert));
    assert_eq!(heard.finalized.block, blocks[86].hash());
    assert!(vote_all(&node, &mut voters).is_empty());
}
