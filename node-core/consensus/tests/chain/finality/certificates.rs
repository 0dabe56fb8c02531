//! Certificates in blocks, good ones and every kind of bad one.

use umbel_consensus::DEFAULT_CACHE_BYTES;
use umbel_crypto::keys::MlDsaRole;
use umbel_dag::finality::VoteGuard;
use umbel_types::consensus_api::{BlockStatus, ConsensusApi};
use umbel_types::errors::{BlockError, CertificateError, HeaderRuleError};
use umbel_types::genesis::devnet;
use umbel_types::{Amount, Block, BlockHash, CertRef, Certificate, Checkpoint, Decode, Encode, Link, Network};

use super::dense;
use super::voters::{Voter, advance_voting, certificate, voters};
use crate::fixture::{TestNode, insert_learning, mem_store, seed};

/// A node at whose next block certificate 30 is due, its chain by height, and its validators.
struct Due {
    node: TestNode,
    chain: Vec<BlockHash>,
    voters: Vec<Voter>,
}

impl Due {
    fn new() -> Self {
        let node = TestNode::with(mem_store(), dense());
        let mut voters = voters();
        let mut chain = vec![node.consensus.genesis_hash()];
        // Block 30 is a checkpoint that block 32 buries.
        chain.extend(advance_voting(&node, &mut voters, 32).iter().map(Block::hash));
        Self { node, chain, voters }
    }

    fn link(&self, source: u32, target: u32) -> Link {
        let at = |index: u32| Checkpoint { index, block: self.chain[index as usize] };
        Link { source: at(source), target: at(target) }
    }

    /// A block that introduces these bytes in the name of an index.
    fn block_with(&self, index: u32, bytes: Vec<u8>) -> Block {
        self.node.mine_edited(&[], |block| {
            block.header.cert = CertRef { index, hash: umbel_types::vote::cert_hash(&bytes) };
            block.body.certificate = bytes;
        })
    }

    /// What the node says of a block with this certificate. The block stays where it can be merged.
    fn verdict(&self, certificate: &Certificate) -> Result<BlockStatus, BlockError> {
        self.verdict_on_bytes(certificate.link.target.index, certificate.to_bytes())
    }

    fn verdict_on_bytes(&self, index: u32, bytes: Vec<u8>) -> Result<BlockStatus, BlockError> {
        let before = self.node.sink();
        let block = self.block_with(index, bytes);
        let verdict = self.node.insert(&block);
        if let Err(error) = &verdict {
            assert!(matches!(error, BlockError::Certificate(_)), "{error}");
            assert!(!error.is_peer_fault(), "whoever sent it may not have been able to tell");
            assert_eq!(self.node.consensus.status(block.hash()), Ok(Some(BlockStatus::Disqualified)));
            assert_eq!(self.node.sink(), before);
        }
        verdict
    }

