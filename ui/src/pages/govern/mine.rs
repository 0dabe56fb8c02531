//! What the wallet has staked, and taking it out again.

use super::{Doing, can_move};
use crate::components::copy::Hash;
use crate::components::dialog::Modal;
use crate::components::error::{self, FormError};
use crate::components::field::TextField;
use crate::format;
use crate::i18n::t;
use crate::icons::Icon;
use crate::ipc;
use crate::state::app;
use leptos::prelude::*;
use leptos::task::spawn_local;
use umbel_api::ApiError;
use umbel_api::stake::{StakeLeaving, StakePosition, StakeView, UndelegateRequest, ValidatorStatus, WithdrawRequest};

/// The card.
#[component]
pub(super) fn Mine(view: Memo<Option<StakeView>>, doing: Doing) -> impl IntoView {
    let app = app();
    let mine = Memo::new(move |_| view.with(|v| v.as_ref().map(|v| v.mine.clone()).unwrap_or_default()));
    let jailed = Memo::new(move |_| {
        view.with(|v| {
            v.as_ref().is_some_and(|v| v.validators.iter().any(|v| v.own && v.status == ValidatorStatus::Jailed))
        })
    });
    let leaving = RwSignal::new(None::<StakePosition>);
    let unjail = move |_| {
        spawn_local(async move {
            match ipc::stake::unjail(app.wallet_name()).await {
                Ok(_) => {
                    app.say(t!("govern.unjailed"), false);
                    doing.again.run(());
                }
                Err(failed) => app.say(error::sentence(&failed), true),
            }
        });
    };
    view! {
        <section class="card stack" data-testid="govern-mine">
            <h2>{t!("govern.mine")}</h2>
            {move || {
                jailed
                    .get()
                    .then(|| {
                        view! {
                            <p class="note warn row between">
                                {Icon::TriangleAlert.draw()}
                                <span class="grow">{t!("govern.jailed")}</span>
                                <button
                                    type="button"
                                    class="btn"
                                    data-testid="govern-unjail"
                                    disabled=move || !can_move()
                                    on:click=unjail
                                >
                                    {t!("govern.unjail")}
                                </button>
                            </p>
                        }
                    })
            }}
            {move || {
                if mine.with(Vec::is_empty) {
                    view! { <p class="soft" data-testid="govern-mine-empty">{t!("govern.mine_none")}</p> }.into_any()
                } else {
                    view! {
                        <For each=move || mine.get() key=|p| format!("{p:?}") let:position>
                            <Position position=position doing=doing leaving=leaving/>
                        </For>
                    }
                        .into_any()
                }
            }}
        </section>
        <Undelegate position=leaving doing=doing/>
    }
}

#[component]
fn Position(position: StakePosition, doing: Doing, leaving: RwSignal<Option<StakePosition>>) -> impl IntoView {
    let app = app();
    let busy = RwSignal::new(false);
    let id = position.validator.clone();
    let is_due = !format::is_zero(&position.rewards) || !format::is_zero(&position.due);
    let withdraw = move |_| {
        busy.set(true);
        let request = WithdrawRequest { wallet: app.wallet_name(), validator: id.clone(), rewards_only: false };
        spawn_local(async move {
            match ipc::stake::withdraw(request).await {
                Ok(moved) => {
                    app.say(t!("govern.withdrawn", amount = format::amount(&moved.amount)), false);
                    doing.again.run(());
                }
                Err(failed) => app.say(error::sentence(&failed), true),
            }
            let _ = busy.try_set(false);
        });
    };
    let str = |amount: &str| format!("{} STR", format::amount(amount));
    let some = !format::is_zero(&position.staked);
    let chosen = position.clone();
    view! {
        <div class="position" data-testid="govern-position" data-staked=position.staked.clone()>
            <Hash text=position.validator.clone() testid="govern-position-copy"/>
            <dl class="position-parts">
                <div>
                    <dt>{t!("govern.staked")}</dt>
                    <dd class="num" data-testid="govern-staked">{str(&position.staked)}</dd>
                </div>
                <div>
                    <dt>{t!("govern.rewards")}</dt>
                    <dd class="num">{str(&position.rewards)}</dd>
                </div>
                <div>
                    <dt>{t!("govern.due")}</dt>
                    <dd class="num">{str(&position.due)}</dd>
                </div>
            </dl>
            {position.leaving.iter().map(leaves).collect_view()}
            {position
                .kept_ppb
                .map(|kept| {
                    let left = format::rate(f64::from(kept) / 1e7, 1);
                    view! {
                        <p class="note warn" data-testid="govern-slashed">
                            {Icon::TriangleAlert.draw()} <span>{t!("govern.slashed", percent = left)}</span>
                        </p>
                    }
                })}
            <div class="row wrap">
                <button
                    type="button"
                    class="btn"
                    data-testid="govern-withdraw"
                    disabled=move || busy.get() || !is_due || !can_move()
                    on:click=withdraw
                >
                    {t!("govern.withdraw")}
                </button>
                <button
                    type="button"
                    class="btn quiet"
                    data-testid="govern-undelegate"
                    disabled=move || !some || !can_move()
                    on:click=move |_| leaving.set(Some(chosen.clone()))
                >
                    {t!("govern.undelegate")}
                </button>
            </div>
        </div>
    }
}

