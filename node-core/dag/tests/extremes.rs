//! Ends of the number ranges: nothing panics, sums stop at their largest value, answers stay in order.

#![allow(clippy::cast_possible_truncation, reason = "random numbers are cut to size")]

mod common;

use std::sync::Arc;

use common::build::unlimited;
use common::{Rng, cases};
use umbel_dag::daa::DaaRule;
use umbel_dag::depth::{BlockDepth, check_bounded_merge};
use umbel_dag::difficulty::{Asert, DifficultyAlgorithm, DifficultyContext, MAX_TARGET, SampledWindow};
use umbel_dag::memory::MemoryDag;
use umbel_dag::past_median_time::{PastMedianTime, calc_middle_mean};
use umbel_dag::reachability::{self, Interval, ReachabilityData, ReachabilityStore, ReachabilityStoreReader};
use umbel_dag::window::{ChainSampler, MergesetSampler, SampleCache};
use umbel_dag::{GhostdagData, HeaderFacts, ReadError};
use umbel_types::{BlockHash, BlueScore, BlueWork, CompactTarget, DaaScore, TimestampMs};

/// A number near one of its ends, or anything.
fn extreme(rng: &mut Rng) -> u64 {
    match rng.below(5) {
        0 => rng.below(4) as u64,
        1 => u64::MAX - rng.below(4) as u64,
        2 => (1 << 63) - 2 + rng.below(4) as u64,
        3 => rng.next() >> rng.below(64),
        _ => rng.next(),
    }
}

/// Well-formed, malformed, hardest (target 1, work 2²⁵⁵) and easiest bits.
fn extreme_bits(rng: &mut Rng) -> CompactTarget {
    CompactTarget(match rng.below(6) {
        0 => 0x0101_0000,
        1 => 0x207f_ffff,
        2 => 0x2100_ffff,
        3 => 0x0080_0000,
        4 => 0,
        _ => rng.next() as u32,
    })
}

fn extreme_facts(rng: &mut Rng) -> HeaderFacts {
    HeaderFacts {
        timestamp: TimestampMs(extreme(rng)),
        bits: extreme_bits(rng),
        daa_score: DaaScore(extreme(rng)),
        blue_score: BlueScore(extreme(rng)),
    }
}

/// A store that says anything of its blocks, as a damaged one would: every rule answers or names an error.
#[test]
fn no_stored_number_makes_a_rule_panic() {
    for seed in 0..cases(2_000) {
        let mut rng = Rng(seed);
        let genesis = rng.hash();
        let mut dag = MemoryDag::new(genesis, extreme_facts(&mut rng));
        let mut blocks = vec![genesis];
        let mut samples = SampleCache::new(4);
        let protocol = unlimited([0, 1, 3, u16::MAX][rng.below(4)]);
        for _ in 0..12 {
            let parents: Vec<BlockHash> = (0..1 + rng.below(3)).map(|_| blocks[rng.below(blocks.len())]).collect();
            let Ok(mut data) = protocol.ghostdag(&dag, &parents) else { continue };
            let mergeset: Vec<_> = data.unordered_mergeset_without_selected_parent().collect();
            let block = rng.hash();
            let daa = DaaRule::with_window(extreme(&mut rng)).calc(&dag, &data).expect("readable");
            let sampler = ChainSampler { interval: extreme(&mut rng), count: rng.below(28) };
            let median = PastMedianTime::with_sampler(sampler, rng.below(12)).calc(&dag, data.selected_parent, None);
            let cached = PastMedianTime::with_sampler(ChainSampler { interval: 3, count: 27 }, 11).calc(
                &dag,
                data.selected_parent,
                Some(&mut samples),
            );
            let context = DifficultyContext {
                ghostdag: &data,
                daa_score: daa.daa_score,
                past_median_time: median.expect("readable").max(cached.expect("readable")),
            };
            let asert = Asert {
                anchor: extreme_facts(&mut rng),
                target_block_time_us: extreme(&mut rng),
                half_life_s: extreme(&mut rng) as u32,
                grace: extreme(&mut rng),
            };
            let window = SampledWindow {
                sampler: MergesetSampler {
                    interval: extreme(&mut rng),
                    count: rng.below(10),
                    daa_window: extreme(&mut rng),
                },
                min_samples: rng.below(4),
                target_block_time_us: extreme(&mut rng),
                genesis_bits: CompactTarget::EASIEST,
            };
            asert.expected_bits(&dag, &context).expect("readable");
            window.expected_bits(&dag, &context).expect("readable");
            let depth = BlockDepth { depth: extreme(&mut rng), genesis };
            let root = depth.root(&dag, &data, genesis).expect("on the chain");
            let _either = check_bounded_merge(&dag, &data, root);
            reachability::add_block(&mut dag, block, data.selected_parent, mergeset).expect("a new block");
            reachability::hint_virtual_selected_parent(&mut dag, block).expect("readable");
            if rng.below(4) == 0 {
                data.blue_score = BlueScore(extreme(&mut rng));
            }
            if rng.below(4) == 0 {
                data.blue_work = BlueWork(MAX_TARGET << 1);
            }
            dag.insert(block, &parents, data, extreme_facts(&mut rng));
            blocks.push(block);
        }
    }
}

