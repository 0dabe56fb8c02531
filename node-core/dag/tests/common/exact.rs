//! Targets, work and difficulty with big integers, as docs/spec/consensus.md R3 and R8 state them.

use num_bigint::{BigInt, BigUint, Sign};

fn two_to(n: u64) -> BigUint {
    BigUint::from(1u8) << n
}

/// 2²⁵⁵ − 1.
pub fn easiest() -> BigUint {
    two_to(255) - 1u8
}

/// The target that well-formed bits stand for: mantissa · 256^(exponent − 3).
pub fn target_of(bits: u32) -> BigUint {
    let (exponent, mantissa) = (u64::from(bits >> 24), BigUint::from(bits & 0x007f_ffff));
    if exponent < 3 { mantissa >> (8 * (3 - exponent)) } else { mantissa << (8 * (exponent - 3)) }
}

/// The bits of a target: as many bytes as its size takes, the highest three kept; a byte more where the first would be
/// read as a sign.
pub fn bits_of(target: &BigUint) -> u32 {
    let mut bytes = target.to_bytes_be();
    if bytes[0] >= 0x80 {
        bytes.insert(0, 0);
    }
    let at = |i: usize| u32::from(bytes.get(i).copied().unwrap_or(0));
    (bytes.len() as u32) << 24 | at(0) << 16 | at(1) << 8 | at(2)
}

/// ⌊2²⁵⁶ / (target + 1)⌋.
pub fn work_of(bits: u32) -> BigUint {
    two_to(256) / (target_of(bits) + 1u8)
}

/// R8's five lines.
pub struct Schedule {
    pub genesis_bits: u32,
    pub genesis_time: u64,
    pub block_time_us: u64,
    pub half_life_s: u32,
    pub grace: u64,
}

impl Schedule {
    pub fn bits_at(&self, past_median_time: u64, daa_score: u64) -> u32 {
        if daa_score < self.grace {
            return self.genesis_bits;
        }
        let big = |n: u64| BigInt::from(n);
        let lag_us = (big(past_median_time) - big(self.genesis_time)) * 1000 - big(self.block_time_us) * big(daa_score);
        // BigInt divides towards zero.
        let exponent = lag_us * 65_536 / (BigInt::from(self.half_life_s) * 1_000_000);
        bits_of(&scaled(&target_of(self.genesis_bits), &exponent))
    }
}

/// ⌊target · factor · 2^(n − 16)⌋, clamped.
pub fn scaled(target: &BigUint, exponent: &BigInt) -> BigUint {
    let unit = BigInt::from(65_536);
    let mut n = exponent / &unit;
    if &n * &unit > *exponent {
        n -= 1;
    }
    let x = exponent - &n * &unit;
    assert!(x.sign() != Sign::Minus && x < unit);
    let cubic = &x * 195_766_423_245_049u64 + &x * &x * 971_821_376u64 + &x * &x * &x * 5_127u64 + (1u64 << 47);
    let factor = BigInt::from(65_536) + cubic / (1u64 << 48);
    let product = target * factor.magnitude();
    // Past ± 1,000 nothing is left, or anything is too large.
    let n = i64::try_from(&n).unwrap_or(if n.sign() == Sign::Minus { -1000 } else { 1000 }).clamp(-1000, 1000) - 16;
    let moved = if n < 0 { product >> n.unsigned_abs() } else { product << n.unsigned_abs() };
    moved.clamp(BigUint::from(1u8), easiest())
}

/// KIP-4: the mean target of all samples but the earliest, by the time they took over the time expected.
pub fn window_bits(samples: &[(u64, u32)], interval: u64, block_time_us: u64) -> u32 {
    let earliest = samples.iter().map(|sample| sample.0).min().expect("not empty");
    let latest = samples.iter().map(|sample| sample.0).max().expect("not empty");
    let starts = samples.iter().position(|sample| sample.0 == earliest).expect("it is one of them");
    let counted = samples.len() as u64 - 1;
    let others = samples.iter().enumerate().filter(|&(i, _)| i != starts);
    let sum: BigUint = others.map(|(_, &(_, bits))| target_of(bits)).sum();
    let measured_us = BigUint::from((latest - earliest).max(1)) * 1000u32;
    let expected_us = BigUint::from(block_time_us) * interval * counted;
    bits_of(&(sum / counted * measured_us / expected_us).clamp(BigUint::from(1u8), easiest()))
}
