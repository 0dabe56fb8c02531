//! Examples and bad input: limits, unknown and superfluous parents, blocks added twice, damaged records.

mod common;

use std::sync::Arc;

use common::build::{build, data_of, genesis_facts, unlimited};
use common::graph::PlainDag;
use common::shapes::Shape;
use common::{Rng, cases};
use umbel_dag::daa::DaaRule;
use umbel_dag::depth::BlockDepth;
use umbel_dag::ghostdag::{AnticoneSizes, MAX_STORED_MERGESET};
use umbel_dag::memory::MemoryDag;
use umbel_dag::reachability::{self, Reachability, ReachabilityData, ReachabilityStore, ReachabilityStoreReader};
use umbel_dag::{GhostdagData, GhostdagError, GhostdagProtocol, HeaderReader, ReachabilityReader, ReadError};
use umbel_types::{BlueScore, CompactTarget, Decode, Encode, Network, Params};

fn chains(lengths: &[usize]) -> PlainDag {
    let mut parents: Vec<Vec<usize>> = vec![vec![]];
    for &length in lengths {
        parents.push(vec![0]);
        for _ in 1..length {
            parents.push(vec![parents.len() - 1]);
        }
    }
    let mut plain = PlainDag::from_parents(parents, &mut Rng(1));
    plain.bits.fill(CompactTarget::EASIEST);
    plain
}

fn build_default(plain: &PlainDag, k: u16) -> MemoryDag {
    build(plain, &unlimited(k), Reachability::default(), DaaRule::with_window(40))
}

#[test]
fn a_mergeset_above_the_limit_stops_the_search() {
    // A chain of 60 and one of 40 from the same genesis, then a block on both tips.
    let plain = chains(&[60, 40]);
    let dag = build_default(&plain, 3);
    let tips = [plain.hash[60], plain.hash[100]];
    for limit in [0, 1, 2, 40] {
        let error = GhostdagProtocol::new(3, limit, CompactTarget::work).ghostdag(&dag, &tips);
        let Err(GhostdagError::MergesetTooLarge { got, limit: named }) = error else { panic!("{error:?}") };
        assert!(named == limit && got > limit && got <= limit + 2, "{got}");
    }
    let data = GhostdagProtocol::new(3, 41, CompactTarget::work).ghostdag(&dag, &tips).expect("just fits");
    assert_eq!((data.mergeset_size(), data.mergeset_blues.len()), (41, 1));
}

#[test]
fn missing_parents_and_none_are_errors() {
    let mut rng = Rng(5);
    let plain = Shape::Mixed.graph(&mut rng, 10);
    let mut dag = build_default(&plain, 3);
    let unknown = rng.hash();
    assert_eq!(unlimited(3).ghostdag(&dag, &[]), Err(GhostdagError::NoParents));
    assert_eq!(unlimited(3).ghostdag(&dag, &[plain.hash[3], unknown]), Err(ReadError::Missing(unknown).into()));
    for (this, queried) in [(unknown, plain.hash[0]), (plain.hash[0], unknown)] {
        assert_eq!(dag.is_dag_ancestor_of(this, queried), Err(ReadError::Missing(unknown)));
        assert_eq!(dag.is_chain_ancestor_of(this, queried), Err(ReadError::Missing(unknown)));
        assert_eq!(dag.next_chain_ancestor(queried, this), Err(ReadError::Missing(unknown)));
    }
    assert_eq!(dag.header_facts(unknown), Err(ReadError::Missing(unknown)));
    let new = rng.hash();
    assert_eq!(reachability::add_block(&mut dag, new, unknown, []), Err(ReadError::Missing(unknown)));
    assert!(dag.reachability(new).is_err(), "nothing of it was stored");
    assert_eq!(reachability::hint_virtual_selected_parent(&mut dag, unknown), Err(ReadError::Missing(unknown)));
}

/// Parents that other parents lead to, or that stand twice, change nothing: the past is the same set of blocks.
#[test]
fn superfluous_parents_change_no_colour() {
    for seed in 0..cases(200) {
        let mut rng = Rng(seed);
        let plain = Shape::ALL[(seed % 10) as usize].graph(&mut rng, 40);
        let dag = build_default(&plain, 3);
        for block in 1..plain.len() {
            let mut parents: Vec<_> = plain.parents[block].iter().map(|&parent| plain.hash[parent]).collect();
            let expected = unlimited(3).ghostdag(&dag, &parents).expect("coloured before");
            let past = (0..block).filter(|&b| dag.is_dag_ancestor_of_any(plain.hash[b], &parents) == Ok(true));
            let more: Vec<_> = past.map(|b| plain.hash[b]).filter(|_| rng.below(3) == 0).collect();
            parents.extend(more);
            assert_eq!(unlimited(3).ghostdag(&dag, &parents), Ok(expected), "seed {seed}, block {block}");
        }
    }
}

