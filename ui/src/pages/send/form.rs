//! Whom and how much.

use super::{Draft, Step};
use crate::components::error::{self, FormError};
use crate::components::field::{Switch, TextField};
use crate::components::mark::TextMark;
use crate::dom;
use crate::format;
use crate::i18n::t;
use crate::icons::Icon;
use crate::ipc;
use crate::state::app;
use leptos::prelude::*;
use leptos::task::spawn_local;
use umbel_api::send::{AddressKind, DecodedAddress, SendRequest};
use umbel_api::{ApiError, ErrorCode};

/// Wait after a key press before an address is read: a paste is one event, typing by hand makes no storm of calls.
const DECODE_WAIT_MS: i32 = 180;
/// Most bytes of a note.
const NOTE_MAX: usize = 238;

#[derive(Debug, Clone, PartialEq)]
enum Recipient {
    Empty,
    Reading,
    Known(DecodedAddress),
    Wrong(ApiError),
}

/// The form.
#[component]
pub(super) fn Form(draft: Draft, step: RwSignal<Step>) -> impl IntoView {
    let app = app();
    let recipient = RwSignal::new(Recipient::Empty);
    let busy = RwSignal::new(false);
    let failed = RwSignal::new(None::<ApiError>);
    read_along(draft, recipient);

    let kind = Memo::new(move |_| match recipient.get() {
        Recipient::Known(address) => Some(address.kind),
        _ => None,
    });
    let is_public = move || kind.get() == Some(AddressKind::Zk13str);
    let spendable = Memo::new(move |_| {
        let asset = draft.asset.get();
        app.wallet()
            .and_then(|w| {
                if asset == "STR" { Some(w.str.spendable) } else { w.assets.get(&asset).map(|b| b.spendable.clone()) }
            })
            .unwrap_or_default()
    });
    let typed = Memo::new(move |_| draft.amount.with(|a| format::typed_amount(a)));
    let amount_error = move || {
        if draft.max.get() || draft.amount.with(|a| a.trim().is_empty()) {
            return None;
        }
        match typed.get() {
            None => Some(t!("send.amount_bad")),
            Some(amount) if format::is_zero(&amount) => Some(t!("send.amount_zero")),
            Some(amount) if format::units(&amount) > format::units(&spendable.get()) => {
                Some(t!("send.amount_more", amount = format::amount_exact(&spendable.get()), asset = draft.asset.get()))
            }
            Some(_) => None,
        }
    };
    let amount_hint = move || {
        if draft.max.get() {
            return t!("send.amount_max");
        }
        match typed.get() {
            Some(amount) if !format::is_zero(&amount) => {
                t!(
                    "send.amount_is",
                    amount = format::amount_exact(&amount),
                    have = format::amount_exact(&spendable.get()),
                    asset = draft.asset.get()
                )
            }
            _ => t!("send.have", amount = format::amount_exact(&spendable.get()), asset = draft.asset.get()),
        }
    };
    let note_left = move || NOTE_MAX.saturating_sub(draft.note.with(String::len));
    let note_error = move || (draft.note.with(String::len) > NOTE_MAX).then(|| t!("send.note_long", n = NOTE_MAX));
    let note_hint = move || {
        if draft.note.with(String::is_empty) { t!("send.note_hint") } else { t!("send.note_left", n = note_left()) }
    };
    let ready = move || {
        let amount = draft.max.get() || (typed.get().is_some_and(|a| !format::is_zero(&a)) && amount_error().is_none());
        kind.get().is_some() && amount && note_error().is_none() && (!is_public() || draft.public.get()) && !busy.get()
    };
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if !ready() {
            return;
        }
        busy.set(true);
        failed.set(None);
        let asset = draft.asset.get_untracked();
        let request = SendRequest {
            wallet: app.wallet_name(),
            to: draft.to.get_untracked().trim().to_owned(),
            amount: if draft.max.get_untracked() {
                "max".to_owned()
            } else {
                typed.get_untracked().unwrap_or_default()
            },
            asset: if asset == "STR" { String::new() } else { asset },
            note: if is_public() { String::new() } else { draft.note.get_untracked() },
            public: is_public() && draft.public.get_untracked(),
        };
        spawn_local(async move {
            match ipc::send::plan(request.clone()).await {
                Ok(plan) => {
                    let _ = step.try_set(Step::Review(request, plan));
                }
                Err(error) => {
                    let _ = failed.try_set(Some(error));
                }
            }
            let _ = busy.try_set(false);
        });
    };
    let to_error = move || match recipient.get() {
        // The form's own words are about the whole form; this is about one field.
        Recipient::Wrong(wrong) if wrong.code == ErrorCode::BadInput => Some(t!("send.to_bad")),
        Recipient::Wrong(wrong) => Some(error::sentence(&wrong)),
        _ => None,
    };
    let to_hint = move || match recipient.get() {
        Recipient::Reading => t!("send.reading"),
        Recipient::Known(_) => String::new(),
        Recipient::Empty | Recipient::Wrong(_) => t!("send.to_hint"),
    };
    view! {
            <h1 class="page-title">{t!("send.title")}</h1>
            <form class="card stack" on:submit=submit>
                <TextField
                    testid="send-to"
                    label=t!("send.to")
                    value=draft.to
                    mono=true
                    maxlength=600
                    hint=Signal::derive(to_hint)
                    error=Signal::derive(to_error)
                />
                {move || match recipient.get() {
                    Recipient::Known(address) => Some(view! { <Known address=address/> }),
                    _ => None,
                }}
                {move || is_public().then(|| view! { <Public draft=draft/> })}
                <TextField
                    testid="send-amount"
                    label=t!("send.amount")
                    value=draft.amount
                    inputmode="decimal"
                    maxlength=40
                    hint=Signal::derive(amount_hint)
                    error=Signal::derive(amount_error)
                >
                    <button
                        type="button"
                        class="in-field"
                        class:on=move || draft.max.get()
                        data-testid="send-max"
                        aria-pressed=move || draft.max.get().to_string()
                        on:click=move |_| {
                            let now = !draft.max.get_untracked();
                            draft.max.set(now);
                            draft
                                .amount
                                .set(if now { format::amount_exact(&spendable.get_untracked()) } else { String::new() });
                        }
                    >
                        {t!("send.max")}
                    </button>
                    <Asset draft=draft/>
                </TextField>
                {typed_ends_max(draft, spendable)}
    // What a private note needs does not exist in a public payment.
                {move || {
                    (!is_public())
                        .then(|| {
                            view! {
                                <TextField
                                    testid="send-note"
                                    label=t!("send.note")
                                    value=draft.note
                                    hint=Signal::derive(note_hint)
                                    error=Signal::derive(note_error)
                                />
                            }
                        })
                }}
                <FormError error=failed/>
                <button type="submit" class="btn main wide" data-testid="send-review" disabled=move || !ready()>
                    {move || if busy.get() { t!("send.planning") } else { t!("send.review") }}
                </button>
            </form>
        }
}

