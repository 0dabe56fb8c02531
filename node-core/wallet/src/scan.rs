//! Finding coins: first in the present state, then along the selected chain, back and forth with it.
//!
//! Everything here needs view keys only. What a view key can't check (the spend point of an address that is not in its
//! table) is found as unverified, and counts for nothing until the spend key has confirmed it.

use std::collections::{BTreeMap, BTreeSet};

use umbel_crypto::coin::{OpenError, open_coin, open_coinbase, recover_sent};
use umbel_crypto::keys::address::zk_to_text;
use umbel_types::consensus_api::{AcceptanceData, ConsensusApi, ConsensusError, UtxoSnapshot};
use umbel_types::utxo::StoredOutput;
use umbel_types::{
    Amount, BlockHash, Coin, DaaScore, Lock, Memo, MemoValue, OneTimeKey, Origin, OutPoint, Output, Params,
    TimestampMs, TxCore, TxId, UtxoEntry,
};

use crate::coins::{Cursor, OwnedCoin, PaidTo, Spendable, Text};
use crate::history::EntryId;
use crate::keys::WatchKeys;
use crate::locks::{OwnLock, find_locks, spent_locks};
use crate::record::{ChainDelta, Received, SentTo, Spent, TxFact, bounded};
use crate::stake::staked_by;
use crate::state::{Memory, entry_of, still_stands};

/// Outputs read from a snapshot at a time.
const PAGE: usize = 1024;
/// Most chain blocks whose history is told again at once: a node that was killed lost those of a second or two, and a
/// wallet writes its position every 64 blocks.
const MAX_TOLD_AGAIN: u64 = 1024;
/// Outputs below which a second thread costs more than it brings.
const PARALLEL_FROM: usize = 128;

/// When an output was accepted, as exactly as is known.
#[derive(Clone, Copy, Debug)]
enum When {
    /// In a block that was followed.
    Exactly(TimestampMs),
    /// From its DAA score, counted back from a known one.
    CountedBack { daa_score: DaaScore, time: TimestampMs, block_time_us: u64 },
}

impl When {
    fn of(self, entry: &UtxoEntry) -> TimestampMs {
        match self {
            Self::Exactly(time) => time,
            Self::CountedBack { daa_score, time, block_time_us } => {
                let behind = daa_score.0.saturating_sub(entry.daa_score.0);
                time.saturating_sub(behind.saturating_mul(block_time_us) / 1000)
            }
        }
    }
}

/// Which of the coins have `A = a·g`: one multiplication each, on two threads where there are many.
fn detect(keys: &WatchKeys, coins: &[&Coin]) -> Vec<bool> {
    let owners: Vec<&OneTimeKey> = coins.iter().map(|coin| &coin.owner).collect();
    let look = |owners: &[&OneTimeKey]| keys.view().detects_each(owners);
    if owners.len() < PARALLEL_FROM {
        return look(&owners);
    }
    let (left, right) = owners.split_at(owners.len() / 2);
    std::thread::scope(|scope| {
        let other = scope.spawn(|| look(right));
        let mut found = look(left);
        match other.join() {
            Ok(right) => found.extend(right),
            Err(panic) => std::panic::resume_unwind(panic),
        }
        found
    })
}

/// The own outputs among `entries`, opened.
fn find_own(keys: &WatchKeys, entries: &[(OutPoint, UtxoEntry)], when: When) -> Vec<OwnedCoin> {
    let coins: Vec<(usize, &Coin)> = entries
        .iter()
        .enumerate()
        .filter_map(|(i, (_, entry))| match &entry.output {
            StoredOutput::Coin { coin, .. } => Some((i, coin)),
            StoredOutput::Memo(_) => None,
        })
        .collect();
    let only_coins: Vec<&Coin> = coins.iter().map(|(_, coin)| *coin).collect();
    let detected = detect(keys, &only_coins);
    let mut own: BTreeSet<usize> = coins.iter().zip(detected).filter(|(_, mine)| *mine).map(|((i, _), _)| *i).collect();
    own.extend((0..entries.len()).filter(|i| matches!(entries[*i].1.output, StoredOutput::Memo(_))));
    own.into_iter()
        .filter_map(|i| {
            let (outpoint, entry) = &entries[i];
            match &entry.output {
                StoredOutput::Coin { coin, public_value } => open(keys, *outpoint, entry, coin, *public_value, when),
                StoredOutput::Memo(memo) => own_memo(keys, *outpoint, entry, memo, when),
            }
        })
        .collect()
}

