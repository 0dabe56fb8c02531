//! What came and went, newest first.

use std::collections::BTreeMap;

use umbel_types::{Amount, AssetId, BlockHash, OutPoint, TimestampMs, TxId};

use crate::coins::PaidTo;
use crate::payment::PaymentStage;
use crate::record::TxFact;
use crate::stake::StakeMove;
use crate::state::{Memory, Moment, PaymentState};

/// What an entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntryId {
    /// A transaction.
    Tx(TxId),
    /// A reward: its outpoint, and the rewarded block where this wallet saw it being merged.
    Reward(OutPoint),
}

/// Kind of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HistoryKind {
    /// Paid to somebody.
    Sent,
    /// Came from somebody.
    Received,
    /// A block reward.
    Mined,
    /// Moved between own coins.
    SelfTransfer,
    /// Stake: [`HistoryEntry::stake`] says what happened.
    Stake,
}

/// One entry. A transaction that moves two assets has two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryEntry {
    /// Transaction or reward.
    pub id: EntryId,
    /// The rewarded block, where this wallet saw it being merged.
    pub reward_for: Option<BlockHash>,
    /// What it was.
    pub kind: HistoryKind,
    /// How far it is.
    pub stage: PaymentStage,
    /// Which asset.
    pub asset: AssetId,
    /// Amount without sign and fee.
    pub amount: Amount,
    /// Fee in STR, where this wallet paid it.
    pub fee: Option<Amount>,
    /// Text of the address it went to, where this wallet knows.
    pub to: Option<String>,
    /// Note, where there is one.
    pub note: Option<String>,
    /// What happened to stake; [`HistoryEntry::to`] names the validator then.
    pub stake: Option<StakeMove>,
    /// Whether everyone sees the amount.
    pub public: bool,
    /// Time of the accepting block, or of its making. Estimated from the DAA score where a scan of the present state
    /// found the output.
    pub time: TimestampMs,
    /// The chain block that accepted it, where this wallet saw that.
    pub accepted_in: Option<BlockHash>,
    /// Blue score on top of the accepting block; DAA score where only that is known.
    pub confirmations: u64,
    /// DAA score until a reward may be spent, where it may not yet.
    pub matures_in: Option<u64>,
}

/// Which entries.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct HistoryQuery {
    /// Skips so many, newest first.
    pub offset: usize,
    /// At most so many.
    pub limit: usize,
    /// Only entries whose note, address, id or kind contains this, upper and lower case alike.
    pub search: String,
    /// Only entries of this kind.
    pub kind: Option<HistoryKind>,
}

/// A part of the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryPage {
    /// Newest first.
    pub entries: Vec<HistoryEntry>,
    /// How many match in all.
    pub total: usize,
}

/// What a history is read from.
pub(crate) struct View<'a> {
    pub(crate) memory: &'a Memory,
    pub(crate) now: Moment,
    pub(crate) coinbase_maturity: u64,
}

/// Where an entry comes from.
#[derive(Clone, Copy)]
enum Source<'a> {
    Fact(&'a TxFact),
    Payment(&'a PaymentState),
}

/// A part of the history.
pub(crate) fn page(view: &View<'_>, query: &HistoryQuery) -> HistoryPage {
    let needle = query.search.to_lowercase();
    let mut entries = Vec::new();
    let mut total = 0usize;
    for (_, source) in sources(view) {
        // A reward is one entry without text: counting it needs no more than that.
        let is_reward = matches!(source, Source::Fact(fact) if matches!(fact.id, EntryId::Reward(_)));
        let outside = entries.len() == query.limit || total < query.offset;
        if is_reward && needle.is_empty() && (outside || query.kind.is_some_and(|kind| kind != HistoryKind::Mined)) {
            total += usize::from(query.kind.is_none_or(|kind| kind == HistoryKind::Mined));
            continue;
        }
        for entry in view.entries_of(source) {
            if query.kind.is_some_and(|kind| kind != entry.kind) || !contains(&entry, &needle) {
                continue;
            }
            if total >= query.offset && entries.len() < query.limit {
                entries.push(entry);
            }
            total += 1;
        }
    }
    HistoryPage { entries, total }
}

/// Newest first: what happened, and payments of which nothing happened yet.
fn sources<'a>(view: &View<'a>) -> Vec<(TimestampMs, Source<'a>)> {
    let memory = view.memory;
    let facts = memory.by_time.iter().rev().filter_map(|(time, id)| Some((*time, Source::Fact(memory.facts.get(id)?))));
    let mut sources: Vec<(TimestampMs, Source<'a>)> = facts.collect();
    let waiting = memory.payments.values().filter(|payment| last_fact(memory, payment).is_none());
    sources.extend(waiting.map(|payment| (payment.record.created, Source::Payment(payment))));
    sources.sort_by_key(|(time, _)| core::cmp::Reverse(*time));
    sources
}

fn last_fact<'a>(memory: &'a Memory, payment: &PaymentState) -> Option<&'a TxFact> {
    payment.txids.last().and_then(|txid| memory.facts.get(&EntryId::Tx(*txid)))
}

