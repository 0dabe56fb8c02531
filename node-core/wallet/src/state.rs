//! A wallet's memory: what its records add up to. Pure: no clock, no disk, no keys.

use std::collections::{BTreeMap, BTreeSet};

use umbel_types::consensus_api::BlockStatus;
use umbel_types::{Amount, AssetId, BlockHash, BlueScore, DaaScore, OutPoint, TimestampMs, TxId, TxInput};

use crate::coins::{Cursor, OwnedCoin, PaidTo};
use crate::history::EntryId;
use crate::locks::OwnLock;
use crate::payment::PaymentStage;
use crate::record::{ChainDelta, PaymentRecord, Received, Record, TxFact, bounded};

/// All that a wallet knows.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Memory {
    /// Labels by number; every number below the length was handed out.
    pub(crate) labels: Vec<String>,
    /// Internal addresses below this number are used.
    pub(crate) next_internal: u32,
    /// Unspent outputs, reserved ones included.
    pub(crate) coins: BTreeMap<OutPoint, OwnedCoin>,
    /// Own outputs that a reorganisation unmade, and that have not come back.
    pub(crate) unmade: BTreeSet<OutPoint>,
    /// Locks that name this wallet, spent ones included.
    pub(crate) locks: BTreeMap<OutPoint, OwnLock>,
    /// What came and went.
    pub(crate) facts: BTreeMap<EntryId, TxFact>,
    /// Facts by time.
    pub(crate) by_time: BTreeSet<(TimestampMs, EntryId)>,
    /// Which accepted transaction consumed an own output.
    pub(crate) spent_by: BTreeMap<OutPoint, EntryId>,
    /// Payments by number.
    pub(crate) payments: BTreeMap<u64, PaymentState>,
    /// Payment and position by transaction.
    pub(crate) payment_of: BTreeMap<TxId, (u64, usize)>,
    /// How far the chain is known; `None` before the first scan is done.
    pub(crate) cursor: Option<Cursor>,
    /// Earlier positions, in the order in which they were reached: where the newest is unknown to consensus, they tell a
    /// chain that lost its end from another chain.
    pub(crate) positions: Vec<Cursor>,
}

/// Most positions that are kept: beyond it, they are thinned to one for each doubling of their distance.
const MAX_POSITIONS: usize = 128;

/// What the chain says of now, and no record does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// DAA score of the next block.
    pub(crate) daa_score: DaaScore,
    /// Blue score that makes something accepted `confirmed`.
    pub(crate) confirmation_depth: u64,
    /// Blue score of the last final chain block.
    pub(crate) final_blue_score: BlueScore,
    /// Its DAA score.
    pub(crate) final_daa_score: DaaScore,
}

/// A payment and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PaymentState {
    /// As it was recorded.
    pub(crate) record: PaymentRecord,
    /// Ids of its transactions.
    pub(crate) txids: Vec<TxId>,
    /// Why the pool gave it up.
    pub(crate) dropped: Option<String>,
    /// Blocks that carry its transactions, by position. Not recorded: a caller tells it anew.
    pub(crate) seen: BTreeMap<usize, BlockHash>,
}

/// How one transaction of a payment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TxStanding {
    /// Accepted: a followed block accepted it, or what it pays to this wallet was found.
    Accepted,
    /// An input was consumed by another transaction.
    Conflicted(Option<TxId>),
    /// All inputs were consumed; whether by this transaction was not seen.
    Unknown,
    /// Neither.
    Open,
}

impl Memory {
    /// Number of addresses handed out.
    pub(crate) fn handed_out(&self) -> u32 {
        u32::try_from(self.labels.len()).expect("addresses are numbered by u32")
    }

    /// Applies a record. Every change of this state goes through here, so that replaying the journal gives it again.
    pub(crate) fn apply(&mut self, record: &Record) {
        match record {
            Record::Address { index, label } => {
                let index = *index as usize;
                if self.labels.len() <= index {
                    self.labels.resize(index + 1, String::new());
                }
                self.labels[index] = label.0.clone();
            }
            Record::Internal(next) => self.next_internal = self.next_internal.max(*next),
            Record::Sent(payment) => self.add_payment(payment),
            Record::Dropped { payment, reason } => {
                if let Some(payment) = self.payments.get_mut(payment) {
                    payment.dropped = reason.as_ref().map(|text| text.0.clone());
                }
            }
            Record::Chain(delta) => self.apply_delta(delta),
            Record::Verified { own, foreign } => {
                for outpoint in own {
                    if let Some(coin) = self.coins.get_mut(outpoint) {
                        coin.verified = true;
                        let coin = coin.clone();
                        self.note_received(&coin);
                    }
                }
                for outpoint in foreign {
                    self.coins.remove(outpoint);
                }
            }
        }
    }

