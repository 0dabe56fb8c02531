//! The command line's words.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use umbel_api::wallet::HistoryKind;
use umbel_types::Network;

use super::chain_args::ChainCommand;
use super::lock_args::LockCommand;
use super::sim::SimCommand;
use super::snapshot::SnapshotCommand;
use super::stake_args::{KeyPassword, StakeCommand};
use crate::config::{NodeRole, StoreKind};

/// Umbel: node and wallet for a confidential block-DAG.
#[derive(Debug, Parser)]
#[command(
    name = "umbel",
    version,
    disable_help_subcommand = true,
    arg_required_else_help = true,
    after_help = "Examples:\n  \
        umbel node run --mine 1\n  \
        umbel wallet create --wallet alice\n  \
        umbel wallet balance --wallet alice --json\n\n\
        Passwords come from a prompt, --password-file or UMBEL_PASSWORD; never as an argument."
)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// Before or after the subcommand.
#[derive(Clone, Debug, Args)]
pub(super) struct Global {
    /// Folder for wallets and chain [default: the system's folder for application data]
    #[arg(long, global = true, value_name = "DIR", env = "UMBEL_DATA_DIR")]
    pub(super) data_dir: Option<PathBuf>,
    /// Network: devnet, lan, testnet, mainnet
    #[arg(long, global = true, value_name = "NAME", env = "UMBEL_NETWORK", default_value = "devnet")]
    pub(super) network: Network,
    /// Where the chain is kept [default: what the settings say, and redb if they say nothing]
    #[arg(long, global = true, value_enum, value_name = "ENGINE", env = "UMBEL_STORE")]
    pub(super) store: Option<StoreArg>,
    /// Results and errors as JSON on stdout; nothing is asked
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// What is logged to stderr: error, warn, info, debug, trace, or a filter such as umbel_node=debug
    #[arg(long, global = true, value_name = "LEVEL", env = "UMBEL_LOG")]
    pub(super) log: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run a node, or ask the one that runs
    #[command(subcommand, after_help = "Examples:\n  umbel node run --mine 1")]
    Node(NodeCommand),
    /// Test coins and blocks on demand
    #[command(
        subcommand,
        after_help = "Examples:\n  umbel devnet fund --wallet alice --amount 100\n  umbel devnet advance 20"
    )]
    Devnet(DevnetCommand),
    /// Wallets: create, restore, pay
    #[command(subcommand, after_help = "Examples:\n  umbel wallet create --wallet alice")]
    Wallet(WalletCommand),
    /// Locks: several signatures, a secret with a timeout, a post-quantum key
    #[command(
        subcommand,
        after_help = "Examples:\n  \
            umbel lock key --wallet alice\n  \
            umbel lock create multisig --of 2 --key 02… --key 03… --key 03… --amount 5\n  \
            umbel lock list --wallet alice"
    )]
    Lock(LockCommand),
    /// Staking: validators, delegations, the vote key of this machine
    #[command(
        subcommand,
        after_help = "Examples:\n  \
            umbel stake status\n  \
            umbel stake delegate 3f9a… --wallet alice --amount 100 --public\n  \
            umbel stake register --wallet alice --stake 10000 --public"
    )]
    Stake(StakeCommand),
    /// Read addresses
    #[command(subcommand, after_help = "Examples:\n  umbel address decode zk13str_…")]
    Address(AddressCommand),
    /// Tools for the block-DAG
    #[command(subcommand, after_help = "Examples:\n  umbel dag replay dag0.json")]
    Dag(DagCommand),
    /// Transactions as files
    #[command(subcommand, after_help = "Examples:\n  umbel tx decode payment.hex")]
    Tx(TxCommand),
    /// Headers, and proofs about the ledger for those who have no node
    #[command(
        subcommand,
        after_help = "Examples:\n  \
            umbel chain prove-tx TXID --out proof.json\n  \
            umbel chain verify-proof proof.json --header header.json"
    )]
    Chain(ChainCommand),
    /// Measure this machine, each figure beside a floor of the same run
    #[command(after_help = "Examples:\n  umbel bench\n  umbel bench scan prove --json\n\n\
        Use a release build: `cargo xtask bench` makes one.")]
    Bench(BenchArgs),
    /// The network in virtual time, under attack
    #[command(subcommand, after_help = "Examples:\n  umbel sim list\n  umbel sim run all --seeds 50")]
    Sim(SimCommand),
}

