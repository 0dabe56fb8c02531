//! Admission: from a verified transaction to a waiting one.

use std::sync::Arc;

use umbel_ledger::IsolatedTx;
use umbel_types::consensus_api::{ConsensusApi, ConsensusError};
use umbel_types::errors::TxContextError;
use umbel_types::params::MIN_FEE_PER_MASS;
use umbel_types::{OutPoint, TimestampMs, Transaction, TxId};

use crate::entry::{Candidate, Entry};
use crate::error::{MempoolError, MempoolErrorKind};
use crate::pool::Mempool;
use crate::removed::{RemovalReason, Removed};
use crate::replace::{Conflicts, check_replacement};

/// A transaction waits now, and what had to leave for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// The transaction.
    pub txid: TxId,
    /// Whether it is new.
    pub outcome: Outcome,
    /// What it replaced, and what left a full pool for it.
    pub removed: Vec<Removed>,
}

/// Whether a transaction is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It did not wait before.
    New,
    /// The same bytes waited already.
    Known,
    /// The same transaction waits with another witness, which came first and stays.
    KnownWithOtherWitness,
}

/// What has to leave for a candidate.
struct Displaced {
    replaced: Conflicts,
    evicted: Vec<TxId>,
}

impl Mempool {
    /// Looks at what is cheap before anyone verifies a proof: whether the transaction waits already, what it pays, whether
    /// there is room, and its inputs. Nothing about `tx` has to be verified, nothing is remembered of it, and nothing
    /// changes. [`Mempool::admit`] looks again.
    ///
    /// # Errors
    /// Why [`Mempool::admit`] would refuse it now.
    pub fn consider(&self, tx: &Arc<Transaction>, consensus: &dyn ConsensusApi) -> Result<Outcome, MempoolError> {
        let candidate = Candidate::of(Arc::clone(tx));
        self.weigh(&candidate, consensus).map(|(outcome, _)| outcome)
    }

    /// Takes a transaction that keeps every rule of isolation. Offering one again changes nothing.
    ///
    /// # Errors
    /// [`MempoolError`]; the pool is then as it was.
    pub fn admit(
        &mut self,
        isolated: IsolatedTx,
        consensus: &dyn ConsensusApi,
        now: TimestampMs,
    ) -> Result<Admission, MempoolError> {
        self.admit_candidate(isolated.into(), consensus, now)
    }

    pub(crate) fn admit_candidate(
        &mut self,
        candidate: Candidate,
        consensus: &dyn ConsensusApi,
        now: TimestampMs,
    ) -> Result<Admission, MempoolError> {
        let (outcome, displaced) = self.weigh(&candidate, consensus)?;
        let txid = candidate.txid;
        let removed = match outcome {
            Outcome::New => {
                if self.cursor != Some(consensus.virtual_state().sink) {
                    // It was judged by a chain that the pool has yet to follow, and may never see if it is left again.
                    self.pending.suspects.insert(txid);
                }
                self.put(candidate, displaced, now)
            }
            Outcome::Known | Outcome::KnownWithOtherWitness => Vec::new(),
        };
        Ok(Admission { txid, outcome, removed })
    }

    /// Takes what a reorganisation took back although `error` stands against it, which its parent's return can mend.
    /// Returns what left for it; `None` if it may not wait.
    pub(crate) fn put_back_blocked(
        &mut self,
        candidate: Candidate,
        error: &TxContextError,
        consensus: &dyn ConsensusApi,
        now: TimestampMs,
    ) -> Result<Option<Vec<Removed>>, ConsensusError> {
        if !self.may_wait_for(error, consensus)? {
            return Ok(None);
        }
        let Ok(displaced) = self.plan_room(&candidate) else { return Ok(None) };
        let txid = candidate.txid;
        let removed = self.put(candidate, displaced, now);
        self.pool.set_blocked(txid, true);
        Ok(Some(removed))
    }

    /// Every check, cheap ones first: the state is read last.
    fn weigh(&self, candidate: &Candidate, consensus: &dyn ConsensusApi) -> Result<(Outcome, Displaced), MempoolError> {
        let txid = candidate.txid;
        let refuse = |kind| MempoolError { txid, kind };
        if let Some(known) = self.pool.get(txid) {
            let same = known.wtxid == candidate.wtxid;
            let outcome = if same { Outcome::Known } else { Outcome::KnownWithOtherWitness };
            return Ok((outcome, Displaced { replaced: Conflicts::default(), evicted: Vec::new() }));
        }
        if self.recent.contains(txid) {
            return Err(refuse(MempoolErrorKind::AlreadyAccepted));
        }
        let displaced = self.plan_room(candidate).map_err(refuse)?;
        self.check_context(candidate, consensus).map_err(refuse)?;
        Ok((Outcome::New, displaced))
    }

