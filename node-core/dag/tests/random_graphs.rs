//! Every rule of the crate on random graphs, against its definition.
//!
//! | function | definition |
//! |---|---|
//! | `find_selected_parent` | `Oracle::heaviest` |
//! | `mergeset_without_selected_parent`, `ordered_mergeset` | `Oracle::mergeset`, `Oracle::ordered_mergeset` |
//! | `GhostdagProtocol::ghostdag`, its blue work and anticone sizes | `Oracle::new` |
//! | `is_dag_ancestor_of`, `is_dag_ancestor_of_any`, `Future::contains` | `past_by_search` |
//! | `is_chain_ancestor_of`, `next_chain_ancestor` | `Oracle::chain` |
//! | `reachability::{init, add_block, hint_virtual_selected_parent}` | the same, and `check_intervals` |
//! | `DaaRule::calc` | `Oracle::{daa_score, non_daa}` |
//! | `ChainSampler::samples`, `PastMedianTime::calc`, `calc_middle_mean` | `Oracle::{time_samples, past_median_time}` |
//! | `MergesetSampler::samples` | `Oracle::kip4_samples` |
//! | `SampledWindow::expected_bits` | `exact::window_bits` |
//! | `Asert::{bits_at, expected_bits}`, `scale_by_power_of_two` | `exact::Schedule` |
//! | `BlockDepth::root`, `check_bounded_merge` | `Oracle::{depth_root, too_deep}` |
//! | `replay::dense` | `GhostdagProtocol::ghostdag` |
//!
//! `Fixed` and `rule_of`: difficulty.rs. `replay::replay` and all shared vectors: vectors.rs. Ends of the number ranges:
//! extremes.rs.

#![allow(clippy::print_stdout, clippy::cast_possible_truncation, reason = "says how much was compared; small numbers")]

mod common;

use std::collections::BTreeMap;

use common::build::{build, check_intervals, data_of, genesis_facts, unlimited};
use common::graph::PlainDag;
use common::oracle::Oracle;
use common::shapes::Shape;
use common::{Rng, cases, exact};
use num_bigint::BigUint;
use umbel_dag::daa::DaaRule;
use umbel_dag::depth::{BlockDepth, DepthError, check_bounded_merge};
use umbel_dag::difficulty::{Asert, DifficultyAlgorithm, DifficultyContext, SampledWindow};
use umbel_dag::ghostdag::mergeset::mergeset_without_selected_parent;
use umbel_dag::ghostdag::ordering::find_selected_parent;
use umbel_dag::memory::MemoryDag;
use umbel_dag::past_median_time::PastMedianTime;
use umbel_dag::reachability::{Future, Reachability};
use umbel_dag::replay::dense::DenseGraph;
use umbel_dag::window::{ChainSampler, MergesetSampler, SampleCache};
use umbel_dag::{
    GhostdagData, GhostdagError, GhostdagReader, HeaderReader, ReachabilityReader, ReadError, ordered_mergeset,
};
use umbel_types::{BlockHash, CompactTarget, DaaScore, Decode, Encode, TimestampMs};

/// Graphs of the default run; `UMBEL_DAG_CASES` sets another number.
const CASES: u64 = 10_000;
/// Tests they are spread over, so that they run side by side.
const PARTS: u64 = 4;

/// Constants drawn for one graph: small, so that every boundary is met in small graphs.
#[derive(Clone, Copy, Debug)]
struct Constants {
    k: u16,
    tuning: Reachability,
    daa_window: u64,
    time: ChainSampler,
    middle: usize,
    kip4: MergesetSampler,
    min_samples: usize,
    depth: u64,
    block_time_us: u64,
    half_life_s: u32,
    grace: u64,
}

