//! Staking with a validator, and becoming one.

use super::{Doing, percent};
use crate::components::dialog::Modal;
use crate::components::error::FormError;
use crate::components::field::{NewPassword, Switch, TextField, password_fits, wipe};
use crate::format;
use crate::i18n::t;
use crate::icons::Icon;
use crate::ipc;
use crate::state::app;
use leptos::prelude::*;
use leptos::task::spawn_local;
use umbel_api::stake::{DelegateRequest, RegisterRequest, StakeView};
use umbel_api::{ApiError, Secret};

/// Commission that the form starts with, in basis points.
const COMMISSION_BPS: u16 = 500;

/// A warning that stake is public, with the switch that accepts it.
#[component]
fn Public(testid: &'static str, accepted: RwSignal<bool>) -> impl IntoView {
    view! {
        <div class="note warn row between">
            {Icon::Eye.draw()}
            <span class="grow">{t!("govern.public")}</span>
            <Switch
                testid=testid
                label=t!("govern.public_accept")
                on=accepted
                change=Callback::new(move |wanted| accepted.set(wanted))
            />
        </div>
    }
}

fn is_amount(text: &str) -> bool {
    format::typed_amount(text).is_some_and(|amount| !format::is_zero(&amount))
}

/// Stakes with the chosen validator.
#[component]
pub(super) fn DelegateForm(view: Memo<Option<StakeView>>, doing: Doing) -> impl IntoView {
    let app = app();
    let open = RwSignal::new(false);
    Effect::new(move |_| open.set(doing.delegate.with(Option::is_some)));
    Effect::new(move |_| {
        if !open.get() && doing.delegate.with_untracked(Option::is_some) {
            doing.delegate.set(None);
        }
    });
    let amount = RwSignal::new(String::new());
    let public = RwSignal::new(false);
    let busy = RwSignal::new(false);
    let failed = RwSignal::new(None::<ApiError>);
    let least = move || view.with(|v| v.as_ref().map(|v| format::amount(&v.min_delegation)).unwrap_or_default());
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let chosen = doing.delegate.get_untracked();
        let wanted = format::typed_amount(&amount.get_untracked());
        let (Some(chosen), Some(wanted)) = (chosen, wanted) else { return };
        if busy.get_untracked() || !public.get_untracked() {
            return;
        }
        busy.set(true);
        failed.set(None);
        let request = DelegateRequest { wallet: app.wallet_name(), validator: chosen.id, amount: wanted, public: true };
        spawn_local(async move {
            match ipc::stake::delegate(request).await {
                Ok(moved) => {
                    app.say(t!("govern.delegated", amount = format::amount(&moved.amount)), false);
                    amount.set(String::new());
                    public.set(false);
                    doing.delegate.set(None);
                    doing.again.run(());
                }
                Err(error) => failed.set(Some(error)),
            }
            let _ = busy.try_set(false);
        });
    };
    let keeps = move || doing.delegate.with(|v| v.as_ref().map(|v| percent(v.commission_bps)).unwrap_or_default());
    let id = move || doing.delegate.with(|v| v.as_ref().map(|v| format::shortened(&v.id, 14, 8)).unwrap_or_default());
    view! {
        <Modal open=open testid="govern-delegate-dialog" title=t!("govern.delegate_title")>
            <form class="stack" on:submit=submit>
                <dl class="facts">
                    <dt>{t!("govern.validator")}</dt>
                    <dd class="mono">{id}</dd>
                    <dt>{t!("govern.commission")}</dt>
                    <dd class="num">{move || t!("govern.percent", n = keeps())}</dd>
                </dl>
                <TextField
                    testid="govern-amount"
                    label=t!("send.amount")
                    value=amount
                    inputmode="decimal"
                    hint=Signal::derive(move || t!("govern.least", amount = least()))
                />
                <p class="soft small">{t!("govern.delegate_text")}</p>
                <Public testid="govern-public" accepted=public/>
                <FormError error=failed/>
                <button
                    type="submit"
                    class="btn main wide"
                    data-testid="govern-delegate-submit"
                    disabled=move || busy.get() || !public.get() || !amount.with(|a| is_amount(a))
                >
                    {move || if busy.get() { t!("govern.busy") } else { t!("govern.delegate") }}
                </button>
            </form>
        </Modal>
    }
}

/// Makes a validator.
#[component]
pub(super) fn RegisterForm(view: Memo<Option<StakeView>>, doing: Doing) -> impl IntoView {
    let app = app();
    let bond = RwSignal::new(String::new());
    let commission = RwSignal::new(percent(COMMISSION_BPS));
    let (password, repeated) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let public = RwSignal::new(false);
    let busy = RwSignal::new(false);
    let failed = RwSignal::new(None::<ApiError>);
    let most = move || view.with(|v| v.as_ref().map_or(0, |v| v.max_commission_bps));
    let bps = move || {
        let typed = commission.with(|c| format::typed_amount(c))?;
        let units = format::units(&typed)?;
        // Base units of a percentage: a millionth of one is a basis point's ten-thousandth.
        let bps = u16::try_from(units / 1_000_000).ok()?;
        (units % 1_000_000 == 0 && bps <= most()).then_some(bps)
    };
    let ready =
        move || bond.with(|b| is_amount(b)) && bps().is_some() && password_fits(password, repeated) && public.get();
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let (Some(stake), Some(commission_bps)) = (format::typed_amount(&bond.get_untracked()), bps()) else { return };
        if busy.get_untracked() || !ready() {
            return;
        }
        busy.set(true);
        failed.set(None);
        let request = RegisterRequest {
            wallet: app.wallet_name(),
            stake,
            commission_bps,
            password: Secret::new(password.get_untracked()),
            public: true,
        };
        spawn_local(async move {
            match ipc::stake::register(request).await {
                Ok(_) => {
                    app.say(t!("govern.registered_now"), false);
                    wipe(password);
                    wipe(repeated);
                    public.set(false);
                    doing.register.set(false);
                    doing.again.run(());
                }
                Err(error) => failed.set(Some(error)),
            }
            let _ = busy.try_set(false);
        });
    };
    let facts = move || {
        view.with(|v| {
            v.as_ref().map(|v| {
                t!(
                    "govern.bond_text",
                    bond = format::amount(&v.min_bond),
                    deposit = format::amount(&v.register_deposit)
                )
            })
        })
        .unwrap_or_default()
    };
    view! {
        <Modal open=doing.register testid="govern-register-dialog" title=t!("govern.register")>
            <form class="stack" on:submit=submit>
                <TextField
                    testid="govern-bond"
                    label=t!("govern.bond")
                    value=bond
                    inputmode="decimal"
                    hint=Signal::derive(facts)
                />
                <TextField
                    testid="govern-commission"
                    label=t!("govern.commission_field")
                    value=commission
                    inputmode="decimal"
                    hint=Signal::derive(move || t!("govern.commission_text", most = percent(most())))
                />
                <p class="soft small">{t!("govern.key_text")}</p>
                <NewPassword password=password repeated=repeated/>
                <Public testid="govern-register-public" accepted=public/>
                <FormError error=failed/>
                <button
                    type="submit"
                    class="btn main wide"
                    data-testid="govern-register-submit"
                    disabled=move || busy.get() || !ready()
                >
                    {move || if busy.get() { t!("govern.busy") } else { t!("govern.register") }}
                </button>
            </form>
        </Modal>
    }
}
