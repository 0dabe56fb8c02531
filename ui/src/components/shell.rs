//! The frame around the pages: rail, bar of the phone, status bar, messages.

use crate::components::dialog::Modal;
use crate::components::status_bar::{StatusBar, network_name, sync_short};
use crate::components::wallet_switch::{WalletButton, WalletList};
use crate::i18n::t;
use crate::icons::{Icon, brand_mark};
use crate::route::Route;
use crate::state::{Link, app};
use leptos::prelude::*;

#[component]
fn NavLink(route: Route, icon: Icon, label: String, testid: &'static str) -> impl IntoView {
    let app = app();
    let on = move || app.route.get() == route;
    let title = label.clone();
    view! {
        <a
            href=route.href()
            class="nav"
            class:on=on
            data-testid=testid
            title=title
            aria-current=move || on().then_some("page")
        >
            {icon.draw()}
            <span>{label}</span>
        </a>
    }
}

/// Rail on wide screens, header and bar of five on phones, status bar, and the page in the middle.
#[component]
pub(crate) fn Shell(
    /// The page.
    children: Children,
) -> impl IntoView {
    view! {
        <div class="app">
            <a class="skip" href="#main" data-testid="shell-skip" on:click=skip>{t!("nav.skip")}</a>
            <nav class="rail" aria-label=t!("nav.pages")>
                <div class="brand">{brand_mark()} <span>"Umbel"</span></div>
                <NavLink route=Route::Home icon=Icon::House label=t!("nav.home") testid="nav-home"/>
                <NavLink route=Route::Send icon=Icon::Send label=t!("nav.send") testid="nav-send"/>
                <NavLink route=Route::Receive icon=Icon::ArrowDownToLine label=t!("nav.receive") testid="nav-receive"/>
                <NavLink route=Route::Activity icon=Icon::Activity label=t!("nav.activity") testid="nav-activity"/>
                <NavLink route=Route::Govern icon=Icon::Landmark label=t!("nav.govern") testid="nav-govern"/>
                <NavLink route=Route::Node icon=Icon::Umbel label=t!("nav.node") testid="nav-node"/>
                <div class="grow"></div>
                <NavLink
                    route=Route::Settings
                    icon=Icon::SlidersHorizontal
                    label=t!("nav.settings")
                    testid="nav-settings"
                />
                <WalletButton/>
            </nav>
            <PhoneHeader/>
            <main id="main" tabindex="-1">
                <LostBanner/>
                {children()}
            </main>
            <PhoneTabs/>
            <StatusBar/>
        </div>
    }
}

/// The hash in the address is the route's, so the skip link moves the focus itself.
fn skip(event: leptos::ev::MouseEvent) {
    event.prevent_default();
    crate::dom::focus_soon("main");
}

#[component]
fn LostBanner() -> impl IntoView {
    let app = app();
    move || {
        (app.link.get() == Link::Lost).then(|| {
            view! {
                <div class="banner" role="alert" data-testid="shell-lost">
                    {Icon::CloudOff.draw()}
                    {move || {
                        let (title, text) = if app.signed_out.get() {
                            (t!("error.unauthorized"), t!("lost.signed_out"))
                        } else {
                            (t!("lost.title"), t!("lost.text"))
                        };
                        view! { <span class="grow"><b>{title}</b> " " {text}</span> }
                    }}
                </div>
            }
        })
    }
}

#[component]
fn PhoneHeader() -> impl IntoView {
    let app = app();
    let title = move || match app.route.get() {
        Route::Home | Route::Welcome => "Umbel".to_owned(),
        Route::Send => t!("nav.send"),
        Route::Receive => t!("nav.receive"),
        Route::Activity => t!("nav.activity"),
        Route::Govern => t!("nav.govern"),
        Route::Node => t!("node.title"),
        Route::Settings => t!("nav.settings"),
    };
    let sync = move || app.node.with(|n| sync_short(app.link.get(), n.as_ref()));
    let network = move || app.node.with(|n| n.as_ref().map(network_name));
    view! {
        <header class="phone-head">
            <span class="phone-title" aria-hidden="true">{title}</span>
            <span class="phone-state" data-testid="shell-state">
                <span class="net">{network}</span>
                <span class=move || format!("pill {}", sync().0)>{move || sync().1}</span>
            </span>
        </header>
    }
}

#[component]
fn PhoneTabs() -> impl IntoView {
    let app = app();
    let more = RwSignal::new(false);
    let in_more = move || matches!(app.route.get(), Route::Govern | Route::Node | Route::Settings);
    let close = move |_| more.set(false);
    view! {
        <nav class="tabs" aria-label=t!("nav.pages")>
            <NavLink route=Route::Home icon=Icon::House label=t!("nav.home") testid="tab-home"/>
            <NavLink route=Route::Send icon=Icon::Send label=t!("nav.send") testid="tab-send"/>
            <NavLink route=Route::Receive icon=Icon::ArrowDownToLine label=t!("nav.receive") testid="tab-receive"/>
            <NavLink route=Route::Activity icon=Icon::Activity label=t!("nav.activity") testid="tab-activity"/>
            <button
                type="button"
                class="nav"
                class:on=in_more
                data-testid="tab-more"
                aria-haspopup="dialog"
                on:click=move |_| more.set(true)
            >
                {Icon::Ellipsis.draw()}
                <span>{t!("nav.more")}</span>
            </button>
        </nav>
        <Modal open=more testid="more-sheet" form="sheet" title=t!("nav.more")>
            <div class="sheet-links">
                <a class="sheet-link" href=Route::Govern.href() data-testid="more-govern" on:click=close>
                    {Icon::Landmark.draw()}
                    {t!("nav.govern")}
                </a>
                <a class="sheet-link" href=Route::Node.href() data-testid="more-node" on:click=close>
                    {Icon::Umbel.draw()}
                    {t!("nav.node")}
                </a>
                <a class="sheet-link" href=Route::Settings.href() data-testid="more-settings" on:click=close>
                    {Icon::SlidersHorizontal.draw()}
                    {t!("nav.settings")}
                </a>
                {move || {
                    app.is_unlocked()
                        .then(|| {
                            view! {
                                <button
                                    type="button"
                                    class="sheet-link"
                                    data-testid="more-lock"
                                    on:click=move |_| {
                                        app.lock();
                                        more.set(false);
                                    }
                                >
                                    {Icon::Lock.draw()}
                                    {t!("action.lock_now")}
                                </button>
                            }
                        })
                }}
            </div>
            <h3>{t!("wallet.choose")}</h3>
            <WalletList chosen=Callback::new(move |()| more.set(false))/>
        </Modal>
    }
}

/// Short messages, and what screen readers are told.
#[component]
pub(crate) fn Messages() -> impl IntoView {
    let app = app();
    // A dialog lies above everything else: a message that comes from inside it must lie above the dialog.
    let shown = NodeRef::<leptos::html::Div>::new();
    Effect::new(move |_| {
        app.toast.track();
        if let Some(element) = shown.get() {
            crate::dom::lift(&element);
        }
    });
    view! {
        <div class="sr-only" aria-live="polite" data-testid="shell-announced">{move || app.announced.get()}</div>
        {move || {
            app.toast
                .get()
                .map(|toast| {
                    view! {
                        <div class="toast" class:bad=toast.bad popover="manual" node_ref=shown data-testid="shell-toast">
                            {if toast.bad { Icon::TriangleAlert.draw() } else { Icon::Check.draw() }}
                            <span>{toast.text}</span>
                        </div>
                    }
                })
        }}
    }
}
