//! Everything on disk that belongs to the chain, behind typed methods and bounded caches.

mod cache;
mod dag_reader;
mod records;
mod staged;
mod state_set;
mod tables;

pub(crate) use records::{BlockRecord, ChainMeta, ChainRecord, StoredBody};
pub(crate) use staged::StagedReachability;
pub(crate) use state_set::StateAtSink;
pub(crate) use tables::{Storage, height_key, read_error};
