//! Receive: an address and its code, fresh addresses with a label, those handed out.

use crate::components::copy::CopyButton;
use crate::components::error::{ErrorCard, FormError};
use crate::components::field::{Segment, TextField};
use crate::components::loaded::{Load, Loaded, skeleton};
use crate::components::mark::TextMark;
use crate::components::qr::Qr;
use crate::format;
use crate::i18n::t;
use crate::icons::Icon;
use crate::ipc;
use crate::state::app;
use leptos::prelude::*;
use leptos::task::spawn_local;
use umbel_api::ApiError;
use umbel_api::wallet::{AddressEntry, AddressList};

/// Which of its states the page is in.
#[derive(Debug, Clone, PartialEq)]
enum Shape {
    Loading,
    Failed(ApiError),
    Ready,
}

/// The page.
#[component]
pub(crate) fn Receive() -> impl IntoView {
    let app = app();
    let list = Loaded::new(move || {
        app.history_version.track();
        ipc::wallet::addresses(app.wallet_name())
    });
    let chosen = RwSignal::new(None::<u32>);
    // A mining wallet's list is asked for every second: only what changed is drawn again, so that a half-typed label, the
    // chosen kind and the focus stay.
    let entries = Memo::new(move |before: Option<&Vec<AddressEntry>>| {
        list.value.with(|l| match l {
            Load::Ready(found) => found.addresses.clone(),
            _ => before.cloned().unwrap_or_default(),
        })
    });
    let shape = Memo::new(move |_| {
        list.value.with(|l| match l {
            Load::Loading => Shape::Loading,
            Load::Failed(error) => Shape::Failed(error.clone()),
            Load::Ready(_) => Shape::Ready,
        })
    });
    view! {
        <div class="page" data-testid="receive-page">
            <h1 class="page-title">{t!("receive.title")}</h1>
            {move || match shape.get() {
                Shape::Loading => skeleton(8).into_any(),
                Shape::Failed(error) => {
                    view! { <ErrorCard error=error retry=Callback::new(move |()| list.retry())/> }.into_any()
                }
                Shape::Ready => view! { <Addresses entries=entries chosen=chosen list=list/> }.into_any(),
            }}
        </div>
    }
}

#[component]
fn Addresses(
    entries: Memo<Vec<AddressEntry>>,
    chosen: RwSignal<Option<u32>>,
    list: Loaded<AddressList>,
) -> impl IntoView {
    let public = RwSignal::new(false);
    // What came in since does not draw the address again.
    let shown = Memo::new(move |_| {
        let wanted = chosen.get();
        entries.with(|all| {
            let entry = all.iter().find(|a| Some(a.index) == wanted).or_else(|| all.first()).cloned()?;
            Some(AddressEntry { received: String::new(), ..entry })
        })
    });
    view! {
        <div class="receive-grid">
            {move || shown.get().map(|entry| view! { <Shown entry=entry public=public/> })}
            <div class="stack">
                <Fresh chosen=chosen list=list/>
                <section class="card">
                    <h2>{t!("receive.handed_out")}</h2>
                    <ul class="address-list">
                        <For each=move || entries.get() key=|entry| entry.index let:entry>
                            <Row entry=entry entries=entries shown=shown chosen=chosen/>
                        </For>
                    </ul>
                </section>
            </div>
        </div>
    }
}

