//! One open wallet.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use umbel_crypto::keys::ConfidentialAddress;
use umbel_types::consensus_api::ConsensusApi;
use umbel_types::{Amount, AssetId, BlockHash, DaaScore, Transaction, TxId};

use crate::error::WalletError;
use crate::history::{HistoryPage, HistoryQuery};
use crate::payment::{Payment, PaymentId};
use crate::plan::{PaymentPlan, PaymentRequest};

/// How far a wallet is open. A wallet that was not opened yet is no [`Wallet`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockStatus {
    /// It is scanned, it can't spend: the spend key is not in memory.
    Locked,
    /// Open.
    Unlocked,
}

/// Balance of one asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Balance {
    /// May be spent now.
    pub spendable: Amount,
    /// On its way back: change and payments to itself that are not accepted yet.
    pub pending: Amount,
    /// Mined, not mature.
    pub immature: Amount,
}

/// How far a wallet has looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct ScanState {
    /// Whether everything known was looked at.
    pub complete: bool,
    /// Outputs (first scan) or chain blocks (following) looked at.
    pub done: u64,
    /// Of so many.
    pub total: u64,
    /// DAA score up to which the balance is right.
    pub verified_to: DaaScore,
}

/// What a scan looked for, so that an empty wallet can say why it is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct SearchReport {
    /// Outputs that were tried with the view key: this finds payments to every confidential address there can be.
    pub outputs_tried: u64,
    /// zk13str addresses looked for: indices `0..zk13str_searched`.
    pub zk13str_searched: u32,
    /// Coins and memos found, spent ones included.
    pub found: u64,
    /// Coins whose owner can be checked only once the wallet is unlocked; not counted in any balance.
    pub unverified: u64,
}

/// An address that was handed out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressEntry {
    /// Its number.
    pub index: u32,
    /// Text of the confidential address.
    pub confidential: String,
    /// Text of the public address of the same number.
    pub zk13str: String,
    /// What it is for.
    pub label: String,
    /// Received on either address so far, STR, as far as this wallet saw it.
    pub received: Amount,
    /// Fingerprint of the confidential address.
    pub fingerprint: String,
}

/// One open wallet: its coins, its history, its payments. Made by [`crate::WalletFolder`].
pub struct Wallet {}

impl Wallet {
    /// Its name.
    pub fn name(&self) -> &str {
        unimplemented!()
    }

    /// How far it is open.
    pub fn status(&self) -> LockStatus {
        unimplemented!()
    }

    /// Drops the spend keys. Scanning goes on. A payment that is being built keeps its own hold until it is done.
    pub fn lock(&mut self) {
        unimplemented!()
    }

    /// Opens it again. Takes as long as the file's key derivation.
    ///
    /// # Errors
    /// [`WalletError::WrongPassword`], [`WalletError::Damaged`].
    pub fn unlock(&mut self, _password: &str) -> Result<(), WalletError> {
        unimplemented!()
    }

    /// Whether a generation of its file or the end of its journal had to be given up, in sentences for people. Each is
    /// told once.
    pub fn take_repairs(&mut self) -> Vec<String> {
        unimplemented!()
    }

    /// Looks at up to `limit` further outputs or chain blocks. Call it until [`ScanState::complete`], and again whenever
    /// the virtual state is newer.
    ///
    /// # Errors
    /// [`WalletError::Consensus`]: the wallet is as before, call again.
    pub fn scan_step(&mut self, _chain: &dyn ConsensusApi, _limit: usize) -> Result<ScanState, WalletError> {
        unimplemented!()
    }

    /// How far it has looked.
    pub fn scan_state(&self) -> ScanState {
        unimplemented!()
    }

    /// What it looked for.
    pub fn search_report(&self) -> SearchReport {
        unimplemented!()
    }

    /// Balances by asset; STR is always there.
    pub fn balances(&self) -> BTreeMap<AssetId, Balance> {
        unimplemented!()
    }

    /// Unspent coins and memos.
    pub fn coin_count(&self) -> usize {
        unimplemented!()
    }

    /// Addresses handed out so far, newest first; never empty.
    pub fn addresses(&self) -> Vec<AddressEntry> {
        unimplemented!()
    }

    /// A fresh address.
    ///
    /// # Errors
    /// [`WalletError::Locked`] where making one needs the spend key, [`WalletError::Io`].
    pub fn new_address(&mut self, _label: &str) -> Result<AddressEntry, WalletError> {
        unimplemented!()
    }

