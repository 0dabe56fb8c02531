//! Proving a sent payment to somebody, and checking a proof that somebody gave.

use crate::components::copy::{CopyButton, Hash};
use crate::components::dialog::Modal;
use crate::components::error::FormError;
use crate::components::field::TextField;
use crate::dom;
use crate::format;
use crate::i18n::t;
use crate::icons::Icon;
use crate::ipc;
use crate::ipc::transport::is_tauri;
use crate::state::app;
use leptos::prelude::*;
use leptos::task::spawn_local;
use umbel_api::tx::{PaymentOutcome, PaymentProof, VerifiedPayment, VerifyPaymentRequest};
use umbel_api::wallet::ProvePaymentRequest;
use umbel_api::{ApiError, ErrorCode};

/// Most bytes of a challenge.
const MAX_CHALLENGE: usize = 256;
/// Longest proof that is looked at: a transaction's core in hexadecimal, and the other parts.
const MAX_PROOF: usize = 128 * 1024;

fn is_too_long(challenge: RwSignal<String>) -> bool {
    challenge.with(|c| c.len() > MAX_CHALLENGE)
}

fn too_long(challenge: RwSignal<String>) -> Signal<Option<String>> {
    Signal::derive(move || is_too_long(challenge).then(|| t!("proof.challenge_long", n = MAX_CHALLENGE)))
}

/// Makes a proof of one sent payment, after saying what it shows.
#[component]
pub(super) fn ProvePayment(
    /// The transaction.
    txid: String,
) -> impl IntoView {
    let asked = RwSignal::new(false);
    let txid = StoredValue::new(txid);
    view! {
        <hr/>
        {move || {
            if asked.get() {
                view! { <ProofForm txid=txid.get_value()/> }.into_any()
            } else {
                view! {
                    <button type="button" class="btn" data-testid="proof-open" on:click=move |_| asked.set(true)>
                        {Icon::ShieldCheck.draw()}
                        <span>{t!("proof.title")}</span>
                    </button>
                }
                    .into_any()
            }
        }}
    }
}

#[component]
fn ProofForm(txid: String) -> impl IntoView {
    let app = app();
    let challenge = RwSignal::new(String::new());
    let busy = RwSignal::new(false);
    let made = RwSignal::new(None::<String>);
    let error = RwSignal::new(None::<ApiError>);
    let shown_id = format!("umbel-proof-{}.json", &txid[..txid.len().min(12)]);
    let blocked = move || busy.get() || challenge.with(|c| c.trim().is_empty()) || is_too_long(challenge);
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if blocked() {
            return;
        }
        busy.set(true);
        error.set(None);
        let request = ProvePaymentRequest {
            wallet: app.wallet_name(),
            txid: txid.clone(),
            index: None,
            challenge: challenge.with_untracked(|c| c.trim().to_owned()),
        };
        spawn_local(async move {
            match ipc::wallet::prove_payment(request).await {
                Ok(proof) => made.set(serde_json::to_string_pretty(&proof).ok()),
                Err(failed) => error.set(Some(failed)),
            }
            let _ = busy.try_set(false);
        });
    };
    dom::focus_soon("#proof-challenge");
    view! {
        <div class="stack">
            <form class="stack" data-testid="proof-form" on:submit=submit>
                <h3>{t!("proof.title")}</h3>
                <p>{t!("proof.shows")}</p>
                <TextField
                    testid="proof-challenge"
                    label=t!("proof.challenge")
                    value=challenge
                    hint=Signal::derive(move || t!("proof.challenge_hint"))
                    error=too_long(challenge)
                />
                <FormError error=error/>
                <button type="submit" class="btn main" data-testid="proof-make" disabled=blocked>
                    {move || if busy.get() { t!("proof.making") } else { t!("proof.make") }}
                </button>
            </form>
            {move || made.get().map(|text| view! { <Made text=text name=shown_id.clone()/> })}
        </div>
    }
}

/// The finished proof.
#[component]
fn Made(text: String, name: String) -> impl IntoView {
    let app = app();
    let proof = StoredValue::new(text.clone());
    let save = move |_| {
        let saved = dom::download(&name, "application/json", &proof.get_value());
        app.say(if saved { t!("proof.saved") } else { t!("copy.failed") }, !saved);
    };
    // The keyboard goes on where the proof is; on a phone, this brings it into view.
    dom::focus_soon("[data-testid='proof-copy']");
    view! {
        <div class="stack" role="status">
            <p>
                <b>{t!("proof.made")}</b>
            </p>
            <div class="field-line">
                <textarea
                    rows="4"
                    class="mono"
                    readonly
                    data-testid="proof-text"
                    aria-label=t!("proof.paste")
                    prop:value=text.clone()
                ></textarea>
            </div>
            <div class="row">
                <CopyButton testid="proof-copy" text=Signal::derive(move || proof.get_value()) label=t!("action.copy")/>
                // The app's window has no downloads.
                {(!is_tauri())
                    .then(|| {
                        view! {
                            <button type="button" class="btn" data-testid="proof-save" on:click=save>
                                {t!("proof.save")}
                            </button>
                        }
                    })}
            </div>
        </div>
    }
}

/// The button that opens the check of somebody's proof.
#[component]
pub(super) fn CheckProofButton() -> impl IntoView {
    let open = RwSignal::new(false);
    view! {
        <button type="button" class="btn" data-testid="proof-check-open" on:click=move |_| open.set(true)>
            {Icon::ShieldCheck.draw()}
            <span>{t!("proof.check")}</span>
        </button>
        <Modal open=open testid="proof-check" title=t!("proof.check")>
            <CheckProof/>
        </Modal>
    }
}

