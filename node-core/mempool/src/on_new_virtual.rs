//! Following the selected chain: what was accepted leaves, what it made impossible leaves, what a reorganisation took
//! back returns.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::mem;
use std::sync::Arc;

use umbel_types::consensus_api::{AcceptanceData, ConsensusApi, ConsensusError};
use umbel_types::errors::TxContextError;
use umbel_types::params::EXPIRY_MARGIN_S;
use umbel_types::{BlockHash, OutPoint, TimestampMs, TxId};

use crate::conflict::ConflictKey;
use crate::entry::Candidate;
use crate::error::{MempoolErrorKind, Retry, retry_of};
use crate::pool::Mempool;
use crate::recent::{Paid, RecentlyAccepted};
use crate::removed::{RemovalReason, Removed};

/// Chain blocks that are looked at in one step: two seconds at the highest rate.
const PATH_STEP: usize = 64;
/// Most transactions of removed chain blocks that are kept to be admitted again: a tenth of a pool. The oldest are kept:
/// they had been relied on longest, and no child is kept without its parent. What is beyond is offered again by its
/// wallet.
const MAX_TAKEN_BACK: usize = 2_000;
/// Most memory that they take, in bytes: an eighth of a pool.
const MAX_TAKEN_BACK_BYTES: usize = 8 * 1024 * 1024;
/// Most transactions that expire in one call, so that no call takes long.
const MAX_EXPIRED_AT_ONCE: usize = 1_000;

/// What changed in the pool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Update {
    /// Transactions that left, in the order in which they did.
    pub removed: Vec<Removed>,
    /// Transactions of removed chain blocks that wait again.
    pub readmitted: Vec<TxId>,
    /// Transactions of removed chain blocks that can't wait again, and why.
    pub lost: Vec<Removed>,
}

/// Work of a call that failed half-way; the next call goes on with it.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    update: Update,
    /// Newest first.
    taken_back: VecDeque<Candidate>,
    taken_back_bytes: usize,
    /// What consumes the outputs that `taken_back` consumes, on the chain as it is now.
    spent_by: BTreeMap<OutPoint, TxId>,
    /// Transactions whose context has to be checked again.
    pub(crate) suspects: BTreeSet<TxId>,
}

impl Pending {
    fn take_back(&mut self, candidates: Vec<Candidate>) {
        for candidate in candidates {
            self.taken_back_bytes += candidate.held_bytes;
            self.taken_back.push_back(candidate);
            while self.taken_back.len() > MAX_TAKEN_BACK || self.taken_back_bytes > MAX_TAKEN_BACK_BYTES {
                let newest = self.taken_back.pop_front();
                self.taken_back_bytes -= newest.map_or(0, |newest| newest.held_bytes);
            }
        }
    }
}

impl Mempool {
    /// Follows the selected chain to the newest virtual state. Call it whenever there is one, and before asking what
    /// became of a transaction.
    ///
    /// # Errors
    /// Consensus could not be read. Nothing is lost: the next call goes on, and reports what this one did.
    pub fn on_new_virtual(&mut self, consensus: &dyn ConsensusApi, now: TimestampMs) -> Result<Update, ConsensusError> {
        self.follow(consensus, now)?;
        self.readmit(consensus, now)?;
        let virtual_state = consensus.virtual_state();
        let margin = self.params.daa_of_seconds(EXPIRY_MARGIN_S);
        let past_deadline = self.pool.past_deadline(virtual_state.daa_score.saturating_add(margin));
        self.pending.suspects.extend(past_deadline);
        self.pending.suspects.extend(self.pool.blocked());
        self.recheck(consensus)?;
        self.expire(now);
        Ok(mem::take(&mut self.pending.update))
    }

    /// Checks again, after following the chain, what a template could not use, and drops what no longer fits.
    ///
    /// # Errors
    /// As [`Mempool::on_new_virtual`].
    pub fn settle_rejected(
        &mut self,
        rejected: impl IntoIterator<Item = TxId>,
        consensus: &dyn ConsensusApi,
        now: TimestampMs,
    ) -> Result<Update, ConsensusError> {
        self.pending.suspects.extend(rejected);
        self.on_new_virtual(consensus, now)
    }

