//! `cargo xtask bench`: hands over to `umbel bench`, in a release build.

use crate::Result;
use crate::process::{cargo, run};
use clap::Args;

/// Arguments of `cargo xtask bench`.
#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// Passed on to `umbel bench`; without any, it lists the benchmarks there are
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

/// `cargo xtask bench`.
pub(crate) fn command(args: &BenchArgs) -> Result<()> {
    let mut bench = cargo(&["run", "--release", "--package", "umbel-node", "--bin", "umbel", "--", "bench"]);
    run(bench.args(&args.args))
}