#[test]
fn reachability_refuses_what_is_no_new_block() {
    let plain = chains(&[3, 2]);
    let mut rng = Rng(2);
    let mut dag = build_default(&plain, 3);
    let before = dag.reachability(plain.hash[2]);
    let refuse = |new, parent, mergeset: &[_]| {
        let error = reachability::add_block(&mut dag.clone(), new, parent, mergeset.iter().copied());
        assert!(matches!(error, Err(ReadError::Inconsistent { .. })), "{error:?}");
    };
    refuse(plain.hash[3], plain.hash[2], &[]);
    refuse(plain.hash[0], plain.hash[2], &[]);
    // Its selected parent, a chain block below, the same block twice, itself.
    refuse(rng.hash(), plain.hash[3], &[plain.hash[3]]);
    refuse(rng.hash(), plain.hash[3], &[plain.hash[1]]);
    refuse(rng.hash(), plain.hash[3], &[plain.hash[5], plain.hash[5]]);
    let new = rng.hash();
    refuse(new, plain.hash[3], &[new]);
    assert_eq!(dag.reachability(plain.hash[2]), before);
    reachability::add_block(&mut dag, new, plain.hash[3], [plain.hash[4], plain.hash[5]]).expect("a new block");
    // What a chain block merged is in its children's past: they can't merge it again.
    refuse_again(&mut dag, &mut rng, new, plain.hash[5]);
}

fn refuse_again(dag: &mut MemoryDag, rng: &mut Rng, parent: umbel_types::BlockHash, merged: umbel_types::BlockHash) {
    let error = reachability::add_block(dag, rng.hash(), parent, [merged]);
    assert!(matches!(error, Err(ReadError::Inconsistent { .. })), "{error:?}");
}

/// The root stays `depth` blocks below the tip it was told of, and changes branches only for one that is higher by
/// `slack`.
#[test]
fn the_reindex_root_follows_the_chain() {
    let plain = chains(&[20, 31]);
    let tuning = Reachability { depth: 5, slack: 16 };
    let mut dag = MemoryDag::new(plain.hash[0], genesis_facts(&plain));
    let root_after = |dag: &mut MemoryDag, block: usize| {
        let parent = plain.hash[plain.parents[block][0]];
        tuning.add_block(dag, plain.hash[block], parent, []).expect("a new block");
        tuning.hint_virtual_selected_parent(dag, plain.hash[block]).expect("the root moves");
        dag.reindex_root().expect("readable")
    };
    for block in 1..=20usize {
        assert_eq!(root_after(&mut dag, block), plain.hash[block.saturating_sub(5)], "{block}");
    }
    // Block 20 + h has height h on the other branch; the root's height is 15.
    for height in 1..=30 {
        assert_eq!(root_after(&mut dag, 20 + height), plain.hash[15], "at height {height}");
    }
    assert_eq!(root_after(&mut dag, 51), plain.hash[46]);
}

/// Rebalancing is rare and small: what a node writes for each block besides the block's own record.
#[test]
fn a_growing_chain_moves_few_blocks() {
    let plain = chains(&[3_000]);
    let dag = build_default(&plain, 3);
    assert!(dag.moved() < 3 * 3_000, "{} intervals moved", dag.moved());
}

/// A late branch uses the slack that was left for it before it asks the chain for more.
#[test]
fn a_late_branch_moves_few_blocks() {
    let plain = chains(&[400]);
    let mut rng = Rng(8);
    let mut dag = build_default(&plain, 3);
    let before = dag.moved();
    let mut tip = plain.hash[100];
    for _ in 0..60 {
        let block = rng.hash();
        reachability::add_block(&mut dag, block, tip, []).expect("a new block");
        tip = block;
    }
    let moved = dag.moved() - before;
    assert!(moved < 60 * 8, "{moved} intervals moved");
}

