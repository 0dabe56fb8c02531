//! Colouring and reachability against naive definitions on random graphs.

#![allow(clippy::cast_possible_truncation, clippy::float_arithmetic, reason = "small numbers of test graphs")]

mod common;

use std::collections::BTreeMap;

use common::{Bits, MemoryDag, PlainDag, Rng, cases};
use umbel_dag::reachability::Reachability;
use umbel_dag::{GhostdagData, GhostdagError, GhostdagProtocol, ReachabilityReader, ReadError, ordered_mergeset};
use umbel_types::{BlockHash, CompactTarget, Decode, Encode};

/// GHOSTDAG by its definition, with explicit sets: a block's blue set is its selected parent's, the selected parent, and
/// greedily those of the mergeset that leave it a k-cluster.
struct Naive {
    selected_parent: Vec<usize>,
    blue_set: Vec<Bits>,
    blues: Vec<Vec<usize>>,
    reds: Vec<Vec<usize>>,
    score: Vec<u64>,
    work: Vec<u64>,
}

fn work(bits: CompactTarget) -> u64 {
    match bits.0 {
        0x207f_ffff => 2,
        0x203f_ffff => 4,
        0x201f_ffff => 8,
        _ => 16,
    }
}

fn anticone(dag: &PlainDag, block: usize) -> Bits {
    let mut set = Bits::new(dag.len());
    for other in 0..dag.len() {
        if !dag.is_ancestor(block, other) && !dag.is_ancestor(other, block) {
            set.set(other);
        }
    }
    set
}

fn naive(dag: &PlainDag, k: usize) -> Naive {
    let n = dag.len();
    let anticones: Vec<Bits> = (0..n).map(|block| anticone(dag, block)).collect();
    let mut out = Naive {
        selected_parent: vec![usize::MAX],
        blue_set: vec![Bits::new(n)],
        blues: vec![Vec::new()],
        reds: vec![Vec::new()],
        score: vec![0],
        work: vec![0],
    };
    for block in 1..n {
        let parent = *dag.parents[block].iter().max_by_key(|&&p| (out.work[p], dag.hash[p])).expect("has parents");
        let mut mergeset: Vec<usize> =
            (0..block).filter(|&b| b != parent && dag.past[block].has(b) && !dag.past[parent].has(b)).collect();
        mergeset.sort_by_key(|&b| (out.work[b], dag.hash[b]));
        let mut set = out.blue_set[parent].clone();
        set.set(parent);
        let (mut blues, mut reds) = (vec![parent], Vec::new());
        for candidate in mergeset {
            let mut with = set.clone();
            with.set(candidate);
            let is_cluster = (0..n).filter(|&b| with.has(b)).all(|b| anticones[b].count_common(&with) <= k);
            if blues.len() < k + 1 && is_cluster {
                blues.push(candidate);
                set = with;
            } else {
                reds.push(candidate);
            }
        }
        out.score.push(out.score[parent] + blues.len() as u64);
        out.work.push(out.work[parent] + blues.iter().map(|&b| work(dag.bits[b])).sum::<u64>());
        out.selected_parent.push(parent);
        out.blue_set.push(set);
        out.blues.push(blues);
        out.reds.push(reds);
    }
    out
}

fn check_colours(plain: &PlainDag, dag: &MemoryDag, k: u16) {
    let expected = naive(plain, usize::from(k));
    let number: BTreeMap<BlockHash, usize> = plain.hash.iter().enumerate().map(|(i, &hash)| (hash, i)).collect();
    for block in 1..plain.len() {
        let data = &dag.ghostdag[&plain.hash[block]];
        let numbers = |hashes: &[BlockHash]| hashes.iter().map(|hash| number[hash]).collect::<Vec<_>>();
        assert_eq!(number[&data.selected_parent], expected.selected_parent[block], "selected parent of {block}");
        assert_eq!(numbers(&data.mergeset_blues), expected.blues[block], "blues of {block}");
        assert_eq!(numbers(&data.mergeset_reds), expected.reds[block], "reds of {block}");
        assert_eq!(data.blue_score.0, expected.score[block]);
        assert_eq!(data.blue_work.0, ruint::aliases::U256::from(expected.work[block]));
        for (hash, &size) in &data.blues_anticone_sizes {
            let true_size = anticone(plain, number[hash]).count_common(&expected.blue_set[block]);
            assert_eq!(usize::from(size), true_size, "blue anticone of {} seen by {block}", number[hash]);
        }
        let mut rest: Vec<usize> = expected.blues[block][1..].iter().chain(&expected.reds[block]).copied().collect();
        rest.sort_by_key(|&b| (expected.work[b], plain.hash[b]));
        rest.insert(0, expected.selected_parent[block]);
        assert_eq!(numbers(&ordered_mergeset(dag, data).expect("readable")), rest);
        assert_eq!(GhostdagData::from_bytes(&data.to_bytes()).as_ref(), Ok(&**data));
    }
}