#[derive(Debug, Args)]
pub(super) struct BenchArgs {
    /// Which ones [default: all]
    #[arg(value_enum)]
    pub(super) names: Vec<BenchName>,
    /// Print a table for a document
    #[arg(long, conflicts_with = "json")]
    pub(super) markdown: bool,
    /// As little as possible: shows that the benches run, not how fast
    #[arg(long)]
    pub(super) tiny: bool,
}

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum BenchName {
    /// Blocks of confidential payments, from bytes to verdict
    Verify,
    /// A payment of two coins, built and signed
    Prove,
    /// Coins looked at by one view key
    Scan,
    /// Public payments applied in memory
    Apply,
    /// Headers through colouring, windows and reachability
    Ghostdag,
    /// The main network's proof of work: checked and mined
    Qanhash,
    /// The store's batches and reads, and opening it after a kill
    Store,
    /// The start of a node with a long chain
    Start,
}

#[derive(Debug, Subcommand)]
pub(super) enum NodeCommand {
    /// Run a node until it is told to stop (Ctrl-C or SIGTERM)
    #[command(after_help = "Examples:\n  \
        umbel node run --mine 2\n  \
        umbel --data-dir ./trial node run --store mem --api 127.0.0.1:7313\n  \
        umbel node run --role archive\n  \
        umbel node run --ui target/ui")]
    Run(RunArgs),
    /// What the running node is doing
    #[command(after_help = "Examples:\n  umbel node info\n  umbel node info --json")]
    Info,
    /// Replay the stored chain from genesis and compare everything with what is stored; no node may be running
    #[command(after_help = "Examples:\n  umbel node verify\n  umbel --data-dir ./trial node verify --json\n\n\
        Ends with 0 if every block, commitment and record is as it should be, and with 1 at the first that is not.\n\
        Changes nothing. Progress goes to stderr.")]
    Verify,
    /// The state at a final block as files, for a node that begins; no node may be running
    #[command(
        subcommand,
        after_help = "Examples:\n  \
            umbel node snapshot export ./snapshot\n  \
            umbel node snapshot verify ./snapshot\n  \
            umbel --data-dir ./new node snapshot import ./snapshot"
    )]
    Snapshot(SnapshotCommand),
}

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// Mine on this many threads
    #[arg(long, value_name = "THREADS", default_value_t = 0)]
    pub(super) mine: usize,
    /// Confidential address that mining pays [default: the first wallet, waiting while there is none]
    #[arg(long, value_name = "ADDR")]
    pub(super) mine_to: Option<String>,
    /// Let mining take the memory of the whole dataset, 2 GiB on the main network, for some forty times the hash rate; of
    /// no use where blocks are paced
    #[arg(long, requires = "mine")]
    pub(super) mine_dataset: bool,
    /// Loopback address and port to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:0")]
    pub(super) api: SocketAddr,
    /// Validate with the vote key of this machine
    #[arg(long)]
    pub(super) validate: bool,
    #[command(flatten)]
    pub(super) key: KeyPassword,
    /// What is kept of the chain: archive (everything), full (18 hours of blocks), wallet (as few as the rules allow).
    /// What was deleted does not come back with another role
    #[arg(long, value_name = "ROLE", env = "UMBEL_ROLE", default_value = "full")]
    pub(super) role: NodeRole,
    /// Tell when the chain takes more than so many GB [default: 60 for full, 10 for wallet]
    #[arg(long, value_name = "GB", env = "UMBEL_DISK_BUDGET")]
    pub(super) disk_budget: Option<u64>,
    /// Serve the page in this folder, and print its address with the token
    #[arg(long, value_name = "DIR")]
    pub(super) ui: Option<PathBuf>,
}

/// Engines of the chain's store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum StoreArg {
    /// On disk
    Redb,
    /// On disk; beta
    Sled,
    /// In memory until the program ends
    Mem,
}

