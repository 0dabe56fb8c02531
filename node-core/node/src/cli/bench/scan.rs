//! Coins of strangers that one view key looks at.

use std::hint::black_box;

use curve25519_dalek::RistrettoPoint;
use curve25519_dalek::ristretto::CompressedRistretto;
use umbel_api::ApiError;
use umbel_types::{OneTimeKey, PointBytes};

use super::keys::{keys, scalar};
use super::measurement::{Goal, Measurement};
use super::{Size, best_of, per_second, time};

pub(super) fn run(size: Size) -> Result<Vec<Measurement>, ApiError> {
    let count = size.of(4_096, 64);
    let point = || PointBytes(RistrettoPoint::mul_base(&scalar()).compress().0);
    let coins: Vec<OneTimeKey> = (0..count).map(|_| OneTimeKey { g: point(), view: point(), spend: point() }).collect();
    let view = keys()?.0.view;
    let owners: Vec<&OneTimeKey> = coins.iter().collect();
    let view_scalar = scalar();
    let look = || Ok(time(|| black_box(view.detects_each(&owners))).1);
    let multiply = || {
        Ok(time(|| {
            for coin in &coins {
                if let Some(g) = CompressedRistretto(coin.g.0).decompress() {
                    black_box(view_scalar * g);
                }
            }
        })
        .1)
    };
    let (figure, floor) = best_of::<ApiError>(size.rounds(), look, multiply)?;
    Ok(vec![Measurement {
        name: "scan",
        inputs: format!("{count} coins of strangers, one view key"),
        cores: 1,
        figure: per_second(count, figure),
        floor: per_second(count, floor),
        floor_is: "decoding one point and one variable-base multiplication a coin",
        unit: "coins/s",
        goals: &[Goal::RatioAtLeast(0.85)],
    }])
}