impl Constants {
    fn random(rng: &mut Rng) -> Self {
        Self {
            k: [0, 1, 2, 3, 4, 5, 6, 7, 8, 200][rng.below(10)],
            tuning: Reachability { depth: rng.below(12) as u64, slack: 1 << rng.below(6) },
            daa_window: rng.below(40) as u64,
            time: ChainSampler { interval: 1 + rng.below(7) as u64, count: 1 + rng.below(27) },
            middle: 1 + rng.below(11),
            kip4: MergesetSampler {
                interval: 1 + rng.below(5) as u64,
                count: 1 + rng.below(30),
                daa_window: rng.below(50) as u64,
            },
            min_samples: rng.below(10),
            depth: rng.below(30) as u64,
            block_time_us: 1 + rng.next() % 2_000_000,
            half_life_s: 1 + rng.below(5_000) as u32,
            grace: rng.below(20) as u64,
        }
    }
}

/// How often the graphs reached what the rules are about. A number that stays zero is a test that tests nothing.
#[derive(Clone, Copy, Debug, Default)]
struct Reached {
    reds: usize,
    full_mergesets: usize,
    too_old: usize,
    vouched: usize,
    refused: usize,
    moved: u64,
    blocks: usize,
}

impl Reached {
    fn add(&mut self, other: Self) {
        self.reds += other.reds;
        self.full_mergesets += other.full_mergesets;
        self.too_old += other.too_old;
        self.vouched += other.vouched;
        self.refused += other.refused;
        self.moved += other.moved;
        self.blocks += other.blocks;
    }
}

/// One graph in all three forms.
struct Case<'a> {
    plain: &'a PlainDag,
    oracle: Oracle<'a>,
    dag: MemoryDag,
    constants: Constants,
    number: BTreeMap<BlockHash, usize>,
    data: Vec<GhostdagData>,
}

impl<'a> Case<'a> {
    fn new(plain: &'a PlainDag, constants: Constants) -> Self {
        let daa = DaaRule::with_window(constants.daa_window);
        let dag = build(plain, &unlimited(constants.k), constants.tuning, daa);
        let data = plain.hash.iter().map(|&hash| data_of(&dag, hash)).collect();
        let number = plain.hash.iter().enumerate().map(|(i, &hash)| (hash, i)).collect();
        Self { plain, oracle: Oracle::new(plain, usize::from(constants.k)), dag, constants, number, data }
    }

    fn numbers(&self, hashes: &[BlockHash]) -> Vec<usize> {
        hashes.iter().map(|hash| self.number[hash]).collect()
    }

    fn check(&self, rng: &mut Rng) {
        check_intervals(self.plain, &self.dag);
        self.check_reachability();
        self.check_dense();
        let daa: Vec<u64> =
            (0..self.plain.len()).map(|block| self.oracle.daa_score(block, self.constants.daa_window)).collect();
        let mut cache = SampleCache::new(1 + rng.below(40));
        let mut roots = vec![0];
        for block in 1..self.plain.len() {
            self.check_colours(block);
            self.check_limit(block);
            self.check_daa(block, &daa);
            let median = self.check_time(block, &mut cache);
            self.check_difficulty(block, &daa, median);
            roots.push(self.check_merge(block, &roots, rng));
            self.check_selected_parent(block, rng);
        }
    }

    fn check_colours(&self, block: usize) {
        let (data, oracle) = (&self.data[block], &self.oracle);
        assert_eq!(self.number[&data.selected_parent], oracle.selected_parent[block], "selected parent of {block}");
        assert_eq!(self.numbers(&data.mergeset_blues), oracle.blues[block], "blues of {block}");
        assert_eq!(self.numbers(&data.mergeset_reds), oracle.reds[block], "reds of {block}");
        assert_eq!(data.mergeset_size(), oracle.mergeset(block).len());
        assert_eq!(data.blue_score.0, oracle.score[block], "blue score of {block}");
        let work = BigUint::from_bytes_be(&data.blue_work.0.to_be_bytes::<32>());
        assert_eq!(work, oracle.work[block], "blue work of {block}");
        let ordered = ordered_mergeset(&self.dag, data).expect("readable");
        assert_eq!(self.numbers(&ordered), oracle.ordered_mergeset(block), "order of {block}");
        assert_eq!(GhostdagData::from_bytes(&data.to_bytes()).as_ref(), Ok(data));
        self.check_anticone_sizes(block);
    }

