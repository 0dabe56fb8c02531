//! Difficulty rules against exact rationals and a naive window.

mod common;

use common::{MemoryDag, PlainDag, Rng, cases};
use ruint::aliases::{U256, U512};
use umbel_dag::difficulty::{
    Asert, DifficultyAlgorithm, DifficultyContext, Fixed, MAX_TARGET, SampledWindow, rule_of, scale_by_power_of_two,
};
use umbel_dag::reachability::Reachability;
use umbel_dag::window::MergesetSampler;
use umbel_dag::{GhostdagProtocol, HeaderFacts};
use umbel_types::{BlueScore, CompactTarget, DaaScore, Network, Params, TimestampMs};

/// Fixed point with 200 fractional bits.
const POINT: usize = 200;

/// ⌊√n⌋ by bisection.
fn sqrt(n: U512) -> U512 {
    let (mut low, mut high) = (U512::ZERO, U512::ONE << n.bit_len().div_ceil(2));
    while low < high {
        let middle = (low + high + U512::ONE) >> 1;
        if middle * middle <= n { low = middle } else { high = middle - U512::ONE }
    }
    low
}

/// 2^(x/65536) for 0 ≤ x < 65536 with 200 fractional bits: the product of 2^(1/2), 2^(1/4) … by the bits of x.
fn power_of_two(x: u32) -> U512 {
    let one = U512::ONE << POINT;
    let mut result = one;
    let mut root = one << 1;
    for bit in (0..16).rev() {
        root = sqrt(root << POINT);
        if x >> bit & 1 == 1 {
            result = (result * root) >> POINT;
        }
    }
    result
}

#[test]
fn the_cubic_is_within_its_bound() {
    // The target's 200 bits make rounding invisible beside the approximation.
    let target = U256::ONE << 200;
    let mut worst = U512::ZERO;
    for x in (0..65_536u32).step_by(97).chain([1, 65_535]) {
        let exact = power_of_two(x);
        let got = U512::from(scale_by_power_of_two(target, i128::from(x)));
        let off = if got > exact { got - exact } else { exact - got };
        // In millionths.
        worst = worst.max(off * U512::from(1_000_000) / exact);
    }
    println!("at most {worst} millionths off");
    assert!(worst <= U512::from(130), "{worst}");
}

#[test]
fn whole_powers_are_exact_and_ends_are_clamped() {
    let target = U256::from(0x12_3456u64) << 100;
    assert_eq!(scale_by_power_of_two(target, 0), target);
    for n in 0..100usize {
        assert_eq!(scale_by_power_of_two(target, 65_536 * n as i128), target << n);
        assert_eq!(scale_by_power_of_two(target, -65_536 * n as i128), target >> n);
    }
    for exponent in [65_536 * 200, 65_536 * 100_000, i128::MAX / 70_000] {
        assert_eq!(scale_by_power_of_two(target, exponent), MAX_TARGET);
        assert_eq!(scale_by_power_of_two(target, -exponent), U256::ONE);
    }
    assert_eq!(scale_by_power_of_two(MAX_TARGET, 1), MAX_TARGET);
    assert_eq!(CompactTarget::from_target(MAX_TARGET), CompactTarget::EASIEST);
}

#[test]
fn scaling_is_monotonic() {
    let mut rng = Rng(1);
    for _ in 0..2_000 {
        let target = U256::from(rng.next()) << rng.below(180);
        let exponent = i128::from(rng.next() % (65_536 * 20)) - 65_536 * 10;
        let step = i128::from(rng.next() % 1000);
        assert!(scale_by_power_of_two(target, exponent) <= scale_by_power_of_two(target, exponent + step));
    }
}

fn asert() -> Asert {
    let anchor = HeaderFacts {
        timestamp: TimestampMs(1_700_000_000_000),
        bits: CompactTarget(0x1d00_ffff),
        daa_score: DaaScore(0),
        blue_score: BlueScore(0),
    };
    Asert { anchor, target_block_time_us: 100_000, half_life_s: 3_600, grace: 6_000 }
}

