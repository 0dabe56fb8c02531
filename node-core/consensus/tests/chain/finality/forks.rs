//! R11 and R12: what is justified decides which chain is followed.

use umbel_types::consensus_api::{BlockStatus, ConsensusApi, VoteAdmission};
use umbel_types::errors::BlockError;
use umbel_types::vote::Offence;
use umbel_types::{Block, Hash32, Params, Vote};

use super::voters::{Voter, advance_voting, vote_all, voters};
use super::{quick, without_overlay};
use crate::fixture::{TestNode, insert_learning, mem_store};

fn node() -> TestNode {
    TestNode::with(mem_store(), quick())
}

/// Two nodes with a common beginning whose clocks differ, so that their branches do.
fn two_branches(common: usize, open: impl Fn() -> TestNode) -> (TestNode, TestNode) {
    let (one, two) = (open(), open());
    two.mine(&[]);
    for block in one.advance(common) {
        two.insert(&block).expect("valid");
    }
    (one, two)
}

fn tell(node: &TestNode, blocks: &[Block]) {
    for block in blocks {
        node.insert(block).expect("valid");
    }
}

fn cast(node: &TestNode, votes: &[Vote]) {
    for vote in votes {
        node.consensus.submit_vote(vote.clone()).expect("a vote");
    }
}

#[test]
fn a_heavier_branch_without_the_justified_checkpoint_is_not_followed() {
    let (one, two) = two_branches(4, node);
    let mut voters = voters();
    let own: Vec<Block> = advance_voting(&one, &mut voters, 8);
    assert_eq!(one.consensus.finality().justified.index, 3);
    let heavier = two.advance(20);
    for block in &heavier {
        assert_eq!(one.insert(block), Ok(BlockStatus::PendingState), "it may be merged later");
    }
    assert_eq!(one.sink(), own[7].hash());
    // Nor is it a parent while it would be the selected one.
    let next = one.advance(1).remove(0);
    assert!(!next.header.parents.contains(&heavier[19].hash()));
    let selected_parent = |block: &Block| one.consensus.block_summary(block.hash()).expect("known").selected_parent;
    assert_eq!(selected_parent(&next), own[7].hash());
    // It is not held against it: once the own chain is heavier, it is merged.
    let merging = one.advance(20).pop().expect("some");
    let merges = |block: &Block| block.header.parents.contains(&heavier[19].hash());
    let tip = heavier[19].hash();
    assert_eq!(one.consensus.status(tip), Ok(Some(BlockStatus::PendingState)));
    assert!(one.consensus.block_summary(merging.hash()).expect("known").is_chain_block);
    let path = one.consensus.chain_path(own[7].hash(), 100).expect("own").added;
    assert!(path.iter().any(|hash| merges(&one.consensus.block(*hash).expect("here"))));
}

/// The same two branches where nobody votes, and where nobody can.
#[test]
fn without_votes_the_heavier_branch_is_followed() {
    for open in [node, || without_overlay(quick())] {
        let (one, two) = two_branches(4, open);
        one.advance(8);
        tell(&one, &two.advance(20));
        assert_eq!(one.sink(), two.sink());
        assert_eq!(one.consensus.finality().finalized.index, 0);
    }
    assert!(!without_overlay(quick()).consensus.finality().overlay_on);
    assert!(node().consensus.finality().overlay_on);
}

/// With the overlay off, what lies the finality depth below the sink is final.
#[test]
fn without_validators_depth_makes_final() {
    let node = without_overlay(Params { finality_depth: 20, ..quick() });
    let mut voters = voters();
    let blocks = node.advance(40);
    assert_eq!(node.consensus.vote_proposal(), Ok(None));
    assert!(vote_all(&node, &mut voters).is_empty());
    let status = node.consensus.finality();
    // The deepest that counts is block 20; checkpoint 6 is block 18.
    assert_eq!((status.finalized.index, status.finalized.block), (6, blocks[17].hash()));
    assert_eq!((status.finalized_blue_score.0, status.gap, status.stalled), (18, 22, false));
}