fn contains(entry: &HistoryEntry, needle: &str) -> bool {
    if needle.is_empty() {
        return true;
    }
    let id = match entry.id {
        EntryId::Tx(txid) => txid.to_string(),
        EntryId::Reward(outpoint) => entry.reward_for.map_or(outpoint.source.to_string(), |block| block.to_string()),
    };
    let kind = match entry.kind {
        HistoryKind::Sent => "sent",
        HistoryKind::Received => "received",
        HistoryKind::Mined => "mined",
        HistoryKind::SelfTransfer => "self_transfer",
        HistoryKind::Stake => "stake",
    };
    let stake = entry.stake.map(StakeMove::name);
    let texts = [stake, entry.note.as_deref(), entry.to.as_deref(), Some(&*id), Some(kind)];
    texts.into_iter().flatten().any(|text| text.to_lowercase().contains(needle))
}

/// What stands in the place of a recipient: stake that moved and the validator, or an address.
fn named(to: &str) -> (Option<StakeMove>, String) {
    match StakeMove::read(to) {
        Some((stake, validator)) => (Some(stake), validator.to_owned()),
        None => (None, to.to_owned()),
    }
}

fn add(sum: &mut Amount, value: Amount) {
    *sum = sum.checked_add(value).unwrap_or(Amount::MAX);
}

/// What a transaction did in one asset.
#[derive(Default)]
struct Moved {
    spent: Amount,
    received: Amount,
    /// Of the received: what did not go to internal addresses.
    received_openly: Amount,
    sent: Amount,
    to: Option<String>,
    note: Option<String>,
    public: bool,
}

