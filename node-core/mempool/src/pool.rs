//! The transactions and their indexes.

use core::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use umbel_types::{BlockHash, DaaScore, Params, TimestampMs, Transaction, TxId, WtxId};

use crate::conflict::ConflictKey;
use crate::entry::Entry;
use crate::feerate::Feerate;
use crate::limits::Limits;
use crate::on_new_virtual::Pending;
use crate::recent::RecentlyAccepted;

/// Transactions that wait for a block.
#[derive(Debug)]
pub struct Mempool {
    pub(crate) params: Params,
    pub(crate) limits: Limits,
    pub(crate) pool: Pool,
    pub(crate) recent: RecentlyAccepted,
    /// Chain block up to which the pool has followed; none before the first virtual state.
    pub(crate) cursor: Option<BlockHash>,
    pub(crate) pending: Pending,
}

/// Figures for people and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolStats {
    /// Transactions.
    pub count: usize,
    /// Bytes of their encodings.
    pub bytes: usize,
    /// Memory that they and their indexes take, in bytes, rounded up.
    pub held_bytes: usize,
}

impl Mempool {
    /// An empty pool.
    pub fn new(params: &Params, limits: Limits) -> Self {
        Self {
            params: params.clone(),
            limits,
            pool: Pool::default(),
            recent: RecentlyAccepted::default(),
            cursor: None,
            pending: Pending::default(),
        }
    }

    /// Figures for people and metrics.
    pub fn stats(&self) -> PoolStats {
        PoolStats { count: self.pool.len(), bytes: self.pool.bytes, held_bytes: self.pool.held_bytes }
    }

    /// Whether a transaction waits here.
    pub fn contains(&self, txid: TxId) -> bool {
        self.pool.get(txid).is_some()
    }

    /// A transaction by the id of its core.
    pub fn get(&self, txid: TxId) -> Option<Arc<Transaction>> {
        self.pool.get(txid).map(|entry| Arc::clone(&entry.tx))
    }

    /// A transaction by the id under which peers ask for it.
    pub fn get_by_wtxid(&self, wtxid: WtxId) -> Option<Arc<Transaction>> {
        self.pool.by_wtxid.get(&wtxid).and_then(|txid| self.get(*txid))
    }

    /// The waiting transaction that uses what the key stands for.
    pub fn holder_of(&self, key: ConflictKey) -> Option<TxId> {
        self.pool.holder_of(key)
    }

    /// Ids of at most `limit` transactions, those that pay most first.
    pub fn ids(&self, limit: usize) -> Vec<(TxId, WtxId)> {
        self.pool.best_first().take(limit).map(|entry| (entry.txid, entry.wtxid)).collect()
    }
}

/// Entries with every index over them. Only [`Pool::insert`] and [`Pool::remove`] change any, so that they agree.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    entries: BTreeMap<TxId, Entry>,
    by_wtxid: BTreeMap<WtxId, TxId>,
    by_key: BTreeMap<ConflictKey, TxId>,
    /// Cheapest first, of equal ones the latest first: the order in which they leave a full pool.
    by_feerate: BTreeMap<(Feerate, Reverse<u64>), TxId>,
    by_arrival: BTreeSet<(TimestampMs, TxId)>,
    by_deadline: BTreeSet<(DaaScore, TxId)>,
    /// Those that can't stand in the next block and wait for what can mend that: their parent's acceptance, their time,
    /// or the chain block that decides about an input. No template takes them.
    blocked: BTreeSet<TxId>,
    bytes: usize,
    held_bytes: usize,
    sequence: u64,
}

impl Pool {
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    pub(crate) fn get(&self, txid: TxId) -> Option<&Entry> {
        self.entries.get(&txid)
    }

    pub(crate) fn holder_of(&self, key: ConflictKey) -> Option<TxId> {
        self.by_key.get(&key).copied()
    }

    pub(crate) fn is_blocked(&self, txid: TxId) -> bool {
        self.blocked.contains(&txid)
    }

    pub(crate) fn blocked(&self) -> &BTreeSet<TxId> {
        &self.blocked
    }

    /// Says whether a waiting transaction can stand in the next block.
    pub(crate) fn set_blocked(&mut self, txid: TxId, blocked: bool) {
        if blocked && self.entries.contains_key(&txid) {
            self.blocked.insert(txid);
        } else {
            self.blocked.remove(&txid);
        }
    }

