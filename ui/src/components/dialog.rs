//! Dialogs and drawers: the browser's own modal, which keeps the focus inside and closes on Escape.

use crate::dom;
use crate::i18n::t;
use crate::icons::Icon;
use leptos::html;
use leptos::prelude::*;

/// A modal: a dialog in the middle, a drawer at the side, or a sheet at the bottom.
#[component]
pub(crate) fn Modal(
    /// Whether it is open.
    open: RwSignal<bool>,
    /// Test handle.
    testid: &'static str,
    /// `dialog`, `drawer` or `sheet`.
    #[prop(default = "dialog")]
    form: &'static str,
    /// Its title.
    title: String,
    /// What it holds, made anew each time it opens.
    children: ChildrenFn,
) -> impl IntoView {
    let element = NodeRef::<html::Dialog>::new();
    Effect::new(move |_| {
        let wanted = open.get();
        if let Some(dialog) = element.get() {
            if wanted && !dialog.open() {
                let _ = dialog.show_modal();
            } else if !wanted && dialog.open() {
                dialog.close();
            }
        }
    });
    let heading = format!("{testid}-title");
    let named_by = heading.clone();
    // A click on the backdrop lands on the dialog itself, one inside on a child.
    let click = move |event: leptos::ev::MouseEvent| {
        let on_itself = event.target().zip(event.current_target()).is_some_and(|(target, own)| target == own);
        if on_itself {
            open.set(false);
        }
    };
    view! {
        <dialog
            node_ref=element
            class=form
            data-testid=testid
            aria-labelledby=named_by
            on:close=move |_| {
                open.set(false);
                dom::focus_if_lost();
            }
            on:click=click
        >
            {move || {
                open.get()
                    .then(|| {
                        view! {
                            <div class="modal-body">
                                <header class="row between">
                                    <h2 class="title" id=heading.clone()>{title.clone()}</h2>
                                    <button
                                        type="button"
                                        class="icon-btn"
                                        data-testid="dialog-close"
                                        aria-label=t!("action.close")
                                        on:click=move |_| open.set(false)
                                    >
                                        {Icon::X.draw()}
                                    </button>
                                </header>
                                {children()}
                            </div>
                        }
                    })
            }}
        </dialog>
    }
}
