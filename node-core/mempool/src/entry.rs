//! A transaction as the pool holds it.

use std::sync::Arc;

use umbel_ledger::IsolatedTx;
use umbel_ledger::mass::compute_mass;
use umbel_types::tx::LockBranch;
use umbel_types::{Amount, DaaScore, Input, OutPoint, TimestampMs, Transaction, TxId, WtxId};

use crate::feerate::Feerate;

/// A transaction whose proofs and signatures hold. Made from an [`IsolatedTx`], or from the body of a block that was on
/// the chain.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) tx: Arc<Transaction>,
    pub(crate) txid: TxId,
    pub(crate) wtxid: WtxId,
    pub(crate) mass: u64,
    pub(crate) size_bytes: usize,
}

impl From<IsolatedTx> for Candidate {
    fn from(isolated: IsolatedTx) -> Self {
        Self {
            tx: Arc::clone(isolated.tx()),
            txid: isolated.txid(),
            wtxid: isolated.wtxid(),
            mass: isolated.mass(),
            size_bytes: isolated.size_bytes(),
        }
    }
}

impl Candidate {
    /// From the body of a block that was on the chain: its proofs were verified when the block came.
    pub(crate) fn from_accepted(tx: Transaction) -> Self {
        let size_bytes = tx.size_bytes();
        Self {
            txid: tx.txid(),
            wtxid: tx.wtxid(),
            mass: compute_mass(size_bytes, tx.core.inputs.len()),
            size_bytes,
            tx: Arc::new(tx),
        }
    }

    pub(crate) fn fee(&self) -> Amount {
        self.tx.core.fee
    }

    pub(crate) fn feerate(&self) -> Feerate {
        Feerate::new(self.fee(), self.mass)
    }

    pub(crate) fn outpoints(&self) -> impl Iterator<Item = OutPoint> + '_ {
        self.tx.core.inputs.iter().map(|input| input.outpoint)
    }

    /// First DAA score at which an upper time bound of it is over: its own or that of a Memo it consumes as its owner.
    pub(crate) fn deadline(&self) -> Option<DaaScore> {
        let memo_ends = self.tx.core.inputs.iter().filter_map(|input| match &input.consumed {
            Input::Memo { terms, branch: LockBranch::Owner } => Some(terms.valid.end),
            Input::Memo { branch: LockBranch::Refund, .. } | Input::Coin { .. } => None,
        });
        // An end of zero is none.
        memo_ends.chain([self.tx.core.valid.end]).filter(|end| end.0 != 0).min()
    }
}

/// A transaction in the pool.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) tx: Arc<Transaction>,
    pub(crate) txid: TxId,
    pub(crate) wtxid: WtxId,
    pub(crate) mass: u64,
    pub(crate) size_bytes: usize,
    pub(crate) feerate: Feerate,
    pub(crate) deadline: Option<DaaScore>,
    /// When it came, by the caller's clock.
    pub(crate) admitted_at: TimestampMs,
    /// Order of admission: of two that pay the same, the later one leaves first.
    pub(crate) sequence: u64,
}

impl Entry {
    pub(crate) fn new(candidate: Candidate, admitted_at: TimestampMs, sequence: u64) -> Self {
        Self {
            feerate: candidate.feerate(),
            deadline: candidate.deadline(),
            tx: candidate.tx,
            txid: candidate.txid,
            wtxid: candidate.wtxid,
            mass: candidate.mass,
            size_bytes: candidate.size_bytes,
            admitted_at,
            sequence,
        }
    }

    pub(crate) fn fee(&self) -> Amount {
        self.tx.core.fee
    }

    pub(crate) fn outpoints(&self) -> impl Iterator<Item = OutPoint> + '_ {
        self.tx.core.inputs.iter().map(|input| input.outpoint)
    }
}