    /// Each entry is true, and there is one for each blue whose anticone the mergeset changed.
    fn check_anticone_sizes(&self, block: usize) {
        let (data, oracle) = (&self.data[block], &self.oracle);
        let parent = oracle.selected_parent[block];
        for blue in (0..self.plain.len()).filter(|&b| oracle.blue_set[block].has(b)) {
            let size = oracle.anticone[blue].count_common(&oracle.blue_set[block]);
            let is_new = oracle.blues[block].contains(&blue);
            let is_changed = is_new || oracle.anticone[blue].count_common(&oracle.blue_set[parent]) != size;
            let expected = is_changed.then_some(u16::try_from(size).expect("at most k"));
            let got = data.blues_anticone_sizes.get(self.plain.hash[blue]);
            assert_eq!(got, expected, "blue anticone of {blue} seen by {block}");
        }
        let blues = data.blues_anticone_sizes.iter().map(|(hash, _)| self.number[&hash]);
        assert!(blues.into_iter().all(|b| oracle.blue_set[block].has(b)), "sizes of {block}");
    }

    /// The limit is the largest mergeset that is allowed, the selected parent counted.
    fn check_limit(&self, block: usize) {
        let size = self.oracle.mergeset(block).len();
        let parents: Vec<_> = self.plain.parents[block].iter().map(|&parent| self.plain.hash[parent]).collect();
        let selected = self.data[block].selected_parent;
        let search = |limit| mergeset_without_selected_parent(&self.dag, selected, &parents, limit);
        let exact = search(size).expect("it just fits");
        assert_eq!(self.numbers(&exact), self.oracle.ordered_mergeset(block)[1..], "mergeset of {block}");
        match search(size - 1) {
            Err(GhostdagError::MergesetTooLarge { got, limit }) => assert!(got > limit && got <= size),
            other => panic!("a mergeset of {size} passed a limit one below: {other:?}"),
        }
    }

    fn check_reachability(&self) {
        let hash = &self.plain.hash;
        let mut futures: Vec<Future> =
            hash.iter().map(|&block| Future::of(&self.dag, block).expect("readable")).collect();
        for (b, &queried) in hash.iter().enumerate() {
            let chain = self.oracle.chain(b);
            let wanted = futures[b].clone();
            for (a, &this) in hash.iter().enumerate() {
                let expected = self.oracle.is_ancestor(a, b);
                assert_eq!(self.dag.is_dag_ancestor_of(this, queried), Ok(expected), "{a} before {b}");
                assert_eq!(futures[a].contains(&self.dag, &wanted), Ok(expected), "{b} after {a}");
                assert_eq!(self.dag.is_chain_ancestor_of(this, queried), Ok(chain.contains(&a)), "{a} below {b}");
            }
            for (i, &below) in chain.iter().enumerate() {
                let next = self.dag.next_chain_ancestor(queried, hash[below]);
                match i.checked_sub(1) {
                    Some(i) => assert_eq!(next, Ok(hash[chain[i]]), "from {below} to {b}"),
                    None => assert!(matches!(next, Err(ReadError::Inconsistent { .. })), "from {b} to itself"),
                }
            }
            let off_chain = (0..hash.len()).find(|a| !chain.contains(a));
            if let Some(a) = off_chain {
                let next = self.dag.next_chain_ancestor(queried, hash[a]);
                assert!(matches!(next, Err(ReadError::Inconsistent { .. })), "{a} is not below {b}: {next:?}");
            }
            let some = [hash[b / 2], hash[b / 3], hash[b]];
            let later = hash[(b + 1).min(hash.len() - 1)];
            let expected = [b / 2, b / 3, b].iter().any(|&x| self.oracle.is_ancestor(self.number[&later], x));
            assert_eq!(self.dag.is_dag_ancestor_of_any(later, &some), Ok(expected));
        }
    }

