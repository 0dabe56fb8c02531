//! `umbel sim difficulty`: rules of difficulty beside each other, and which of them the criteria choose.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::json;
use umbel_api::{ApiError, ErrorCode};
use umbel_sim::difficulty::{Options, Report, plot, run};

use super::Context;

#[derive(Debug, Args)]
pub(super) struct DifficultyArgs {
    /// Blocks a second
    #[arg(long, value_name = "N", default_value = "1",
        value_parser = PossibleValuesParser::new(["1", "10"]).map(|n| if n == "10" { 10u32 } else { 1 }))]
    bps: u32,
    /// Run each scenario with seeds 1 to N
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    seeds: u64,
    /// Only this family of scenarios; decides nothing then [default: all]
    #[arg(long, value_name = "NAME")]
    family: Option<String>,
    /// Write plots of the first seed into this folder
    #[arg(long, value_name = "DIR")]
    plots: Option<PathBuf>,
    /// Runs side by side [default: all cores]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
}

/// Fails if the criteria choose another rule than the networks have.
pub(super) fn execute(context: &Context, args: &DifficultyArgs) -> Result<ExitCode, ApiError> {
    let mut options = Options::new(args.bps, args.seeds);
    options.jobs = args.threads.or(std::thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN);
    if let Some(family) = &args.family {
        let known: Vec<&str> = options.scenarios.iter().map(|scenario| scenario.family.name()).collect();
        if !known.contains(&family.as_str()) {
            let message =
                format!("no family of scenarios is called {family}; there are {}", distinct(&known).join(", "));
            return Err(ApiError::new(ErrorCode::BadInput, message));
        }
        options.scenarios.retain(|scenario| scenario.family.name() == family);
    }
    let report = run(&options).map_err(|error| ApiError::new(ErrorCode::Internal, error.to_string()))?;
    if let Some(folder) = &args.plots {
        write_plots(folder, &report)?;
    }
    context.out.result(&json!(report), &report.to_markdown());
    let is_right = report.chosen.as_ref().is_none_or(|chosen| *chosen == report.shipped);
    Ok(if is_right { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn distinct<'a>(names: &[&'a str]) -> Vec<&'a str> {
    let mut names = names.to_vec();
    names.dedup();
    names
}

fn write_plots(folder: &Path, report: &Report) -> Result<(), ApiError> {
    let failed = |error: std::io::Error| {
        ApiError::new(ErrorCode::BadInput, format!("{} can't be written: {error}", folder.display()))
    };
    let plots = plot::plots(&report.traces).map_err(|error| ApiError::new(ErrorCode::Internal, error.to_string()))?;
    std::fs::create_dir_all(folder).map_err(failed)?;
    for plot in plots {
        std::fs::write(folder.join(plot.file), plot.svg).map_err(failed)?;
    }
    Ok(())
}
