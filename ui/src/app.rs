//! The root: which part of the program is in view.

use crate::components::error::ErrorCard;
use crate::components::loaded::skeleton;
use crate::components::shell::{Messages, Shell};
use crate::dom;
use crate::i18n::t;
use crate::pages;
use crate::route::Route;
use crate::state::App;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;

/// Which part is in view.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// The node has not answered yet.
    Waiting,
    /// It does not answer.
    Failed,
    /// There is no wallet, or its words are still being shown.
    Welcome,
    /// A page with its frame.
    Pages,
}

/// The whole program.
#[component]
pub(crate) fn Root() -> impl IntoView {
    let app = App::start();
    provide_context(app);
    take_over(app);
    let part = Memo::new(move |_| {
        let route = app.route.get();
        let none = app.wallets.with(|w| w.as_ref().map(Vec::is_empty));
        match none {
            _ if app.welcoming.get() => Part::Welcome,
            None if app.start_error.with(Option::is_some) => Part::Failed,
            None => Part::Waiting,
            Some(true) => Part::Welcome,
            Some(false) if route == Route::Welcome => Part::Welcome,
            Some(false) => Part::Pages,
        }
    });
    // The page is made anew when another wallet is taken into use, or the one in use is opened or locked.
    let shown = Memo::new(move |_| {
        let route = app.route.get();
        (route, (route.needs_wallet() && app.is_unlocked()).then(|| app.current.get()).flatten())
    });
    let network = Memo::new(move |_| app.node.with(|n| n.as_ref().map(|n| n.network.clone())));
    Effect::new(move |_| {
        app.tongue.track();
        let page = match part.get() {
            Part::Welcome => page_name(Route::Welcome),
            Part::Pages if app.route.get().needs_wallet() && shown.with(|(_, open)| open.is_none()) => {
                t!("unlock.submit")
            }
            _ => page_name(app.route.get()),
        };
        let network = network.get().map(|name| format!(" {name}")).unwrap_or_default();
        dom::set_title(&format!("{page} · Umbel{network}"));
    });
    Effect::new(move |_| {
        app.route.track();
        dom::scroll_to_top();
    });
    let body = move || {
        app.tongue.track();
        match part.get() {
            Part::Waiting => {
                view! { <main class="alone" aria-busy="true" aria-label=t!("status.connecting")>{skeleton(6)}</main> }
                    .into_any()
            }
            Part::Failed => failed(app).into_any(),
            Part::Welcome => view! { <pages::welcome::Welcome/> }.into_any(),
            Part::Pages => {
                view! { <Shell>{move || shown.with(|(route, open)| page(*route, open.is_some()))}</Shell> }.into_any()
            }
        }
    };
    view! {
        {body}
        <Messages/>
    }
}

fn page_name(route: Route) -> String {
    match route {
        Route::Home => t!("nav.home"),
        Route::Send => t!("nav.send"),
        Route::Receive => t!("nav.receive"),
        Route::Activity => t!("nav.activity"),
        Route::Govern => t!("nav.govern"),
        Route::Node => t!("nav.node"),
        Route::Settings => t!("nav.settings"),
        Route::Welcome => t!("welcome.title"),
    }
}

fn page(route: Route, open: bool) -> AnyView {
    if route.needs_wallet() && !open {
        return view! { <pages::unlock::Unlock/> }.into_any();
    }
    match route {
        Route::Home | Route::Welcome => view! { <pages::home::Home/> }.into_any(),
        Route::Send => view! { <pages::send::Send/> }.into_any(),
        Route::Receive => view! { <pages::receive::Receive/> }.into_any(),
        Route::Activity => view! { <pages::activity::Activity/> }.into_any(),
        Route::Govern => view! { <pages::govern::Govern/> }.into_any(),
        Route::Node => view! { <pages::node::Node/> }.into_any(),
        Route::Settings => view! { <pages::settings::Settings/> }.into_any(),
    }
}

fn failed(app: App) -> impl IntoView {
    let error = move || app.start_error.get().unwrap_or_else(crate::ipc::transport::unreachable);
    view! {
        <main class="alone">
            {move || view! { <ErrorCard error=error() retry=Callback::new(move |()| app.refresh())/> }}
        </main>
    }
}

/// Takes the first frame of `index.html` away and follows the system's theme.
fn take_over(app: App) {
    let window = web_sys::window();
    if let Some(first) = window.as_ref().and_then(|w| w.document()).and_then(|d| d.get_element_by_id("boot")) {
        first.remove();
    }
    app.show_theme();
    let query = window.and_then(|w| w.match_media("(prefers-color-scheme: light)").ok().flatten());
    if let Some(query) = query {
        let changed = Closure::<dyn Fn()>::new(move || app.show_theme());
        query.set_onchange(Some(changed.as_ref().unchecked_ref()));
        changed.forget();
    }
}
