//! Where the person is: the part of the address behind `#`.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;

/// A page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Route {
    /// Balances, what needs attention, the last payments.
    #[default]
    Home,
    /// Pay somebody.
    Send,
    /// Addresses.
    Receive,
    /// What came and went.
    Activity,
    /// Validators and stake.
    Govern,
    /// The own node.
    Node,
    /// Security, appearance, wallets.
    Settings,
    /// One more wallet.
    Welcome,
}

impl Route {
    /// Its address behind `#/`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Home => "home",
            Self::Send => "send",
            Self::Receive => "receive",
            Self::Activity => "activity",
            Self::Govern => "govern",
            Self::Node => "node",
            Self::Settings => "settings",
            Self::Welcome => "welcome",
        }
    }

    /// Its address, for links.
    pub(crate) fn href(self) -> String {
        format!("#/{}", self.name())
    }

    fn from_hash(hash: &str) -> Self {
        let all = [
            Self::Home,
            Self::Send,
            Self::Receive,
            Self::Activity,
            Self::Govern,
            Self::Node,
            Self::Settings,
            Self::Welcome,
        ];
        let name = hash.trim_start_matches(['#', '/']);
        all.into_iter().find(|route| route.name() == name).unwrap_or_default()
    }

    /// Whether the page shows what only an open wallet may.
    pub(crate) fn needs_wallet(self) -> bool {
        matches!(self, Self::Home | Self::Send | Self::Receive | Self::Activity)
    }

    /// Goes there.
    pub(crate) fn go(self) {
        if let Some(window) = web_sys::window() {
            let _ = window.location().set_hash(&self.href());
        }
    }
}

/// The page the address names, following the address.
pub(crate) fn watch() -> RwSignal<Route> {
    let read = || web_sys::window().and_then(|w| w.location().hash().ok()).unwrap_or_default();
    let route = RwSignal::new(Route::from_hash(&read()));
    let changed = Closure::<dyn Fn()>::new(move || route.set(Route::from_hash(&read())));
    if let Some(window) = web_sys::window() {
        let _ = window.add_event_listener_with_callback("hashchange", changed.as_ref().unchecked_ref());
    }
    changed.forget();
    route
}

#[cfg(test)]
mod tests {
    use super::Route;

    #[test]
    fn an_unknown_address_is_home() {
        assert_eq!(Route::from_hash("#/node"), Route::Node);
        assert_eq!(Route::from_hash("#/tokens"), Route::Home);
        assert_eq!(Route::from_hash(""), Route::Home);
    }
}
