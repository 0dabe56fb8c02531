//! Replacing a small file in steps, so that a crash at any of them leaves the old content or the new.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Longest file of a validator, in bytes: a guard has about 120, a sealed key some 300.
const MAX_BYTES: u64 = 64 * 1024;

/// The steps. Each is one call of the system, so that a test can fail or stop at each.
pub(crate) trait Disk: Send + Sync {
    /// All of a file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// A new file, or an old one emptied, with these bytes. They may not be on the disk yet.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;
    /// The bytes of a file are on the disk.
    fn sync(&self, path: &Path) -> io::Result<()>;
    /// `to` becomes what `from` is.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Names in a folder are on the disk.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
    /// The file is no more, or never was.
    fn remove(&self, path: &Path) -> io::Result<()>;
}

/// Replaces a file: written beside it, synced, renamed over it, the folder synced. After an error, the old content is
/// there or the new one.
pub(crate) fn replace(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    disk.write(&beside, bytes)?;
    disk.sync(&beside)?;
    disk.rename(&beside, path)?;
    disk.sync_folder(path.parent().unwrap_or(Path::new(".")))
}

/// The file system.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RealDisk;

impl Disk for RealDisk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(io::Error::new(ErrorKind::FileTooLarge, "longer than any file of a validator"));
        }
        Ok(bytes)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600);
        }
        options.open(path)?.write_all(bytes)
    }

    fn sync(&self, path: &Path) -> io::Result<()> {
        OpenOptions::new().write(true).open(path)?.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        // Windows can't open a folder as a file, and writes renames through.
        if cfg!(windows) { Ok(()) } else { File::open(folder)?.sync_all() }
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// Files that live as long as a chain in memory does. Bounded by its users: one file a key.
#[derive(Debug, Default)]
pub(crate) struct MemoryDisk {
    files: Mutex<BTreeMap<PathBuf, Vec<u8>>>,
}

impl MemoryDisk {
    fn files(&self) -> std::sync::MutexGuard<'_, BTreeMap<PathBuf, Vec<u8>>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Disk for MemoryDisk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.files().get(path).cloned().ok_or_else(|| ErrorKind::NotFound.into())
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.files().insert(path.to_owned(), bytes.to_owned());
        Ok(())
    }

    fn sync(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut files = self.files();
        let bytes = files.remove(from).ok_or(ErrorKind::NotFound)?;
        files.insert(to.to_owned(), bytes);
        Ok(())
    }

    fn sync_folder(&self, _folder: &Path) -> io::Result<()> {
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.files().remove(path);
        Ok(())
    }
}
