//! Why a wallet refuses, and what to do about it.

use std::path::PathBuf;

use thiserror::Error;
use umbel_crypto::payment_proof::PaymentProofError;
use umbel_types::consensus_api::ConsensusError;
use umbel_types::{Amount, AmountError, AssetId, DecodeError, TxId};

use crate::lock_error::LockError;
use crate::stake_error::StakeError;

/// Why words give no seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum WordsError {
    /// Neither 12 nor 24 words.
    #[error("{got} words were given: a wallet has 12 or 24")]
    Count {
        /// Words found.
        got: usize,
    },
    /// A word outside the list. The word itself is not repeated: it may be one letter away from a secret.
    #[error("word {position} is not in the word list: check its spelling")]
    UnknownWord {
        /// Its place, from 1.
        position: usize,
    },
    /// All words are in the list, their checksum is wrong.
    #[error("the words do not belong together (their checksum is wrong): check their order and each word")]
    Checksum,
}

/// Why a name can't name a wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NameError {
    /// Nothing, more than 40 characters, or characters of so many bytes that no folder can be named after them.
    #[error("a wallet's name has 1 to 40 characters, and at most 28 of scripts such as Chinese: choose a shorter one")]
    Length,
    /// A character outside the set.
    #[error("a wallet's name has letters, digits, spaces, - and _ only")]
    Character,
    /// A space at either end.
    #[error("a wallet's name starts and ends with a letter, digit, - or _")]
    Edge,
    /// A name that some systems keep for devices.
    #[error("this name is reserved on some systems: choose another one")]
    Reserved,
}

/// What is wrong with a wallet's file. Its text ends with what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}; {}", self.cause(), self.remedy())]
pub enum Damage {
    /// The file is not there.
    Missing,
    /// It can't be read.
    Unreadable(String),
    /// Shorter or longer than it says.
    Length,
    /// Not a wallet's file at all.
    Magic,
    /// Its checksum is wrong: some byte changed.
    Checksum,
    /// Its checksum holds, its content makes no sense.
    Content,
    /// Made by a newer program.
    Version(u16),
    /// A wallet of another network lies in this network's folder.
    Network(String),
}

impl Damage {
    /// What is wrong, without what to do.
    pub fn cause(&self) -> String {
        match self {
            Self::Missing => "the file is missing".to_owned(),
            Self::Unreadable(reason) => format!("the file can't be read: {reason}"),
            Self::Length => "the file is cut off or has bytes too many".to_owned(),
            Self::Magic => "the file does not start as a wallet's file does".to_owned(),
            Self::Checksum => "the file's checksum is wrong: some of its bytes changed".to_owned(),
            Self::Content => "the file's content is not in the expected form".to_owned(),
            Self::Version(version) => format!("the file has version {version}, which this program does not know"),
            Self::Network(network) => format!("the file belongs to the network {network}"),
        }
    }

    /// What to do.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Missing | Self::Length | Self::Magic | Self::Checksum | Self::Content => {
                "restore the wallet from its words"
            }
            Self::Unreadable(_) => "see that it may be read, or restore the wallet from its words",
            Self::Version(_) => "use a newer version of this program, or restore the wallet from its words",
            Self::Network(_) => "open it on that network, or restore the wallet from its words",
        }
    }
}

