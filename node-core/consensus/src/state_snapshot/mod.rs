//! The state at a finalized block, in files (docs/spec/storage.md §9): for a node that begins, and for one whose database
//! was damaged.
//!
//! A snapshot is a folder: `manifest`, and chunks of 1 MiB. Two nodes write the same bytes for the same block. Whoever reads
//! one checks every chunk against the manifest and the whole against the block's header; that the block is final is for the
//! reader to know.

mod dag;
mod export;
mod format;
mod import;
mod own;
mod read;

pub use export::{SnapshotAt, export};
pub use format::{CHUNK_BYTES, Manifest, SNAPSHOT_FORMAT, SnapshotInfo};
pub use import::{Restored, import_into, restore_if_needed};
#[cfg(feature = "test-util")]
pub(crate) use {dag::PastBlock, format::Object, format::Unspent, format::item_seeds};

pub(crate) use own::OwnSnapshots;
pub use own::newest as newest_snapshot;
pub use read::verify;

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;
use umbel_store::StoreError;
use umbel_types::{BlockHash, DecodeError};

/// Which part is being worked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotProgress {
    /// Chunks done.
    pub done: u64,
    /// Chunks in all; 0 while that is not known.
    pub total: u64,
}

/// Is told of each chunk, and says whether to go on.
pub type Progress<'a> = &'a mut dyn FnMut(SnapshotProgress) -> bool;

/// Why a snapshot can't be written or is refused. Nothing is left behind.
#[derive(Debug, Error)]
pub enum SnapshotError {
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The folder that was to be written is there.
    #[error("{} is there already", .0.display())]
    Exists(PathBuf),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The state that was asked for can't be had from this store.
    #[error("{0}")]
    NotHere(String),
    /// Of another network or genesis.
    #[error("the snapshot is of {got}, not of {expected}")]
    OtherChain {
        /// What it says.
        got: String,
        /// This network and genesis.
        expected: String,
    },
    /// Written by a newer program.
    #[error("the snapshot has format {0}, this program knows {SNAPSHOT_FORMAT}")]
    Format(u32),
    /// Bytes that are no manifest.
    #[error("the manifest can't be read: {0}")]
    Manifest(DecodeError),
    /// A chunk that is missing, of another length, or not what the manifest names.
    #[error("chunk {chunk} {what}")]
    Chunk {
        /// Its number, from 0.
        chunk: u64,
        /// What is wrong with it.
        what: &'static str,
    },
    /// Something in the chunks that can't be read.
    #[error("{what} {number} can't be read: {error}")]
    Item {
        /// Which list.
        what: &'static str,
        /// Its place there, from 0.
        number: u64,
        /// Why.
        error: DecodeError,
    },
    /// Something that is out of order, there twice, or of another kind.
    #[error("{what} {number} does not belong there")]
    Order {
        /// Which list.
        what: &'static str,
        /// Its place there, from 0.
        number: u64,
    },
    /// What the snapshot holds is not what its block's header commits to.
    #[error("{what} does not match the header of block {block}")]
    Commitment {
        /// The block.
        block: BlockHash,
        /// Which commitment.
        what: &'static str,
    },
    /// The headers do not form the past of the block.
    #[error("header {number}: {what}")]
    Dag {
        /// Its place, from 0.
        number: u64,
        /// What is wrong with it.
        what: &'static str,
    },
    /// Whoever asked for it wants no more.
    #[error("it was stopped")]
    Stopped,
    /// The store holds a chain already.
    #[error("the store holds a chain already")]
    NotEmpty,
}

impl SnapshotError {
    fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }
}
