//! Files that must survive a crash at any moment.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::error::WalletError;

/// Opens a new file that only its owner may read; an older one of that name is emptied.
pub(crate) fn create_private(path: &Path) -> Result<File, WalletError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path).map_err(|e| WalletError::io("creating", path, &e))
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

/// Writes beside `path`, syncs, renames over it, syncs the folder: afterwards the old content is there or the new one,
/// never a part.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), WalletError> {
    let new = temporary(path);
    let mut file = create_private(&new)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|e| WalletError::io("writing", &new, &e))?;
    drop(file);
    fs::rename(&new, path).map_err(|e| WalletError::io("replacing", path, &e))?;
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
