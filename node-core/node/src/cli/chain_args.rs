//! Words of `umbel chain`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use umbel_api::chain::StateKind;

#[derive(Debug, Subcommand)]
pub(super) enum ChainCommand {
    /// A block's header, for somebody who is to trust it
    #[command(after_help = "Examples:\n  \
        umbel chain header final --out header.json\n  \
        umbel chain header BLOCK --out header.json\n  \
        umbel chain header BLOCK --json")]
    Header {
        /// The block's hash, or final for the newest that is [default: the newest chain block]
        block: Option<String>,
        /// File to write the header to
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Prove that the chain accepted a transaction
    #[command(after_help = "Examples:\n  \
        umbel chain prove-tx TXID --out proof.json\n  \
        umbel chain prove-tx TXID --in BLOCK --anchor final --out proof.json\n\n\
        The proof shows the transaction's id, and hashes of what it consumed and created; no amount and no address.")]
    ProveTx {
        /// The transaction's id
        txid: String,
        /// The chain block that accepted it [default: searched for]
        #[arg(long = "in", value_name = "BLOCK")]
        accepted_in: Option<String>,
        #[command(flatten)]
        proof: ProofArgs,
    },
    /// Prove what a chain block paid to miners
    #[command(after_help = "Examples:\n  umbel chain prove-rewards BLOCK --out proof.json")]
    ProveRewards {
        /// The chain block's hash
        block: String,
        #[command(flatten)]
        proof: ProofArgs,
    },
    /// Prove what the state holds under a name, or that it holds nothing
    #[command(after_help = "Examples:\n  \
        umbel chain prove-state balance reward-pool --out proof.json\n  \
        umbel chain prove-state validator-set 0 --at BLOCK --out proof.json\n  \
        umbel chain prove-state object governance/ID --out proof.json")]
    ProveState {
        /// How the object is named
        #[arg(value_enum)]
        kind: KindArg,
        /// Its name: reward-pool, the number of an epoch, VALIDATOR, VALIDATOR/ADDRESS, or LEDGER/ID
        name: String,
        /// The chain block behind whose past the state is looked at [default: where the proof ends]
        #[arg(long, value_name = "BLOCK")]
        at: Option<String>,
        #[command(flatten)]
        proof: ProofArgs,
    },
    /// Prove that a block is on the selected chain, and at which height
    #[command(after_help = "Examples:\n  umbel chain prove-block BLOCK --out proof.json")]
    ProveBlock {
        /// The block's hash
        block: String,
        #[command(flatten)]
        proof: ProofArgs,
    },
    /// Say whether a proof holds, and what it shows
    #[command(after_help = "Examples:\n  \
        umbel chain verify-proof proof.json\n  \
        umbel chain verify-proof proof.json --header header.json\n  \
        umbel chain verify-proof proof.json --block BLOCK --json\n\n\
        A proof ends in a block and holds for whoever trusts that block. Without --header and --block, the running node\n\
        says whether the block is on its selected chain; with one of them, no node is asked.")]
    VerifyProof(VerifyArgs),
}

#[derive(Debug, Args)]
pub(super) struct ProofArgs {
    /// The chain block that the proof ends in, which the verifier has to trust: a hash, or final [default: the newest]
    #[arg(long, value_name = "BLOCK")]
    pub(super) anchor: Option<String>,
    /// File to write the proof to [default: the proof is printed]
    #[arg(long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// File with the proof
    pub(super) file: PathBuf,
    /// File with the header that you trust
    #[arg(long, value_name = "FILE", conflicts_with = "block")]
    pub(super) header: Option<PathBuf>,
    /// Hash of the block that you trust
    #[arg(long, value_name = "BLOCK")]
    pub(super) block: Option<String>,
}

/// How a State object is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum KindArg {
    /// A balance that rules own
    Balance,
    /// The validators of an epoch
    ValidatorSet,
    /// A validator, by the hash of its vote key
    Validator,
    /// A delegator's part of a validator, by VALIDATOR/ADDRESS
    Delegation,
    /// Any object, by ledger and id
    Object,
}

impl From<KindArg> for StateKind {
    fn from(arg: KindArg) -> Self {
        match arg {
            KindArg::Balance => Self::Balance,
            KindArg::ValidatorSet => Self::ValidatorSet,
            KindArg::Validator => Self::Validator,
            KindArg::Delegation => Self::Delegation,
            KindArg::Object => Self::Object,
        }
    }
}
