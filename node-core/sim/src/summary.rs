//! Many runs on one page: a table by scenario, and plots.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;

use crate::error::SimError;
use crate::plot::{Frame, Line, Plot, lines};
use crate::report::RunReport;

/// All runs of one scenario.
#[derive(Clone, Debug, Serialize)]
pub struct ScenarioSummary {
    /// Which.
    pub scenario: &'static str,
    /// How many.
    pub runs: usize,
    /// Runs in which something did not hold.
    pub violated: usize,
    /// Blocks made.
    pub blocks: u64,
    /// Honest blocks in nobody's final past, of all honest ones.
    pub orphan_rate: f64,
    /// Red blocks of all ordered ones.
    pub red_ratio: f64,
    /// Red ratio of each run, ascending.
    pub red_ratios: Vec<f64>,
    /// Median of the runs' median finality latency, in seconds.
    pub finality_median_s: Option<f64>,
    /// The greatest 95th percentile of a run, in seconds.
    pub finality_p95_s: Option<f64>,
    /// Medians of the runs' finality latency, ascending.
    pub finality_medians_s: Vec<f64>,
    /// Chain blocks left → how often.
    pub depths: BTreeMap<u64, u64>,
    /// Chain blocks left by the deepest reorganisation.
    pub deepest: u64,
    /// How far it went back, in seconds of blue score.
    pub deepest_s: f64,
    /// Virtual seconds in one real second of one thread.
    pub speed: f64,
}

/// All runs.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// By scenario, in the order of the first run of each.
    pub scenarios: Vec<ScenarioSummary>,
}

impl Summary {
    /// Of these runs.
    pub fn of(reports: &[RunReport]) -> Self {
        let mut names: Vec<&'static str> = Vec::new();
        for report in reports {
            if !names.contains(&report.scenario) {
                names.push(report.scenario);
            }
        }
        let of = |name: &&'static str| {
            let runs: Vec<&RunReport> = reports.iter().filter(|report| report.scenario == *name).collect();
            ScenarioSummary::of(name, &runs)
        };
        Self { scenarios: names.iter().map(of).collect() }
    }

    /// A table for people and documents.
    pub fn to_markdown(&self) -> String {
        let mut text = String::from(
            "| scenario | runs | violated | blocks | orphans | red | final, median | final, p95 | reorganisation, most | virtual s per s |\n\
             |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
        );
        let seconds = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.1} s"));
        for one in &self.scenarios {
            let row = writeln!(
                text,
                "| {} | {} | {} | {} | {:.2} % | {:.2} % | {} | {} | {} blocks, {:.1} s | {:.0} |",
                one.scenario,
                one.runs,
                one.violated,
                one.blocks,
                one.orphan_rate * 100.0,
                one.red_ratio * 100.0,
                seconds(one.finality_median_s),
                seconds(one.finality_p95_s),
                one.deepest,
                one.deepest_s,
                one.speed,
            );
            // Writing to a string has no way to fail.
            debug_assert!(row.is_ok());
        }
        text.trim_end().to_owned()
    }
}

fn ascending(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut all: Vec<f64> = values.collect();
    all.sort_by(f64::total_cmp);
    all
}

impl ScenarioSummary {
    fn of(scenario: &'static str, runs: &[&RunReport]) -> Self {
        let sum = |of: fn(&RunReport) -> u64| runs.iter().map(|run| of(run)).sum::<u64>();
        let ratio = |part: u64, all: u64| if all == 0 { 0.0 } else { part as f64 / all as f64 };
        let latencies = || runs.iter().filter_map(|run| run.finality.as_ref()?.latency);
        let mut depths: BTreeMap<u64, u64> = BTreeMap::new();
        for (depth, times) in runs.iter().flat_map(|run| &run.reorganisations.depths) {
            *depths.entry(*depth).or_default() += times;
        }
        let medians = ascending(latencies().map(|latency| latency.median));
        let real: f64 = runs.iter().map(|run| run.real_s).sum();
        let virtual_s: f64 = runs.iter().map(|run| run.virtual_s).sum();
        Self {
            scenario,
            runs: runs.len(),
            violated: runs.iter().filter(|run| !run.violations.is_empty()).count(),
            blocks: sum(|run| run.blocks.made),
            orphan_rate: ratio(sum(|run| run.blocks.orphans), sum(|run| run.blocks.honest)),
            red_ratio: ratio(sum(|run| run.blocks.red), sum(|run| run.blocks.ordered)),
            red_ratios: ascending(runs.iter().map(|run| run.blocks.red_ratio())),
            finality_median_s: medians.get(medians.len() / 2).copied(),
            finality_p95_s: latencies().map(|latency| latency.p95).max_by(f64::total_cmp),
            finality_medians_s: medians,
            deepest: runs.iter().map(|run| run.reorganisations.deepest).max().unwrap_or(0),
            deepest_s: runs.iter().map(|run| run.reorganisations.deepest_s).fold(0.0, f64::max),
            depths,
            speed: if real > 0.0 { virtual_s / real } else { 0.0 },
        }
    }
}

