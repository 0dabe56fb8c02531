//! The `umbel` command line.
//!
//! A command asks the node that runs on the data folder, or starts one in this process for as long as it takes. Results
//! go to stdout, errors are one line on stderr; with `--json` both are JSON on stdout. The words are always English.

mod address;
mod args;
mod bench;
mod chain;
mod chain_args;
mod connect;
mod dag;
mod devnet;
mod files;
mod lock_args;
mod locks;
mod logging;
mod node;
mod output;
mod proof;
mod secrets;
mod send;
mod sim;
mod sim_difficulty;
mod snapshot;
mod stake;
mod stake_args;
mod tx;
mod verify;
mod wallet;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use umbel_api::{ApiError, ErrorCode};

use crate::config::{NodeConfig, default_data_dir};
use args::{AddressCommand, Cli, Command, DagCommand, Global, NodeCommand, TxCommand, WalletCommand};
use output::Output;

/// Exit code for words that can't be understood, as programs agree on it.
const USAGE: u8 = 2;

/// What every command is given.
#[derive(Clone, Debug)]
struct Context {
    global: Global,
    out: Output,
}

impl Context {
    /// The node that the global flags ask for.
    fn node_config(&self) -> Result<NodeConfig, ApiError> {
        let data_dir = match &self.global.data_dir {
            Some(dir) => dir.clone(),
            None => default_data_dir()?,
        };
        let store = self.global.store.map(Into::into);
        Ok(NodeConfig { store, ..NodeConfig::new(data_dir, self.global.network) })
    }
}

/// Runs the program with this process' arguments.
#[must_use]
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let out = Output { json: cli.global.json };
    // A node under attack warns all the time.
    let attacked = matches!(cli.command, Command::Sim(_)).then_some("error");
    let log = cli.global.log.as_deref().or(attacked);
    logging::start(log, matches!(cli.command, Command::Node(NodeCommand::Run(_))));
    match execute(&Context { global: cli.global, out }, cli.command) {
        Ok(code) => code,
        Err(error) => {
            out.error(&error);
            ExitCode::FAILURE
        }
    }
}

fn execute(context: &Context, command: Command) -> Result<ExitCode, ApiError> {
    let done = match command {
        // Commands whose answer can be no.
        Command::Node(NodeCommand::Verify) => return verify::verify(context),
        Command::Sim(command) => return sim::execute(context, &command),
        Command::Tx(TxCommand::Submit { file, lines: true }) => return tx::submit_lines(context, &file),
        Command::Node(NodeCommand::Snapshot(command)) => return snapshot::execute(context, &command),
        Command::Node(NodeCommand::Run(args)) => node::run(context, &args),
        Command::Node(NodeCommand::Info) => node::info(context),
        Command::Devnet(command) => devnet::execute(context, command),
        Command::Wallet(WalletCommand::Send(args)) => send::send(context, &args.payment),
        Command::Wallet(command) => wallet::execute(context, command),
        Command::Lock(command) => locks::execute(context, command),
        Command::Stake(command) => stake::execute(context, command),
        Command::Address(AddressCommand::Decode { text }) => address::decode(context, &text),
        Command::Dag(DagCommand::Replay { file }) => dag::replay(context, &file),
        Command::Tx(TxCommand::Build(args)) => send::build(context, &args),
        Command::Tx(TxCommand::Decode { file }) => tx::decode(context, &file),
        Command::Tx(TxCommand::Submit { file, lines: false }) => tx::submit(context, &file),
        Command::Tx(TxCommand::VerifyPayment(args)) => proof::verify(context, &args),
        Command::Tx(TxCommand::Fees) => tx::fees(context),
        Command::Chain(command) => chain::execute(context, command),
        Command::Bench(args) => bench::run(context, &args),
    };
    done.map(|()| ExitCode::SUCCESS)
}

/// Help and version are results; anything else is one line of error.
fn usage(error: &clap::Error) -> ExitCode {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        // A closed pipe has seen enough of it.
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let _ = error.print();
        return ExitCode::from(USAGE);
    }
    let json = std::env::args_os().any(|arg| arg == "--json");
    Output { json }.error(&ApiError::new(ErrorCode::BadInput, usage_line(&error.to_string())));
    ExitCode::from(USAGE)
}

/// The sentence of clap's message: what comes before its usage section.
fn usage_line(text: &str) -> String {
    let text = text.strip_prefix("error: ").unwrap_or(text);
    let end = ["\n\nUsage:", "\n\nFor more", "\n\n  tip:"]
        .iter()
        .filter_map(|mark| text.find(mark))
        .min()
        .unwrap_or(text.len());
    let line: Vec<&str> = text[..end].split_whitespace().collect();
    format!("{} (see --help)", line.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_usage_error_is_one_line() {
        let error = Cli::try_parse_from(["umbel", "wallet", "send", "--wallet", "a"]).unwrap_err();
        let line = usage_line(&error.to_string());
        assert!(line.contains("--to <ADDR>") && line.contains("--amount") && !line.contains('\n'), "{line}");
        let error = Cli::try_parse_from(["umbel", "--network", "moon", "node", "info"]).unwrap_err();
        assert!(usage_line(&error.to_string()).contains("devnet, lan, testnet"), "{error}");
    }
}