fn check_reachability(plain: &PlainDag, dag: &MemoryDag) {
    for (b, &queried) in plain.hash.iter().enumerate() {
        let mut chain = vec![queried];
        while let Some(parent) = dag.reachability[chain.last().expect("not empty")].parent {
            chain.push(parent);
        }
        for (a, &this) in plain.hash.iter().enumerate() {
            assert_eq!(dag.is_dag_ancestor_of(this, queried), Ok(plain.is_ancestor(a, b)), "{a} before {b}");
            assert_eq!(dag.is_chain_ancestor_of(this, queried), Ok(chain.contains(&this)));
        }
        for pair in chain.windows(2) {
            assert_eq!(dag.next_chain_ancestor(queried, pair[1]), Ok(pair[0]));
        }
    }
}

#[test]
fn random_graphs_equal_the_definitions() {
    let cases = cases(2_000);
    for seed in 0..cases {
        let mut rng = Rng(seed);
        // Many small graphs, some of up to 200 blocks.
        let most = [12, 30, 60, 200][(seed % 20 / 6) as usize];
        let n = 2 + rng.below(most - 1);
        let k = rng.below(9) as u16;
        let tuning = Reachability { depth: rng.below(12) as u64, slack: 1 << rng.below(6) };
        let plain = PlainDag::random(&mut rng, n);
        let protocol = GhostdagProtocol::new(k, usize::MAX, CompactTarget::work);
        let result = std::panic::catch_unwind(|| {
            let dag = MemoryDag::of(&plain, &protocol, tuning);
            dag.check_intervals();
            check_colours(&plain, &dag, k);
            check_reachability(&plain, &dag);
        });
        assert!(result.is_ok(), "graph of seed {seed}: {n} blocks, k = {k}, {tuning:?}");
    }
    println!("{cases} random graphs");
}

#[test]
fn a_mergeset_above_the_limit_stops_the_search() {
    let mut rng = Rng(1);
    // A chain of 60 and one of 40 from the same genesis, then a block on both tips.
    let mut parents: Vec<Vec<usize>> = vec![vec![]];
    parents.extend((1..=60).map(|i| vec![i - 1]));
    parents.push(vec![0]);
    parents.extend((62..=100).map(|i| vec![i - 1]));
    let mut plain = PlainDag::from_parents(parents, &mut rng);
    plain.bits.fill(CompactTarget::EASIEST);
    let dag =
        MemoryDag::of(&plain, &GhostdagProtocol::new(3, usize::MAX, CompactTarget::work), Reachability::default());
    let tips = [plain.hash[60], plain.hash[100]];
    for limit in [1, 2, 40] {
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
    let plain = PlainDag::random(&mut rng, 10);
    let protocol = GhostdagProtocol::new(3, usize::MAX, CompactTarget::work);
    let dag = MemoryDag::of(&plain, &protocol, Reachability::default());
    let unknown = rng.hash();
    assert_eq!(protocol.ghostdag(&dag, &[]), Err(GhostdagError::NoParents));
    assert_eq!(protocol.ghostdag(&dag, &[plain.hash[3], unknown]), Err(ReadError::Missing(unknown).into()));
    assert_eq!(dag.is_dag_ancestor_of(unknown, plain.hash[0]), Err(ReadError::Missing(unknown)));
}

#[test]
fn damaged_records_are_refused() {
    let mut rng = Rng(9);
    let plain = PlainDag::random(&mut rng, 60);
    let protocol = GhostdagProtocol::new(4, usize::MAX, CompactTarget::work);
    let dag = MemoryDag::of(&plain, &protocol, Reachability::default());
    let data = dag.ghostdag.values().find(|data| data.blues_anticone_sizes.len() >= 2).expect("some block has two");
    let bytes = data.to_bytes();
    assert!(GhostdagData::from_bytes(&bytes[..bytes.len() - 1]).is_err());
    // Swap the last two entries of 34 bytes: the same set in another order is not the encoding.
    let (mut swapped, n) = (bytes.clone(), bytes.len());
    swapped[n - 68..].rotate_left(34);
    assert!(GhostdagData::from_bytes(&swapped).is_err());
}
