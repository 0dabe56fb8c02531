//! What the rest of the node may ask of finality (docs/spec/finality.md).

use thiserror::Error;

use crate::amount::Amount;
use crate::hash::{BlockHash, Hash32};
use crate::header::CertRef;
use crate::score::{BlueScore, DaaScore};
use crate::state::SetMember;
use crate::vote::{Checkpoint, Link};

/// What is final here, and how far behind the sink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinalityStatus {
    /// Whether the epoch's set is large enough to make blocks final (F9).
    pub overlay_on: bool,
    /// Epoch at the sink.
    pub epoch: u64,
    /// Highest justified checkpoint that this node knows: every chain it follows contains it (R11).
    pub justified: Checkpoint,
    /// Highest checkpoint that no chain leaves any more (R12). With the overlay off, the highest that lies the finality
    /// depth below the sink, if that is higher.
    pub finalized: Checkpoint,
    /// DAA score of its block.
    pub finalized_daa: DaaScore,
    /// Blue score of its block. What a chain block at or below it has accepted is final.
    pub finalized_blue_score: BlueScore,
    /// Newest certificate in the past of the sink, as its header names it.
    pub included: CertRef,
    /// Blue score of the sink less that of the finalized block.
    pub gap: u64,
    /// The gap is above 60 s while the overlay is on.
    pub late: bool,
    /// The gap is above `stall_depth` while the overlay is on.
    pub stalled: bool,
    /// Members of the epoch's set, ascending by id.
    pub validators: Vec<ValidatorStatus>,
    /// Newest certificate that this node holds.
    pub last_certificate: Option<CertificateSummary>,
}

impl FinalityStatus {
    /// Nothing but genesis is final, and nobody votes.
    pub fn of_genesis(genesis: BlockHash) -> Self {
        let genesis = Checkpoint { index: 0, block: genesis };
        Self {
            overlay_on: false,
            epoch: 0,
            justified: genesis,
            finalized: genesis,
            finalized_daa: DaaScore(0),
            finalized_blue_score: BlueScore(0),
            included: CertRef::genesis(),
            gap: 0,
            late: false,
            stalled: false,
            validators: Vec::new(),
            last_certificate: None,
        }
    }
}

/// A member of the epoch's set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValidatorStatus {
    /// Hash of its ML-DSA-65 key.
    pub id: Hash32,
    /// Stake in STR.
    pub stake: Amount,
    /// Target index of its newest vote that this node has seen.
    pub last_target: Option<u32>,
    /// Two votes of it were seen that no honest validator casts.
    pub equivocated: bool,
}

/// Who signed a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateSummary {
    /// Epoch of its target.
    pub epoch: u64,
    /// What was voted for.
    pub link: Link,
    /// Key hashes, ascending.
    pub signers: Vec<Hash32>,
    /// Their stake in the set of its epoch.
    pub stake: Amount,
    /// Stake of that whole set.
    pub of_stake: Amount,
}

/// What an honest validator would vote for now, were it a member (F3). Whether it may, its guard says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoteProposal {
    /// Epoch of the target.
    pub epoch: u64,
    /// From the highest justified checkpoint to the highest that is buried.
    pub link: Link,
    /// Whose votes count for it, ascending by key hash.
    pub set: Vec<SetMember>,
}

/// What became of a vote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VoteAdmission {
    /// It is new, and others should hear of it.
    Added {
        /// Its number in [`crate::consensus_api::ConsensusApi::votes_since`].
        sequence: u64,
    },
    /// It was here.
    Known,
    /// It is new, and with an older vote of the same validator breaks F6: the two are kept as evidence. It counts all the
    /// same, so that nodes that hear votes in another order agree.
    Conflicting,
}

/// Why a vote or a certificate was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum VoteError {
    /// Of another chain.
    #[error("the vote is of chain {chain} with genesis {genesis}")]
    OtherChain {
        /// Its chain id.
        chain: u32,
        /// Its genesis.
        genesis: BlockHash,
    },
    /// The source is not below the target.
    #[error("the link's source {source_index} is not below its target {target_index}")]
    Backwards {
        /// Index of the source.
        source_index: u32,
        /// Index of the target.
        target_index: u32,
    },
    /// Not a member of a set that this node knows.
    #[error("validator {0} is in no set that is known here")]
    NotAMember(Hash32),
    /// The signature is not the validator's.
    #[error("the signature is not that of validator {0}")]
    BadSignature(Hash32),
    /// The target is too far behind what is final.
    #[error("target {target} is old: votes are taken from {first} on")]
    TooOld {
        /// Its index.
        target: u32,
        /// First index that is taken.
        first: u32,
    },
    /// The validator contradicted itself so often that no more of its votes for the target are kept.
    #[error("validator {validator} has voted too often for target {target}")]
    TooMany {
        /// Who.
        validator: Hash32,
        /// Target index.
        target: u32,
    },
    /// The target is too far ahead of this node's own chain. It may be taken later.
    #[error("target {target} is ahead: votes are taken up to {last}")]
    TooNew {
        /// Its index.
        target: u32,
        /// Last index that is taken.
        last: u32,
    },
    /// The store failed, or the node is stopping.
    #[error("the vote could not be taken: {0}")]
    Unavailable(String),
}

impl VoteError {
    /// Whether the sender broke a rule that it could have checked.
    pub fn is_peer_fault(&self) -> bool {
        match self {
            Self::OtherChain { .. } | Self::Backwards { .. } | Self::BadSignature(_) => true,
            // Sender and receiver may know different blocks, and so other sets and other windows.
            Self::NotAMember(_)
            | Self::TooOld { .. }
            | Self::TooMany { .. }
            | Self::TooNew { .. }
            | Self::Unavailable(_) => false,
        }
    }
}
