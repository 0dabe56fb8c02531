//! Votes that contradict each other: where they are found, and that they are not lost.

use umbel_consensus::verify::{VerifyError, verify_chain};
use umbel_store::{Batch, Durability, Table};
use umbel_types::consensus_api::{ConsensusApi, VoteAdmission};
use umbel_types::genesis::devnet;
use umbel_types::{BlockHash, Checkpoint, Link};

use super::dense;
use super::voters::{advance_voting, voters};
use crate::fixture::{TestNode, mem_store};

/// A node heard another vote of a validator that stands in a certificate; nobody sends it the votes of that.
#[test]
fn votes_in_the_certificates_of_blocks_are_evidence_too() {
    let node = TestNode::with(mem_store(), dense());
    let mut all = voters();
    let blocks = advance_voting(&node, &mut all, 33);
    let store = mem_store();
    let listener = TestNode::with(store.clone(), dense());
    for block in &blocks[..32] {
        listener.insert(block).expect("valid");
    }
    assert!(!blocks[32].body.certificate.is_empty());
    let at = |index: u32, block| Checkpoint { index, block };
    let link = Link { source: at(29, blocks[28].hash()), target: at(30, BlockHash([9; 32])) };
    let admission = listener.consensus.submit_vote(all[1].sign(&listener, 0, link));
    assert!(matches!(admission, Ok(VoteAdmission::Added { .. })), "{admission:?}");
    assert_eq!(listener.consensus.evidence(), []);
    listener.insert(&blocks[32]).expect("valid");
    let evidence = listener.consensus.evidence();
    assert_eq!(evidence.iter().map(|pair| pair.first.validator).collect::<Vec<_>>(), [all[1].key.key_hash()]);
    assert!(evidence[0].first.offence(&evidence[0].second).is_some());
    let guilty = |node: &TestNode| node.consensus.finality().validators.iter().filter(|v| v.equivocated).count();
    assert_eq!(guilty(&listener), 1);

    // It is there after a restart, and what a damaged disk makes of it is noticed.
    listener.consensus.shutdown();
    drop(listener);
    let listener = TestNode::with(store.clone(), dense());
    assert_eq!(listener.consensus.evidence(), evidence);
    assert_eq!(guilty(&listener), 1);
    listener.consensus.shutdown();
    drop(listener);
    let verify = || verify_chain(&dense(), &devnet(), store.clone(), &mut |_| {});
    verify().expect("nothing was touched");
    let value = store.get(Table::Meta, b"chain/evidence").expect("reads").expect("is there");
    let mut batch = Batch::new();
    batch.put(Table::Meta, b"chain/evidence", value[..value.len() - 1].to_vec());
    store.write(batch, Durability::Immediate).expect("writes");
    assert!(matches!(verify(), Err(VerifyError::Mismatch(_))));
}