#[test]
fn a_child_that_is_listed_twice_is_noticed() {
    let plain = chains(&[3]);
    let mut rng = Rng(8);
    let mut dag = build_default(&plain, 3);
    let whole = ReachabilityData::clone(&*dag.reachability(plain.hash[1]).expect("it is there"));
    let children = Arc::new(vec![plain.hash[2]; 2]);
    dag.set_reachability(plain.hash[1], Arc::new(ReachabilityData { children, ..whole }));
    // Until genesis' space is used up, and its subtree is counted.
    let error = (0..100).find_map(|_| reachability::add_block(&mut dag, rng.hash(), plain.hash[0], []).err());
    let inconsistent = ReadError::Inconsistent { block: plain.hash[2], what: "child of two blocks, or twice of one" };
    assert_eq!(error, Some(inconsistent));
}

#[test]
fn a_chain_without_forks_counts_one_a_block() {
    let plain = chains(&[99]);
    let dag = build(&plain, &unlimited(18), Reachability { depth: 5, slack: 16 }, DaaRule::with_window(40));
    for (i, &hash) in plain.hash.iter().enumerate() {
        let facts = dag.header_facts(hash).expect("readable");
        assert_eq!((facts.daa_score.0, facts.blue_score.0), (i as u64, i as u64));
    }
    let genesis = DaaRule::new(&Params::of(Network::Devnet)).calc(&dag, &GhostdagData::genesis()).expect("readable");
    assert_eq!(genesis.daa_score.0, 0);
}

#[test]
fn the_merge_depth_root_is_asked_for_on_the_chain_only() {
    let plain = chains(&[5, 3]);
    let dag = build_default(&plain, 3);
    let tip = data_of(&dag, plain.hash[5]);
    let depth = BlockDepth { depth: 0, genesis: plain.hash[0] };
    assert!(matches!(depth.root(&dag, &tip, plain.hash[7]), Err(ReadError::Inconsistent { .. })));
    assert_eq!(depth.root(&dag, &tip, plain.hash[0]), Ok(plain.hash[4]));
    assert_eq!(depth.root(&dag, &GhostdagData::genesis(), plain.hash[0]), Ok(plain.hash[0]));
    assert_eq!(genesis_facts(&plain).blue_score, BlueScore(0));
}

#[test]
fn damaged_records_are_refused() {
    let plain = Shape::Mixed.graph(&mut Rng(9), 60);
    let dag = build_default(&plain, 4);
    let data = plain.hash.iter().map(|&hash| data_of(&dag, hash)).find(|data| data.blues_anticone_sizes.len() >= 2);
    let bytes = data.expect("some block has two").to_bytes();
    assert!(GhostdagData::from_bytes(&bytes[..bytes.len() - 1]).is_err());
    // Swap the last two entries of 34 bytes: the same set in another order is not the encoding.
    let (mut swapped, n) = (bytes.clone(), bytes.len());
    swapped[n - 68..].rotate_left(34);
    assert!(GhostdagData::from_bytes(&swapped).is_err());
    // One entry twice.
    let mut twice = bytes;
    let last = twice[n - 34..].to_vec();
    twice[n - 68..n - 34].copy_from_slice(&last);
    assert!(GhostdagData::from_bytes(&twice).is_err());
    let longer = AnticoneSizes::from_iter((0..3u8).map(|n| (umbel_types::BlockHash([n; 32]), 1)));
    assert_eq!(AnticoneSizes::from_bytes(&longer.to_bytes()), Ok(longer));
}

/// The networks' largest mergesets can be stored, and nothing larger is read.
#[test]
fn stored_lists_have_bounds() {
    for network in [Network::Devnet, Network::Lan, Network::Testnet, Network::Mainnet, Network::Lab32] {
        let params = Params::of(network);
        assert!(params.mergeset_limit <= MAX_STORED_MERGESET && usize::from(params.k) < MAX_STORED_MERGESET);
    }
    let mut data = GhostdagData::genesis();
    data.mergeset_reds = (0..MAX_STORED_MERGESET as u64).map(|n| Rng(n).hash()).collect();
    assert_eq!(GhostdagData::from_bytes(&data.to_bytes()).as_ref(), Ok(&data));
    let whole = data.size_bytes();
    assert!((512 * 32..512 * 32 + 400).contains(&whole), "{whole}");
    data.mergeset_reds.push(Rng(1_000).hash());
    assert!(GhostdagData::from_bytes(&data.to_bytes()).is_err());
}