    fn check_dense(&self) {
        let work = self.plain.bits.iter().map(|bits| bits.work()).collect();
        let dense = DenseGraph::new(self.plain.parents.clone(), self.plain.hash.clone(), work).expect("in order");
        let colors = dense.color(self.constants.k);
        for (block, data) in self.data.iter().enumerate().skip(1) {
            assert_eq!(colors.selected_parent[block], self.number[&data.selected_parent]);
            assert_eq!(colors.blues[block], self.numbers(&data.mergeset_blues), "dense blues of {block}");
            assert_eq!(colors.reds[block], self.numbers(&data.mergeset_reds), "dense reds of {block}");
            assert_eq!(colors.blue_work[block], data.blue_work);
        }
    }

    fn check_daa(&self, block: usize, daa: &[u64]) {
        let window = self.constants.daa_window;
        let got = DaaRule::with_window(window).calc(&self.dag, &self.data[block]).expect("readable");
        assert_eq!(got.daa_score.0, daa[block], "DAA score of {block}");
        let mut old: Vec<usize> = got.mergeset_non_daa.iter().map(|hash| self.number[hash]).collect();
        old.sort_unstable();
        assert_eq!(old, self.oracle.non_daa(block, window), "non-DAA blocks of {block}");
    }

    fn check_time(&self, block: usize, cache: &mut SampleCache) -> u64 {
        let Constants { time, middle, .. } = self.constants;
        let parent = self.oracle.selected_parent[block];
        let expected = self.oracle.past_median_time(parent, time.interval, time.count, middle);
        let rule = PastMedianTime::with_sampler(time, middle);
        let hash = self.plain.hash[parent];
        assert_eq!(rule.calc(&self.dag, hash, None), Ok(TimestampMs(expected)), "past median time of {block}");
        assert_eq!(rule.calc(&self.dag, hash, Some(cache)), Ok(TimestampMs(expected)), "{block}, cached");
        let samples = time.samples(&self.dag, hash, None).expect("readable");
        let times: Vec<u64> = samples.iter().map(|time| time.0).collect();
        assert_eq!(times, self.oracle.time_samples(parent, time.interval, time.count), "samples of {block}");
        expected
    }

    fn check_difficulty(&self, block: usize, daa: &[u64], median: u64) {
        let Constants { kip4, min_samples, block_time_us, half_life_s, grace, .. } = self.constants;
        let data = &self.data[block];
        let context = DifficultyContext {
            ghostdag: data,
            daa_score: DaaScore(daa[block]),
            past_median_time: TimestampMs(median),
        };
        let anchor = genesis_facts(self.plain);
        let asert = Asert { anchor, target_block_time_us: block_time_us, half_life_s, grace };
        let genesis_bits = anchor.bits.0;
        let schedule =
            exact::Schedule { genesis_bits, genesis_time: anchor.timestamp.0, block_time_us, half_life_s, grace };
        let expected = schedule.bits_at(median, daa[block]);
        assert_eq!(asert.expected_bits(&self.dag, &context), Ok(CompactTarget(expected)), "bits of {block}");

        let samples = self.oracle.kip4_samples(block, kip4.interval, kip4.count, kip4.daa_window, daa);
        let got = kip4.samples(&self.dag, data).expect("readable");
        assert_eq!(self.numbers(&got), samples, "KIP-4 samples of {block}");
        let window = SampledWindow {
            sampler: kip4,
            min_samples,
            target_block_time_us: block_time_us,
            genesis_bits: CompactTarget::EASIEST,
        };
        let expected = if samples.len() < min_samples.max(2) {
            self.plain.bits[self.oracle.selected_parent[block]].0
        } else {
            let facts: Vec<(u64, u32)> =
                samples.iter().map(|&b| (self.plain.timestamp[b], self.plain.bits[b].0)).collect();
            exact::window_bits(&facts, kip4.interval, block_time_us)
        };
        assert_eq!(window.expected_bits(&self.dag, &context), Ok(CompactTarget(expected)), "KIP-4 bits of {block}");
    }

