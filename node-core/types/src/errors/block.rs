//! Why a block is refused.

use thiserror::Error;

use crate::encode::DecodeError;
use crate::errors::tx::{TxContextError, TxRuleError};
use crate::hash::{BlockHash, Hash32, TxId};
use crate::score::{BlueScore, BlueWork, DaaScore, TimestampMs};
use crate::target::CompactTarget;
use crate::tx::OutPoint;

/// A rule about the header.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HeaderRuleError {
    /// Unknown version.
    #[error("block version {0} is unknown")]
    Version(u16),
    /// No parent, or too many.
    #[error("{got} parents, 1 to {limit} are allowed")]
    ParentCount {
        /// Parents found.
        got: usize,
        /// Most allowed.
        limit: usize,
    },
    /// Parents stand twice or out of order.
    #[error("parents are not strictly ascending")]
    ParentsNotAscending,
    /// One parent is in another's past.
    #[error("parent {0} is in the past of another parent")]
    ParentsNotAntichain(BlockHash),
    /// Built on an invalid block.
    #[error("parent {0} is invalid")]
    InvalidParent(BlockHash),
    /// Too far in the future.
    #[error("timestamp {got} lies more than 132 s ahead of {now}")]
    TimeTooFarAhead {
        /// Timestamp found.
        got: TimestampMs,
        /// The receiver's clock.
        now: TimestampMs,
    },
    /// Not behind the past median time.
    #[error("timestamp {got} is not above the past median time {median}")]
    TimeTooOld {
        /// Timestamp found.
        got: TimestampMs,
        /// Past median time.
        median: TimestampMs,
    },
    /// Another difficulty than expected.
    #[error("bits {got:?}, expected {expected:?}")]
    Bits {
        /// Bits found.
        got: CompactTarget,
        /// Bits that the rule gives.
        expected: CompactTarget,
    },
    /// The proof of work does not meet the target.
    #[error("the proof of work does not meet the target")]
    ProofOfWork,
    /// Another DAA score than computed.
    #[error("DAA score {got}, expected {expected}")]
    DaaScore {
        /// Score found.
        got: DaaScore,
        /// Score computed.
        expected: DaaScore,
    },
    /// Another blue score than computed.
    #[error("blue score {got}, expected {expected}")]
    BlueScore {
        /// Score found.
        got: BlueScore,
        /// Score computed.
        expected: BlueScore,
    },
    /// Other blue work than computed.
    #[error("blue work {got}, expected {expected}")]
    BlueWork {
        /// Work found.
        got: BlueWork,
        /// Work computed.
        expected: BlueWork,
    },
    /// Merges too much at once.
    #[error("a mergeset of {got} blocks, at most {limit} are allowed")]
    MergesetTooLarge {
        /// Size found.
        got: usize,
        /// Most allowed.
        limit: usize,
    },
    /// Merges a red block from below the merge depth.
    #[error("{0} is merged from below the merge depth")]
    MergeTooDeep(BlockHash),
    /// The certificate neither repeats the selected parent's nor is newer.
    #[error("the certificate reference is not the selected parent's")]
    CertRef,
}

/// Why a block is refused or may not be on the chain.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BlockError {
    /// Bytes that are no block.
    #[error("not a block: {0}")]
    Decode(#[from] DecodeError),
    /// A header rule.
    #[error(transparent)]
    Header(#[from] HeaderRuleError),
    /// All that it stands on branched off below the finality depth (R12): it can neither be merged nor reorganise anything.
    #[error("the block branches off below the finality depth, at {0}")]
    BelowFinality(BlockHash),
    /// Parents that are not here yet. Nobody is at fault.
    #[error("{} parents are missing", .0.len())]
    MissingParents(Vec<BlockHash>),
    /// Known to be invalid.
    #[error("the block is known to be invalid")]
    KnownInvalid,
    /// The body is not the one the header commits to: discarded, the block is not judged.
    #[error("the body does not match the header")]
    BodyMismatch,
    /// The body is too large.
    #[error("a body of {got} bytes, at most {limit} are allowed")]
    BodyTooLarge {
        /// Size found.
        got: usize,
        /// Most allowed.
        limit: usize,
    },
    /// The transactions together let the UTXO set grow by too much.
    #[error("the body adds {got} bytes to the state, at most {limit} are allowed")]
    StateTooLarge {
        /// Bytes found.
        got: u64,
        /// Most allowed.
        limit: u64,
    },
    /// A malformed payout key.
    #[error("the payout key is not made of valid group elements")]
    BadPayout,
    /// Transactions out of lane order.
    #[error("transactions are out of lane order")]
    LaneOrder,
    /// One output is consumed twice in the body.
    #[error("{0} is consumed twice in the block")]
    DoubleSpendInBlock(OutPoint),
    /// An output is created and consumed in the body.
    #[error("{0} is created and consumed in the same block")]
    ChainedInBlock(OutPoint),
    /// A transaction breaks a rule that needs no state.
    #[error("transaction {txid}: {error}")]
    Tx {
        /// Which.
        txid: TxId,
        /// Which rule.
        error: TxRuleError,
    },
    /// A transaction that can't stand on the chain: the block is disqualified, not invalid.
    #[error("transaction {txid} is refused in context: {error}")]
    TxContext {
        /// Which.
        txid: TxId,
        /// Which rule.
        error: TxContextError,
    },
    /// A commitment that differs from the computed one: the block is disqualified.
    #[error("{what} is {got}, computed {expected}")]
    Commitment {
        /// Which commitment.
        what: &'static str,
        /// As in the header.
        got: Hash32,
        /// As computed.
        expected: Hash32,
    },
    /// A certificate where none may stand.
    #[error("the body carries a certificate that the header does not introduce")]
    UnexpectedCertificate,
    /// The store failed, or the node is stopping; the block was not judged.
    #[error("the block could not be processed: {0}")]
    Unavailable(String),
}

impl BlockError {
    /// Whether the sender broke a rule that it could have checked.
    pub fn is_peer_fault(&self) -> bool {
        match self {
            Self::Decode(_)
            | Self::Header(_)
            | Self::KnownInvalid
            | Self::BodyMismatch
            | Self::BodyTooLarge { .. }
            | Self::StateTooLarge { .. }
            | Self::BadPayout
            | Self::LaneOrder
            | Self::DoubleSpendInBlock(_)
            | Self::ChainedInBlock(_)
            | Self::Tx { .. }
            | Self::UnexpectedCertificate => true,
            Self::MissingParents(_)
            | Self::BelowFinality(_)
            | Self::TxContext { .. }
            | Self::Commitment { .. }
            | Self::Unavailable(_) => false,
        }
    }
}
