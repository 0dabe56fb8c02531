//! One open wallet.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use umbel_crypto::keys::ConfidentialAddress;
use umbel_types::{Amount, AssetId, BlockHash, BlueScore, DaaRange, DaaScore, OutPoint, Params, TimestampMs};

use crate::build::BuildJob;
use crate::coins::OwnedCoin;
use crate::error::WalletError;
use crate::follow::Rescan;
use crate::history::{self, HistoryPage, HistoryQuery, View};
use crate::journal::Journal;
use crate::keys::{SpendKeys, WatchKeys, derive};
use crate::payment::PaymentId;
use crate::plan::{Funds, PaymentPlan, PaymentRequest, plan};
use crate::prove::ChainTerms;
use crate::record::{ChainDelta, Record, bounded};
use crate::scan::SnapshotScan;
use crate::secrets_file::SecretsFile;
use crate::seed::WalletSecrets;
use crate::state::{Memory, Moment};

/// Seconds of DAA score in which a payment may be accepted: a day, so that one that hangs is over within a day.
pub(crate) const PAYMENT_LIFETIME_S: u64 = 24 * 3600;

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
    /// In the first scan: outputs looked at. Afterwards: the DAA score reached.
    pub done: u64,
    /// Of so many outputs, or the DAA score of the chain.
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
    /// Whether payments at the end of that range ask for a deeper search, which starts once the wallet is unlocked.
    pub deeper_search_waits: bool,
    /// Unspent coins and memos found.
    pub found: u64,
    /// Coins whose owner can be checked only once the wallet is unlocked; not counted in any balance.
    pub unverified: u64,
}

/// What opening needs besides secrets.
pub(crate) struct OpenWith {
    pub(crate) name: String,
    pub(crate) secrets_path: PathBuf,
    pub(crate) journal_path: PathBuf,
    pub(crate) params: Params,
    pub(crate) genesis: BlockHash,
    pub(crate) payout: ConfidentialAddress,
}

/// A payment that is being built.
pub(crate) struct Building {
    pub(crate) plan: PaymentPlan,
    pub(crate) created: TimestampMs,
    pub(crate) valid: DaaRange,
    pub(crate) failed: Option<String>,
}

/// One open wallet: its coins, its history, its payments. Made by [`crate::WalletFolder`].
///
/// One owner at a time calls it; only [`BuildJob`] runs elsewhere.
pub struct Wallet {
    pub(crate) with: OpenWith,
    pub(crate) spend: Option<Arc<SpendKeys>>,
    pub(crate) watch: Arc<WatchKeys>,
    pub(crate) memory: Memory,
    pub(crate) journal: Journal,
    pub(crate) building: BTreeMap<PaymentId, Building>,
    /// DAA score of the next block, as of the last scan.
    pub(crate) now: DaaScore,
    /// Blue and DAA score of the last final chain block, as of the last scan.
    pub(crate) finalized: (BlueScore, DaaScore),
    pub(crate) scan: Option<SnapshotScan>,
    pub(crate) state: ScanState,
    pub(crate) outputs_tried: u64,
    pub(crate) rescan: Rescan,
    pub(crate) unwritten_blocks: u64,
    journal_lacks_records: bool,
    repairs: Vec<String>,
}

/// Milliseconds since the Unix epoch; zero where the clock stands before it.
pub(crate) fn now_ms() -> TimestampMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    TimestampMs(u64::try_from(since).unwrap_or(u64::MAX))
}

