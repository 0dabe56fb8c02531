//! A wallet's payments: recorded, submitted, watched.

use std::sync::Arc;

use umbel_types::{BlockHash, Transaction, TxId};

use crate::build::BuiltPayment;
use crate::error::WalletError;
use crate::payment::{Payment, PaymentId, PaymentStage};
use crate::record::{PaymentRecord, Record, bounded};
use crate::state::{PaymentState, TxStanding};
use crate::wallet::{Building, Wallet};

impl Wallet {
    /// Records a built payment, durably. Only then do its transactions appear in [`Self::to_submit`].
    ///
    /// # Errors
    /// [`WalletError::Journal`]: it could not be recorded, so it must not be sent; its coins are free again.
    /// [`WalletError::FilesRemoved`]: likewise. [`WalletError::NoSuchPayment`]: it was given up meanwhile.
    pub fn finish_payment(&mut self, built: BuiltPayment) -> Result<Payment, WalletError> {
        let id = built.id;
        let building = self.building.remove(&id).filter(|building| building.failed.is_none());
        let Some(Building { plan, created, valid, .. }) = building else {
            return Err(WalletError::NoSuchPayment(id.0));
        };
        let record = PaymentRecord {
            id: id.0,
            txs: built.txs,
            own: built.own,
            to: bounded(&plan.request.to.to_text(self.with.params.address_prefix)),
            to_self: plan.to_self,
            asset: plan.request.asset,
            amount: plan.amount,
            fee: plan.fee,
            note: bounded(&plan.request.note),
            public: matches!(plan.request.to, umbel_crypto::Address::Zk13str(_)),
            created,
            expires: valid.end,
        };
        if let Err(error) = self.record(&[Record::Sent(Box::new(record))], true) {
            self.memory.forget_payment(id.0);
            return Err(match error {
                WalletError::FilesRemoved { .. } => error,
                error => WalletError::Journal(error.to_string()),
            });
        }
        tracing::info!(target: "umbel::wallet", wallet = self.name(), payment = id.0, "payment recorded");
        self.payment(id).ok_or(WalletError::NoSuchPayment(id.0))
    }

    /// Frees the coins of a payment that was not built, or was built to be sent by other means.
    pub fn fail_payment(&mut self, id: PaymentId, reason: &WalletError) {
        if let Some(building) = self.building.get_mut(&id) {
            building.failed = Some(reason.to_string());
        }
    }

    /// Forgets a payment that was built to be sent by other means: its coins are free, and it is not listed.
    pub fn release_payment(&mut self, id: PaymentId) {
        self.building.remove(&id);
    }

    /// Transactions that the pool should have: recorded, not accepted, not over, their inputs unspent. After a restart,
    /// and after merged coins arrive, this is what to submit again.
    pub fn to_submit(&self) -> Vec<Arc<Transaction>> {
        let mut ready = Vec::new();
        for payment in self.memory.payments.values() {
            let stage = self.memory.stage(payment, &self.moment());
            if !stage.holds_coins() {
                continue;
            }
            for (position, tx) in payment.record.txs.iter().enumerate() {
                let unspent = || tx.core.inputs.iter().all(|input| self.memory.is_unspent(&input.outpoint));
                if self.memory.standing(payment, position) == TxStanding::Open && unspent() {
                    ready.push(tx.clone());
                }
            }
        }
        ready
    }

    /// A block carries the transaction; `None` takes that back.
    pub fn mark_seen(&mut self, txid: TxId, block: Option<BlockHash>) {
        let Some((id, position)) = self.memory.payment_of.get(&txid).copied() else { return };
        let Some(payment) = self.memory.payments.get_mut(&id) else { return };
        match block {
            Some(block) => payment.seen.insert(position, block),
            None => payment.seen.remove(&position),
        };
    }

    /// The pool refused or gave up the transaction: its payment is dropped, its coins are free. Should a block accept it
    /// all the same, it is accepted.
    pub fn mark_dropped(&mut self, txid: TxId, reason: &str) {
        let Some((payment, _)) = self.memory.payment_of.get(&txid).copied() else { return };
        let record = Record::Dropped { payment, reason: Some(bounded(reason)) };
        if let Err(error) = self.record(&[record], false) {
            tracing::warn!(target: "umbel::wallet", wallet = self.name(), "a dropped payment is not recorded: {error}");
        }
    }

    /// Payments, newest first: those being built, those on their way, and all earlier ones that the journal holds.
    pub fn payments(&self) -> Vec<Payment> {
        let building = self.building.iter().rev().map(|(id, building)| self.payment_in_the_making(*id, building));
        let mut payments: Vec<Payment> = building.collect();
        payments.extend(self.memory.payments.values().rev().map(|payment| self.describe(payment)));
        payments.sort_by_key(|payment| core::cmp::Reverse(payment.id));
        payments
    }

    /// One payment.
    pub fn payment(&self, id: PaymentId) -> Option<Payment> {
        let building = self.building.get(&id).map(|building| self.payment_in_the_making(id, building));
        building.or_else(|| self.memory.payments.get(&id.0).map(|payment| self.describe(payment)))
    }

    fn payment_in_the_making(&self, id: PaymentId, building: &Building) -> Payment {
        let Building { plan, created, valid, failed } = building;
        Payment {
            id,
            stage: if failed.is_some() { PaymentStage::Failed } else { PaymentStage::Building },
            txids: Vec::new(),
            to: plan.request.to.to_text(self.with.params.address_prefix),
            amount: plan.amount,
            asset: plan.request.asset,
            fee: plan.fee,
            note: plan.request.note.clone(),
            public: matches!(plan.request.to, umbel_crypto::Address::Zk13str(_)),
            created: *created,
            expires: valid.end,
            seen_in: None,
            accepted_in: None,
            accepted_at: None,
            conflict: None,
            reason: failed.clone(),
        }
    }

    fn describe(&self, payment: &PaymentState) -> Payment {
        let stage = self.memory.stage(payment, &self.moment());
        let record = &payment.record;
        let last = payment.txids.len().saturating_sub(1);
        let conflict = (0..payment.txids.len()).find_map(|position| match self.memory.standing(payment, position) {
            TxStanding::Conflicted(by) => by,
            TxStanding::Accepted | TxStanding::Unknown | TxStanding::Open => None,
        });
        let reason = match stage {
            PaymentStage::Conflicted => {
                Some("a competing transaction was accepted first; the funds are free".to_owned())
            }
            PaymentStage::Expired => {
                Some("it was not accepted in time and can't be any more; the funds are free".to_owned())
            }
            PaymentStage::Dropped => payment.dropped.clone(),
            PaymentStage::Submitted | PaymentStage::Seen
                if self.memory.standing(payment, last) == TxStanding::Unknown =>
            {
                Some("its coins were consumed; whether by this payment, the wallet did not see".to_owned())
            }
            _ => None,
        };
        let fact = payment.txids.get(last).and_then(|txid| self.memory.facts.get(&crate::history::EntryId::Tx(*txid)));
        Payment {
            id: PaymentId(record.id),
            stage,
            txids: payment.txids.clone(),
            to: record.to.0.clone(),
            amount: record.amount,
            asset: record.asset,
            fee: record.fee,
            note: record.note.0.clone(),
            public: record.public,
            created: record.created,
            expires: record.expires,
            seen_in: payment.seen.get(&last).copied(),
            accepted_in: fact.and_then(|fact| fact.accepted_in).map(|(block, _)| block),
            accepted_at: fact.and_then(|fact| fact.accepted_in).map(|(_, blue_score)| blue_score),
            conflict,
            reason,
        }
    }
}
