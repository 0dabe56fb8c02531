//! Whole runs: that they repeat, what they show of finality, and that what does not hold is told.

mod finality;
mod findings;
mod repeat;

use umbel_sim::{Delay, Options, RunReport, Scenario, Setup, Wanted, find, run, run_setup};

/// A short run on few nodes: seconds in a debug build.
fn small(seed: u64, rate: u32, nodes: usize, seconds: u64) -> Setup {
    let options = Options { nodes: Some(nodes), blocks_per_second: Some(rate), minutes: None };
    Setup {
        seconds,
        attack_s: (2, seconds - 1),
        validators: 4,
        delay: Delay::Uniform { min_us: 50_000, max_us: 600_000 },
        ..Setup::drawn("small", seed, &options)
    }
}

/// A scenario of the list under a seed.
fn named(name: &str, seed: u64) -> RunReport {
    let options = Options { nodes: Some(4), blocks_per_second: Some(1), minutes: None };
    run(Wanted { scenario: find(name).expect("it is in the list"), seed }, &options).expect("it runs")
}

/// Nobody does anything but mine.
#[derive(Debug)]
struct Plain;

impl Scenario for Plain {
    fn setup(&self, seed: u64, _options: &Options) -> Setup {
        small(seed, 1, 3, 40)
    }
}

fn plain(setup: Setup) -> RunReport {
    run_setup(&mut Plain, setup).expect("it runs")
}
