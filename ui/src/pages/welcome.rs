//! Welcome: a new wallet, or one from words. Nothing else.

use crate::components::error::ErrorCard;
use crate::components::status_bar::network_name;
use crate::i18n::t;
use crate::icons::{Icon, brand_mark};
use crate::pages::create::Create;
use crate::pages::restore::Restore;
use crate::route::Route;
use crate::state::app;
use leptos::prelude::*;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Choose,
    Create,
    Restore,
}

/// The page.
#[component]
pub(crate) fn Welcome() -> impl IntoView {
    let app = app();
    let way = RwSignal::new(Way::Choose);
    let network = move || app.node.with(|n| n.as_ref().map(network_name));
    let has_wallets = move || app.wallets.with(|w| w.as_ref().is_some_and(|w| !w.is_empty()));
    let back = Callback::new(move |()| way.set(Way::Choose));
    let body = move || match way.get() {
        Way::Choose => choose(way).into_any(),
        Way::Create => view! { <Create back=back/> }.into_any(),
        Way::Restore => view! { <Restore back=back/> }.into_any(),
    };
    view! {
        <div class="welcome" data-testid="welcome-page">
            <header class="welcome-head">
                <span class="brand">{brand_mark()} <span>"Umbel"</span></span>
                {move || network().map(|name| view! { <span class="net" data-testid="welcome-network">{name}</span> })}
            </header>
            <main class="welcome-body" id="main">
                {move || {
                    app.start_error
                        .get()
                        .map(|error| {
                            view! { <ErrorCard error=error retry=Callback::new(move |()| app.refresh())/> }
                        })
                }}
                {body}
                {move || {
                    (has_wallets() && way.get() == Way::Choose)
                        .then(|| {
                            view! {
                                <a class="btn quiet" href=Route::Home.href() data-testid="welcome-cancel">
                                    {Icon::ChevronLeft.draw()}
                                    {t!("welcome.cancel")}
                                </a>
                            }
                        })
                }}
            </main>
        </div>
    }
}

fn choose(way: RwSignal<Way>) -> impl IntoView {
    view! {
        <div class="welcome-title">
            <h1>{t!("welcome.title")}</h1>
            <p class="soft">{t!("welcome.text")}</p>
        </div>
        <div class="choices">
            <button
                type="button"
                class="card choice"
                data-testid="welcome-create"
                on:click=move |_| way.set(Way::Create)
            >
                <span class="choice-icon">{Icon::Plus.draw()}</span>
                <b>{t!("welcome.create")}</b>
                <span class="soft">{t!("welcome.create_text")}</span>
            </button>
            <button
                type="button"
                class="card choice"
                data-testid="welcome-restore"
                on:click=move |_| way.set(Way::Restore)
            >
                <span class="choice-icon">{Icon::KeyRound.draw()}</span>
                <b>{t!("welcome.restore")}</b>
                <span class="soft">{t!("welcome.restore_text")}</span>
            </button>
        </div>
    }
}
