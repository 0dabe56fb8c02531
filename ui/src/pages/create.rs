//! A new wallet: name and password, words, three-word check, done.

use crate::components::copy::CopyButton;
use crate::components::error::FormError;
use crate::components::field::{NewPassword, Segment, TextField, password_fits, wipe};
use crate::components::words_view::{WordsCheck, WordsGrid};
use crate::dom;
use crate::i18n::{t, tn};
use crate::icons::Icon;
use crate::ipc;
use crate::route::Route;
use crate::state::{App, app};
use leptos::prelude::*;
use leptos::task::spawn_local;
use umbel_api::wallet::CreateRequest;
use umbel_api::{ApiError, Secret};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Form,
    Words,
    Check,
    Done,
}

/// The steps.
#[component]
pub(crate) fn Create(
    /// Back to the choice.
    #[prop(into)]
    back: Callback<()>,
) -> impl IntoView {
    let app = app();
    let step = RwSignal::new(Step::Form);
    let words = RwSignal::new(String::new());
    let name = RwSignal::new(String::new());
    let address = RwSignal::new(String::new());
    on_cleanup(move || wipe(words));
    let confirm = Callback::new(move |()| {
        wipe(words);
        let wallet = name.get_untracked().trim().to_owned();
        step.set(Step::Done);
        spawn_local(async move {
            if let Err(error) = ipc::wallet::confirm_words(wallet).await {
                app.say(crate::components::error::sentence(&error), true);
            }
            app.refresh_wallets().await;
        });
    });
    Effect::new(move |_| {
        step.track();
        dom::focus_heading();
    });
    let number = move || match step.get() {
        Step::Form => 1,
        Step::Words => 2,
        Step::Check => 3,
        Step::Done => 4,
    };
    let body = move || match step.get() {
        Step::Form => view! { <Form name=name words=words address=address step=step back=back/> }.into_any(),
        Step::Words => show_words(app, words, step).into_any(),
        Step::Check => view! {
            <h1>{t!("create.check_title")}</h1>
            <p class="soft">{t!("create.check_text")}</p>
            <WordsCheck words=words passed=confirm back=Callback::new(move |()| step.set(Step::Words))/>
        }
        .into_any(),
        Step::Done => done(app, name, address).into_any(),
    };
    view! {
        <section class="card wizard" data-testid="create-card">
            <p class="steps" aria-label=move || t!("create.step", n = number())>
                {(1..=4).map(|i| view! { <i class:on=move || { i <= number() }></i> }).collect_view()}
            </p>
            {body}
        </section>
    }
}