fn leaves(leaving: &StakeLeaving) -> impl IntoView + use<> {
    let words = t!("govern.leaving", amount = format::amount(&leaving.amount), time = format::span(leaving.in_s));
    view! { <p class="soft small" data-testid="govern-leaving">{words}</p> }
}

/// Asks how much is taken out.
#[component]
fn Undelegate(position: RwSignal<Option<StakePosition>>, doing: Doing) -> impl IntoView {
    let app = app();
    let open = RwSignal::new(false);
    Effect::new(move |_| open.set(position.with(Option::is_some)));
    Effect::new(move |_| {
        if !open.get() && position.with_untracked(Option::is_some) {
            position.set(None);
        }
    });
    let amount = RwSignal::new(String::new());
    let busy = RwSignal::new(false);
    let failed = RwSignal::new(None::<ApiError>);
    let take = move |all: bool| {
        let Some(from) = position.get_untracked() else { return };
        let wanted = if all { Some("max".to_owned()) } else { format::typed_amount(&amount.get_untracked()) };
        let Some(wanted) = wanted.filter(|_| !busy.get_untracked()) else { return };
        busy.set(true);
        failed.set(None);
        let request = UndelegateRequest { wallet: app.wallet_name(), validator: from.validator, amount: wanted };
        spawn_local(async move {
            match ipc::stake::undelegate(request).await {
                Ok(_) => {
                    app.say(t!("govern.undelegated"), false);
                    amount.set(String::new());
                    position.set(None);
                    doing.again.run(());
                }
                Err(error) => failed.set(Some(error)),
            }
            let _ = busy.try_set(false);
        });
    };
    let fits = move || amount.with(|a| format::typed_amount(a).is_some_and(|a| !format::is_zero(&a)));
    view! {
        <Modal open=open testid="govern-undelegate-dialog" title=t!("govern.undelegate_title")>
            <form
                class="stack"
                on:submit=move |event: leptos::ev::SubmitEvent| {
                    event.prevent_default();
                    take(false);
                }
            >
                <p class="soft">{t!("govern.undelegate_text")}</p>
                <TextField
                    testid="govern-undelegate-amount"
                    label=t!("send.amount")
                    value=amount
                    inputmode="decimal"
                />
                <FormError error=failed/>
                <button
                    type="submit"
                    class="btn main wide"
                    data-testid="govern-undelegate-submit"
                    disabled=move || busy.get() || !fits()
                >
                    {t!("govern.undelegate")}
                </button>
                <button
                    type="button"
                    class="btn wide"
                    data-testid="govern-undelegate-all"
                    disabled=move || busy.get()
                    on:click=move |_| take(true)
                >
                    {t!("govern.undelegate_all")}
                </button>
            </form>
        </Modal>
    }
}
