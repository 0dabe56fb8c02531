//! Open wallets: scanning, submitting what waits to be sent, locking by itself.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use umbel_api::node::NodeWarning;
use umbel_api::wallet::{LockStatus, WalletList, WalletState, WalletSummary};
use umbel_api::{ApiError, ErrorCode, NodeEvent};
use umbel_types::{BlockHash, Params, Transaction, TxId};
use umbel_wallet::{Damage, KdfProfile, Wallet, WalletError, WalletFolder};

use super::chain::Chain;
use super::mempool::{GivenUp, Standing};
use super::{TICK, locked};
use crate::config::Layout;
use crate::convert;
use crate::node::Core;
use crate::view;

/// Outputs or chain blocks that a wallet looks at before another caller may use it.
const SCAN_STEP: usize = 512;
/// Rounds of scanning before the other wallets have their turn.
const ROUNDS: usize = 8;
/// Longest wait for those who use a wallet that is removed: a round of scanning or a call.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(5);
/// Time between two looks whether they still do.
const RELEASE_POLL: Duration = Duration::from_millis(5);
/// Warnings of wallets that are kept.
const MAX_WARNINGS: usize = 16;

/// Time since a shell used a wallet.
#[derive(Debug)]
struct IdleTimer {
    last_use: Mutex<Instant>,
}

impl IdleTimer {
    fn new(now: Instant) -> Self {
        Self { last_use: Mutex::new(now) }
    }

    fn used(&self, now: Instant) {
        *locked(&self.last_use) = now;
    }

    /// Time until wallets lock, after this many minutes without use; `None` for never.
    fn left(&self, minutes: u32, now: Instant) -> Option<Duration> {
        let limit = Duration::from_secs(u64::from(minutes) * 60);
        (minutes > 0).then(|| limit.saturating_sub(now.saturating_duration_since(*locked(&self.last_use))))
    }
}

/// An open wallet, used by one caller at a time.
pub(crate) type OpenWallet = Arc<Mutex<Wallet>>;

/// A wallet as its folder counts it: names that differ in case only are one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key(String);

impl Key {
    fn of(name: &str) -> Self {
        Self(name.to_lowercase())
    }
}

/// Up to where a wallet has looked at everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Scanned {
    epoch: u64,
    version: u64,
}

/// The wallets of the folder, and which are open.
pub(crate) struct WalletService {
    /// The folder itself.
    pub(crate) folder: WalletFolder,
    /// Held while a wallet is made, opened or removed: two `Wallet`s over one journal would each miss what the other
    /// writes. Taken before any other lock.
    opening: Mutex<()>,
    open: Mutex<BTreeMap<Key, OpenWallet>>,
    scanned: Mutex<BTreeMap<Key, Scanned>>,
    /// Names of wallets whose words were written down, as the folder said last.
    backed_up: Mutex<BTreeSet<String>>,
    told: Mutex<BTreeMap<Key, WalletState>>,
    idle: IdleTimer,
    warnings: Mutex<VecDeque<NodeWarning>>,
}

impl WalletService {
    /// Opens the folder; no wallet is open yet.
    pub(crate) fn new(layout: &Layout, params: &Params, genesis: BlockHash) -> Result<Self, ApiError> {
        let folder = WalletFolder::open(&layout.wallets(), params.clone(), genesis, KdfProfile::of(params.network))
            .map_err(|e| convert::wallet_error(&e))?;
        Ok(Self {
            folder,
            opening: Mutex::default(),
            open: Mutex::default(),
            scanned: Mutex::default(),
            backed_up: Mutex::default(),
            told: Mutex::default(),
            idle: IdleTimer::new(Instant::now()),
            warnings: Mutex::default(),
        })
    }

    /// A shell used a wallet: the time until it locks begins anew.
    pub(crate) fn used(&self) {
        self.idle.used(Instant::now());
    }

    /// Seconds until wallets lock, after this many minutes without use.
    pub(crate) fn locks_in(&self, minutes: u32) -> Option<u64> {
        self.idle.left(minutes, Instant::now()).map(|left| left.as_secs())
    }

