//! Settings: security, appearance, wallets, about.

mod reveal;
mod wallets;

use crate::components::status_bar::network_name;
use crate::i18n::{t, tn};
use crate::icons::Icon;
use crate::state::app;
use leptos::prelude::*;
use reveal::Reveal;
use umbel_api::settings::{Language, Settings as Values, Theme};
use wallets::Wallets;

/// Choices of minutes until wallets lock; 0 is never.
const LOCK_MINUTES: [u32; 5] = [1, 5, 15, 60, 0];

/// The page.
#[component]
pub(crate) fn Settings() -> impl IntoView {
    view! {
        <div class="page narrow settings" data-testid="settings-page">
            <h1 class="page-title">{t!("nav.settings")}</h1>
            <Security/>
            <Appearance/>
            <Wallets/>
            <About/>
        </div>
    }
}

/// A row: name, what it does, control.
fn row(name: String, text: String, control: impl IntoView) -> impl IntoView {
    view! {
        <div class="setting">
            <span class="grow">
                <b>{name}</b>
                <small>{text}</small>
            </span>
            {control}
        </div>
    }
}

#[component]
fn Security() -> impl IntoView {
    let app = app();
    let revealing = RwSignal::new(false);
    let change = move |event| {
        if let Ok(minutes) = event_target_value(&event).parse::<u32>() {
            let old = app.settings.get_untracked();
            app.save_settings(Values { auto_lock_minutes: minutes, ..old });
        }
    };
    let options = move || {
        let now = app.settings.with(|s| s.auto_lock_minutes);
        let mut all = LOCK_MINUTES.to_vec();
        if !all.contains(&now) {
            all.insert(0, now);
        }
        all.into_iter()
            .map(|m| {
                let name = if m == 0 { t!("settings.never") } else { tn!("settings.minutes", u64::from(m)) };
                view! { <option value=m.to_string() selected=m == now>{name}</option> }
            })
            .collect_view()
    };
    let open = move || app.is_unlocked();
    let backed_up = Memo::new(move |_| app.summary().is_none_or(|w| w.backed_up));
    let words_text = move || if backed_up.get() { t!("settings.words_text") } else { t!("settings.words_unbacked") };
    view! {
        <section class="card">
            <h2>{t!("settings.security")}</h2>
            {row(
                t!("settings.auto_lock"),
                t!("settings.auto_lock_text"),
                view! {
                    <select class="select" data-testid="settings-auto-lock" aria-label=t!("settings.auto_lock") on:change=change>
                        {options}
                    </select>
                },
            )}
            {move || {
                open()
                    .then(|| row(
                        t!("action.lock_now"),
                        t!("settings.lock_text"),
                        view! {
                            <button type="button" class="btn" data-testid="settings-lock" on:click=move |_| app.lock()>
                                {Icon::Lock.draw()}
                                {t!("action.lock")}
                            </button>
                        },
                    ))
            }}
            <div class="setting" class:unbacked=move || !backed_up.get()>
                <span class="grow">
                    <b>{t!("settings.words")}</b>
                    <small>{words_text}</small>
                </span>
                <button
                    type="button"
                    class="btn"
                    class:main=move || !backed_up.get()
                    data-testid="settings-reveal"
                    on:click=move |_| revealing.set(true)
                >
                    {Icon::KeyRound.draw()}
                    {t!("settings.reveal")}
                </button>
            </div>
        </section>
        <Reveal open=revealing/>
    }
}

#[component]
fn Appearance() -> impl IntoView {
    let app = app();
    let theme = move |value: Theme, name: String, icon: Icon, testid: &'static str| {
        view! {
            <label class="seg">
                <input
                    type="radio"
                    name="theme"
                    data-testid=testid
                    prop:checked=move || app.settings.with(|s| s.theme) == value
                    on:change=move |_| app.save_settings(Values { theme: value, ..app.settings.get_untracked() })
                />
                <span>{icon.draw()} {name}</span>
            </label>
        }
    };
    let language = move |value: Language, name: String, testid: &'static str| {
        view! {
            <label class="seg">
                <input
                    type="radio"
                    name="language"
                    data-testid=testid
                    prop:checked=move || app.settings.with(|s| s.language) == value
                    on:change=move |_| app.save_settings(Values { language: value, ..app.settings.get_untracked() })
                />
                <span>{name}</span>
            </label>
        }
    };
    view! {
        <section class="card">
            <h2>{t!("settings.appearance")}</h2>
            <fieldset class="setting">
                <legend>{t!("settings.theme")}</legend>
                <div class="segs">
                    {theme(Theme::System, t!("settings.system"), Icon::Monitor, "settings-theme-system")}
                    {theme(Theme::Dark, t!("settings.dark"), Icon::Moon, "settings-theme-dark")}
                    {theme(Theme::Light, t!("settings.light"), Icon::Sun, "settings-theme-light")}
                </div>
            </fieldset>
            <fieldset class="setting">
                <legend>{t!("settings.language")}</legend>
                <div class="segs">
                    {language(Language::System, t!("settings.system"), "settings-language-system")}
                    {language(Language::En, "English".to_owned(), "settings-language-en")}
                    {language(Language::De, "Deutsch".to_owned(), "settings-language-de")}
                </div>
            </fieldset>
        </section>
    }
}

#[component]
fn About() -> impl IntoView {
    let app = app();
    let facts = Memo::new(move |_| {
        app.node.with(|n| n.as_ref().map(|n| (n.version.clone(), network_name(n), n.data_dir.clone())))
    });
    view! {
        <section class="card" data-testid="settings-about">
            <h2>{t!("settings.about")}</h2>
            <dl class="facts">
                {move || {
                    facts
                        .get()
                        .map(|(version, network, folder)| {
                            view! {
                                <dt>{t!("settings.version")}</dt>
                                <dd class="num">{version}</dd>
                                <dt>{t!("settings.network")}</dt>
                                <dd>{network}</dd>
                                <dt>{t!("settings.folder")}</dt>
                                <dd class="mono wrap-all">{folder}</dd>
                            }
                        })
                }}
                <dt>{t!("settings.licences")}</dt>
                <dd>{t!("settings.licences_text")}</dd>
            </dl>
        </section>
    }
}
