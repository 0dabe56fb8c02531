//! What pages are made of.

pub(crate) mod copy;
pub(crate) mod dag_canvas;
pub(crate) mod dag_paint;
pub(crate) mod dialog;
pub(crate) mod error;
pub(crate) mod field;
pub(crate) mod loaded;
pub(crate) mod mark;
pub(crate) mod payment_path;
pub(crate) mod payment_row;
pub(crate) mod qr;
pub(crate) mod shell;
pub(crate) mod status_bar;
pub(crate) mod wallet_switch;
pub(crate) mod words_view;
