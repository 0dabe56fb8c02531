//! The details of an entry: every figure exact, every hash copyable.

use crate::components::copy::Hash;
use crate::components::dialog::Modal;
use crate::components::payment_path::{stage_class, stage_name};
use crate::components::payment_row::{counterpart, kind_name, signed};
use crate::format;
use crate::i18n::{t, tn};
use leptos::prelude::*;
use umbel_api::send::PaymentStage;
use umbel_api::wallet::{HistoryEntry, HistoryKind};

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
        PaymentStage::Conflicted => t!("path.conflicted"),
        PaymentStage::Expired => t!("path.expired"),
        PaymentStage::Dropped => t!("path.dropped"),
        PaymentStage::Failed => t!("path.failed"),
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
    view! {
        <Modal open=open testid="entry-drawer" form="drawer" title=t!("detail.title")>
            {move || opened.get().map(|entry| view! { <Details entry=entry/> })}
        </Modal>
    }
}

#[component]
fn Details(entry: HistoryEntry) -> impl IntoView {
    let id_name = if entry.kind == HistoryKind::Mined { t!("detail.block") } else { t!("detail.txid") };
    let fact = |name: String, value: String| view! { <dt>{name}</dt> <dd>{value}</dd> };
    view! {
        <p class="big-amount left">
            <span class="num" data-testid="entry-amount" data-amount=entry.amount.clone()>{signed(&entry, true)}</span>
            <span class="soft">{entry.asset.clone()}</span>
        </p>
        <p>
            <b class=format!("path-stage {}", stage_class(entry.state)) data-testid="entry-state">
                {stage_name(entry.state)}
            </b>
        </p>
        <p class="soft">{meaning(&entry)}</p>
        <hr/>
        <dl class="facts">
            {fact(t!("detail.kind"), kind_name(entry.kind))}
            {fact(t!("detail.with"), counterpart(&entry))}
            {entry.note.clone().filter(|n| !n.is_empty()).map(|note| fact(t!("send.note"), note))}
            {fact(t!("detail.time"), format::moment(entry.time_ms))}
            {entry.fee.as_ref().map(|fee| fact(t!("send.fee"), format!("{} STR", format::amount_exact(fee))))}
            {fact(
                t!("path.others_see"),
                if entry.public { t!("path.sees_all") } else { t!("path.sees_little") },
            )}
            {fact(t!("detail.depth"), tn!("detail.blocks", entry.confirmations))}
        </dl>
        <hr/>
        <dl class="facts long">
            <dt>{id_name}</dt>
            <dd><Hash text=entry.id.clone() testid="entry-copy-id"/></dd>
            {entry
                .to
                .clone()
                .map(|to| view! { <dt>{t!("detail.to")}</dt> <dd><Hash text=to testid="entry-copy-to"/></dd> })}
            {entry
                .accepted_in
                .clone()
                .map(|hash| {
                    view! { <dt>{t!("detail.accepted_in")}</dt> <dd><Hash text=hash testid="entry-copy-block"/></dd> }
                })}
        </dl>
    }
}
