//! Home: balance and how far it is verified, what needs attention, the last payments.

use crate::components::dag_canvas::DagCanvas;
use crate::components::error::ErrorCard;
use crate::components::loaded::{Load, Loaded, skeleton};
use crate::components::mark::TokenSign;
use crate::components::payment_row::{PaymentRow, row_key};
use crate::dom;
use crate::format;
use crate::i18n::{t, tn};
use crate::icons::Icon;
use crate::ipc;
use crate::pages::activity::EntryDrawer;
use crate::route::Route;
use crate::state::dag::Dag;
use crate::state::{App, app};
use leptos::prelude::*;
use leptos::task::spawn_local;
use std::cmp::Reverse;
use umbel_api::ApiError;
use umbel_api::wallet::{HistoryEntry, HistoryKind, HistoryRequest, WalletState};

/// How many payments the page shows.
const LATEST: usize = 5;

/// The page.
#[component]
pub(crate) fn Home() -> impl IntoView {
    let app = app();
    let latest = Loaded::new(move || {
        app.history_version.track();
        newest(app.wallet_name())
    });
    let known = Memo::new(move |_| app.wallet().is_some());
    view! {
        <div class="page" data-testid="home-page">
            <div class="row between page-head">
                <h1>{greeting()}</h1>
                <div class="row">
                    <a class="btn" href=Route::Receive.href() data-testid="home-receive">{t!("nav.receive")}</a>
                    <a class="btn main" href=Route::Send.href() data-testid="home-send">{t!("nav.send")}</a>
                </div>
            </div>
            {move || {
                if known.get() {
                    view! { <Balances/> <Attention/> }.into_any()
                } else {
                    view! { <section class="card">{skeleton(4)}</section> }.into_any()
                }
            }}
            <Latest latest=latest/>
        </div>
    }
}

/// The last entries, and how many rewards the wallet has mined.
#[derive(Debug, Clone)]
struct Newest {
    entries: Vec<HistoryEntry>,
    rewards: usize,
}

/// The last payments. A node that mines finds a block a second: of its rewards only the newest is shown, so that they do
/// not push payments off the page.
async fn newest(wallet: String) -> Result<Newest, ApiError> {
    let ask = |kind| {
        let request = HistoryRequest { wallet: wallet.clone(), offset: 0, limit: LATEST, search: String::new(), kind };
        ipc::wallet::history(request)
    };
    let mixed = ask(None).await?.entries;
    let mined = |e: &&HistoryEntry| e.kind == HistoryKind::Mined;
    if mixed.iter().filter(mined).count() < 2 {
        return Ok(Newest { entries: mixed, rewards: 1 });
    }
    let rewards = ask(Some(HistoryKind::Mined)).await?;
    let mut entries: Vec<HistoryEntry> = rewards.entries.into_iter().take(1).collect();
    for kind in [HistoryKind::Sent, HistoryKind::Received, HistoryKind::SelfTransfer, HistoryKind::Stake] {
        entries.extend(ask(Some(kind)).await?.entries);
    }
    entries.sort_by_key(|e| Reverse(e.time_ms));
    entries.truncate(LATEST);
    Ok(Newest { entries, rewards: rewards.total })
}

fn greeting() -> String {
    match dom::hour() {
        5..12 => t!("home.morning"),
        12..18 => t!("home.day"),
        _ => t!("home.evening"),
    }
}

#[component]
fn Balances() -> impl IntoView {
    let app = app();
    let wallet = Memo::new(move |_| app.wallet());
    let str_part = move |part: fn(&WalletState) -> &String| {
        wallet.with(|w| w.as_ref().map(|w| part(w).clone()).unwrap_or_default())
    };
    let dag = RwSignal::new(Dag::default());
    let error = RwSignal::new(None);
    let picked = RwSignal::new(None);
    let others = Memo::new(move |_| wallet.with(|w| w.as_ref().map(|w| w.assets.clone()).unwrap_or_default()));
    let whole = move || str_part(|w| &w.str.spendable);
    view! {
        <div class="home-grid">
            <section class="card hero">
                <h2>{t!("home.spendable")}</h2>
                <p class="hero-line">
                    <span
                        class="num hero-amount"
                        data-testid="home-spendable"
                        data-amount=whole
                        title=move || format::amount_exact(&whole())
                    >
                        {move || format::amount(&whole())}
                    </span>
                    <span class="soft">"STR"</span>
                </p>
                <p class="grade" data-testid="home-grade">
                    <Grade wallet=wallet/>
                </p>
                <dl class="parts">
                    <Part testid="home-pending" name=t!("home.pending") amount=Signal::derive(move || str_part(|w| &w.str.pending))/>
                    <Part testid="home-immature" name=t!("home.immature") amount=Signal::derive(move || str_part(|w| &w.str.immature))/>
                </dl>
                <a class="strip-link" href=Route::Node.href() data-testid="home-node" aria-label=t!("home.to_node")>
                    <DagCanvas testid="home-dag" dag=dag picked=picked error=error strip=true/>
                </a>
            </section>
            <section class="card">
                <div class="row between">
                    <h2>{t!("home.tokens")}</h2>
                    <span class="faint small">{t!("home.private")}</span>
                </div>
                <ul class="tokens">
                    <Token
                        asset="STR".to_owned()
                        amount=Signal::derive(whole)
                        text=Signal::derive(move || {
                            let coins = wallet.with(|w| w.as_ref().map_or(0, |w| w.coin_count as u64));
                            tn!("send.coins", coins)
                        })
                    />
                    {move || {
                        others
                            .get()
                            .into_iter()
                            .map(|(asset, balance)| view! { <Token asset=asset amount=balance.spendable/> })
                            .collect_view()
                    }}
                </ul>
            </section>
        </div>
    }
}