#[component]
fn CheckProof() -> impl IntoView {
    let pasted = RwSignal::new(String::new());
    let challenge = RwSignal::new(String::new());
    let busy = RwSignal::new(false);
    let verdict = RwSignal::new(None::<VerifiedPayment>);
    let error = RwSignal::new(None::<ApiError>);
    let forget = move || {
        verdict.set(None);
        error.set(None);
    };
    let blocked = move || busy.get() || pasted.with(|p| p.trim().is_empty()) || is_too_long(challenge);
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if blocked() {
            return;
        }
        forget();
        let Ok(proof) = pasted.with_untracked(|p| serde_json::from_str::<PaymentProof>(p)) else {
            error.set(Some(ApiError::new(ErrorCode::BadProof, "the text has not the form of a proof of payment")));
            return;
        };
        busy.set(true);
        let asked = challenge.with_untracked(|c| c.trim().to_owned());
        let request = VerifyPaymentRequest { proof, challenge: (!asked.is_empty()).then_some(asked) };
        spawn_local(async move {
            match ipc::tx::verify_payment(request).await {
                Ok(answer) => {
                    let _ = verdict.try_set(Some(answer));
                }
                Err(failed) => {
                    let _ = error.try_set(Some(failed));
                }
            }
            let _ = busy.try_set(false);
        });
    };
    let choose = move |event: leptos::ev::Event| {
        forget();
        spawn_local(async move {
            match dom::chosen_text(&event, MAX_PROOF).await {
                Some(text) => {
                    let _ = pasted.try_set(text);
                }
                None => {
                    let unread =
                        ApiError::new(ErrorCode::BadProof, "the file can't be read, or is no proof of payment");
                    let _ = error.try_set(Some(unread));
                }
            }
        });
    };
    view! {
        <form class="stack" on:submit=submit>
            <p class="soft">{t!("proof.check_text")}</p>
            <div class="field">
                <label for="proof-paste">{t!("proof.paste")}</label>
                <div class="field-line">
                    <textarea
                        id="proof-paste"
                        data-testid="proof-paste"
                        rows="4"
                        class="mono"
                        autocomplete="off"
                        autocapitalize="off"
                        spellcheck="false"
                        prop:value=move || pasted.get()
                        on:input=move |event| {
                            forget();
                            pasted.set(event_target_value(&event));
                        }
                    ></textarea>
                </div>
            </div>
            <div class="field">
                <label for="proof-file">{t!("proof.choose")}</label>
                <input id="proof-file" data-testid="proof-file" type="file" accept=".json,application/json" on:change=choose/>
            </div>
            <TextField
                testid="proof-asked"
                label=t!("proof.asked")
                value=challenge
                hint=Signal::derive(move || t!("proof.asked_hint"))
                error=too_long(challenge)
            />
            <FormError error=error/>
            <button type="submit" class="btn main" data-testid="proof-check-now" disabled=blocked>
                {move || if busy.get() { t!("proof.checking") } else { t!("proof.check_now") }}
            </button>
        </form>
        {move || verdict.get().map(|verdict| view! { <Verdict verdict=verdict/> })}
    }
}

fn outcome(verdict: &VerifiedPayment) -> String {
    match verdict.outcome {
        PaymentOutcome::Accepted => t!("proof.outcome_accepted"),
        PaymentOutcome::Confirmed => t!("proof.outcome_confirmed"),
        PaymentOutcome::Final => t!("proof.outcome_final"),
        PaymentOutcome::NotAccepted => t!("proof.outcome_not_accepted"),
        PaymentOutcome::Unknown => t!("proof.outcome_unknown"),
        PaymentOutcome::NotChecked => t!("proof.outcome_not_checked"),
    }
}

/// What a proof that holds says, and whether anything was paid.
#[component]
fn Verdict(verdict: VerifiedPayment) -> impl IntoView {
    let paid = matches!(verdict.outcome, PaymentOutcome::Accepted | PaymentOutcome::Confirmed | PaymentOutcome::Final);
    let holds = if paid { t!("proof.holds_paid") } else { t!("proof.holds_only") };
    let said = outcome(&verdict);
    view! {
        <section class="stack" role="status" data-testid="proof-verdict" data-paid=paid.to_string()>
            <hr/>
            <p>
                <b>{holds}</b>
            </p>
            <p>{said}</p>
            <dl class="facts long">
                <dt>{t!("send.amount")}</dt>
                <dd class="num">{format!("{} {}", format::amount_exact(&verdict.amount), verdict.asset)}</dd>
                <dt>{t!("detail.to")}</dt>
                <dd><Hash text=verdict.address.clone() testid="proof-copy-to"/></dd>
                <dt>{t!("send.note")}</dt>
                <dd>{verdict.note.clone().unwrap_or_else(|| "–".to_owned())}</dd>
                <dt>{t!("proof.signed")}</dt>
                <dd data-testid="proof-signed" data-compared=verdict.challenge_checked.to_string()>
                    {verdict.challenge.clone()}
                    {(!verdict.challenge_checked).then(|| view! { <p class="soft">{t!("proof.not_compared")}</p> })}
                </dd>
                <dt>{t!("detail.txid")}</dt>
                <dd><Hash text=verdict.txid.clone() testid="proof-copy-txid"/></dd>
            </dl>
        </section>
    }
}
