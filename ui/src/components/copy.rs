//! A button that copies, and hashes that can be copied.

use crate::dom;
use crate::format::shortened;
use crate::i18n::t;
use crate::icons::Icon;
use crate::state::app;
use leptos::prelude::*;
use leptos::task::spawn_local;

/// Copies a text.
#[component]
pub(crate) fn CopyButton(
    /// Test handle.
    testid: &'static str,
    /// What is copied.
    #[prop(into)]
    text: Signal<String>,
    /// Its words; without any, only the icon.
    #[prop(optional, into)]
    label: Option<String>,
) -> impl IntoView {
    let app = app();
    let done = RwSignal::new(false);
    let copy = move |_| {
        let text = text.get_untracked();
        spawn_local(async move {
            if dom::copy(&text).await {
                done.set(true);
                app.announced.set(t!("copy.done"));
                dom::sleep(1_600).await;
                let _ = done.try_set(false);
            } else {
                app.say(t!("copy.failed"), true);
            }
        });
    };
    let wordless = label.is_none();
    view! {
        <button
            type="button"
            class=if wordless { "icon-btn" } else { "btn" }
            data-testid=testid
            aria-label=wordless.then(|| t!("action.copy"))
            on:click=copy
        >
            {move || if done.get() { Icon::Check.draw() } else { Icon::Copy.draw() }}
            {label.map(|label| view! { <span>{move || if done.get() { t!("copy.done") } else { label.clone() }}</span> })}
        </button>
    }
}

/// A hash or an address: its middle left out, the whole on a click.
#[component]
pub(crate) fn Hash(
    /// The text.
    text: String,
    /// Test handle of its button.
    #[prop(default = "hash-copy")]
    testid: &'static str,
) -> impl IntoView {
    let short = shortened(&text, 10, 8);
    view! {
        <span class="hash">
            <code title=text.clone()>{short}</code>
            <CopyButton testid=testid text=text/>
        </span>
    }
}