/// Anything a wallet call can fail with. Each message says what to do.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum WalletError {
    /// The words give no seed.
    #[error(transparent)]
    Words(#[from] WordsError),
    /// The name can't name a wallet.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The password has no characters.
    #[error("the password is empty: choose one")]
    EmptyPassword,
    /// The BIP39 passphrase is longer than any person types.
    #[error("the passphrase is longer than {limit} bytes")]
    PassphraseTooLong {
        /// Most bytes.
        limit: usize,
    },
    /// A wallet of that name is there; upper and lower case count as the same.
    #[error("a wallet named {0:?} exists: choose another name")]
    Exists(String),
    /// There is none of that name.
    #[error("there is no wallet named {0:?}")]
    NoSuchWallet(String),
    /// The password does not open the file. The file itself is intact.
    #[error("the password is wrong")]
    WrongPassword,
    /// Neither generation of the file can be used, or a newer program wrote it. Nothing was changed.
    #[error("nothing was changed: the wallet file {} can't be used: {damage}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        damage: Damage,
    },
    /// Reading or writing failed.
    #[error("{action} {} failed: {reason}", .path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// Somebody has the wallet open, in this process or another one.
    #[error("the wallet is open already, here or in another program ({}): close it there first", .path.display())]
    InUse {
        /// Its journal.
        path: PathBuf,
    },
    /// The files of an open wallet were removed, moved away or replaced. It can't be used any more: close it.
    #[error(
        "the wallet's files were removed or replaced while it was open ({}): nothing more was written. Put them back and \
         open the wallet again, or restore it from its words",
        .path.display()
    )]
    FilesRemoved {
        /// Its journal.
        path: PathBuf,
    },
    /// The wallet is locked: the spend key is not in memory.
    #[error("the wallet is locked: unlock it first")]
    Locked,
    /// The journal's records and the wallet don't fit together.
    #[error("the wallet's journal can't be written: {0}. Nothing was sent")]
    Journal(String),
    /// The system gave no random bytes.
    #[error("the system gives no randomness: nothing was done")]
    Randomness,
    /// Deriving the file's key failed, for lack of memory above all.
    #[error("the file's key can't be derived: is there enough free memory?")]
    KeyDerivation,

    /// A confidential address of another network.
    #[error("the address belongs to another network")]
    WrongNetwork,
    /// Nothing is to be sent.
    #[error("the amount is zero")]
    ZeroAmount,
    /// More than may be spent now.
    #[error("not enough funds: {need} needed with fees, {have} can be spent now")]
    InsufficientFunds {
        /// Which asset is short.
        asset: AssetId,
        /// What the payment takes of it, fees included where it is STR.
        need: Amount,
        /// What can be spent of it now.
        have: Amount,
    },
    /// So many coins that even merging them first takes more transactions than one payment may have.
    #[error("the amount lies in too many small coins: at most {sendable} can be sent in one payment; send that first")]
    TooManyCoins {
        /// Most that one payment can send.
        sendable: Amount,
    },
    /// Amounts overflow.
    #[error(transparent)]
    Amount(#[from] AmountError),
    /// A zk13str address is paid publicly, which the person must accept.
    #[error("everyone sees amount and recipient of a payment to a zk13str address: confirm it as public")]
    NeedsPublic,
    /// A note would be readable by everyone.
    #[error("a payment to a zk13str address can't carry a note: everyone could read it")]
    PublicNote,
    /// The note is too long.
    #[error("the note has {got} bytes, at most {limit} fit")]
    NoteTooLong {
        /// Its length in bytes.
        got: usize,
        /// Most bytes.
        limit: usize,
    },
    /// The wallet has not looked at everything yet: coins could be missing or gone.
    #[error("the wallet is still looking for its coins: wait until it is done")]
    NotScanned,
    /// A coin of the plan was spent or reserved since.
    #[error("the wallet's coins changed since this payment was planned: plan it again")]
    PlanOutdated,
    /// The person stopped the building.
    #[error("the payment was cancelled before it was sent")]
    Cancelled,
    /// A proof or signature could not be made: the wallet's own data is inconsistent.
    #[error("the payment could not be built: {0}")]
    Build(String),
    /// No payment of that number.
    #[error("there is no payment {0}")]
    NoSuchPayment(u64),
    /// No coin of the transaction was made for somebody else with this wallet's keys.
    #[error("this wallet paid nobody a coin by transaction {0}: there is nothing to prove")]
    NotItsPayment(TxId),
    /// The transaction pays several.
    #[error("the transaction pays several recipients, by its outputs {outputs:?}: say which one is to be proved")]
    SeveralRecipients {
        /// Indices of the outputs.
        outputs: Vec<u32>,
    },
    /// A proof of payment can't be made.
    #[error("the payment can't be proved: {0}")]
    PaymentProof(#[source] PaymentProofError),
    /// A lock is not made, spent or signed for.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// Stake is not moved.
    #[error(transparent)]
    Stake(#[from] StakeError),
    /// Test coins are on devnet only.
    #[error("only devnet has test coins with public keys")]
    DevnetOnly,
    /// Devnet's genesis wallets are all waiting for their change.
    #[error("all test wallets wait for their last payment to be accepted: try again in a few seconds")]
    FundBusy,

    /// Consensus failed to answer.
    #[error(transparent)]
    Consensus(#[from] ConsensusError),
}

impl WalletError {
    /// Whether the same call may succeed later without anything being changed.
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::NotScanned
                | Self::PlanOutdated
                | Self::FundBusy
                | Self::InUse { .. }
                | Self::Io { .. }
                | Self::Journal(_)
                | Self::Consensus(_)
        )
    }

    pub(crate) fn io(action: &'static str, path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::Io { action, path: path.to_owned(), reason: error.to_string() }
    }
}

impl From<DecodeError> for Damage {
    fn from(_: DecodeError) -> Self {
        Self::Content
    }
}
