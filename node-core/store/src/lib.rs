//! The node's database: tables of bytes, atomic batches, snapshots. The only crate that names redb and sled.
//!
//! ## What it answers for
//! - one list of tables with their prefixes ([`registry`])
//! - three engines behind one trait ([`KvStore`]): redb, sled and memory, equal in one conformance suite; the two on the
//!   disk in one crash suite as well
//! - batches that are written whole or not at all, across tables ([`Batch`]), with two durabilities ([`Durability`])
//! - snapshots that never change ([`KvStore::snapshot`])
//! - a format tag that keeps other networks' and newer programs' folders untouched ([`FormatTag`])
//! - a damaged file is moved aside, reported in [`Opened::recovered`] and built anew; nothing is deleted
//! - an old format is brought up to date step by step ([`Upgrade`]), a newer one is refused
//! - append-only segment files beside the tables ([`KvStore::append`]): no table ever names a record that the disk does not
//!   have, and records whose tables a crash took back are handed out ([`KvStore::tail`])
//!
//! ## What it must never do
//! Know what a value means; hold a secret or anything that can't be had again from peers or the words; delete a file;
//! panic on what a disk returns.
//!
//! ## Flow
//! [`open`] → [`KvStore::write`] with [`Durability::Deferred`] for each block, [`KvStore::sync`] about once a second by
//! the owner → drop, which marks the shutdown as clean.
//!
//! ## Errors
//! [`StoreError`]; no peer is ever to blame. [`StoreError::is_damage`] says whether only a new file helps.
//!
//! ## See
//! docs/spec/storage.md

#![deny(clippy::float_arithmetic, clippy::unwrap_used)]

mod batch;
mod engines;
mod error;
pub mod floor;
mod format;
mod kv;
mod open;
pub mod registry;
pub mod segments;
mod typed;

pub use batch::{Batch, Durability};
pub use error::StoreError;
pub use format::FormatTag;
pub use kv::{
    DEFAULT_PAGE_CACHE_BYTES, DEFAULT_SEGMENT_BYTES, KvReader, KvStore, Pair, StoreConfig, StoreKind, StoreStats,
};
pub use open::{DATABASE_FILE, Opened, SEGMENTS_FOLDER, SLED_FOLDER, Upgrade, open, open_existing};
pub use registry::Table;
pub use typed::{decode_value, get_value};
