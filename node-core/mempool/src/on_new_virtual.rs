//! Following the selected chain: what was accepted leaves, what it made impossible leaves, what a reorganisation took
//! back returns.

use std::collections::btree_map::Entry as MapEntry;
use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use umbel_types::consensus_api::{AcceptanceData, ConsensusApi, ConsensusError};
use umbel_types::errors::TxContextError;
use umbel_types::params::EXPIRY_MARGIN_S;
use umbel_types::{Block, BlockHash, OutPoint, TimestampMs, Transaction, TxId};

use crate::entry::Candidate;
use crate::error::{MempoolErrorKind, Retry, retry_of};
use crate::pool::Mempool;
use crate::recent::Paid;
use crate::removed::{RemovalReason, Removed};

/// Chain blocks that are asked for at once: two seconds at the highest rate.
const PATH_STEP: usize = 64;
/// Most transactions of removed chain blocks that are kept to be admitted again: a tenth of a pool. What is beyond is
/// offered again by its wallet.
const MAX_TAKEN_BACK: usize = 2_000;
/// Most transactions that expire in one call, so that no call takes long.
const MAX_EXPIRED_AT_ONCE: usize = 1_000;

/// What changed in the pool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Update {
    /// Transactions that left, in the order in which they did.
    pub removed: Vec<Removed>,
    /// Transactions of removed chain blocks that wait again.
    pub readmitted: Vec<TxId>,
}