    /// The wallet, if it is open.
    pub(crate) fn find(&self, name: &str) -> Option<OpenWallet> {
        locked(&self.open).get(&Key::of(name)).cloned()
    }

    /// The wallet, which must be open.
    pub(crate) fn get(&self, name: &str) -> Result<OpenWallet, ApiError> {
        if let Some(wallet) = self.find(name) {
            return Ok(wallet);
        }
        self.summary(name)?;
        Err(ApiError::new(ErrorCode::Locked, format!("the wallet {name:?} is locked: unlock it first")))
    }

    /// What the folder says of a wallet.
    pub(crate) fn summary(&self, name: &str) -> Result<umbel_wallet::WalletSummary, ApiError> {
        let all = self.folder.list().map_err(|e| convert::wallet_error(&e))?;
        let unknown = || convert::wallet_error(&WalletError::NoSuchWallet(name.to_owned()));
        all.into_iter().find(|w| Key::of(&w.name) == Key::of(name)).ok_or_else(unknown)
    }

    /// Adds a wallet to the folder: `make` writes its files and opens it.
    ///
    /// # Errors
    /// What `make` gives.
    pub(crate) fn add<T>(
        &self,
        make: impl FnOnce(&WalletFolder) -> Result<(Wallet, T), WalletError>,
    ) -> Result<(OpenWallet, T), WalletError> {
        let _one_at_a_time = locked(&self.opening);
        let (wallet, made) = make(&self.folder)?;
        Ok((self.insert(wallet), made))
    }

    /// Opens the wallet, or finds it open; either way the password is checked on it.
    ///
    /// # Errors
    /// [`WalletError::NoSuchWallet`], [`WalletError::WrongPassword`], [`WalletError::Damaged`].
    pub(crate) fn unlock(&self, name: &str, password: &str) -> Result<OpenWallet, WalletError> {
        let one_at_a_time = locked(&self.opening);
        let Some(wallet) = self.find(name) else {
            return self.folder.unlock(name, password).map(|wallet| self.insert(wallet));
        };
        drop(one_at_a_time);
        let unlocked = hold(&wallet).unlock(password);
        match unlocked {
            Ok(()) => Ok(wallet),
            Err(error) => {
                // Its files are not those it was opened from: the next call reads the folder anew.
                let missing = matches!(error, WalletError::Damaged { damage: Damage::Missing, .. });
                if missing || matches!(error, WalletError::FilesRemoved { .. }) {
                    self.discard(name, &wallet);
                }
                Err(error)
            }
        }
    }

    /// Closes a wallet whose files went away under it.
    fn discard(&self, name: &str, wallet: &OpenWallet) {
        let mut open = locked(&self.open);
        if open.get(&Key::of(name)).is_some_and(|known| Arc::ptr_eq(known, wallet)) {
            open.remove(&Key::of(name));
        }
    }

    /// Notes that the wallet's words were written down.
    ///
    /// # Errors
    /// As [`WalletFolder::confirm_words`].
    pub(crate) fn confirm_words(&self, name: &str) -> Result<(), WalletError> {
        let _one_at_a_time = locked(&self.opening);
        self.folder.confirm_words(name)
    }

    /// Deletes a wallet's files, once nobody uses it any more: whoever still wrote would write into the journal of the
    /// wallet that comes next under its name. A payment that is being proved does not use it.
    ///
    /// # Errors
    /// [`ErrorCode::NoSuchWallet`], [`ErrorCode::Unavailable`] while it is in use, [`ErrorCode::DataFolder`].
    pub(crate) fn remove(&self, name: &str) -> Result<(), ApiError> {
        let _one_at_a_time = locked(&self.opening);
        self.summary(name)?;
        let key = Key::of(name);
        let open = locked(&self.open).remove(&key);
        if let Some(wallet) = open {
            let wallet = Self::release(wallet).map_err(|wallet| {
                locked(&self.open).insert(key.clone(), wallet);
                ApiError::passing(ErrorCode::Unavailable, "the wallet is in use; try again in a moment")
            })?;
            drop(wallet);
        }
        locked(&self.told).remove(&key);
        locked(&self.scanned).remove(&key);
        self.folder.remove(name).map_err(|e| convert::wallet_error(&e))
    }

