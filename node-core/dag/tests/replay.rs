//! What `umbel bench ghostdag` runs: generated graphs through all rules, and the same graphs on plain arrays.

mod common;

use common::Rng;
use umbel_dag::replay::dense::{DenseGraph, MAX_DENSE_BLOCKS};
use umbel_dag::replay::headers::{HeaderError, HeaderReplay, honest_graph};
use umbel_dag::{GhostdagData, GhostdagReader, HeaderReader, ReadError};
use umbel_types::{BlockHash, BlueWork, CompactTarget, Network, Params};

const NETWORKS: [Network; 3] = [Network::Devnet, Network::Mainnet, Network::Lab32];

#[test]
fn both_sides_colour_alike() {
    for network in NETWORKS {
        let params = Params::of(network);
        let bits = CompactTarget(0x1d00_ffff);
        let mut rng = Rng(4);
        let lag = 2 * params.blocks_per_second as usize;
        let graph = honest_graph(700, lag, params.max_parents, || rng.next());
        let ids: Vec<BlockHash> = graph.iter().map(|_| rng.hash()).collect();
        let mut replay = HeaderReplay::new(&params, ids[0], bits);
        let mut work = vec![bits.work()];
        for (block, parents) in graph.iter().enumerate().skip(1) {
            let parents: Vec<_> = parents.iter().map(|&parent| ids[parent]).collect();
            work.push(replay.push(ids[block], &parents).expect("an honest block").bits.work());
        }
        let colors = DenseGraph::new(graph, ids.clone(), work).expect("in order").color(params.k);
        let numbers = |hashes: &[BlockHash]| -> Vec<usize> {
            hashes.iter().map(|hash| ids.iter().position(|id| id == hash).expect("known")).collect()
        };
        let mut merged = 0;
        for (block, &id) in ids.iter().enumerate().skip(1) {
            let data = replay.dag().ghostdag(id).expect("readable");
            assert_eq!(colors.blues[block], numbers(&data.mergeset_blues), "{network:?}, {block}");
            assert_eq!(colors.reds[block], numbers(&data.mergeset_reds));
            assert_eq!(colors.blue_work[block], data.blue_work);
            assert_eq!(replay.dag().header_facts(id).expect("readable").blue_score, data.blue_score);
            assert!(data.size_bytes() <= GhostdagData::max_size_bytes(&params));
            merged += data.mergeset_size();
        }
        // k is for 5 s of delay; these graphs have 2 s at most.
        assert_eq!(replay.count_reds(), Ok(0), "{network:?}");
        assert!(merged > ids.len() * 3 / 2, "blocks are mined side by side: {merged}");
    }
}

#[test]
fn a_generated_graph_is_connected_and_its_parents_are_tips() {
    let mut rng = Rng(6);
    let graph = honest_graph(300, 12, 4, || rng.next());
    assert!(graph[0].is_empty() && graph[1] == [0]);
    for (block, parents) in graph.iter().enumerate().skip(1) {
        assert!((1..=4).contains(&parents.len()), "{block} on {parents:?}");
        let newest = parents.iter().copied().max().expect("not empty");
        for parent in parents {
            assert!(*parent < block);
            assert!(graph[..=newest].iter().all(|own| !own.contains(parent)), "{parent} was no tip below {block}");
        }
    }
    assert!(honest_graph(0, 5, 5, || 0).is_empty());
}

#[test]
fn unknown_parents_and_unordered_arrays_are_refused() {
    let mut rng = Rng(2);
    let (genesis, unknown) = (rng.hash(), rng.hash());
    let mut replay = HeaderReplay::new(&Params::of(Network::Devnet), genesis, CompactTarget::EASIEST);
    assert_eq!(replay.push(rng.hash(), &[unknown]), Err(HeaderError::Ghostdag(ReadError::Missing(unknown).into())));
    assert!(matches!(replay.push(genesis, &[genesis]), Err(HeaderError::Read(ReadError::Inconsistent { .. }))));
    let dense = |parents: Vec<Vec<usize>>| {
        let n = parents.len();
        DenseGraph::new(parents, vec![genesis; n], vec![BlueWork::from_u64(1); n])
    };
    assert!(dense(vec![vec![], vec![0]]).is_some());
    assert!(dense(vec![vec![], vec![1]]).is_none(), "its own parent");
    assert!(dense(vec![vec![], vec![]]).is_none(), "two without parents");
    assert!(dense(vec![vec![]; MAX_DENSE_BLOCKS + 1]).is_none(), "too many");
    assert!(DenseGraph::new(vec![vec![]], vec![], vec![]).is_none(), "lists of several lengths");
}