    /// The next number in the order of admission.
    pub(crate) fn next_sequence(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    pub(crate) fn best_first(&self) -> impl Iterator<Item = &Entry> {
        self.by_feerate.values().rev().filter_map(|txid| self.entries.get(txid))
    }

    pub(crate) fn cheapest_first(&self) -> impl Iterator<Item = &Entry> {
        self.by_feerate.values().filter_map(|txid| self.entries.get(txid))
    }

    /// Ids of those that came before `time`, at most `limit`.
    pub(crate) fn arrived_before(&self, time: TimestampMs, limit: usize) -> Vec<TxId> {
        self.by_arrival.iter().take_while(|(at, _)| *at < time).take(limit).map(|(_, txid)| *txid).collect()
    }

    /// Ids of those whose first upper time bound is over at `score`.
    pub(crate) fn past_deadline(&self, score: DaaScore) -> Vec<TxId> {
        self.by_deadline.iter().take_while(|(end, _)| *end <= score).map(|(_, txid)| *txid).collect()
    }

    pub(crate) fn all(&self) -> Vec<TxId> {
        self.entries.keys().copied().collect()
    }

    /// Adds an entry. The caller has removed whatever conflicts with it.
    pub(crate) fn insert(&mut self, entry: Entry) {
        debug_assert!(!self.entries.contains_key(&entry.txid), "known transactions are not inserted again");
        for key in entry.keys() {
            let other = self.by_key.insert(key, entry.txid);
            debug_assert!(other.is_none(), "conflicts are removed before");
        }
        self.by_wtxid.insert(entry.wtxid, entry.txid);
        self.by_feerate.insert((entry.feerate, Reverse(entry.sequence)), entry.txid);
        self.by_arrival.insert((entry.admitted_at, entry.txid));
        self.by_deadline.extend(entry.deadline.map(|end| (end, entry.txid)));
        self.bytes += entry.size_bytes;
        self.held_bytes += entry.held_bytes;
        self.entries.insert(entry.txid, entry);
    }

    /// Takes an entry out.
    pub(crate) fn remove(&mut self, txid: TxId) -> Option<Entry> {
        let entry = self.entries.remove(&txid)?;
        for key in entry.keys() {
            self.by_key.remove(&key);
        }
        self.by_wtxid.remove(&entry.wtxid);
        self.by_feerate.remove(&(entry.feerate, Reverse(entry.sequence)));
        self.by_arrival.remove(&(entry.admitted_at, txid));
        if let Some(end) = entry.deadline {
            self.by_deadline.remove(&(end, txid));
        }
        self.blocked.remove(&txid);
        self.bytes -= entry.size_bytes;
        self.held_bytes -= entry.held_bytes;
        Some(entry)
    }

    /// Panics unless every index agrees with the entries.
    #[cfg(any(test, feature = "test-util"))]
    pub(crate) fn assert_consistent(&self) {
        let entries = || self.entries.values();
        assert!(self.entries.iter().all(|(txid, e)| *txid == e.txid && e.txid == e.tx.txid()));
        assert_eq!(self.by_key.len(), entries().map(|e| e.keys().count()).sum::<usize>(), "no two share a key");
        assert!(self.by_key.iter().all(|(key, id)| self.entries[id].keys().any(|own| own == *key)));
        assert_eq!(self.by_wtxid.len(), self.len());
        assert!(self.by_wtxid.iter().all(|(wtxid, id)| self.entries[id].wtxid == *wtxid));
        assert_eq!(self.by_feerate.len(), self.len());
        assert!(self.by_feerate.iter().all(|((rate, _), id)| self.entries[id].feerate == *rate));
        assert_eq!(self.by_arrival.len(), self.len());
        assert!(self.by_arrival.iter().all(|(at, id)| self.entries[id].admitted_at == *at));
        assert_eq!(self.by_deadline.len(), entries().filter(|e| e.deadline.is_some()).count());
        assert!(self.by_deadline.iter().all(|(end, id)| self.entries[id].deadline == Some(*end)));
        assert!(self.blocked.iter().all(|id| self.entries.contains_key(id)));
        assert_eq!(self.bytes, entries().map(|e| e.tx.size_bytes()).sum::<usize>());
        assert_eq!(self.held_bytes, entries().map(|e| crate::entry::held_bytes(&e.tx)).sum::<usize>());
    }
}
