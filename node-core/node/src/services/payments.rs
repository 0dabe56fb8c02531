//! Payments of this run of the program, as shells ask for them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Instant;

use umbel_api::send::{Payment, PaymentStage};
use umbel_api::{ApiError, ErrorCode, NodeEvent};
use umbel_types::consensus_api::{AcceptanceData, FinalityStatus, VirtualState};
use umbel_types::{BlockHash, BlueScore, OutPoint, Params, TxId};
use umbel_wallet::PaymentId;

use super::locked;
use super::mempool::GivenUp;
use crate::convert;
use crate::events::EventSink;

/// Payments remembered; the oldest that are over make room.
const MAX_PAYMENTS: usize = 4096;

/// Who knows how far a payment is.
enum Source {
    /// A wallet.
    Wallet(PaymentId),
    /// Nobody: test coins from the genesis wallet.
    Fund { txid: TxId, inputs: Vec<OutPoint>, accepted: Option<(BlockHash, BlueScore)> },
}

/// How far the chain is, for payments that wait to be final.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outlook {
    /// Blue score of the sink.
    pub(crate) sink: BlueScore,
    /// Blue score of the last final chain block.
    pub(crate) finalized: BlueScore,
    /// Whether votes come in time.
    pub(crate) votes_come: bool,
    /// Blue score that makes something `confirmed`, and a checkpoint old enough to be voted on.
    pub(crate) depth: u64,
    /// Blue score between two checkpoints.
    pub(crate) interval: u64,
    /// Blocks a second that are expected.
    pub(crate) blocks_per_second: u64,
}

impl Outlook {
    /// What the chain says.
    pub(crate) fn of(params: &Params, state: &VirtualState, finality: &FinalityStatus) -> Self {
        Self {
            sink: state.sink_blue_score,
            finalized: finality.finalized_blue_score,
            votes_come: finality.overlay_on && !finality.late,
            depth: params.confirmation_depth,
            interval: params.checkpoint_interval,
            blocks_per_second: u64::from(params.blocks_per_second),
        }
    }

    fn stage(&self, accepted: BlueScore) -> PaymentStage {
        if accepted <= self.finalized {
            PaymentStage::Final
        } else if accepted.saturating_add(self.depth) <= self.sink {
            PaymentStage::Confirmed
        } else {
            PaymentStage::Accepted
        }
    }

    /// Seconds until what was accepted at this blue score is usually final: its checkpoint and the next one, buried.
    fn final_in_s(&self, accepted: BlueScore) -> Option<u64> {
        if !self.votes_come || accepted <= self.finalized {
            return None;
        }
        let next = accepted.0.div_ceil(self.interval).saturating_add(1);
        let needed = next.saturating_mul(self.interval).saturating_add(self.depth);
        Some(needed.saturating_sub(self.sink.0).div_ceil(self.blocks_per_second).max(1))
    }
}

struct Entry {
    payment: Payment,
    source: Source,
    /// Its transactions, once they are recorded.
    txids: Vec<TxId>,
    /// Blue score of the block that accepted the last of them.
    accepted_at: Option<BlueScore>,
    started: Instant,
}

impl Entry {
    fn shown(&self) -> Payment {
        let age_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        Payment { age_ms, ..self.payment.clone() }
    }
}

#[derive(Default)]
struct Entries {
    last: u64,
    by_id: BTreeMap<u64, Entry>,
}

/// The payments of this run.
#[derive(Default)]
pub(crate) struct PaymentBook {
    entries: Mutex<Entries>,
}

fn is_over(stage: PaymentStage) -> bool {
    match stage {
        PaymentStage::Building | PaymentStage::Submitted | PaymentStage::Seen | PaymentStage::Accepted => false,
        PaymentStage::Confirmed
        | PaymentStage::Final
        | PaymentStage::Conflicted
        | PaymentStage::Expired
        | PaymentStage::Dropped
        | PaymentStage::Failed => true,
    }
}

impl PaymentBook {
    /// Notes a wallet's payment; `payment.id` is replaced.
    pub(crate) fn add_wallet(&self, payment: Payment, id: PaymentId) -> Payment {
        self.add(payment, Source::Wallet(id))
    }

