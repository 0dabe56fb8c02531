//! Words of `umbel lock`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::args::WalletAccess;

#[derive(Debug, Subcommand)]
pub(super) enum LockCommand {
    /// What others need to lock money for the wallet: public key, address, post-quantum address
    #[command(after_help = "Examples:\n  umbel lock key --wallet alice\n  umbel lock key --wallet alice --new --json")]
    Key(KeyArgs),
    /// Pay into a lock; everyone sees amount and lock
    #[command(
        subcommand,
        after_help = "Examples:\n  \
            umbel lock create multisig --of 2 --key 02… --key 03… --key 03… --amount 5\n  \
            umbel lock create hash --new-secret --claim zk13str_… --timeout 24h --amount 5\n  \
            umbel lock create pq --to zk13pq_… --amount 5"
    )]
    Create(CreateCommand),
    /// Locks that name a key or an address of the wallet
    #[command(after_help = "Examples:\n  umbel lock list --wallet alice\n  umbel lock list --json")]
    List(WalletAccess),
    /// Spend a post-quantum lock, or write a multisig lock's transaction for the other signers
    #[command(after_help = "Examples:\n  \
        umbel lock spend 3f…9a:0 --wallet alice\n  \
        umbel lock spend 3f…9a:0 --to dumbel1… --out spend.json\n\n\
        Without --to, the money comes back as a fresh confidential coin of the wallet. A multisig lock needs --out: the\n\
        file has this wallet's signatures and goes to the other signers, who see whom it pays and how much.")]
    Spend(SpendArgs),
    /// Add the wallet's signatures to a file, after showing what it does
    #[command(
        after_help = "Examples:\n  umbel lock sign spend.json --wallet bob\n  umbel lock sign spend.json --out signed.json"
    )]
    Sign(SignArgs),
    /// Submit a file that has all its signatures
    #[command(after_help = "Examples:\n  umbel lock submit spend.json")]
    Submit {
        /// The file
        file: PathBuf,
    },
    /// Show what a file does and who has signed it
    #[command(after_help = "Examples:\n  umbel lock inspect spend.json --json")]
    Inspect {
        /// The file
        file: PathBuf,
    },
    /// Claim a hash lock; this shows its secret to everyone
    #[command(after_help = "Examples:\n  \
        umbel lock claim 3f…9a:0 --preimage-file secret.txt\n  \
        umbel lock claim 3f…9a:0 --to dumbel1…\n\n\
        Without --preimage-file, with a secret that this wallet made. In the last two hours before the timeout and after\n\
        it, the other side may take the money back although the secret is out: then only --force claims. Where money of this wallet under the same secret is worth more\n\
        than what is claimed, only --for-less does.")]
    Claim(ClaimArgs),
    /// Take a hash lock back after its timeout
    #[command(after_help = "Examples:\n  umbel lock refund 3f…9a:0 --wallet alice")]
    Refund(RefundArgs),
}

#[derive(Debug, Args)]
pub(super) struct KeyArgs {
    #[command(flatten)]
    pub(super) access: WalletAccess,
    /// Of a fresh address [default: of the first one]
    #[arg(long)]
    pub(super) new: bool,
}

/// What every lock is paid with.
#[derive(Debug, Args)]
pub(super) struct LockPayment {
    #[command(flatten)]
    pub(super) access: WalletAccess,
    /// STR to lock
    #[arg(long, value_name = "X", allow_hyphen_values = true)]
    pub(super) amount: String,
}

