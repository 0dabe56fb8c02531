//! The details of an entry: every figure exact, every hash copyable.

use super::prove::ProvePayment;
use crate::components::copy::Hash;
use crate::components::dialog::Modal;
use crate::components::payment_path::{stage_class, stage_name};
use crate::components::payment_row::{counterpart, kind_name, signed};
use crate::format;
use crate::i18n::{t, tn};
use crate::ipc;
use crate::state::app;
use leptos::prelude::*;
use leptos::task::spawn_local;
use umbel_api::send::PaymentStage;
use umbel_api::wallet::{HistoryEntry, HistoryKind, HistoryRequest};

/// Most entries that share an id: one of each token.
const SAME_ID: usize = 16;

/// What a state means for the person.
fn meaning(entry: &HistoryEntry) -> String {
    match entry.state {
        _ if entry.matures_in_s.is_some() => {
            t!("detail.matures", time = format::span(entry.matures_in_s.unwrap_or_default()))
        }
        PaymentStage::Building => t!("path.building"),
        PaymentStage::Submitted => t!("path.submitted"),
        PaymentStage::Seen => t!("path.seen"),
        PaymentStage::Accepted => t!("path.accepted"),
        PaymentStage::Confirmed => t!("path.confirmed"),
        PaymentStage::Final => t!("path.final"),
        PaymentStage::Conflicted => t!("path.conflicted"),
        PaymentStage::Expired => t!("path.expired"),
        PaymentStage::Dropped => t!("path.dropped"),
        PaymentStage::Failed => t!("path.failed"),
    }
}

/// Who sees what of it.
fn seen_by_others(entry: &HistoryEntry) -> String {
    match (entry.kind, entry.public) {
        (HistoryKind::Mined, _) => t!("path.sees_reward"),
        (HistoryKind::Stake, _) => t!("path.sees_stake"),
        (_, true) => t!("path.sees_all"),
        (_, false) => t!("path.sees_little"),
    }
}

/// The drawer; closing it empties `opened`.
#[component]
pub(crate) fn EntryDrawer(
    /// The entry, while it is open.
    opened: RwSignal<Option<HistoryEntry>>,
) -> impl IntoView {
    let open = RwSignal::new(false);
    Effect::new(move |_| open.set(opened.with(Option::is_some)));
    Effect::new(move |_| {
        if !open.get() && opened.with_untracked(Option::is_some) {
            opened.set(None);
        }
    });
    let entry = Memo::new(move |_| opened.get());
    go_on(opened);
    view! {
        <Modal open=open testid="entry-drawer" form="drawer" title=t!("detail.title")>
            <Details entry=entry/>
        </Modal>
    }
}

/// The open entry goes on in the drawer: it is asked for again whenever history may have changed.
fn go_on(opened: RwSignal<Option<HistoryEntry>>) {
    let app = app();
    Effect::new(move |_| {
        app.history_version.track();
        let Some(shown) = opened.get_untracked() else { return };
        let wallet = app.wallet_name();
        let search = shown.id.clone();
        let request = HistoryRequest { wallet, offset: 0, limit: SAME_ID, search, kind: Some(shown.kind) };
        spawn_local(async move {
            let Ok(found) = ipc::wallet::history(request).await else { return };
            let is_same = |e: &HistoryEntry| e.id == shown.id && e.kind == shown.kind && e.asset == shown.asset;
            let newer = found.entries.into_iter().find(is_same);
            let still = opened.try_get_untracked().flatten().is_some_and(|e| is_same(&e));
            if newer.is_some() && still && newer != opened.get_untracked() {
                opened.set(newer);
            }
        });
    });
}

#[component]
fn Details(entry: Memo<Option<HistoryEntry>>) -> impl IntoView {
    // What an entry is stays; how far it is goes on. Drawn apart, so that a focused copy button keeps its focus.
    let hashes = Memo::new(move |_| {
        entry.with(|e| e.as_ref().map(|e| (e.kind, e.id.clone(), e.to.clone(), e.accepted_in.clone())))
    });
    let provable = Memo::new(move |_| entry.with(|e| e.as_ref().and_then(provable)));
    view! {
        {move || entry.get().map(|entry| facts(&entry))}
        {move || {
            hashes
                .get()
                .map(|(kind, id, to, accepted_in)| {
                    let id_name = if kind == HistoryKind::Mined { t!("detail.block") } else { t!("detail.txid") };
                    view! {
                        <hr/>
                        <dl class="facts long">
                            <dt>{id_name}</dt>
                            <dd><Hash text=id testid="entry-copy-id"/></dd>
                            {to.map(|to| {
                                view! { <dt>{t!("detail.to")}</dt> <dd><Hash text=to testid="entry-copy-to"/></dd> }
                            })}
                            {accepted_in
                                .map(|hash| {
                                    view! {
                                        <dt>{t!("detail.accepted_in")}</dt>
                                        <dd><Hash text=hash testid="entry-copy-block"/></dd>
                                    }
                                })}
                        </dl>
                    }
                })
        }}
        {move || provable.get().map(|txid| view! { <ProvePayment txid=txid/> })}
    }
}

/// The transaction that may be proved: a confidential payment that was sent and accepted.
fn provable(entry: &HistoryEntry) -> Option<String> {
    let accepted = matches!(entry.state, PaymentStage::Accepted | PaymentStage::Confirmed | PaymentStage::Final);
    (entry.kind == HistoryKind::Sent && !entry.public && accepted).then(|| entry.id.clone())
}

fn facts(entry: &HistoryEntry) -> impl IntoView + use<> {
    let fact = |name: String, value: String| view! { <dt>{name}</dt> <dd>{value}</dd> };
    view! {
        <p class="big-amount left">
            <span class="num" data-testid="entry-amount" data-amount=entry.amount.clone()>{signed(entry, true)}</span>
            <span class="soft">{entry.asset.clone()}</span>
        </p>
        <p>
            <b class=format!("path-stage {}", stage_class(entry.state)) data-testid="entry-state">
                {stage_name(entry.state)}
            </b>
        </p>
        <p class="soft">{meaning(entry)}</p>
        <hr/>
        <dl class="facts">
            {fact(t!("detail.kind"), kind_name(entry.kind))}
            {fact(t!("detail.with"), counterpart(entry))}
            {entry.note.clone().filter(|n| !n.is_empty()).map(|note| fact(t!("send.note"), note))}
            {fact(t!("detail.time"), format::moment(entry.time_ms))}
            {entry.fee.as_ref().map(|fee| fact(t!("send.fee"), format!("{} STR", format::amount_exact(fee))))}
            {fact(t!("path.others_see"), seen_by_others(entry))}
            {fact(t!("detail.depth"), tn!("detail.blocks", entry.confirmations))}
        </dl>
    }
}
