//! Activity: what came and went, filtered and searched, with details and export.

mod drawer;
mod export;
mod prove;

pub(crate) use drawer::EntryDrawer;

use crate::components::error::ErrorCard;
use crate::components::loaded::{Load, Loaded, skeleton};
use crate::components::payment_row::{PaymentRow, kind_name, row_key};
use crate::dom;
use crate::format;
use crate::i18n::t;
use crate::icons::Icon;
use crate::ipc;
use crate::route::Route;
use crate::state::app;
use export::ExportButton;
use leptos::prelude::*;
use leptos::task::spawn_local;
use prove::CheckProofButton;
use umbel_api::wallet::{HistoryEntry, HistoryKind, HistoryRequest};

/// Entries of one page: what a person looks through, and far below what makes a browser slow.
const PAGE: usize = 50;
/// Wait after a key press before it is searched.
const SEARCH_WAIT_MS: i32 = 200;

/// The page.
#[component]
pub(crate) fn Activity() -> impl IntoView {
    let app = app();
    let kind = RwSignal::new(None::<HistoryKind>);
    let typed = RwSignal::new(String::new());
    let search = RwSignal::new(String::new());
    let offset = RwSignal::new(0_usize);
    settle(typed, search, offset);
    let request = move || HistoryRequest {
        wallet: app.wallet_name(),
        offset: offset.get(),
        limit: PAGE,
        search: search.get(),
        kind: kind.get(),
    };
    let history = Loaded::new(move || {
        app.history_version.track();
        ipc::wallet::history(request())
    });
    let total = Memo::new(move |_| match history.value.get() {
        Load::Ready(h) => h.total,
        _ => 0,
    });
    let filtered = move || kind.get().is_some() || !search.with(String::is_empty);
    view! {
        <div class="page" data-testid="activity-page">
            <div class="row between page-head">
                <h1>{t!("nav.activity")}</h1>
                <div class="row">
                    <CheckProofButton/>
                    <ExportButton kind=kind search=search total=total/>
                </div>
            </div>
            <div class="filters">
                <div class="row chips" role="group" aria-label=t!("activity.kinds")>
                    <Filter testid="activity-all" wanted=None kind=kind offset=offset/>
                    <Filter testid="activity-sent" wanted=Some(HistoryKind::Sent) kind=kind offset=offset/>
                    <Filter testid="activity-received" wanted=Some(HistoryKind::Received) kind=kind offset=offset/>
                    <Filter testid="activity-mined" wanted=Some(HistoryKind::Mined) kind=kind offset=offset/>
                    <Filter testid="activity-self" wanted=Some(HistoryKind::SelfTransfer) kind=kind offset=offset/>
                    <Filter testid="activity-stake" wanted=Some(HistoryKind::Stake) kind=kind offset=offset/>
                </div>
                <label class="search">
                    {Icon::Search.draw()}
                    <input
                        type="search"
                        data-testid="activity-search"
                        aria-label=t!("activity.search")
                        placeholder=t!("activity.search")
                        autocomplete="off"
                        prop:value=move || typed.get()
                        on:input=move |event| typed.set(event_target_value(&event))
                    />
                </label>
            </div>
            <List history=history filtered=Signal::derive(filtered)/>
            <Pager total=total offset=offset/>
        </div>
    }
}

#[component]
fn Filter(
    testid: &'static str,
    wanted: Option<HistoryKind>,
    kind: RwSignal<Option<HistoryKind>>,
    offset: RwSignal<usize>,
) -> impl IntoView {
    let name = wanted.map_or_else(|| t!("activity.all"), kind_name);
    view! {
        <button
            type="button"
            class="chip"
            data-testid=testid
            aria-pressed=move || (kind.get() == wanted).to_string()
            on:click=move |_| {
                offset.set(0);
                kind.set(wanted);
            }
        >
            {name}
        </button>
    }
}

