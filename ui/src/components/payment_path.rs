//! The way of a payment: building → sent → in a block → accepted → confirmed → final.

use crate::format;
use crate::i18n::{t, tn};
use leptos::prelude::*;
use umbel_api::send::{Payment, PaymentStage};

/// Name of a stage, in a word or two.
pub(crate) fn stage_name(stage: PaymentStage) -> String {
    match stage {
        PaymentStage::Building => t!("stage.building"),
        PaymentStage::Submitted => t!("stage.submitted"),
        PaymentStage::Seen => t!("stage.seen"),
        PaymentStage::Accepted => t!("stage.accepted"),
        PaymentStage::Confirmed => t!("stage.confirmed"),
        PaymentStage::Final => t!("stage.final"),
        PaymentStage::Conflicted => t!("stage.conflicted"),
        PaymentStage::Expired => t!("stage.expired"),
        PaymentStage::Dropped => t!("stage.dropped"),
        PaymentStage::Failed => t!("stage.failed"),
    }
}

/// Class that gives a stage its colour.
pub(crate) fn stage_class(stage: PaymentStage) -> &'static str {
    match stage {
        PaymentStage::Building | PaymentStage::Submitted | PaymentStage::Seen => "seen",
        PaymentStage::Accepted => "accepted",
        PaymentStage::Confirmed => "confirmed",
        PaymentStage::Final => "final",
        PaymentStage::Conflicted | PaymentStage::Expired | PaymentStage::Dropped | PaymentStage::Failed => "bad",
    }
}

/// Whether nothing more happens to it.
pub(crate) fn is_over(stage: PaymentStage) -> bool {
    steps(stage).is_none() || stage == PaymentStage::Final
}

/// Steps done out of six; `None` where the way ended.
fn steps(stage: PaymentStage) -> Option<usize> {
    match stage {
        PaymentStage::Building => Some(1),
        PaymentStage::Submitted => Some(2),
        PaymentStage::Seen => Some(3),
        PaymentStage::Accepted => Some(4),
        PaymentStage::Confirmed => Some(5),
        PaymentStage::Final => Some(6),
        PaymentStage::Conflicted | PaymentStage::Expired | PaymentStage::Dropped | PaymentStage::Failed => None,
    }
}

fn explained(payment: &Payment) -> String {
    match payment.stage {
        PaymentStage::Building if payment.total > 0 => {
            t!("path.building_count", done = payment.done, total = payment.total)
        }
        PaymentStage::Building => t!("path.building"),
        PaymentStage::Submitted => t!("path.submitted"),
        PaymentStage::Seen => t!("path.seen"),
        PaymentStage::Accepted | PaymentStage::Confirmed => match (payment.final_in_s, payment.stage) {
            (Some(seconds), _) => t!("path.final_in", n = seconds),
            (None, PaymentStage::Accepted) => t!("path.accepted"),
            (None, _) => t!("path.confirmed"),
        },
        PaymentStage::Final => t!("path.final"),
        PaymentStage::Conflicted => t!("path.conflicted"),
        PaymentStage::Expired => t!("path.expired"),
        PaymentStage::Dropped => t!("path.dropped"),
        PaymentStage::Failed => {
            payment.reason.as_ref().map_or_else(|| t!("path.failed"), crate::components::error::sentence)
        }
    }
}

/// The card of a payment on its way.
#[component]
pub(crate) fn PaymentPath(
    /// The payment, as it goes on.
    #[prop(into)]
    payment: Signal<Payment>,
    /// Seconds since it was started.
    #[prop(into)]
    age_s: Signal<u64>,
) -> impl IntoView {
    let stage = Memo::new(move |_| payment.with(|p| p.stage));
    let done = move || steps(stage.get()).unwrap_or(0);
    let colours = ["seen", "seen", "seen", "accepted", "confirmed", "final"];
    view! {
        <section class="card path-card" data-testid="payment-path" data-stage=move || wire(stage.get())>
            <div class="path" aria-hidden="true">
                {colours
                    .into_iter()
                    .enumerate()
                    .map(|(i, colour)| {
                        view! {
                            <i
                                class=format!("step {colour}")
                                class:done=move || i < done()
                                class:now=move || i + 1 == done() && !is_over(stage.get())
                            ></i>
                        }
                    })
                    .collect_view()}
            </div>
            <div class="row between path-now">
                <div role="status" aria-live="polite">
                    <b
                        class=move || format!("path-stage {}", stage_class(stage.get()))
                        data-testid="payment-stage"
                    >
                        {move || stage_name(stage.get())}
                    </b>
                    <p class="soft">{move || payment.with(explained)}</p>
                </div>
                <span class="num path-clock" aria-hidden="true">
                    {move || format::clock(age_s.get())}
                </span>
            </div>
            {move || {
                payment
                    .with(|p| {
                        p.reason
                            .clone()
                            .filter(|_| p.stage != PaymentStage::Failed)
                            .map(|reason| view! { <p class="soft">{crate::components::error::sentence(&reason)}</p> })
                    })
            }}
            <hr/>
            <dl class="facts">
                {move || {
                    payment
                        .with(|p| p.proof_ms)
                        .map(|ms| {
                            view! {
                                <dt>{t!("path.proof")}</dt>
                                <dd class="num">{format::short_span(ms)}</dd>
                            }
                        })
                }}
                <dt>{t!("send.fee")}</dt>
                <dd class="num">{move || payment.with(|p| format!("{} STR", format::amount_exact(&p.fee)))}</dd>
                <dt>{t!("path.others_see")}</dt>
                <dd>
                    {move || {
                        if payment.with(|p| p.public) { t!("path.sees_all") } else { t!("path.sees_little") }
                    }}
                </dd>
                {move || {
                    let count = payment.with(|p| p.txids.len());
                    (count > 1)
                        .then(|| {
                            view! {
                                <dt>{t!("path.transactions")}</dt>
                                <dd>{tn!("path.merged", count as u64)}</dd>
                            }
                        })
                }}
            </dl>
        </section>
    }
}

/// A stage's name on the wire, for tests.
fn wire(stage: PaymentStage) -> String {
    serde_json::to_value(stage).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}
