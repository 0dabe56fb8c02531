//! Which wallet is in use, and the way to another.

use crate::components::dialog::Modal;
use crate::components::mark::Mark;
use crate::format;
use crate::i18n::t;
use crate::icons::Icon;
use crate::route::Route;
use crate::state::app;
use leptos::prelude::*;
use umbel_api::wallet::{LockStatus, WalletSummary};

fn status_line(status: LockStatus, locks_in: Option<u64>) -> String {
    match (status, locks_in) {
        (LockStatus::Unlocked, Some(left)) => t!("wallet.locks_in", time = format::clock(left)),
        (LockStatus::Unlocked, None) => t!("wallet.open"),
        (LockStatus::Locked | LockStatus::Closed, _) => t!("wallet.locked"),
    }
}

/// The wallets, one of them in use.
#[component]
pub(crate) fn WalletList(
    /// After one was chosen.
    #[prop(into)]
    chosen: Callback<()>,
) -> impl IntoView {
    let app = app();
    let item = move |wallet: WalletSummary| {
        let name = wallet.name.clone();
        let picked = wallet.name.clone();
        let is_current = {
            let name = name.clone();
            move || app.current.get().as_deref() == Some(name.as_str())
        };
        let mark_current = is_current.clone();
        view! {
            <li>
                <button
                    type="button"
                    class="wallet-item"
                    data-testid="wallet-choose"
                    data-wallet=wallet.name.clone()
                    aria-current=move || is_current().to_string()
                    on:click=move |_| {
                        app.choose_wallet(&picked);
                        chosen.run(());
                    }
                >
                    <Mark bits=wallet.mark/>
                    <span class="grow">
                        <b>{name}</b>
                        <small>{status_line(wallet.status, None)}</small>
                    </span>
                    {move || mark_current().then(|| Icon::Check.draw())}
                </button>
            </li>
        }
    };
    view! {
        <ul class="wallet-list">
            {move || app.wallets.get().unwrap_or_default().into_iter().map(item).collect_view()}
        </ul>
        <a class="btn wide" href=Route::Welcome.href() data-testid="wallet-add" on:click=move |_| chosen.run(())>
            {Icon::Plus.draw()}
            {t!("wallet.add")}
        </a>
    }
}

/// The button at the foot of the rail.
#[component]
pub(crate) fn WalletButton() -> impl IntoView {
    let app = app();
    let open = RwSignal::new(false);
    let line = move || {
        let status = app.summary().map_or(LockStatus::Closed, |w| w.status);
        status_line(status, app.locks_in())
    };
    let mark = Memo::new(move |_| app.summary().map(|w| (w.name, w.mark)));
    view! {
        <button
            type="button"
            class="wallet-btn"
            data-testid="wallet-switch"
            aria-haspopup="dialog"
            title=t!("wallet.switch")
            aria-label=move || {
                let name = mark.get().map(|(name, _)| name).unwrap_or_default();
                format!("{name} · {}", t!("wallet.switch"))
            }
            on:click=move |_| open.set(true)
        >
            {move || {
                mark.get()
                    .map(|(name, mark)| {
                        view! {
                            <Mark bits=mark/>
                            <span class="wallet-text">
                                <b>{name}</b>
                                <small class="num">{line}</small>
                            </span>
                        }
                    })
            }}
        </button>
        <Modal open=open testid="wallet-dialog" title=t!("wallet.choose")>
            <WalletList chosen=Callback::new(move |()| open.set(false))/>
        </Modal>
    }
}
