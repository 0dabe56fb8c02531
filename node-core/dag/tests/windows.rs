//! Past median time, DAA score, sampled windows and bounded merge against naive definitions on random graphs.

#![allow(clippy::cast_possible_truncation, clippy::float_arithmetic, reason = "small numbers of test graphs")]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{MemoryDag, PlainDag, Rng, cases};
use umbel_dag::daa::DaaRule;
use umbel_dag::depth::{BlockDepth, DepthError, check_bounded_merge};
use umbel_dag::past_median_time::PastMedianTime;
use umbel_dag::reachability::Reachability;
use umbel_dag::window::{ChainSampler, MergesetSampler, SampleCache};
use umbel_dag::{GhostdagData, GhostdagProtocol};
use umbel_types::{BlockHash, BlueScore, CompactTarget, Network, Params};

/// A random graph with the numbers of its blocks by id.
struct Case {
    plain: PlainDag,
    dag: MemoryDag,
    number: BTreeMap<BlockHash, usize>,
    seed: u64,
}

impl Case {
    fn random(seed: u64) -> Self {
        let mut rng = Rng(seed ^ 0xABCD);
        let n = 2 + rng.below([15, 60, 150][(seed % 3) as usize]);
        let k = rng.below(7) as u16;
        let plain = PlainDag::random(&mut rng, n);
        let protocol = GhostdagProtocol::new(k, usize::MAX, CompactTarget::work);
        let dag = MemoryDag::of(&plain, &protocol, Reachability { depth: 5, slack: 16 });
        let number = plain.hash.iter().enumerate().map(|(i, &hash)| (hash, i)).collect();
        Self { plain, dag, number, seed }
    }

    fn data(&self, block: usize) -> &GhostdagData {
        &self.dag.ghostdag[&self.plain.hash[block]]
    }

    fn score(&self, block: usize) -> u64 {
        self.data(block).blue_score.0
    }

    /// The selected chain from `block` down to genesis.
    fn chain(&self, block: usize) -> Vec<usize> {
        let mut chain = vec![block];
        while *chain.last().expect("not empty") != 0 {
            let last = *chain.last().expect("not empty");
            chain.push(self.number[&self.data(last).selected_parent]);
        }
        chain
    }

    fn mergeset(&self, block: usize) -> Vec<usize> {
        let parent = self.number[&self.data(block).selected_parent];
        let past = &self.plain.past;
        (0..self.plain.len())
            .filter(|&b| past[block].has(b) && (b == parent || !self.plain.is_ancestor(b, parent)))
            .collect()
    }
}

fn naive_median(case: &Case, parent: usize, interval: u64, count: usize, middle: usize) -> u64 {
    let chain = case.chain(parent);
    let mut samples = Vec::new();
    for (i, &block) in chain.iter().enumerate() {
        let crosses = match chain.get(i + 1) {
            None => true,
            Some(&below) => (case.score(below) + 1..=case.score(block)).any(|score| score.is_multiple_of(interval)),
        };
        if crosses {
            samples.push(case.plain.timestamp[block]);
        }
    }
    samples.truncate(count);
    samples.sort_unstable();
    // Take off both ends, the lower one first, until the middle is left.
    let mut lower = true;
    while samples.len() > middle {
        if lower {
            samples.remove(0);
        } else {
            samples.pop();
        }
        lower = !lower;
    }
    // To the nearest; halves go up.
    let (sum, n) = (samples.iter().sum::<u64>(), samples.len() as u64);
    if (sum % n) * 2 >= n { sum / n + 1 } else { sum / n }
}

#[test]
fn past_median_time_equals_the_definition() {
    for seed in 0..cases(600) {
        let case = Case::random(seed);
        let mut rng = Rng(seed);
        let (interval, count) = (1 + rng.below(7) as u64, 1 + rng.below(27));
        let middle = 1 + rng.below(11);
        let rule = PastMedianTime::with_sampler(ChainSampler { interval, count }, middle);
        let mut cache = SampleCache::new(1 + rng.below(20));
        for parent in 0..case.plain.len() {
            let hash = case.plain.hash[parent];
            let got = rule.calc(&case.dag, hash, None).expect("readable");
            assert_eq!(got.0, naive_median(&case, parent, interval, count, middle), "seed {seed}, block {parent}");
            assert_eq!(rule.calc(&case.dag, hash, Some(&mut cache)), Ok(got), "seed {seed}, cached");
        }
    }
}

#[test]
fn daa_scores_equal_the_definition() {
    for seed in 0..cases(400) {
        let case = Case::random(seed);
        // The window that the graph was built with.
        let rule = DaaRule::with_window(40);
        for block in 1..case.plain.len() {
            let got = rule.calc(&case.dag, case.data(block)).expect("readable");
            let old: BTreeSet<usize> =
                case.mergeset(block).into_iter().filter(|&b| case.score(b) + 40 < case.score(block)).collect();
            let parent = case.number[&case.data(block).selected_parent];
            let below = case.dag.facts[&case.plain.hash[parent]].daa_score.0;
            assert_eq!(got.daa_score.0, below + (case.mergeset(block).len() - old.len()) as u64);
            let got_old: BTreeSet<usize> = got.mergeset_non_daa.iter().map(|hash| case.number[hash]).collect();
            assert_eq!(got_old, old, "seed {seed}, block {block}");
        }
    }
}

