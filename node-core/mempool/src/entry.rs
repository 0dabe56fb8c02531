//! A transaction as the pool holds it.

use std::mem::size_of;
use std::sync::Arc;

use umbel_ledger::IsolatedTx;
use umbel_ledger::mass::{mass, state_bytes};
use umbel_types::tx::{InputWitness, LockBranch, OUTPUT_PROOF_BYTES};
use umbel_types::{
    Action, Amount, DaaScore, Encode, Input, OutPoint, Output, TimestampMs, Transaction, TxId, TxInput, WtxId,
};

use crate::conflict::ConflictKey;
use crate::feerate::Feerate;

/// What a transaction costs besides itself, in bytes: its entry and four keys with their ids in maps whose nodes are half
/// full at worst, and the allocations of its five lists.
const INDEX_BYTES: usize = 1_024;
/// The same for each conflict key: key and id.
const KEY_BYTES: usize = 192;
/// What an allocation costs besides its contents.
const ALLOCATION_BYTES: usize = 16;

/// A transaction whose proofs and signatures hold, or one that is only being considered. Entries are made from an
/// [`IsolatedTx`], or from the body of a block that was on the chain.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) tx: Arc<Transaction>,
    pub(crate) txid: TxId,
    pub(crate) wtxid: WtxId,
    pub(crate) mass: u64,
    pub(crate) state_bytes: u64,
    pub(crate) size_bytes: usize,
    pub(crate) held_bytes: usize,
}

impl From<IsolatedTx> for Candidate {
    fn from(isolated: IsolatedTx) -> Self {
        Self {
            tx: Arc::clone(isolated.tx()),
            txid: isolated.txid(),
            wtxid: isolated.wtxid(),
            mass: isolated.mass(),
            state_bytes: isolated.state_bytes(),
            size_bytes: isolated.size_bytes(),
            held_bytes: held_bytes(isolated.tx()),
        }
    }
}

impl Candidate {
    /// From a transaction of which nothing is known: for looking at what is cheap. From the body of a block that was on
    /// the chain: its proofs were verified when the block came.
    pub(crate) fn of(tx: Arc<Transaction>) -> Self {
        let size_bytes = tx.size_bytes();
        Self {
            txid: tx.txid(),
            wtxid: tx.wtxid(),
            mass: mass(&tx.core, size_bytes),
            state_bytes: state_bytes(&tx.core),
            size_bytes,
            held_bytes: held_bytes(&tx),
            tx,
        }
    }

    pub(crate) fn fee(&self) -> Amount {
        self.tx.core.fee
    }

    pub(crate) fn feerate(&self) -> Feerate {
        Feerate::new(self.fee(), self.mass)
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = ConflictKey> + '_ {
        ConflictKey::of(&self.tx.core)
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

/// Memory that a waiting transaction takes, in bytes: lists by the size of their elements, and what those point to by
/// the length of its encoding, which is never shorter than what it holds.
pub(crate) fn held_bytes(tx: &Transaction) -> usize {
    let Transaction { core, witness } = tx;
    let inputs = core.inputs.len() * (size_of::<TxInput>() + size_of::<InputWitness>() + KEY_BYTES);
    let outputs = core.outputs.len() * size_of::<Output>() + witness.outputs.len() * OUTPUT_PROOF_BYTES;
    let behind_inputs = core.inputs.iter().map(|input| match &input.consumed {
        Input::Coin { .. } => 0,
        Input::Memo { terms, branch: _ } => terms.to_bytes().len() + ALLOCATION_BYTES,
    });
    let behind_proofs = witness.inputs.iter().map(|proof| match proof {
        InputWitness::Coin(_) => 0,
        other => other.to_bytes().len() + ALLOCATION_BYTES,
    });
    let behind_outputs = core.outputs.iter().map(|output| match output {
        Output::Coin { coin, .. } => coin.note.as_bytes().len() + ALLOCATION_BYTES,
        Output::Memo(memo) => memo.to_bytes().len() + 2 * ALLOCATION_BYTES,
    });
    let behind_action = match core.action {
        Action::Transfer => 0,
        // Each part of an Action and of what its witness has for it that is not in place, evidence with two of its own.
        _ => KEY_BYTES + core.action.to_bytes().len() + witness.action.to_bytes().len() + 4 * ALLOCATION_BYTES,
    };
    let behind = behind_action
        + behind_inputs.chain(behind_proofs).chain(behind_outputs).sum::<usize>()
        + witness.range_proof.len();
    size_of::<Transaction>() + INDEX_BYTES + inputs + outputs + behind
}

/// A transaction in the pool.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) tx: Arc<Transaction>,
    pub(crate) txid: TxId,
    pub(crate) wtxid: WtxId,
    pub(crate) mass: u64,
    pub(crate) state_bytes: u64,
    pub(crate) size_bytes: usize,
    pub(crate) held_bytes: usize,
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
            state_bytes: candidate.state_bytes,
            size_bytes: candidate.size_bytes,
            held_bytes: candidate.held_bytes,
            admitted_at,
            sequence,
        }
    }

    pub(crate) fn fee(&self) -> Amount {
        self.tx.core.fee
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = ConflictKey> + '_ {
        ConflictKey::of(&self.tx.core)
    }
}
