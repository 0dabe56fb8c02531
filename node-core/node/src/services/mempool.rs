//! The pool, between those who submit, the miner, and the follower.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use rand_core::UnwrapErr;
use umbel_api::node::MempoolState;
use umbel_api::{ApiError, ErrorCode};
use umbel_ledger::{IsolationContext, check_tx_structure, check_txs_in_isolation};
use umbel_mempool::{Limits, Mempool, MempoolError, MempoolErrorKind, RemovalReason, Removed, Retry, TemplateSelector};
use umbel_types::consensus_api::{ConsensusApi, ConsensusError};
use umbel_types::errors::{TxContextError, TxRuleError};
use umbel_types::{BlockHash, OutPoint, Params, Transaction, TxId};

use super::locked;
use crate::clock;
use crate::convert;

/// Transactions given up that nobody was told of yet; as many as the pool holds.
const MAX_GIVEN_UP: usize = 20_000;

/// Why the pool does not take a transaction.
#[derive(Debug)]
pub(crate) struct Refused {
    /// For shells.
    pub(crate) error: ApiError,
    /// Whether the same bytes will never be taken.
    pub(crate) is_final: bool,
}

/// Where a transaction stands that was given to the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It waits for a block.
    Waiting,
    /// The chain has accepted it already.
    Accepted,
}

/// A transaction that the pool gave up, and why in a sentence.
#[derive(Clone, Debug)]
pub(crate) struct GivenUp {
    pub(crate) txid: TxId,
    pub(crate) reason: String,
}

/// The pool of one chain.
pub(crate) struct Pool {
    mempool: Mutex<Mempool>,
    context: IsolationContext,
    given_up: Mutex<VecDeque<GivenUp>>,
}

impl Pool {
    /// An empty pool.
    pub(crate) fn new(params: &Params, genesis: BlockHash) -> Self {
        Self {
            mempool: Mutex::new(Mempool::new(params, Limits::default())),
            context: IsolationContext::new(params, genesis),
            given_up: Mutex::default(),
        }
    }

    /// Figures for shells.
    pub(crate) fn state(&self) -> MempoolState {
        let stats = locked(&self.mempool).stats();
        MempoolState { count: stats.count, bytes: stats.bytes }
    }

    /// Whether a transaction waits here.
    pub(crate) fn contains(&self, txid: TxId) -> bool {
        locked(&self.mempool).contains(txid)
    }

    /// Checks a transaction and takes it. One that waits already, or was accepted, is no error.
    ///
    /// What costs little is looked at first: structure, then the state, and proofs last.
    pub(crate) fn submit(&self, consensus: &dyn ConsensusApi, tx: &Arc<Transaction>) -> Result<Standing, Refused> {
        let txid = tx.txid();
        if self.contains(txid) {
            return Ok(Standing::Waiting);
        }
        check_tx_structure(tx, &self.context).map_err(|error| broken(&error))?;
        match consensus.check_tx_in_virtual_context(&tx.core) {
            Ok(Ok(())) => {}
            Ok(Err(TxContextError::InputMissing(_))) if was_accepted(consensus, tx).map_err(unread)? => {
                return Ok(Standing::Accepted);
            }
            Ok(Err(error)) => return Err(refused(&MempoolError { txid, kind: self.context_kind(error) })),
            Err(error) => return Err(unread(error)),
        }
        // Proofs take tens of milliseconds: the pool is not held meanwhile.
        let mut rng = UnwrapErr(getrandom::SysRng);
        let isolated = check_txs_in_isolation(std::slice::from_ref(tx), &self.context, &mut rng);
        for isolated in isolated.map_err(|(_, error)| broken(&error))? {
            let admitted = locked(&self.mempool).admit(isolated, consensus, clock::now());
            match admitted {
                Ok(admission) => self.note(admission.removed),
                // A block may have accepted it since its inputs were looked at.
                Err(MempoolError { kind: MempoolErrorKind::AlreadyAccepted, .. }) => return Ok(Standing::Accepted),
                Err(error) => return Err(refused(&error)),
            }
        }
        Ok(Standing::Waiting)
    }