/// Opens a detected coin. Whatever fails a check is not shown as money.
fn open(
    keys: &WatchKeys,
    outpoint: OutPoint,
    entry: &UtxoEntry,
    coin: &Coin,
    public_value: Option<Amount>,
    when: When,
) -> Option<OwnedCoin> {
    let unverified = match (entry.origin, public_value) {
        (Origin::Coinbase, Some(value)) => open_coinbase(keys.view(), coin, value),
        (Origin::Transaction, None) => open_coin(keys.view(), coin, outpoint.index),
        _ => return None,
    }
    .ok()?;
    let (asset, value) = unverified.unverified_value();
    let (opened, verified) = match unverified.check_in_table(keys.view()) {
        Ok(opened) => (Some(opened), true),
        Err(OpenError::UnknownAddress) => (None, false),
        Err(_) => return None,
    };
    let index = opened.as_ref().and_then(|opened| opened.index);
    let note = opened.and_then(|opened| opened.note).unwrap_or_else(String::new);
    Some(OwnedCoin {
        outpoint,
        asset,
        value,
        body: Spendable::Coin { owner: coin.owner, c: coin.c, d: coin.d },
        origin: entry.origin,
        daa_score: entry.daa_score,
        time: when.of(entry),
        paid_to: keys.paid_to(index, unverified.diversifier()),
        note: bounded(&note),
        verified,
    })
}

/// A public payment to one of the addresses looked for. One that ends falls back to somebody else, and is not counted.
fn own_memo(keys: &WatchKeys, outpoint: OutPoint, entry: &UtxoEntry, memo: &Memo, when: When) -> Option<OwnedCoin> {
    let (Lock::Address(address), MemoValue::Public(value)) = (&memo.lock, &memo.value) else { return None };
    let index = keys.zk_index(address)?;
    if memo.valid.end != DaaScore(0) {
        return None;
    }
    Some(OwnedCoin {
        outpoint,
        asset: memo.asset,
        value: *value,
        body: Spendable::Memo(memo.terms()),
        origin: entry.origin,
        daa_score: entry.daa_score,
        time: when.of(entry),
        paid_to: PaidTo::Zk13str(index),
        note: Text::default(),
        verified: true,
    })
}

/// A scan of all unspent outputs, in steps.
pub(crate) struct SnapshotScan {
    snapshot: Box<dyn UtxoSnapshot>,
    cursor: Cursor,
    when: When,
    after: Option<OutPoint>,
    found: Vec<OwnedCoin>,
    locks: Vec<OwnLock>,
    /// Outputs looked at.
    pub(crate) done: u64,
    /// Outputs in all.
    pub(crate) total: u64,
}

impl SnapshotScan {
    /// Starts over all outputs that are unspent now.
    pub(crate) fn start(chain: &dyn ConsensusApi) -> Result<Self, ConsensusError> {
        let snapshot = chain.utxo_snapshot()?;
        let header = chain.header(snapshot.sink())?;
        let when = When::CountedBack {
            daa_score: snapshot.daa_score(),
            time: header.timestamp,
            block_time_us: chain.params().target_block_time_us,
        };
        let cursor = Cursor { block: snapshot.sink(), daa_score: snapshot.daa_score(), blue_score: header.blue_score };
        let total = snapshot.len();
        Ok(Self { snapshot, cursor, when, after: None, found: Vec::new(), locks: Vec::new(), done: 0, total })
    }