/// Votes for a lighter branch, before its blocks or behind them: the node goes over to it.
#[test]
fn a_node_goes_over_to_what_was_justified() {
    for votes_first in [false, true] {
        let (one, two) = two_branches(4, node);
        let own = one.advance(12);
        let mut voters = voters();
        let mut votes = Vec::new();
        let mut lighter = Vec::new();
        for _ in 0..8 {
            lighter.extend(two.advance(1));
            votes.extend(vote_all(&two, &mut voters));
        }
        let justified = two.consensus.finality();
        if votes_first {
            cast(&one, &votes);
            // Nothing that is not known here counts.
            assert_eq!((one.sink(), one.consensus.finality().justified.index), (own[11].hash(), 1));
            tell(&one, &lighter);
        } else {
            for block in &lighter {
                assert_eq!(one.insert(block), Ok(BlockStatus::PendingState));
            }
            assert_eq!(one.sink(), own[11].hash());
            cast(&one, &votes);
        }
        assert_eq!(one.sink(), two.sink(), "votes first: {votes_first}");
        let there = one.consensus.finality();
        assert_eq!((there.justified, there.finalized), (justified.justified, justified.finalized));
        // The abandoned branch outweighs it and stays abandoned.
        let next = one.advance(1).remove(0);
        let summary = one.consensus.block_summary(next.hash()).expect("known");
        assert_eq!((summary.selected_parent, summary.is_chain_block), (lighter[7].hash(), true));
        tell(&two, &own);
        two.insert(&next).expect("valid");
        assert_eq!(one.commitments(), two.commitments());
    }
}

/// Votes for a chain that can't be verified change nothing, and don't stop the node.
#[test]
fn votes_for_a_chain_that_can_not_be_verified_are_refused() {
    let (one, two) = two_branches(4, node);
    let own = one.advance(12);
    let bad = two.mine_edited(&[], |b| b.header.utxo_commit = Hash32([9; 32]));
    assert!(matches!(two.insert(&bad), Err(BlockError::Commitment { .. })));
    let mut evil = vec![bad];
    for _ in 0..6 {
        let parent = evil.last().expect("one").hash();
        let block = two.mine_edited(&[], |b| b.header.parents = vec![parent]);
        evil.push(insert_learning(&two, block).0);
    }
    for block in &evil {
        let _verdicts_differ = one.insert(block);
    }
    let voters = voters();
    // Checkpoint 2 is block 6 of each chain: the second of the evil ones.
    let genesis = one.consensus.finality().justified;
    let target = umbel_types::Checkpoint { index: 2, block: evil[1].hash() };
    let link = umbel_types::Link { source: genesis, target };
    for voter in &voters {
        one.consensus.submit_vote(voter.sign(&one, 0, link)).expect("a vote");
    }
    assert_eq!((one.sink(), one.consensus.finality().justified), (own[11].hash(), genesis));
    one.advance(3);
    assert!(one.consensus.failure().is_none());
}

/// Two partitions, with validators that vote in both. `doubles` of the four do; the rest is split. The second
/// partition mines `more` blocks more.
fn partition(
    doubles: &[usize],
    ones: &[usize],
    twos: &[usize],
    more: usize,
) -> (TestNode, TestNode, [Vec<Block>; 2], [Vec<Vote>; 2]) {
    let (one, two) = two_branches(2, node);
    let mut logs = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    for (side, (node, own)) in [(&one, ones), (&two, twos)].into_iter().enumerate() {
        let mut members: Vec<Voter> = voters();
        for _ in 0..14 + side * more {
            logs.0[side].extend(node.advance(1));
            let Some(proposal) = node.consensus.vote_proposal().expect("reads") else { continue };
            for who in own.iter().chain(doubles) {
                let vote = members[*who].vote(node, &proposal);
                cast(node, vote.as_slice());
                logs.1[side].extend(vote);
            }
        }
    }
    (one, two, logs.0, logs.1)
}

#[test]
fn less_than_a_third_can_not_make_two_chains_final() {
    let (one, two, blocks, votes) = partition(&[3], &[0, 1], &[2], 0);
    assert!(one.consensus.finality().finalized.index >= 2);
    assert_eq!(two.consensus.finality().justified.index, 0);
    // Healed: everybody on the chain that is final, although the other one is not lighter.
    tell(&two, &blocks[0]);
    cast(&two, &votes[0]);
    for block in &blocks[1] {
        one.insert(block).expect("valid");
    }
    cast(&one, &votes[1]);
    assert_eq!(one.sink(), two.sink());
    assert_eq!(one.consensus.finality().finalized, two.consensus.finality().finalized);
    for node in [&one, &two] {
        let caught: Vec<_> = node.consensus.evidence().iter().map(|e| e.first.validator).collect();
        assert_eq!(caught, [voters()[3].key.key_hash()]);
    }
}