/// The address in view.
#[component]
fn Shown(entry: AddressEntry, public: RwSignal<bool>) -> impl IntoView {
    let label = entry.label.clone();
    let fingerprint = entry.fingerprint.clone();
    let entry = StoredValue::new(entry);
    let text =
        Memo::new(move |_| entry.with_value(|e| if public.get() { e.zk13str.clone() } else { e.confidential.clone() }));
    let is = move |wanted: bool| Signal::derive(move || public.get() == wanted);
    let take = move |wanted: bool| Callback::new(move |()| public.set(wanted));
    view! {
        <section class="card receive-card" data-testid="receive-card">
            <div class="known plain">
                <TextMark text=fingerprint.clone()/>
                <span class="grow">
                    <b>{if label.is_empty() { t!("receive.no_label") } else { label }}</b>
                    <small class="mono">{fingerprint}</small>
                </span>
            </div>
            {move || view! { <Qr text=text.get() label=t!("receive.qr")/> }}
            <fieldset class="segs">
                <legend class="sr-only">{t!("receive.kind")}</legend>
                <Segment
                    testid="receive-confidential"
                    group="kind"
                    label=t!("address.confidential")
                    on=is(false)
                    choose=take(false)
                />
                <Segment
                    testid="receive-zk13str"
                    group="kind"
                    label=t!("address.zk13str")
                    on=is(true)
                    choose=take(true)
                />
            </fieldset>
            <div class="address-box">
                <code data-testid="receive-address">{move || text.get()}</code>
            </div>
            <CopyButton testid="receive-copy" text=text label=t!("receive.copy")/>
            <p class="note" class:warn=move || public.get()>
                {move || if public.get() { Icon::Eye.draw() } else { Icon::ShieldCheck.draw() }}
                <span>{move || if public.get() { t!("receive.public_text") } else { t!("receive.private_text") }}</span>
            </p>
        </section>
    }
}

/// One more address.
#[component]
fn Fresh(chosen: RwSignal<Option<u32>>, list: Loaded<AddressList>) -> impl IntoView {
    let app = app();
    let label = RwSignal::new(String::new());
    let busy = RwSignal::new(false);
    let failed = RwSignal::new(None::<ApiError>);
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        failed.set(None);
        spawn_local(async move {
            match ipc::wallet::new_address(app.wallet_name(), label.get_untracked().trim().to_owned()).await {
                Ok(entry) => {
                    app.announced.set(t!("receive.made"));
                    let _ = chosen.try_set(Some(entry.index));
                    let _ = label.try_set(String::new());
                    list.refresh();
                }
                Err(error) => {
                    let _ = failed.try_set(Some(error));
                }
            }
            let _ = busy.try_set(false);
        });
    };
    view! {
        <form class="card stack" on:submit=submit>
            <h2>{t!("receive.fresh")}</h2>
            <p class="soft">{t!("receive.fresh_text")}</p>
            <TextField testid="receive-label" label=t!("receive.label") value=label maxlength=60>
                <button type="submit" class="btn" data-testid="receive-new" disabled=move || busy.get()>
                    {Icon::Plus.draw()}
                    {t!("receive.new")}
                </button>
            </TextField>
            <FormError error=failed/>
        </form>
    }
}

#[component]
fn Row(
    entry: AddressEntry,
    entries: Memo<Vec<AddressEntry>>,
    shown: Memo<Option<AddressEntry>>,
    chosen: RwSignal<Option<u32>>,
) -> impl IntoView {
    let index = entry.index;
    let on = move || shown.with(|s| s.as_ref().is_some_and(|s| s.index == index));
    let received = Memo::new(move |_| {
        entries.with(|all| all.iter().find(|a| a.index == index).map(|a| a.received.clone())).unwrap_or_default()
    });
    view! {
        <li>
            <button
                type="button"
                class="address-item"
                data-testid="receive-item"
                aria-pressed=move || on().to_string()
                on:click=move |_| chosen.set(Some(index))
            >
                <TextMark text=entry.fingerprint.clone()/>
                <span class="grow">
                    <b>{if entry.label.is_empty() { t!("receive.no_label") } else { entry.label.clone() }}</b>
                    <small class="mono">{entry.fingerprint.clone()}</small>
                </span>
                {move || {
                    let got = received.get();
                    (!format::is_zero(&got))
                        .then(|| {
                            view! { <span class="num received confirmed">{format!("+{} STR", format::amount(&got))}</span> }
                        })
                }}
            </button>
        </li>
    }
}