    fn refusal(&self, certificate: &Certificate) -> CertificateError {
        match self.verdict(certificate) {
            Err(BlockError::Certificate(error)) => error,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn every_kind_of_bad_certificate_disqualifies_the_block() {
    let due = Due::new();
    let (all, sign) = (&due.voters, |link, who: &[Voter]| certificate(&due.node, 0, link, who));
    let good = sign(due.link(29, 30), &all[..3]);

    let error = due.verdict_on_bytes(30, b"no certificate".to_vec()).expect_err("no certificate");
    assert!(matches!(error, BlockError::Certificate(CertificateError::Decode(_))), "{error}");
    let error = due.verdict_on_bytes(31, good.to_bytes()).expect_err("another index");
    assert_eq!(error, CertificateError::Target { got: 30, expected: 31 }.into());

    let skip = sign(due.link(28, 30), all);
    assert_eq!(due.refusal(&skip), CertificateError::NotAdjacent { source_index: 28, target_index: 30 });

    // A block that nobody knows, one of the chain under another index.
    let unknown = Checkpoint { index: 30, block: BlockHash([7; 32]) };
    let misnamed = Checkpoint { index: 30, block: due.chain[28] };
    for target in [unknown, misnamed] {
        let link = Link { target, ..due.link(29, 30) };
        let expected = CertificateError::NotACheckpoint { index: 30, block: target.block };
        assert_eq!(due.refusal(&sign(link, all)), expected);
    }
    let source = Checkpoint { index: 29, block: due.chain[28] };
    let link = Link { source, ..due.link(29, 30) };
    assert_eq!(due.refusal(&sign(link, all)), CertificateError::NotACheckpoint { index: 29, block: due.chain[28] });

    let fresh = sign(due.link(30, 31), all);
    let verdict = due.refusal(&sign(due.link(31, 32), all));
    assert_eq!(verdict, CertificateError::NotBuried { got: 1, needed: 2 });
    let wrong_epoch = certificate(&due.node, 1, due.link(29, 30), all);
    assert_eq!(due.refusal(&wrong_epoch), CertificateError::Epoch { got: 1, expected: 0 });

    let key = seed().ml_dsa_key(MlDsaRole::Vote, Network::Devnet, 0, 9);
    let stranger = Voter { key, guard: VoteGuard::default() };
    let with_stranger = certificate(&due.node, 0, due.link(29, 30), all.iter().chain([&stranger]));
    assert_eq!(due.refusal(&with_stranger), CertificateError::Stranger(stranger.key.key_hash()));

    assert_eq!(due.refusal(&sign(due.link(29, 30), &all[..2])), CertificateError::TooLittleStake);
    assert_eq!(due.refusal(&sign(due.link(29, 30), &[])), CertificateError::TooLittleStake);

    let mut forged = good.clone();
    forged.entries[1].signature[100] ^= 1;
    assert_eq!(due.refusal(&forged), CertificateError::Signature(good.entries[1].validator));
    // A good signature for another link.
    let mut swapped = good.clone();
    swapped.entries[0].signature = fresh.entries[0].signature.clone();
    assert_eq!(due.refusal(&swapped), CertificateError::Signature(good.entries[0].validator));

    // One signer twice, or out of order, is no encoding.
    let mut twice = good.clone();
    twice.entries[1] = twice.entries[0].clone();
    let mut unsorted = good.clone();
    unsorted.entries.swap(0, 1);
    for bad in [twice, unsorted] {
        assert!(matches!(due.refusal(&bad), CertificateError::Decode(_)));
    }

    // A checkpoint with that index, beside this chain.
    let block = due.node.mine_edited(&[], |block| {
        block.header.parents = vec![due.chain[29]];
        block.header.cert = CertRef::genesis();
        block.body.certificate.clear();
    });
    let (beside, verdict) = insert_learning(&due.node, block);
    assert_eq!((beside.header.blue_score.0, verdict), (30, Ok(BlockStatus::PendingState)));
    let link = Link { target: Checkpoint { index: 30, block: beside.hash() }, ..due.link(29, 30) };
    assert_eq!(due.refusal(&sign(link, all)), CertificateError::NotACheckpoint { index: 30, block: beside.hash() });

    // None of them has spoiled the good one: in a block, and then no longer due.
    assert_eq!(due.verdict(&good), Ok(BlockStatus::StateValid));
    let next = due.node.advance(1).remove(0);
    assert_eq!((next.header.cert, next.body.certificate.len()), (good.reference(), 0));
}

/// Two thirds of the stake are not enough: stakes 2, 2, 1, 1.
#[test]
fn exactly_two_thirds_do_not_certify() {
    let mut spec = devnet();
    let mut members = voters();
    let id_of = |key: &[u8; umbel_types::lock::ML_DSA_KEY_BYTES]| umbel_crypto::ml_dsa::key_hash(key);
    spec.validators.sort_by_key(|validator| id_of(&validator.key));
    members.sort_by_key(|voter| voter.key.key_hash());
    for (validator, stake) in spec.validators.iter_mut().zip([200_000, 200_000, 100_000, 100_000]) {
        validator.stake = Amount::from_str_tokens(stake);
    }
    let node = TestNode::of(mem_store(), dense(), spec, DEFAULT_CACHE_BYTES).expect("opens");
    let mut chain = vec![node.consensus.genesis_hash()];
    chain.extend(node.advance(32).iter().map(Block::hash));
    let due = Due { node, chain, voters: members };
    let sign = |who: &[usize]| certificate(&due.node, 0, due.link(29, 30), who.iter().map(|n| &due.voters[*n]));
    assert_eq!(due.refusal(&sign(&[0, 1])), CertificateError::TooLittleStake);
    assert_eq!(due.refusal(&sign(&[0, 2, 3])), CertificateError::TooLittleStake);
    // Votes neither.
    let proposal = due.node.consensus.vote_proposal().expect("reads").expect("buried");
    for (who, justified) in [(0, 0), (1, 0), (2, 30)] {
        due.node.consensus.submit_vote(due.voters[who].sign(&due.node, 0, proposal.link)).expect("a vote");
        assert_eq!(due.node.consensus.finality().justified.index, justified);
    }
    assert_eq!(due.verdict(&sign(&[0, 1, 3])), Ok(BlockStatus::StateValid));
}

#[test]
fn a_body_without_its_certificate_is_not_judged() {
    let due = Due::new();
    let good = due.node.mine(&[]);
    let certificate = Certificate::from_bytes(&good.body.certificate).expect("it is due");
    assert_eq!(certificate.link, due.link(29, 30));
    let swapped = |edit: &dyn Fn(&mut Vec<u8>)| {
        let mut block = good.clone();
        edit(&mut block.body.certificate);
        due.node.insert(&block)
    };
    for _ in 0..2 {
        assert_eq!(swapped(&|bytes| bytes.clear()), Err(BlockError::CertificateMismatch));
        assert_eq!(swapped(&|bytes| bytes[500] ^= 1), Err(BlockError::CertificateMismatch));
        assert_eq!(swapped(&|bytes| bytes.push(0)), Err(BlockError::CertificateMismatch));
        assert_eq!(due.node.consensus.status(good.hash()), Ok(Some(BlockStatus::HeaderOnly)));
    }
    assert_eq!(due.node.insert(&good), Ok(BlockStatus::StateValid));
    let mut plain = due.node.mine(&[]);
    plain.body.certificate = good.body.certificate.clone();
    assert_eq!(due.node.insert(&plain), Err(BlockError::UnexpectedCertificate));
    plain.body.certificate.clear();
    assert_eq!(due.node.insert(&plain), Ok(BlockStatus::StateValid));
}

#[test]
fn a_header_raises_the_index_by_an_interval_or_not_at_all() {
    let due = Due::new();
    let edited = |edit: &dyn Fn(&mut CertRef)| {
        let block = due.node.mine_edited(&[], |block| {
            block.body.certificate.clear();
            block.header.cert = CertRef::genesis();
            edit(&mut block.header.cert);
        });
        let verdict = due.node.insert(&block);
        (verdict, due.node.consensus.status(block.hash()).expect("reads"))
    };
    let refused = |got| Err(HeaderRuleError::CertRef { got, least: 30 }.into());
    assert_eq!(edited(&|cert| cert.index = 29), (refused(29), Some(BlockStatus::Invalid)));
    assert_eq!(edited(&|cert| cert.hash.0[0] ^= 1), (refused(0), Some(BlockStatus::Invalid)));
    // To repeat is always right: nobody has to include one.
    assert_eq!(edited(&|_| {}), (Ok(BlockStatus::StateValid), Some(BlockStatus::StateValid)));
}

/// The size of a certificate is not taken from the room for transactions.
#[test]
fn a_certificate_does_not_count_in_the_size_of_a_body() {
    let mut params = dense();
    let node = TestNode::with(mem_store(), params.clone());
    let empty = node.mine(&[]).body.to_bytes().len();
    params.max_body_bytes = empty;
    let node = TestNode::with(mem_store(), params);
    let mut voters = voters();
    advance_voting(&node, &mut voters, 32);
    let block = node.mine(&[]);
    assert!(block.body.certificate.len() > 9_000 && block.body.to_bytes().len() > empty + 9_000);
    assert_eq!(node.insert(&block), Ok(BlockStatus::StateValid));
}

/// A reorganisation over a block with a certificate takes its effect back; the other branch carries its own.
#[test]
fn a_reorganisation_across_a_certificate() {
    let due = Due::new();
    let other = TestNode::with(mem_store(), dense());
    for hash in &due.chain[1..] {
        other.insert(&due.node.consensus.block(*hash).expect("here")).expect("valid");
    }
    let pool = |node: &TestNode| node.commitments();
    let before = pool(&other);
    // One branch carries it at once, the other one two blocks later, and is heavier in the end.
    let carrying = due.node.advance(1).remove(0);
    assert!(!carrying.body.certificate.is_empty());
    let abandoned = due.node.advance(2);
    other.mine(&[]);
    let later: Vec<Block> = other.advance(2);
    assert!(later.iter().all(|block| block.body.certificate.is_empty()), "it has heard no vote");
    assert_ne!(pool(&other), before);
    let certificate = Certificate::from_bytes(&carrying.body.certificate).expect("one");
    assert_eq!(other.consensus.finality().justified.index, 0);
    other.consensus.submit_certificate(certificate).expect("its votes are good");
    assert_eq!((other.consensus.finality().justified.index, other.consensus.finality().finalized.index), (30, 29));
    let mut heavier = later;
    heavier.extend(other.advance(4));
    assert_eq!(heavier.iter().filter(|block| !block.body.certificate.is_empty()).count(), 1);
    for block in &heavier {
        due.node.insert(block).expect("valid");
    }
    for block in [&carrying].into_iter().chain(&abandoned) {
        other.insert(block).expect("valid");
    }
    assert_eq!(due.node.sink(), other.sink());
    assert_eq!(pool(&due.node), pool(&other));
    // And a node that hears of both branches in one go agrees.
    let third = TestNode::with(mem_store(), dense());
    for hash in &due.chain[1..] {
        third.insert(&due.node.consensus.block(*hash).expect("here")).expect("valid");
    }
    for block in heavier.iter().chain([&carrying]).chain(&abandoned) {
        third.insert(block).expect("valid");
    }
    assert_eq!(pool(&third), pool(&other));
}
