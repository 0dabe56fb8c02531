//! Govern: validators, what the wallet has staked with them, and becoming one.

mod forms;
mod mine;

use crate::components::copy::Hash;
use crate::components::error::ErrorCard;
use crate::components::loaded::{Load, Loaded, skeleton};
use crate::format;
use crate::i18n::{t, tn};
use crate::icons::Icon;
use crate::ipc;
use crate::state::app;
use forms::{DelegateForm, RegisterForm};
use leptos::prelude::*;
use mine::Mine;
use umbel_api::stake::{StakeValidator, StakeView, ValidatorStatus};
use umbel_api::wallet::LockStatus;

/// What a person is doing on the page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Doing {
    /// The validator that is staked with.
    delegate: RwSignal<Option<StakeValidator>>,
    /// Whether a validator is being made.
    register: RwSignal<bool>,
    /// Asks for everything again.
    again: Callback<()>,
}

/// The page.
#[component]
pub(crate) fn Govern() -> impl IntoView {
    let app = app();
    // Only an open wallet has stake to show; the validators are everybody's.
    let wallet = Memo::new(move |_| {
        app.summary().filter(|w| w.status != LockStatus::Closed && w.damaged.is_none()).map(|w| w.name)
    });
    let moved = Memo::new(move |_| {
        app.node.with(|n| n.as_ref().and_then(|n| n.finality.as_ref()).map(|f| (f.epoch, f.finalized)))
    });
    let stake = Loaded::new(move || {
        app.history_version.track();
        moved.track();
        ipc::stake::status(wallet.get())
    });
    let doing = Doing {
        delegate: RwSignal::new(None),
        register: RwSignal::new(false),
        again: Callback::new(move |()| stake.refresh()),
    };
    let view = Memo::new(move |_| match stake.value.get() {
        Load::Ready(view) => Some(view),
        _ => None,
    });
    let shape = Memo::new(move |_| {
        stake.value.with(|l| match l {
            Load::Loading => 0,
            Load::Failed(_) => 1,
            Load::Ready(_) => 2,
        })
    });
    let failed = move || {
        stake.value.with(|l| match l {
            Load::Failed(error) => Some(error.clone()),
            _ => None,
        })
    };
    let body = move || match shape.get() {
        0 => view! { <section class="card">{skeleton(9)}</section> }.into_any(),
        1 => failed()
            .map(|error| view! { <ErrorCard error=error retry=Callback::new(move |()| stake.retry())/> })
            .into_any(),
        _ => view! {
            <Epoch view=view/>
            <Mine view=view doing=doing/>
            <Validators view=view doing=doing/>
            <Become view=view doing=doing/>
        }
        .into_any(),
    };
    view! {
        <div class="page" data-testid="govern-page">
            <div class="row between page-head">
                <h1>{t!("govern.title")}</h1>
                <p class="soft">{t!("govern.text")}</p>
            </div>
            {body}
            <DelegateForm view=view doing=doing/>
            <RegisterForm view=view doing=doing/>
        </div>
    }
}

/// Whether an unlocked wallet can move stake now.
pub(super) fn can_move() -> bool {
    app().is_unlocked()
}

#[component]
fn Epoch(view: Memo<Option<StakeView>>) -> impl IntoView {
    let of = move |read: fn(&StakeView) -> String| move || view.with(|v| v.as_ref().map(read).unwrap_or_default());
    let stalled = Memo::new(move |_| view.with(|v| v.as_ref().is_some_and(|v| v.stalled)));
    view! {
        {move || {
            stalled
                .get()
                .then(|| {
                    view! {
                        <section class="card attention" role="alert" data-testid="govern-stalled">
                            {Icon::TriangleAlert.draw()}
                            <p class="grow">{t!("govern.stalled")}</p>
                        </section>
                    }
                })
        }}
        <div class="figures three">
            <section class="card figure" data-testid="govern-epoch">
                <h2>{t!("node.epoch")}</h2>
                <p class="num figure-value">{of(|v| format::integer(v.epoch))}</p>
                <p class="faint small">{of(|v| t!("govern.epoch_text", time = format::span(v.epoch_ends_in_s)))}</p>
            </section>
            <section class="card figure">
                <h2>{t!("govern.active")}</h2>
                <p class="num figure-value">
                    {of(|v| {
                        let active = v.validators.iter().filter(|v| v.status == ValidatorStatus::Active).count();
                        t!("node.of_members", n = active, of = v.max_active)
                    })}
                </p>
                <p class="faint small">{of(|v| tn!("govern.registered", v.validators.len() as u64))}</p>
            </section>
            <section class="card figure">
                <h2>{t!("govern.unbonding")}</h2>
                <p class="num figure-value">{of(|v| format::span(v.unbonding_s))}</p>
                <p class="faint small">{t!("govern.unbonding_text")}</p>
            </section>
        </div>
    }
}