    /// The chain block whose state is looked at: where the wallet stands once it is done.
    pub(crate) fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// Looks at about `limit` further outputs; gives the change to the wallet once all are done.
    pub(crate) fn step(
        &mut self,
        keys: &WatchKeys,
        memory: &Memory,
        chain: &dyn ConsensusApi,
        limit: usize,
    ) -> Result<Option<ChainDelta>, ConsensusError> {
        let mut left = limit.max(1);
        while left > 0 {
            let page = self.snapshot.page(self.after, left.min(PAGE))?;
            let Some((last, _)) = page.last() else {
                return self.finish(memory, chain).map(Some);
            };
            self.after = Some(*last);
            self.done += page.len() as u64;
            left = left.saturating_sub(page.len());
            self.found.extend(find_own(keys, &page, self.when));
            self.locks.extend(find_locks(keys, &page));
        }
        Ok(None)
    }

    fn finish(&mut self, memory: &Memory, chain: &dyn ConsensusApi) -> Result<ChainDelta, ConsensusError> {
        let mut undone = Vec::new();
        for block in memory.accepting_blocks() {
            if !still_stands(chain.status(block)?) {
                undone.push(block);
            }
        }
        Ok(ChainDelta {
            reset: true,
            undone,
            found: core::mem::take(&mut self.found),
            locks: core::mem::take(&mut self.locks),
            cursor: Some(self.cursor),
            ..ChainDelta::default()
        })
    }
}

/// Takes back what a chain block changed that no longer is one.
pub(crate) fn undo_block(
    keys: &WatchKeys,
    memory: &Memory,
    params: &Params,
    acceptance: &AcceptanceData,
) -> ChainDelta {
    let made: BTreeSet<OutPoint> = acceptance.added.iter().map(|(outpoint, _)| *outpoint).collect();
    let when = When::CountedBack {
        daa_score: acceptance.daa_score,
        time: acceptance.timestamp,
        block_time_us: params.target_block_time_us,
    };
    let back: Vec<(OutPoint, UtxoEntry)> =
        acceptance.removed.iter().filter(|(outpoint, _)| !made.contains(outpoint)).cloned().collect();
    ChainDelta {
        undone: vec![acceptance.block],
        unmade: made
            .into_iter()
            .filter(|outpoint| memory.coins.contains_key(outpoint) || memory.locks.contains_key(outpoint))
            .collect(),
        found: find_own(keys, &back, when),
        locks: find_locks(keys, &back),
        ..ChainDelta::default()
    }
}

/// What a new chain block changes.
///
/// # Errors
/// [`ConsensusError`] where a block's body can't be read; a pruned body only costs the entry's details.
pub(crate) fn follow_block(
    keys: &WatchKeys,
    memory: &Memory,
    chain: &dyn ConsensusApi,
    acceptance: &AcceptanceData,
) -> Result<ChainDelta, ConsensusError> {
    let found = find_own(keys, &acceptance.added, When::Exactly(acceptance.timestamp));
    let new: BTreeMap<OutPoint, &OwnedCoin> = found.iter().map(|coin| (coin.outpoint, coin)).collect();
    let spent: Vec<Spent> = acceptance
        .removed
        .iter()
        .filter_map(|(outpoint, _)| memory.coins.get(outpoint).or_else(|| new.get(outpoint).copied()))
        .filter(|coin| coin.verified)
        .map(Spent::from)
        .collect();
    let mut locks = find_locks(keys, &acceptance.added);
    let (spent_locks, unexplained) = spent_locks(memory, &locks, chain, acceptance)?;
    let mut gone: Vec<OutPoint> = acceptance
        .removed
        .iter()
        .map(|(outpoint, _)| *outpoint)
        .filter(|outpoint| memory.coins.contains_key(outpoint) || new.contains_key(outpoint))
        .collect();

    gone.extend(unexplained.iter().copied());
    locks.retain(|lock| !unexplained.contains(&lock.outpoint));

    let mut facts = tell(keys, memory, chain, acceptance, &found, &spent)?;
    // What spends a lock of this wallet is told even where nothing of it comes back: an own payment is known by it.
    for spend in spent_locks.iter().filter_map(|lock| lock.spent.as_ref()) {
        let id = EntryId::Tx(spend.txid);
        if facts.iter().all(|fact| fact.id != id) {
            facts.push(Facts::nothing_moved(acceptance, id));
        }
    }
    locks.extend(spent_locks);
    let cursor = Cursor { block: acceptance.block, daa_score: acceptance.daa_score, blue_score: acceptance.blue_score };
    Ok(ChainDelta { found, gone, facts, locks, cursor: Some(cursor), ..ChainDelta::default() })
}

