//! Seed words on the screen: hidden until asked for, then checked by three of them.

use crate::components::field::wipe;
use crate::dom;
use crate::i18n::t;
use crate::icons::Icon;
use crate::state::{app, words};
use leptos::prelude::*;
use leptos::task::spawn_local;

/// How many words the check asks for.
const ASKED: usize = 3;

/// The words as a numbered list.
#[component]
pub(crate) fn WordsGrid(
    /// The words, separated by spaces.
    words: RwSignal<String>,
) -> impl IntoView {
    let app = app();
    let shown = RwSignal::new(false);
    let list = move || {
        words.with(|w| {
            w.split_whitespace()
                .enumerate()
                .map(|(i, word)| {
                    // What is hidden is not in the page at all.
                    let text = if shown.get() { word.to_owned() } else { "••••••".to_owned() };
                    view! { <li><span class="num">{i + 1}</span> <b>{text}</b></li> }
                })
                .collect_view()
        })
    };
    let copy = move |_| {
        let text = words.get_untracked();
        spawn_local(async move {
            let text = zeroize::Zeroizing::new(text);
            let (said, bad) =
                if dom::copy_secret(&text).await { (t!("words.copied"), false) } else { (t!("copy.failed"), true) };
            app.say(said, bad);
        });
    };
    view! {
        <ol class="words" class:hidden-words=move || !shown.get() data-testid="words-list">{list}</ol>
        <div class="row words-actions">
            <button
                type="button"
                class="btn"
                data-testid="words-show"
                aria-pressed=move || shown.get().to_string()
                on:click=move |_| shown.update(|s| *s = !*s)
            >
                {move || if shown.get() { Icon::EyeOff.draw() } else { Icon::Eye.draw() }}
                {move || if shown.get() { t!("words.hide") } else { t!("words.show") }}
            </button>
            <button type="button" class="btn" data-testid="words-copy" on:click=copy>
                {Icon::Copy.draw()}
                {t!("words.copy")}
            </button>
        </div>
    }
}

/// Asks for three of the words.
#[component]
pub(crate) fn WordsCheck(
    /// The words, separated by spaces.
    words: RwSignal<String>,
    /// All three were right.
    #[prop(into)]
    passed: Callback<()>,
    /// Back to the words.
    #[prop(into)]
    back: Callback<()>,
) -> impl IntoView {
    let count = words.with_untracked(|w| w.split_whitespace().count());
    let mut places: Vec<usize> = Vec::new();
    while places.len() < ASKED.min(count) {
        let place = dom::pick(count);
        if !places.contains(&place) {
            places.push(place);
        }
    }
    places.sort_unstable();
    let typed: Vec<RwSignal<String>> = places.iter().map(|_| RwSignal::new(String::new())).collect();
    let wrong = RwSignal::new(None::<usize>);
    let asked: Vec<(usize, RwSignal<String>)> = places.into_iter().zip(typed).collect();
    let pairs = StoredValue::new(asked.clone());
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let bad = pairs.get_value().into_iter().find(|(place, typed)| {
            words.with_untracked(|w| {
                let right = w.split_whitespace().nth(*place);
                typed.with_untracked(|t| right != Some(t.trim().to_lowercase().as_str()))
            })
        });
        wrong.set(bad.map(|(place, _)| place));
        if bad.is_none() {
            for (_, typed) in pairs.get_value() {
                wipe(typed);
            }
            passed.run(());
        }
    };
    dom::focus_soon("[data-testid=check-word]");
    view! {
        <form class="stack" on:submit=submit data-testid="check-form">
            <div class="check-words">
                {asked
                    .into_iter()
                    .map(|(place, typed)| {
                        let id = format!("check-word-{place}");
                        let unknown = move || {
                            typed.with(|t| !t.is_empty() && !words::is_known(t.trim()) && words::suggestions(t.trim()).is_empty())
                        };
                        view! {
                            <div class="field" class:invalid=move || unknown() || wrong.get() == Some(place)>
                                <label for=id.clone()>{t!("words.number", n = place + 1)}</label>
                                <div class="field-line">
                                    <input
                                        id=id
                                        type="text"
                                        autocomplete="off"
                                        autocapitalize="off"
                                        spellcheck="false"
                                        data-testid="check-word"
                                        data-place=place + 1
                                        prop:value=move || typed.get()
                                        on:input=move |event| {
                                            wrong.set(None);
                                            typed.set(event_target_value(&event));
                                        }
                                    />
                                </div>
                            </div>
                        }
                    })
                    .collect_view()}
            </div>
            {move || {
                wrong
                    .get()
                    .map(|place| {
                        view! {
                            <p class="form-error" role="alert" data-testid="check-wrong">
                                {Icon::TriangleAlert.draw()}
                                {t!("words.wrong", n = place + 1)}
                            </p>
                        }
                    })
            }}
            <div class="row between form-end">
                <button type="button" class="btn" data-testid="check-back" on:click=move |_| back.run(())>
                    {t!("words.look_again")}
                </button>
                <button type="submit" class="btn main" data-testid="check-submit">{t!("words.check")}</button>
            </div>
        </form>
    }
}