    /// Where a miner may pay: the first confidential address.
    pub fn payout_address(&self) -> ConfidentialAddress {
        unimplemented!()
    }

    /// What came and went, newest first.
    pub fn history(&self, _query: &HistoryQuery) -> HistoryPage {
        unimplemented!()
    }

    /// What a payment would take, without making it.
    ///
    /// # Errors
    /// [`WalletError::InsufficientFunds`], [`WalletError::NeedsPublic`], [`WalletError::ZeroAmount`],
    /// [`WalletError::NoteTooLong`], [`WalletError::TooManyCoins`], [`WalletError::NotScanned`].
    pub fn plan(&self, _request: &PaymentRequest) -> Result<PaymentPlan, WalletError> {
        unimplemented!()
    }

    /// Reserves the plan's coins. Run the job on another thread, then give its outcome to [`Self::finish_payment`] or
    /// [`Self::fail_payment`].
    ///
    /// # Errors
    /// [`WalletError::Locked`], [`WalletError::PlanOutdated`].
    pub fn start_payment(&mut self, _plan: PaymentPlan) -> Result<BuildJob, WalletError> {
        unimplemented!()
    }

    /// Records a built payment. Only then do its transactions appear in [`Self::to_submit`].
    ///
    /// # Errors
    /// [`WalletError::Journal`]: it could not be recorded, so it must not be sent; its coins are free again.
    pub fn finish_payment(&mut self, _built: BuiltPayment) -> Result<Payment, WalletError> {
        unimplemented!()
    }

    /// Frees the coins of a payment that was not built, or was built to be sent by other means.
    pub fn fail_payment(&mut self, _id: PaymentId, _reason: &WalletError) {
        unimplemented!()
    }

    /// Transactions that the pool should have: recorded, not accepted, not over, their inputs unspent. After a restart,
    /// and after merged coins arrive, this is what to submit again.
    pub fn to_submit(&self) -> Vec<Arc<Transaction>> {
        unimplemented!()
    }

    /// A block carries the transaction; `None` takes that back.
    pub fn mark_seen(&mut self, _txid: TxId, _block: Option<BlockHash>) {
        unimplemented!()
    }

    /// The pool refused or gave up the transaction: its payment is dropped, its coins are free.
    pub fn mark_dropped(&mut self, _txid: TxId, _reason: &str) {
        unimplemented!()
    }

    /// Payments, newest first: all that are not confirmed, and those of this run.
    pub fn payments(&self) -> Vec<Payment> {
        unimplemented!()
    }

    /// One payment.
    pub fn payment(&self, _id: PaymentId) -> Option<Payment> {
        unimplemented!()
    }

    /// Writes what is not written yet. Dropping the wallet does the same, without telling of failures.
    ///
    /// # Errors
    /// [`WalletError::Io`].
    pub fn flush(&mut self) -> Result<(), WalletError> {
        unimplemented!()
    }
}

/// A payment to build: holds what it needs, the spend keys included, and no more. `Send`, so that it can run anywhere.
pub struct BuildJob {}

impl BuildJob {
    /// The payment's number.
    pub fn id(&self) -> PaymentId {
        unimplemented!()
    }

    /// Proofs to be made in all.
    pub fn total(&self) -> usize {
        unimplemented!()
    }

    /// Makes all proofs and signatures, on this thread. `progress(done, total)` is called after each proof; `cancel` is
    /// looked at before each.
    ///
    /// # Errors
    /// [`WalletError::Cancelled`], [`WalletError::Build`], [`WalletError::Randomness`].
    pub fn run(self, _progress: &mut dyn FnMut(usize, usize), _cancel: &AtomicBool) -> Result<BuiltPayment, WalletError> {
        unimplemented!()
    }
}

/// A payment with all its proofs and signatures, recorded nowhere.
#[derive(Debug)]
pub struct BuiltPayment {}

impl BuiltPayment {
    /// The payment's number.
    pub fn id(&self) -> PaymentId {
        unimplemented!()
    }

    /// Its transactions, those that merge coins first.
    pub fn transactions(&self) -> &[Arc<Transaction>] {
        unimplemented!()
    }

    /// How long the proofs took.
    pub fn proof_time(&self) -> std::time::Duration {
        unimplemented!()
    }
}