    /// The merge depth root, found from any chain block at or below it.
    fn check_merge(&self, block: usize, roots: &[usize], rng: &mut Rng) -> usize {
        let rule = BlockDepth { depth: self.constants.depth, genesis: self.plain.hash[0] };
        let data = &self.data[block];
        let expected = self.oracle.depth_root(block, self.constants.depth);
        let chain = self.oracle.chain(expected);
        for below in [roots[self.oracle.selected_parent[block]], 0, chain[rng.below(chain.len())]] {
            let root = rule.root(&self.dag, data, self.plain.hash[below]).expect("readable");
            assert_eq!(self.number[&root], expected, "merge depth root of {block} from {below}");
        }
        let (refused, _) = self.oracle.too_deep(block, expected);
        let first = refused.first().map_or(Ok(()), |&red| Err(DepthError::MergeTooDeep(self.plain.hash[red])));
        let got = check_bounded_merge(&self.dag, data, self.plain.hash[expected]);
        assert_eq!(got, first, "bounded merge of {block}");
        expected
    }

    fn check_selected_parent(&self, block: usize, rng: &mut Rng) {
        let some: Vec<usize> = (0..rng.below(5)).map(|_| rng.below(block)).collect();
        let hashes: Vec<_> = some.iter().map(|&b| self.plain.hash[b]).collect();
        let got = find_selected_parent(&self.dag, &hashes).expect("readable");
        assert_eq!(got.map(|hash| self.number[&hash]), self.oracle.heaviest(&some));
        let facts = self.dag.header_facts(self.plain.hash[block]).expect("readable");
        assert_eq!(facts.blue_score, self.dag.ghostdag(self.plain.hash[block]).expect("readable").blue_score);
    }

    fn reached(&self) -> Reached {
        let mut reached = Reached { blocks: self.plain.len(), moved: self.dag.moved(), ..Reached::default() };
        for (block, data) in self.data.iter().enumerate() {
            reached.reds += data.mergeset_reds.len();
            let is_full = data.mergeset_blues.len() == usize::from(self.constants.k) + 1;
            reached.full_mergesets += usize::from(is_full && !data.mergeset_reds.is_empty());
            reached.too_old += self.oracle.non_daa(block, self.constants.daa_window).len();
            let (refused, vouched) = self.oracle.too_deep(block, self.oracle.depth_root(block, self.constants.depth));
            reached.refused += refused.len();
            reached.vouched += vouched;
        }
        reached
    }
}

/// The graphs whose seed leaves `part` when divided by [`PARTS`].
fn run(part: u64) {
    let cases = cases(CASES);
    let mut reached = Reached::default();
    for seed in (0..cases).filter(|seed| seed % PARTS == part) {
        let mut rng = Rng(seed);
        let shape = Shape::ALL[(seed / PARTS % Shape::ALL.len() as u64) as usize];
        // Many small graphs, some of up to 200 blocks.
        let most = [12, 12, 30, 30, 60, 200][rng.below(6)];
        let n = 2 + rng.below(most - 1);
        let constants = Constants::random(&mut rng);
        let plain = shape.graph(&mut rng, n);
        let title = format!("seed {seed}, {shape:?}, {n} blocks, {constants:?}");
        reached.add(plain.check_or_shrink(&title, |plain| {
            let case = Case::new(plain, constants);
            case.check(&mut Rng(seed));
            case.reached()
        }));
    }
    println!("{cases} graphs in {PARTS} parts, of which this one: {reached:?}");
    let Reached { reds, full_mergesets, too_old, vouched, refused, moved, blocks } = reached;
    assert!(blocks > 0 && reds > 0 && full_mergesets > 0 && too_old > 0 && vouched > 0 && refused > 0 && moved > 0);
}

#[test]
fn every_rule_equals_its_definition_1() {
    run(0);
}

#[test]
fn every_rule_equals_its_definition_2() {
    run(1);
}

#[test]
fn every_rule_equals_its_definition_3() {
    run(2);
}

#[test]
fn every_rule_equals_its_definition_4() {
    run(3);
}
