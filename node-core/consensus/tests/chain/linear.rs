use umbel_consensus::open_store;
use umbel_store::StoreKind;
use umbel_types::consensus_api::{BlockStatus, ConsensusApi};
use umbel_types::{Amount, BlockHash, DaaScore, Network, OutPoint, Params};

use crate::fixture::TestNode;

#[test]
fn blocks_pay_their_miners_out_of_the_pool() {
    let node = TestNode::new();
    let pool = node.consensus.reward_pool().expect("reads");
    let blocks = node.advance(12);
    let state = node.consensus.virtual_state();
    assert_eq!((state.block_count, state.chain_length, state.daa_score), (12, 12, DaaScore(13)));
    assert_eq!(state.sink, blocks[11].hash());
    let subsidy = Params::of(Network::Devnet).subsidy(DaaScore(1));
    assert_eq!(subsidy, Amount::from_str_tokens(100));
    // The newest block is not merged yet.
    let paid: u64 = 11 * subsidy.units();
    assert_eq!(node.consensus.reward_pool().expect("reads").units(), pool.units() - paid);
    for block in &blocks[..11] {
        assert!(node.consensus.utxo(OutPoint::of_coinbase(block.hash())).expect("reads").is_some());
    }
    assert!(node.consensus.utxo(OutPoint::of_coinbase(blocks[11].hash())).expect("reads").is_none());
}

#[test]
fn genesis_is_pinned() {
    let node = TestNode::new();
    assert_eq!(node.consensus.genesis_hash().to_string(), umbel_types::genesis::DEVNET_GENESIS_HASH);
}

#[test]
fn a_restart_goes_on_where_it_was() {
    let dir = tempfile::tempdir().expect("a folder");
    let open = || {
        let opened = open_store(StoreKind::Redb, dir.path(), Network::Devnet, BlockHash([0; 32])).expect("opens");
        assert_eq!(opened.recovered, None, "the database was found damaged");
        opened.store
    };
    let (before, commitments, sink) = {
        let node = TestNode::on(open());
        node.advance(8);
        node.consensus.shutdown();
        (node.consensus.virtual_state(), node.commitments(), node.sink())
    };
    let node = TestNode::on(open());
    assert_eq!(node.consensus.virtual_state(), before);
    assert_eq!(node.commitments(), commitments);
    assert_eq!(node.consensus.status(sink).expect("reads"), Some(BlockStatus::StateValid));
    node.advance(2);
}

#[test]
fn a_reader_can_follow_and_list() {
    let node = TestNode::new();
    let genesis = node.consensus.genesis_hash();
    let blocks = node.advance(5);
    let path = node.consensus.chain_path(genesis, 3).expect("genesis is on the chain");
    assert_eq!(path.added, blocks[..3].iter().map(|b| b.hash()).collect::<Vec<_>>());
    let rest = node.consensus.chain_path(path.added[2], 100).expect("known");
    assert_eq!(rest.added.len(), 2);
    assert!(rest.removed.is_empty());
    let listed = node.consensus.blocks_since(3, 100).expect("reads");
    assert_eq!(
        listed.iter().map(|b| (b.sequence, b.hash)).collect::<Vec<_>>(),
        [(4, blocks[3].hash()), (5, blocks[4].hash())]
    );
    let acceptance = node.consensus.acceptance(blocks[1].hash()).expect("on the chain");
    assert_eq!(acceptance.merged, [blocks[0].hash()]);
    assert_eq!(acceptance.added.len(), 1);
    for timeout in [std::time::Duration::ZERO, std::time::Duration::MAX] {
        assert_eq!(node.consensus.wait_newer(0, timeout).version, 5);
    }
}
