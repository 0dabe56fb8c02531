//! Difficulty rules against exact arithmetic with big integers. KIP-4's window: random_graphs.rs.

#![allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "random numbers are cut to size")]

mod common;

use common::{Rng, cases, exact};
use num_bigint::{BigInt, BigUint};
use ruint::aliases::{U256, U512};
use umbel_dag::HeaderFacts;
use umbel_dag::difficulty::{
    Asert, DifficultyAlgorithm, DifficultyContext, Fixed, MAX_TARGET, rule_of, scale_by_power_of_two,
};
use umbel_dag::memory::MemoryDag;
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

/// Bit for bit, over the whole range of targets, times and scores.
#[test]
fn asert_equals_the_exact_statement() {
    let mut rng = Rng(7);
    for case in 0..cases(20_000) {
        let bits = CompactTarget::from_target(U256::MAX >> (1 + rng.below(255)) ^ U256::from(rng.next()));
        if bits.to_target().is_none_or(|target| target > MAX_TARGET) {
            continue;
        }
        let anchor = HeaderFacts { bits, timestamp: TimestampMs(rng.next() >> rng.below(64)), ..asert().anchor };
        let rule = Asert {
            anchor,
            target_block_time_us: 1 + rng.next() % 10_000_000,
            half_life_s: 1 + rng.below(100_000) as u32,
            grace: rng.next() % 10_000,
        };
        let schedule = exact::Schedule {
            genesis_bits: bits.0,
            genesis_time: anchor.timestamp.0,
            block_time_us: rule.target_block_time_us,
            half_life_s: rule.half_life_s,
            grace: rule.grace,
        };
        // Near the schedule, where the powers are small, as well as anywhere.
        let daa = rng.next() >> rng.below(64);
        let on_time = u128::from(anchor.timestamp.0) + u128::from(daa) * u128::from(rule.target_block_time_us) / 1000;
        let near = u64::try_from(on_time).unwrap_or(u64::MAX).saturating_add_signed(rng.next() as i64 >> 36);
        let grace = rule.grace;
        for (time, score) in [(near, daa), (rng.next() >> rng.below(64), daa), (near, grace), (near, grace.max(1) - 1)]
        {
            let got = rule.bits_at(TimestampMs(time), DaaScore(score));
            assert_eq!(got.0, schedule.bits_at(time, score), "case {case}: {rule:?} at {time}, {score}");
        }
    }
}

#[test]
fn scaling_equals_the_exact_statement() {
    let mut rng = Rng(8);
    for _ in 0..cases(20_000) {
        let target = U256::from_limbs([rng.next(), rng.next(), rng.next(), rng.next()]) >> (1 + rng.below(254));
        let target = target.max(U256::ONE);
        let exponent = i128::from(rng.next() as i64) >> rng.below(62);
        let expected = exact::scaled(&BigUint::from_bytes_be(&target.to_be_bytes::<32>()), &BigInt::from(exponent));
        let got = BigUint::from_bytes_be(&scale_by_power_of_two(target, exponent).to_be_bytes::<32>());
        assert_eq!(got, expected, "{target} by {exponent}");
    }
}

#[test]
fn work_and_bits_equal_the_exact_statement() {
    let mut rng = Rng(9);
    for _ in 0..cases(20_000) {
        let target = U256::from_limbs([rng.next(), rng.next(), rng.next(), rng.next()]) >> (1 + rng.below(255));
        let target = target.max(U256::ONE);
        let bits = CompactTarget::from_target(target);
        assert_eq!(bits.0, exact::bits_of(&BigUint::from_bytes_be(&target.to_be_bytes::<32>())), "{target}");
        let work = BigUint::from_bytes_be(&bits.work().0.to_be_bytes::<32>());
        assert_eq!(work, exact::work_of(bits.0), "{bits:?}");
    }
}
