//! Validating: what the vote key of this machine does, and its switch.

use crate::components::dialog::Modal;
use crate::components::error::{self, FormError};
use crate::components::field::{TextField, wipe};
use crate::format;
use crate::i18n::t;
use crate::icons::Icon;
use crate::ipc;
use crate::route::Route;
use crate::state::app;
use leptos::prelude::*;
use leptos::task::spawn_local;
use umbel_api::ApiError;
use umbel_api::stake::{ValidatingState, ValidatingStatus};

/// Class and word of a status.
fn pill(status: ValidatingStatus) -> (&'static str, String) {
    match status {
        ValidatingStatus::None => ("seen", t!("validating.off")),
        ValidatingStatus::Locked => ("seen", t!("validating.locked")),
        ValidatingStatus::Waiting => ("accepted", t!("validating.waiting")),
        ValidatingStatus::Watching => ("warn", t!("validating.watching")),
        ValidatingStatus::Active => ("final", t!("validating.active")),
        ValidatingStatus::Moved => ("seen", t!("validating.moved")),
        ValidatingStatus::Stopped => ("bad", t!("validating.stopped")),
    }
}

fn words(state: &ValidatingState) -> String {
    match state.status {
        ValidatingStatus::None => t!("validating.off_text"),
        ValidatingStatus::Locked => t!("validating.locked_text"),
        ValidatingStatus::Waiting => t!("validating.waiting_text"),
        ValidatingStatus::Watching => {
            let (done, total) = state.watched.map_or((0, 0), |w| (w.done, w.total));
            t!("validating.watching_text", done = done, total = total)
        }
        ValidatingStatus::Active => t!(
            "validating.active_text",
            stake = format::amount(state.stake.as_deref().unwrap_or_default()),
            n = format::integer(u64::from(state.last_target.unwrap_or(0)))
        ),
        ValidatingStatus::Moved => t!("validating.moved_text"),
        ValidatingStatus::Stopped => t!("validating.stopped_text"),
    }
}

/// The card.
#[component]
pub(super) fn Validating() -> impl IntoView {
    let app = app();
    let state = Memo::new(move |_| app.node.with(|n| n.as_ref().map(|n| n.validating.clone()).unwrap_or_default()));
    let status = Memo::new(move |_| state.with(|s| s.status));
    let asking = RwSignal::new(false);
    let take = move |now: ValidatingState| {
        app.node.update(|n| {
            if let Some(node) = n {
                node.validating = now;
            }
        });
    };
    let stop = move |_| {
        spawn_local(async move {
            match ipc::validator::stop().await {
                Ok(now) => take(now),
                Err(failed) => app.say(error::sentence(&failed), true),
            }
        });
    };
    let control = move || {
        match status.get() {
        ValidatingStatus::None => view! {
            <a class="btn" href=Route::Govern.href() data-testid="validating-govern">{t!("validating.how")}</a>
        }
        .into_any(),
        ValidatingStatus::Locked => view! {
            <button type="button" class="btn main" data-testid="validating-start" on:click=move |_| asking.set(true)>
                {t!("validating.start")}
            </button>
        }
        .into_any(),
        ValidatingStatus::Moved => ().into_any(),
        ValidatingStatus::Waiting
        | ValidatingStatus::Watching
        | ValidatingStatus::Active
        | ValidatingStatus::Stopped => view! {
            <button type="button" class="btn" data-testid="validating-stop" on:click=stop>{t!("validating.stop")}</button>
        }
        .into_any(),
    }
    };
    view! {
        <section class="card stack" data-testid="validating-card">
            <div class="row between">
                <div class="row grow">
                    <span class="mining-icon" class:on=move || status.get() == ValidatingStatus::Active>
                        {Icon::ShieldCheck.draw()}
                    </span>
                    <div class="grow">
                        <h2>{t!("validating.title")}</h2>
                        <p class="soft" role="status" data-testid="validating-state">{move || state.with(words)}</p>
                    </div>
                </div>
                <span class=move || format!("pill {}", pill(status.get()).0)>{move || pill(status.get()).1}</span>
            </div>
            {move || {
                state
                    .with(|s| s.reason.clone())
                    .map(|reason| view! { <p class="note warn">{Icon::TriangleAlert.draw()} <span>{reason}</span></p> })
            }}
            <div class="row">{control}</div>
        </section>
        <Start open=asking started=Callback::new(take)/>
    }
}

/// Asks for the vote key's password.
#[component]
fn Start(open: RwSignal<bool>, #[prop(into)] started: Callback<ValidatingState>) -> impl IntoView {
    let password = RwSignal::new(String::new());
    let busy = RwSignal::new(false);
    let failed = RwSignal::new(None::<ApiError>);
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if busy.get_untracked() || password.with_untracked(String::is_empty) {
            return;
        }
        busy.set(true);
        failed.set(None);
        spawn_local(async move {
            match ipc::validator::start(password.get_untracked()).await {
                Ok(state) => {
                    started.run(state);
                    open.set(false);
                }
                Err(error) => failed.set(Some(error)),
            }
            wipe(password);
            let _ = busy.try_set(false);
        });
    };
    view! {
        <Modal open=open testid="validating-dialog" title=t!("validating.start")>
            <form class="stack" on:submit=submit>
                <p class="soft">{t!("validating.password_text")}</p>
                <TextField
                    testid="validating-password"
                    label=t!("validating.password")
                    value=password
                    kind="password"
                    autocomplete="current-password"
                />
                <FormError error=failed/>
                <button
                    type="submit"
                    class="btn main wide"
                    data-testid="validating-submit"
                    disabled=move || busy.get() || password.with(String::is_empty)
                >
                    {t!("validating.start")}
                </button>
            </form>
        </Modal>
    }
}
