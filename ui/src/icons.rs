//! The icons: Lucide (ISC licence, `assets/icons/LICENSE-lucide.txt`), and the node's own mark.

use leptos::prelude::*;

/// An icon of 24 by 24 units, drawn with strokes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Icon {
    House,
    Send,
    ArrowDownToLine,
    Activity,
    SlidersHorizontal,
    Lock,
    LockOpen,
    Check,
    Copy,
    X,
    ChevronRight,
    ChevronLeft,
    Plus,
    Eye,
    EyeOff,
    Trash,
    TriangleAlert,
    Info,
    Search,
    Download,
    Pickaxe,
    KeyRound,
    Ellipsis,
    ArrowUpRight,
    ArrowDownLeft,
    ArrowLeftRight,
    ShieldCheck,
    Sun,
    Moon,
    Monitor,
    CloudOff,
    Landmark,
    Umbel,
}

impl Icon {
    /// Its outline, as one path.
    fn path(self) -> &'static str {
        match self {
            Self::House => {
                "M15 21v-8a1 1 0 0 0-1-1h-4a1 1 0 0 0-1 1v8 M3 10a2 2 0 0 1 .709-1.528l7-6a2 2 0 0 1 2.582 0l7 6A2 2 0 0 1 21 10v9a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2z"
            }
            Self::Send => {
                "M14.536 21.686a.5.5 0 0 0 .937-.024l6.5-19a.496.496 0 0 0-.635-.635l-19 6.5a.5.5 0 0 0-.024.937l7.93 3.18a2 2 0 0 1 1.112 1.11z M21.854 2.147l-10.94 10.939"
            }
            Self::ArrowDownToLine => "M12 17V3 M6 11l6 6 6-6 M19 21H5",
            Self::Activity => {
                "M22 12h-2.48a2 2 0 0 0-1.93 1.46l-2.35 8.36a.25.25 0 0 1-.48 0L9.24 2.18a.25.25 0 0 0-.48 0l-2.35 8.36A2 2 0 0 1 4.49 12H2"
            }
            Self::SlidersHorizontal => "M10 5H3 M12 19H3 M14 3v4 M16 17v4 M21 12h-9 M21 19h-5 M21 5h-7 M8 10v4 M8 12H3",
            Self::Lock => {
                "M5 11h14a2 2 0 0 1 2 2v7a2 2 0 0 1 -2 2h-14a2 2 0 0 1 -2 -2v-7a2 2 0 0 1 2 -2z M7 11V7a5 5 0 0 1 10 0v4"
            }
            Self::LockOpen => {
                "M5 11h14a2 2 0 0 1 2 2v7a2 2 0 0 1 -2 2h-14a2 2 0 0 1 -2 -2v-7a2 2 0 0 1 2 -2z M7 11V7a5 5 0 0 1 9.9-1"
            }
            Self::Landmark => {
                "M10 18v-7 M11.12 2.198a2 2 0 0 1 1.76.006l7.866 3.847c.476.233.31.949-.22.949H3.474c-.53 0-.695-.716-.22-.949z M14 18v-7 M18 18v-7 M3 22h18 M6 18v-7"
            }
            Self::Check => "M20 6 9 17l-5-5",
            Self::Copy => {
                "M10 8h10a2 2 0 0 1 2 2v10a2 2 0 0 1 -2 2h-10a2 2 0 0 1 -2 -2v-10a2 2 0 0 1 2 -2z M4 16c-1.1 0-2-.9-2-2V4c0-1.1.9-2 2-2h10c1.1 0 2 .9 2 2"
            }
            Self::X => "M18 6 6 18 M6 6l12 12",
            Self::ChevronRight => "M9 18l6-6-6-6",
            Self::ChevronLeft => "M15 18l-6-6 6-6",
            Self::Plus => "M5 12h14 M12 5v14",
            Self::Eye => {
                "M2.062 12.348a1 1 0 0 1 0-.696 10.75 10.75 0 0 1 19.876 0 1 1 0 0 1 0 .696 10.75 10.75 0 0 1-19.876 0 M9 12a3 3 0 1 0 6 0a3 3 0 1 0 -6 0"
            }
            Self::EyeOff => {
                "M10.733 5.076a10.744 10.744 0 0 1 11.205 6.575 1 1 0 0 1 0 .696 10.747 10.747 0 0 1-1.444 2.49 M14.084 14.158a3 3 0 0 1-4.242-4.242 M17.479 17.499a10.75 10.75 0 0 1-15.417-5.151 1 1 0 0 1 0-.696 10.75 10.75 0 0 1 4.446-5.143 M2 2l20 20"
            }
            Self::Trash => {
                "M10 11v6 M14 11v6 M19 6v14a2 2 0 0 1-2 2H7a2 2 0 0 1-2-2V6 M3 6h18 M8 6V4a2 2 0 0 1 2-2h4a2 2 0 0 1 2 2v2"
            }
            Self::TriangleAlert => {
                "M21.73 18l-8-14a2 2 0 0 0-3.48 0l-8 14A2 2 0 0 0 4 21h16a2 2 0 0 0 1.73-3 M12 9v4 M12 17h.01"
            }
            Self::Info => "M2 12a10 10 0 1 0 20 0a10 10 0 1 0 -20 0 M12 16v-4 M12 8h.01",
            Self::Search => "M21 21l-4.34-4.34 M3 11a8 8 0 1 0 16 0a8 8 0 1 0 -16 0",
            Self::Download => "M12 15V3 M21 15v4a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2v-4 M7 10l5 5 5-5",
            Self::Pickaxe => {
                "M14 13l-8.381 8.38a1 1 0 0 1-3.001-3L11 9.999 M15.973 4.027A13 13 0 0 0 5.902 2.373c-1.398.342-1.092 2.158.277 2.601a19.9 19.9 0 0 1 5.822 3.024 M16.001 11.999a19.9 19.9 0 0 1 3.024 5.824c.444 1.369 2.26 1.676 2.603.278A13 13 0 0 0 20 8.069 M18.352 3.352a1.205 1.205 0 0 0-1.704 0l-5.296 5.296a1.205 1.205 0 0 0 0 1.704l2.296 2.296a1.205 1.205 0 0 0 1.704 0l5.296-5.296a1.205 1.205 0 0 0 0-1.704z"
            }
            Self::KeyRound => {
                "M2.586 17.414A2 2 0 0 0 2 18.828V21a1 1 0 0 0 1 1h3a1 1 0 0 0 1-1v-1a1 1 0 0 1 1-1h1a1 1 0 0 0 1-1v-1a1 1 0 0 1 1-1h.172a2 2 0 0 0 1.414-.586l.814-.814a6.5 6.5 0 1 0-4-4z M16 7.5a0.5 0.5 0 1 0 1 0a0.5 0.5 0 1 0 -1 0"
            }
            Self::Ellipsis => {
                "M11 12a1 1 0 1 0 2 0a1 1 0 1 0 -2 0 M18 12a1 1 0 1 0 2 0a1 1 0 1 0 -2 0 M4 12a1 1 0 1 0 2 0a1 1 0 1 0 -2 0"
            }
            Self::ArrowUpRight => "M7 7h10v10 M7 17 17 7",
            Self::ArrowDownLeft => "M17 7 7 17 M17 17H7V7",
            Self::ArrowLeftRight => "M8 3 4 7l4 4 M4 7h16 M16 21l4-4-4-4 M20 17H4",
            Self::ShieldCheck => {
                "M20 13c0 5-3.5 7.5-7.66 8.95a1 1 0 0 1-.67-.01C7.5 20.5 4 18 4 13V6a1 1 0 0 1 1-1c2 0 4.5-1.2 6.24-2.72a1.17 1.17 0 0 1 1.52 0C14.51 3.81 17 5 19 5a1 1 0 0 1 1 1z M9 12l2 2 4-4"
            }
            Self::Sun => {
                "M8 12a4 4 0 1 0 8 0a4 4 0 1 0 -8 0 M12 2v2 M12 20v2 M4.93 4.93l1.41 1.41 M17.66 17.66l1.41 1.41 M2 12h2 M20 12h2 M6.34 17.66l-1.41 1.41 M19.07 4.93l-1.41 1.41"
            }
            Self::Moon => {
                "M20.985 12.486a9 9 0 1 1-9.473-9.472c.405-.022.617.46.402.803a6 6 0 0 0 8.268 8.268c.344-.215.825-.004.803.401"
            }
            Self::Monitor => {
                "M4 3h16a2 2 0 0 1 2 2v10a2 2 0 0 1 -2 2h-16a2 2 0 0 1 -2 -2v-10a2 2 0 0 1 2 -2z M8 21L16 21 M12 17L12 21"
            }
            Self::CloudOff => {
                "M10.94 5.274A7 7 0 0 1 15.71 10h1.79a4.5 4.5 0 0 1 4.222 6.057 M18.796 18.81A4.5 4.5 0 0 1 17.5 19H9A7 7 0 0 1 5.79 5.78 M2 2l20 20"
            }
            Self::Umbel => {
                "M12 21V11M12 11L5 5M12 11l7-6M12 11V4M5 4.5a1 1 0 100-.1M19 4.5a1 1 0 100-.1M12 3.5a1 1 0 100-.1"
            }
        }
    }

    /// The drawing; it says nothing to a screen reader, the control around it has the name.
    pub(crate) fn draw(self) -> impl IntoView {
        view! {
            <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
                <path d=self.path()></path>
            </svg>
        }
    }
}

/// The mark of Umbel: stalks that meet in one point.
pub(crate) fn brand_mark() -> impl IntoView {
    view! {
        <svg class="brand-mark" viewBox="0 0 32 32" aria-hidden="true">
            <path
                class="stalks"
                d="M16 29V17M16 17L5 9M16 17l-6-12M16 17l6-12M16 17l11-8M16 17V4"
            ></path>
            <g class="flowers">
                <circle cx="5" cy="8.5" r="2.2"></circle>
                <circle cx="10" cy="4.5" r="2.2"></circle>
                <circle cx="16" cy="3" r="2.2"></circle>
                <circle cx="22" cy="4.5" r="2.2"></circle>
                <circle cx="27" cy="8.5" r="2.2"></circle>
            </g>
        </svg>
    }
}
