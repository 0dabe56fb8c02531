//! Words of `umbel stake`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::args::WalletAccess;

#[derive(Debug, Subcommand)]
pub(super) enum StakeCommand {
    /// All validators, and what a wallet has staked with them
    #[command(after_help = "Examples:\n  umbel stake status\n  umbel stake status --wallet alice --json")]
    Status(StatusArgs),
    /// Make a validator: its vote key is sealed on this machine, its bond is staked publicly
    #[command(after_help = "Examples:\n  \
        umbel stake register --wallet alice --stake 10000 --commission-bps 500 --public\n\n\
        The vote key gets a password of its own, from --key-password-file, UMBEL_VALIDATOR_PASSWORD or a prompt: whoever\n\
        runs the validator needs it, and no spend key. Start validating with `umbel stake start`.")]
    Register(RegisterArgs),
    /// Stake with a validator, publicly
    #[command(after_help = "Examples:\n  umbel stake delegate 3f9a… --wallet alice --amount 100 --public")]
    Delegate(DelegateArgs),
    /// Start to take stake out; it can be withdrawn after the unbonding time
    #[command(after_help = "Examples:\n  \
        umbel stake undelegate 3f9a… --wallet alice --amount 50\n  \
        umbel stake undelegate 3f9a… --wallet alice --amount max")]
    Undelegate(UndelegateArgs),
    /// Take out rewards, and stake whose time has come
    #[command(after_help = "Examples:\n  \
        umbel stake withdraw 3f9a… --wallet alice\n  \
        umbel stake withdraw 3f9a… --wallet alice --rewards")]
    Withdraw(WithdrawArgs),
    /// Let the wallet's jailed validator be elected again
    #[command(after_help = "Examples:\n  umbel stake unjail --wallet alice")]
    Unjail(WalletAccess),
    /// Report every validator that was seen contradicting itself; a tenth of what is slashed is yours
    #[command(after_help = "Examples:\n  umbel stake report --wallet alice")]
    Report(WalletAccess),
    /// Open the vote key of this machine: the running node votes from now on
    #[command(after_help = "Examples:\n  umbel stake start --key-password-file vote.password")]
    Start(KeyPassword),
    /// Seal the vote key of the wallet's validator on this machine again, where its file was lost
    #[command(after_help = "Examples:\n  \
        umbel stake restore 3f9a… --wallet alice\n\n\
        Stakes nothing. Without its guard the key watches for two hours (a minute on devnet) before it votes.")]
    Restore(RestoreArgs),
    /// Drop the vote key: the running node votes no more
    #[command(after_help = "Examples:\n  umbel stake stop")]
    Stop,
    /// Take the vote key with its guard to another machine, or take it over there
    #[command(after_help = "Examples:\n  \
        umbel stake move --out validator.move        # here: this machine never votes with it again\n  \
        umbel stake move --in validator.move         # on the other machine\n\n\
        A key that runs in two places is slashed. The file is sealed with the vote key's password.")]
    Move(MoveArgs),
}

#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    /// Also show what this wallet has staked
    #[command(flatten)]
    pub(super) access: WalletAccess,
}

/// What opens the vote key.
#[derive(Clone, Debug, Args)]
pub(super) struct KeyPassword {
    /// File with the vote key's password in its first line
    #[arg(long, value_name = "FILE")]
    pub(super) key_password_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct RegisterArgs {
    #[command(flatten)]
    pub(super) access: WalletAccess,
    #[command(flatten)]
    pub(super) key: KeyPassword,
    /// Bond in STR: at least 10000 to be elected
    #[arg(long, value_name = "X", allow_hyphen_values = true)]
    pub(super) stake: String,
    /// Part of its delegators' rewards that you keep, in basis points: 500 is 5 %, at most 2000
    #[arg(long, value_name = "N", default_value_t = 500)]
    pub(super) commission_bps: u16,
    /// Accept that everyone sees who stakes how much
    #[arg(long)]
    pub(super) public: bool,
}

#[derive(Debug, Args)]
pub(super) struct RestoreArgs {
    /// The validator's id, from `umbel stake status`
    pub(super) validator: String,
    #[command(flatten)]
    pub(super) access: WalletAccess,
    #[command(flatten)]
    pub(super) key: KeyPassword,
}

#[derive(Debug, Args)]
pub(super) struct DelegateArgs {
    /// The validator's id, from `umbel stake status`
    pub(super) validator: String,
    #[command(flatten)]
    pub(super) access: WalletAccess,
    /// STR to stake, at least 10
    #[arg(long, value_name = "X", allow_hyphen_values = true)]
    pub(super) amount: String,
    /// Accept that everyone sees who stakes how much
    #[arg(long)]
    pub(super) public: bool,
}

#[derive(Debug, Args)]
pub(super) struct UndelegateArgs {
    /// The validator's id, from `umbel stake status`
    pub(super) validator: String,
    #[command(flatten)]
    pub(super) access: WalletAccess,
    /// STR to take out, or max
    #[arg(long, value_name = "X", allow_hyphen_values = true)]
    pub(super) amount: String,
}

#[derive(Debug, Args)]
pub(super) struct WithdrawArgs {
    /// The validator's id, from `umbel stake status`
    pub(super) validator: String,
    #[command(flatten)]
    pub(super) access: WalletAccess,
    /// Rewards alone: no stall holds them up
    #[arg(long)]
    pub(super) rewards: bool,
}

#[derive(Debug, Args)]
#[group(skip)]
pub(super) struct MoveArgs {
    #[command(flatten)]
    pub(super) key: KeyPassword,
    /// File to write; from then on this machine never votes with the key
    #[arg(long = "out", value_name = "FILE", conflicts_with = "take_over", required_unless_present = "take_over")]
    pub(super) out: Option<PathBuf>,
    /// File that the other machine wrote
    #[arg(long = "in", id = "take_over", value_name = "FILE")]
    pub(super) take_over: Option<PathBuf>,
}
