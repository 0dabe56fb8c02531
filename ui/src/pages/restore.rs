//! A wallet from words: type them, see what they give, then write it.

use crate::components::error::FormError;
use crate::components::field::{NewPassword, TextField, password_fits, wipe};
use crate::components::mark::TextMark;
use crate::dom;
use crate::i18n::{t, tn};
use crate::icons::Icon;
use crate::ipc;
use crate::route::Route;
use crate::state::app;
use crate::state::words::{self, WordsState};
use leptos::prelude::*;
use leptos::task::spawn_local;
use umbel_api::wallet::{RestoreRequest, Restored};
use umbel_api::{ApiError, Secret};

/// The steps.
#[component]
pub(crate) fn Restore(
    /// Back to the choice.
    #[prop(into)]
    back: Callback<()>,
) -> impl IntoView {
    let typed = RwSignal::new(String::new());
    let passphrase = RwSignal::new(String::new());
    let found = RwSignal::new(None::<Restored>);
    on_cleanup(move || {
        wipe(typed);
        wipe(passphrase);
    });
    Effect::new(move |_| {
        found.track();
        dom::focus_heading();
    });
    let body = move || match found.get() {
        None => view! { <Words typed=typed passphrase=passphrase found=found back=back/> }.into_any(),
        Some(restored) => view! { <Write typed=typed passphrase=passphrase found=found restored=restored/> }.into_any(),
    };
    view! { <section class="card wizard" data-testid="restore-card">{body}</section> }
}

fn judged(state: &WordsState) -> (&'static str, String) {
    match state {
        WordsState::Unfinished(0) => ("", t!("restore.hint")),
        WordsState::Unfinished(n) => ("", tn!("restore.so_far", *n as u64)),
        WordsState::Unknown(n) => ("bad", t!("restore.unknown", n = n)),
        WordsState::TooMany(n) => ("bad", t!("restore.too_many", n = n)),
        WordsState::BadChecksum => ("bad", t!("restore.checksum")),
        WordsState::Good(n) => ("confirmed", t!("restore.good", n = n)),
    }
}

#[component]
fn Words(
    typed: RwSignal<String>,
    passphrase: RwSignal<String>,
    found: RwSignal<Option<Restored>>,
    #[prop(into)] back: Callback<()>,
) -> impl IntoView {
    let busy = RwSignal::new(false);
    let error = RwSignal::new(None::<ApiError>);
    let state = Memo::new(move |_| typed.with(|text| words::judge(text)));
    let ready = move || matches!(state.get(), WordsState::Good(_)) && !busy.get();
    // Suggestions for the word at the end, while it is open.
    let offers = Memo::new(move |_| {
        typed.with(|text| {
            if text.is_empty() || text.ends_with(char::is_whitespace) {
                return Vec::new();
            }
            text.split_whitespace().last().map(|w| words::suggestions(&w.to_lowercase())).unwrap_or_default()
        })
    });
    let accept = move |word: &str| {
        typed.update(|text| {
            let kept = text.trim_end().rfind(char::is_whitespace).map_or(0, |at| at + 1);
            text.truncate(kept);
            text.push_str(word);
            text.push(' ');
        });
        dom::focus_soon("#restore-words");
    };
    let key = move |event: leptos::ev::KeyboardEvent| {
        let first = offers.get_untracked().first().copied();
        let open = typed.with_untracked(|t| t.split_whitespace().last().is_some_and(|w| !words::is_known(w)));
        if let Some(word) =
            first.filter(|_| open && matches!(event.key().as_str(), "Tab" | "Enter") && !event.shift_key())
        {
            event.prevent_default();
            accept(word);
        } else if event.key() == "Enter" {
            event.prevent_default();
        }
    };
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if !ready() {
            return;
        }
        busy.set(true);
        error.set(None);
        let request = RestoreRequest {
            name: String::new(),
            words: normal(typed),
            passphrase: Secret::new(passphrase.get_untracked()),
            password: Secret::default(),
            dry_run: true,
        };
        spawn_local(async move {
            match ipc::wallet::restore(request).await {
                Ok(restored) => found.set(Some(restored)),
                Err(failed) => error.set(Some(failed)),
            }
            let _ = busy.try_set(false);
        });
    };
    dom::focus_soon("#restore-words");
    view! {
        <h1>{t!("restore.title")}</h1>
        <p class="soft">{t!("restore.text")}</p>
        <form class="stack" on:submit=submit>
            <div class="field" class:invalid=move || judged(&state.get()).0 == "bad">
                <label for="restore-words">{t!("restore.words")}</label>
                <div class="field-line">
                    <textarea
                        id="restore-words"
                        data-testid="restore-words"
                        rows="3"
                        autocomplete="off"
                        autocapitalize="off"
                        spellcheck="false"
                        aria-describedby="restore-state"
                        prop:value=move || typed.get()
                        on:input=move |event| typed.set(event_target_value(&event))
                        on:keydown=key
                    ></textarea>
                </div>
                <div class="offers" role="group" aria-label=t!("restore.offers")>
                    {move || {
                        offers
                            .get()
                            .into_iter()
                            .map(|word| {
                                view! {
                                    <button
                                        type="button"
                                        class="chip"
                                        tabindex="-1"
                                        data-testid="restore-offer"
                                        on:click=move |_| accept(word)
                                    >
                                        {word}
                                    </button>
                                }
                            })
                            .collect_view()
                    }}
                </div>
                <p
                    id="restore-state"
                    class=move || format!("field-help {}", judged(&state.get()).0)
                    role="status"
                    data-testid="restore-state"
                >
                    {move || judged(&state.get()).1}
                </p>
            </div>
            <details class="more">
                <summary data-testid="restore-more">{t!("restore.has_passphrase")}</summary>
                <TextField
                    testid="restore-passphrase"
                    label=t!("words.passphrase")
                    value=passphrase
                    kind="password"
                    hint=Signal::derive(|| t!("restore.passphrase_text"))
                />
            </details>
            <FormError error=error/>
            <div class="row between form-end">
                <button type="button" class="btn" data-testid="restore-back" on:click=move |_| back.run(())>
                    {t!("action.back")}
                </button>
                <button type="submit" class="btn main" data-testid="restore-look" disabled=move || !ready()>
                    {t!("restore.look")}
                </button>
            </div>
        </form>
    }
}