/// Half of the stake votes twice: two chains are final, both nodes stay where they are, and both can prove who did it.
#[test]
fn a_third_that_votes_twice_is_caught_with_both_votes() {
    let (one, two, blocks, votes) = partition(&[2, 3], &[0], &[1], 6);
    let finals = [one.consensus.finality().finalized, two.consensus.finality().finalized];
    assert!(finals.iter().all(|checkpoint| checkpoint.index >= 2));
    // The second certifies links that begin above what is final for the first.
    assert!(finals[1].index > finals[0].index);
    let sinks = [one.sink(), two.sink()];
    let newest = [&one, &two].map(|node| {
        let summary = node.consensus.finality().last_certificate.clone().expect("held");
        node.consensus.certificate(summary.link.target.index).expect("reads").expect("held")
    });
    for (node, other) in [(&one, 1), (&two, 0)] {
        for block in &blocks[other] {
            node.insert(block).expect("valid");
        }
        let conflicting = votes[other].iter().filter_map(|vote| node.consensus.submit_vote(vote.clone()).ok());
        assert!(conflicting.filter(|admission| *admission == VoteAdmission::Conflicting).count() >= 2);
        // Nor does a certificate, good as it is, lead away from what is final here.
        node.consensus.submit_certificate(newest[other].clone()).expect("its votes are good");
    }
    assert_eq!([one.sink(), two.sink()], sinks);
    assert_eq!([one.consensus.finality().finalized, two.consensus.finality().finalized], finals);
    let mut guilty: Vec<_> = voters()[2..].iter().map(|voter| voter.key.key_hash()).collect();
    guilty.sort_unstable();
    for node in [&one, &two] {
        let evidence = node.consensus.evidence();
        assert_eq!(evidence.iter().map(|e| e.first.validator).collect::<Vec<_>>(), guilty);
        for pair in &evidence {
            assert_eq!(pair.first.offence(&pair.second), Some(Offence::DoubleVote));
        }
        let status = node.consensus.finality();
        assert_eq!(status.validators.iter().filter(|v| v.equivocated).count(), 2);
    }
}

/// Half votes for one branch at an index, half for the other; at the next index all are on one chain, and it is justified
/// over the gap. One more makes it final.
#[test]
fn split_votes_recover_at_the_next_index() {
    let (one, two) = two_branches(2, node);
    let mut members = voters();
    let own = one.advance(4);
    let other = two.advance(4);
    let (left, right) = members.split_at_mut(2);
    let mut votes = vote_all(&one, left);
    votes.extend(vote_all(&two, right));
    assert_eq!(votes.len(), 4);
    for (node, blocks) in [(&one, &other), (&two, &own)] {
        tell(node, blocks);
        cast(node, &votes);
        assert_eq!(node.consensus.finality().justified.index, 0);
    }
    assert_eq!(one.sink(), two.sink());
    let mut finalized = Vec::new();
    for _ in 0..8 {
        let block = one.advance(1).remove(0);
        two.insert(&block).expect("valid");
        let votes = vote_all(&one, &mut members);
        cast(&two, &votes);
        finalized.push(one.consensus.finality().finalized.index);
        assert_eq!(one.consensus.finality().justified, two.consensus.finality().justified);
    }
    assert!(finalized.contains(&2) && !finalized.contains(&1), "{finalized:?}");
    assert!(one.consensus.evidence().is_empty());
}

/// The status says when finality lags, and when it has stalled.
#[test]
fn a_stall_is_said() {
    let node = TestNode::with(mem_store(), Params { stall_depth: 90, ..quick() });
    let mut seen = Vec::new();
    for height in 1..=100u64 {
        node.advance(1);
        let status = node.consensus.finality();
        assert_eq!(status.gap, height);
        seen.push((status.late, status.stalled));
    }
    assert_eq!(seen.iter().position(|(late, _)| *late), Some(60));
    assert_eq!(seen.iter().position(|(_, stalled)| *stalled), Some(90));
}
