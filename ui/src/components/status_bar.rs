//! The line at the foot: network, what the node is doing, mining, lock.

use crate::format;
use crate::i18n::t;
use crate::icons::Icon;
use crate::state::{Link, app};
use leptos::prelude::*;
use umbel_api::node::{NodeState, SyncStage};
use umbel_api::wallet::LockStatus;

/// Network and whether its coins are worth something.
pub(crate) fn network_name(node: &NodeState) -> String {
    if node.test_coins { t!("status.test_coins", network = node.network) } else { node.network.clone() }
}

/// Class of the dot and the words for what the node is doing.
pub(crate) fn sync_words(link: Link, node: Option<&NodeState>) -> (&'static str, String) {
    let Some(node) = node.filter(|_| link != Link::Lost) else {
        return match link {
            Link::Lost => ("bad", t!("status.lost")),
            Link::Connecting | Link::Live => ("idle", t!("status.connecting")),
        };
    };
    if let Some(why) = &node.sync.stalled {
        return ("warn", t!("status.stalled", why = why));
    }
    match node.sync.stage {
        SyncStage::Starting => ("idle", t!("status.starting")),
        SyncStage::Loading => ("idle", progress(node)),
        SyncStage::Synced => {
            let words = t!("status.synced", n = format::integer(node.block_count));
            match &node.finality {
                Some(finality) if finality.stalled => ("warn", t!("status.final_stalled")),
                Some(finality) if finality.overlay_on && finality.finalized > 0 => {
                    ("good", t!("status.with_final", words = words, time = format::span(finality.gap_s)))
                }
                _ => ("good", words),
            }
        }
        SyncStage::Stopping => ("idle", t!("status.stopping")),
        SyncStage::Failed => ("bad", t!("status.failed")),
    }
}

fn progress(node: &NodeState) -> String {
    let done = format::integer(node.sync.done);
    match (node.sync.total, node.sync.eta_s) {
        (Some(total), Some(eta)) => {
            t!("status.loading_eta", done = done, total = format::integer(total), time = format::span(eta))
        }
        (Some(total), None) => t!("status.loading", done = done, total = format::integer(total)),
        (None, _) => t!("status.loading_some", done = done),
    }
}

/// The same in two words, for a phone.
pub(crate) fn sync_short(link: Link, node: Option<&NodeState>) -> (&'static str, String) {
    match (link, node.map(|n| n.sync.stage)) {
        (Link::Lost, _) => ("bad", t!("status.short_lost")),
        (_, Some(SyncStage::Synced)) => ("good", t!("status.short_synced")),
        (_, Some(SyncStage::Failed)) => ("bad", t!("status.short_failed")),
        _ => ("idle", t!("status.short_starting")),
    }
}

/// The bar.
#[component]
pub(crate) fn StatusBar() -> impl IntoView {
    let app = app();
    let node = app.node;
    let sync = Memo::new(move |_| node.with(|n| sync_words(app.link.get(), n.as_ref())));
    let network = Memo::new(move |_| node.with(|n| n.as_ref().map(network_name)));
    // What is not heard any more is not said.
    let heard = move || app.link.get() != Link::Lost;
    let speed = move || {
        node.with(|n| n.as_ref().and_then(|n| n.blocks_per_second).filter(|_| heard()).map(|r| format::rate(r, 1)))
    };
    let mining = move || {
        node.with(|n| {
            n.as_ref().filter(|_| heard()).map(|n| {
                if n.mining.threads == 0 {
                    t!("status.mining_off")
                } else if n.mining.waiting.is_some() {
                    t!("status.mining_waits")
                } else {
                    t!("status.mining", rate = format::hash_rate(n.mining.hashes_per_second))
                }
            })
        })
    };
    view! {
        <footer class="bar">
            {move || network.get().map(|name| view! { <span class="net" data-testid="status-network">{name}</span> })}
            <span class="row tight" role="status" data-testid="status-sync">
                <i class=move || format!("dot {}", sync.get().0)></i>
                {move || sync.get().1}
            </span>
            {move || speed().map(|rate| view! { <span class="num wide-only">{t!("status.speed", rate = rate)}</span> })}
            <span class="push num" data-testid="status-mining">{mining}</span>
            {move || {
                app.is_unlocked()
                    .then(|| {
                        view! {
                            <button type="button" class="bar-btn" data-testid="status-lock" on:click=move |_| app.lock()>
                                {Icon::Lock.draw()}
                                {t!("action.lock")}
                            </button>
                        }
                    })
            }}
            {move || {
                app.summary()
                    .filter(|w| w.status != LockStatus::Unlocked)
                    .map(|_| view! { <span class="row tight">{Icon::Lock.draw()} {t!("wallet.locked")}</span> })
            }}
        </footer>
    }
}