#[derive(Debug, Subcommand)]
pub(super) enum CreateCommand {
    /// Opens with the signatures of some of several people
    #[command(
        after_help = "Examples:\n  umbel lock create multisig --of 2 --key 02… --key 03… --key 03… --amount 5\n\n\
        Everyone who is to sign gives the public key of `umbel lock key`, you too."
    )]
    Multisig {
        /// Signatures needed
        #[arg(long = "of", value_name = "M")]
        m: u8,
        /// Public key of a signer; once for each, 1 to 16
        #[arg(long = "key", value_name = "KEY", required = true)]
        keys: Vec<String>,
        #[command(flatten)]
        payment: LockPayment,
    },
    /// Opens with a secret, and goes back after a time
    #[command(after_help = "Examples:\n  \
        umbel lock create hash --new-secret --claim zk13str_… --timeout 24h --amount 5\n  \
        umbel lock create hash --hash 9f…86 --claim zk13str_… --refund zk13str_… --timeout 12h --amount 5\n\n\
        A new secret is shown once, and follows from the wallet's words: the wallet finds it again by itself. In a swap,\n\
        whoever makes the secret locks first and with the longer timeout.")]
    Hash {
        /// SHA-256 of the secret's 32 bytes
        #[arg(long, value_name = "H", required_unless_present = "new_secret")]
        hash: Option<String>,
        /// Make a new secret
        #[arg(long, conflicts_with_all = ["hash", "refund"])]
        new_secret: bool,
        /// zk13str address that may claim with the secret
        #[arg(long, value_name = "ADDR")]
        claim: String,
        /// zk13str address that may take it back [default: a fresh one of the wallet]
        #[arg(long, value_name = "ADDR")]
        refund: Option<String>,
        /// From when it goes back, such as 24h or 3d: 3 hours to a year
        #[arg(long, value_name = "TIME", value_parser = seconds)]
        timeout: u64,
        #[command(flatten)]
        payment: LockPayment,
    },
    /// Opens with two keys of one person, one of them post-quantum
    #[command(after_help = "Examples:\n  umbel lock create pq --to zk13pq_… --amount 5")]
    Pq {
        /// Post-quantum address, from `umbel lock key`
        #[arg(long, value_name = "ADDR")]
        to: String,
        #[command(flatten)]
        payment: LockPayment,
    },
}

/// Which lock, and where its money goes.
#[derive(Debug, Args)]
pub(super) struct RefundArgs {
    #[command(flatten)]
    pub(super) access: WalletAccess,
    /// The lock, as `umbel lock list` names it
    pub(super) outpoint: String,
    /// Address to pay, of either kind [default: a fresh confidential coin of the wallet]
    #[arg(long, value_name = "ADDR")]
    pub(super) to: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct SpendArgs {
    #[command(flatten)]
    pub(super) lock: RefundArgs,
    /// File for the other signers of a multisig lock
    #[arg(long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct ClaimArgs {
    #[command(flatten)]
    pub(super) lock: RefundArgs,
    /// File with the secret in its first line, 64 hexadecimal digits [default: a secret that this wallet made]
    #[arg(long, value_name = "FILE")]
    pub(super) preimage_file: Option<PathBuf>,
    /// Claim even where the other side may take the money back first
    #[arg(long)]
    pub(super) force: bool,
    /// Claim even where the secret opens more of this wallet's own money to others than is claimed
    #[arg(long)]
    pub(super) for_less: bool,
}

#[derive(Debug, Args)]
pub(super) struct SignArgs {
    #[command(flatten)]
    pub(super) access: WalletAccess,
    /// The file
    pub(super) file: PathBuf,
    /// Where to write it with the signatures added [default: over the file]
    #[arg(long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
}

/// A time that is not a whole number of hours or days.
#[derive(Debug, thiserror::Error)]
#[error("a time is a whole number of hours or days, such as 24h or 3d")]
pub(super) struct NoTime;

/// `24h` or `3d` in seconds.
fn seconds(text: &str) -> Result<u64, NoTime> {
    let (number, unit) = match (text.strip_suffix('h'), text.strip_suffix('d')) {
        (Some(hours), _) => (hours, 3600),
        (None, Some(days)) => (days, 24 * 3600),
        (None, None) => return Err(NoTime),
    };
    let digits = !number.is_empty() && number.bytes().all(|c| c.is_ascii_digit());
    let number = number.parse::<u64>().ok().filter(|_| digits).ok_or(NoTime)?;
    number.checked_mul(unit).ok_or(NoTime)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_hours_or_days() {
        assert_eq!(seconds("24h").unwrap(), 86_400);
        assert_eq!(seconds("3d").unwrap(), 259_200);
        for bad in ["", "h", "24", "24m", "-1h", "+1h", "1.5h", "24hh", "99999999999999999999h", "9999999999999999999d"]
        {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