    /// Waits until nobody else holds a wallet that can't be found any more; gives it back where that takes too long.
    fn release(mut wallet: OpenWallet) -> Result<Mutex<Wallet>, OpenWallet> {
        let deadline = Instant::now() + RELEASE_TIMEOUT;
        loop {
            wallet = match Arc::try_unwrap(wallet) {
                Ok(wallet) => return Ok(wallet),
                Err(wallet) if Instant::now() > deadline => return Err(wallet),
                Err(wallet) => wallet,
            };
            std::thread::sleep(RELEASE_POLL);
        }
    }

    /// A wallet is open from now on. The caller holds `opening`.
    fn insert(&self, wallet: Wallet) -> OpenWallet {
        let key = Key::of(wallet.name());
        let wallet = Arc::new(Mutex::new(wallet));
        locked(&self.scanned).remove(&key);
        locked(&self.open).insert(key, Arc::clone(&wallet));
        wallet
    }

    /// Whether what the wallet knows is of the chain that is open now.
    pub(crate) fn knows_chain(&self, core: &Core, name: &str) -> bool {
        let epoch = core.chain.current().map(|chain| chain.epoch);
        locked(&self.scanned).get(&Key::of(name)).is_some_and(|scanned| Some(scanned.epoch) == epoch)
    }

    /// Whether the wallet has looked at everything that the chain has now.
    pub(crate) fn is_current(&self, core: &Core, name: &str) -> bool {
        let Some(chain) = core.chain.current() else { return false };
        let version = chain.consensus.virtual_state().version;
        let scanned = locked(&self.scanned).get(&Key::of(name)).copied();
        scanned.is_some_and(|scanned| scanned.epoch == chain.epoch && scanned.version >= version)
    }

    /// Refuses to plan with coins of a chain that was thrown away.
    ///
    /// # Errors
    /// [`ErrorCode::Unavailable`].
    pub(crate) fn check_knows_chain(&self, core: &Core, name: &str) -> Result<(), ApiError> {
        if self.knows_chain(core, name) { Ok(()) } else { Err(convert::wallet_error(&WalletError::NotScanned)) }
    }

    /// All wallets of the folder, with their state here. Also tells mining who is first.
    pub(crate) fn list(&self, core: &Core) -> Result<WalletList, ApiError> {
        let all = self.folder.list().map_err(|e| convert::wallet_error(&e))?;
        core.mining.set_first_wallet(all.iter().find_map(|w| w.public.as_ref()).map(|p| p.payout));
        *locked(&self.backed_up) = all.iter().filter(|w| w.backed_up).map(|w| w.name.clone()).collect();
        let wallets = all.into_iter().map(|w| self.shown(w)).collect();
        Ok(WalletList { wallets })
    }

    /// Whether the wallet's words were written down.
    pub(crate) fn is_backed_up(&self, name: &str) -> bool {
        locked(&self.backed_up).contains(name)
    }

    fn shown(&self, summary: umbel_wallet::WalletSummary) -> WalletSummary {
        let status = match self.find(&summary.name) {
            Some(wallet) => view::lock_status(hold(&wallet).status()),
            None => LockStatus::Closed,
        };
        WalletSummary {
            name: summary.name,
            status,
            backed_up: summary.backed_up,
            damaged: summary.damaged.as_ref().map(convert::damage),
            mark: summary.public.map_or([0; 5], |public| public.mark),
        }
    }

    /// The list changed: tells it.
    pub(crate) fn tell_list(&self, core: &Core) {
        match self.list(core) {
            Ok(list) => core.sink.tell(NodeEvent::Wallets(list)),
            Err(error) => tracing::warn!(%error, "the wallets could not be listed"),
        }
    }

    /// A block carries a transaction.
    pub(crate) fn mark_seen(&self, txid: TxId, block: BlockHash) {
        for wallet in self.all_open() {
            hold(&wallet).mark_seen(txid, Some(block));
        }
    }

    /// Open wallets, by name.
    pub(crate) fn all_open(&self) -> Vec<OpenWallet> {
        locked(&self.open).values().cloned().collect()
    }