    fn follow(&mut self, consensus: &dyn ConsensusApi, now: TimestampMs) -> Result<(), ConsensusError> {
        let Some(mut cursor) = self.cursor else {
            self.lose_track(consensus);
            return Ok(());
        };
        loop {
            let Some(path) = if_here(consensus.chain_path(cursor, PATH_STEP))? else {
                self.lose_track(consensus);
                return Ok(());
            };
            if let Some(next) = path.removed.get(PATH_STEP) {
                // A deep reorganisation: downwards first, in steps, so that memory stays bounded.
                cursor = *next;
                self.step(consensus, &path.removed[..PATH_STEP], &[], now)?;
                self.cursor = Some(cursor);
                continue;
            }
            self.step(consensus, &path.removed, &path.added, now)?;
            match path.added.last() {
                Some(newest) => cursor = *newest,
                // The sink lies on the chain that was known.
                None if !path.removed.is_empty() => cursor = consensus.virtual_state().sink,
                None => {}
            }
            self.cursor = Some(cursor);
            if path.added.len() < PATH_STEP {
                return Ok(());
            }
        }
    }

    /// Everything of a step is read before anything of it is applied.
    fn step(
        &mut self,
        consensus: &dyn ConsensusApi,
        removed: &[BlockHash],
        added: &[BlockHash],
        now: TimestampMs,
    ) -> Result<(), ConsensusError> {
        let read = |block: &BlockHash| if_here(consensus.acceptance(*block));
        let removed = removed.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let added = added.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        if removed.iter().chain(&added).any(Option::is_none) {
            self.check_everything_again();
        }
        let mut taken_back = Vec::with_capacity(removed.len());
        for acceptance in removed.iter().flatten() {
            let mut carried = carried(consensus, acceptance)?;
            let newest_first = acceptance.accepted.iter().rev();
            taken_back.extend(newest_first.filter_map(|accepted| carried.remove(&accepted.txid)));
        }
        let is_watched = !self.pool.is_empty() || !taken_back.is_empty() || !self.pending.taken_back.is_empty();
        let mut bodies = Vec::with_capacity(added.len());
        for acceptance in added.iter().flatten() {
            let is_known = acceptance.accepted.iter().all(|accepted| self.contains(accepted.txid));
            let is_of_use = is_watched || self.recent.is_in_window(acceptance.timestamp, now);
            bodies.push(if is_of_use && !is_known { carried(consensus, acceptance)? } else { BTreeMap::new() });
        }
        for acceptance in removed.iter().flatten() {
            self.apply_removed_chain_block(acceptance);
        }
        self.pending.take_back(taken_back);
        for (acceptance, bodies) in added.iter().flatten().zip(bodies) {
            self.apply_chain_block(acceptance, bodies, now);
        }
        Ok(())
    }

    /// Starts from the sink: nothing is known of what happened before it, so everything is checked again.
    fn lose_track(&mut self, consensus: &dyn ConsensusApi) {
        self.cursor = Some(consensus.virtual_state().sink);
        self.check_everything_again();
    }

    /// What was accepted may have been taken back unseen: saying "accepted" of it would keep its sender from offering it
    /// again.
    fn check_everything_again(&mut self) {
        self.pending.suspects.extend(self.pool.all());
        self.recent = RecentlyAccepted::default();
    }

    /// What it accepted is accepted no longer; what consumes an output that it brought is checked again.
    fn apply_removed_chain_block(&mut self, acceptance: &AcceptanceData) {
        for accepted in &acceptance.accepted {
            self.recent.take_back(accepted.txid);
        }
        for (outpoint, _) in &acceptance.removed {
            self.pending.spent_by.remove(outpoint);
        }
        let spenders =
            acceptance.added.iter().filter_map(|(outpoint, _)| self.pool.holder_of(ConflictKey::Output(*outpoint)));
        self.pending.suspects.extend(spenders);
    }

