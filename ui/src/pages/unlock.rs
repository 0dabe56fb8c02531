//! Unlock: the password, and what keeps running meanwhile.

use crate::components::error::FormError;
use crate::components::field::{TextField, wipe};
use crate::components::mark::Mark;
use crate::dom;
use crate::i18n::t;
use crate::icons::Icon;
use crate::ipc;
use crate::state::app;
use leptos::prelude::*;
use leptos::task::spawn_local;
use umbel_api::wallet::{DamageCode, LockStatus};
use umbel_api::{ApiError, Secret};

/// What is wrong with a wallet's file.
fn damage_text(code: DamageCode) -> String {
    match code {
        DamageCode::Missing => t!("damage.missing"),
        DamageCode::Unreadable => t!("damage.unreadable"),
        DamageCode::Length => t!("damage.length"),
        DamageCode::Magic => t!("damage.magic"),
        DamageCode::Checksum => t!("damage.checksum"),
        DamageCode::Content => t!("damage.content"),
        DamageCode::Version => t!("damage.version"),
        DamageCode::Network => t!("damage.network"),
    }
}

/// The page.
#[component]
pub(crate) fn Unlock() -> impl IntoView {
    let app = app();
    let password = RwSignal::new(String::new());
    let busy = RwSignal::new(false);
    let error = RwSignal::new(None::<ApiError>);
    on_cleanup(move || wipe(password));
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if busy.get_untracked() || password.with_untracked(String::is_empty) {
            return;
        }
        busy.set(true);
        error.set(None);
        let secret = Secret::new(password.get_untracked());
        spawn_local(async move {
            match ipc::wallet::unlock(app.wallet_name(), secret).await {
                Ok(state) => {
                    wipe(password);
                    app.take_wallet(state);
                }
                Err(failed) => {
                    wipe(password);
                    error.set(Some(failed));
                    dom::focus_soon("#unlock-password");
                }
            }
            let _ = busy.try_set(false);
        });
    };
    let summary = Memo::new(move |_| app.summary());
    let many = move || app.wallets.with(|w| w.as_ref().is_some_and(|w| w.len() > 1));
    let scanned = move || summary.get().is_some_and(|w| w.status == LockStatus::Locked);
    let mines = move || app.node.with(|n| n.as_ref().is_some_and(|n| n.mining.threads > 0));
    dom::focus_soon("#unlock-password");
    let select = move |event| app.choose_wallet(&event_target_value(&event));
    view! {
        <div class="unlock" data-testid="unlock-page">
            <section class="card unlock-card">
                {move || {
                    summary
                        .get()
                        .map(|w| {
                            view! {
                                <div class="unlock-who">
                                    <Mark bits=w.mark/>
                                    <h1>{w.name}</h1>
                                    <p class="soft">{t!("unlock.text")}</p>
                                </div>
                            }
                        })
                }}
                {move || {
                    summary
                        .get()
                        .and_then(|w| w.damaged)
                        .map(|why| {
                            view! {
                                <p class="note warn" role="alert" data-testid="unlock-damaged">
                                    {Icon::TriangleAlert.draw()}
                                    <span>{t!("unlock.damaged", why = damage_text(why.code))}</span>
                                </p>
                            }
                        })
                }}
                <form class="stack" on:submit=submit>
                    <TextField
                        testid="unlock-password"
                        label=t!("unlock.password")
                        value=password
                        kind="password"
                        autocomplete="off"
                    />
                    <FormError error=error/>
                    <button type="submit" class="btn main wide" data-testid="unlock-submit" disabled=move || busy.get()>
                        {Icon::LockOpen.draw()}
                        {move || if busy.get() { t!("unlock.busy") } else { t!("unlock.submit") }}
                    </button>
                </form>
                {move || {
                    many()
                        .then(|| {
                            view! {
                                <div class="field">
                                    <label for="unlock-wallet">{t!("unlock.other")}</label>
                                    <div class="field-line">
                                        <select id="unlock-wallet" data-testid="unlock-wallet" on:change=select>
                                            {app
                                                .wallets
                                                .get()
                                                .unwrap_or_default()
                                                .into_iter()
                                                .map(|w| {
                                                    let name = w.name.clone();
                                                    let chosen = move || app.current.get().as_deref() == Some(name.as_str());
                                                    view! { <option value=w.name.clone() selected=chosen>{w.name.clone()}</option> }
                                                })
                                                .collect_view()}
                                        </select>
                                    </div>
                                </div>
                            }
                        })
                }}
            </section>
            <ul class="keeps" aria-label=t!("unlock.keeps")>
                <li>{Icon::Check.draw()} {t!("unlock.keeps_node")}</li>
                {move || mines().then(|| view! { <li>{Icon::Check.draw()} {t!("unlock.keeps_mining")}</li> })}
                {move || scanned().then(|| view! { <li>{Icon::Check.draw()} {t!("unlock.keeps_scan")}</li> })}
                <li class="faint">{Icon::Lock.draw()} {t!("unlock.stops")}</li>
            </ul>
        </div>
    }
}
