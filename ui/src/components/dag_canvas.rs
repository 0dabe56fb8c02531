//! The canvas of the live DAG: asks for new blocks as they come, and draws only while something changes.

use crate::components::dag_paint::{Palette, Picture, Scale};
use crate::dom;
use crate::i18n::t;
use crate::ipc;
use crate::state::dag::{Dag, KEPT};
use crate::state::{Link, app};
use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use umbel_api::ApiError;

struct Stage {
    picture: RefCell<Picture>,
    palette: RefCell<Palette>,
    running: Cell<bool>,
}

/// The live DAG.
#[component]
pub(crate) fn DagCanvas(
    /// The blocks, shared with whoever shows details.
    dag: RwSignal<Dag>,
    /// The block whose details are open.
    picked: RwSignal<Option<String>>,
    /// Why the blocks could not be asked for.
    error: RwSignal<Option<ApiError>>,
    /// Test handle.
    testid: &'static str,
    /// A strip without labels and clicks.
    #[prop(default = false)]
    strip: bool,
) -> impl IntoView {
    let app = app();
    let element = NodeRef::<html::Canvas>::new();
    let scale = if strip {
        Scale { step: 22.0, side: 8.0, labels: false }
    } else {
        Scale { step: if dom::media("(max-width: 639px)") { 25.0 } else { 33.0 }, side: 12.0, labels: true }
    };
    let stage = StoredValue::new_local(Rc::new(Stage {
        picture: RefCell::new(Picture::default()),
        palette: RefCell::new(Palette::default()),
        running: Cell::new(false),
    }));
    follow(dag, error);

    let width = RwSignal::new(0.0_f64);
    let resized = window_event_listener(leptos::ev::resize, move |_| width.update(|w| *w += 1.0));
    on_cleanup(move || resized.remove());
    Effect::new(move |_| {
        app.colours.track();
        width.track();
        stage.with_value(|s| *s.palette.borrow_mut() = Palette::read());
    });
    Effect::new(move |_| {
        dag.track();
        picked.track();
        app.colours.track();
        width.track();
        let stage = stage.get_value();
        if !stage.running.replace(true) {
            frame(stage, element, dag, picked, scale);
        }
    });

    let at = move |event: &leptos::ev::MouseEvent| {
        let (x, y) = (f64::from(event.offset_x()), f64::from(event.offset_y()));
        stage.with_value(|s| dag.with_untracked(|d| s.picture.borrow().hit(d, scale, x, y)))
    };
    let click = move |event: leptos::ev::MouseEvent| {
        if !strip {
            picked.set(at(&event));
        }
    };
    let hover = move |event: leptos::ev::MouseEvent| {
        if let Some(canvas) = element.get_untracked() {
            let over = !strip && at(&event).is_some();
            let _ = canvas.class_list().toggle_with_force("over", over);
        }
    };
    let key = move |event: leptos::ev::KeyboardEvent| {
        let by = match event.key().as_str() {
            "ArrowLeft" => -1,
            "ArrowRight" => 1,
            "Escape" => {
                picked.set(None);
                return;
            }
            _ => return,
        };
        event.prevent_default();
        let next = dag.with_untracked(|d| neighbour(d, picked.get_untracked().as_deref(), by));
        picked.set(next);
    };
    let label = move || dag.with(|d| t!("dag.label", n = d.iter().count()));
    view! {
        <canvas
            node_ref=element
            class="dag"
            class:strip=strip
            role="img"
            tabindex=if strip { "-1" } else { "0" }
            aria-label=label
            data-testid=testid
            on:click=click
            on:mousemove=hover
            on:keydown=key
        ></canvas>
    }
}

/// Keeps `dag` up to date while its owner lives.
fn follow(dag: RwSignal<Dag>, error: RwSignal<Option<ApiError>>) {
    let app = app();
    let asking = StoredValue::new(false);
    let again = RwSignal::new(0_u32);
    Effect::new(move |_| {
        again.track();
        let is_live = app.link.get() == Link::Live;
        let newest = app.newest_block.get();
        let known = dag.with_untracked(Dag::newest);
        let is_first = dag.with_untracked(Dag::is_empty);
        // What failed is asked for again as soon as the node is heard again.
        let is_due = is_live && error.with_untracked(Option::is_some);
        if asking.get_value() || (!is_first && newest == known && !is_due) {
            return;
        }
        asking.set_value(true);
        // After a reset the numbers start again: ask for everything.
        let since = if newest < known { 0 } else { known };
        spawn_local(async move {
            let answer = ipc::node::dag(since, KEPT).await;
            if asking.try_set_value(false).is_some() {
                return;
            }
            match answer {
                Ok(view) => {
                    error.set(None);
                    dag.update(|d| {
                        if since == 0 {
                            *d = Dag::default();
                        }
                        d.take(view);
                    });
                    // Blocks may have come while this answer was on its way.
                    if app.newest_block.get_untracked() > dag.with_untracked(Dag::newest) {
                        again.update(|n| *n += 1);
                    }
                }
                Err(failed) => error.set(Some(failed)),
            }
        });
    });
}

/// The block before or behind the one that is picked.
fn neighbour(dag: &Dag, picked: Option<&str>, by: isize) -> Option<String> {
    let all: Vec<&str> = dag.iter().map(|p| p.block.hash.as_str()).collect();
    let last = all.len().checked_sub(1)?;
    let here = picked.and_then(|hash| all.iter().position(|h| *h == hash));
    let there = here.map_or(last, |i| i.saturating_add_signed(by).min(last));
    Some(all[there].to_owned())
}

/// Draws, and asks for the next frame while something moves.
fn frame(
    stage: Rc<Stage>,
    element: NodeRef<html::Canvas>,
    dag: RwSignal<Dag>,
    picked: RwSignal<Option<String>>,
    scale: Scale,
) {
    request_animation_frame(move || {
        let steady = dom::media("(prefers-reduced-motion: reduce)");
        let canvas = element.try_get_untracked().flatten();
        let moving = canvas.is_some_and(|canvas| {
            let hash = picked.try_get_untracked().flatten();
            let paint = |d: &Dag| {
                stage.picture.borrow_mut().paint(&canvas, d, &stage.palette.borrow(), scale, hash.as_deref(), steady)
            };
            dag.try_with_untracked(paint).unwrap_or(false)
        });
        if moving {
            frame(stage, element, dag, picked, scale);
        } else {
            stage.running.set(false);
        }
    });
}