/// A figure typed by hand ends `max`.
fn typed_ends_max(draft: Draft, spendable: Memo<String>) {
    Effect::new(move |_| {
        let text = draft.amount.get();
        if draft.max.get_untracked() && text != format::amount_exact(&spendable.get_untracked()) {
            draft.max.set(false);
        }
    });
}

/// Reads the address while it is typed.
fn read_along(draft: Draft, recipient: RwSignal<Recipient>) {
    let number = StoredValue::new(0_u32);
    Effect::new(move |_| {
        let text = draft.to.with(|t| t.trim().to_owned());
        let mine = number.get_value().wrapping_add(1);
        number.set_value(mine);
        if text.is_empty() {
            recipient.set(Recipient::Empty);
            return;
        }
        recipient.set(Recipient::Reading);
        spawn_local(async move {
            dom::sleep(DECODE_WAIT_MS).await;
            if number.try_get_value() != Some(mine) {
                return;
            }
            let answer = ipc::send::decode_address(text).await;
            if number.try_get_value() == Some(mine) {
                recipient.set(match answer {
                    Ok(address) => Recipient::Known(address),
                    Err(wrong) => Recipient::Wrong(wrong),
                });
            }
        });
    });
}

#[component]
fn Known(address: DecodedAddress) -> impl IntoView {
    let (name, text) = match address.kind {
        AddressKind::Confidential => (t!("address.confidential"), t!("send.confidential_text")),
        AddressKind::Zk13str => (t!("address.zk13str"), t!("send.public_short")),
    };
    view! {
        <div class="known" data-testid="send-known">
            <TextMark text=address.fingerprint.clone()/>
            <span class="grow">
                <b class="mono" data-testid="send-fingerprint">{address.fingerprint}</b>
                <small>{name} " · " {text}</small>
            </span>
            <span class="confirmed">{Icon::Check.draw()}</span>
        </div>
    }
}

#[component]
fn Public(draft: Draft) -> impl IntoView {
    view! {
        <div class="note warn public-note" data-testid="send-public-note">
            {Icon::Eye.draw()}
            <span class="grow">
                <b>{t!("send.public_title")}</b>
                " "
                {t!("send.public_text")}
            </span>
            <Switch
                testid="send-public"
                label=t!("send.public_switch")
                on=draft.public
                change=Callback::new(move |on| draft.public.set(on))
            />
        </div>
    }
}

/// The token: a choice only where the wallet holds more than one.
#[component]
fn Asset(draft: Draft) -> impl IntoView {
    let app = app();
    let assets = Memo::new(move |_| app.wallet().map(|w| w.assets.into_keys().collect::<Vec<_>>()).unwrap_or_default());
    move || {
        let assets = assets.get();
        if assets.is_empty() {
            return view! { <span class="soft unit">"STR"</span> }.into_any();
        }
        view! {
            <select
                class="in-field"
                data-testid="send-asset"
                aria-label=t!("send.token")
                on:change=move |event| {
                    draft.max.set(false);
                    draft.asset.set(event_target_value(&event));
                }
            >
                <option value="STR">"STR"</option>
                {assets.into_iter().map(|a| view! { <option value=a.clone()>{a.clone()}</option> }).collect_view()}
            </select>
        }
        .into_any()
    }
}