fn normal(typed: RwSignal<String>) -> Secret {
    Secret::new(typed.with_untracked(|text| words::split(text).join(" ")))
}

#[component]
fn Write(
    typed: RwSignal<String>,
    passphrase: RwSignal<String>,
    found: RwSignal<Option<Restored>>,
    restored: Restored,
) -> impl IntoView {
    let app = app();
    let name = RwSignal::new(String::new());
    let password = RwSignal::new(String::new());
    let repeated = RwSignal::new(String::new());
    let busy = RwSignal::new(false);
    let error = RwSignal::new(None::<ApiError>);
    on_cleanup(move || {
        wipe(password);
        wipe(repeated);
    });
    let ready = move || !name.with(|n| n.trim().is_empty()) && password_fits(password, repeated) && !busy.get();
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if !ready() {
            return;
        }
        busy.set(true);
        error.set(None);
        let wallet = name.get_untracked().trim().to_owned();
        let request = RestoreRequest {
            name: wallet.clone(),
            words: normal(typed),
            passphrase: Secret::new(passphrase.get_untracked()),
            password: Secret::new(password.get_untracked()),
            dry_run: false,
        };
        spawn_local(async move {
            match ipc::wallet::restore(request).await {
                Ok(_) => {
                    for secret in [typed, passphrase, password, repeated] {
                        wipe(secret);
                    }
                    app.refresh_wallets().await;
                    app.choose_wallet(&wallet);
                    app.say(t!("restore.done", name = wallet), false);
                    Route::Home.go();
                }
                Err(failed) => error.set(Some(failed)),
            }
            let _ = busy.try_set(false);
        });
    };
    let same = restored.same_words_as.join(", ");
    dom::focus_soon("#restore-name");
    view! {
        <h1>{t!("restore.found_title")}</h1>
        <p class="soft">{t!("restore.found_text")}</p>
        <ul class="found">
            <li>
                <TextMark text=restored.confidential.clone()/>
                <span>
                    <small>{t!("address.confidential")}</small>
                    <code data-testid="restore-confidential">{restored.confidential.clone()}</code>
                </span>
            </li>
            <li>
                <TextMark text=restored.zk13str.clone()/>
                <span>
                    <small>{t!("address.zk13str")}</small>
                    <code data-testid="restore-zk13str">{restored.zk13str.clone()}</code>
                </span>
            </li>
        </ul>
        {(!same.is_empty())
            .then(|| {
                view! {
                    <p class="note warn" data-testid="restore-same">
                        {Icon::TriangleAlert.draw()}
                        <span>{t!("restore.same", names = same)}</span>
                    </p>
                }
            })}
        <form class="stack" on:submit=submit>
            <TextField testid="restore-name" label=t!("wallet.name") value=name maxlength=40/>
            <NewPassword password=password repeated=repeated/>
            <FormError error=error/>
            <div class="row between form-end">
                <button type="button" class="btn" data-testid="restore-again" on:click=move |_| found.set(None)>
                    {t!("restore.other_words")}
                </button>
                <button type="submit" class="btn main" data-testid="restore-submit" disabled=move || !ready()>
                    {move || if busy.get() { t!("restore.busy") } else { t!("restore.submit") }}
                </button>
            </div>
        </form>
    }
}
