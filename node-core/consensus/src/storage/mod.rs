//! Everything on disk that belongs to the chain, behind typed methods and bounded caches.

mod cache;
mod dag_reader;
mod finality;
mod records;
mod staged;
mod state_set;
mod tables;
mod tips;
mod upgrade;

pub(crate) use cache::Weigh;
pub(crate) use finality::{EvidenceRecord, FinalityRecord, META_EVIDENCE, META_FINALITY};
pub(crate) use records::{BlockRecord, ChainMeta, ChainRecord, StoredBody};
pub(crate) use staged::StagedReachability;
pub(crate) use state_set::{StateAtSink, utxo_table};
pub(crate) use tables::{BodyError, META_CHAIN, META_LTHASH, META_REINDEX_ROOT, Storage, height_key, read_error};
pub use upgrade::{CHAIN_FORMAT, open_existing_store, open_store};