#[component]
fn Form(
    name: RwSignal<String>,
    words: RwSignal<String>,
    address: RwSignal<String>,
    step: RwSignal<Step>,
    #[prop(into)] back: Callback<()>,
) -> impl IntoView {
    let app = app();
    let password = RwSignal::new(String::new());
    let repeated = RwSignal::new(String::new());
    let passphrase = RwSignal::new(String::new());
    let count = RwSignal::new(12_usize);
    let busy = RwSignal::new(false);
    let error = RwSignal::new(None::<ApiError>);
    let wipe_all = move || [password, repeated, passphrase].map(wipe);
    on_cleanup(move || {
        wipe_all();
    });
    if name.get_untracked().is_empty() {
        name.set(free_name(app));
    }
    let ready = move || !name.with(|n| n.trim().is_empty()) && password_fits(password, repeated) && !busy.get();
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if !ready() {
            return;
        }
        busy.set(true);
        error.set(None);
        app.welcoming.set(true);
        let request = CreateRequest {
            name: name.get_untracked().trim().to_owned(),
            password: Secret::new(password.get_untracked()),
            word_count: count.get_untracked(),
            passphrase: Secret::new(passphrase.get_untracked()),
        };
        spawn_local(async move {
            match ipc::wallet::create(request).await {
                Ok(created) => {
                    wipe_all();
                    words.set(created.words.expose().to_owned());
                    address.set(created.confidential.clone());
                    app.refresh_wallets().await;
                    app.choose_wallet(name.get_untracked().trim());
                    step.set(Step::Words);
                }
                Err(failed) => {
                    app.welcoming.set(false);
                    error.set(Some(failed));
                }
            }
            let _ = busy.try_set(false);
        });
    };
    dom::focus_soon("#create-name");
    let is = move |n: usize| Signal::derive(move || count.get() == n);
    let take = move |n: usize| Callback::new(move |()| count.set(n));
    view! {
        <h1>{t!("create.title")}</h1>
        <p class="soft">{t!("create.text")}</p>
        <form class="stack" on:submit=submit>
            <TextField testid="create-name" label=t!("wallet.name") value=name maxlength=40/>
            <NewPassword password=password repeated=repeated/>
            <details class="more">
                <summary data-testid="create-more">{t!("create.more")}</summary>
                <fieldset class="segs">
                    <legend>{t!("create.how_many")}</legend>
                    <Segment testid="create-12" group="count" label=tn!("words.count", 12) on=is(12) choose=take(12)/>
                    <Segment testid="create-24" group="count" label=tn!("words.count", 24) on=is(24) choose=take(24)/>
                </fieldset>
                <TextField
                    testid="create-passphrase"
                    label=t!("words.passphrase")
                    value=passphrase
                    kind="password"
                    autocomplete="new-password"
                    hint=Signal::derive(|| t!("words.passphrase_text"))
                />
            </details>
            <FormError error=error/>
            <div class="row between form-end">
                <button type="button" class="btn" data-testid="create-back" on:click=move |_| back.run(())>
                    {t!("action.back")}
                </button>
                <button type="submit" class="btn main" data-testid="create-submit" disabled=move || !ready()>
                    {move || if busy.get() { t!("create.busy") } else { t!("create.submit") }}
                </button>
            </div>
        </form>
    }
}

/// A name that no wallet has.
fn free_name(app: App) -> String {
    let taken: Vec<String> = app.wallets.with_untracked(|w| w.iter().flatten().map(|w| w.name.clone()).collect());
    let first = t!("wallet.first_name");
    if !taken.contains(&first) {
        return first;
    }
    (2_u32..).map(|n| format!("{first} {n}")).find(|name| !taken.contains(name)).unwrap_or(first)
}

fn show_words(app: App, words: RwSignal<String>, step: RwSignal<Step>) -> impl IntoView {
    view! {
        <h1>{t!("create.words_title")}</h1>
        <p class="soft">{t!("create.words_text")}</p>
        <WordsGrid words=words/>
        <p class="note">{Icon::Info.draw()} <span>{t!("create.words_note")}</span></p>
        <div class="row between form-end">
            <button
                type="button"
                class="btn quiet"
                data-testid="create-later"
                on:click=move |_| {
                    wipe(words);
                    app.welcoming.set(false);
                    Route::Home.go();
                }
            >
                {t!("create.later")}
            </button>
            <button type="button" class="btn main" data-testid="create-written" on:click=move |_| step.set(Step::Check)>
                {t!("create.written")}
            </button>
        </div>
    }
}

fn done(app: App, name: RwSignal<String>, address: RwSignal<String>) -> impl IntoView {
    view! {
        <div class="done">
            <span class="done-mark">{Icon::Check.draw()}</span>
            <h1>{t!("create.done_title", name = name.get_untracked())}</h1>
            <p class="soft">{t!("create.done_text")}</p>
        </div>
        <div class="address-box">
            <code data-testid="create-address">{address.get_untracked()}</code>
            <CopyButton testid="create-copy" text=address/>
        </div>
        <button
            type="button"
            class="btn main wide"
            data-testid="create-finish"
            on:click=move |_| {
                app.welcoming.set(false);
                Route::Home.go();
            }
        >
            {t!("create.finish")}
        </button>
    }
}
