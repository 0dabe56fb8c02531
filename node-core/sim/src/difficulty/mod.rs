//! Rules of difficulty under changing hash rates, false timestamps and miners that come and go: umbel-dag's own code on
//! headers alone.
//!
//! ```
//! use umbel_sim::difficulty::{Options, Rule, run};
//!
//! let mut options = Options::new(1, 1);
//! options.rules = vec![Rule::Asert { half_life_s: 3_600 }];
//! options.scenarios.retain(|scenario| scenario.name == "steady");
//! options.scenarios[0].length_s = 6_000;
//! let report = run(&options)?;
//! assert!(report.runs[0].figures.mean_error_pct < 10.0);
//! # Ok::<(), umbel_dag::replay::headers::HeaderError>(())
//! ```
//!
//! ## Flow
//! [`scenario::all`] × [`Rule::ALL`] × seeds → `world` (the network) → [`Figures`] → [`criteria::Verdict`] → [`plot`].
//!
//! ## See
//! docs/adr/0006-difficulty.md

pub mod criteria;
mod figures;
pub mod plot;
mod report;
mod rules;
pub mod scenario;
mod world;

use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Serialize;
use umbel_dag::HeaderFacts;
use umbel_dag::difficulty::DifficultyAlgorithm;
use umbel_dag::replay::headers::HeaderError;
use umbel_types::params::DifficultyRule;
use umbel_types::{Network, Params};

pub use figures::Figures;
pub use rules::Rule;
pub use world::{Account, Branch, Run, Sample};

use criteria::{Verdict, choose};
use scenario::{Family, Scenario};
use world::World;

/// What is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Constants of a network with the wanted rate.
    pub params: Params,
    /// Each scenario is run with seeds 1 to this.
    pub seeds: u64,
    /// Which rules.
    pub rules: Vec<Rule>,
    /// Which scenarios.
    pub scenarios: Vec<Scenario>,
    /// Threads. The figures do not depend on it.
    pub jobs: NonZeroUsize,
}

impl Options {
    /// Everything, at 1 or 10 blocks a second; another number takes 10.
    pub fn new(blocks_per_second: u32, seeds: u64) -> Self {
        let network = if blocks_per_second == 1 { Network::Devnet } else { Network::Mainnet };
        Self {
            params: Params::of(network),
            seeds,
            rules: Rule::ALL.to_vec(),
            scenarios: scenario::all(),
            jobs: NonZeroUsize::MIN,
        }
    }
}

/// One run's figures.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunReport {
    /// Its scenario.
    pub scenario: String,
    /// The scenario's family.
    pub family: &'static str,
    /// Its rule.
    pub rule: String,
    /// Its seed.
    pub seed: u64,
    /// What came out.
    pub figures: Figures,
}

/// A rate over time, for plots.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// Its scenario.
    pub scenario: String,
    /// Its rule.
    pub rule: String,
    /// Of the first seed.
    pub samples: Vec<Sample>,
}

/// All runs and what follows from them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Blocks a second.
    pub blocks_per_second: u32,
    /// Seeds for each scenario.
    pub seeds: u64,
    /// Every run.
    pub runs: Vec<RunReport>,
    /// Each rule beside KIP-4.
    pub verdicts: Vec<Verdict>,
    /// Which rule the criteria choose; none unless every family was run with KIP-4.
    pub chosen: Option<String>,
    /// Which rule the public networks have.
    pub shipped: String,
    /// First seeds' rates.
    #[serde(skip)]
    pub traces: Vec<Trace>,
}

/// Runs every scenario with every rule and every seed.
///
/// # Errors
/// [`HeaderError`]: a rule made a header that umbel-dag refuses.
pub fn run(options: &Options) -> Result<Report, HeaderError> {
    let mut tasks: Vec<(&Scenario, Rule, u64)> = Vec::new();
    for scenario in &options.scenarios {
        for &rule in &options.rules {
            tasks.extend((1..=options.seeds).map(|seed| (scenario, rule, seed)));
        }
    }
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    std::thread::scope(|threads| {
        for _ in 0..options.jobs.get() {
            threads.spawn(|| {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some(&(scenario, rule, seed)) = tasks.get(place) else { break };
                    let build = |params: &Params, genesis| rule.build(params, genesis);
                    let result = run_one(&options.params, scenario, build, seed).map(|run| {
                        let figures = Figures::of(scenario, &run, &options.params);
                        let report = RunReport {
                            scenario: scenario.name.clone(),
                            family: scenario.family.name(),
                            rule: rule.name(),
                            seed,
                            figures,
                        };
                        let samples = if seed == 1 { run.samples } else { Vec::new() };
                        (report, samples)
                    });
                    if let Ok(mut results) = results.lock() {
                        results.push((place, result));
                    }
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_default();
    // The order of threads leaves no trace.
    results.sort_by_key(|(place, _)| *place);
    let (mut runs, mut traces) = (Vec::new(), Vec::new());
    for (_, result) in results {
        let (report, samples) = result?;
        if report.seed == 1 {
            traces.push(Trace { scenario: report.scenario.clone(), rule: report.rule.clone(), samples });
        }
        runs.push(report);
    }
    let candidates = options.rules.iter().filter(|rule| **rule != Rule::Kip4);
    let is_run = |family: &Family| options.scenarios.iter().any(|scenario| scenario.family == *family);
    let is_complete = Family::JUDGED.iter().all(is_run) && options.rules.contains(&Rule::Kip4);
    let verdicts: Vec<Verdict> = candidates.map(|rule| Verdict::of(&rule.name(), &runs)).collect();
    Ok(Report {
        blocks_per_second: options.params.blocks_per_second,
        seeds: options.seeds,
        chosen: is_complete.then(|| choose(&verdicts)),
        shipped: shipped(),
        runs,
        verdicts,
        traces,
    })
}

/// One run with any rule.
///
/// # Errors
/// [`HeaderError`]: the rule made a header that umbel-dag refuses.
pub fn run_one(
    params: &Params,
    scenario: &Scenario,
    rule: impl FnOnce(&Params, HeaderFacts) -> Box<dyn DifficultyAlgorithm>,
    seed: u64,
) -> Result<Run, HeaderError> {
    World::new(params, scenario, rule, seed).run()
}

/// The name of the main network's rule.
fn shipped() -> String {
    match Params::of(Network::Mainnet).difficulty {
        DifficultyRule::Fixed => "fixed".to_owned(),
        DifficultyRule::Asert { half_life_s } => Rule::Asert { half_life_s }.name(),
    }
}

#[cfg(test)]
mod tests;
