//! Folders of wallets that are being made: whole before they have their name, or never there at all.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::WalletError;
use crate::files;
use crate::random::fill_random;

/// Start of a temporary folder's name. No wallet's folder has a dot.
const PREFIX: &str = ".new-";
/// Age from which a temporary folder is left over from a program that ended. Making a wallet takes seconds.
const LEFT_OVER_AFTER: Duration = Duration::from_secs(3600);

/// A temporary folder; removed when dropped, unless it has been given its name.
pub(crate) struct Staging {
    path: PathBuf,
    named: bool,
}

impl Staging {
    /// Makes one in the folder of wallets.
    ///
    /// # Errors
    /// [`WalletError::Io`], [`WalletError::Randomness`].
    pub(crate) fn new(wallets: &Path) -> Result<Self, WalletError> {
        let mut random = [0u8; 8];
        fill_random(&mut random)?;
        let path = wallets.join(format!("{PREFIX}{:016x}", u64::from_le_bytes(random)));
        files::create_private_folder(&path)?;
        Ok(Self { path, named: false })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives it its name, unless another folder has that: of several that try at once, one succeeds. Gives whether it did.
    ///
    /// # Errors
    /// [`WalletError::Io`].
    pub(crate) fn claim(mut self, folder: &Path) -> Result<bool, WalletError> {
        // An empty folder is no wallet. Some systems rename over one, on others it would be in the way.
        let _ = fs::remove_dir(folder);
        match fs::rename(&self.path, folder) {
            Ok(()) => {
                self.named = true;
                Ok(true)
            }
            Err(error) if matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::DirectoryNotEmpty) => Ok(false),
            Err(_) if folder.is_dir() => Ok(false),
            Err(error) => Err(WalletError::io("creating", folder, &error)),
        }
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if !self.named
            && let Err(error) = fs::remove_dir_all(&self.path)
        {
            tracing::warn!(target: "umbel::wallet", path = %self.path.display(), "a temporary folder stays: {error}");
        }
    }
}

/// Whether this is a temporary folder. One that is left over is removed.
pub(crate) fn is_staging(folder: &Path) -> bool {
    if !folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PREFIX)) {
        return false;
    }
    let modified = fs::metadata(folder).and_then(|meta| meta.modified());
    let age = modified.ok().and_then(|modified| modified.elapsed().ok());
    if age.is_some_and(|age| age >= LEFT_OVER_AFTER) {
        // What can't be removed now is tried again with the next listing.
        let _ = fs::remove_dir_all(folder);
    }
    true
}