/// One run in words.
pub fn one_run(report: &RunReport) -> String {
    let RunReport { blocks, reorganisations, payments, .. } = report;
    let mut lines = vec![
        format!(
            "{} seed {}: {} nodes, {} blocks/s, {} s of virtual time in {:.2} s ({:.0} virtual s per s), {} events",
            report.scenario,
            report.seed,
            report.nodes,
            report.blocks_per_second,
            report.virtual_s,
            report.real_s,
            report.speed(),
            report.events
        ),
        format!(
            "blocks: {} made ({} honest), {} ordered, {} on the chain, red {:.2} %, orphans {:.2} %, {} invalid, {} disqualified",
            blocks.made,
            blocks.honest,
            blocks.ordered,
            blocks.chain,
            blocks.red_ratio() * 100.0,
            blocks.orphan_rate() * 100.0,
            blocks.invalid,
            blocks.disqualified
        ),
        format!(
            "reorganisations: {}, the deepest {} chain blocks and {:.1} s",
            reorganisations.count, reorganisations.deepest, reorganisations.deepest_s
        ),
        format!("payments: {} submitted, {} accepted", payments.submitted, payments.accepted),
        format!("taken in by nodes: {} blocks, {:.0} in a real second", report.taken, report.taken_per_second()),
    ];
    if !report.memory_kib.is_empty() {
        let each: Vec<String> =
            report.memory_kib.iter().map(|(minute, kib)| format!("{minute} min {} MiB", kib / 1_024)).collect();
        lines.push(format!("memory of the process: {}", each.join(", ")));
    }
    if let Some(finality) = &report.finality {
        let latency = finality.latency.map_or_else(
            || "nothing became final".to_owned(),
            |l| {
                format!(
                    "final after {:.1} s (median), {:.1} s (95 %), {:.1} to {:.1} s",
                    l.median, l.p95, l.least, l.most
                )
            },
        );
        lines.push(format!(
            "finality: {} validators, {} faulty, {} votes, checkpoint {} is final; {latency}; longest gap {:.1} s; {} accused",
            finality.validators, finality.faulty, finality.votes, finality.finalized, finality.longest_gap_s, finality.accused
        ));
    }
    lines.extend(report.figures.iter().map(|(name, value)| format!("{name}: {value:.3}")));
    lines.push(format!("sink {} digest {}", report.sink, report.digest));
    match report.violations.as_slice() {
        [] => lines.push("everything held".to_owned()),
        some => lines.extend(some.iter().map(|v| format!("VIOLATED at {:.1} s: {}: {}", v.at_s, v.invariant, v.found))),
    }
    lines.join("\n")
}

impl Summary {
    /// Distributions over the runs, as plots.
    ///
    /// # Errors
    /// [`SimError::Plot`].
    pub fn plots(&self) -> Result<Vec<Plot>, SimError> {
        let drawn = |of: fn(&ScenarioSummary) -> Vec<(f64, f64)>| -> Vec<Line> {
            let line = |one: &ScenarioSummary| Line { name: one.scenario.to_owned(), points: of(one) };
            self.scenarios.iter().map(line).filter(|line| line.points.len() > 1).collect()
        };
        let frame = |title, x| Frame { title, x, y: "share of runs" };
        let red = lines(
            "red-ratio.svg",
            frame("Red blocks of a run, of all ordered", "red, %"),
            &drawn(|one| shares(&one.red_ratios, 100.0)),
        )?;
        let latency = lines(
            "finality-latency.svg",
            frame("From the making of a block to final, median of a run", "seconds"),
            &drawn(|one| shares(&one.finality_medians_s, 1.0)),
        )?;
        let depth = lines(
            "reorganisation-depth.svg",
            Frame {
                title: "Reorganisations by depth",
                x: "chain blocks left (logarithm to base 2)",
                y: "share of reorganisations that are as deep or less",
            },
            &drawn(|one| depth_shares(&one.depths)),
        )?;
        Ok(vec![red, latency, depth])
    }
}

/// Which share of the values is at most so large.
fn shares(ascending: &[f64], factor: f64) -> Vec<(f64, f64)> {
    let count = ascending.len() as f64;
    ascending.iter().enumerate().map(|(at, value)| (value * factor, (at + 1) as f64 / count)).collect()
}

fn depth_shares(depths: &BTreeMap<u64, u64>) -> Vec<(f64, f64)> {
    let all: u64 = depths.values().sum();
    let mut sum = 0;
    depths
        .iter()
        .map(|(depth, times)| {
            sum += times;
            ((*depth as f64).log2(), sum as f64 / all as f64)
        })
        .collect()
}