/// Takes a search into use once the person pauses.
fn settle(typed: RwSignal<String>, search: RwSignal<String>, offset: RwSignal<usize>) {
    let number = StoredValue::new(0_u32);
    Effect::new(move |_| {
        let text = typed.with(|t| t.trim().to_owned());
        let mine = number.get_value().wrapping_add(1);
        number.set_value(mine);
        if search.with_untracked(|s| *s == text) {
            return;
        }
        spawn_local(async move {
            dom::sleep(SEARCH_WAIT_MS).await;
            if number.try_get_value() == Some(mine) {
                offset.set(0);
                search.set(text);
            }
        });
    });
}

#[component]
fn List(history: Loaded<umbel_api::wallet::History>, #[prop(into)] filtered: Signal<bool>) -> impl IntoView {
    let opened = RwSignal::new(None::<HistoryEntry>);
    let open = Callback::new(move |entry| opened.set(Some(entry)));
    let entries = Memo::new(move |_| match history.value.get() {
        Load::Ready(h) => h.entries,
        _ => Vec::new(),
    });
    let shape = Memo::new(move |_| {
        history.value.with(|l| match l {
            Load::Loading => 0,
            Load::Failed(_) => 1,
            Load::Ready(h) if h.entries.is_empty() => 2,
            Load::Ready(_) => 3,
        })
    });
    let failed = move || {
        history.value.with(|l| match l {
            Load::Failed(error) => Some(error.clone()),
            _ => None,
        })
    };
    view! {
        {move || match shape.get() {
            0 => view! { <section class="card">{skeleton(8)}</section> }.into_any(),
            1 => {
                failed()
                    .map(|error| view! { <ErrorCard error=error retry=Callback::new(move |()| history.retry())/> })
                    .into_any()
            }
            2 if filtered.get() => {
                view! {
                    <section class="card empty" data-testid="activity-none">
                        {Icon::Search.draw()}
                        <b>{t!("activity.none")}</b>
                        <p class="soft">{t!("activity.none_text")}</p>
                    </section>
                }
                    .into_any()
            }
            2 => {
                view! {
                    <section class="card empty" data-testid="activity-empty">
                        {Icon::Activity.draw()}
                        <b>{t!("activity.empty")}</b>
                        <p class="soft">{t!("activity.empty_text")}</p>
                        <a class="btn main" href=Route::Receive.href() data-testid="activity-receive">
                            {t!("home.show_address")}
                        </a>
                    </section>
                }
                    .into_any()
            }
            _ => {
                view! {
                    <section class="card pay-list" data-testid="activity-list">
                        <For each=move || entries.get() key=row_key let:entry>
                            <PaymentRow entry=entry open=open testid="activity-entry"/>
                        </For>
                    </section>
                }
                    .into_any()
            }
        }}
        <EntryDrawer opened=opened/>
    }
}

#[component]
fn Pager(total: Memo<usize>, offset: RwSignal<usize>) -> impl IntoView {
    let number = |n: usize| format::integer(n as u64);
    let last = move || (offset.get() + PAGE).min(total.get());
    let turn = move |to: usize| {
        offset.set(to);
        dom::scroll_to_top();
    };
    let range =
        move || t!("activity.range", from = number(offset.get() + 1), to = number(last()), total = number(total.get()));
    view! {
        <nav class="row pager" aria-label=t!("activity.pages") hidden=move || total.get() <= PAGE>
            <button
                type="button"
                class="icon-btn"
                data-testid="activity-newer"
                aria-label=t!("activity.newer")
                disabled=move || offset.get() == 0
                on:click=move |_| turn(offset.get_untracked().saturating_sub(PAGE))
            >
                {Icon::ChevronLeft.draw()}
            </button>
            <span class="num soft">{range}</span>
            <button
                type="button"
                class="icon-btn"
                data-testid="activity-older"
                aria-label=t!("activity.older")
                disabled=move || last() == total.get()
                on:click=move |_| turn(offset.get_untracked() + PAGE)
            >
                {Icon::ChevronRight.draw()}
            </button>
        </nav>
    }
}