    fn add_payment(&mut self, record: &PaymentRecord) {
        let txids = record.txids();
        for (position, txid) in txids.iter().enumerate() {
            self.payment_of.insert(*txid, (record.id, position));
        }
        let state = PaymentState { record: record.clone(), txids, dropped: None, seen: BTreeMap::new() };
        self.payments.insert(record.id, state);
    }

    /// Takes back a payment that could not be recorded.
    pub(crate) fn forget_payment(&mut self, id: u64) {
        if let Some(payment) = self.payments.remove(&id) {
            for txid in payment.txids {
                self.payment_of.remove(&txid);
            }
        }
    }

    fn apply_delta(&mut self, delta: &ChainDelta) {
        if delta.reset {
            self.coins.clear();
            self.locks.retain(|_, lock| lock.spent.is_some());
            self.cursor = None;
            let told_by_scan: Vec<EntryId> =
                self.facts.values().filter(|fact| fact.accepted_in.is_none()).map(|fact| fact.id).collect();
            for id in told_by_scan {
                self.remove_fact(id);
            }
        }
        if !delta.undone.is_empty() {
            let blocks: BTreeSet<BlockHash> = delta.undone.iter().copied().collect();
            let accepted = |fact: &&TxFact| fact.accepted_in.is_some_and(|(block, _)| blocks.contains(&block));
            let undone: Vec<EntryId> = self.facts.values().filter(accepted).map(|fact| fact.id).collect();
            for id in undone {
                self.remove_fact(id);
            }
            // Those that are unspent again come with the change, like coins.
            self.locks.retain(|_, lock| lock.spent.as_ref().is_none_or(|spend| !blocks.contains(&spend.block)));
        }
        for outpoint in &delta.unmade {
            self.coins.remove(outpoint);
            self.locks.remove(outpoint);
            self.unmade.insert(*outpoint);
            self.forget_received(outpoint);
        }
        for fact in &delta.facts {
            self.insert_fact(fact.clone());
        }
        for coin in &delta.found {
            self.learn_address(coin.paid_to);
            if coin.verified {
                self.note_received(coin);
            }
            self.unmade.remove(&coin.outpoint);
            self.coins.insert(coin.outpoint, coin.clone());
        }
        for outpoint in &delta.gone {
            self.coins.remove(outpoint);
            self.locks.remove(outpoint);
        }
        for lock in &delta.locks {
            self.learn_address(PaidTo::Zk13str(lock.address));
            self.unmade.remove(&lock.outpoint);
            self.locks.insert(lock.outpoint, lock.clone());
        }
        if let Some(cursor) = delta.cursor {
            self.cursor = Some(cursor);
            self.note_position(cursor);
        }
    }

    /// A position at genesis begins anew: what was seen before may be of another chain.
    fn note_position(&mut self, cursor: Cursor) {
        let begins = cursor.blue_score == BlueScore(0);
        self.positions.retain(|position| !begins && position.block != cursor.block);
        self.positions.push(cursor);
        if self.positions.len() > MAX_POSITIONS {
            // Distances are of 64 bits, so that at most 64 stay; the oldest of each doubling grows into the next one.
            let mut taken = BTreeSet::new();
            self.positions.retain(|position| {
                let distance = cursor.daa_score.0.saturating_sub(position.daa_score.0);
                taken.insert(distance.saturating_add(1).ilog2())
            });
        }
    }

    /// A found coin shows that its address was handed out, by this wallet or another one of the same words.
    fn learn_address(&mut self, paid_to: PaidTo) {
        match paid_to {
            PaidTo::Confidential(Some(index)) | PaidTo::Zk13str(index) => {
                if self.labels.len() <= index as usize {
                    self.labels.resize(index as usize + 1, String::new());
                }
            }
            PaidTo::Internal(index) => self.next_internal = self.next_internal.max(index.saturating_add(1)),
            PaidTo::Confidential(None) => {}
        }
    }

    fn insert_fact(&mut self, fact: TxFact) {
        self.remove_fact(fact.id);
        self.by_time.insert((fact.time, fact.id));
        for spent in &fact.spent {
            self.spent_by.insert(spent.outpoint, fact.id);
        }
        self.facts.insert(fact.id, fact);
    }

