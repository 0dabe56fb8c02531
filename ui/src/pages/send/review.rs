//! What a payment takes, before it is made.

use super::Step;
use crate::components::error::FormError;
use crate::components::mark::TextMark;
use crate::format;
use crate::i18n::{t, tn};
use crate::icons::Icon;
use crate::ipc;
use crate::state::app;
use leptos::prelude::*;
use leptos::task::spawn_local;
use umbel_api::ApiError;
use umbel_api::send::{PaymentPlan, SendRequest};

fn notice(code: &str, plan: &PaymentPlan) -> Option<(bool, String)> {
    match code {
        "public" => Some((true, t!("send.notice_public"))),
        "consolidates" => {
            Some((false, t!("send.notice_consolidates", coins = plan.coins, transactions = plan.transactions)))
        }
        "own_address" => Some((false, t!("send.notice_own"))),
        _ => None,
    }
}

/// The review.
#[component]
pub(super) fn Review(request: SendRequest, plan: PaymentPlan, step: RwSignal<Step>) -> impl IntoView {
    let app = app();
    let busy = RwSignal::new(false);
    let failed = RwSignal::new(None::<ApiError>);
    let to = request.to.clone();
    let note = request.note.clone();
    let is_public = request.public;
    let request = StoredValue::new(request);
    let pay = move |_| {
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        failed.set(None);
        spawn_local(async move {
            match ipc::send::pay(request.get_value()).await {
                Ok(payment) => {
                    app.watched_payment.set(Some(payment.id));
                    app.take_payment(payment.clone());
                    let _ = step.try_set(Step::Watch(payment));
                }
                Err(error) => {
                    let _ = failed.try_set(Some(error));
                    let _ = busy.try_set(false);
                }
            }
        });
    };
    let asset = plan.asset.clone();
    let mut codes = plan.notices.clone();
    if plan.transactions > 1 && !codes.iter().any(|c| c == "consolidates") {
        codes.push("consolidates".to_owned());
    }
    let notices = codes.iter().filter_map(|code| notice(code, &plan)).collect::<Vec<_>>();
    let expected = if plan.expected_s == 0 { t!("time.now") } else { format::span(plan.expected_s) };
    let same_asset = asset == "STR";
    let final_s = app.node.with_untracked(|n| {
        n.as_ref().and_then(|n| n.finality.as_ref()).filter(|f| f.overlay_on && !f.late).map(|f| f.usual_s)
    });
    view! {
        <h1 class="page-title">{t!("send.check_title")}</h1>
        <section class="card review" data-testid="send-review-card">
            <div class="known">
                <TextMark text=plan.recipient.fingerprint.clone()/>
                <span class="grow">
                    <b class="mono">{plan.recipient.fingerprint.clone()}</b>
                    <small class="address">{to}</small>
                </span>
            </div>
            <p class="big-amount">
                <span class="num" data-testid="send-plan-amount" data-amount=plan.amount.clone()>
                    {format::amount_exact(&plan.amount)}
                </span>
                <span class="soft">{asset.clone()} {(!note.is_empty()).then(|| format!(" · {note}"))}</span>
            </p>
            <dl class="facts">
                <dt>{t!("send.fee")}</dt>
                <dd class="num" data-testid="send-fee">{format!("{} STR", format::amount_exact(&plan.fee))}</dd>
                {same_asset
                    .then(|| {
                        view! {
                            <dt>{t!("send.total")}</dt>
                            <dd class="num strong">{format!("{} STR", format::amount_exact(&plan.total))}</dd>
                        }
                    })}
                <dt>{t!("send.remaining")}</dt>
                <dd class="num">{format!("{} {asset}", format::amount_exact(&plan.remaining))}</dd>
                <dt>{t!("send.uses")}</dt>
                <dd>{tn!("send.coins", plan.coins as u64)}</dd>
                <dt>{t!("send.expected")}</dt>
                <dd>{t!("send.about", time = expected)}</dd>
                {final_s
                    .map(|seconds| {
                        view! {
                            <dt>{t!("send.final")}</dt>
                            <dd data-testid="send-final">{t!("send.about", time = format::span(seconds))}</dd>
                        }
                    })}
                <dt>{t!("path.others_see")}</dt>
                <dd>{if is_public { t!("path.sees_all") } else { t!("path.sees_little") }}</dd>
            </dl>
            {notices
                .into_iter()
                .map(|(warns, text)| {
                    view! {
                        <p class="note" class:warn=warns data-testid="send-notice">
                            {if warns { Icon::Eye.draw() } else { Icon::Info.draw() }}
                            <span>{text}</span>
                        </p>
                    }
                })
                .collect_view()}
            <FormError error=failed/>
            <div class="row between form-end">
                <button type="button" class="btn" data-testid="send-back" on:click=move |_| step.set(Step::Form)>
                    {t!("action.back")}
                </button>
                <button type="button" class="btn main" data-testid="send-pay" disabled=move || busy.get() on:click=pay>
                    {Icon::Send.draw()}
                    {move || if busy.get() { t!("send.paying") } else { t!("send.pay") }}
                </button>
            </div>
        </section>
    }
}