impl Wallet {
    pub(crate) fn open(with: OpenWith, secrets: &WalletSecrets) -> Result<Self, WalletError> {
        let key = secrets.journal_key(with.params.network);
        let (journal, records, torn) = Journal::open(&with.journal_path, key)?;
        let mut memory = Memory::default();
        memory.apply(&Record::Address { index: 0, label: bounded("") });
        for record in &records {
            memory.apply(record);
        }
        if let Some(last) = memory.payments.keys().next_back() {
            PaymentId(*last).note();
        }
        let (spend, watch) = derive(secrets, with.params.network, memory.handed_out(), memory.next_internal);
        let now = memory.cursor.map_or(DaaScore(0), |cursor| cursor.daa_score.saturating_add(1));
        // A position at genesis may be all that was written of a chain that began anew.
        let is_followed = memory.cursor.is_some_and(|cursor| cursor.block != with.genesis);
        let mut wallet = Self {
            with,
            spend: Some(Arc::new(spend)),
            watch: Arc::new(watch),
            rescan: if is_followed { Rescan::No } else { Rescan::Now },
            memory,
            journal,
            building: BTreeMap::new(),
            now,
            finalized: (BlueScore(0), DaaScore(0)),
            scan: None,
            state: ScanState::default(),
            outputs_tried: 0,
            unwritten_blocks: 0,
            journal_lacks_records: false,
            repairs: Vec::new(),
        };
        if let Some(torn) = torn {
            wallet.tell_repair(format!(
                "The end of the wallet's journal could not be read: {} bytes were put into {} and left out. No money is \
                 lost; labels or notes written last may be.",
                torn.bytes,
                torn.kept_in.display()
            ));
        }
        Ok(wallet)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.with.name
    }

    /// How far it is open.
    pub fn status(&self) -> LockStatus {
        if self.spend.is_some() { LockStatus::Unlocked } else { LockStatus::Locked }
    }

    /// Drops the spend keys. Scanning goes on. A payment that is being built keeps its own hold until it is done.
    pub fn lock(&mut self) {
        self.spend = None;
        tracing::info!(target: "umbel::wallet", wallet = self.name(), "wallet locked");
    }

    /// Opens it again. Takes as long as the file's key derivation.
    ///
    /// # Errors
    /// [`WalletError::WrongPassword`], [`WalletError::Damaged`], [`WalletError::FilesRemoved`].
    pub fn unlock(&mut self, password: &str) -> Result<(), WalletError> {
        self.journal.check_in_place()?;
        let path = &self.with.secrets_path;
        let damaged = |damage| WalletError::Damaged { path: path.clone(), damage };
        let secrets = SecretsFile::load(path).map_err(damaged)?.file.open(password, path)?;
        // Payments near the end of the addresses looked for waited for keys to look further.
        if !self.covers() {
            self.want_rescan();
        }
        self.derive_from(&secrets);
        self.confirm_unverified();
        tracing::info!(target: "umbel::wallet", wallet = self.name(), "wallet unlocked");
        Ok(())
    }

    /// Derives all keys anew, with tables that reach beyond the addresses in use.
    pub(crate) fn derive_from(&mut self, secrets: &WalletSecrets) {
        let network = self.with.params.network;
        let (spend, watch) = derive(secrets, network, self.memory.handed_out(), self.memory.next_internal);
        self.spend = Some(Arc::new(spend));
        self.watch = Arc::new(watch);
    }

    pub(crate) fn moment(&self) -> Moment {
        Moment {
            daa_score: self.now,
            confirmation_depth: self.with.params.confirmation_depth,
            final_blue_score: self.finalized.0,
            final_daa_score: self.finalized.1,
        }
    }

    pub(crate) fn want_rescan(&mut self) {
        if self.rescan == Rescan::No {
            self.rescan = Rescan::WhenFollowed;
        }
    }

    /// Whether the tables of addresses reach far enough beyond those in use.
    pub(crate) fn covers(&self) -> bool {
        self.watch.covers(self.memory.handed_out(), self.memory.next_internal)
    }

    /// Sentences for people about what had to be repaired when it was opened: a generation of its file, the end of its
    /// journal. Each is told once.
    pub fn take_repairs(&mut self) -> Vec<String> {
        core::mem::take(&mut self.repairs)
    }