    fn remove_fact(&mut self, id: EntryId) {
        if let Some(fact) = self.facts.remove(&id) {
            self.by_time.remove(&(fact.time, id));
            for spent in &fact.spent {
                self.spent_by.remove(&spent.outpoint);
            }
        }
    }

    /// Adds an output to the history, where no followed block told of it.
    fn note_received(&mut self, coin: &OwnedCoin) {
        let id = entry_of(coin);
        let mut fact = match self.facts.get(&id) {
            Some(fact) if fact.received.iter().any(|r| r.outpoint == coin.outpoint) => return,
            Some(fact) => fact.clone(),
            None => TxFact {
                id,
                reward_for: None,
                accepted_in: None,
                daa_score: coin.daa_score,
                time: coin.time,
                received: Vec::new(),
                spent: Vec::new(),
                fee: Amount::ZERO,
                sent: Vec::new(),
            },
        };
        fact.received.push(Received::from(coin));
        self.insert_fact(fact);
    }

    fn forget_received(&mut self, outpoint: &OutPoint) {
        for id in [EntryId::Tx(outpoint.source.into()), EntryId::Reward(*outpoint)] {
            let Some(fact) = self.facts.get(&id) else { continue };
            let mut fact = fact.clone();
            fact.received.retain(|r| r.outpoint != *outpoint);
            if fact.received.is_empty() && fact.spent.is_empty() {
                self.remove_fact(id);
            } else {
                self.insert_fact(fact);
            }
        }
    }

    /// Whether a coin, Memo or lock of this wallet is there to be consumed.
    pub(crate) fn is_unspent(&self, outpoint: &OutPoint) -> bool {
        self.coins.contains_key(outpoint) || self.locks.get(outpoint).is_some_and(|lock| lock.spent.is_none())
    }

    /// How a transaction of a payment stands.
    pub(crate) fn standing(&self, payment: &PaymentState, position: usize) -> TxStanding {
        let txid = payment.txids[position];
        if self.facts.contains_key(&EntryId::Tx(txid)) {
            return TxStanding::Accepted;
        }
        let inputs = &payment.record.txs[position].core.inputs;
        for input in inputs {
            match self.spent_by.get(&input.outpoint) {
                Some(EntryId::Tx(other)) if *other != txid => return TxStanding::Conflicted(Some(*other)),
                _ => {}
            }
            match self.locks.get(&input.outpoint).and_then(|lock| lock.spent.as_ref()) {
                Some(spend) if spend.txid != txid => return TxStanding::Conflicted(Some(spend.txid)),
                _ => {}
            }
        }
        // A scan of the present state does not tell who consumed what is gone: another holder of the same words may
        // have, or another chain may never have had it. What a transaction can't have consumed alone tells of another.
        let unspent = |input: &TxInput| self.is_unspent(&input.outpoint);
        let gone = |input: &TxInput| !unspent(input) && !self.payment_of.contains_key(&input.outpoint.source.into());
        if inputs.iter().any(|input| self.unmade.contains(&input.outpoint)) {
            return TxStanding::Open;
        }
        if self.cursor.is_some() && inputs.iter().any(gone) {
            return if inputs.iter().any(unspent) { TxStanding::Conflicted(None) } else { TxStanding::Unknown };
        }
        TxStanding::Open
    }

    /// How far an accepted transaction is.
    pub(crate) fn accepted_stage(&self, fact: &TxFact, now: &Moment) -> PaymentStage {
        let is_final = match fact.accepted_in {
            Some((_, blue_score)) => blue_score <= now.final_blue_score,
            None => fact.daa_score <= now.final_daa_score,
        };
        if is_final {
            PaymentStage::Final
        } else if self.depth(fact) >= now.confirmation_depth {
            PaymentStage::Confirmed
        } else {
            PaymentStage::Accepted
        }
    }

    /// How far a payment is.
    pub(crate) fn stage(&self, payment: &PaymentState, now: &Moment) -> PaymentStage {
        let last = payment.txids.len().saturating_sub(1);
        if let Some(fact) = payment.txids.last().and_then(|txid| self.facts.get(&EntryId::Tx(*txid))) {
            return self.accepted_stage(fact, now);
        }
        let standings = || (0..payment.txids.len()).map(|position| self.standing(payment, position));
        if standings().any(|s| matches!(s, TxStanding::Conflicted(Some(_)))) {
            return PaymentStage::Conflicted;
        }
        if payment.dropped.is_some() {
            return PaymentStage::Dropped;
        }
        if standings().any(|s| matches!(s, TxStanding::Conflicted(None))) {
            return PaymentStage::Conflicted;
        }
        let over = |position: usize| payment.record.txs[position].core.valid.has_ended(now.daa_score);
        if standings().enumerate().any(|(position, s)| s == TxStanding::Open && over(position)) {
            return PaymentStage::Expired;
        }
        if payment.seen.contains_key(&last) { PaymentStage::Seen } else { PaymentStage::Submitted }
    }