impl View<'_> {
    fn entries_of(&self, source: Source<'_>) -> Vec<HistoryEntry> {
        match source {
            Source::Payment(payment) => vec![self.entry_of_payment(payment, None)],
            Source::Fact(fact) => match self.payment_of(fact) {
                Some(payment) => vec![self.entry_of_payment(payment, Some(fact))],
                None => self.entries_of_fact(fact),
            },
        }
    }

    /// The payment whose last transaction this is.
    fn payment_of(&self, fact: &TxFact) -> Option<&PaymentState> {
        let EntryId::Tx(txid) = fact.id else { return None };
        let (payment, position) = self.memory.payment_of.get(&txid)?;
        let payment = self.memory.payments.get(payment)?;
        (*position + 1 == payment.txids.len()).then_some(payment)
    }

    fn entry_of_payment(&self, payment: &PaymentState, fact: Option<&TxFact>) -> HistoryEntry {
        let record = &payment.record;
        let txid = payment.txids.last().copied().unwrap_or(TxId([0; 32]));
        let (stake, to) = named(&record.to.0);
        let kind = match (stake, record.to_self) {
            (Some(_), _) => HistoryKind::Stake,
            (None, true) => HistoryKind::SelfTransfer,
            (None, false) => HistoryKind::Sent,
        };
        HistoryEntry {
            id: EntryId::Tx(txid),
            reward_for: None,
            kind,
            stage: self.memory.stage(payment, &self.now),
            asset: record.asset,
            amount: record.amount,
            fee: Some(record.fee),
            to: Some(to),
            note: (!record.note.0.is_empty()).then(|| record.note.0.clone()),
            stake,
            public: record.public,
            time: fact.map_or(record.created, |fact| fact.time),
            accepted_in: fact.and_then(|fact| fact.accepted_in).map(|(block, _)| block),
            confirmations: fact.map_or(0, |fact| self.memory.depth(fact)),
            matures_in: None,
        }
    }

    fn moved(fact: &TxFact) -> BTreeMap<AssetId, Moved> {
        let mut moved: BTreeMap<AssetId, Moved> = BTreeMap::new();
        for spent in &fact.spent {
            add(&mut moved.entry(spent.asset).or_default().spent, spent.value);
        }
        for received in &fact.received {
            let moved = moved.entry(received.asset).or_default();
            add(&mut moved.received, received.value);
            if !matches!(received.paid_to, PaidTo::Internal(_)) {
                add(&mut moved.received_openly, received.value);
            }
            moved.public |= matches!(received.paid_to, PaidTo::Zk13str(_));
            if moved.note.is_none() && !received.note.0.is_empty() {
                moved.note = Some(received.note.0.clone());
            }
        }
        for sent in &fact.sent {
            let moved = moved.entry(sent.asset).or_default();
            add(&mut moved.sent, sent.value);
            moved.public |= sent.to.0.starts_with("zk13str_") || StakeMove::read(&sent.to.0).is_some();
            moved.to.get_or_insert_with(|| sent.to.0.clone());
            if !sent.note.0.is_empty() {
                moved.note = Some(sent.note.0.clone());
            }
        }
        moved
    }

    fn entries_of_fact(&self, fact: &TxFact) -> Vec<HistoryEntry> {
        let moved = Self::moved(fact);
        let consumed = !fact.spent.is_empty();
        let other_assets = moved.keys().any(|asset| *asset != AssetId::STR);
        let mut entries = Vec::with_capacity(moved.len());
        for (asset, moved) in moved {
            let fee = if consumed && asset == AssetId::STR { fact.fee.units() } else { 0 };
            let lost = moved.spent.units().saturating_sub(moved.received.units()).saturating_sub(fee);
            let stakes = moved.to.as_deref().and_then(StakeMove::read).map(|(stake, _)| stake);
            let (kind, amount) = if let Some(stake) = stakes.filter(|_| asset == AssetId::STR) {
                let out = matches!(stake, StakeMove::Withdraw | StakeMove::Report);
                (HistoryKind::Stake, if out { moved.received_openly } else { moved.sent })
            } else if !consumed {
                match fact.id {
                    EntryId::Reward(_) => (HistoryKind::Mined, moved.received),
                    // Change of a payment that was made elsewhere, or before a restore.
                    EntryId::Tx(_) if moved.received_openly.is_zero() => (HistoryKind::SelfTransfer, moved.received),
                    EntryId::Tx(_) => (HistoryKind::Received, moved.received_openly),
                }
            } else if !moved.sent.is_zero() {
                (HistoryKind::Sent, moved.sent)
            } else if lost > 0 {
                (HistoryKind::Sent, Amount::from_units(lost))
            } else if asset == AssetId::STR && other_assets {
                // STR paid the fee and nothing else: the other asset's entry has it.
                continue;
            } else if moved.received_openly.is_zero() {
                (HistoryKind::SelfTransfer, moved.received)
            } else {
                (HistoryKind::SelfTransfer, moved.received_openly)
            };
            entries.push(self.entry_of_fact(fact, asset, kind, amount, consumed, moved));
        }
        entries
    }

    fn entry_of_fact(
        &self,
        fact: &TxFact,
        asset: AssetId,
        kind: HistoryKind,
        amount: Amount,
        consumed: bool,
        moved: Moved,
    ) -> HistoryEntry {
        let depth = self.memory.depth(fact);
        let (stake, to) = moved.to.as_deref().map(named).unzip();
        let mature_at = fact.daa_score.saturating_add(self.coinbase_maturity);
        let matures_in =
            (kind == HistoryKind::Mined && mature_at > self.now.daa_score).then(|| mature_at.0 - self.now.daa_score.0);
        HistoryEntry {
            id: fact.id,
            reward_for: fact.reward_for,
            kind,
            stage: self.memory.accepted_stage(fact, &self.now),
            asset,
            amount,
            fee: consumed.then_some(fact.fee),
            to,
            note: moved.note,
            stake: stake.flatten(),
            public: moved.public,
            time: fact.time,
            accepted_in: fact.accepted_in.map(|(block, _)| block),
            confirmations: depth,
            matures_in,
        }
    }
}
