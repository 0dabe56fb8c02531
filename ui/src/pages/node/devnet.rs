//! Devnet in plain sight: its public words, blocks at once, test coins, a new start.

use crate::components::dialog::Modal;
use crate::components::error;
use crate::components::field::TextField;
use crate::i18n::t;
use crate::icons::Icon;
use crate::ipc;
use crate::state::app;
use leptos::prelude::*;
use leptos::task::spawn_local;
use umbel_api::wallet::LockStatus;

/// Blocks that the button mines at once: enough for a reward to mature on devnet.
const ADVANCE: u64 = 10;
/// Test coins that the button pays, STR.
const FUND: &str = "100";
/// What a person types to start the chain again.
const RESET_WORD: &str = "devnet";

/// The card; nothing on other networks.
#[component]
pub(super) fn Devnet() -> impl IntoView {
    let app = app();
    let words = Memo::new(move |_| {
        app.node.with(|n| n.as_ref().and_then(|n| n.devnet.as_ref()).map(|d| d.public_words.clone()))
    });
    move || words.get().map(|words| view! { <Card words=words/> })
}

#[component]
fn Card(words: String) -> impl IntoView {
    let app = app();
    let busy = RwSignal::new(false);
    let resetting = RwSignal::new(false);
    let advance = move |_| {
        busy.set(true);
        spawn_local(async move {
            match ipc::node::devnet_advance(ADVANCE, None).await {
                Ok(_) => app.say(t!("devnet.advanced", n = ADVANCE), false),
                Err(failed) => app.say(error::sentence(&failed), true),
            }
            let _ = busy.try_set(false);
        });
    };
    let fund = move |_| {
        busy.set(true);
        spawn_local(async move {
            let wallet = app.wallet_name();
            let paid = match ipc::wallet::addresses(wallet).await {
                Ok(list) => {
                    let to = list.addresses.first().map(|a| a.confidential.clone()).unwrap_or_default();
                    ipc::node::devnet_fund(to, FUND.to_owned()).await
                }
                Err(failed) => Err(failed),
            };
            match paid {
                Ok(_) => app.say(t!("devnet.funded", amount = FUND), false),
                Err(failed) => app.say(error::sentence(&failed), true),
            }
            let _ = busy.try_set(false);
        });
    };
    let has_wallet = move || app.summary().is_some_and(|w| w.status != LockStatus::Closed);
    view! {
        <section class="card stack devnet" data-testid="devnet-card">
            <div>
                <h2>{t!("devnet.title")}</h2>
                <p class="soft">{t!("devnet.text")}</p>
            </div>
            <details class="more">
                <summary data-testid="devnet-words-show">{t!("devnet.words")}</summary>
                <code class="public-words" data-testid="devnet-words">{words}</code>
                <p class="note warn">{Icon::Eye.draw()} <span>{t!("devnet.words_text")}</span></p>
            </details>
            <div class="row wrap">
                <button type="button" class="btn" data-testid="devnet-advance" disabled=move || busy.get() on:click=advance>
                    {t!("devnet.advance", n = ADVANCE)}
                </button>
                {move || {
                    has_wallet()
                        .then(|| {
                            view! {
                                <button
                                    type="button"
                                    class="btn"
                                    data-testid="devnet-fund"
                                    disabled=move || busy.get()
                                    on:click=fund
                                >
                                    {t!("devnet.fund", amount = FUND)}
                                </button>
                            }
                        })
                }}
                <button
                    type="button"
                    class="btn danger push"
                    data-testid="devnet-reset"
                    on:click=move |_| resetting.set(true)
                >
                    {t!("devnet.reset")}
                </button>
            </div>
        </section>
        <Reset open=resetting/>
    }
}

#[component]
fn Reset(open: RwSignal<bool>) -> impl IntoView {
    let app = app();
    let typed = RwSignal::new(String::new());
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        if typed.with_untracked(|t| t.trim() != RESET_WORD) {
            return;
        }
        spawn_local(async move {
            match ipc::node::devnet_reset().await {
                Ok(_) => {
                    app.say(t!("devnet.reset_done"), false);
                    app.refresh();
                }
                Err(failed) => app.say(error::sentence(&failed), true),
            }
            typed.set(String::new());
            open.set(false);
        });
    };
    view! {
        <Modal open=open testid="devnet-reset-dialog" title=t!("devnet.reset_title")>
            <form class="stack" on:submit=submit>
                <p class="soft">{t!("devnet.reset_text")}</p>
                <TextField
                    testid="devnet-reset-word"
                    label=t!("confirm.type", word = RESET_WORD)
                    value=typed
                />
                <button
                    type="submit"
                    class="btn danger wide"
                    data-testid="devnet-reset-confirm"
                    disabled=move || typed.with(|t| t.trim() != RESET_WORD)
                >
                    {t!("devnet.reset")}
                </button>
            </form>
        </Modal>
    }
}
