//! What crosses IPC and HTTP: requests, answers, events, one error.
//!
//! ## What it answers for
//! - one list of calls ([`api_trait`]) from which the trait, the call types and the JSON dispatcher are made
//! - the DTOs of each area: [`node`], [`chain`], [`wallet`], [`send`], [`stake`], [`lock`], [`tx`],
//!   [`settings`]
//! - [`NodeEvent`]s and [`ApiError`]
//!
//! ## What it must never do
//! Carry a type of the ledger: hashes and addresses are strings here, amounts are decimal strings such as `"1.25000000"`.
//! Carry a secret, but for words and passwords in `wallet/create`, `wallet/restore`, `wallet/reveal` and
//! `wallet/unlock`, the password of a vote key in `stake/register` and below `validator/`, and secrets of hash locks in `lock/create` and `lock/claim`. It compiles to WebAssembly.
//!
//! ## Flow
//! `ui` or the command line → a [`Call`] → Tauri command or `POST /api/v1/<area>/<call>` → [`Api`] in `umbel-node`.

pub mod api_trait;
pub mod chain;
pub mod error;
pub mod event;
pub mod lock;
pub mod node;
pub mod secret;
pub mod send;
pub mod settings;
pub mod stake;
pub mod tx;
pub mod wallet;

pub use api_trait::{Api, ApiFuture, Call, dispatch};
pub use error::{ApiError, ErrorCode};
pub use event::NodeEvent;
pub use secret::Secret;

/// A request without fields, or an answer that only says that it was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Empty {}