#[test]
fn a_chain_without_forks_counts_one_a_block() {
    let mut rng = Rng(3);
    let plain =
        PlainDag::from_parents((0..100usize).map(|i| i.checked_sub(1).into_iter().collect()).collect(), &mut rng);
    let dag = MemoryDag::of(
        &plain,
        &GhostdagProtocol::new(18, usize::MAX, CompactTarget::work),
        Reachability { depth: 5, slack: 16 },
    );
    for (i, hash) in plain.hash.iter().enumerate() {
        assert_eq!((dag.facts[hash].daa_score.0, dag.facts[hash].blue_score.0), (i as u64, i as u64));
    }
    let genesis = DaaRule::new(&Params::of(Network::Devnet)).calc(&dag, &GhostdagData::genesis()).expect("readable");
    assert_eq!(genesis.daa_score.0, 0);
}

/// All (merged block, number) of a block's past by KIP-4's numbering, then the heaviest.
fn naive_samples(case: &Case, block: usize, sampler: MergesetSampler) -> Vec<usize> {
    let mut samples = BTreeSet::new();
    for chain_block in case.chain(block) {
        if chain_block == 0 {
            continue;
        }
        let parent = case.number[&case.data(chain_block).selected_parent];
        let key = |b: usize| (case.data(b).blue_work, case.plain.hash[b]);
        let mut merged = case.mergeset(chain_block);
        merged.sort_by_key(|&b| std::cmp::Reverse(key(b)));
        assert_eq!(merged[0], parent);
        for (i, &b) in merged.iter().enumerate() {
            let number = case.dag.facts[&case.plain.hash[parent]].daa_score.0 + 1 + i as u64;
            if b != 0
                && case.score(b) + sampler.daa_window >= case.score(chain_block)
                && number.is_multiple_of(sampler.interval)
            {
                samples.insert((key(b), b));
            }
        }
    }
    let skip = samples.len().saturating_sub(sampler.count);
    samples.into_iter().skip(skip).map(|(_, b)| b).collect()
}

#[test]
fn sampled_windows_equal_the_definition() {
    for seed in 0..cases(300) {
        let case = Case::random(seed);
        let mut rng = Rng(seed);
        let sampler = MergesetSampler {
            interval: 1 + rng.below(5) as u64,
            count: 1 + rng.below(30),
            daa_window: 5 + rng.below(50) as u64,
        };
        for block in 1..case.plain.len() {
            let got = sampler.samples(&case.dag, case.data(block)).expect("readable");
            let got: Vec<usize> = got.iter().map(|hash| case.number[hash]).collect();
            assert_eq!(got, naive_samples(&case, block, sampler), "seed {seed}, block {block}, {sampler:?}");
        }
    }
}

#[test]
fn depth_and_bounded_merge_equal_the_definition() {
    let mut refused = 0;
    let mut kosher = 0;
    for seed in 0..cases(600) {
        let case = Case::random(seed);
        let depth = BlockDepth { depth: 1 + seed % 25, genesis: case.plain.hash[0] };
        let mut roots = vec![0usize];
        for block in 1..case.plain.len() {
            let data = case.data(block);
            let chain = case.chain(block);
            let is_deep =
                |&&b: &&usize| case.score(block) >= depth.depth && case.score(b) < case.score(block) - depth.depth;
            let expected = chain[1..].iter().find(is_deep).copied().unwrap_or(0);
            let from_parent = case.plain.hash[roots[chain[1]]];
            for below in [from_parent, case.plain.hash[0]] {
                let root = depth.root(&case.dag, data, below).expect("readable");
                assert_eq!(case.number[&root], expected, "seed {}, block {block}", case.seed);
            }
            roots.push(expected);

            let violating = |red: &BlockHash| {
                let red = case.number[red];
                if case.plain.is_ancestor(expected, red) {
                    return false;
                }
                let vouched = data.mergeset_blues.iter().any(|blue| {
                    let blue = case.number[blue];
                    case.chain(blue).contains(&expected) && case.plain.is_ancestor(red, blue)
                });
                kosher += usize::from(vouched);
                !vouched
            };
            let first = data.mergeset_reds.iter().copied().find(violating);
            let got = check_bounded_merge(&case.dag, data, case.plain.hash[expected]);
            assert_eq!(got, first.map_or(Ok(()), |red| Err(DepthError::MergeTooDeep(red))));
            refused += usize::from(first.is_some());
        }
    }
    println!("{refused} mergesets refused, {kosher} reds vouched for");
    assert!(refused > 0 && kosher > 0, "the graphs must reach both branches: {refused}, {kosher}");
}

#[test]
fn the_root_is_asked_for_on_the_chain_only() {
    let case = Case::random(5);
    let tip = case.plain.len() - 1;
    let off_chain = (0..tip).find(|b| !case.chain(tip).contains(b)).expect("a block beside the chain");
    let depth = BlockDepth { depth: 0, genesis: case.plain.hash[0] };
    assert!(depth.root(&case.dag, case.data(tip), case.plain.hash[off_chain]).is_err());
    assert_eq!(depth.root(&case.dag, &GhostdagData::genesis(), case.plain.hash[0]), Ok(case.plain.hash[0]));
    assert_eq!(case.data(0).blue_score, BlueScore(0));
}