    /// What the person should know of wallets.
    pub(crate) fn warnings(&self) -> Vec<NodeWarning> {
        locked(&self.warnings).iter().cloned().collect()
    }

    /// Logs something and notes it for the person.
    fn warn(&self, code: &str, message: String) {
        tracing::warn!(%message, "wallet");
        self.note(code, message);
    }

    /// Notes something that the person should know. The same sentence stands once.
    fn note(&self, code: &str, message: String) {
        let mut warnings = locked(&self.warnings);
        if warnings.iter().all(|w| w.message != message) {
            warnings.push_back(NodeWarning { code: code.to_owned(), message });
            if warnings.len() > MAX_WARNINGS {
                warnings.pop_front();
            }
        }
    }

    /// Locks all wallets when nobody used one for long enough.
    pub(crate) fn lock_idle(&self, core: &Core) {
        let is_due = || self.idle.left(core.settings.get().auto_lock_minutes, Instant::now()) == Some(Duration::ZERO);
        if !is_due() {
            return;
        }
        let mut any = false;
        for wallet in self.all_open() {
            any |= lock_if(&wallet, is_due);
        }
        if any {
            tracing::info!("wallets were locked after their time without use");
            self.tell_list(core);
        }
    }

    /// Locks and writes everything; no wallet is open any more.
    pub(crate) fn close(&self) {
        let open = std::mem::take(&mut *locked(&self.open));
        for (Key(name), wallet) in open {
            let mut wallet = hold(&wallet);
            wallet.lock();
            if let Err(error) = wallet.flush() {
                tracing::error!(%error, wallet = %name, "the wallet's journal could not be written");
            }
        }
    }

    /// One round over all wallets. Waits where there is nothing to do.
    pub(crate) fn step(&self, core: &Core, version: &mut u64) {
        let Some(chain) = core.chain.running() else {
            core.stop.wait(TICK);
            return;
        };
        let state = chain.consensus.virtual_state();
        let mut complete = true;
        for wallet in self.all_open() {
            complete &= self.advance(core, &chain, &wallet);
        }
        if complete && state.version == *version {
            // A wallet that is opened meanwhile waits for one tick.
            chain.consensus.wait_newer(state.version, TICK);
        }
        *version = state.version;
    }

    /// Looks further, submits what waits, tells what changed; whether the wallet has looked at everything.
    fn advance(&self, core: &Core, chain: &Chain, wallet: &OpenWallet) -> bool {
        // Read before the scan: what comes meanwhile may not be in it.
        let version = chain.consensus.virtual_state().version;
        for _ in 0..ROUNDS {
            let mut held = hold(wallet);
            match held.scan_step(chain.consensus.as_ref(), SCAN_STEP) {
                Ok(scan) if scan.complete => {
                    let scanned = Scanned { epoch: chain.epoch, version };
                    locked(&self.scanned).insert(Key::of(held.name()), scanned);
                    break;
                }
                Ok(_) => {}
                Err(error @ WalletError::FilesRemoved { .. }) => {
                    let name = held.name().to_owned();
                    drop(held);
                    self.warn("wallet_damaged", format!("wallet {name:?} was closed: {error}"));
                    self.discard(&name, wallet);
                    return true;
                }
                Err(error) => {
                    // The chain may be closing; the wallet is as before and goes on later.
                    drop(held);
                    tracing::debug!(%error, "a wallet could not be scanned");
                    core.stop.wait(TICK);
                    return true;
                }
            }
            if core.stop.is_set() {
                return true;
            }
        }
        Self::submit(chain, wallet);
        self.tell(core, wallet)
    }

    /// Gives the pool what it should have.
    fn submit(chain: &Chain, wallet: &OpenWallet) {
        let waiting: Vec<Arc<Transaction>> = hold(wallet).to_submit();
        for tx in waiting {
            let txid = tx.txid();
            if chain.pool.contains(txid) {
                continue;
            }
            match chain.pool.submit(chain.consensus.as_ref(), &tx) {
                Ok(Standing::Waiting | Standing::Accepted) => {}
                Err(error) if error.is_final => {
                    tracing::warn!(%txid, error = %error.error, "the pool refused a payment");
                    hold(wallet).mark_dropped(txid, &error.error.message);
                }
                Err(error) => tracing::debug!(%txid, error = %error.error, "the pool does not take a payment yet"),
            }
        }
    }