#[component]
fn Token(
    asset: String,
    #[prop(into)] amount: Signal<String>,
    #[prop(optional, into)] text: Option<Signal<String>>,
) -> impl IntoView {
    view! {
        <li class="row between">
            <span class="row">
                <TokenSign asset=asset.clone()/>
                <span>
                    <b>{asset}</b>
                    {text.map(|text| view! { <small>{move || text.get()}</small> })}
                </span>
            </span>
            <b class="num">{move || format::amount(&amount.get())}</b>
        </li>
    }
}

#[component]
fn Part(testid: &'static str, name: String, #[prop(into)] amount: Signal<String>) -> impl IntoView {
    view! {
        <div>
            <dt>{name}</dt>
            <dd
                class="num"
                class:faint=move || amount.with(|a| format::is_zero(a))
                data-testid=testid
                data-amount=move || amount.get()
            >
                {move || format::amount(&amount.get())}
            </dd>
        </div>
    }
}

/// How far the balance is verified.
#[component]
fn Grade(wallet: Memo<Option<WalletState>>) -> impl IntoView {
    let scan = Memo::new(move |_| wallet.with(|w| w.as_ref().map(|w| w.scan.clone())));
    move || {
        scan.get().map(|scan| {
            if scan.complete {
                view! {
                    <span class="confirmed row tight">{Icon::ShieldCheck.draw()} {t!("home.verified")}</span>
                    <span class="faint num">{t!("home.verified_to", n = format::integer(scan.verified_to))}</span>
                }
                .into_any()
            } else {
                let share = format::rate(scan.done as f64 * 100.0 / scan.total.max(1) as f64, 0);
                view! {
                    <span class="warn row tight">{Icon::Search.draw()} {t!("home.scanning", share = share)}</span>
                    <progress max=scan.total.max(1).to_string() value=scan.done.to_string()></progress>
                    <span class="faint num">
                        {t!("home.scanned", done = format::integer(scan.done), total = format::integer(scan.total))}
                    </span>
                }
                .into_any()
            }
        })
    }
}

#[component]
fn Attention() -> impl IntoView {
    let app = app();
    let unbacked = Memo::new(move |_| app.summary().is_some_and(|w| !w.backed_up));
    let warnings = Memo::new(move |_| app.node.with(|n| n.as_ref().map(|n| n.warnings.clone()).unwrap_or_default()));
    view! {
        {move || {
            warnings
                .get()
                .into_iter()
                .map(|warning| {
                    view! {
                        <section class="card attention" role="alert" data-testid="home-warning">
                            {Icon::TriangleAlert.draw()}
                            <p class="grow">{crate::pages::node::warning_text(&warning)}</p>
                            <a class="btn" href=Route::Node.href() data-testid="home-warning-open">{t!("home.look")}</a>
                        </section>
                    }
                })
                .collect_view()
        }}
        {move || {
            unbacked
                .get()
                .then(|| {
                    view! {
                        <section class="card attention" data-testid="home-unbacked">
                            {Icon::TriangleAlert.draw()}
                            <p class="grow">
                                <b>{t!("home.unbacked")}</b>
                                " "
                                <span class="soft">{t!("home.unbacked_text")}</span>
                            </p>
                            <a class="btn main" href=Route::Settings.href() data-testid="home-back-up">
                                {t!("home.back_up")}
                            </a>
                        </section>
                    }
                })
        }}
    }
}

