//! What the page knows: signals that the node's events keep up to date.
//!
//! Events carry the whole state of their subject, so a signal is replaced, never patched. After a lost connection
//! everything is asked for again.

pub(crate) mod dag;
pub(crate) mod session;
pub(crate) mod words;

use crate::dom;
use crate::i18n::Tongue;
use crate::ipc::events::{self, Signal};
use crate::ipc::{self};
use crate::route::{self, Route};
use leptos::prelude::*;
use leptos::task::spawn_local;
use std::collections::BTreeMap;
use umbel_api::NodeEvent;
use umbel_api::node::NodeState;
use umbel_api::send::Payment;
use umbel_api::settings::{Settings, Theme};
use umbel_api::wallet::{WalletState, WalletSummary};
use umbel_api::{ApiError, ErrorCode};

/// How well the page hears the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    /// Not heard yet.
    Connecting,
    /// Events come.
    Live,
    /// No events come.
    Lost,
}

/// A short message that goes by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Toast {
    /// What it says.
    pub(crate) text: String,
    /// Whether something went wrong.
    pub(crate) bad: bool,
    /// Number, so that an old timer does not take away a new message.
    number: u32,
}

/// How long a short message stays.
const TOAST_MS: i32 = 4_000;

/// Everything the pages share.
#[derive(Debug, Clone, Copy)]
pub(crate) struct App {
    /// The page in view.
    pub(crate) route: RwSignal<Route>,
    /// How well the node is heard.
    pub(crate) link: RwSignal<Link>,
    /// The node answers, but knows this page no more: it was started again, with a new address to open.
    pub(crate) signed_out: RwSignal<bool>,
    /// The node's state, once it is known.
    pub(crate) node: RwSignal<Option<NodeState>>,
    /// The wallets, once they are known.
    pub(crate) wallets: RwSignal<Option<Vec<WalletSummary>>>,
    /// Name of the wallet in use.
    pub(crate) current: RwSignal<Option<String>>,
    /// State of each wallet that told one, with the time it came.
    pub(crate) states: RwSignal<BTreeMap<String, (WalletState, f64)>>,
    /// Payments of this run, by number.
    pub(crate) payments: RwSignal<BTreeMap<u64, Payment>>,
    /// Grows with everything that may change history.
    pub(crate) history_version: RwSignal<u32>,
    /// Sequence number of the newest block.
    pub(crate) newest_block: RwSignal<u64>,
    /// The person's settings.
    pub(crate) settings: RwSignal<Settings>,
    /// Language in use; the page is drawn again when it changes.
    pub(crate) tongue: RwSignal<Tongue>,
    /// Grows when colours change, for what is drawn on a canvas.
    pub(crate) colours: RwSignal<u32>,
    /// Now, in ms, once a second.
    pub(crate) now: RwSignal<f64>,
    /// Why the first questions to the node failed.
    pub(crate) start_error: RwSignal<Option<ApiError>>,
    /// A short message.
    pub(crate) toast: RwSignal<Option<Toast>>,
    /// Said to screen readers.
    pub(crate) announced: RwSignal<String>,
    /// The address a payment form starts with.
    pub(crate) watched_payment: RwSignal<Option<u64>>,
    /// Words of a new wallet are being shown: the welcome pages stay, although a wallet exists now.
    pub(crate) welcoming: RwSignal<bool>,
}

/// The state, from any component.
pub(crate) fn app() -> App {
    expect_context::<App>()
}

impl App {
    /// Makes the signals and starts listening.
    pub(crate) fn start() -> Self {
        let app = Self {
            route: route::watch(),
            link: RwSignal::new(Link::Connecting),
            signed_out: RwSignal::new(false),
            node: RwSignal::new(None),
            wallets: RwSignal::new(None),
            current: RwSignal::new(dom::remembered("umbel.wallet")),
            states: RwSignal::new(BTreeMap::new()),
            payments: RwSignal::new(BTreeMap::new()),
            history_version: RwSignal::new(0),
            newest_block: RwSignal::new(0),
            settings: RwSignal::new(Settings::default()),
            tongue: RwSignal::new(Tongue::choose(Settings::default().language, &dom::languages())),
            colours: RwSignal::new(0),
            now: RwSignal::new(dom::now_ms()),
            start_error: RwSignal::new(None),
            toast: RwSignal::new(None),
            announced: RwSignal::new(String::new()),
            watched_payment: RwSignal::new(None),
            welcoming: RwSignal::new(false),
        };
        app.tongue.get_untracked().set_current();
        set_interval(move || app.now.set(dom::now_ms()), std::time::Duration::from_secs(1));
        app.refresh();
        app.watch_use();
        events::listen(move |signal| app.hear(signal));
        app
    }

