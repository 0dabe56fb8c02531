//! A whole epoch with real votes: who voted is neither jailed nor paid less, however late its votes come.

use umbel_consensus::DEFAULT_CACHE_BYTES;
use umbel_crypto::keys::MlDsaRole;
use umbel_types::consensus_api::ConsensusApi;
use umbel_types::genesis::{GenesisSpec, GenesisValidator, devnet};
use umbel_types::staking::{OverlayRecord, Validator, ValidatorStanding};
use umbel_types::state::{State, StateClass};
use umbel_types::{Amount, Decode, Hash32, Ledger, Network, Params, Vote};

use super::quick;
use super::voters::{Voter, voters};
use crate::fixture::{TestNode, mem_store, seed};

/// Two certificates in an epoch.
fn params() -> Params {
    Params { checkpoint_interval: 2, epoch_length: 130, ..quick() }
}

fn objects(node: &TestNode, class: StateClass) -> Vec<State> {
    let states = node.consensus.states(Ledger::Governance).expect("reads");
    states.into_iter().filter(|state| state.class == class).collect()
}

fn record(node: &TestNode) -> OverlayRecord {
    OverlayRecord::from_bytes(&objects(node, StateClass::Overlay)[0].body).expect("a record")
}

fn jailed(node: &TestNode) -> Vec<Hash32> {
    let validators = objects(node, StateClass::Validator);
    let validators = validators.iter().map(|state| Validator::from_bytes(&state.body).expect("a validator"));
    let jailed = validators.filter(|validator| validator.standing == ValidatorStanding::Jailed);
    jailed.map(|validator| umbel_crypto::ml_dsa::key_hash(&validator.key)).collect()
}

/// Epoch 0 to its end, with what it had counted then. The first three vote at once, the others when one more block is there.
fn one_epoch(spec: GenesisSpec, all: &mut [Voter]) -> (TestNode, OverlayRecord) {
    let node = TestNode::of(mem_store(), params(), spec, DEFAULT_CACHE_BYTES).expect("opens");
    let (prompt, slow) = all.split_at_mut(3);
    let mut late: Vec<Vote> = Vec::new();
    let mut counted = record(&node);
    while record(&node).epoch == 0 {
        counted = record(&node);
        node.advance(1);
        for vote in late.drain(..) {
            node.consensus.submit_vote(vote).expect("a vote");
        }
        if let Some(proposal) = node.consensus.vote_proposal().expect("reads") {
            late.extend(slow.iter_mut().filter_map(|voter| voter.vote(&node, &proposal)));
            for vote in prompt.iter_mut().filter_map(|voter| voter.vote(&node, &proposal)) {
                node.consensus.submit_vote(vote).expect("a vote");
            }
        }
    }
    (node, counted)
}

fn signed(counted: &OverlayRecord) -> Vec<(Hash32, u32)> {
    counted.signed.iter().map(|entry| (entry.validator, entry.certificates)).collect()
}

fn ids(voters: &[Voter]) -> Vec<Hash32> {
    let mut ids: Vec<Hash32> = voters.iter().map(|voter| voter.key.key_hash()).collect();
    ids.sort_unstable();
    ids
}

#[test]
fn who_votes_has_signed_every_certificate() {
    let mut all = voters();
    let (node, counted) = one_epoch(devnet(), &mut all);
    assert_eq!(counted.certificates, 2);
    assert_eq!(signed(&counted), ids(&all).into_iter().map(|id| (id, 2)).collect::<Vec<_>>());
    assert_eq!(jailed(&node), []);
}

/// Of four, the absent one stays: without it there would be no finality at all.
#[test]
fn of_four_none_is_jailed() {
    let mut all = voters();
    all.pop();
    let (node, counted) = one_epoch(devnet(), &mut all);
    assert_eq!(signed(&counted), ids(&all).into_iter().map(|id| (id, 2)).collect::<Vec<_>>());
    assert_eq!(jailed(&node), []);
}

#[test]
fn of_five_the_absent_one_alone_is_jailed() {
    let key = seed().ml_dsa_key(MlDsaRole::Vote, Network::Devnet, 0, 9);
    let mut spec = devnet();
    spec.validators.push(GenesisValidator {
        key: Box::new(key.verifying_key()),
        owner: spec.validators[0].owner,
        stake: Amount::from_str_tokens(400_000),
        commission_bps: 0,
    });
    // Three of a million are more than two thirds of 4,400,000: the fourth comes late, the fifth never.
    let mut all = voters();
    let (node, counted) = one_epoch(spec, &mut all);
    assert_eq!(signed(&counted), ids(&all).into_iter().map(|id| (id, 2)).collect::<Vec<_>>());
    assert_eq!(jailed(&node), [key.key_hash()]);
}