impl From<StoreArg> for StoreKind {
    fn from(arg: StoreArg) -> Self {
        match arg {
            StoreArg::Redb => Self::Redb,
            StoreArg::Sled => Self::Sled,
            StoreArg::Mem => Self::Mem,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum DevnetCommand {
    /// Pay test coins from the genesis wallet, whose key is public
    #[command(after_help = "Examples:\n  \
        umbel devnet fund --wallet alice --amount 100\n  \
        umbel devnet fund --to zk13str_… --amount 2.5")]
    Fund(FundArgs),
    /// Mine blocks at once
    #[command(after_help = "Examples:\n  umbel devnet advance\n  umbel devnet advance 20 --mine-to dumbel1…")]
    Advance(AdvanceArgs),
    /// Throw the chain away and start again from genesis; wallets stay
    #[command(after_help = "Examples:\n  umbel devnet reset")]
    Reset,
}

#[derive(Debug, Args)]
pub(super) struct FundArgs {
    /// Address to pay
    #[arg(long, value_name = "ADDR", conflicts_with = "wallet")]
    pub(super) to: Option<String>,
    /// Wallet to pay, at its first confidential address
    #[arg(long, value_name = "NAME")]
    pub(super) wallet: Option<String>,
    /// STR to pay
    #[arg(long, value_name = "X", default_value = "100", allow_hyphen_values = true)]
    pub(super) amount: String,
}

#[derive(Debug, Args)]
pub(super) struct AdvanceArgs {
    /// How many blocks, 1 to 10000
    #[arg(value_name = "BLOCKS", default_value_t = 1)]
    pub(super) blocks: u64,
    /// The same as a flag
    #[arg(long = "blocks", value_name = "N", conflicts_with = "blocks")]
    pub(super) blocks_flag: Option<u64>,
    /// Confidential address to pay [default: the first wallet]
    #[arg(long, value_name = "ADDR")]
    pub(super) mine_to: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum WalletCommand {
    /// Make a wallet from fresh words, and show them
    #[command(after_help = "Examples:\n  \
        umbel wallet create --wallet alice\n  \
        UMBEL_PASSWORD=… umbel wallet create --wallet alice --words 24 --json")]
    Create(CreateArgs),
    /// Make a wallet from its words
    #[command(after_help = "Examples:\n  \
        umbel wallet restore --wallet alice --words-file words.txt\n  \
        umbel wallet restore --dry-run --words-file words.txt --json")]
    Restore(RestoreArgs),
    /// Names of all wallets
    #[command(after_help = "Examples:\n  umbel wallet list --json")]
    List,
    /// Delete a wallet's files; only its words bring it back
    #[command(after_help = "Examples:\n  umbel wallet remove --wallet alice")]
    Remove {
        /// The wallet's name: never guessed here
        #[arg(long, value_name = "NAME")]
        wallet: String,
    },
    /// Where the wallet is paid
    #[command(
        after_help = "Examples:\n  umbel wallet address --wallet alice\n  umbel wallet address --wallet alice --new --label Bob"
    )]
    Address(AddressArgs),
    /// What the wallet holds
    #[command(after_help = "Examples:\n  umbel wallet balance --wallet alice --json")]
    Balance(WalletAccess),
    /// What came and went
    #[command(
        after_help = "Examples:\n  umbel wallet history --wallet alice --limit 10\n  umbel wallet history --kind stake"
    )]
    History(HistoryArgs),
    /// Show the words again
    #[command(after_help = "Examples:\n  umbel wallet reveal --wallet alice")]
    Reveal(WalletAccess),
    /// Pay; returns when the running node's pool has the payment
    #[command(after_help = "Examples:\n  \
        umbel wallet send --wallet alice --to dumbel1… --amount 1.25 --note \"for lunch\"\n  \
        umbel wallet send --wallet alice --to zk13str_… --amount 3 --public\n\n\
        A zk13str address can only be paid publicly: everyone sees amount and recipient. --public accepts that.")]
    Send(SendArgs),
    /// Prove to somebody that a payment was made; shows them its address, amount and note
    #[command(after_help = "Examples:\n  \
        umbel wallet prove-payment TXID --wallet alice --challenge \"order 4711, 20 November\" --out proof.json\n\n\
        Whoever has the file can show address, amount and note of that one output to others.")]
    ProvePayment(ProvePaymentArgs),
}