    /// Notes a payment of test coins.
    pub(crate) fn add_fund(&self, payment: Payment, txid: TxId, inputs: Vec<OutPoint>) -> Payment {
        self.add(payment, Source::Fund { txid, inputs, accepted: None })
    }

    fn add(&self, mut payment: Payment, source: Source) -> Payment {
        let mut entries = locked(&self.entries);
        entries.last += 1;
        payment.id = entries.last;
        if entries.by_id.len() >= MAX_PAYMENTS {
            let oldest = entries.by_id.iter().find(|(_, e)| is_over(e.payment.stage)).map(|(id, _)| *id);
            if let Some(oldest) = oldest {
                entries.by_id.remove(&oldest);
            }
        }
        let entry = Entry { payment, source, txids: Vec::new(), accepted_at: None, started: Instant::now() };
        let shown = entry.shown();
        entries.by_id.insert(shown.id, entry);
        shown
    }

    /// How far a payment is.
    pub(crate) fn get(&self, id: u64) -> Result<Payment, ApiError> {
        let entries = locked(&self.entries);
        let entry = entries.by_id.get(&id);
        let unknown = || ApiError::new(ErrorCode::NotFound, format!("there is no payment {id} in this run"));
        entry.map(Entry::shown).ok_or_else(unknown)
    }

    /// Changes a payment and tells it.
    pub(crate) fn update(&self, id: u64, sink: &EventSink, change: impl FnOnce(&mut Payment)) {
        let mut entries = locked(&self.entries);
        if let Some(entry) = entries.by_id.get_mut(&id) {
            tell_change(entry, sink, |entry| change(&mut entry.payment));
        }
    }

    /// A wallet recorded a payment: from now on its transactions are what it is known by.
    pub(crate) fn built(&self, id: u64, txids: &[TxId], sink: &EventSink) {
        let mut entries = locked(&self.entries);
        if let Some(entry) = entries.by_id.get_mut(&id) {
            tell_change(entry, sink, |entry| {
                txids.clone_into(&mut entry.txids);
                entry.payment.txids = txids.iter().map(ToString::to_string).collect();
                entry.payment.txid = entry.payment.txids.last().cloned();
            });
        }
    }

    /// Outpoints that payments of test coins consume and that no chain block took yet.
    pub(crate) fn busy_funds(&self) -> BTreeSet<OutPoint> {
        let entries = locked(&self.entries);
        let open = entries.by_id.values().filter(|e| !is_over(e.payment.stage));
        let inputs = open.filter_map(|e| match &e.source {
            Source::Fund { inputs, accepted: None, .. } => Some(inputs),
            Source::Fund { .. } | Source::Wallet(_) => None,
        });
        inputs.flatten().copied().collect()
    }

    /// Takes over what a wallet knows of its payments.
    pub(crate) fn refresh_wallet(&self, wallet: &str, payments: &[umbel_wallet::Payment], sink: &EventSink) {
        let mut entries = locked(&self.entries);
        let own = entries.by_id.values_mut().filter(|e| e.payment.wallet == wallet);
        for entry in own {
            let Source::Wallet(id) = entry.source else { continue };
            let same = |known: &&umbel_wallet::Payment| {
                known.txids == entry.txids && (known.id == id || !known.txids.is_empty())
            };
            if let Some(known) = payments.iter().find(same) {
                tell_change(entry, sink, |entry| {
                    entry.accepted_at = known.accepted_at;
                    merge(&mut entry.payment, known);
                });
            }
        }
    }

    /// A block carries a transaction.
    pub(crate) fn on_seen(&self, txid: TxId, sink: &EventSink) {
        self.each_fund(sink, |stage, fund, _| {
            if *stage == PaymentStage::Submitted && *fund == txid {
                *stage = PaymentStage::Seen;
            }
        });
    }

    /// A chain block accepted transactions.
    pub(crate) fn on_accepted(&self, data: &AcceptanceData, sink: &EventSink) {
        self.each_fund(sink, |stage, fund, accepted| {
            if data.accepted.iter().any(|tx| tx.txid == *fund) {
                *stage = PaymentStage::Accepted;
                *accepted = Some((data.block, data.blue_score));
            }
        });
    }