    /// What it accepted leaves, then what consumes the same outputs. `bodies` holds at least what it accepted and the
    /// pool does not know.
    fn apply_chain_block(
        &mut self,
        acceptance: &AcceptanceData,
        mut bodies: BTreeMap<TxId, Candidate>,
        now: TimestampMs,
    ) {
        let mut spent_by: BTreeMap<OutPoint, TxId> = BTreeMap::new();
        for accepted in &acceptance.accepted {
            let txid = accepted.txid;
            let waited = self.pool.remove(txid);
            let carried = bodies.remove(&txid);
            let paid = match (&waited, &carried) {
                (Some(entry), _) => Some(Paid::new(entry.feerate, entry.size_bytes, entry.state_bytes)),
                (None, Some(tx)) => Some(Paid::new(tx.feerate(), tx.size_bytes, tx.state_bytes)),
                (None, None) => None,
            };
            let tx = waited.as_ref().map(|entry| &entry.tx).or(carried.as_ref().map(|tx| &tx.tx));
            spent_by.extend(tx.iter().flat_map(|tx| &tx.core.inputs).map(|input| (input.outpoint, txid)));
            // What uses the same object may be stale now.
            let keys = tx.and_then(|tx| ConflictKey::of_action(&tx.core.action));
            self.pending.suspects.extend(keys.and_then(|key| self.pool.holder_of(key)));
            self.recent.push(txid, acceptance.timestamp.min(now), paid);
            if waited.is_some() {
                let reason = RemovalReason::Accepted { chain_block: acceptance.block };
                self.pending.update.removed.push(Removed { txid, reason });
            }
        }
        for (outpoint, _) in &acceptance.removed {
            let Some(txid) = self.pool.holder_of(ConflictKey::Output(*outpoint)) else { continue };
            let reason = match spent_by.get(outpoint) {
                Some(by) => RemovalReason::Conflicted { by: *by },
                None => RemovalReason::Stale { error: TxContextError::InputMissing(*outpoint) },
            };
            let removed = self.take_out(txid, reason);
            self.pending.update.removed.extend(removed);
        }
        if !self.pending.taken_back.is_empty() {
            let wanted: BTreeSet<OutPoint> = self.pending.taken_back.iter().flat_map(Candidate::outpoints).collect();
            spent_by.retain(|outpoint, _| wanted.contains(outpoint));
            self.pending.spent_by.append(&mut spent_by);
        }
    }

    /// Admits again what removed chain blocks had accepted and no added one has.
    fn readmit(&mut self, consensus: &dyn ConsensusApi, now: TimestampMs) -> Result<(), ConsensusError> {
        // They were collected newest first: from the end, parents come before their children.
        while let Some(candidate) = self.pending.taken_back.back().cloned() {
            let (txid, held_bytes) = (candidate.txid, candidate.held_bytes);
            if !self.recent.contains(txid) && !self.contains(txid) {
                match self.admit_candidate(candidate.clone(), consensus, now) {
                    Ok(admission) => {
                        self.pending.update.removed.extend(admission.removed);
                        self.pending.update.readmitted.push(txid);
                    }
                    Err(error) => self.put_back_or_lose(candidate, error.kind, consensus, now)?,
                }
            }
            self.pending.taken_back.pop_back();
            self.pending.taken_back_bytes -= held_bytes;
        }
        self.pending.spent_by.clear();
        Ok(())
    }

