//! Who is taken for absent: nobody who votes, however little stake it has and however late its votes come.

use umbel_consensus::DEFAULT_CACHE_BYTES;
use umbel_crypto::keys::MlDsaRole;
use umbel_dag::finality::VoteGuard;
use umbel_types::consensus_api::{ConsensusApi, VoteProposal};
use umbel_types::genesis::{GenesisValidator, devnet};
use umbel_types::{Amount, Certificate, Checkpoint, Decode, Link, Network, Params};

use super::dense;
use super::voters::{Voter, advance_voting, certificate, vote_all, voters};
use crate::fixture::{TestNode, mem_store, seed};

/// Four validators of 1,000,000 STR and one of 500,000, whose votes always come when the others' are enough.
pub(super) fn four_and_a_small_one() -> (TestNode, Vec<Voter>) {
    let key = seed().ml_dsa_key(MlDsaRole::Vote, Network::Devnet, 0, 9);
    let mut spec = devnet();
    spec.validators.push(GenesisValidator {
        key: Box::new(key.verifying_key()),
        owner: spec.validators[0].owner,
        stake: Amount::from_str_tokens(500_000),
        commission_bps: 0,
    });
    let params = Params { epoch_length: 60, ..dense() };
    let node = TestNode::of(mem_store(), params, spec, DEFAULT_CACHE_BYTES).expect("opens");
    let mut all = voters();
    all.push(Voter { key, guard: VoteGuard::default() });
    (node, all)
}

/// Were certificates made of as few votes as are enough, the smallest validators would never stand in one: no reward, and
/// out of the set behind every epoch, until only the largest are left.
#[test]
fn a_small_validator_that_votes_last_is_not_taken_for_absent() {
    let (node, mut all) = four_and_a_small_one();
    let small = all[4].key.key_hash();
    let mut carried = 0;
    for block in advance_voting(&node, &mut all, 123) {
        if !block.body.certificate.is_empty() {
            let certificate = Certificate::from_bytes(&block.body.certificate).expect("one");
            assert!(certificate.entries.iter().any(|entry| entry.validator == small), "{}", block.header.cert.index);
            carried += 1;
        }
    }
    assert!(carried >= 3, "{carried}");
    let status = node.consensus.finality();
    assert_eq!((status.epoch, status.validators.len()), (2, 5));
    assert!(status.validators.iter().any(|validator| validator.id == small));
}

/// Blocks come faster than votes travel: votes that reach miners one block behind the quorum stand in the certificate.
#[test]
fn votes_that_come_a_block_later_stand_in_the_certificate() {
    let (node, mut all) = four_and_a_small_one();
    let mut late: Option<VoteProposal> = None;
    let mut carried = 0;
    for _ in 0..123 {
        let block = node.advance(1).remove(0);
        if !block.body.certificate.is_empty() {
            let certificate = Certificate::from_bytes(&block.body.certificate).expect("one");
            assert_eq!(certificate.entries.len(), 5, "{}", block.header.cert.index);
            carried += 1;
        }
        let now = node.consensus.vote_proposal().expect("reads");
        vote_all(&node, &mut all[..4]);
        let next = late.take().and_then(|proposal| all[4].vote(&node, &proposal));
        next.map(|vote| node.consensus.submit_vote(vote).expect("in time"));
        late = now;
    }
    assert!(carried >= 3, "{carried}");
    assert_eq!((node.consensus.finality().epoch, node.consensus.finality().validators.len()), (2, 5));
}

/// A certificate without votes names any checkpoint at no cost. What nobody signed is not waited for.
#[test]
fn an_empty_certificate_stands_in_nobodys_way() {
    let node = TestNode::with(mem_store(), dense());
    let mut all = voters();
    let blocks = advance_voting(&node, &mut all, 33);
    let away = TestNode::with(mem_store(), dense());
    for block in &blocks[..32] {
        away.insert(block).expect("valid");
    }
    let carried = Certificate::from_bytes(&blocks[32].body.certificate).expect("it is due");
    let at = |index| Checkpoint { index, ..carried.link.target };
    for entries in [Vec::new(), carried.entries[..1].to_vec()] {
        let link = Link { source: at(u32::MAX - 1), target: at(u32::MAX) };
        // Whatever is said of it.
        let _verdict = away.consensus.submit_certificate(Certificate { epoch: 0, link, entries });
    }
    // One member alone, for a checkpoint that may come.
    let link = Link { source: at(33), target: at(34) };
    let one = certificate(&away, 0, link, &all[..1]);
    assert_eq!(away.consensus.submit_certificate(one), Ok(()));
    away.consensus.submit_certificate(carried).expect("its votes are good");
    let status = away.consensus.finality();
    assert_eq!((status.justified.index, status.finalized.index), (30, 29));
}