#[component]
fn Latest(latest: Loaded<Newest>) -> impl IntoView {
    let opened = RwSignal::new(None::<HistoryEntry>);
    let entries = Memo::new(move |_| {
        latest.value.with(|l| match l {
            Load::Ready(newest) => newest.entries.clone(),
            _ => Vec::new(),
        })
    });
    let rewards = Memo::new(move |_| {
        latest.value.with(|l| match l {
            Load::Ready(newest) => newest.rewards,
            _ => 0,
        })
    });
    let many = Signal::derive(move || tn!("kind.rewards", rewards.get() as u64));
    let row = move |entry: HistoryEntry, open| {
        if entry.kind == HistoryKind::Mined && rewards.with_untracked(|n| *n > 1) {
            view! { <PaymentRow entry=entry open=open testid="home-payment" second=many/> }.into_any()
        } else {
            view! { <PaymentRow entry=entry open=open testid="home-payment"/> }.into_any()
        }
    };
    // The frame changes only when the kind of state does, so that lines keep their focus.
    let shape = Memo::new(move |_| {
        latest.value.with(|l| match l {
            Load::Loading => 0,
            Load::Failed(_) => 1,
            Load::Ready(newest) if newest.entries.is_empty() => 2,
            Load::Ready(_) => 3,
        })
    });
    let open = Callback::new(move |entry| opened.set(Some(entry)));
    view! {
        <section class="card latest" data-testid="home-latest">
            <div class="row between">
                <h2>{t!("home.latest")}</h2>
                {move || {
                    (shape.get() == 3)
                        .then(|| {
                            view! {
                                <a class="quiet-link" href=Route::Activity.href() data-testid="home-activity">
                                    {t!("home.all")}
                                    {Icon::ChevronRight.draw()}
                                </a>
                            }
                        })
                }}
            </div>
            {move || match shape.get() {
                0 => skeleton(5).into_any(),
                1 => {
                    latest
                        .value
                        .with(|l| match l {
                            Load::Failed(error) => Some(error.clone()),
                            _ => None,
                        })
                        .map(|error| view! { <ErrorCard error=error retry=Callback::new(move |()| latest.retry())/> })
                        .into_any()
                }
                2 => view! { <Nothing/> }.into_any(),
                _ => {
                    view! {
                        <div class="pay-list">
                            <For each=move || entries.get() key=row_key let:entry>
                                {row(entry, open)}
                            </For>
                        </div>
                    }
                        .into_any()
                }
            }}
        </section>
        <EntryDrawer opened=opened/>
    }
}

/// What to do while nothing has happened.
#[component]
fn Nothing() -> impl IntoView {
    let app = app();
    let scanning = Memo::new(move |_| app.wallet().is_some_and(|w| !w.scan.complete));
    let mines = move |app: App| app.node.with(|n| n.as_ref().is_some_and(|n| n.mining.threads > 0));
    let pays_here = pays_here();
    move || {
        if scanning.get() {
            return view! {
                <div class="empty" data-testid="home-scanning">
                    {Icon::Search.draw()}
                    <b>{t!("home.scanning_title")}</b>
                    <p class="soft">{t!("home.scanning_text")}</p>
                </div>
            }
            .into_any();
        }
        let threads = app.node.with_untracked(|n| n.as_ref().map_or(1, |n| n.mining.threads.max(1)));
        view! {
            <div class="empty" data-testid="home-empty">
                {Icon::Umbel.draw()}
                <b>{t!("home.empty")}</b>
                {move || {
                    if mines(app) && pays_here.get() {
                        view! { <p class="soft">{tn!("home.empty_mining", threads as u64)}</p> }.into_any()
                    } else if mines(app) {
                        view! { <p class="soft">{t!("home.empty_other")}</p> }.into_any()
                    } else {
                        view! { <p class="soft">{t!("home.empty_text")}</p> }.into_any()
                    }
                }}
                <div class="row">
                    <a class="btn" href=Route::Receive.href() data-testid="home-empty-receive">{t!("home.show_address")}</a>
                    {move || {
                        (!mines(app))
                            .then(|| {
                                view! {
                                    <a class="btn main" href=Route::Node.href() data-testid="home-empty-mine">
                                        {t!("home.mine")}
                                    </a>
                                }
                            })
                    }}
                </div>
            </div>
        }
        .into_any()
    }
}

/// Whether what the node mines is paid to the wallet in use.
fn pays_here() -> RwSignal<bool> {
    let app = app();
    let here = RwSignal::new(true);
    let payee = Memo::new(move |_| app.node.with(|n| n.as_ref().and_then(|n| n.mining.pays_to.clone())));
    Effect::new(move |_| {
        let Some(payee) = payee.get() else { return };
        let wallet = app.wallet_name();
        spawn_local(async move {
            if let Ok(list) = ipc::wallet::addresses(wallet).await {
                let _ = here.try_set(list.addresses.iter().any(|a| a.confidential == payee || a.zk13str == payee));
            }
        });
    });
    here
}