/// Which wallet.
#[derive(Clone, Debug, Args)]
pub(super) struct WalletName {
    /// The wallet's name [default: the only wallet there is]
    #[arg(long = "wallet", value_name = "NAME")]
    pub(super) name: Option<String>,
}

/// Which wallet, and what opens it.
#[derive(Clone, Debug, Args)]
pub(super) struct WalletAccess {
    #[command(flatten)]
    pub(super) wallet: WalletName,
    #[command(flatten)]
    pub(super) password: PasswordArgs,
}

#[derive(Clone, Debug, Args)]
pub(super) struct PasswordArgs {
    /// File with the wallet's password in its first line
    #[arg(long, value_name = "FILE")]
    pub(super) password_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct CreateArgs {
    #[command(flatten)]
    pub(super) access: WalletAccess,
    /// How many words: 12 or 24
    #[arg(long, value_name = "N", default_value_t = 12)]
    pub(super) words: usize,
    /// File with a BIP39 passphrase in its first line
    #[arg(long, value_name = "FILE")]
    pub(super) passphrase_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct RestoreArgs {
    #[command(flatten)]
    pub(super) access: WalletAccess,
    /// File with the words [default: a prompt]
    #[arg(long, value_name = "FILE")]
    pub(super) words_file: Option<PathBuf>,
    /// File with the BIP39 passphrase in its first line
    #[arg(long, value_name = "FILE")]
    pub(super) passphrase_file: Option<PathBuf>,
    /// Only show the addresses that the words give; write nothing
    #[arg(long)]
    pub(super) dry_run: bool,
}

#[derive(Debug, Args)]
pub(super) struct AddressArgs {
    #[command(flatten)]
    pub(super) access: WalletAccess,
    /// A fresh address
    #[arg(long)]
    pub(super) new: bool,
    /// What the fresh address is for
    #[arg(long, value_name = "TEXT", requires = "new", default_value = "")]
    pub(super) label: String,
}

#[derive(Debug, Args)]
pub(super) struct HistoryArgs {
    #[command(flatten)]
    pub(super) access: WalletAccess,
    /// Entries at most, 1 to 500
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(super) limit: usize,
    /// Skips so many, newest first
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(super) offset: usize,
    /// Only entries of this kind
    #[arg(long, value_enum)]
    pub(super) kind: Option<KindArg>,
}

/// Kinds of history entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum KindArg {
    /// Paid to somebody
    Sent,
    /// Came from somebody
    Received,
    /// Block rewards
    Mined,
    /// Moved between own coins
    SelfTransfer,
    /// Stake
    Stake,
}

impl From<KindArg> for HistoryKind {
    fn from(arg: KindArg) -> Self {
        match arg {
            KindArg::Sent => Self::Sent,
            KindArg::Received => Self::Received,
            KindArg::Mined => Self::Mined,
            KindArg::SelfTransfer => Self::SelfTransfer,
            KindArg::Stake => Self::Stake,
        }
    }
}

/// A payment.
#[derive(Debug, Args)]
pub(super) struct PaymentArgs {
    #[command(flatten)]
    pub(super) access: WalletAccess,
    /// Address to pay: confidential, or zk13str with --public
    #[arg(long, value_name = "ADDR")]
    pub(super) to: String,
    /// How much, such as 1.25, or max
    #[arg(long, value_name = "X", allow_hyphen_values = true)]
    pub(super) amount: String,
    /// Asset: a ticker or an id [default: STR]
    #[arg(long, value_name = "A", default_value = "")]
    pub(super) asset: String,
    /// Note for the recipient, at most 238 bytes
    #[arg(long, value_name = "T", default_value = "")]
    pub(super) note: String,
    /// Accept that everyone sees amount and recipient; a zk13str address needs it
    #[arg(long)]
    pub(super) public: bool,
}

#[derive(Debug, Args)]
pub(super) struct SendArgs {
    #[command(flatten)]
    pub(super) payment: PaymentArgs,
}

#[derive(Debug, Subcommand)]
pub(super) enum AddressCommand {
    /// Say what kind of address a text is
    #[command(after_help = "Examples:\n  umbel address decode zk13str_…\n  umbel address decode dumbel1… --json")]
    Decode {
        /// The address
        text: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum DagCommand {
    /// Colour a graph of named blocks as GHOSTDAG does
    #[command(after_help = "Examples:\n  umbel dag replay dag0.json\n\n\
        FILE holds {\"K\", \"GenesisID\", \"Blocks\": [{\"ID\", \"Parents\"}]}, parents before children.")]
    Replay {
        /// The graph
        file: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum TxCommand {
    /// Build and sign a payment without submitting it
    #[command(after_help = "Examples:\n  umbel tx build --wallet alice --to dumbel1… --amount 1 --out payment.hex")]
    Build(BuildArgs),
    /// Show what a transaction does
    #[command(after_help = "Examples:\n  umbel tx decode payment.hex --json")]
    Decode {
        /// File with the transaction in hexadecimal
        file: PathBuf,
    },
    /// Give a transaction to the running node's pool
    #[command(after_help = "Examples:\n  umbel tx submit payment.hex\n  umbel tx submit --lines payments.txt --json")]
    Submit {
        /// File with the transaction in hexadecimal
        file: PathBuf,
        /// Each line is a transaction: one line of result for each, an error if one of them is refused
        #[arg(long)]
        lines: bool,
    },
    /// Say whether a proof of payment holds, and what became of the payment
    #[command(after_help = "Examples:\n  \
        umbel tx verify-payment proof.json --challenge \"order 4711, 20 November\"\n  \
        umbel tx verify-payment proof.json --offline --json\n\n\
        Without --challenge, a proof that somebody else was given passes too.")]
    VerifyPayment(VerifyPaymentArgs),
    /// What to pay for a transaction now, by how long one can wait
    #[command(after_help = "Examples:\n  umbel tx fees --json")]
    Fees,
}

#[derive(Debug, Args)]
pub(super) struct ProvePaymentArgs {
    #[command(flatten)]
    pub(super) access: WalletAccess,
    /// The transaction's id
    pub(super) txid: String,
    /// Which output of it [default: the one that pays somebody else]
    #[arg(long, value_name = "N")]
    pub(super) output: Option<u32>,
    /// What the verifier asks to be signed: 1 to 256 bytes
    #[arg(long, value_name = "TEXT")]
    pub(super) challenge: String,
    /// File to write the proof to
    #[arg(long, value_name = "FILE")]
    pub(super) out: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct VerifyPaymentArgs {
    /// File with the proof
    pub(super) file: PathBuf,
    /// What you asked to be signed [default: whatever the proof says was asked]
    #[arg(long, value_name = "TEXT")]
    pub(super) challenge: Option<String>,
    /// Ask no node: what became of the transaction is not checked
    #[arg(long)]
    pub(super) offline: bool,
}

#[derive(Debug, Args)]
pub(super) struct BuildArgs {
    #[command(flatten)]
    pub(super) payment: PaymentArgs,
    /// File to write the transaction to, in hexadecimal
    #[arg(long, value_name = "FILE")]
    pub(super) out: PathBuf,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_grammar_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn global_flags_stand_anywhere() {
        let first = Cli::try_parse_from(["umbel", "--json", "--data-dir", "/d", "wallet", "list"]).unwrap();
        let last = Cli::try_parse_from(["umbel", "wallet", "list", "--data-dir", "/d", "--json"]).unwrap();
        for cli in [first, last] {
            assert!(cli.global.json);
            assert_eq!(cli.global.data_dir.as_deref(), Some(std::path::Path::new("/d")));
        }
    }

    #[test]
    fn every_command_has_examples() {
        fn visit(command: &clap::Command, path: &str) {
            let path = format!("{path} {}", command.get_name());
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("Examples:"), "{path}");
            command.get_subcommands().for_each(|sub| visit(sub, &path));
        }
        visit(&Cli::command(), "");
    }

    #[test]
    fn no_argument_takes_a_secret() {
        fn visit(command: &clap::Command) {
            for arg in command.get_arguments() {
                let name = arg.get_id().as_str();
                let secret = ["password", "passphrase", "words"].contains(&name);
                assert!(!secret || name == "words", "{name} must come from a file or a prompt");
            }
            command.get_subcommands().for_each(visit);
        }
        visit(&Cli::command());
        // `--words` counts them.
        assert!(Cli::try_parse_from(["umbel", "wallet", "create", "--words", "abandon"]).is_err());
    }
}
