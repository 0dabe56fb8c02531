//! Rules that need state: what may be true on one chain and not on another.

use umbel_types::errors::TxContextError;
use umbel_types::params::{EXPIRY_MARGIN_S, TIMELOCK_GRACE_S};
use umbel_types::tx::LockBranch;
use umbel_types::{DaaScore, Input, Lock, Params, TxCore, TxInput, UtxoEntry};

use crate::staking::{self, Effect, OverlayContext, StateView};
use crate::utxo::UtxoView;

/// The moment in which a transaction is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UtxoContext {
    /// DAA score of the chain block whose context it is.
    pub daa_score: DaaScore,
    /// The score at which upper time bounds are tested: later than `daa_score` for a block's own body, so that nothing
    /// is born expired.
    pub expiry_score: DaaScore,
    /// Finality on the chain that ends with that block.
    pub overlay: OverlayContext,
    /// DAA score until a reward may be spent.
    pub coinbase_maturity: u64,
    /// DAA score behind the timeout of a hash lock from which it needs no certificate.
    pub timelock_grace: u64,
}

impl UtxoContext {
    /// For acceptance by a chain block.
    pub fn for_acceptance(params: &Params, daa_score: DaaScore, overlay: OverlayContext) -> Self {
        Self {
            daa_score,
            expiry_score: daa_score,
            overlay,
            coinbase_maturity: params.coinbase_maturity,
            timelock_grace: params.daa_of_seconds(TIMELOCK_GRACE_S),
        }
    }

    /// For a chain block's own body, the pool and templates.
    pub fn for_qualification(params: &Params, daa_score: DaaScore, overlay: OverlayContext) -> Self {
        let expiry_score = daa_score.saturating_add(params.daa_of_seconds(EXPIRY_MARGIN_S));
        Self { expiry_score, ..Self::for_acceptance(params, daa_score, overlay) }
    }
}

/// What a transaction does where it is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedTx {
    /// The entries that it consumes, in input order.
    pub consumed: Vec<UtxoEntry>,
    /// What its Action does.
    pub effect: Effect,
}

/// Checks a transaction against a state and says what it does.
///
/// # Errors
/// The outer error is the view's (the store failed); the inner one is the first rule broken.
pub fn check_tx_in_utxo_context<V: UtxoView + ?Sized>(
    core: &TxCore,
    view: &V,
    states: &impl StateView,
    context: &UtxoContext,
) -> Result<Result<CheckedTx, TxContextError>, V::Error> {
    if let Err(error) = check_validity_range(core, context) {
        return Ok(Err(error));
    }
    let mut consumed = Vec::with_capacity(core.inputs.len());
    for input in &core.inputs {
        let Some(entry) = view.get(&input.outpoint)? else {
            return Ok(Err(TxContextError::InputMissing(input.outpoint)));
        };
        if let Err(error) = check_input(input, &entry, context) {
            return Ok(Err(error));
        }
        consumed.push(entry);
    }
    Ok(match staking::decide(&core.action, states, context) {
        Ok(effect) => Ok(CheckedTx { consumed, effect }),
        Err(error) => Err(error.into()),
    })
}

/// # Consensus
/// > A transaction MUST be skipped outside its validity range. (docs/spec/transaction.md C1)
fn check_validity_range(core: &TxCore, context: &UtxoContext) -> Result<(), TxContextError> {
    if !core.valid.has_started(context.daa_score) {
        return Err(TxContextError::NotYetValid { start: core.valid.start, now: context.daa_score });
    }
    if core.valid.has_ended(context.expiry_score) {
        return Err(TxContextError::Expired { end: core.valid.end, now: context.expiry_score });
    }
    Ok(())
}

fn check_input(input: &TxInput, entry: &UtxoEntry, context: &UtxoContext) -> Result<(), TxContextError> {
    check_same_bytes(input, entry)?;
    check_maturity(input, entry, context)?;
    check_memo_branch(input, context)?;
    check_timelock(input, context)
}

/// # Consensus
/// > An input MUST repeat the unspent output to the byte. (C2)
fn check_same_bytes(input: &TxInput, entry: &UtxoEntry) -> Result<(), TxContextError> {
    if entry.output.matches(&input.consumed) { Ok(()) } else { Err(TxContextError::InputMismatch(input.outpoint)) }
}

/// # Consensus
/// > A reward MUST NOT be consumed before it is mature. (C3)
fn check_maturity(input: &TxInput, entry: &UtxoEntry, context: &UtxoContext) -> Result<(), TxContextError> {
    let mature_at = entry.mature_at(context.coinbase_maturity);
    if context.daa_score < mature_at {
        return Err(TxContextError::Immature { outpoint: input.outpoint, mature_at, now: context.daa_score });
    }
    Ok(())
}

/// # Consensus
/// > A Memo is consumed by its lock from `valid.start` until before `valid.end`, by its refund address from `valid.end`
/// > on. One under a hash lock has no end. (C4)
fn check_memo_branch(input: &TxInput, context: &UtxoContext) -> Result<(), TxContextError> {
    let Input::Memo { terms, branch } = &input.consumed else {
        return Ok(());
    };
    if !terms.valid.has_started(context.daa_score) {
        return Err(TxContextError::MemoNotYetValid(input.outpoint));
    }
    match (branch, &terms.lock) {
        (LockBranch::Owner, _) if terms.valid.has_ended(context.expiry_score) => {
            Err(TxContextError::MemoEnded(input.outpoint))
        }
        // C5 says when.
        (LockBranch::Refund, Lock::HashTimelock { .. }) => Ok(()),
        (LockBranch::Refund, _) if !terms.valid.has_ended(context.daa_score) => {
            Err(TxContextError::MemoNotYetValid(input.outpoint))
        }
        (LockBranch::Owner | LockBranch::Refund, _) => Ok(()),
    }
}

/// # Consensus
/// > A hash lock is taken back once a checkpoint with a DAA score of at least its timeout is certified on the accepting
/// > chain, or 24 h of DAA score behind its timeout. (C5)
fn check_timelock(input: &TxInput, context: &UtxoContext) -> Result<(), TxContextError> {
    let Input::Memo { terms, branch: LockBranch::Refund } = &input.consumed else {
        return Ok(());
    };
    let Lock::HashTimelock { timeout, .. } = terms.lock else {
        return Ok(());
    };
    let late = timeout.saturating_add(context.timelock_grace);
    if context.overlay.certified >= timeout || context.daa_score >= late {
        return Ok(());
    }
    Err(TxContextError::TimelockRunning { outpoint: input.outpoint, timeout, late, now: context.daa_score })
}
