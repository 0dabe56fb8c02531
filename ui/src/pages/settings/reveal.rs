//! The words again: the password first, then the words, then, where they were never checked, the check.

use crate::components::dialog::Modal;
use crate::components::error::{self, FormError};
use crate::components::field::{TextField, wipe};
use crate::components::words_view::{WordsCheck, WordsGrid};
use crate::dom;
use crate::i18n::t;
use crate::icons::Icon;
use crate::ipc;
use crate::state::app;
use leptos::prelude::*;
use leptos::task::spawn_local;
use umbel_api::{ApiError, Secret};

/// The dialog; what it held is wiped when it closes.
#[component]
pub(super) fn Reveal(open: RwSignal<bool>) -> impl IntoView {
    let words = RwSignal::new(String::new());
    let passphrase = RwSignal::new(String::new());
    Effect::new(move |_| {
        if !open.get() {
            wipe(words);
            wipe(passphrase);
        }
    });
    on_cleanup(move || {
        wipe(words);
        wipe(passphrase);
    });
    let has_words = Memo::new(move |_| words.with(|w| !w.is_empty()));
    view! {
        <Modal open=open testid="reveal-dialog" title=t!("settings.words")>
            {move || {
                if has_words.get() {
                    view! { <Shown open=open words=words passphrase=passphrase/> }.into_any()
                } else {
                    view! { <Ask words=words passphrase=passphrase/> }.into_any()
                }
            }}
        </Modal>
    }
}

#[component]
fn Ask(words: RwSignal<String>, passphrase: RwSignal<String>) -> impl IntoView {
    let app = app();
    let password = RwSignal::new(String::new());
    let busy = RwSignal::new(false);
    let failed = RwSignal::new(None::<ApiError>);
    on_cleanup(move || wipe(password));
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        failed.set(None);
        let secret = Secret::new(password.get_untracked());
        spawn_local(async move {
            let answer = ipc::wallet::reveal(app.wallet_name(), secret).await;
            let _ = busy.try_set(false);
            match answer {
                Ok(revealed) => {
                    passphrase.set(revealed.passphrase.expose().to_owned());
                    words.set(revealed.words.expose().to_owned());
                }
                Err(error) => {
                    let _ = failed.try_set(Some(error));
                }
            }
        });
    };
    dom::focus_soon("#reveal-password");
    view! {
        <form class="stack" on:submit=submit>
            <p class="soft">{t!("reveal.text")}</p>
            <TextField testid="reveal-password" label=t!("unlock.password") value=password kind="password"/>
            <FormError error=failed/>
            <button type="submit" class="btn main wide" data-testid="reveal-submit" disabled=move || busy.get()>
                {Icon::Eye.draw()}
                {move || if busy.get() { t!("unlock.busy") } else { t!("reveal.submit") }}
            </button>
        </form>
    }
}

#[component]
fn Shown(open: RwSignal<bool>, words: RwSignal<String>, passphrase: RwSignal<String>) -> impl IntoView {
    let app = app();
    let checking = RwSignal::new(false);
    let unchecked = app.summary().is_some_and(|w| !w.backed_up);
    let passed = Callback::new(move |()| {
        open.set(false);
        spawn_local(async move {
            match ipc::wallet::confirm_words(app.wallet_name()).await {
                Ok(_) => app.say(t!("reveal.confirmed"), false),
                Err(failed) => app.say(error::sentence(&failed), true),
            }
            app.refresh_wallets().await;
            app.refresh_wallet().await;
        });
    });
    move || {
        if checking.get() {
            return view! {
                <p class="soft">{t!("create.check_text")}</p>
                <WordsCheck words=words passed=passed back=Callback::new(move |()| checking.set(false))/>
            }
            .into_any();
        }
        view! {
            <p class="soft">{t!("create.words_text")}</p>
            <WordsGrid words=words/>
            {(!passphrase.with(String::is_empty))
                .then(|| view! { <p class="note">{Icon::Info.draw()} <span>{t!("reveal.passphrase")}</span></p> })}
            {if unchecked {
                view! {
                    <button
                        type="button"
                        class="btn main wide"
                        data-testid="reveal-check"
                        on:click=move |_| checking.set(true)
                    >
                        {t!("create.written")}
                    </button>
                }
                    .into_any()
            } else {
                view! {
                    <button type="button" class="btn wide" data-testid="reveal-done" on:click=move |_| open.set(false)>
                        {t!("action.done")}
                    </button>
                }
                    .into_any()
            }}
        }
        .into_any()
    }
}
