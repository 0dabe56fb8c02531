//! Fields of forms.

use crate::i18n::{t, text};
use crate::icons::Icon;
use crate::state::words::strength;
use leptos::prelude::*;
use zeroize::Zeroize;

/// Shortest password of a wallet file. The file's key is slow to derive, so eight characters are a floor, not advice.
pub(crate) const PASSWORD_MIN: usize = 8;

/// Overwrites a secret that a field held.
pub(crate) fn wipe(secret: RwSignal<String>) {
    secret.update(Zeroize::zeroize);
}

/// A line of text with its name.
#[component]
pub(crate) fn TextField(
    /// Test handle and id.
    testid: &'static str,
    /// Its name.
    label: String,
    /// Its text.
    value: RwSignal<String>,
    /// `text`, `password` or `search`.
    #[prop(default = "text")]
    kind: &'static str,
    /// What a browser may fill in.
    #[prop(default = "off")]
    autocomplete: &'static str,
    /// Which keys a phone shows.
    #[prop(default = "text")]
    inputmode: &'static str,
    /// What it is for.
    #[prop(optional, into)]
    hint: Option<Signal<String>>,
    /// What is wrong with it.
    #[prop(optional, into)]
    error: Option<Signal<Option<String>>>,
    /// Whether it is written in the typeface of hashes.
    #[prop(default = false)]
    mono: bool,
    /// Longest text.
    #[prop(default = 400)]
    maxlength: u32,
    /// What stands at its end.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let wrong = move || error.and_then(|e| e.get());
    let describes = format!("{testid}-help");
    view! {
        <div class="field" class:invalid=move || wrong().is_some()>
            <label for=testid>{label}</label>
            <div class="field-line">
                <input
                    id=testid
                    data-testid=testid
                    type=kind
                    class:mono=mono
                    autocomplete=autocomplete
                    autocapitalize="off"
                    spellcheck="false"
                    inputmode=inputmode
                    maxlength=maxlength
                    aria-describedby=describes.clone()
                    aria-invalid=move || wrong().is_some().to_string()
                    prop:value=move || value.get()
                    on:input=move |event| value.set(event_target_value(&event))
                />
                {children.map(|c| c())}
            </div>
            <p class="field-help" id=describes>
                {move || wrong().or_else(|| hint.map(|h| h.get()))}
            </p>
        </div>
    }
}

/// Two fields for a new password, and how hard it is to guess.
#[component]
pub(crate) fn NewPassword(
    /// The password.
    password: RwSignal<String>,
    /// The same again.
    repeated: RwSignal<String>,
) -> impl IntoView {
    let level = move || password.with(|p| strength(p));
    let name = move || match level() {
        0 => t!("password.hint"),
        1 => t!("password.weak"),
        2 => t!("password.fair"),
        3 => t!("password.good"),
        _ => t!("password.strong"),
    };
    let hint = move || {
        if password.with(|p| (1..PASSWORD_MIN).contains(&p.chars().count())) {
            text("password.short", &[("n", PASSWORD_MIN.to_string())])
        } else {
            name()
        }
    };
    let differs = move || {
        let typed = repeated.with(|r| !r.is_empty());
        (typed && password.with(|p| repeated.with(|r| p != r))).then(|| t!("password.differs"))
    };
    view! {
        <TextField
            testid="password-new"
            label=t!("password.new")
            value=password
            kind="password"
            autocomplete="new-password"
            hint=Signal::derive(hint)
        />
        <div class="strength" data-level=move || level().to_string() aria-hidden="true">
            <i></i><i></i><i></i><i></i>
        </div>
        <TextField
            testid="password-repeat"
            label=t!("password.repeat")
            value=repeated
            kind="password"
            autocomplete="new-password"
            error=Signal::derive(differs)
        />
    }
}

/// Whether a new password may be taken.
pub(crate) fn password_fits(password: RwSignal<String>, repeated: RwSignal<String>) -> bool {
    password.with(|p| p.chars().count() >= PASSWORD_MIN && repeated.with(|r| p == r))
}

/// A switch with its name.
#[component]
pub(crate) fn Switch(
    /// Test handle.
    testid: &'static str,
    /// Its name.
    label: String,
    /// Whether it is on.
    #[prop(into)]
    on: Signal<bool>,
    /// Wants it so.
    #[prop(into)]
    change: Callback<bool>,
) -> impl IntoView {
    view! {
        <button
            class="switch"
            type="button"
            role="switch"
            data-testid=testid
            aria-label=label
            aria-checked=move || on.get().to_string()
            on:click=move |_| change.run(!on.get_untracked())
        >
            <i></i>
        </button>
    }
}

/// One choice of several that stand side by side.
#[component]
pub(crate) fn Segment(
    /// Test handle.
    testid: &'static str,
    /// Name of the group.
    group: &'static str,
    /// Its words.
    label: String,
    /// Its picture.
    #[prop(optional)]
    icon: Option<Icon>,
    /// Whether it is the one chosen.
    #[prop(into)]
    on: Signal<bool>,
    /// Chooses it.
    #[prop(into)]
    choose: Callback<()>,
) -> impl IntoView {
    view! {
        <label class="seg">
            <input
                type="radio"
                name=group
                data-testid=testid
                prop:checked=move || on.get()
                on:change=move |_| choose.run(())
            />
            <span>{icon.map(Icon::draw)} {label}</span>
        </label>
    }
}
