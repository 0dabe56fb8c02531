//! Export as comma-separated values.

use crate::components::error;
use crate::dom;
use crate::i18n::t;
use crate::icons::Icon;
use crate::ipc;
use crate::ipc::transport::is_tauri;
use crate::state::app;
use leptos::prelude::*;
use leptos::task::spawn_local;
use umbel_api::ApiError;
use umbel_api::wallet::{HistoryEntry, HistoryKind, HistoryRequest};

/// Entries asked for at once: the most that a call gives.
const CHUNK: usize = 500;
/// Names of the columns, for programs: the same in every language.
const HEAD: &str = "time,kind,state,asset,amount,fee_str,to,note,public,id,accepted_in\r\n";

/// Exports everything that the filter shows.
#[component]
pub(super) fn ExportButton(
    /// The filter.
    kind: RwSignal<Option<HistoryKind>>,
    /// The search.
    search: RwSignal<String>,
    /// How many entries match.
    total: Memo<usize>,
) -> impl IntoView {
    let app = app();
    let busy = RwSignal::new(false);
    let export = move |_| {
        busy.set(true);
        let wallet = app.wallet_name();
        let request = HistoryRequest {
            wallet: wallet.clone(),
            offset: 0,
            limit: CHUNK,
            search: search.get_untracked(),
            kind: kind.get_untracked(),
        };
        spawn_local(async move {
            match collect(request).await {
                Ok(text) => {
                    // The app's window has no downloads: there the text goes to the clipboard.
                    let (done, said) = if is_tauri() {
                        (dom::copy(&text).await, t!("activity.csv_copied"))
                    } else {
                        (dom::download(&format!("umbel-{wallet}.csv"), "text/csv", &text), t!("activity.csv_saved"))
                    };
                    app.say(if done { said } else { t!("copy.failed") }, !done);
                }
                Err(failed) => app.say(error::sentence(&failed), true),
            }
            let _ = busy.try_set(false);
        });
    };
    view! {
        <button
            type="button"
            class="btn"
            data-testid="activity-csv"
            disabled=move || busy.get() || total.get() == 0
            on:click=export
        >
            {Icon::Download.draw()}
            {if is_tauri() { t!("activity.csv_copy") } else { t!("activity.csv") }}
        </button>
    }
}

async fn collect(mut request: HistoryRequest) -> Result<String, ApiError> {
    let mut text = HEAD.to_owned();
    loop {
        let history = ipc::wallet::history(request.clone()).await?;
        for entry in &history.entries {
            text.push_str(&line(entry, &dom::iso_time(entry.time_ms)));
        }
        request.offset += history.entries.len();
        if history.entries.is_empty() || request.offset >= history.total {
            return Ok(text);
        }
    }
}

fn wire(value: impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

/// A cell. A text that a table program would run as a formula is made plain by an apostrophe.
fn cell(text: &str) -> String {
    let plain = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() };
    if plain.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", plain.replace('"', "\"\"")) } else { plain }
}

fn line(entry: &HistoryEntry, time: &str) -> String {
    let sign = if entry.kind == HistoryKind::Sent { "-" } else { "" };
    let cells = [
        time.to_owned(),
        wire(entry.kind),
        wire(entry.state),
        cell(&entry.asset),
        format!("{sign}{}", entry.amount),
        entry.fee.clone().unwrap_or_default(),
        cell(entry.to.as_deref().unwrap_or_default()),
        cell(entry.note.as_deref().unwrap_or_default()),
        entry.public.to_string(),
        entry.id.clone(),
        entry.accepted_in.clone().unwrap_or_default(),
    ];
    cells.join(",") + "\r\n"
}

#[cfg(test)]
mod tests {
    use super::{HEAD, cell, line};
    use umbel_api::send::PaymentStage;
    use umbel_api::wallet::{HistoryEntry, HistoryKind};

    #[test]
    fn a_note_is_never_a_formula() {
        assert_eq!(cell("=1+1"), "'=1+1");
        assert_eq!(cell("rent, November"), "\"rent, November\"");
        assert_eq!(cell("say \"hi\""), "\"say \"\"hi\"\"\"");
    }

    #[test]
    fn a_line_has_as_many_cells_as_the_head() {
        let entry = HistoryEntry {
            id: "ab".to_owned(),
            kind: HistoryKind::Sent,
            state: PaymentStage::Accepted,
            asset: "STR".to_owned(),
            amount: "1.50000000".to_owned(),
            fee: Some("0.00310000".to_owned()),
            stake: None,
            to: None,
            note: Some("rent".to_owned()),
            public: false,
            time_ms: 0,
            accepted_in: None,
            confirmations: 3,
            matures_in_s: None,
        };
        let text = line(&entry, "1970-01-01T00:00:00.000Z");
        assert_eq!(text, "1970-01-01T00:00:00.000Z,sent,accepted,STR,-1.50000000,0.00310000,,rent,false,ab,\r\n");
        assert_eq!(text.matches(',').count(), HEAD.matches(',').count());
    }
}
