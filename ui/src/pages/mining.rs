//! Mining: one switch, how many threads, what it brings, whom it pays.

use crate::components::copy::Hash;
use crate::components::error;
use crate::components::field::Switch;
use crate::format;
use crate::i18n::{t, tn};
use crate::icons::Icon;
use crate::ipc;
use crate::state::app;
use leptos::prelude::*;
use leptos::task::spawn_local;
use umbel_api::node::MiningState;

/// The card.
#[component]
pub(crate) fn Mining() -> impl IntoView {
    let app = app();
    let mining = Memo::new(move |_| app.node.with(|n| n.as_ref().map(|n| n.mining.clone()).unwrap_or_default()));
    let threads = RwSignal::new(mining.with_untracked(|m| m.threads.max(1)));
    let busy = RwSignal::new(false);
    let set = move |count: usize| {
        busy.set(true);
        // Who switches mining on means the wallet that is open; who changes the threads leaves alone whom it pays.
        let paid = mining.with_untracked(|m| m.pays_to.clone().filter(|_| m.threads > 0));
        spawn_local(async move {
            let pay_to = match paid {
                Some(address) => Some(address),
                None => first_address(app.wallet_name()).await,
            };
            match ipc::node::mine(count, pay_to).await {
                Ok(state) => app.node.update(|n| {
                    if let Some(node) = n {
                        node.mining = state;
                    }
                }),
                Err(failed) => app.say(error::sentence(&failed), true),
            }
            let _ = busy.try_set(false);
        });
    };
    let on = Memo::new(move |_| mining.with(|m| m.threads > 0));
    let most = Memo::new(move |_| mining.with(|m| m.max_threads.max(1)));
    let step = move |up: bool| {
        let now = threads.get_untracked();
        let next = if up { now + 1 } else { now - 1 }.clamp(1, most.get_untracked());
        threads.set(next);
        if on.get_untracked() && next != now {
            set(next);
        }
    };
    let line = move || mining.with(words);
    // A `>` inside an attribute would end the tag.
    let at_least = move || threads.get() <= 1 || busy.get();
    let at_most = move || threads.get() >= most.get() || busy.get();
    let pays_to = Memo::new(move |_| mining.with(|m| m.pays_to.clone()));
    view! {
        <section class="card mining" data-testid="mining-card">
            <div class="row between">
                <div class="row grow">
                    <span class="mining-icon" class:on=move || on.get()>{Icon::Pickaxe.draw()}</span>
                    <div class="grow">
                        <h2>{t!("mining.title")}</h2>
                        <p class="soft" role="status" data-testid="mining-state">{line}</p>
                    </div>
                </div>
                <Switch
                    testid="mining-switch"
                    label=t!("mining.switch")
                    on=on
                    change=Callback::new(move |wanted: bool| set(if wanted { threads.get_untracked() } else { 0 }))
                />
            </div>
            <div class="mining-facts">
                <div>
                    <span class="fact-name" id="threads-name">{t!("mining.threads")}</span>
                    <span class="stepper" role="group" aria-labelledby="threads-name">
                        <button
                            type="button"
                            data-testid="mining-less"
                            aria-label=t!("mining.less")
                            disabled=at_least
                            on:click=move |_| step(false)
                        >
                            "−"
                        </button>
                        <output class="num" data-testid="mining-threads">
                            {move || t!("mining.of", n = threads.get(), most = most.get())}
                        </output>
                        <button
                            type="button"
                            data-testid="mining-more"
                            aria-label=t!("mining.more")
                            disabled=at_most
                            on:click=move |_| step(true)
                        >
                            "+"
                        </button>
                    </span>
                </div>
                <div>
                    <span class="fact-name">{t!("mining.rate")}</span>
                    <b class="num" data-testid="mining-rate">
                        {move || {
                            if on.get() { mining.with(|m| format::hash_rate(m.hashes_per_second)) } else { "–".to_owned() }
                        }}
                    </b>
                </div>
                <div>
                    <span class="fact-name">{t!("mining.found")}</span>
                    <b class="num" data-testid="mining-found">{move || mining.with(|m| format::integer(m.blocks_found))}</b>
                </div>
                <div>
                    <span class="fact-name">{t!("mining.pays")}</span>
                    {move || match pays_to.get() {
                        Some(address) => view! { <Hash text=address testid="mining-copy"/> }.into_any(),
                        None => view! { <span class="soft">"–"</span> }.into_any(),
                    }}
                </div>
            </div>
        </section>
    }
}

fn words(mining: &MiningState) -> String {
    match mining.waiting.as_deref() {
        _ if mining.threads == 0 => t!("mining.off"),
        Some("no_wallet") => t!("mining.no_wallet"),
        Some(_) => t!("mining.waits"),
        None => tn!("mining.on", mining.threads as u64),
    }
}

/// The first address of a wallet. Without one, the node pays its first wallet.
async fn first_address(wallet: String) -> Option<String> {
    let list = ipc::wallet::addresses(wallet).await.ok()?;
    list.addresses.into_iter().min_by_key(|entry| entry.index).map(|entry| entry.confidential)
}
