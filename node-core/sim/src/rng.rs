//! Randomness of one run: a stream cipher under the seed, one stream for each use, so that a new use of randomness in one
//! place changes nothing elsewhere.

use chacha20::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// A stream of random numbers.
#[derive(Debug)]
pub struct SimRng(ChaCha8Rng);

impl SimRng {
    /// The stream of `purpose` under `seed`.
    pub fn new(seed: u64, purpose: &str) -> Self {
        let mut key = [0u8; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        for (at, byte) in purpose.bytes().enumerate() {
            let slot = &mut key[8 + at % 24];
            *slot = slot.rotate_left(3) ^ byte;
        }
        Self(ChaCha8Rng::from_seed(key))
    }

    /// For libraries that ask for a generator.
    pub fn inner(&mut self) -> &mut ChaCha8Rng {
        &mut self.0
    }

    /// Any number.
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `bound`; 0 where the bound is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        // The bias of the remainder is below 2⁻³² for the small bounds asked for here.
        if bound == 0 { 0 } else { self.next_u64() % bound }
    }

    /// An index of a list of `len`.
    pub fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap_or(0)
    }

    /// A number of `0.0..1.0`.
    pub fn unit(&mut self) -> f64 {
        // 53 bits are what a float holds.
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A number of `low..high`.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Waiting time of a Poisson process with this mean.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -(1.0 - self.unit()).ln() * mean
    }

    /// Normal with mean 0 and deviation 1 (Box and Muller).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (core::f64::consts::TAU * self.unit()).cos()
    }

    /// One of a list that is not empty.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.index(from.len())]
    }
}

/// Whole microseconds; negative times are 0.
pub fn micros(value: f64) -> u64 {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the cast saturates, and virtual time is far below 2^53 µs"
    )]
    let whole = value.max(0.0) as u64;
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_differ_by_seed_and_purpose_and_repeat() {
        let first = |seed, purpose| SimRng::new(seed, purpose).next_u64();
        assert_eq!(first(1, "mine"), first(1, "mine"));
        assert_ne!(first(1, "mine"), first(2, "mine"));
        assert_ne!(first(1, "mine"), first(1, "delay"));
    }

    #[test]
    fn draws_have_the_moments_they_should() {
        let mut rng = SimRng::new(7, "moments");
        let count = 100_000;
        let mean = |draws: &[f64]| draws.iter().sum::<f64>() / draws.len() as f64;
        let waits: Vec<f64> = (0..count).map(|_| rng.exponential(3.0)).collect();
        assert!((mean(&waits) - 3.0).abs() < 0.05, "{}", mean(&waits));
        let normals: Vec<f64> = (0..count).map(|_| rng.normal()).collect();
        let squares: Vec<f64> = normals.iter().map(|x| x * x).collect();
        assert!(mean(&normals).abs() < 0.02 && (mean(&squares) - 1.0).abs() < 0.03);
        assert!((0..count).all(|_| rng.below(3) < 3) && rng.below(0) == 0);
    }
}