    fn plan_room(&self, candidate: &Candidate) -> Result<Displaced, MempoolErrorKind> {
        let replaced = check_replacement(candidate, &self.pool, &self.limits)?;
        let evicted = self.plan_eviction(candidate, &replaced)?;
        Ok(Displaced { replaced, evicted })
    }

    fn put(&mut self, candidate: Candidate, displaced: Displaced, now: TimestampMs) -> Vec<Removed> {
        let by = candidate.txid;
        let replaced = displaced.replaced.txids.into_iter().map(|id| (id, RemovalReason::Replaced { by }));
        let evicted = displaced.evicted.into_iter().map(|id| (id, RemovalReason::Evicted));
        let removed = replaced.chain(evicted).filter_map(|(id, reason)| self.take_out(id, reason)).collect();
        let sequence = self.pool.next_sequence();
        self.pool.insert(Entry::new(candidate, now, sequence));
        removed
    }

    /// The rules that need state, with a clearer error where the pool knows more than the state.
    fn check_context(&self, candidate: &Candidate, consensus: &dyn ConsensusApi) -> Result<(), MempoolErrorKind> {
        let unavailable = MempoolErrorKind::Unavailable;
        let error = match consensus.check_tx_in_virtual_context(&candidate.tx.core).map_err(unavailable)? {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        if let TxContextError::InputMissing(outpoint) = error {
            if leaves_an_output(candidate, consensus).map_err(unavailable)? {
                return Err(MempoolErrorKind::AlreadyAccepted);
            }
            let parent = TxId::from(outpoint.source);
            if self.contains(parent) {
                return Err(MempoolErrorKind::SpendsUnaccepted { outpoint, parent });
            }
            // Unspent for the chain, and spent in what the next block merges.
            if consensus.utxo(outpoint).map_err(unavailable)?.is_some() {
                return Err(MempoolErrorKind::InBlock { outpoint });
            }
        }
        Err(MempoolErrorKind::Context(error))
    }

    /// Who leaves a full pool for the candidate: the cheapest, and none whose place it does not outbid.
    ///
    /// # Rule
    /// > A transaction enters a full pool if it pays, for each unit of its mass, at least one base unit more than each
    /// > transaction that has to leave for it. (docs/spec/mempool.md M3)
    ///
    /// By less, two coins that take turns in pushing each other out would have any number of transactions relayed for
    /// the price of one.
    fn plan_eviction(&self, candidate: &Candidate, conflicts: &Conflicts) -> Result<Vec<TxId>, MempoolErrorKind> {
        let mut count = self.pool.len() - conflicts.txids.len() + 1;
        let mut held = self.pool.held_bytes() - conflicts.held_bytes + candidate.held_bytes;
        let fits = |count: usize, held: usize| count <= self.limits.max_txs && held <= self.limits.max_held_bytes;
        let mut leaving = Vec::new();
        let mut dearest = None;
        let mut cheapest = self.pool.cheapest_first().filter(|entry| !conflicts.txids.contains(&entry.txid));
        while !fits(count, held) {
            let Some(entry) = cheapest.next() else { return Err(MempoolErrorKind::LargerThanPool) };
            leaving.push(entry.txid);
            dearest = Some(entry.feerate);
            count -= 1;
            held -= entry.held_bytes;
        }
        match dearest.map(|rate| rate.fee_above(MIN_FEE_PER_MASS, candidate.mass)) {
            Some(needed) if candidate.fee() < needed => Err(MempoolErrorKind::PoolFull { needed }),
            Some(_) | None => Ok(leaving),
        }
    }

    /// Takes a transaction out of the pool and says why.
    pub(crate) fn take_out(&mut self, txid: TxId, reason: RemovalReason) -> Option<Removed> {
        self.pool.remove(txid).map(|_| Removed { txid, reason })
    }
}

/// Whether one of its outputs is unspent: then it was accepted, however long ago.
fn leaves_an_output(candidate: &Candidate, consensus: &dyn ConsensusApi) -> Result<bool, ConsensusError> {
    for (index, _) in (0..).zip(&candidate.tx.core.outputs) {
        if consensus.utxo(OutPoint::of_tx(candidate.txid, index))?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}