    pub(crate) fn tell_repair(&mut self, sentence: String) {
        tracing::warn!(target: "umbel::wallet", wallet = self.name(), "{sentence}");
        self.repairs.push(sentence);
    }

    /// Applies records and writes them. Where writing fails, they hold in memory all the same.
    pub(crate) fn record(&mut self, records: &[Record], durable: bool) -> Result<(), WalletError> {
        for record in records {
            self.memory.apply(record);
        }
        self.write(records, durable)
    }

    /// Writes records that hold in memory. After a failure the file lacks some: then all of the memory is written anew.
    pub(crate) fn write(&mut self, records: &[Record], durable: bool) -> Result<(), WalletError> {
        let outcome = if self.journal_lacks_records {
            self.journal.rewrite(&self.memory.to_records())
        } else {
            self.journal.append(records, durable)
        };
        self.journal_lacks_records = outcome.is_err();
        outcome?;
        if self.journal.wants_compaction()
            && let Err(error) = self.journal.rewrite(&self.memory.to_records())
        {
            tracing::warn!(target: "umbel::wallet", wallet = self.name(), "the journal was not compacted: {error}");
        }
        Ok(())
    }

    /// How far it has looked.
    pub fn scan_state(&self) -> ScanState {
        self.state
    }

    /// What it looked for.
    pub fn search_report(&self) -> SearchReport {
        let unverified = self.memory.coins.values().filter(|coin| !coin.verified).count();
        SearchReport {
            outputs_tried: self.scan.as_ref().map_or(self.outputs_tried, |scan| scan.done),
            zk13str_searched: self.watch.zk_searched(),
            deeper_search_waits: !self.covers(),
            found: (self.memory.coins.len() - unverified) as u64,
            unverified: unverified as u64,
        }
    }

    /// Inputs of payments that are being built or on their way.
    pub(crate) fn reserved(&self) -> BTreeSet<OutPoint> {
        let mut reserved = self.memory.reserved(&self.moment());
        let building = self.building.values().filter(|building| building.failed.is_none());
        reserved.extend(building.flat_map(|building| building.plan.own_inputs()));
        reserved
    }

    pub(crate) fn spendable_coins(&self) -> Vec<&OwnedCoin> {
        let reserved = self.reserved();
        self.memory
            .coins
            .values()
            .filter(|coin| coin.verified && !reserved.contains(&coin.outpoint) && self.is_mature(coin))
            .collect()
    }

    fn is_mature(&self, coin: &OwnedCoin) -> bool {
        coin.mature_at(self.with.params.coinbase_maturity) <= self.now
    }

    /// Balances by asset; STR is always there.
    pub fn balances(&self) -> BTreeMap<AssetId, Balance> {
        let mut balances = BTreeMap::from([(AssetId::STR, Balance::default())]);
        // Of one asset there are at most 2⁶⁴ − 1 base units in all, so sums of own ones fit.
        let add = |sum: &mut Amount, value: Amount| *sum = sum.checked_add(value).unwrap_or(Amount::MAX);
        let reserved = self.reserved();
        let free = self.memory.coins.values().filter(|coin| coin.verified && !reserved.contains(&coin.outpoint));
        for coin in free {
            let balance = balances.entry(coin.asset).or_default();
            add(if self.is_mature(coin) { &mut balance.spendable } else { &mut balance.immature }, coin.value);
        }
        let back = self.building.values().filter(|building| building.failed.is_none());
        let back = back.flat_map(|building| building.plan.comes_back());
        for (asset, value) in self.memory.pending(&self.moment()).into_iter().chain(back) {
            add(&mut balances.entry(asset).or_default().pending, value);
        }
        balances
    }

    /// Unspent coins and memos.
    pub fn coin_count(&self) -> usize {
        self.memory.coins.values().filter(|coin| coin.verified).count()
    }

    /// What came and went, newest first.
    pub fn history(&self, query: &HistoryQuery) -> HistoryPage {
        let view =
            View { memory: &self.memory, now: self.moment(), coinbase_maturity: self.with.params.coinbase_maturity };
        history::page(&view, query)
    }

