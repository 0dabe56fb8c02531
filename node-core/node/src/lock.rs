//! One process a data folder.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::config::Layout;
use crate::error::NodeError;

/// How long a folder must stay held before it counts as held: [`FolderLock::held_by`] takes it for a moment.
const LOOK_TIME: Duration = Duration::from_millis(300);
/// Time between two attempts.
const POLL: Duration = Duration::from_millis(20);

/// Holds a network's folder until it is dropped or its process ends, however it ends.
#[derive(Debug)]
pub struct FolderLock {
    // Closing the file gives the lock back.
    _file: File,
    holder: PathBuf,
}

impl FolderLock {
    /// Makes the folder where it is missing and takes it.
    ///
    /// # Errors
    /// [`NodeError::AlreadyRunning`] with the holder's process id, [`NodeError::DataFolder`] if the folder can't be
    /// written.
    pub fn take(layout: &Layout) -> Result<Self, NodeError> {
        make_private_folder(layout.root())?;
        let path = layout.lock_file();
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = options.open(&path).map_err(NodeError::folder(&path))?;
        let deadline = Instant::now() + LOOK_TIME;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                // Somebody may only be looking whether it is held.
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => std::thread::sleep(POLL),
                Err(TryLockError::WouldBlock) => {
                    return Err(NodeError::AlreadyRunning { pid: holder(layout), path: layout.root().to_owned() });
                }
                Err(TryLockError::Error(source)) => return Err(NodeError::DataFolder { path, source }),
            }
        }
        let holder = layout.holder_file();
        fs::write(&holder, std::process::id().to_string()).map_err(NodeError::folder(&holder))?;
        Ok(Self { _file: file, holder })
    }

    /// The process that holds the folder now; `None` where nobody does.
    ///
    /// # Errors
    /// [`NodeError::DataFolder`] if the lock can't be looked at.
    pub fn held_by(layout: &Layout) -> Result<Option<Holder>, NodeError> {
        let path = layout.lock_file();
        let file = match File::open(&path) {
            Ok(file) => file,
            // `NotADirectory` and the like come up, and are told, as soon as something is to be written.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(NodeError::DataFolder { path, source }),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(None),
            Err(TryLockError::WouldBlock) => Ok(Some(Holder { pid: holder(layout) })),
            Err(TryLockError::Error(source)) => Err(NodeError::DataFolder { path, source }),
        }
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // What stays behind does no harm: it is read only while somebody holds the lock.
        let _ = fs::remove_file(&self.holder);
    }
}

/// Who holds a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its process id; unknown in the moment between locking and writing it down.
    pub pid: Option<u32>,
}

fn holder(layout: &Layout) -> Option<u32> {
    fs::read_to_string(layout.holder_file()).ok()?.trim().parse().ok()
}

/// Makes a folder that only its owner may look into.
fn make_private_folder(path: &std::path::Path) -> Result<(), NodeError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(NodeError::folder(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use umbel_types::Network;

    #[test]
    fn the_second_is_told_who_was_first() {
        let folder = std::env::temp_dir().join(format!("umbel-lock-{}", std::process::id()));
        let layout = Layout::new(&folder, Network::Devnet);
        assert_eq!(FolderLock::held_by(&layout).unwrap(), None);
        let first = FolderLock::take(&layout).unwrap();
        match FolderLock::take(&layout) {
            Err(NodeError::AlreadyRunning { pid, .. }) => assert_eq!(pid, Some(std::process::id())),
            other => panic!("{other:?}"),
        }
        assert_eq!(FolderLock::held_by(&layout).unwrap(), Some(Holder { pid: Some(std::process::id()) }));
        drop(first);
        drop(FolderLock::take(&layout).unwrap());
        fs::remove_dir_all(&folder).unwrap();
    }
}
