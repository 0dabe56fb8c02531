//! Settings: security, appearance, wallets, about.

mod reveal;
mod wallets;

use crate::components::field::{Segment, Switch};
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
    let backed_up = Memo::new(move |_| app.summary().is_none_or(|w| w.backed_up || w.damaged.is_some()));
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
            {row(
                t!("settings.report"),
                t!("settings.report_text"),
                view! {
                    <Switch
                        testid="settings-report"
                        label=t!("settings.report")
                        on=Signal::derive(move || app.settings.with(|s| s.report_evidence))
                        change=Callback::new(move |wanted| {
                            let old = app.settings.get_untracked();
                            app.save_settings(Values { report_evidence: wanted, ..old });
                        })
                    />
                },
            )}
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
    let is_theme = move |value: Theme| Signal::derive(move || app.settings.with(|s| s.theme) == value);
    let theme = move |value: Theme| {
        Callback::new(move |()| app.save_settings(Values { theme: value, ..app.settings.get_untracked() }))
    };
    let is_language = move |value: Language| Signal::derive(move || app.settings.with(|s| s.language) == value);
    let language = move |value: Language| {
        Callback::new(move |()| app.save_settings(Values { language: value, ..app.settings.get_untracked() }))
    };
    view! {
        <section class="card">
            <h2>{t!("settings.appearance")}</h2>
            <fieldset class="setting">
                <legend>{t!("settings.theme")}</legend>
                <div class="segs">
                    <Segment
                        testid="settings-theme-system"
                        group="theme"
                        label=t!("settings.system")
                        icon=Icon::Monitor
                        on=is_theme(Theme::System)
                        choose=theme(Theme::System)
                    />
                    <Segment
                        testid="settings-theme-dark"
                        group="theme"
                        label=t!("settings.dark")
                        icon=Icon::Moon
                        on=is_theme(Theme::Dark)
                        choose=theme(Theme::Dark)
                    />
                    <Segment
                        testid="settings-theme-light"
                        group="theme"
                        label=t!("settings.light")
                        icon=Icon::Sun
                        on=is_theme(Theme::Light)
                        choose=theme(Theme::Light)
                    />
                </div>
            </fieldset>
            <fieldset class="setting">
                <legend>{t!("settings.language")}</legend>
                <div class="segs">
                    <Segment
                        testid="settings-language-system"
                        group="language"
                        label=t!("settings.system")
                        on=is_language(Language::System)
                        choose=language(Language::System)
                    />
                    <Segment
                        testid="settings-language-en"
                        group="language"
                        label="English".to_owned()
                        on=is_language(Language::En)
                        choose=language(Language::En)
                    />
                    <Segment
                        testid="settings-language-de"
                        group="language"
                        label="Deutsch".to_owned()
                        on=is_language(Language::De)
                        choose=language(Language::De)
                    />
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
