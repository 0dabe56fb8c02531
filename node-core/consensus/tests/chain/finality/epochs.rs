//! The change of validators: which set has a say about which link.

use umbel_crypto::keys::MlDsaRole;
use umbel_dag::finality::VoteGuard;
use umbel_types::consensus_api::{BlockStatus, ConsensusApi};
use umbel_types::errors::{BlockError, CertificateError};
use umbel_types::{Block, BlockHash, Certificate, Checkpoint, Link, Network};

use super::absence::four_and_a_small_one;
use super::voters::{Voter, certificate, vote_all, voters};
use crate::fixture::{TestNode, seed};

/// Four validators of 1,000,000 STR that vote, a fifth of 500,000 that never does: it is left out of the set of epoch 2.
fn five() -> TestNode {
    four_and_a_small_one().0
}

/// A chain whose blocks carry certificates of just these indices.
struct Chain {
    node: TestNode,
    voters: Vec<Voter>,
    blocks: Vec<BlockHash>,
}

const CARRIED: [u32; 3] = [31, 61, 91];

impl Chain {
    fn advance_to(&mut self, height: usize) {
        while self.blocks.len() <= height {
            let sink = self.node.sink();
            let parent = self.node.consensus.header(sink).expect("here").cert;
            let block = self.node.mine_edited(&[], |block| {
                if !CARRIED.contains(&block.header.cert.index) {
                    block.header.cert = parent;
                    block.body.certificate.clear();
                }
            });
            assert_eq!(self.node.insert(&block), Ok(BlockStatus::StateValid));
            self.blocks.push(block.hash());
            vote_all(&self.node, &mut self.voters);
        }
    }

    fn link(&self, source: u32, target: u32) -> Link {
        let at = |index: u32| Checkpoint { index, block: self.blocks[index as usize] };
        Link { source: at(source), target: at(target) }
    }

    /// A block with a certificate on the sink.
    fn carrying(&self, certificate: &Certificate) -> Block {
        self.node.mine_edited(&[], |block| {
            block.header.cert = certificate.reference();
            block.body.certificate = umbel_types::Encode::to_bytes(certificate);
        })
    }
}

/// The boundary between epochs 1 and 2 is checkpoint 120. Three voters are more than two thirds of the new set (3 of 4),
/// not of the old one (3 of 4.5).
#[test]
fn a_link_over_a_change_of_sets_needs_both() {
    let node = five();
    let blocks = vec![node.consensus.genesis_hash()];
    let mut chain = Chain { node, voters: voters(), blocks };
    chain.advance_to(119);
    let status = chain.node.consensus.finality();
    assert_eq!((status.epoch, status.validators.len(), status.finalized.index), (1, 5, 116));
    chain.advance_to(122);
    let status = chain.node.consensus.finality();
    assert_eq!((status.epoch, status.validators.len(), status.justified.index), (2, 4, 120));
    // The boundary itself is the old set's.
    let newest = chain.node.consensus.certificate(120).expect("reads").expect("held");
    assert_eq!((newest.epoch, newest.entries.len()), (1, 4));

    // Block 123 buries checkpoint 121, whose link spans the change.
    let block = chain.node.mine_edited(&[], |block| {
        block.header.cert = chain.node.consensus.header(chain.node.sink()).expect("here").cert;
        block.body.certificate.clear();
    });
    chain.node.insert(&block).expect("valid");
    chain.blocks.push(block.hash());
    let proposal = chain.node.consensus.vote_proposal().expect("reads").expect("buried");
    assert_eq!((proposal.epoch, proposal.link, proposal.set.len()), (2, chain.link(120, 121), 5));
    for (count, voter) in chain.voters.iter_mut().enumerate() {
        let vote = voter.vote(&chain.node, &proposal).expect("may sign");
        chain.node.consensus.submit_vote(vote).expect("a vote");
        let justified = chain.node.consensus.finality().justified.index;
        assert_eq!(justified, if count < 3 { 120 } else { 121 }, "{count}");
    }

    // The same in a block: by the new set alone, in the name of the old epoch, by both.
    let over = chain.link(120, 121);
    let refused = |certificate: &Certificate| match chain.node.insert(&chain.carrying(certificate)) {
        Err(BlockError::Certificate(error)) => error,
        other => panic!("{other:?}"),
    };
    let of_three = certificate(&chain.node, 2, over, &chain.voters[..3]);
    assert_eq!(refused(&of_three), CertificateError::TooLittleStake);
    let old_epoch = certificate(&chain.node, 1, over, &chain.voters);
    assert_eq!(refused(&old_epoch), CertificateError::Epoch { got: 1, expected: 2 });
    // The fifth is of the old set still.
    let key = seed().ml_dsa_key(MlDsaRole::Vote, Network::Devnet, 0, 9);
    let fifth = Voter { key, guard: VoteGuard::default() };
    let with_fifth = certificate(&chain.node, 2, over, chain.voters[..3].iter().chain([&fifth]));
    assert_eq!(chain.node.insert(&chain.carrying(&with_fifth)), Ok(BlockStatus::StateValid));

    // Behind the boundary the new set is enough, and the old one has no say.
    let sink = chain.node.sink();
    chain.blocks.push(sink);
    let inner = chain.node.consensus.vote_proposal().expect("reads").expect("buried");
    assert_eq!((inner.link, inner.set.len()), (chain.link(121, 122), 4));
    chain.node.consensus.submit_vote(fifth.sign(&chain.node, 2, inner.link)).expect("known of old");
    for (count, voter) in chain.voters[..3].iter_mut().enumerate() {
        let vote = voter.vote(&chain.node, &inner).expect("may sign");
        chain.node.consensus.submit_vote(vote).expect("a vote");
        assert_eq!(chain.node.consensus.finality().justified.index, if count < 2 { 121 } else { 122 });
    }
    // The last of epoch 1 is kept beside the newest two.
    let kept: Vec<u32> =
        (0..130).filter(|index| chain.node.consensus.certificate(*index).expect("reads").is_some()).collect();
    assert_eq!(kept, [60, 120, 121, 122]);

    // Nor in a block: it has a key, and no seat.
    chain.advance_to(156);
    let newest = chain.node.consensus.finality().last_certificate.clone().expect("held").link;
    assert!(newest.target.index >= 151);
    let late = certificate(&chain.node, 2, newest, chain.voters[..3].iter().chain([&fifth]));
    let refused = chain.node.insert(&chain.carrying(&late));
    assert_eq!(refused, Err(CertificateError::Stranger(fifth.key.key_hash()).into()));
    let good = certificate(&chain.node, 2, newest, &chain.voters[..3]);
    assert_eq!(chain.node.insert(&chain.carrying(&good)), Ok(BlockStatus::StateValid));
}
