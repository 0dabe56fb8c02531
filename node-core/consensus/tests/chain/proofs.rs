//! Proofs made from a chain hold for whoever trusts a block of it.

use umbel_consensus::{Acceptance, ProveError};
use umbel_ledger::genesis::genesis_outpoint;
use umbel_ledger::proofs::{Accepted, Fact, LedgerProof, Proven};
use umbel_ledger::state_tree::StateKey;
use umbel_types::consensus_api::ConsensusApi;
use umbel_types::genesis::GenesisWallet;
use umbel_types::state::{LedgerBalance, State, StateClass, object_id};
use umbel_types::{Amount, BlockHash, Decode, Encode, Ledger, OutPoint, TxId};

use crate::fixture::{TestNode, market_key, pay_public};

/// What a proof says after it went through its bytes.
fn told(proof: Result<LedgerProof, ProveError>, trusted: BlockHash) -> Proven {
    let bytes = proof.expect("a proof").to_bytes();
    LedgerProof::from_bytes(&bytes).expect("one encoding").verify(trusted).expect("the proof holds")
}

fn state_of(proven: &Proven) -> Option<&State> {
    match proven.fact() {
        Fact::State(state) => state.state(),
        other => panic!("not about state: {other:?}"),
    }
}

fn chain_of(node: &TestNode) -> Vec<BlockHash> {
    let genesis = node.consensus.genesis_hash();
    let path = node.consensus.chain_path(genesis, 1_000).expect("the chain");
    [vec![genesis], path.added].concat()
}

#[test]
fn every_block_is_proven_below_every_later_one() {
    let node = TestNode::new();
    node.advance(20);
    let chain = chain_of(&node);
    for (above, anchor) in chain.iter().enumerate() {
        for (height, block) in chain[..above].iter().enumerate() {
            let proven = told(node.consensus.prove_place(*block, Some(*anchor)), *anchor);
            assert_eq!(proven.heights(), Some((height as u64, above as u64)));
            assert_eq!(proven.header().hash(), *block);
        }
        let (genesis, anchor) = (chain[0], *anchor);
        let upside_down = node.consensus.prove_place(anchor, Some(genesis));
        let refused = Err(ProveError::NotBelow { block: anchor, anchor: genesis });
        assert!(anchor == genesis || upside_down == refused);
    }
    let unknown = BlockHash([7; 32]);
    assert_eq!(node.consensus.prove_place(unknown, None), Err(ProveError::NotOnChain(unknown)));
}

#[test]
fn payments_and_rewards_are_proven() {
    let node = TestNode::new();
    let pay = |from: GenesisWallet, units: u64| {
        let amount = Amount::from_units(units);
        pay_public(&node, genesis_outpoint(from), market_key().address(), amount, |_| {})
    };
    let tx = pay(GenesisWallet::ALL[0], 70_000);
    let carrier = node.mine(std::slice::from_ref(&tx));
    node.insert(&carrier).expect("a good block");
    let side: Vec<_> = (0..3).map(|_| node.mine(&[])).collect();
    for block in &side {
        node.insert(block).expect("a good block");
    }
    let accepting = node.advance(1)[0].hash();
    node.advance(4);
    let (txid, chain) = (tx.txid(), chain_of(&node));
    let sink = node.sink();
    let found = node.consensus.accepting_block(txid).expect("reads").expect("it is found");
    assert!(chain.contains(&found));

    let proven = told(node.consensus.prove_acceptance(Acceptance::Transaction(txid), found, None), sink);
    let Fact::Acceptance(acceptance) = proven.fact() else { panic!("not about acceptance") };
    let Accepted::Transaction(facts) = acceptance.accepted() else { panic!("not about a transaction") };
    assert_eq!((acceptance.ledger(), facts.txid, proven.header().hash()), (Ledger::Main, txid, found));

    // The block that merged three others paid for each; every chain block's rewards are proven.
    for block in &chain[2..] {
        let proven = told(node.consensus.prove_acceptance(Acceptance::System, *block, None), sink);
        let Fact::Acceptance(acceptance) = proven.fact() else { panic!("not about acceptance") };
        let Accepted::System(facts) = acceptance.accepted() else { panic!("not about rewards") };
        let data = node.consensus.acceptance(*block).expect("a chain block");
        let paid: Vec<OutPoint> = data.merged.iter().copied().map(OutPoint::of_coinbase).collect();
        assert_eq!(facts.outpoints, paid);
        assert!(*block != accepting || paid.len() >= 3, "{} rewards", paid.len());
    }
    let elsewhere = chain.iter().copied().find(|block| *block != found).expect("a chain block");
    let refused = Err(ProveError::NotAccepted(elsewhere));
    assert_eq!(node.consensus.prove_acceptance(Acceptance::Transaction(txid), elsewhere, None), refused);
    let unknown = TxId([9; 32]);
    assert_eq!(node.consensus.accepting_block(unknown), Ok(None));
    let refused = Err(ProveError::NotAccepted(found));
    assert_eq!(node.consensus.prove_acceptance(Acceptance::Transaction(unknown), found, None), refused);
}

#[test]
fn the_state_is_proven_where_it_was() {
    let node = TestNode::new();
    let mut pools = vec![];
    for _ in 0..6 {
        node.advance(1);
        pools.push((node.sink(), node.consensus.reward_pool().expect("reads")));
    }
    let (sink, key) = (node.sink(), StateKey::of_balance(LedgerBalance::RewardPool));
    for (block, pool) in &pools {
        for anchor in [*block, sink] {
            let proven = told(node.consensus.prove_state(key, Some(*block), Some(anchor)), anchor);
            let state = state_of(&proven).expect("the pool is there");
            assert_eq!(Amount::from_bytes(&state.body), Ok(*pool));
            assert_eq!(proven.header().hash(), *block);
        }
    }
    let absent = StateKey { ledger: Ledger::Governance, object: object_id(StateClass::ValidatorSet, b"no such epoch") };
    let proven = told(node.consensus.prove_state(absent, None, None), sink);
    assert_eq!(state_of(&proven), None);
}

/// A proof ends in a block of the chain as it is now; one that was made before a reorganisation still holds for whoever
/// trusts the block that it ends in.
#[test]
fn a_reorganisation_changes_what_can_be_proven() {
    let (node, other) = (TestNode::new(), TestNode::new());
    let short = node.advance(3);
    let old = (short[0].hash(), short[2].hash());
    let before = node.consensus.prove_place(old.0, Some(old.1));
    // Not the same blocks again.
    other.mine(&[]);
    let long = other.advance(6);
    for block in &long {
        node.insert(block).expect("a good block");
    }
    assert_eq!(node.sink(), long[5].hash());
    told(before, old.1);
    assert_eq!(node.consensus.prove_place(old.0, None), Err(ProveError::NotOnChain(old.0)));
    for (height, block) in (1u64..).zip(&long[..5]) {
        let proven = told(node.consensus.prove_place(block.hash(), None), long[5].hash());
        assert_eq!(proven.heights(), Some((height, 6)));
    }
}
