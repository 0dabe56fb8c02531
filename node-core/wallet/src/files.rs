//! Files that must survive a crash at any moment.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::error::WalletError;

/// For new files that only their owner may read.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options
}

/// Opens a new file that only its owner may read; an older one of that name is emptied.
fn create_private(path: &Path) -> Result<File, WalletError> {
    private().create(true).truncate(true).open(path).map_err(|e| WalletError::io("creating", path, &e))
}

/// Makes a file that only its owner may read; `None` where there is one of that name.
pub(crate) fn create_new_private(path: &Path) -> Result<Option<File>, WalletError> {
    match private().create_new(true).open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(None),
        Err(error) => Err(WalletError::io("creating", path, &error)),
    }
}

/// Whether `path` still leads to the open `file`: nobody removed, renamed or replaced it.
pub(crate) fn is_in_place(file: &File, path: &Path) -> bool {
    let Ok(there) = fs::metadata(path) else { return false };
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        file.metadata().is_ok_and(|open| (open.dev(), open.ino()) == (there.dev(), there.ino()))
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        there.is_file()
    }
}

/// A folder that only its owner may enter.
pub(crate) fn create_private_folder(path: &Path) -> Result<(), WalletError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(path).map_err(|e| WalletError::io("creating", path, &e))
}

fn temporary(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    PathBuf::from(name)
}

/// Writes beside `path` and syncs: what [`put_in_place`] then renames.
pub(crate) fn write_beside(path: &Path, bytes: &[u8]) -> Result<File, WalletError> {
    let new = temporary(path);
    let mut file = create_private(&new)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if let Err(error) = written {
        // A full disk needs the room.
        let _ = fs::remove_file(&new);
        return Err(WalletError::io("writing", &new, &error));
    }
    Ok(file)
}

/// Renames what [`write_beside`] wrote over `path`. Durable once the folder is synced.
pub(crate) fn put_in_place(path: &Path) -> Result<(), WalletError> {
    fs::rename(temporary(path), path).map_err(|e| WalletError::io("replacing", path, &e))
}

/// Writes beside `path`, syncs, renames over it, syncs the folder: afterwards the old content is there or the new one,
/// never a part.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), WalletError> {
    drop(write_beside(path, bytes)?);
    put_in_place(path)?;
    sync_folder_of(path)
}

/// Makes a rename in the folder of `path` durable.
pub(crate) fn sync_folder_of(path: &Path) -> Result<(), WalletError> {
    let Some(folder) = path.parent() else { return Ok(()) };
    // Windows can't open a folder as a file, and writes renames through.
    if cfg!(windows) {
        return Ok(());
    }
    File::open(folder).and_then(|file| file.sync_all()).map_err(|e| WalletError::io("writing", folder, &e))
}
