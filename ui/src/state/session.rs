//! The wallet in use: which one, how far it is open, its balance.

use super::App;
use crate::dom;
use crate::ipc;
use leptos::prelude::*;
use umbel_api::wallet::{LockStatus, WalletState, WalletSummary};

/// Least time between two words to the node that a person is at work: a third of the shortest time until wallets lock.
const AWAKE_MS: f64 = 20_000.0;

impl App {
    /// Takes the list of wallets; keeps the wallet in use where it still exists.
    pub(super) fn take_wallets(self, wallets: Vec<WalletSummary>) {
        let current = self.current.get_untracked();
        let still = current.as_ref().is_some_and(|name| wallets.iter().any(|w| w.name == *name));
        if !still {
            let usable = wallets.iter().find(|w| w.status == LockStatus::Unlocked).or_else(|| wallets.first());
            self.current.set(usable.map(|w| w.name.clone()));
        }
        // A wallet that was locked or removed elsewhere has nothing to show here any more.
        self.states.update(|states| {
            states.retain(|name, _| wallets.iter().any(|w| w.name == *name && w.status != LockStatus::Closed));
        });
        if self.wallets.with_untracked(|old| old.as_ref() != Some(&wallets)) {
            self.wallets.set(Some(wallets));
        }
    }

    /// Takes the state of a wallet.
    pub(crate) fn take_wallet(self, state: WalletState) {
        let name = state.name.clone();
        let changed = self.states.with_untracked(|states| {
            states.get(&name).is_none_or(|(old, _)| {
                old.str != state.str || old.assets != state.assets || old.scan.complete != state.scan.complete
            })
        });
        self.wallets.update(|wallets| {
            if let Some(summary) = wallets.iter_mut().flatten().find(|w| w.name == name) {
                summary.status = state.status;
                summary.backed_up = state.backed_up;
            }
        });
        self.states.update(|states| {
            states.insert(name, (state, dom::now_ms()));
        });
        if changed {
            self.history_version.update(|v| *v += 1);
        }
    }

    /// Asks for the state of the wallet in use, where it is open.
    pub(crate) async fn refresh_wallet(self) {
        let Some(name) = self.current.get_untracked() else { return };
        if self.status_of(&name) == Some(LockStatus::Closed) {
            return;
        }
        if let Ok(state) = ipc::wallet::state(name).await {
            self.take_wallet(state);
        }
    }

    /// Asks for the list of wallets again.
    pub(crate) async fn refresh_wallets(self) {
        if let Ok(list) = ipc::wallet::list().await {
            self.take_wallets(list.wallets);
        }
    }

    /// Takes another wallet into use.
    pub(crate) fn choose_wallet(self, name: &str) {
        dom::remember("umbel.wallet", name);
        self.current.set(Some(name.to_owned()));
        self.history_version.update(|v| *v += 1);
        leptos::task::spawn_local(self.refresh_wallet());
    }

    fn status_of(self, name: &str) -> Option<LockStatus> {
        self.wallets.with_untracked(|w| w.iter().flatten().find(|w| w.name == name).map(|w| w.status))
    }

    /// The wallet in use, from outside.
    pub(crate) fn summary(self) -> Option<WalletSummary> {
        let name = self.current.get()?;
        self.wallets.with(|w| w.iter().flatten().find(|w| w.name == name).cloned())
    }

    /// The wallet in use, from inside.
    pub(crate) fn wallet(self) -> Option<WalletState> {
        let name = self.current.get()?;
        self.states.with(|s| s.get(&name).map(|(state, _)| state.clone()))
    }

    /// Name of the wallet in use; empty while there is none.
    pub(crate) fn wallet_name(self) -> String {
        self.current.get_untracked().unwrap_or_default()
    }

    /// Whether the wallet in use can spend.
    pub(crate) fn is_unlocked(self) -> bool {
        self.summary().is_some_and(|w| w.status == LockStatus::Unlocked)
    }

    /// Seconds until the wallet in use locks by itself, counted down here between two events.
    pub(crate) fn locks_in(self) -> Option<u64> {
        let name = self.current.get()?;
        let (left, at) = self.states.with(|s| s.get(&name).map(|(state, at)| (state.locks_in_s, *at)))?;
        let passed = ((self.now.get() - at) / 1_000.0).max(0.0);
        #[expect(clippy::cast_possible_truncation, reason = "seconds since an event are few")]
        left.map(|s| s.saturating_sub(passed as u64))
    }

    /// Tells the node that a person is at work: reading addresses and planning payments happens here, key by key, and a
    /// wallet must not lock under somebody's hands. Said only on a real key or pointer press, at most once in
    /// [`AWAKE_MS`]; what the page asks for by itself is no use.
    pub(super) fn watch_use(self) {
        let told = StoredValue::new(dom::now_ms());
        let used = move || {
            let now = dom::now_ms();
            let is_open = self.wallets.with_untracked(|w| w.iter().flatten().any(|w| w.status == LockStatus::Unlocked));
            if !is_open || now - told.get_value() < AWAKE_MS {
                return;
            }
            told.set_value(now);
            leptos::task::spawn_local(async move {
                // Writing the settings as they are is what counts as use.
                if let Ok(settings) = ipc::settings::get().await
                    && settings.auto_lock_minutes > 0
                    && ipc::settings::set(settings).await.is_ok()
                {
                    self.refresh_wallet().await;
                }
            });
        };
        let _keys = window_event_listener(leptos::ev::keydown, move |_| used());
        let _presses = window_event_listener(leptos::ev::pointerdown, move |_| used());
    }

    /// Locks the wallet in use.
    pub(crate) fn lock(self) {
        let name = self.wallet_name();
        leptos::task::spawn_local(async move {
            match ipc::wallet::lock(name).await {
                Ok(state) => self.take_wallet(state),
                Err(error) => self.say(crate::components::error::sentence(&error), true),
            }
        });
    }
}
