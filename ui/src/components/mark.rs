//! Small pictures by which people tell wallets and addresses apart.

use leptos::prelude::*;

/// Pairs of background and foreground, each readable beside the others.
const COLOURS: [(&str, &str); 8] = [
    ("#2d6a8e", "#f2d9a0"),
    ("#3d7a4f", "#d8f0c4"),
    ("#8a5fb0", "#f3def2"),
    ("#8a5a44", "#f6dcc4"),
    ("#2f7d8c", "#cdeff0"),
    ("#a3473f", "#f8d9c9"),
    ("#5b6b2f", "#eef0b8"),
    ("#44518f", "#d3dcfa"),
];

/// The picture of 25 bits: three of each row make its symmetric half, the other ten choose the colours.
#[component]
pub(crate) fn Mark(
    /// Five rows of five bits.
    bits: [u8; 5],
) -> impl IntoView {
    let spare = bits.iter().fold(0_usize, |sum, row| sum * 4 + usize::from(row >> 3 & 3));
    let (back, fore) = COLOURS[spare % COLOURS.len()];
    let mut path = String::new();
    for (y, row) in bits.iter().enumerate() {
        for x in 0..5_usize {
            let half = x.min(4 - x);
            if row >> half & 1 == 1 {
                path.push_str(&format!("M{x} {y}h1v1h-1z"));
            }
        }
    }
    view! {
        <svg class="mark" viewBox="0 0 5 5" aria-hidden="true" shape-rendering="crispEdges">
            <rect width="5" height="5" fill=back></rect>
            <path d=path fill=fore></path>
        </svg>
    }
}

/// The picture of a text, such as an address's fingerprint.
#[component]
pub(crate) fn TextMark(
    /// The text.
    text: String,
) -> impl IntoView {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    // The upper bits are the well mixed ones.
    let bits = core::array::from_fn(|i| u8::try_from(hash >> (39 + 5 * i) & 31).unwrap_or(0));
    view! { <Mark bits=bits/> }
}

/// The round sign of a token.
#[component]
pub(crate) fn TokenSign(
    /// Ticker or id.
    asset: String,
) -> impl IntoView {
    let sum: usize = asset.bytes().map(usize::from).sum();
    let class = format!("tok tok-{}", if asset == "STR" { 0 } else { 1 + sum % 5 });
    view! {
        <span class=class aria-hidden="true">
            {asset.chars().next().map(String::from)}
        </span>
    }
}
