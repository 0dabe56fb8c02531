//! Why the store failed.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;
use umbel_types::DecodeError;

use crate::format::FormatTag;
use crate::registry::Table;

/// Why the store failed. No peer is ever at fault.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Bytes on disk are not what was written there. The next open checks the file and moves it aside if it is damaged.
    #[error("the database is damaged: {0}")]
    Corrupt(String),
    /// A value is not what its table holds: written by another program, or damaged.
    #[error("a value in table {} can't be read: {error}", table.name())]
    Value {
        /// The table.
        table: Table,
        /// What is wrong with it.
        error: DecodeError,
    },
    /// Another network's folder, another genesis, or another version of the format. Nothing was changed.
    #[error("{}", describe_format(got, expected))]
    WrongFormat {
        /// What the folder says.
        got: Box<FormatTag>,
        /// What this program needs.
        expected: Box<FormatTag>,
    },
    /// Another process, or another part of this one, has the database open.
    #[error("the database {} is in use by another process", .0.display())]
    InUse(PathBuf),
    /// There is no database in the folder, and none was to be made.
    #[error("there is no database at {}", .0.display())]
    NotThere(PathBuf),
    /// The folder or file can't be written.
    #[error("no permission to write {}", .0.display())]
    ReadOnly(PathBuf),
    /// No room on the disk.
    #[error("the disk is full")]
    Full,
    /// Any other failure of the disk.
    #[error("the disk failed: {0}")]
    Io(#[source] io::Error),
    /// An earlier failure stopped the store, or it was closed. It has to be opened anew.
    #[error("the database is closed")]
    Stopped,
    /// More was written since the snapshot was taken than the engine keeps for it. A new one begins with what is there now.
    #[error("the snapshot has ended: too much was written since")]
    SnapshotEnded,
    /// A key or value longer than the engine can hold.
    #[error("a value of {0} bytes is too long for the database")]
    TooLong(usize),
}

impl StoreError {
    /// From a failure of the disk while `path` was used.
    pub(crate) fn from_io(error: io::Error, path: &Path) -> Self {
        match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly(path.to_owned()),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Io(error),
        }
    }

    /// Whether the file itself is bad, so that a new one has to be built.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Corrupt(_) | Self::Value { .. } => true,
            Self::WrongFormat { .. }
            | Self::InUse(_)
            | Self::NotThere(_)
            | Self::ReadOnly(_)
            | Self::Full
            | Self::Io(_)
            | Self::Stopped
            | Self::SnapshotEnded
            | Self::TooLong(_) => false,
        }
    }
}

fn describe_format(got: &FormatTag, expected: &FormatTag) -> String {
    if got.network != expected.network {
        return format!("the folder holds data of the network {}, not of {}", got.network, expected.network);
    }
    if got.genesis != expected.genesis {
        return format!("the folder holds data of another chain: genesis {}, not {}", got.genesis, expected.genesis);
    }
    if got.version > expected.version {
        return format!(
            "the folder was written by a newer version of the program: format {}, this one knows up to {}",
            got.version, expected.version
        );
    }
    format!(
        "the folder has the old format {}, this program needs {} and brings it up to date when the node is started",
        got.version, expected.version
    )
}
