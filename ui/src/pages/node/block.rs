//! Details of a block of the live DAG.

use crate::components::copy::Hash;
use crate::components::dialog::Modal;
use crate::format;
use crate::i18n::t;
use crate::state::dag::{BlockState, Dag, Placed};
use leptos::prelude::*;

fn state_words(state: BlockState) -> (&'static str, String, String) {
    match state {
        BlockState::Seen => ("seen", t!("dag.seen"), t!("dag.seen_text")),
        BlockState::Accepted => ("accepted", t!("dag.accepted"), t!("dag.accepted_text")),
        BlockState::Confirmed => ("confirmed", t!("dag.confirmed"), t!("dag.confirmed_text")),
        BlockState::Final => ("final", t!("dag.final"), t!("dag.final_text")),
        BlockState::Outside => ("bad", t!("dag.outside"), t!("dag.outside_text")),
    }
}

/// The drawer; closing it empties `picked`.
#[component]
pub(super) fn BlockDrawer(
    /// The blocks.
    dag: RwSignal<Dag>,
    /// The block that is open.
    picked: RwSignal<Option<String>>,
) -> impl IntoView {
    let open = RwSignal::new(false);
    // The block may leave the picture while its details are read: what was known stays.
    let block = RwSignal::new(None::<Placed>);
    Effect::new(move |_| {
        let hash = picked.get();
        let found = hash.as_deref().and_then(|h| dag.with(|d| d.find(h).cloned()));
        if found.is_some() {
            block.set(found);
        }
        open.set(hash.is_some());
    });
    Effect::new(move |_| {
        if !open.get() && picked.with_untracked(Option::is_some) {
            picked.set(None);
        }
    });
    view! {
        <Modal open=open testid="block-drawer" form="drawer" title=t!("block.title")>
            {move || block.get().map(|placed| view! { <Details placed=placed picked=picked/> })}
        </Modal>
    }
}

#[component]
fn Details(placed: Placed, picked: RwSignal<Option<String>>) -> impl IntoView {
    let (class, name, text) = state_words(placed.state);
    let block = placed.block;
    let fact = |name: String, value: String| view! { <dt>{name}</dt> <dd class="num">{value}</dd> };
    let parents = block
        .parents
        .iter()
        .map(|parent| {
            let hash = parent.clone();
            let is_selected = *parent == block.selected_parent;
            view! {
                <li>
                    <button type="button" class="link mono" data-testid="block-parent" on:click=move |_| picked.set(Some(hash.clone()))>
                        {format::shortened(parent, 10, 8)}
                    </button>
                    {is_selected.then(|| view! { <span class="faint small">{t!("block.selected")}</span> })}
                </li>
            }
        })
        .collect_view();
    view! {
        <p><b class=format!("path-stage {class}") data-testid="block-state">{name}</b></p>
        <p class="soft">{text}</p>
        <hr/>
        <dl class="facts">
            {placed
                .payments
                .iter()
                .map(|label| fact(t!("block.payment"), label.clone()))
                .collect_view()}
            {fact(t!("detail.time"), format::moment(block.timestamp_ms))}
            {fact(t!("block.transactions"), format::integer(block.tx_count as u64))}
            {fact(t!("block.blue_score"), format::integer(block.blue_score))}
            {fact(t!("block.daa_score"), format::integer(block.daa_score))}
            {fact(t!("block.on_chain"), if placed.on_chain { t!("block.yes") } else { t!("block.no") })}
            {block.own.then(|| fact(t!("block.mined_by"), t!("block.you")))}
        </dl>
        <hr/>
        <dl class="facts long">
            <dt>{t!("block.hash")}</dt>
            <dd><Hash text=block.hash.clone() testid="block-copy"/></dd>
            <dt>{t!("block.parents")}</dt>
            <dd><ul class="parents">{parents}</ul></dd>
        </dl>
    }
}