    /// Payments that the chain does not have and nobody has given up.
    pub(crate) fn without_outcome(&self) -> Vec<u64> {
        let open = |payment: &&PaymentState| {
            let accepted = payment.txids.last().is_some_and(|txid| self.facts.contains_key(&EntryId::Tx(*txid)));
            !accepted && payment.dropped.is_none()
        };
        self.payments.values().filter(open).map(|payment| payment.record.id).collect()
    }

    /// Blue score on top of a fact's block; DAA score where only that is known.
    pub(crate) fn depth(&self, fact: &TxFact) -> u64 {
        let Some(cursor) = self.cursor else { return 0 };
        match fact.accepted_in {
            Some((_, blue_score)) => cursor.blue_score.0.saturating_sub(blue_score.0),
            None => cursor.daa_score.0.saturating_sub(fact.daa_score.0),
        }
    }

    /// Inputs of payments that hold their coins.
    pub(crate) fn reserved(&self, now: &Moment) -> BTreeSet<OutPoint> {
        let mut reserved = BTreeSet::new();
        for payment in self.payments.values() {
            if self.stage(payment, now).holds_coins() {
                let inputs = payment.record.txs.iter().flat_map(|tx| &tx.core.inputs);
                reserved.extend(inputs.map(|input| input.outpoint));
            }
        }
        reserved
    }

    /// What comes back to this wallet from payments that hold their coins, by asset.
    pub(crate) fn pending(&self, now: &Moment) -> Vec<(AssetId, Amount)> {
        let mut pending = Vec::new();
        for payment in self.payments.values() {
            if !self.stage(payment, now).holds_coins() {
                continue;
            }
            for own in &payment.record.own {
                if self.standing(payment, own.tx as usize) == TxStanding::Open {
                    pending.push((own.asset, own.value));
                }
            }
        }
        pending
    }

    /// Blocks that facts name as accepting.
    pub(crate) fn accepting_blocks(&self) -> BTreeSet<BlockHash> {
        let facts = self.facts.values().filter_map(|fact| fact.accepted_in.map(|(block, _)| block));
        facts.chain(self.locks.values().filter_map(|lock| lock.spent.as_ref().map(|spend| spend.block))).collect()
    }

    /// Everything as records: what a compacted journal holds.
    pub(crate) fn to_records(&self) -> Vec<Record> {
        let mut records: Vec<Record> = Vec::new();
        for (index, label) in self.labels.iter().enumerate() {
            let index = u32::try_from(index).expect("addresses are numbered by u32");
            records.push(Record::Address { index, label: bounded(label) });
        }
        records.push(Record::Internal(self.next_internal));
        for payment in self.payments.values() {
            records.push(Record::Sent(Box::new(payment.record.clone())));
            if let Some(reason) = &payment.dropped {
                records.push(Record::Dropped { payment: payment.record.id, reason: Some(bounded(reason)) });
            }
        }
        for position in &self.positions {
            let delta = ChainDelta { cursor: Some(*position), ..ChainDelta::default() };
            records.push(Record::Chain(Box::new(delta)));
        }
        let delta = ChainDelta {
            reset: true,
            facts: self.facts.values().cloned().collect(),
            unmade: self.unmade.iter().copied().collect(),
            found: self.coins.values().cloned().collect(),
            locks: self.locks.values().cloned().collect(),
            cursor: self.cursor,
            ..ChainDelta::default()
        };
        records.extend(delta.split().into_iter().map(|part| Record::Chain(Box::new(part))));
        records
    }
}

/// The entry that an output belongs to.
pub(crate) fn entry_of(coin: &OwnedCoin) -> EntryId {
    coin.txid().map_or(EntryId::Reward(coin.outpoint), EntryId::Tx)
}

/// Whether a block that once accepted something still counts as a chain block when the wallet scans anew.
pub(crate) fn still_stands(status: Option<BlockStatus>) -> bool {
    status == Some(BlockStatus::StateValid)
}

#[cfg(test)]
mod tests;