/// The history of a chain block that made `found` and consumed `spent`.
fn tell(
    keys: &WatchKeys,
    memory: &Memory,
    chain: &dyn ConsensusApi,
    acceptance: &AcceptanceData,
    found: &[OwnedCoin],
    spent: &[Spent],
) -> Result<Vec<TxFact>, ConsensusError> {
    let mut facts = Facts { acceptance, by_id: BTreeMap::new() };
    for coin in found.iter().filter(|coin| coin.verified) {
        facts.of(entry_of(coin)).received.push(Received::from(coin));
    }
    let rewards: BTreeMap<OutPoint, BlockHash> =
        acceptance.merged.iter().map(|block| (OutPoint::of_coinbase(*block), *block)).collect();
    for fact in facts.by_id.values_mut() {
        if let EntryId::Reward(outpoint) = fact.id {
            fact.reward_for = rewards.get(&outpoint).copied();
        }
    }
    let consumers = if spent.is_empty() { Vec::new() } else { consumers(memory, chain, acceptance, spent)? };
    for (txid, core) in &consumers {
        let fact = facts.of(EntryId::Tx(*txid));
        fact.fee = core.fee;
        let consumed = |spent: &&Spent| core.inputs.iter().any(|input| input.outpoint == spent.outpoint);
        fact.spent = spent.iter().filter(consumed).copied().collect();
        let own: BTreeSet<u32> = fact.received.iter().map(|received| received.outpoint.index).collect();
        fact.sent = staked_by(core).into_iter().chain(read_sent(keys, chain.params(), core, &own)).collect();
    }
    Ok(facts.by_id.into_values().collect())
}

/// The history of the chain blocks behind `from` up to `to`, for a wallet that saw others in their place: what its
/// transactions consumed is known from before. Empty where there are more of them than [`MAX_TOLD_AGAIN`].
///
/// # Errors
/// [`ConsensusError`] where blocks can't be read.
pub(crate) fn tell_again(
    keys: &WatchKeys,
    memory: &Memory,
    chain: &dyn ConsensusApi,
    from: Cursor,
    to: Cursor,
) -> Result<Vec<TxFact>, ConsensusError> {
    let mut facts = Vec::new();
    if to.blue_score.0.saturating_sub(from.blue_score.0) > MAX_TOLD_AGAIN {
        return Ok(facts);
    }
    let spent_before = memory.facts.values().flat_map(|fact| fact.spent.iter().copied());
    let unspent = memory.coins.values().filter(|coin| coin.verified).map(Spent::from);
    let mut known: BTreeMap<OutPoint, Spent> = spent_before.chain(unspent).map(|own| (own.outpoint, own)).collect();
    let mut at = from.block;
    while at != to.block {
        let path = match chain.chain_path(at, PAGE) {
            // What the node let go of is not told.
            Err(ConsensusError::Pruned(_)) => return Ok(facts),
            path => path?,
        };
        // The chain moves on meanwhile: following it undoes what no longer stands.
        let Some(last) = path.added.last().filter(|_| path.removed.is_empty()) else { break };
        at = *last;
        for block in path.added {
            let acceptance = match chain.acceptance(block) {
                Err(ConsensusError::Pruned(_)) => continue,
                acceptance => acceptance?,
            };
            let found = find_own(keys, &acceptance.added, When::Exactly(acceptance.timestamp));
            known.extend(found.iter().filter(|coin| coin.verified).map(|coin| (coin.outpoint, Spent::from(coin))));
            let spent: Vec<Spent> =
                acceptance.removed.iter().filter_map(|(outpoint, _)| known.get(outpoint).copied()).collect();
            facts.extend(tell(keys, memory, chain, &acceptance, &found, &spent)?);
            if block == to.block {
                return Ok(facts);
            }
        }
    }
    Ok(facts)
}

