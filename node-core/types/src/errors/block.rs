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
    /// The certificate neither repeats the selected parent's nor is newer by an interval.
    #[error("certificate {got} neither repeats the selected parent's nor is at least {least}")]
    CertRef {
        /// Index found.
        got: u32,
        /// Least index that a new one may have.
        least: u32,
    },
}

/// A rule about the certificate that a chain block introduces (F7).
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CertificateError {
    /// Bytes that are no certificate.
    #[error("not a certificate: {0}")]
    Decode(#[from] DecodeError),
    /// Another target than the header says.
    #[error("the target is checkpoint {got}, the header introduces {expected}")]
    Target {
        /// Index of the target.
        got: u32,
        /// Index in the header.
        expected: u32,
    },
    /// Source and target are no neighbours.
    #[error("source {source_index} and target {target_index} are not adjacent")]
    NotAdjacent {
        /// Index of the source.
        source_index: u32,
        /// Index of the target.
        target_index: u32,
    },
    /// Source or target is not that checkpoint of the block's own chain.
    #[error("block {block} is not checkpoint {index} of this chain")]
    NotACheckpoint {
        /// Index named.
        index: u32,
        /// Block named.
        block: BlockHash,
    },
    /// The target has no more work than the source.
    #[error("the target has no more work than the source")]
    NoWork,
    /// The target is not old enough.
    #[error("the target lies {got} of blue score below the block, {needed} are needed")]
    NotBuried {
        /// Depth found.
        got: u64,
        /// Depth needed.
        needed: u64,
    },
    /// No set votes on such a link.
    #[error("no set of validators votes on this link")]
    NoElectorate,
    /// Another epoch than that of the target.
    #[error("the certificate is of epoch {got}, its target is of {expected}")]
    Epoch {
        /// Epoch named.
        got: u64,
        /// The target's.
        expected: u64,
    },
    /// A signer that is in no set that votes on the link.
    #[error("signer {0} is not a member")]
    Stranger(Hash32),
    /// Two thirds of the stake or less.
    #[error("not more than two thirds of the stake have signed")]
    TooLittleStake,
    /// A signature that is not its signer's.
    #[error("the signature is not that of {0}")]
    Signature(Hash32),
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
    /// The certificate is not the one that the header introduces: discarded, the block is not judged.
    #[error("the certificate in the body is not the one that the header introduces")]
    CertificateMismatch,
    /// The certificate breaks a rule: the block is disqualified.
    #[error("certificate: {0}")]
    Certificate(#[from] CertificateError),
    /// The store failed, or the node is stopping; the block was not judged.
    #[error("the block could not be processed: {0}")]
    Unavailable(String),
}

impl BlockError {
    /// Whether the body alone is at fault, which whoever passed the block on may have changed: the block is not judged by
    /// it, and another body may come (R1).
    pub fn is_about_body(&self) -> bool {
        matches!(self, Self::BodyMismatch | Self::LaneOrder | Self::UnexpectedCertificate | Self::CertificateMismatch)
    }

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
            | Self::UnexpectedCertificate
            | Self::CertificateMismatch => true,
            Self::MissingParents(_)
            | Self::BelowFinality(_)
            | Self::TxContext { .. }
            | Self::Commitment { .. }
            | Self::Certificate(_)
            | Self::Unavailable(_) => false,
        }
    }
}
