//! The node as a whole: every service wired together, the API over it, the loopback server, the command line.
//!
//! ## What it answers for
//! - start and stop of everything in one place ([`Node`]), with one process a data folder ([`lock`])
//! - the [`umbel_api::Api`] of a node in this process, and of one in another ([`remote`])
//! - state as a snapshot, and events of each subject at most ten times a second ([`events`])
//! - the server for the browser and the command line ([`rest`])
//! - the `umbel` program ([`cli`])
//!
//! ## What it must never do
//! - decide a rule of the ledger: it parses once, calls down, and maps answers and errors once
//! - log a word, a password, a token or a key
//! - listen on anything but loopback; delete a wallet's file without being asked to
//!
//! ## Flow
//! shell → [`umbel_api::Api`] → `api_impl/<area>.rs` → `services/<noun>.rs` → consensus, pool, wallet, miner; back by
//! `services/follower.rs` → [`umbel_api::NodeEvent`]
//!
//! ## Errors
//! [`NodeError`] before a node runs, [`umbel_api::ApiError`] from then on. A service that panics is told as the node's
//! failure; wallets stay usable.
//!
//! ## See
//! docs/user/cli.md

mod api_file;
mod api_impl;
pub mod cli;
mod clock;
pub mod config;
mod convert;
pub mod error;
pub mod events;
mod genesis_file;
mod ledger_proof;
pub mod lock;
mod locks;
pub mod node;
mod payment_proof;
pub mod remote;
pub mod rest;
mod services;
mod settings;
mod validator;
mod view;

pub use config::{NodeConfig, NodeRole, RestConfig, default_data_dir};
pub use error::NodeError;
pub use events::EventSource;
pub use node::{Node, StartError};