/// The entries of one chain block.
struct Facts<'a> {
    acceptance: &'a AcceptanceData,
    by_id: BTreeMap<EntryId, TxFact>,
}

impl Facts<'_> {
    fn of(&mut self, id: EntryId) -> &mut TxFact {
        self.by_id.entry(id).or_insert_with(|| Self::nothing_moved(self.acceptance, id))
    }

    /// An entry to which what moved is added.
    fn nothing_moved(acceptance: &AcceptanceData, id: EntryId) -> TxFact {
        TxFact {
            id,
            reward_for: None,
            accepted_in: Some((acceptance.block, acceptance.blue_score)),
            daa_score: acceptance.daa_score,
            time: acceptance.timestamp,
            received: Vec::new(),
            spent: Vec::new(),
            fee: Amount::ZERO,
            sent: Vec::new(),
        }
    }
}

/// The accepted transactions that consumed own outputs: own payments from memory, others from the blocks that carry them.
fn consumers(
    memory: &Memory,
    chain: &dyn ConsensusApi,
    acceptance: &AcceptanceData,
    spent: &[Spent],
) -> Result<Vec<(TxId, TxCore)>, ConsensusError> {
    let mut open: BTreeSet<OutPoint> = spent.iter().map(|spent| spent.outpoint).collect();
    let mut consumers = Vec::new();
    let mut take = |open: &mut BTreeSet<OutPoint>, txid: TxId, core: &TxCore| {
        let before = open.len();
        for input in &core.inputs {
            open.remove(&input.outpoint);
        }
        if open.len() < before {
            consumers.push((txid, core.clone()));
        }
    };
    for accepted in &acceptance.accepted {
        if let Some((payment, position)) = memory.payment_of.get(&accepted.txid) {
            take(&mut open, accepted.txid, &memory.payments[payment].record.txs[*position].core);
        }
    }
    let mut accepted_of: BTreeMap<BlockHash, BTreeSet<TxId>> = BTreeMap::new();
    for accepted in &acceptance.accepted {
        accepted_of.entry(accepted.block).or_default().insert(accepted.txid);
    }
    for (block, txids) in &accepted_of {
        if open.is_empty() {
            break;
        }
        let body = match chain.block(*block) {
            Ok(block) => block.body,
            Err(ConsensusError::UnknownBlock(_) | ConsensusError::Pruned(_)) => continue,
            Err(error) => return Err(error),
        };
        for tx in &body.txs {
            let spends = tx.core.inputs.iter().any(|input| open.contains(&input.outpoint));
            if spends && txids.contains(&tx.txid()) {
                take(&mut open, tx.txid(), &tx.core);
            }
        }
    }
    Ok(consumers)
}

/// What a transaction of this wallet's keys paid to others.
fn read_sent(keys: &WatchKeys, params: &Params, core: &TxCore, own: &BTreeSet<u32>) -> Vec<SentTo> {
    let inputs: Vec<OutPoint> = core.inputs.iter().map(|input| input.outpoint).collect();
    let others = core.outputs.iter().zip(0u32..).filter(|(_, position)| !own.contains(position));
    others
        .filter_map(|(output, position)| match output {
            Output::Coin { coin, .. } => {
                let sent = recover_sent(keys.outgoing(), &inputs, &core.salt, coin, position).ok()?;
                Some(SentTo {
                    to: Text(sent.recipient.to_text(params.address_prefix)),
                    asset: sent.asset,
                    value: sent.value,
                    note: bounded(&sent.note.unwrap_or_else(String::new)),
                })
            }
            Output::Memo(memo) => match (&memo.lock, &memo.value) {
                (Lock::Address(address), MemoValue::Public(value)) => Some(SentTo {
                    to: Text(zk_to_text(address)),
                    asset: memo.asset,
                    value: *value,
                    note: Text::default(),
                }),
                _ => None,
            },
        })
        .collect()
}
