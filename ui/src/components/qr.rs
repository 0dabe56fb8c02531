//! A QR code, drawn as one path.

use leptos::prelude::*;
use qrcode::{Color, EcLevel, QrCode};

/// Quiet zone around the code, in modules: the standard asks for four.
const QUIET: usize = 4;

/// The QR code of a text.
#[component]
pub(crate) fn Qr(
    /// The text.
    text: String,
    /// What a screen reader says.
    label: String,
) -> impl IntoView {
    QrCode::with_error_correction_level(text.as_bytes(), EcLevel::M).ok().map(|code| {
        let width = code.width();
        let mut path = String::new();
        for (i, module) in code.to_colors().into_iter().enumerate() {
            if module == Color::Dark {
                path.push_str(&format!("M{} {}h1v1h-1z", i % width + QUIET, i / width + QUIET));
            }
        }
        let side = width + 2 * QUIET;
        view! {
            <svg
                class="qr"
                viewBox=format!("0 0 {side} {side}")
                role="img"
                aria-label=label
                shape-rendering="crispEdges"
            >
                <rect width=side height=side fill="#ffffff"></rect>
                <path d=path fill="#0d1110"></path>
            </svg>
        }
    })
}