fn status(validator: &StakeValidator) -> (&'static str, String) {
    match validator.status {
        ValidatorStatus::Active => ("final", t!("govern.status_active")),
        ValidatorStatus::Waiting => ("accepted", t!("govern.status_waiting")),
        ValidatorStatus::LowBond => ("seen", t!("govern.status_low_bond")),
        ValidatorStatus::Jailed => ("warn", t!("govern.status_jailed")),
        ValidatorStatus::Slashed => ("bad", t!("govern.status_slashed")),
    }
}

/// Basis points as a percentage.
pub(super) fn percent(bps: u16) -> String {
    format::rate(f64::from(bps) / 100.0, if bps.is_multiple_of(100) { 0 } else { 2 })
}

#[component]
fn Validators(view: Memo<Option<StakeView>>, doing: Doing) -> impl IntoView {
    let all = Memo::new(move |_| view.with(|v| v.as_ref().map(|v| v.validators.clone()).unwrap_or_default()));
    let empty = Memo::new(move |_| all.with(Vec::is_empty));
    view! {
        <section class="card stack" data-testid="govern-validators">
            <h2>{t!("govern.validators")}</h2>
            {move || {
                if empty.get() {
                    view! { <p class="soft" data-testid="govern-empty">{t!("govern.none")}</p> }.into_any()
                } else {
                    view! {
                        <ul class="members">
                            <For each=move || all.get() key=|v| format!("{v:?}") let:validator>
                                <Row validator=validator doing=doing/>
                            </For>
                        </ul>
                    }
                        .into_any()
                }
            }}
        </section>
    }
}

#[component]
fn Row(validator: StakeValidator, doing: Doing) -> impl IntoView {
    let (class, word) = status(&validator);
    let share = validator
        .signed
        .filter(|share| share.of > 0)
        .map_or_else(|| t!("govern.signed_none"), |share| t!("govern.signed", n = share.signed, of = share.of));
    let takes_stake = validator.status != ValidatorStatus::Slashed;
    let (id, own) = (validator.id.clone(), validator.own);
    let facts = t!("govern.row", percent = percent(validator.commission_bps), signed = share);
    let stake = format::amount(&validator.stake);
    let name = t!("govern.delegate_to", id = format::shortened(&id, 8, 4));
    let chosen = validator.clone();
    let status = format!("{:?}", validator.status);
    view! {
        <li data-testid="govern-validator" data-validator=validator.id data-status=status>
            <span class="grow">
                <span class="row tight">
                    <Hash text=id testid="govern-copy"/>
                    {own.then(|| view! { <span class="pill confirmed">{t!("govern.own")}</span> })}
                </span>
                <small class="soft">{facts}</small>
            </span>
            <span class="num">{stake} " " <span class="soft">"STR"</span></span>
            <span class=format!("pill {class}")>{word}</span>
            {takes_stake
                .then(|| {
                    view! {
                        <button
                            type="button"
                            class="btn"
                            data-testid="govern-delegate"
                            aria-label=name
                            disabled=move || !can_move()
                            on:click=move |_| doing.delegate.set(Some(chosen.clone()))
                        >
                            {t!("govern.delegate")}
                        </button>
                    }
                })}
        </li>
    }
}

/// How to become a validator; nothing where the wallet is one.
#[component]
fn Become(view: Memo<Option<StakeView>>, doing: Doing) -> impl IntoView {
    let is_one = Memo::new(move |_| view.with(|v| v.as_ref().is_some_and(|v| v.validators.iter().any(|v| v.own))));
    let bond = move || view.with(|v| v.as_ref().map(|v| format::amount(&v.min_bond)).unwrap_or_default());
    move || {
        (!is_one.get()).then(|| {
            view! {
                <section class="card stack" data-testid="govern-become">
                    <div>
                        <h2>{t!("govern.become")}</h2>
                        <p class="soft">{t!("govern.become_text", bond = bond())}</p>
                    </div>
                    <div class="row">
                        <button
                            type="button"
                            class="btn"
                            data-testid="govern-register"
                            disabled=move || !can_move()
                            on:click=move |_| doing.register.set(true)
                        >
                            {t!("govern.register")}
                        </button>
                        {move || (!can_move()).then(|| view! { <span class="soft small">{t!("govern.unlock")}</span> })}
                    </div>
                </section>
            }
        })
    }
}