    /// Why state refuses a transaction, with a clearer reason where the pool knows more than the state.
    fn context_kind(&self, error: TxContextError) -> MempoolErrorKind {
        if let TxContextError::InputMissing(outpoint) = error {
            let parent = TxId::from(outpoint.source);
            if self.contains(parent) {
                return MempoolErrorKind::SpendsUnaccepted { outpoint, parent };
            }
        }
        MempoolErrorKind::Context(error)
    }

    /// What a template may take.
    pub(crate) fn selector(&self) -> TemplateSelector {
        let mut seed = [0; 8];
        // Without randomness two nodes may choose alike, which costs room and nothing else.
        if getrandom::fill(&mut seed).is_err() {
            seed = clock::now().0.to_le_bytes();
        }
        locked(&self.mempool).selector(u64::from_le_bytes(seed))
    }

    /// Looks again at what a template could not use.
    pub(crate) fn settle(
        &self,
        selector: TemplateSelector,
        consensus: &dyn ConsensusApi,
    ) -> Result<(), ConsensusError> {
        let rejected = selector.into_rejected();
        if rejected.is_empty() {
            return Ok(());
        }
        let update = locked(&self.mempool).settle_rejected(rejected, consensus, clock::now())?;
        self.note(update.removed);
        Ok(())
    }

    /// Follows the chain to the newest virtual state.
    pub(crate) fn follow(&self, consensus: &dyn ConsensusApi) -> Result<(), ConsensusError> {
        let update = locked(&self.mempool).on_new_virtual(consensus, clock::now())?;
        self.note(update.removed);
        Ok(())
    }

    /// What was given up since the last call.
    pub(crate) fn take_given_up(&self) -> Vec<GivenUp> {
        locked(&self.given_up).drain(..).collect()
    }

    fn note(&self, removed: Vec<Removed>) {
        let mut given_up = locked(&self.given_up);
        for removed in removed {
            if let Some(reason) = reason(&removed.reason) {
                given_up.push_back(GivenUp { txid: removed.txid, reason });
            }
        }
        while given_up.len() > MAX_GIVEN_UP {
            given_up.pop_front();
        }
    }
}

/// Why the pool gave a transaction up; `None` for what a wallet sees on the chain by itself.
fn reason(reason: &RemovalReason) -> Option<String> {
    match reason {
        RemovalReason::Accepted { .. }
        | RemovalReason::Conflicted { .. }
        | RemovalReason::Stale { error: TxContextError::InputMissing(_) } => None,
        RemovalReason::Expired => Some("it waited too long".to_owned()),
        RemovalReason::Evicted => Some("the pool is full, and others pay higher fees".to_owned()),
        RemovalReason::Replaced { by } => Some(format!("transaction {by} replaced it")),
        RemovalReason::Stale { error } => Some(error.to_string()),
    }
}

/// Whether the chain has accepted a transaction, as far as its outputs tell: one of them is there, unspent.
fn was_accepted(consensus: &dyn ConsensusApi, tx: &Transaction) -> Result<bool, ConsensusError> {
    let txid = tx.txid();
    for (index, _) in (0..).zip(&tx.core.outputs) {
        if consensus.utxo(OutPoint::of_tx(txid, index))?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn broken(error: &TxRuleError) -> Refused {
    Refused { error: ApiError::new(ErrorCode::TxRefused, error.to_string()), is_final: true }
}

fn unread(error: ConsensusError) -> Refused {
    Refused { error: convert::consensus_error(&error), is_final: false }
}

fn refused(error: &MempoolError) -> Refused {
    let shown = match &error.kind {
        MempoolErrorKind::Context(error) => convert::context_error(error),
        MempoolErrorKind::Unavailable(error) => convert::consensus_error(error),
        MempoolErrorKind::Conflict { .. } | MempoolErrorKind::TooManyConflicts { .. } => {
            ApiError::new(ErrorCode::TxConflict, error.kind.to_string())
        }
        MempoolErrorKind::SpendsUnaccepted { .. } | MempoolErrorKind::PoolFull { .. } => {
            ApiError::passing(ErrorCode::TxRefused, error.kind.to_string())
        }
        MempoolErrorKind::AlreadyAccepted => ApiError::new(ErrorCode::TxRefused, error.kind.to_string()),
    };
    let is_final = match error.retry() {
        Retry::Never | Retry::WithHigherFee => true,
        Retry::Later => false,
    };
    Refused { error: shown, is_final }
}