    /// The pool gave these transactions up.
    pub(crate) fn give_up(&self, given_up: &[GivenUp]) {
        for wallet in self.all_open() {
            let mut wallet = hold(&wallet);
            for one in given_up {
                wallet.mark_dropped(one.txid, &one.reason);
            }
        }
    }

    /// Tells the wallet's state and payments, if they changed; whether it has looked at everything.
    pub(crate) fn tell(&self, core: &Core, wallet: &OpenWallet) -> bool {
        let (state, payments, repairs) = {
            let mut wallet = hold(wallet);
            (view::wallet_state(core, &wallet), wallet.payments(), wallet.take_repairs())
        };
        for repair in repairs {
            // The wallet has logged it.
            self.note("wallet_repaired", format!("wallet {:?}: {repair}", state.name));
        }
        core.payments.refresh_wallet(&state.name, &payments, &core.sink);
        let complete = state.scan.complete;
        // The time until it locks changes by itself.
        let compared = WalletState { locks_in_s: None, ..state.clone() };
        let mut told = locked(&self.told);
        let key = Key::of(&state.name);
        if told.get(&key) != Some(&compared) {
            told.insert(key, compared);
            core.sink.tell(NodeEvent::Wallet(state));
        }
        complete
    }
}

/// Locks a wallet if it is unlocked and due once nobody else holds it: somebody may have unlocked it meanwhile. Says
/// whether it did.
fn lock_if(wallet: &OpenWallet, is_due: impl Fn() -> bool) -> bool {
    let mut wallet = hold(wallet);
    let locks = is_due() && wallet.status() == umbel_wallet::LockStatus::Unlocked;
    if locks {
        wallet.lock();
    }
    locks
}

/// A wallet whose holder panicked is used on: its own calls change it as a whole.
pub(crate) fn hold(wallet: &OpenWallet) -> MutexGuard<'_, Wallet> {
    locked(wallet)
}

#[cfg(test)]
mod tests {
    use super::*;
    use umbel_types::Network;
    use umbel_wallet::NewWallet;

    #[test]
    fn a_wallet_that_was_used_while_its_holder_was_waited_for_stays_open() {
        let folder = std::env::temp_dir().join(format!("umbel-lock-{}", std::process::id()));
        let params = Params::of(Network::Devnet);
        let wallets = WalletFolder::open(&folder, params, BlockHash([0; 32]), KdfProfile::Tests).unwrap();
        let new = NewWallet { name: "alice", password: "password", passphrase: "" };
        let words = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";
        let wallet: OpenWallet = Arc::new(Mutex::new(wallets.restore(new, words).unwrap()));
        // Asked while the wallet is held, not before: nobody can use it in between.
        let asked_while_held = |answer: bool| {
            assert!(wallet.try_lock().is_err());
            answer
        };
        assert!(!lock_if(&wallet, || asked_while_held(false)));
        assert_eq!(hold(&wallet).status(), umbel_wallet::LockStatus::Unlocked);
        assert!(lock_if(&wallet, || asked_while_held(true)));
        assert_eq!(hold(&wallet).status(), umbel_wallet::LockStatus::Locked);
        assert!(!lock_if(&wallet, || true), "it is locked already");
        drop(wallet);
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn wallets_lock_after_their_time_without_use() {
        let start = Instant::now();
        let timer = IdleTimer::new(start);
        let after = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(timer.left(5, after(299)), Some(Duration::from_secs(1)));
        assert_eq!(timer.left(5, after(300)), Some(Duration::ZERO));
        assert_eq!(timer.left(0, after(1_000_000)), None, "0 means never");
        timer.used(after(299));
        assert_eq!(timer.left(5, after(300)), Some(Duration::from_secs(299)));
        assert_eq!(timer.left(1, after(10_000)), Some(Duration::ZERO));
    }
}
