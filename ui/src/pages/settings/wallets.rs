//! The wallets: add one, remove one.

use crate::components::dialog::Modal;
use crate::components::error::FormError;
use crate::components::field::TextField;
use crate::components::mark::Mark;
use crate::i18n::t;
use crate::icons::Icon;
use crate::ipc;
use crate::route::Route;
use crate::state::app;
use leptos::prelude::*;
use leptos::task::spawn_local;
use umbel_api::ApiError;
use umbel_api::wallet::{LockStatus, WalletSummary};

/// The card.
#[component]
pub(super) fn Wallets() -> impl IntoView {
    let app = app();
    let removing = RwSignal::new(None::<WalletSummary>);
    let item = move |wallet: WalletSummary| {
        let name = wallet.name.clone();
        let status = match (wallet.damaged.is_some(), wallet.status) {
            (true, _) => t!("wallet.damaged"),
            (_, LockStatus::Unlocked) => t!("wallet.open"),
            (_, LockStatus::Locked | LockStatus::Closed) => t!("wallet.locked"),
        };
        // A damaged file does not say whether its words were written down.
        let backed = match (wallet.damaged.is_some(), wallet.backed_up) {
            (true, _) => String::new(),
            (_, true) => format!(" · {}", t!("wallet.backed_up")),
            (_, false) => format!(" · {}", t!("wallet.unbacked")),
        };
        let used = {
            let name = name.clone();
            move || app.current.get().as_deref() == Some(name.as_str())
        };
        let picked = name.clone();
        let marked = wallet.clone();
        view! {
            <li class="setting">
                <Mark bits=wallet.mark/>
                <span class="grow">
                    <b>{name}</b>
                    <small class:warn=!wallet.backed_up>{status} {backed}</small>
                </span>
                {move || {
                    if used() {
                        view! { <span class="pill confirmed">{t!("wallet.in_use")}</span> }.into_any()
                    } else {
                        let name = picked.clone();
                        view! {
                            <button
                                type="button"
                                class="btn"
                                data-testid="settings-wallet-use"
                                on:click=move |_| app.choose_wallet(&name)
                            >
                                {t!("wallet.use")}
                            </button>
                        }
                            .into_any()
                    }
                }}
                <button
                    type="button"
                    class="icon-btn"
                    data-testid="settings-wallet-remove"
                    data-wallet=wallet.name.clone()
                    aria-label=t!("wallet.remove_name", name = wallet.name)
                    on:click=move |_| removing.set(Some(marked.clone()))
                >
                    {Icon::Trash.draw()}
                </button>
            </li>
        }
    };
    view! {
        <section class="card" data-testid="settings-wallets">
            <div class="row between">
                <h2>{t!("settings.wallets")}</h2>
                <a class="btn" href=Route::Welcome.href() data-testid="settings-wallet-add">
                    {Icon::Plus.draw()}
                    {t!("wallet.add")}
                </a>
            </div>
            <ul>{move || app.wallets.get().unwrap_or_default().into_iter().map(item).collect_view()}</ul>
        </section>
        <Remove removing=removing/>
    }
}

#[component]
fn Remove(removing: RwSignal<Option<WalletSummary>>) -> impl IntoView {
    let open = RwSignal::new(false);
    Effect::new(move |_| open.set(removing.with(Option::is_some)));
    Effect::new(move |_| {
        if !open.get() && removing.with_untracked(Option::is_some) {
            removing.set(None);
        }
    });
    view! {
        <Modal open=open testid="remove-dialog" title=t!("remove.title")>
            {move || removing.get().map(|wallet| view! { <RemoveForm wallet=wallet open=open/> })}
        </Modal>
    }
}

#[component]
fn RemoveForm(wallet: WalletSummary, open: RwSignal<bool>) -> impl IntoView {
    let app = app();
    let typed = RwSignal::new(String::new());
    let busy = RwSignal::new(false);
    let failed = RwSignal::new(None::<ApiError>);
    let name = StoredValue::new(wallet.name.clone());
    let matches = move || name.with_value(|n| typed.with(|t| t.trim() == n.trim()));
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if !matches() || busy.get_untracked() {
            return;
        }
        busy.set(true);
        spawn_local(async move {
            match ipc::wallet::remove(name.get_value()).await {
                Ok(_) => {
                    app.say(t!("remove.done", name = name.get_value()), false);
                    open.set(false);
                    app.refresh_wallets().await;
                    app.refresh_wallet().await;
                }
                Err(error) => {
                    let _ = failed.try_set(Some(error));
                }
            }
            let _ = busy.try_set(false);
        });
    };
    view! {
        <form class="stack" on:submit=submit>
            <p class="soft">{t!("remove.text")}</p>
            {(!wallet.backed_up)
                .then(|| {
                    view! {
                        <p class="note warn" role="alert">
                            {Icon::TriangleAlert.draw()}
                            <span>{t!("remove.unbacked")}</span>
                        </p>
                    }
                })}
            <TextField testid="remove-name" label=t!("confirm.type", word = wallet.name) value=typed/>
            <FormError error=failed/>
            <button
                type="submit"
                class="btn danger wide"
                data-testid="remove-confirm"
                disabled=move || !matches() || busy.get()
            >
                {Icon::Trash.draw()}
                {t!("remove.submit")}
            </button>
        </form>
    }
}
