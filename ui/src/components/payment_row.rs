//! A line of history.

use crate::components::payment_path::{stage_class, stage_name};
use crate::format;
use crate::i18n::t;
use crate::icons::Icon;
use crate::state::app;
use leptos::prelude::*;
use umbel_api::send::PaymentStage;
use umbel_api::wallet::{HistoryEntry, HistoryKind};

/// Name of a kind.
pub(crate) fn kind_name(kind: HistoryKind) -> String {
    match kind {
        HistoryKind::Sent => t!("kind.sent"),
        HistoryKind::Received => t!("kind.received"),
        HistoryKind::Mined => t!("kind.mined"),
        HistoryKind::SelfTransfer => t!("kind.self_transfer"),
        HistoryKind::Stake => t!("kind.stake"),
    }
}

fn kind_icon(kind: HistoryKind) -> Icon {
    match kind {
        HistoryKind::Sent => Icon::ArrowUpRight,
        HistoryKind::Received => Icon::ArrowDownLeft,
        HistoryKind::Mined => Icon::Pickaxe,
        HistoryKind::SelfTransfer => Icon::ArrowLeftRight,
        HistoryKind::Stake => Icon::Landmark,
    }
}

/// Sign and amount, shortened.
pub(crate) fn signed(entry: &HistoryEntry, exact: bool) -> String {
    let sign = match entry.kind {
        HistoryKind::Sent => "−",
        HistoryKind::Received | HistoryKind::Mined => "+",
        HistoryKind::SelfTransfer => "",
        HistoryKind::Stake => match entry.stake.as_deref() {
            Some("register" | "delegate") => "−",
            Some("withdraw") => "+",
            _ => "",
        },
    };
    let amount = if exact { format::amount_exact(&entry.amount) } else { format::amount(&entry.amount) };
    format!("{sign}{amount}")
}

/// Whom or what an entry is with.
pub(crate) fn counterpart(entry: &HistoryEntry) -> String {
    match entry.kind {
        HistoryKind::Sent => entry.to.as_deref().map_or_else(|| t!("kind.somebody"), |to| format::shortened(to, 10, 5)),
        HistoryKind::Received if entry.public => t!("kind.public"),
        HistoryKind::Received => t!("kind.confidential"),
        HistoryKind::Mined => t!("kind.own_node"),
        HistoryKind::SelfTransfer => t!("kind.own_coins"),
        HistoryKind::Stake => stake_name(entry.stake.as_deref()),
    }
}

/// What happened to stake.
fn stake_name(what: Option<&str>) -> String {
    match what {
        Some("register") => t!("stake.did_register"),
        Some("delegate") => t!("stake.did_delegate"),
        Some("undelegate") => t!("stake.did_undelegate"),
        Some("withdraw") => t!("stake.did_withdraw"),
        Some("unjail") => t!("stake.did_unjail"),
        _ => t!("stake.did_report"),
    }
}

fn second_line(entry: &HistoryEntry) -> String {
    let note = entry.note.as_deref().unwrap_or_default();
    match (note, entry.kind) {
        ("", HistoryKind::Mined) => t!("kind.reward"),
        ("", HistoryKind::SelfTransfer) => t!("kind.merged"),
        ("", HistoryKind::Stake) => entry.to.as_deref().map_or_else(String::new, |id| format::shortened(id, 8, 4)),
        ("", HistoryKind::Sent) if entry.public => t!("kind.public"),
        (note, _) => note.to_owned(),
    }
}

/// What makes a line differ from the line it was: a line is drawn again when this changes.
pub(crate) fn row_key(entry: &HistoryEntry) -> (String, String, String, bool) {
    let state = format!("{:?} {:?}", entry.kind, entry.state);
    (entry.id.clone(), entry.asset.clone(), state, entry.matures_in_s.is_some())
}

/// A line of history, which opens its details.
#[component]
pub(crate) fn PaymentRow(
    /// The entry.
    entry: HistoryEntry,
    /// Opens it.
    #[prop(into)]
    open: Callback<HistoryEntry>,
    /// Test handle.
    testid: &'static str,
    /// What stands in its second line instead of the note.
    #[prop(optional, into)]
    second: Option<Signal<String>>,
) -> impl IntoView {
    let app = app();
    let time = entry.time_ms;
    let state = if entry.matures_in_s.is_some() && stage_class(entry.state) != "bad" {
        view! { <span class="pill warn">{t!("stage.maturing")}</span> }.into_any()
    } else {
        view! { <span class=format!("pill {}", stage_class(entry.state))>{stage_name(entry.state).to_lowercase()}</span> }.into_any()
    };
    let lost = matches!(
        entry.state,
        PaymentStage::Conflicted | PaymentStage::Expired | PaymentStage::Dropped | PaymentStage::Failed
    );
    let incoming = matches!(entry.kind, HistoryKind::Received | HistoryKind::Mined);
    let shown = entry.clone();
    view! {
        <button type="button" class="pay-row" class:lost=lost data-testid=testid on:click=move |_| open.run(entry.clone())>
            <span class="pay-icon" class:incoming=incoming>{kind_icon(shown.kind).draw()}</span>
            <span class="pay-kind">{kind_name(shown.kind)}</span>
            <span class="pay-who">
                <span class="pay-to">{counterpart(&shown)}</span>
                <small>{second.map_or_else(|| second_line(&shown).into_any(), |text| (move || text.get()).into_any())}</small>
            </span>
            <b class="num pay-amount">{signed(&shown, false)} " " <span>{shown.asset.clone()}</span></b>
            <span class="pay-state">{state}</span>
            <span class="pay-time num">{move || format::ago(time, app.now.get())}</span>
        </button>
    }
}