    /// Asks for everything again.
    pub(crate) fn refresh(self) {
        spawn_local(async move {
            match ipc::settings::get().await {
                Ok(settings) => self.apply_settings(settings),
                Err(error) => self.start_error.set(Some(error)),
            }
        });
        spawn_local(async move {
            match ipc::node::state().await {
                Ok(state) => self.node.set(Some(state)),
                Err(error) => self.start_error.set(Some(error)),
            }
        });
        spawn_local(async move {
            match ipc::wallet::list().await {
                Ok(list) => {
                    self.start_error.set(None);
                    self.take_wallets(list.wallets);
                    self.refresh_wallet().await;
                }
                Err(error) => self.start_error.set(Some(error)),
            }
        });
    }

    fn hear(self, signal: Signal) {
        match signal {
            Signal::Open => {
                let was_lost = self.link.get_untracked() == Link::Lost;
                self.link.set(Link::Live);
                self.signed_out.set(false);
                if was_lost {
                    self.refresh();
                    self.history_version.update(|v| *v += 1);
                }
            }
            Signal::Lost => {
                self.link.set(Link::Lost);
                spawn_local(async move {
                    let answer = ipc::node::state().await;
                    self.signed_out.set(answer.is_err_and(|e| e.code == ErrorCode::Unauthorized));
                });
            }
            Signal::Event(event) => self.take(*event),
        }
    }

    fn take(self, event: NodeEvent) {
        match event {
            NodeEvent::Node(state) => self.node.set(Some(*state)),
            NodeEvent::Blocks { newest } => self.newest_block.set(newest),
            NodeEvent::Wallets(list) => self.take_wallets(list.wallets),
            NodeEvent::Wallet(state) => self.take_wallet(state),
            NodeEvent::Payment(payment) => self.take_payment(payment),
        }
    }

    /// Takes the state of a payment.
    pub(crate) fn take_payment(self, payment: Payment) {
        let known = self.payments.with_untracked(|p| p.get(&payment.id).map(|p| p.stage));
        if known != Some(payment.stage) {
            self.history_version.update(|v| *v += 1);
        }
        self.payments.update(|payments| {
            payments.insert(payment.id, payment);
        });
    }

    /// Shows a short message.
    pub(crate) fn say(self, text: String, bad: bool) {
        let number = self.toast.get_untracked().map_or(1, |t| t.number + 1);
        self.announced.set(text.clone());
        self.toast.set(Some(Toast { text, bad, number }));
        spawn_local(async move {
            dom::sleep(TOAST_MS).await;
            if self.toast.get_untracked().is_some_and(|t| t.number == number) {
                self.toast.set(None);
            }
        });
    }

    /// Takes settings into use.
    pub(crate) fn apply_settings(self, settings: Settings) {
        let tongue = Tongue::choose(settings.language, &dom::languages());
        tongue.set_current();
        if self.tongue.get_untracked() != tongue {
            self.tongue.set(tongue);
        }
        if let Some(root) = dom::root() {
            let _ = root.set_attribute("lang", &tongue.tag()[..2]);
        }
        let theme = match settings.theme {
            Theme::System => "system",
            Theme::Dark => "dark",
            Theme::Light => "light",
        };
        dom::keep_theme(theme);
        self.settings.set(settings);
        self.show_theme();
    }

    /// Sets the theme on the root element.
    pub(crate) fn show_theme(self) {
        let dark = match self.settings.get_untracked().theme {
            Theme::Dark => true,
            Theme::Light => false,
            Theme::System => !dom::media("(prefers-color-scheme: light)"),
        };
        if let Some(root) = dom::root() {
            let _ = root.set_attribute("data-theme", if dark { "dark" } else { "light" });
        }
        self.colours.update(|c| *c += 1);
    }

    /// Writes settings and takes them into use.
    pub(crate) fn save_settings(self, settings: Settings) {
        self.apply_settings(settings.clone());
        spawn_local(async move {
            match ipc::settings::set(settings).await {
                Ok(kept) => self.apply_settings(kept),
                Err(error) => self.say(crate::components::error::sentence(&error), true),
            }
        });
    }
}