    /// A block is no longer on the chain.
    pub(crate) fn on_removed(&self, block: BlockHash, sink: &EventSink) {
        self.each_fund(sink, |stage, _, accepted| {
            if accepted.is_some_and(|(by, _)| by == block) {
                *stage = PaymentStage::Seen;
                *accepted = None;
            }
        });
    }

    /// The chain has grown, or more of it is final.
    pub(crate) fn on_sink(&self, outlook: &Outlook, sink: &EventSink) {
        self.each_fund(sink, |stage, _, accepted| {
            if let Some((_, at)) = accepted {
                *stage = outlook.stage(*at);
            }
        });
        let mut entries = locked(&self.entries);
        for entry in entries.by_id.values_mut() {
            let accepted = match &entry.source {
                Source::Wallet(_) => entry.accepted_at,
                Source::Fund { accepted, .. } => accepted.map(|(_, at)| at),
            };
            let is_open = matches!(entry.payment.stage, PaymentStage::Accepted | PaymentStage::Confirmed);
            let final_in_s = accepted.filter(|_| is_open).and_then(|at| outlook.final_in_s(at));
            if entry.payment.final_in_s != final_in_s {
                tell_change(entry, sink, |entry| entry.payment.final_in_s = final_in_s);
            }
        }
    }

    /// The pool gave up transactions.
    pub(crate) fn on_given_up(&self, given_up: &[GivenUp], sink: &EventSink) {
        self.each_fund(sink, |stage, fund, accepted| {
            if accepted.is_none() && given_up.iter().any(|one| one.txid == *fund) {
                *stage = PaymentStage::Dropped;
            }
        });
    }

    /// The chain is thrown away: payments of test coins that are on their way are gone with it.
    pub(crate) fn on_reset(&self, sink: &EventSink) {
        self.each_fund(sink, |stage, _, accepted| {
            if !is_over(*stage) {
                *stage = PaymentStage::Dropped;
                *accepted = None;
            }
        });
    }

    fn each_fund(
        &self,
        sink: &EventSink,
        mut change: impl FnMut(&mut PaymentStage, &TxId, &mut Option<(BlockHash, BlueScore)>),
    ) {
        let mut entries = locked(&self.entries);
        for entry in entries.by_id.values_mut() {
            tell_change(entry, sink, |entry| {
                if let Source::Fund { txid, accepted, .. } = &mut entry.source {
                    change(&mut entry.payment.stage, txid, accepted);
                    entry.payment.accepted_in = accepted.map(|(block, _)| block.to_string());
                }
            });
        }
    }
}

fn tell_change(entry: &mut Entry, sink: &EventSink, change: impl FnOnce(&mut Entry)) {
    let before = entry.payment.clone();
    change(entry);
    if entry.payment != before {
        sink.tell(NodeEvent::Payment(entry.shown()));
    }
}

/// What the wallet knows, over what the shell knows.
fn merge(shown: &mut Payment, known: &umbel_wallet::Payment) {
    shown.stage = convert::stage(known.stage);
    shown.txids = known.txids.iter().map(ToString::to_string).collect();
    shown.txid = shown.txids.last().cloned();
    shown.amount = known.amount.to_string();
    shown.fee = known.fee.to_string();
    shown.accepted_in = known.accepted_in.map(|block| block.to_string());
    if shown.reason.is_none() {
        shown.reason = reason(shown.stage, known);
    }
}

