//! The way to the node: one typed function per call, over Tauri's commands or over HTTP.
//!
//! Files mirror the areas of `umbel-api` one for one; [`transport`] alone knows which way is in use.

pub(crate) mod events;
pub(crate) mod node;
pub(crate) mod send;
pub(crate) mod settings;
pub(crate) mod stake;
pub(crate) mod transport;
pub(crate) mod tx;
pub(crate) mod validator;
pub(crate) mod wallet;
