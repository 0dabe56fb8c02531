//! The `umbel` program: node, wallet, tools. All of it is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    umbel_node::cli::run()
}