fn reason(stage: PaymentStage, known: &umbel_wallet::Payment) -> Option<ApiError> {
    let (code, what) = match stage {
        PaymentStage::Building
        | PaymentStage::Submitted
        | PaymentStage::Seen
        | PaymentStage::Accepted
        | PaymentStage::Confirmed
        | PaymentStage::Final => return None,
        PaymentStage::Conflicted => {
            (ErrorCode::TxConflict, "a competing payment was accepted first; the money is free again")
        }
        PaymentStage::Expired => {
            (ErrorCode::TxRefused, "its time was over before a block took it; the money is free again")
        }
        PaymentStage::Dropped => (ErrorCode::TxRefused, "it was given up; the money is free again"),
        PaymentStage::Failed => (ErrorCode::Internal, "it could not be built; nothing was sent"),
    };
    let message = match &known.reason {
        Some(reason) => format!("{what}: {reason}"),
        None => what.to_owned(),
    };
    Some(ApiError::new(code, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{NodeConfig, StoreKind};
    use crate::services::clock::starting;
    use serde_json::json;
    use umbel_types::{Amount, AssetId, DaaScore, Network, TimestampMs};

    fn shown() -> Payment {
        serde_json::from_value(json!({
            "id": 0, "wallet": "alice", "stage": "building", "done": 0, "total": 1, "txid": null, "txids": [],
            "to": "", "fingerprint": "", "amount": "1", "asset": "STR", "fee": "0", "note": "", "public": false,
            "proof_ms": null, "age_ms": 0, "accepted_in": null, "reason": null
        }))
        .unwrap()
    }

    fn known(id: u64, txids: &[TxId], stage: umbel_wallet::PaymentStage) -> umbel_wallet::Payment {
        umbel_wallet::Payment {
            id: PaymentId(id),
            stage,
            txids: txids.to_vec(),
            to: String::new(),
            amount: Amount::ZERO,
            asset: AssetId::STR,
            fee: Amount::ZERO,
            note: String::new(),
            public: false,
            created: TimestampMs(0),
            expires: DaaScore(0),
            seen_in: None,
            accepted_in: None,
            accepted_at: None,
            conflict: None,
            reason: None,
        }
    }

    #[test]
    fn a_recorded_payment_is_known_by_its_transactions() {
        use umbel_wallet::PaymentStage as Stage;
        let (sink, _events) = EventSink::new(starting(&NodeConfig::new("/d", Network::Devnet), StoreKind::Mem));
        let book = PaymentBook::default();
        let id = book.add_wallet(shown(), PaymentId(7)).id;
        let stage = |payments: &[umbel_wallet::Payment]| {
            book.refresh_wallet("alice", payments, &sink);
            book.get(id).unwrap().stage
        };
        let (own, other) = ([TxId([1; 32])], [TxId([2; 32])]);
        // Another payment under the same number, of an earlier wallet of that name.
        assert_eq!(stage(&[known(7, &other, Stage::Dropped)]), PaymentStage::Building);
        book.built(id, &own, &sink);
        assert_eq!(stage(&[known(7, &[], Stage::Failed)]), PaymentStage::Building, "what was known before is old");
        assert_eq!(stage(&[known(7, &other, Stage::Dropped)]), PaymentStage::Building);
        assert_eq!(stage(&[known(9, &own, Stage::Submitted)]), PaymentStage::Submitted);
        assert_eq!(book.get(id).unwrap().txids, [own[0].to_string()]);
    }

    #[test]
    fn what_lies_below_a_final_checkpoint_is_final() {
        let outlook = |sink, finalized| Outlook {
            sink: BlueScore(sink),
            finalized: BlueScore(finalized),
            votes_come: true,
            depth: 10,
            interval: 10,
            blocks_per_second: 1,
        };
        let at = BlueScore(23);
        assert_eq!(outlook(24, 0).stage(at), PaymentStage::Accepted);
        assert_eq!(outlook(33, 20).stage(at), PaymentStage::Confirmed);
        assert_eq!(outlook(50, 23).stage(at), PaymentStage::Final);
        // Checkpoint 3 stands at 30; checkpoint 4 at 40 has to be buried by 10.
        assert_eq!(outlook(24, 10).final_in_s(at), Some(26));
        assert_eq!(outlook(49, 20).final_in_s(at), Some(1));
        assert_eq!(outlook(60, 20).final_in_s(at), Some(1), "it is late, not gone");
        assert_eq!(outlook(50, 30).final_in_s(at), None);
        assert_eq!(Outlook { votes_come: false, ..outlook(24, 10) }.final_in_s(at), None);
    }
}