/// Work of a call that failed half-way; the next call goes on with it.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    update: Update,
    taken_back: Vec<Candidate>,
    /// Transactions whose context has to be checked again.
    suspects: BTreeSet<TxId>,
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
        self.recheck(consensus)?;
        self.expire(now);
        self.recent.forget_old(now);
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
            // Everything of a step is read before anything of it is applied.
            let removed =
                path.removed.iter().map(|b| if_here(consensus.acceptance(*b))).collect::<Result<Vec<_>, _>>()?;
            let added = path.added.iter().map(|b| if_here(consensus.acceptance(*b))).collect::<Result<Vec<_>, _>>()?;
            let mut taken_back = Vec::new();
            for acceptance in removed.iter().flatten() {
                taken_back.extend(transactions_of(consensus, acceptance)?);
            }
            if removed.iter().chain(&added).any(Option::is_none) {
                self.pending.suspects.extend(self.pool.all());
            }
            for acceptance in removed.iter().flatten() {
                self.apply_removed_chain_block(acceptance);
            }
            let room = MAX_TAKEN_BACK.saturating_sub(self.pending.taken_back.len());
            self.pending.taken_back.extend(taken_back.into_iter().take(room));
            for acceptance in added.iter().flatten() {
                self.apply_chain_block(acceptance, consensus, now);
            }
            let is_last = path.added.len() < PATH_STEP;
            match path.added.last() {
                Some(newest) => cursor = *newest,
                // The sink lies on the chain that was known.
                None if !path.removed.is_empty() => cursor = consensus.virtual_state().sink,
                None => {}
            }
            self.cursor = Some(cursor);
            if is_last {
                return Ok(());
            }
        }
    }

    /// Starts from the sink: nothing is known of what happened before it, so everything is checked again.
    fn lose_track(&mut self, consensus: &dyn ConsensusApi) {
        self.cursor = Some(consensus.virtual_state().sink);
        self.pending.suspects.extend(self.pool.all());
    }

    /// What it accepted is accepted no longer; what consumes an output that it brought is checked again.
    fn apply_removed_chain_block(&mut self, acceptance: &AcceptanceData) {
        for accepted in &acceptance.accepted {
            self.recent.take_back(accepted.txid);
        }
        let spenders = acceptance.added.iter().filter_map(|(outpoint, _)| self.pool.spender_of(*outpoint));
        self.pending.suspects.extend(spenders);
    }

    /// What it accepted leaves, then what consumes the same outputs.
    fn apply_chain_block(&mut self, acceptance: &AcceptanceData, consensus: &dyn ConsensusApi, now: TimestampMs) {
        for accepted in &acceptance.accepted {
            let entry = self.pool.remove(accepted.txid);
            let paid = entry.as_ref().map(|e| Paid { per_mass: e.feerate.per_mass(), bytes: e.size_bytes as u64 });
            self.recent.push(accepted.txid, now, paid);
            if entry.is_some() {
                let reason = RemovalReason::Accepted { chain_block: acceptance.block };
                self.pending.update.removed.push(Removed { txid: accepted.txid, reason });
            }
        }
        for (outpoint, _) in &acceptance.removed {
            let Some(txid) = self.pool.spender_of(*outpoint) else { continue };
            let reason = match find_spender(consensus, acceptance, *outpoint) {
                Some(by) => RemovalReason::Conflicted { by },
                None => RemovalReason::Stale { error: TxContextError::InputMissing(*outpoint) },
            };
            let removed = self.take_out(txid, reason);
            self.pending.update.removed.extend(removed);
        }
    }

    /// Admits again what removed chain blocks had accepted and no added one has.
    fn readmit(&mut self, consensus: &dyn ConsensusApi, now: TimestampMs) -> Result<(), ConsensusError> {
        // They were collected newest first: from the end, parents come before their children.
        while let Some(candidate) = self.pending.taken_back.last() {
            let txid = candidate.txid;
            if !self.recent.contains(txid) && !self.contains(txid) {
                match self.admit_candidate(candidate.clone(), consensus, now) {
                    Ok(admission) => {
                        self.pending.update.removed.extend(admission.removed);
                        self.pending.update.readmitted.push(txid);
                    }
                    Err(error) => {
                        if let MempoolErrorKind::Unavailable(error) = error.kind {
                            return Err(error);
                        }
                    }
                }
            }
            self.pending.taken_back.pop();
        }
        Ok(())
    }

    fn recheck(&mut self, consensus: &dyn ConsensusApi) -> Result<(), ConsensusError> {
        while let Some(txid) = self.pending.suspects.first().copied() {
            if let Some(entry) = self.pool.get(txid)
                && let Err(error) = consensus.check_tx_in_virtual_context(&entry.tx.core)?
                && !self.may_wait_for(&error)
            {
                let reason = match error {
                    TxContextError::Expired { .. } => RemovalReason::Expired,
                    error => RemovalReason::Stale { error },
                };
                let removed = self.take_out(txid, reason);
                self.pending.update.removed.extend(removed);
            }
            self.pending.suspects.remove(&txid);
        }
        Ok(())
    }

    /// Whether time or the pool itself can mend a waiting transaction: a reorganisation put it before its time, or took
    /// back its parent, which waits too.
    fn may_wait_for(&self, error: &TxContextError) -> bool {
        match error {
            TxContextError::InputMissing(outpoint) => self.contains(TxId::from(outpoint.source)),
            error => retry_of(error) == Retry::Later,
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

/// `None` for what was pruned or never was on the chain here.
fn if_here<T>(result: Result<T, ConsensusError>) -> Result<Option<T>, ConsensusError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(ConsensusError::UnknownBlock(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What a chain block accepted, last first; without what is no longer here.
fn transactions_of(
    consensus: &dyn ConsensusApi,
    acceptance: &AcceptanceData,
) -> Result<Vec<Candidate>, ConsensusError> {
    let mut blocks: BTreeMap<BlockHash, Option<Block>> = BTreeMap::new();
    let mut candidates = Vec::new();
    for accepted in acceptance.accepted.iter().rev().take(MAX_TAKEN_BACK) {
        let block = match blocks.entry(accepted.block) {
            MapEntry::Occupied(known) => known.into_mut(),
            MapEntry::Vacant(unknown) => unknown.insert(if_here(consensus.block(accepted.block))?),
        };
        let Some(block) = block else { continue };
        let tx = block.body.txs.iter().find(|tx| tx.txid() == accepted.txid);
        candidates.extend(tx.cloned().map(Candidate::from_accepted));
    }
    Ok(candidates)
}

/// The accepted transaction that consumed `outpoint`, if its block is here.
fn find_spender(consensus: &dyn ConsensusApi, acceptance: &AcceptanceData, outpoint: OutPoint) -> Option<TxId> {
    let accepted: BTreeSet<TxId> = acceptance.accepted.iter().map(|a| a.txid).collect();
    let blocks: BTreeSet<BlockHash> = acceptance.accepted.iter().map(|a| a.block).collect();
    blocks.into_iter().filter_map(|hash| consensus.block(hash).ok()).find_map(|block| {
        let spends = |tx: &&Transaction| tx.core.inputs.iter().any(|i| i.outpoint == outpoint);
        block.body.txs.iter().filter(spends).map(|tx| tx.txid()).find(|txid| accepted.contains(txid))
    })
}