#[test]
fn asert_follows_the_schedule() {
    let rule = asert();
    let bits = |lag_s: i64, daa: u64| {
        let on_time = rule.anchor.timestamp.0 + daa / 10 * 1000;
        rule.bits_at(TimestampMs(on_time.saturating_add_signed(lag_s * 1000)), DaaScore(daa))
    };
    assert_eq!(bits(0, 100_000), rule.anchor.bits, "on time");
    assert_eq!(bits(3_600, 100_000).to_target(), rule.anchor.bits.to_target().map(|t| t << 1), "an hour late");
    assert_eq!(bits(-3_600, 100_000).to_target(), rule.anchor.bits.to_target().map(|t| t >> 1), "an hour early");
    assert_eq!(bits(100_000, 5_999), rule.anchor.bits, "no adjustment in the first ten minutes");
    assert_ne!(bits(100_000, 6_000), rule.anchor.bits);
    assert_eq!(bits(1_000_000_000, 100_000), CompactTarget::EASIEST);
    // A side branch of merge depth, stamped as late as allowed, reaches about half the difficulty.
    let late = bits(3_600 + 132, 100_000).work().0;
    let fair = rule.anchor.bits.work().0;
    assert!(fair > late * U256::from(2) && fair < late * U256::from(21) / U256::from(10));
    // Times and scores at their ends must not overflow.
    for (time, score) in [(0, u64::MAX), (u64::MAX, u64::MAX), (u64::MAX, 6_000), (0, 6_000)] {
        assert!(rule.bits_at(TimestampMs(time), DaaScore(score)).to_target().is_some());
    }
}

#[test]
fn rules_of_the_networks() {
    let genesis = asert().anchor;
    let dag = MemoryDag::default();
    let data = umbel_dag::GhostdagData::genesis();
    let context =
        DifficultyContext { ghostdag: &data, daa_score: DaaScore(1 << 40), past_median_time: genesis.timestamp };
    let devnet = rule_of(&Params::of(Network::Devnet), genesis);
    assert_eq!(devnet.expected_bits(&dag, &context), Ok(genesis.bits));
    assert_eq!(Fixed { bits: genesis.bits }.expected_bits(&dag, &context), Ok(genesis.bits));
    let mainnet = rule_of(&Params::of(Network::Mainnet), genesis);
    assert_eq!(mainnet.expected_bits(&dag, &context), Ok(CompactTarget::from_target(U256::ONE)), "far ahead of time");
}

#[test]
fn the_sampled_window_equals_the_definition() {
    for seed in 0..cases(100) {
        let mut rng = Rng(seed);
        let n = 20 + rng.below(120);
        let plain = PlainDag::random(&mut rng, n);
        let protocol = GhostdagProtocol::new(4, usize::MAX, CompactTarget::work);
        let dag = MemoryDag::of(&plain, &protocol, Reachability { depth: 5, slack: 16 });
        let rule = SampledWindow {
            sampler: MergesetSampler { interval: 2, count: 20, daa_window: 30 },
            min_samples: 8,
            target_block_time_us: 1_000_000,
            genesis_bits: CompactTarget::EASIEST,
        };
        for hash in &plain.hash[1..] {
            let data = &dag.ghostdag[hash];
            let context = DifficultyContext {
                ghostdag: data,
                daa_score: dag.facts[hash].daa_score,
                past_median_time: TimestampMs(0),
            };
            let got = rule.expected_bits(&dag, &context).expect("readable");
            let mut samples: Vec<_> =
                rule.sampler.samples(&dag, data).expect("readable").iter().map(|block| dag.facts[block]).collect();
            if samples.len() < 8 {
                assert_eq!(got, dag.facts[&data.selected_parent].bits);
                continue;
            }
            let first = samples.iter().map(|s| s.timestamp.0).min().expect("not empty");
            let last = samples.iter().map(|s| s.timestamp.0).max().expect("not empty");
            samples.remove(samples.iter().position(|s| s.timestamp.0 == first).expect("it is there"));
            let sum = samples.iter().fold(U512::ZERO, |sum, s| sum + U512::from(s.bits.to_target().expect("valid")));
            let n = samples.len() as u64;
            // Two samples apart at one block a second: 2,000 ms each.
            let exact = sum / U512::from(n) * U512::from((last - first).max(1)) / U512::from(n * 2_000);
            let expected = exact.min(U512::from(MAX_TARGET)).to::<U256>();
            assert_eq!(got, CompactTarget::from_target(expected), "seed {seed}");
        }
    }
}
