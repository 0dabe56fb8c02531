//! `umbel sim`: the network in virtual time, its attackers, and what must hold.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use umbel_api::{ApiError, ErrorCode};
use umbel_sim::{Entry, Options, RunReport, SCENARIOS, SimError, Summary, Wanted, find, run_all};

use super::Context;
use super::sim_difficulty::{self, DifficultyArgs};

/// Runs between two lines of progress.
const RUNS_PER_LINE: usize = 10;

#[derive(Debug, Subcommand)]
pub(super) enum SimCommand {
    /// Run one scenario, or all, under one seed or many; fails where something that must hold did not
    #[command(after_help = "Examples:\n  \
        umbel sim run honest --seed 7 --json\n  \
        umbel sim run partition_and_heal --seed 3 --nodes 12 --bps 10\n  \
        umbel sim run all --seeds 50\n  \
        umbel sim run all --seeds 1000 --summary docs/spec/simulation\n\n\
        One seed gives the same run again. Use a release build: `cargo xtask sim` makes one.")]
    Run(RunArgs),
    /// The scenarios
    #[command(after_help = "Examples:\n  umbel sim list --json")]
    List,
    /// Compare rules of difficulty; fails if the criteria choose another one than the networks have
    #[command(after_help = "Examples:\n  \
        umbel sim difficulty --seeds 4\n  \
        umbel sim difficulty --bps 10 --family skew --plots plots --json\n\n\
        Use a release build. Everything takes minutes at one block a second, ten times as long at ten.")]
    Difficulty(DifficultyArgs),
}

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// A scenario of `umbel sim list`, or all
    #[arg(value_name = "SCENARIO")]
    scenario: String,
    /// The one seed to run
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "seeds")]
    seed: u64,
    /// Run seeds 1 to N
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    seeds: Option<u64>,
    /// Nodes, 3 to 100 [default: drawn from the seed]
    #[arg(long, value_name = "N")]
    nodes: Option<usize>,
    /// Blocks a second, 1 to 32 [default: drawn from the seed]
    #[arg(long, value_name = "N")]
    bps: Option<u32>,
    /// Minutes of virtual time, from 3 on [default: the scenario's]
    #[arg(long, value_name = "N")]
    minutes: Option<u64>,
    /// Runs side by side [default: all cores]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// Write a summary of all runs, with plots, into this folder
    #[arg(long, value_name = "DIR")]
    summary: Option<PathBuf>,
}

pub(super) fn execute(context: &Context, command: &SimCommand) -> Result<ExitCode, ApiError> {
    match command {
        SimCommand::List => {
            list(context);
            Ok(ExitCode::SUCCESS)
        }
        SimCommand::Run(args) => run(context, args),
        SimCommand::Difficulty(args) => sim_difficulty::execute(context, args),
    }
}

fn list(context: &Context) {
    let width = SCENARIOS.iter().map(|entry| entry.name.len()).max().unwrap_or(0);
    let line = |entry: &Entry| {
        let alone = if entry.in_all { "" } else { " (not in all)" };
        format!("{:width$}  {}{alone}", entry.name, entry.about)
    };
    let text: Vec<String> = SCENARIOS.iter().map(line).collect();
    let entry = |entry: &Entry| json!({ "name": entry.name, "about": entry.about, "in_all": entry.in_all });
    let value = json!({ "scenarios": SCENARIOS.iter().map(entry).collect::<Vec<_>>() });
    context.out.result(&value, &text.join("\n"));
}

fn refused(error: &SimError) -> ApiError {
    let code = match error {
        SimError::UnknownScenario(_) | SimError::OutOfRange { .. } => ErrorCode::BadInput,
        _ => ErrorCode::Internal,
    };
    ApiError::new(code, error.to_string())
}

fn run(context: &Context, args: &RunArgs) -> Result<ExitCode, ApiError> {
    let chosen: Vec<&'static Entry> = match args.scenario.as_str() {
        "all" => SCENARIOS.iter().filter(|entry| entry.in_all).collect(),
        name => vec![find(name).map_err(|e| refused(&e))?],
    };
    let seeds = args.seeds.map_or(args.seed..=args.seed, |count| 1..=count);
    let wanted: Vec<Wanted> =
        seeds.flat_map(|seed| chosen.iter().map(move |scenario| Wanted { scenario, seed })).collect();
    let options = Options { nodes: args.nodes, blocks_per_second: args.bps, minutes: args.minutes };
    let cores = args.threads.or(std::thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    let finished = AtomicUsize::new(0);
    let tell = |report: &RunReport| {
        let count = finished.fetch_add(1, Ordering::Relaxed) + 1;
        for violation in &report.violations {
            context.out.note(&format!(
                "violation at {:.1} s: {}: {}\n  again: {}",
                violation.at_s,
                violation.invariant,
                violation.found,
                report.command()
            ));
        }
        if count.is_multiple_of(RUNS_PER_LINE) && wanted.len() > RUNS_PER_LINE {
            context.out.note(&format!("{count} of {} runs", wanted.len()));
        }
    };
    let reports = run_all(&wanted, &options, cores, &tell).map_err(|e| refused(&e))?;
    let summary = Summary::of(&reports);
    if let Some(folder) = &args.summary {
        write_summary(folder, &summary)?;
    }
    let value = json!({ "summary": summary, "runs": reports.iter().map(run_json).collect::<Vec<_>>() });
    let text = match reports.as_slice() {
        [one] => umbel_sim::one_run(one),
        _ => summary.to_markdown(),
    };
    context.out.result(&value, &text);
    let violated = reports.iter().any(|report| !report.violations.is_empty());
    Ok(if violated { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// A run, with how to repeat it and how fast it went.
fn run_json(report: &RunReport) -> Value {
    let mut value = json!(report);
    value["command"] = json!(report.command());
    value["virtual_seconds_per_real_second"] = json!(report.speed());
    value
}

fn write_summary(folder: &std::path::Path, summary: &Summary) -> Result<(), ApiError> {
    let failed = |error: std::io::Error| {
        ApiError::new(ErrorCode::BadInput, format!("{} can't be written: {error}", folder.display()))
    };
    let plots = summary.plots().map_err(|e| refused(&e))?;
    std::fs::create_dir_all(folder).map_err(failed)?;
    std::fs::write(folder.join("summary.md"), summary.to_markdown()).map_err(failed)?;
    for plot in plots {
        std::fs::write(folder.join(plot.file), plot.svg).map_err(failed)?;
    }
    Ok(())
}
