//! A payment on its way.

use super::{Draft, Step};
use crate::components::copy::Hash;
use crate::components::mark::TextMark;
use crate::components::payment_path::{PaymentPath, is_over};
use crate::dom;
use crate::format;
use crate::i18n::t;
use crate::ipc;
use crate::route::Route;
use crate::state::app;
use leptos::prelude::*;
use leptos::task::spawn_local;
use umbel_api::send::{Payment, PaymentStage};

/// How often a payment is asked for, beside its events: a lost event must not leave it standing.
const ASK_MS: i32 = 3_000;

/// The payment.
#[component]
pub(super) fn Watch(payment: Payment, draft: Draft, step: RwSignal<Step>) -> impl IntoView {
    let app = app();
    let id = payment.id;
    let first = payment.clone();
    let now = Memo::new(move |_| app.payments.with(|p| p.get(&id).cloned()).unwrap_or_else(|| first.clone()));
    ask_along(id, now);

    // The clock stands still once the way is over.
    let came = StoredValue::new((0_u64, dom::now_ms()));
    Effect::new(move |_| came.set_value((now.with(|p| p.age_ms), dom::now_ms())));
    let age_s = Signal::derive(move || {
        let (age, at) = came.get_value();
        let running = !now.with(|p| is_over(p.stage));
        let since = if running { (app.now.get() - at).max(0.0) } else { 0.0 };
        #[expect(clippy::cast_possible_truncation, reason = "the age of a payment in ms is small")]
        let ms = since as u64;
        (age + ms) / 1_000
    });
    let failed = move || {
        now.with(|p| {
            matches!(
                p.stage,
                PaymentStage::Failed | PaymentStage::Dropped | PaymentStage::Expired | PaymentStage::Conflicted
            )
        })
    };
    let leave = move || {
        app.watched_payment.set(None);
        draft.clear();
    };
    view! {
        <h1 class="page-title">{t!("send.payment")}</h1>
        <section class="card recipient">
            <TextMark text=payment.fingerprint.clone()/>
            <span class="grow">
                <b class="mono">{payment.fingerprint.clone()}</b>
                <small class="address">{format::shortened(&payment.to, 22, 10)}</small>
            </span>
        </section>
        <p class="big-amount">
            <span class="num" data-testid="payment-amount" data-amount=payment.amount.clone()>
                {format::amount_exact(&payment.amount)}
            </span>
            <span class="soft">
                {payment.asset.clone()} {(!payment.note.is_empty()).then(|| format!(" · {}", payment.note))}
            </span>
        </p>
        <PaymentPath payment=now age_s=age_s/>
        {move || {
            now.with(|p| p.txid.clone())
                .map(|txid| {
                    view! {
                        <p class="row between txid">
                            <span class="soft">{t!("detail.txid")}</span>
                            <Hash text=txid testid="payment-txid"/>
                        </p>
                    }
                })
        }}
        <div class="stack-actions">
            {move || {
                failed()
                    .then(|| {
                        view! {
                            <button
                                type="button"
                                class="btn wide"
                                data-testid="payment-again"
                                on:click=move |_| {
                                    app.watched_payment.set(None);
                                    step.set(Step::Form);
                                }
                            >
                                {t!("send.try_again")}
                            </button>
                        }
                    })
            }}
            <button
                type="button"
                class="btn wide"
                data-testid="payment-new"
                on:click=move |_| {
                    leave();
                    step.set(Step::Form);
                }
            >
                {t!("send.another")}
            </button>
            <button
                type="button"
                class="btn main wide"
                data-testid="payment-done"
                on:click=move |_| {
                    leave();
                    Route::Home.go();
                }
            >
                {t!("action.done")}
            </button>
        </div>
    }
}

/// Asks for the payment until its way is over.
fn ask_along(id: u64, now: Memo<Payment>) {
    let app = app();
    spawn_local(async move {
        loop {
            dom::sleep(ASK_MS).await;
            match now.try_get_untracked() {
                Some(payment) if !is_over(payment.stage) => {
                    if let Ok(newer) = ipc::send::status(id).await {
                        app.take_payment(newer);
                    }
                }
                _ => return,
            }
        }
    });
}
