//! Measures Qanhash on this machine: `cargo run --release -p umbel-pow --example timing [main]`. Best and median of
//! several runs; with `main` it builds the whole dataset of 2 GiB.

#![allow(clippy::print_stdout, clippy::float_arithmetic, reason = "a measuring tool prints, in human units")]

use std::hint::black_box;
use std::time::Instant;

use umbel_pow::cache::{Cache, epoch_seed};
use umbel_pow::dataset::Dataset;
use umbel_pow::h64::Tags;
use umbel_pow::hash::{Pages, hash};
use umbel_pow::profile::{MainCache, TestCache};
use umbel_types::Hash32;

/// Runs of each figure but that of the whole dataset.
const RUNS: usize = 15;

/// Prints seconds divided by `parts`, in microseconds, best and median.
fn report(what: &str, parts: u32, mut run: impl FnMut(u64)) {
    let mut micros: Vec<f64> = (0..RUNS as u64)
        .map(|n| {
            let start = Instant::now();
            run(n);
            start.elapsed().as_secs_f64() * 1e6 / f64::from(parts)
        })
        .collect();
    micros.sort_by(f64::total_cmp);
    println!("  {what}: best {:.2} µs, median {:.2} µs", micros[0], micros[RUNS / 2]);
}

fn hashes<P: Pages>(pages: &P, what: &str, parts: u32) {
    report(what, parts, |run| {
        for nonce in 0..u64::from(parts) {
            black_box(hash(pages, &Hash32([1; 32]), run << 32 | nonce));
        }
    });
}

fn measure<const NC: u32, const ND: u32>(name: &str, build: fn([u8; 32]) -> Cache<NC, ND>, full: bool) {
    println!("{name}");
    let seed = epoch_seed(&Tags::new(), 13, 0);
    report("cache", 1, |_| {
        black_box(build(seed));
    });
    let cache = build(seed);
    hashes(&cache, "light hash", 200);
    report("item, 2 side by side", 2_000, |run| {
        let first = u32::try_from(run).unwrap_or(0) * 2_000;
        for item in (first..first + 2_000).step_by(2) {
            black_box(cache.items([item % ND, (item + 1) % ND]));
        }
    });
    report("item, 16 side by side", 16_000, |run| {
        let first = u32::try_from(run).unwrap_or(0) * 16_000;
        for item in (first..first + 16_000).step_by(16) {
            black_box(cache.items(std::array::from_fn::<u32, 16, _>(|n| (item + u32::try_from(n).unwrap_or(0)) % ND)));
        }
    });
    if full {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let start = Instant::now();
        match Dataset::build(&cache, threads, &|| false) {
            Ok(dataset) => {
                println!("  dataset by {threads} threads: {:.1} s", start.elapsed().as_secs_f64());
                hashes(&dataset, "full hash", 40_000);
            }
            Err(error) => println!("  no dataset: {error}"),
        }
    }
}

fn main() {
    let full_main = std::env::args().any(|arg| arg == "main");
    measure("Test", TestCache::build, true);
    measure("Main", MainCache::build, full_main);
}