/// Work stops at 2²⁵⁶ − 1, scores at 2⁶⁴ − 1.
#[test]
fn sums_stop_at_their_largest_value() {
    let mut rng = Rng(3);
    let hardest = CompactTarget(0x0101_0000);
    let facts = HeaderFacts {
        timestamp: TimestampMs(u64::MAX),
        bits: hardest,
        daa_score: DaaScore(u64::MAX - 1),
        blue_score: BlueScore(0),
    };
    let mut dag = MemoryDag::new(rng.hash(), facts);
    let mut tip = rng.hash();
    reachability::init(&mut dag, tip);
    let top = GhostdagData { blue_score: BlueScore(u64::MAX - 1), ..GhostdagData::genesis() };
    dag.insert(tip, &[], top, facts);
    for n in 1..=3u64 {
        let data = unlimited(3).ghostdag(&dag, &[tip]).expect("coloured");
        let daa = DaaRule::with_window(0).calc(&dag, &data).expect("readable");
        let work = u128::from(n) << 127;
        assert_eq!(data.blue_score.0, u64::MAX);
        let expected = if n < 2 { hardest.work() } else { BlueWork(ruint::aliases::U256::MAX) };
        assert_eq!(data.blue_work, expected, "{n} times 2^255: {work}");
        let block = rng.hash();
        reachability::add_block(&mut dag, block, tip, []).expect("a new block");
        dag.insert(block, &[tip], data, HeaderFacts { daa_score: daa.daa_score, ..facts });
        tip = block;
    }
    let sampler = MergesetSampler { interval: 1, count: 5, daa_window: u64::MAX };
    let data = unlimited(3).ghostdag(&dag, &[tip]).expect("coloured");
    assert_eq!(sampler.samples(&dag, &data).map(|samples| samples.len()), Ok(3));
}

#[test]
fn means_of_the_largest_times_do_not_overflow() {
    for n in 1..40usize {
        let mut rng = Rng(n as u64);
        let times: Vec<_> = (0..n).map(|_| TimestampMs(u64::MAX - rng.below(3) as u64)).collect();
        let mean = calc_middle_mean(&times, 11);
        let (low, high) = (times.iter().min().copied(), times.iter().max().copied());
        assert!(Some(mean) >= low && Some(mean) <= high);
    }
}

/// Tree records that no sequence of blocks leads to: typed errors, whatever is asked.
#[test]
fn a_damaged_tree_is_an_error() {
    let mut errors = 0;
    for seed in 0..cases(2_000) {
        let mut rng = Rng(seed);
        let facts = extreme_facts(&mut rng);
        let genesis = rng.hash();
        let mut dag = MemoryDag::new(genesis, facts);
        let mut blocks = vec![genesis];
        for _ in 0..8 {
            let (block, parent) = (rng.hash(), blocks[rng.below(blocks.len())]);
            reachability::add_block(&mut dag, block, parent, []).expect("a new block");
            blocks.push(block);
        }
        for _ in 0..1 + rng.below(3) {
            let victim = blocks[rng.below(blocks.len())];
            let whole = ReachabilityData::clone(&*dag.reachability(victim).expect("it is there"));
            let some = |rng: &mut Rng| Arc::new((0..rng.below(4)).map(|_| blocks[rng.below(9)]).collect::<Vec<_>>());
            let (start, end) = (extreme(&mut rng), extreme(&mut rng));
            let interval = Interval::new(start.min(end), start.max(end)).unwrap_or(whole.interval);
            let damaged = match rng.below(5) {
                0 => ReachabilityData { interval, ..whole },
                1 => ReachabilityData { height: extreme(&mut rng), ..whole },
                2 => ReachabilityData { children: some(&mut rng), ..whole },
                3 => ReachabilityData { future_covering_set: some(&mut rng), ..whole },
                _ => ReachabilityData { interval: Interval::new(5, 4).expect("empty"), ..whole },
            };
            dag.set_reachability(victim, Arc::new(damaged));
        }
        for _ in 0..6 {
            let (new, a, b) = (rng.hash(), blocks[rng.below(9)], blocks[rng.below(9)]);
            let mut answers = vec![
                reachability::is_dag_ancestor_of(&dag, a, b).err(),
                reachability::next_chain_ancestor(&dag, a, b).err(),
            ];
            answers.push(reachability::add_block(&mut dag, new, a, [b]).err());
            answers.push(reachability::hint_virtual_selected_parent(&mut dag, new).err());
            errors += answers.iter().flatten().filter(|error| !matches!(error, ReadError::Store(_))).count();
        }
    }
    assert!(errors > 0, "some damage must be noticed");
}
