//! Measures Qanhash on this machine: `cargo run --release -p umbel-pow --example timing [main]`.

#![allow(clippy::print_stdout, clippy::float_arithmetic, reason = "a measuring tool prints, in human units")]

use std::time::Instant;

use umbel_pow::cache::{Cache, epoch_seed};
use umbel_pow::dataset::Dataset;
use umbel_pow::h64::Tags;
use umbel_pow::hash::hash;
use umbel_pow::profile::{MainCache, TestCache};
use umbel_types::Hash32;

/// Pages of the dataset that are computed to estimate the time of all.
const SAMPLE_PAGES: u32 = 20_000;
/// Hashes that are averaged.
const HASHES: u64 = 2_000;

fn measure<const NC: u32, const ND: u32>(name: &str, build: fn([u8; 32]) -> Cache<NC, ND>, full: bool) {
    let seed = epoch_seed(&Tags::new(), 13, 0);
    let start = Instant::now();
    let cache = build(seed);
    println!(
        "{name}: cache of {} KiB built in {:.1} ms",
        u64::from(NC) * 64 / 1024,
        start.elapsed().as_secs_f64() * 1e3
    );

    let start = Instant::now();
    for nonce in 0..HASHES {
        std::hint::black_box(hash(&cache, &Hash32([1; 32]), nonce));
    }
    println!("{name}: light hash {:.1} µs", start.elapsed().as_secs_f64() * 1e6 / HASHES as f64);

    let start = Instant::now();
    for page in 0..SAMPLE_PAGES {
        std::hint::black_box(cache.page(page.wrapping_mul(2_654_435_761)));
    }
    let page_us = start.elapsed().as_secs_f64() * 1e6 / f64::from(SAMPLE_PAGES);
    let all_s = page_us * f64::from(ND / 2) / 1e6;
    println!("{name}: {page_us:.2} µs a page, so a dataset takes about {all_s:.1} s of one core");

    if full {
        let dataset = Dataset::build(&cache);
        let start = Instant::now();
        for nonce in 0..HASHES * 20 {
            std::hint::black_box(hash(&dataset, &Hash32([1; 32]), nonce));
        }
        println!("{name}: full hash {:.2} µs", start.elapsed().as_secs_f64() * 1e6 / (HASHES * 20) as f64);
    }
}

fn main() {
    let full_main = std::env::args().any(|arg| arg == "main");
    measure("Test", TestCache::build, true);
    measure("Main", MainCache::build, full_main);
}
