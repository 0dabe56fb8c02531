//! Why a lock is not made, spent or signed for, and what to do about it.

use thiserror::Error;
use umbel_crypto::payment_proof::PaymentProofError;
use umbel_types::errors::TxRuleError;
use umbel_types::{Amount, DaaScore, DecodeError, OutPoint, TxId};

/// What a call about locks can fail with.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LockError {
    /// Not 1 to 16 keys, or more signatures than keys.
    #[error(
        "a multisig lock has 1 to 16 different keys and asks for 1 to all of their signatures; {m} of {keys} were given"
    )]
    Keys {
        /// Signatures asked for.
        m: u8,
        /// Different keys.
        keys: usize,
    },
    /// A key is no point of the curve: nobody could sign for it.
    #[error("{0} is no public key: ask its owner for the output of `umbel lock key`")]
    BadKey(String),
    /// A timeout so near that nobody could claim, or so far that a typing error is likelier.
    #[error("a timeout lies {least_h} hours to {most_h} hours ahead")]
    Timeout {
        /// Least, in hours.
        least_h: u64,
        /// Most, in hours.
        most_h: u64,
    },
    /// No own lock stands or stood there.
    #[error("no lock of this wallet is known at {0}: see `umbel lock list`")]
    Unknown(OutPoint),
    /// It was spent.
    #[error("the lock at {outpoint} was spent by transaction {by}")]
    Spent {
        /// Where it stood.
        outpoint: OutPoint,
        /// By which transaction.
        by: TxId,
    },
    /// A payment that spends it is on its way.
    #[error("a transaction of this wallet that spends the lock at {0} is on its way: wait for its outcome")]
    Busy(OutPoint),
    /// This kind of lock is spent in another way.
    #[error("this is a {is}, which is not spent in this way: {instead}")]
    Kind {
        /// What it is.
        is: &'static str,
        /// What to do instead.
        instead: &'static str,
    },
    /// The branch belongs to somebody else's address.
    #[error("the lock's {role} address is not this wallet's")]
    NotOurs {
        /// Claim, refund, or post-quantum.
        role: &'static str,
    },
    /// Everyone could show the secret of this hash.
    #[error("the secret of this hash was shown to everyone by an earlier claim: lock to the hash of a new one")]
    SecretShown,
    /// The claim is worth less than what it gives away.
    #[error(
        "claiming {claimed} STR would show this wallet's secret to everyone, and {at_stake} STR of this wallet go to whoever \
         claims them with it: wait until more is locked for it, or take that back first. --for-less claims all the same"
    )]
    Stake {
        /// What the lock holds.
        claimed: Amount,
        /// What the wallet's own locks under the same hash hold.
        at_stake: Amount,
    },
    /// Locks of other assets are shown and not spent.
    #[error("this lock holds another asset than STR, whose fee this program can't take from the lock")]
    Asset,
    /// The lock holds less than what it costs to spend it.
    #[error("the lock holds {value} STR, spending it costs {fee}")]
    TooSmall {
        /// What it holds.
        value: Amount,
        /// Least fee.
        fee: Amount,
    },
    /// The preimage has another hash.
    #[error("the preimage does not belong to this lock: its SHA-256 is another")]
    WrongPreimage,
    /// None was given, and this wallet made none.
    #[error("this wallet did not make the secret of this lock: give it with --preimage-file")]
    NoPreimage,
    /// Showing the preimage so late could cost both sides of a swap.
    #[error(
        "the lock's timeout is DAA score {timeout} and it is {now}: in the last two hours before it, and after it, the \
         other side may take the money back while the claim shows the preimage to everyone. --force claims all the same"
    )]
    ClaimLate {
        /// The lock's timeout.
        timeout: DaaScore,
        /// DAA score of the next block.
        now: DaaScore,
    },
    /// It can't be taken back yet.
    #[error(
        "the lock can't be taken back yet: from DAA score {timeout} where a certificate confirms that score, from {late} \
         in any case; it is {now}"
    )]
    RefundRunning {
        /// The lock's timeout.
        timeout: DaaScore,
        /// From when in any case.
        late: DaaScore,
        /// DAA score of the next block.
        now: DaaScore,
    },
    /// A file for signing that says nonsense, or has been changed.
    #[error("the file is not to be signed: {0}")]
    Signing(#[from] SigningError),
}

/// What is wrong with a file that goes from signer to signer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SigningError {
    /// The core is for another chain.
    #[error("its transaction is for chain {got}, this is chain {expected}")]
    OtherChain {
        /// The core's.
        got: u32,
        /// This network's.
        expected: u32,
    },
    /// The core or the proofs are not in their encoding.
    #[error("{what}: {reason}")]
    Encoding {
        /// Which part.
        what: &'static str,
        /// What is wrong.
        reason: DecodeError,
    },
    /// The core does more or less than to spend one multisig lock of STR into one output.
    #[error("its transaction does not spend one multisig lock of STR into one output that everyone can be shown")]
    Form,
    /// The terms beside the core are not the core's.
    #[error("the lock that it shows is not the one that its transaction spends")]
    Terms,
    /// Nobody shows whom the hidden output pays.
    #[error("it does not show whom its output pays")]
    OutputNotShown,
    /// The proof about the output does not hold.
    #[error("what it shows about its output does not hold: {0}")]
    Output(PaymentProofError),
    /// Output and fee are not what the lock holds.
    #[error("its output and its fee are not what the lock holds")]
    Amounts,
    /// Signatures are not strictly ascending: one key signed twice, or the file was changed.
    #[error("its signatures are not one for each key, in the order of the keys")]
    Order,
    /// An index beyond the lock's keys.
    #[error("it has a signature by key {0}, which the lock does not have")]
    NoSuchKey(u8),
    /// More signatures than the lock takes.
    #[error("it has {got} signatures, the lock takes {m}")]
    TooMany {
        /// Signatures found.
        got: usize,
        /// Signatures needed.
        m: u8,
    },
    /// A signature of another transaction, or a changed one.
    #[error("the signature of key {0} is not for this transaction")]
    Signature(u8),
    /// No key of the lock is this wallet's.
    #[error("none of the lock's keys is this wallet's")]
    ForeignKey,
    /// Every own key has signed.
    #[error("this wallet has signed it: pass it on to the other signers")]
    SignedAlready,
    /// Nothing is missing.
    #[error("it has all its signatures: submit it with `umbel lock submit`")]
    Complete,
    /// Signatures are missing.
    #[error("it has {have} of {m} signatures: pass it on to the other signers")]
    Incomplete {
        /// Signatures found.
        have: usize,
        /// Signatures needed.
        m: u8,
    },
    /// Its time is over.
    #[error("it could be accepted until DAA score {end}, and it is {now}: make a new one with `umbel lock spend`")]
    Expired {
        /// First score at which it can't be accepted.
        end: DaaScore,
        /// DAA score of the next block.
        now: DaaScore,
    },
    /// It could be submitted years later, when its signers have forgotten it.
    #[error(
        "it could be accepted until DAA score {end}, more than a year from now ({now}): ask for one that ends sooner"
    )]
    NeverEnds {
        /// First score at which it can't be accepted.
        end: DaaScore,
        /// DAA score of the next block.
        now: DaaScore,
    },
    /// All signatures are there, and a proof does not hold.
    #[error("its transaction breaks a rule: {0}")]
    Rule(TxRuleError),
}
