//! Files that a person names: read up to a limit, whatever they are.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use zeroize::Zeroizing;

/// Why a file is not read, in words that fit behind its name.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    /// The system refuses.
    #[error("can't be read: {0}")]
    Io(#[from] std::io::Error),
    /// It goes on behind the limit; a device may never end.
    #[error("is longer than {0} bytes, which is more than it can be")]
    TooLong(u64),
    /// It is not UTF-8.
    #[error("is not text")]
    NotText,
}

/// All of a file that has at most `limit` bytes. The buffer is overwritten when it is dropped, and has its full size from
/// the start where `limit` is small: no copy of a secret is left behind by growing.
pub(super) fn read(path: &Path, limit: u64) -> Result<Zeroizing<Vec<u8>>, ReadError> {
    let file = File::open(path)?;
    bounded(file, limit)
}

/// All of a source that has at most `limit` bytes.
pub(super) fn bounded(source: impl Read, limit: u64) -> Result<Zeroizing<Vec<u8>>, ReadError> {
    let mut bytes =
        Zeroizing::new(Vec::with_capacity(usize::try_from(limit + 1).unwrap_or(MAX_RESERVED).min(MAX_RESERVED)));
    let read = source.take(limit + 1).read_to_end(&mut bytes)?;
    if read as u64 > limit { Err(ReadError::TooLong(limit)) } else { Ok(bytes) }
}

/// Text of a file that has at most `limit` bytes.
pub(super) fn read_text(path: &Path, limit: u64) -> Result<Zeroizing<String>, ReadError> {
    text(&read(path, limit)?)
}

/// Replaces a file whole: what was there stays until the new content is on the disk. Only its owner reads it.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = Path::new(&beside);
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(beside, path)
}

/// The bytes as text.
pub(super) fn text(bytes: &[u8]) -> Result<Zeroizing<String>, ReadError> {
    std::str::from_utf8(bytes).map(|text| Zeroizing::new(text.to_owned())).map_err(|_| ReadError::NotText)
}

/// Most bytes that are reserved before anything is read: more than any secret has.
const MAX_RESERVED: usize = 128 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_read_without_end() {
        assert!(matches!(bounded(std::io::repeat(0), 1024), Err(ReadError::TooLong(1024))));
        assert_eq!(bounded(&[1; 8][..], 8).unwrap().as_slice(), [1; 8]);
        assert!(matches!(bounded(&[1; 9][..], 8), Err(ReadError::TooLong(8))));
        assert!(matches!(text(&[0xff]), Err(ReadError::NotText)));
    }
}
