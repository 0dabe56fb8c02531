//! Node: what it is doing, the live DAG, figures, mining, devnet.

mod block;
mod devnet;
mod validating;
mod validators;

use crate::components::dag_canvas::DagCanvas;
use crate::components::error::ErrorCard;
use crate::components::loaded::skeleton;
use crate::components::status_bar::sync_words;
use crate::format;
use crate::i18n::{t, tn};
use crate::icons::Icon;
use crate::pages::mining::Mining;
use crate::state::app;
use crate::state::dag::Dag;
use block::BlockDrawer;
use devnet::Devnet;
use leptos::prelude::*;
use umbel_api::node::{NodeState, NodeWarning};
use validating::Validating;
use validators::Validators;

/// A warning in the person's language, or as the node says it.
pub(crate) fn warning_text(warning: &NodeWarning) -> String {
    match warning.code.as_str() {
        "clock_off" => t!("warning.clock_off"),
        "finality_stalled" => t!("warning.finality_stalled"),
        "validator_stopped" => t!("warning.validator_stopped"),
        _ => warning.message.clone(),
    }
}

/// The page.
#[component]
pub(crate) fn Node() -> impl IntoView {
    let app = app();
    let known = Memo::new(move |_| app.node.with(Option::is_some));
    let sync = Memo::new(move |_| app.node.with(|n| sync_words(app.link.get(), n.as_ref())));
    let body = move || {
        if known.get() {
            view! {
                <Warnings/>
                <Blocks/>
                <Figures/>
                <div class="two">
                    <Mining/>
                    <Validating/>
                </div>
                <Validators/>
                <Devnet/>
            }
            .into_any()
        } else if let Some(error) = app.start_error.get() {
            view! { <ErrorCard error=error retry=Callback::new(move |()| app.refresh())/> }.into_any()
        } else {
            view! { <section class="card">{skeleton(9)}</section> }.into_any()
        }
    };
    view! {
        <div class="page" data-testid="node-page">
            <div class="row between page-head">
                <h1>{t!("node.title")}</h1>
                <p class="soft row tight" data-testid="node-sync" role="status">
                    <i class=move || format!("dot {}", sync.get().0)></i>
                    {move || sync.get().1}
                </p>
            </div>
            {body}
        </div>
    }
}

#[component]
fn Warnings() -> impl IntoView {
    let app = app();
    let warnings = Memo::new(move |_| app.node.with(|n| n.as_ref().map(|n| n.warnings.clone()).unwrap_or_default()));
    move || {
        warnings
            .get()
            .into_iter()
            .map(|warning| {
                view! {
                    <section class="card attention" role="alert" data-testid="node-warning">
                        {Icon::TriangleAlert.draw()}
                        <p class="grow">{warning_text(&warning)}</p>
                    </section>
                }
            })
            .collect_view()
    }
}

#[component]
fn Blocks() -> impl IntoView {
    let dag = RwSignal::new(Dag::default());
    let picked = RwSignal::new(None::<String>);
    let error = RwSignal::new(None);
    let empty = Memo::new(move |_| dag.with(Dag::is_empty));
    view! {
        <section class="card dag-card">
            <div class="row between dag-head">
                <h2>{t!("node.blocks")}</h2>
                <ul class="legend" aria-label=t!("node.legend")>
                    <li class="seen"><i></i> {t!("dag.seen")}</li>
                    <li class="accepted"><i></i> {t!("dag.accepted")}</li>
                    <li class="confirmed"><i></i> {t!("dag.confirmed")}</li>
                    <li class="final"><i></i> {t!("dag.final")}</li>
                    <li class="bad hollow"><i></i> {t!("dag.outside")}</li>
                </ul>
            </div>
            <DagCanvas testid="node-dag" dag=dag picked=picked error=error/>
            {move || {
                (empty.get() && error.get().is_none())
                    .then(|| view! { <p class="dag-empty soft">{t!("dag.empty")}</p> })
            }}
            {move || {
                error
                    .get()
                    .map(|failed| view! { <p class="dag-empty bad">{crate::components::error::sentence(&failed)}</p> })
            }}
        </section>
        <BlockDrawer dag=dag picked=picked/>
    }
}

#[component]
fn Figures() -> impl IntoView {
    let app = app();
    let of = move |read: fn(&NodeState) -> (String, String)| {
        Memo::new(move |_| app.node.with(|n| n.as_ref().map(read).unwrap_or_default()))
    };
    let last = of(|n| match &n.finality {
        Some(f) if !f.overlay_on => ("–".to_owned(), t!("node.final_off")),
        Some(f) => {
            let signed = match &f.last_certificate {
                Some(c) => t!("node.final_signed", signers = c.signers, members = c.members),
                None => t!("node.final_waits"),
            };
            (format::span(f.gap_s), if f.stalled { t!("node.final_stalled") } else { signed })
        }
        None => ("–".to_owned(), String::new()),
    });
    let blocks = of(|n| {
        let merge = tn!("node.tips", n.tip_count as u64);
        (format::integer(n.block_count), t!("node.blocks_text", score = format::integer(n.blue_score), tips = merge))
    });
    let speed = of(|n| {
        let aim = t!("node.speed_text", rate = format::rate(n.target_blocks_per_second, 1));
        (n.blocks_per_second.map_or_else(|| "–".to_owned(), |r| t!("status.speed", rate = format::rate(r, 1))), aim)
    });
    let pool = of(|n| {
        let text = if n.mempool.count == 0 { t!("node.pool_empty") } else { format::bytes(n.mempool.bytes) };
        (format::integer(n.mempool.count as u64), text)
    });
    let store = of(|n| {
        let kept = if n.store == "mem" { t!("node.store_mem") } else { t!("node.store_disk") };
        (kept, n.data_dir.clone())
    });
    view! {
        <div class="figures">
            <Figure testid="node-final" name=t!("node.figure_final") value=last/>
            <Figure testid="node-blocks" name=t!("node.figure_blocks") value=blocks/>
            <Figure testid="node-speed" name=t!("node.figure_speed") value=speed/>
            <Figure testid="node-pool" name=t!("node.figure_pool") value=pool/>
            <Figure testid="node-store" name=t!("node.figure_store") value=store/>
        </div>
    }
}

#[component]
fn Figure(testid: &'static str, name: String, value: Memo<(String, String)>) -> impl IntoView {
    view! {
        <section class="card figure" data-testid=testid>
            <h2>{name}</h2>
            <p class="num figure-value">{move || value.get().0}</p>
            <p class="faint small">{move || value.get().1}</p>
        </section>
    }
}
