//! The Umbel user interface: one Leptos page, mounted into the body.

use leptos::prelude::*;

fn main() {
    leptos::mount::mount_to_body(|| {
        view! {
            <main data-testid="home-page">
                <h1>"Umbel"</h1>
            </main>
        }
    });
}