    /// Refuses what needs to know every coin.
    ///
    /// # Errors
    /// [`WalletError::NotScanned`].
    pub(crate) fn check_scanned(&self) -> Result<(), WalletError> {
        if self.rescan != Rescan::No || self.memory.cursor.is_none() { Err(WalletError::NotScanned) } else { Ok(()) }
    }

    /// What a payment would take, without making it.
    ///
    /// # Errors
    /// [`WalletError::InsufficientFunds`], [`WalletError::NeedsPublic`], [`WalletError::ZeroAmount`],
    /// [`WalletError::NoteTooLong`], [`WalletError::TooManyCoins`], [`WalletError::NotScanned`].
    pub fn plan(&self, request: &PaymentRequest) -> Result<PaymentPlan, WalletError> {
        self.check_scanned()?;
        let to_self = match &request.to {
            umbel_crypto::Address::Confidential(address) => self.watch.owns_address(address),
            umbel_crypto::Address::Zk13str(address) => self.watch.zk_index(address).is_some(),
        };
        plan(request, &Funds { coins: self.spendable_coins(), to_self })
    }

    /// Reserves the plan's coins. Run the job on another thread, then give its outcome to [`Self::finish_payment`] or
    /// [`Self::fail_payment`].
    ///
    /// # Errors
    /// [`WalletError::Locked`], [`WalletError::PlanOutdated`], [`WalletError::FilesRemoved`], [`WalletError::Io`].
    pub fn start_payment(&mut self, plan: PaymentPlan) -> Result<BuildJob, WalletError> {
        if self.spend.is_none() {
            return Err(WalletError::Locked);
        }
        let free: BTreeSet<OutPoint> = self.spendable_coins().iter().map(|coin| coin.outpoint).collect();
        if !plan.own_inputs().all(|outpoint| free.contains(&outpoint)) {
            return Err(WalletError::PlanOutdated);
        }
        let first_internal = self.memory.next_internal;
        let next = first_internal.saturating_add(plan.internal);
        self.record(&[Record::Internal(next)], true)?;
        if !self.watch.covers(self.memory.handed_out(), next) {
            self.reach_further();
        }
        let Some(spend) = self.spend.clone() else { return Err(WalletError::Locked) };
        let created = now_ms();
        let id = PaymentId::next(created);
        let lifetime = self.with.params.daa_of_seconds(PAYMENT_LIFETIME_S);
        let valid = DaaRange { start: DaaScore(0), end: self.now.saturating_add(lifetime) };
        let job = BuildJob {
            id,
            steps: plan.steps.clone(),
            to: plan.request.to.clone(),
            to_self: plan.to_self,
            note: plan.request.note.clone(),
            first_internal,
            spend,
            watch: self.watch.clone(),
            terms: ChainTerms { chain: self.with.params.chain_id, genesis: self.with.genesis, valid },
        };
        self.building.insert(id, Building { plan, created, valid, failed: None });
        Ok(job)
    }

    /// Writes what is not written yet. Dropping the wallet does the same, without telling of failures.
    ///
    /// # Errors
    /// [`WalletError::FilesRemoved`], [`WalletError::Io`].
    pub fn flush(&mut self) -> Result<(), WalletError> {
        if self.unwritten_blocks > 0 && self.memory.cursor.is_some() {
            let delta = ChainDelta { cursor: self.memory.cursor, ..ChainDelta::default() };
            self.write(&[Record::Chain(Box::new(delta))], false)?;
            self.unwritten_blocks = 0;
        }
        self.journal.sync()
    }
}

impl Drop for Wallet {
    fn drop(&mut self) {
        if let Err(error) = self.flush() {
            tracing::warn!(target: "umbel::wallet", wallet = self.name(), "not everything was written: {error}");
        }
    }
}