    fn put_back_or_lose(
        &mut self,
        candidate: Candidate,
        kind: MempoolErrorKind,
        consensus: &dyn ConsensusApi,
        now: TimestampMs,
    ) -> Result<(), ConsensusError> {
        let txid = candidate.txid;
        let error = match kind {
            MempoolErrorKind::Unavailable(error) => return Err(error),
            // It stands in the chain after all.
            MempoolErrorKind::AlreadyAccepted => return Ok(()),
            MempoolErrorKind::Conflict { by, .. } => {
                self.pending.update.lost.push(Removed { txid, reason: RemovalReason::Replaced { by } });
                return Ok(());
            }
            MempoolErrorKind::TooManyConflicts { .. }
            | MempoolErrorKind::PoolFull { .. }
            | MempoolErrorKind::LargerThanPool => {
                self.pending.update.lost.push(Removed { txid, reason: RemovalReason::Evicted });
                return Ok(());
            }
            MempoolErrorKind::SpendsUnaccepted { outpoint, .. } | MempoolErrorKind::InBlock { outpoint } => {
                TxContextError::InputMissing(outpoint)
            }
            MempoolErrorKind::Context(error) => error,
        };
        let by = match &error {
            TxContextError::InputMissing(outpoint) => self.pending.spent_by.get(outpoint).copied(),
            _ => None,
        };
        match self.put_back_blocked(candidate, &error, consensus, now)? {
            Some(removed) => {
                self.pending.update.removed.extend(removed);
                self.pending.update.readmitted.push(txid);
            }
            None => {
                let reason = by.map_or_else(|| stale(error), |by| RemovalReason::Conflicted { by });
                self.pending.update.lost.push(Removed { txid, reason });
            }
        }
        Ok(())
    }

    fn recheck(&mut self, consensus: &dyn ConsensusApi) -> Result<(), ConsensusError> {
        while let Some(txid) = self.pending.suspects.first().copied() {
            if let Some(entry) = self.pool.get(txid) {
                match consensus.check_tx_in_virtual_context(&entry.tx.core)? {
                    Ok(()) => self.pool.set_blocked(txid, false),
                    Err(error) if self.may_wait_for(&error, consensus)? => self.pool.set_blocked(txid, true),
                    Err(error) => {
                        let removed = self.take_out(txid, stale(error));
                        self.pending.update.removed.extend(removed);
                    }
                }
            }
            self.pending.suspects.remove(&txid);
        }
        Ok(())
    }

    /// Whether time, the pool itself or the next chain block can mend a waiting transaction: a reorganisation put it
    /// before its time, or took back its parent, which waits too, or a block carries what consumes its input, which may
    /// be itself.
    pub(crate) fn may_wait_for(
        &self,
        error: &TxContextError,
        consensus: &dyn ConsensusApi,
    ) -> Result<bool, ConsensusError> {
        match error {
            TxContextError::InputMissing(outpoint) => {
                Ok(self.contains(TxId::from(outpoint.source)) || consensus.utxo(*outpoint)?.is_some())
            }
            error => Ok(retry_of(error) == Retry::Later),
        }
    }

    fn expire(&mut self, now: TimestampMs) {
        let before = now.saturating_sub(self.limits.expiry_ms);
        for txid in self.pool.arrived_before(before, MAX_EXPIRED_AT_ONCE) {
            let removed = self.take_out(txid, RemovalReason::Expired);
            self.pending.update.removed.extend(removed);
        }
    }
}

fn stale(error: TxContextError) -> RemovalReason {
    match error {
        TxContextError::Expired { .. } => RemovalReason::Expired,
        error => RemovalReason::Stale { error },
    }
}

/// `None` for what was pruned, is damaged, or never was on the chain here.
fn if_here<T>(result: Result<T, ConsensusError>) -> Result<Option<T>, ConsensusError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(ConsensusError::UnknownBlock(_) | ConsensusError::Pruned(_) | ConsensusError::DamagedBody { .. }) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// What a chain block accepted, as the blocks that count for it carry it; without what is no longer here. Each block is
/// read once.
fn carried(
    consensus: &dyn ConsensusApi,
    acceptance: &AcceptanceData,
) -> Result<BTreeMap<TxId, Candidate>, ConsensusError> {
    let mut accepted: BTreeMap<BlockHash, BTreeSet<TxId>> = BTreeMap::new();
    for one in &acceptance.accepted {
        accepted.entry(one.block).or_default().insert(one.txid);
    }
    let mut carried = BTreeMap::new();
    for (hash, txids) in accepted {
        let Some(block) = if_here(consensus.block(hash))? else { continue };
        let candidates = block.body.txs.into_iter().map(|tx| Candidate::of(Arc::new(tx)));
        carried.extend(candidates.filter(|tx| txids.contains(&tx.txid)).map(|tx| (tx.txid, tx)));
    }
    Ok(carried)
}
