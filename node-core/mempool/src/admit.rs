//! Admission: from a verified transaction to a waiting one.

use umbel_ledger::IsolatedTx;
use umbel_types::consensus_api::ConsensusApi;
use umbel_types::errors::TxContextError;
use umbel_types::{TimestampMs, TxId};

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

/// Whether an admitted transaction is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It waits from now on: tell the peers.
    New,
    /// The same bytes waited already.
    Known,
    /// The same transaction waits with another witness, which came first and stays.
    KnownWithOtherWitness,
}

impl Mempool {
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
        let txid = candidate.txid;
        if let Some(known) = self.pool.get(txid) {
            let same = known.wtxid == candidate.wtxid;
            let outcome = if same { Outcome::Known } else { Outcome::KnownWithOtherWitness };
            return Ok(Admission { txid, outcome, removed: Vec::new() });
        }
        let refuse = |kind| MempoolError { txid, kind };
        // Cheap first: the state is read last, and nothing changes before every check has passed.
        let conflicts = check_replacement(&candidate, &self.pool, &self.limits).map_err(refuse)?;
        let evicted = self.plan_eviction(&candidate, &conflicts).map_err(refuse)?;
        self.check_context(&candidate, consensus).map_err(refuse)?;

        let replaced = conflicts.txids.iter().map(|id| (*id, RemovalReason::Replaced { by: txid }));
        let leaving: Vec<_> = replaced.chain(evicted.into_iter().map(|id| (id, RemovalReason::Evicted))).collect();
        let removed = leaving.into_iter().filter_map(|(id, reason)| self.take_out(id, reason)).collect();
        let sequence = self.pool.next_sequence();
        self.pool.insert(Entry::new(candidate, now, sequence));
        Ok(Admission { txid, outcome: Outcome::New, removed })
    }

    /// The rules that need state, with a clearer error where the pool knows more than the state.
    fn check_context(&self, candidate: &Candidate, consensus: &dyn ConsensusApi) -> Result<(), MempoolErrorKind> {
        let error = match consensus.check_tx_in_virtual_context(&candidate.tx.core) {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => error,
            Err(error) => return Err(MempoolErrorKind::Unavailable(error)),
        };
        if let TxContextError::InputMissing(outpoint) = error {
            if self.recent.contains(candidate.txid) {
                return Err(MempoolErrorKind::AlreadyAccepted);
            }
            let parent = TxId::from(outpoint.source);
            if self.contains(parent) {
                return Err(MempoolErrorKind::SpendsUnaccepted { outpoint, parent });
            }
        }
        Err(MempoolErrorKind::Context(error))
    }

    /// Who leaves a full pool for the candidate: the cheapest, but none that pays as much.
    fn plan_eviction(&self, candidate: &Candidate, conflicts: &Conflicts) -> Result<Vec<TxId>, MempoolErrorKind> {
        let mut count = self.pool.len() - conflicts.txids.len() + 1;
        let mut bytes = self.pool.bytes() - conflicts.bytes + candidate.size_bytes;
        let fits = |count: usize, bytes: usize| count <= self.limits.max_txs && bytes <= self.limits.max_bytes;
        let mut leaving = Vec::new();
        let mut cheapest = self.pool.cheapest_first().filter(|entry| !conflicts.txids.contains(&entry.txid));
        while !fits(count, bytes) {
            let floor = match cheapest.next() {
                Some(entry) if entry.feerate < candidate.feerate() => {
                    leaving.push(entry.txid);
                    count -= 1;
                    bytes -= entry.size_bytes;
                    continue;
                }
                Some(entry) => entry.feerate,
                // Even an empty pool has no room for it.
                None => candidate.feerate(),
            };
            return Err(MempoolErrorKind::PoolFull { floor });
        }
        Ok(leaving)
    }

    /// Takes a transaction out of the pool and says why.
    pub(crate) fn take_out(&mut self, txid: TxId, reason: RemovalReason) -> Option<Removed> {
        self.pool.remove(txid).map(|_| Removed { txid, reason })
    }
}
