//! Why a transaction is not taken.

use thiserror::Error;
use umbel_types::consensus_api::ConsensusError;
use umbel_types::errors::{StakeError, TxContextError};
use umbel_types::{Amount, OutPoint, TxId};

use crate::conflict::ConflictKey;

/// Why a transaction is not taken.
///
/// ## Peer
/// Nobody is at fault: whoever sent it may not know what this pool knows.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("transaction {txid}: {kind}")]
pub struct MempoolError {
    /// The transaction.
    pub txid: TxId,
    /// Why.
    pub kind: MempoolErrorKind,
}

/// Why a transaction is not taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MempoolErrorKind {
    /// A rule that needs state.
    #[error(transparent)]
    Context(TxContextError),
    /// An input is created by a transaction that waits itself: only accepted outputs can be spent.
    #[error("input {outpoint} is created by transaction {parent}, which has not been accepted yet")]
    SpendsUnaccepted {
        /// The input.
        outpoint: OutPoint,
        /// The transaction that waits.
        parent: TxId,
    },
    /// A block that the chain has yet to accept carries this transaction, or another that consumes the same output.
    #[error("input {outpoint} is consumed in a block that the chain has yet to accept")]
    InBlock {
        /// The input.
        outpoint: OutPoint,
    },
    /// The chain has accepted it.
    #[error("the transaction has already been accepted")]
    AlreadyAccepted,
    /// It consumes outputs of more waiting transactions than one may replace.
    #[error("the transaction conflicts with {got} waiting transactions, at most {limit} can be replaced")]
    TooManyConflicts {
        /// Conflicts found.
        got: usize,
        /// Most allowed.
        limit: usize,
    },
    /// A waiting transaction uses the same, and this one does not pay enough more.
    #[error("{key} is consumed by waiting transaction {by}; to replace it, a fee of at least {needed} STR is needed")]
    Conflict {
        /// The first thing that is used twice.
        key: ConflictKey,
        /// The transaction that waits.
        by: TxId,
        /// Least fee for which this transaction would replace all that it conflicts with.
        needed: Amount,
    },
    /// The pool is full of transactions that pay as much.
    #[error("the pool is full; a fee of at least {needed} STR is needed")]
    PoolFull {
        /// Least fee for which this transaction would push others out.
        needed: Amount,
    },
    /// Even an empty pool has no room for it.
    #[error("the transaction is larger than the whole pool")]
    LargerThanPool,
    /// Consensus could not be asked.
    #[error("the state can't be read: {0}")]
    Unavailable(ConsensusError),
}

/// Whether offering a transaction again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// It can't be accepted on this chain: build another.
    Never,
    /// The same bytes may be taken later.
    Later,
    /// Built anew with a higher fee it may be taken at once.
    WithHigherFee,
}

impl MempoolError {
    /// Whether offering the transaction again can help.
    pub fn retry(&self) -> Retry {
        match &self.kind {
            MempoolErrorKind::Context(error) => retry_of(error),
            MempoolErrorKind::SpendsUnaccepted { .. }
            | MempoolErrorKind::InBlock { .. }
            | MempoolErrorKind::Unavailable(_) => Retry::Later,
            MempoolErrorKind::AlreadyAccepted | MempoolErrorKind::LargerThanPool => Retry::Never,
            MempoolErrorKind::Conflict { .. } | MempoolErrorKind::PoolFull { .. } => Retry::WithHigherFee,
            MempoolErrorKind::TooManyConflicts { .. } => Retry::Later,
        }
    }
}

/// Whether a transaction that breaks a rule of state now may keep it later.
pub(crate) fn retry_of(error: &TxContextError) -> Retry {
    match error {
        // What is missing may be on its way: the parent not accepted yet, or accepted on a branch to come.
        TxContextError::InputMissing(_)
        | TxContextError::Immature { .. }
        | TxContextError::NotYetValid { .. }
        | TxContextError::MemoNotYetValid(_)
        | TxContextError::TimelockRunning { .. } => Retry::Later,
        TxContextError::InputMismatch(_) | TxContextError::Expired { .. } | TxContextError::MemoEnded(_) => {
            Retry::Never
        }
        TxContextError::Stake(error) => retry_of_stake(error),
    }
}

fn retry_of_stake(error: &StakeError) -> Retry {
    match error {
        StakeError::NoValidator(_)
        | StakeError::NoDelegation(_)
        | StakeError::NotMatured { .. }
        | StakeError::NothingDue
        | StakeError::NotJailed(_)
        | StakeError::TooMuch { .. }
        | StakeError::TooManyLeaving { .. }
        | StakeError::Stalled => Retry::Later,
        // What comes before it may be on its way.
        StakeError::StaleNonce { got, now } if got > now => Retry::Later,
        StakeError::StaleNonce { .. }
        | StakeError::Registered(_)
        | StakeError::NotOwner(_)
        | StakeError::Slashed(_)
        | StakeError::EvidenceTooOld { .. }
        | StakeError::Amounts => Retry::Never,
    }
}
