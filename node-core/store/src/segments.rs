//! Append-only segment files for records that are written once, read rarely and dropped by the file.
//!
//! A segment is a row of records `len u32 ‖ crc u32 ‖ bytes`, little-endian; `crc` is CRC-32 (IEEE) over `len ‖ bytes`,
//! so that zeros behind the end are no record. A crash may leave a torn record at the end of the newest segments: what
//! lies behind the durable position that the index names is cut at the first record that does not hold; what holds there
//! is the *tail*: records whose index entries a crash took back. What lies before the position was synced, is never
//! touched, and is checked when it is read.
//!
//! Order of the engine: [`Segments::append`] → [`Segments::sync`] → durable batch with the [`Location`]s and
//! [`Segments::end`]. So an index never names what the disk doesn't have.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use umbel_types::encode_struct;

use crate::error::StoreError;
use crate::open::{create_folder, sync_folder};

/// Longest record, in bytes. Bodies have 64 KiB; the bound keeps a damaged length from asking for memory, and a search
/// for the next record from reading far at each byte.
pub const MAX_RECORD_BYTES: usize = 1024 * 1024;
/// Bytes before a record's own.
pub const RECORD_HEAD_BYTES: usize = 8;

/// A place in the row of segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Position {
    /// Number of the segment.
    pub segment: u32,
    /// Bytes from its start.
    pub offset: u64,
}
encode_struct!(Position { segment, offset });

/// Where a record lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// Its first byte, that of its length.
    pub start: Position,
    /// Its length without length and checksum.
    pub len: u32,
}
encode_struct!(Location { start, len });

/// Reads the records of one folder, beside whoever writes them.
#[derive(Clone, Debug)]
pub struct SegmentReader {
    dir: PathBuf,
}

impl SegmentReader {
    /// Reads a record.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if what stands there is not the record, or its segment is gone.
    pub fn read(&self, location: Location) -> Result<Vec<u8>, StoreError> {
        let path = path_of(&self.dir, location.start.segment);
        let mut file = File::open(&path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => StoreError::Corrupt(format!("segment {} is not there", location.start.segment)),
            _ => StoreError::from_io(error, &path),
        })?;
        file.seek(SeekFrom::Start(location.start.offset)).map_err(|error| StoreError::from_io(error, &path))?;
        let found = read_record(&mut file).map_err(|error| StoreError::from_io(error, &path))?;
        match found {
            Found::Record { len, bytes } if len == location.len => Ok(bytes),
            _ => Err(StoreError::Corrupt(format!(
                "no record at byte {} of segment {}",
                location.start.offset, location.start.segment
            ))),
        }
    }
}

/// The segments of one folder. One owner writes.
#[derive(Debug)]
pub struct Segments {
    dir: PathBuf,
    /// Length of all segments.
    bytes: u64,
    /// Bytes after which the next record begins a new segment.
    roll_bytes: u64,
    all: BTreeSet<u32>,
    file: File,
    end: Position,
    /// A failed append may have left half a record: nothing is added behind it.
    failed: bool,
}

/// Open segments and what was cut off.
#[derive(Debug)]
pub struct OpenedSegments {
    /// The segments.
    pub segments: Segments,
    /// Records that hold and that the index does not name, in the order in which they were written.
    pub tail: Vec<Location>,
    /// Bytes behind the last good record that are gone.
    pub truncated_bytes: u64,
}

impl Segments {
    /// Opens the segments of `dir`, creating it if needed, and cuts off a torn tail behind `durable`, the end that the
    /// index names.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if there is less than the index names; those of the disk.
    pub fn open(dir: &Path, roll_bytes: u64, durable: Position) -> Result<OpenedSegments, StoreError> {
        create_folder(dir)?;
        let mut all = list(dir)?;
        if durable != Position::default() && !all.contains(&durable.segment) {
            return Err(short(durable));
        }
        if all.is_empty() {
            all.insert(0);
        }
        let mut truncated_bytes = 0;
        let mut end = Position::default();
        let mut torn = false;
        let mut tail = Vec::new();
        for segment in all.range(durable.segment..).copied().collect::<Vec<_>>() {
            let from = if segment == durable.segment { durable.offset } else { 0 };
            let path = path_of(dir, segment);
            let len = fs::metadata(&path).map_or(0, |m| m.len());
            if torn {
                // Behind a tear no record is reachable: they were written later and never synced.
                truncated_bytes += len;
                fs::remove_file(&path).map_err(|error| StoreError::from_io(error, &path))?;
                all.remove(&segment);
                continue;
            }
            if len < from {
                return Err(short(durable));
            }
            let good =
                if len == from { from } else { good_records(&path, Position { segment, offset: from }, &mut tail)? };
            if good < len {
                torn = true;
                truncated_bytes += len - good;
                cut(&path, good)?;
            }
            end = Position { segment, offset: good };
        }
        let segments = Self::at(dir, roll_bytes, all, end)?;
        Ok(OpenedSegments { segments, tail, truncated_bytes })
    }

    /// Opens segments whose index is lost. Nothing is cut or written over: what holds is the tail, whatever stands between,
    /// and the next record begins a new segment. One segment at a time lies in memory.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn open_without_index(dir: &Path, roll_bytes: u64) -> Result<OpenedSegments, StoreError> {
        create_folder(dir)?;
        let mut all = list(dir)?;
        let mut tail = Vec::new();
        for &segment in &all {
            let path = path_of(dir, segment);
            let bytes = fs::read(&path).map_err(|error| StoreError::from_io(error, &path))?;
            let mut offset = 0;
            while let Some(mut rest) = bytes.get(offset..).filter(|rest| !rest.is_empty()) {
                match read_record(&mut rest).map_err(|error| StoreError::from_io(error, &path))? {
                    Found::Record { len, .. } => {
                        tail.push(Location { start: Position { segment, offset: offset as u64 }, len });
                        offset += RECORD_HEAD_BYTES + len as usize;
                    }
                    // A length that does not hold says nothing of where the next record begins: each byte is tried. The
                    // bytes of a block look like the head of a record once in some thousand times.
                    Found::Nothing => offset += 1,
                }
            }
        }
        let is_empty = |segment: &u32| fs::metadata(path_of(dir, *segment)).is_ok_and(|m| m.len() == 0);
        let next = match all.last() {
            Some(newest) if is_empty(newest) => *newest,
            Some(newest) => newest.checked_add(1).ok_or(StoreError::Stopped)?,
            None => 0,
        };
        all.insert(next);
        let segments = Self::at(dir, roll_bytes, all, Position { segment: next, offset: 0 })?;
        Ok(OpenedSegments { segments, tail, truncated_bytes: 0 })
    }

    fn at(dir: &Path, roll_bytes: u64, all: BTreeSet<u32>, end: Position) -> Result<Self, StoreError> {
        let file = open_file(&path_of(dir, end.segment))?;
        sync_folder(dir)?;
        let bytes = all.iter().map(|segment| fs::metadata(path_of(dir, *segment)).map_or(0, |m| m.len())).sum();
        Ok(Self { dir: dir.to_owned(), bytes, roll_bytes, all, file, end, failed: false })
    }

    /// Drops everything behind `end`: records that the index will never name.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn cut_to(&mut self, end: Position) -> Result<(), StoreError> {
        while let Some(newest) = self.all.last().copied().filter(|newest| *newest > end.segment) {
            let path = path_of(&self.dir, newest);
            fs::remove_file(&path).map_err(|error| StoreError::from_io(error, &path))?;
            self.all.remove(&newest);
        }
        cut(&path_of(&self.dir, end.segment), end.offset)?;
        *self = Self::at(&self.dir, self.roll_bytes, std::mem::take(&mut self.all), end)?;
        Ok(())
    }

    /// Adds a record. It is on disk after the next [`Segments::sync`].
    ///
    /// # Errors
    /// [`StoreError::TooLong`]; those of the disk, after which the segments have to be opened anew.
    pub fn append(&mut self, bytes: &[u8]) -> Result<Location, StoreError> {
        if self.failed {
            return Err(StoreError::Stopped);
        }
        let len = match u32::try_from(bytes.len()) {
            Ok(len) if bytes.len() <= MAX_RECORD_BYTES => len,
            _ => return Err(StoreError::TooLong(bytes.len())),
        };
        if self.end.offset >= self.roll_bytes {
            self.roll()?;
        }
        let mut record = Vec::with_capacity(bytes.len() + RECORD_HEAD_BYTES);
        record.extend_from_slice(&len.to_le_bytes());
        record.extend_from_slice(&checksum(len, bytes).to_le_bytes());
        record.extend_from_slice(bytes);
        let start = self.end;
        let written = self.file.seek(SeekFrom::Start(start.offset)).and_then(|_| self.file.write_all(&record));
        self.check(written)?;
        self.end.offset += record.len() as u64;
        self.bytes += record.len() as u64;
        Ok(Location { start, len })
    }

    /// Brings every record to the disk.
    ///
    /// # Errors
    /// Those of the disk, after which the segments have to be opened anew.
    pub fn sync(&mut self) -> Result<(), StoreError> {
        if self.failed {
            return Err(StoreError::Stopped);
        }
        let synced = self.file.sync_data();
        self.check(synced)
    }

    /// Begins a new segment: at the size given, and whenever the owner wants one that it can drop by itself.
    ///
    /// # Errors
    /// Those of the disk, after which the segments have to be opened anew.
    pub fn roll(&mut self) -> Result<(), StoreError> {
        self.sync()?;
        if self.end.offset == 0 {
            return Ok(());
        }
        let next = self.end.segment.checked_add(1).ok_or(StoreError::Stopped)?;
        self.file = open_file(&path_of(&self.dir, next))?;
        sync_folder(&self.dir)?;
        self.all.insert(next);
        self.end = Position { segment: next, offset: 0 };
        Ok(())
    }

    /// Where the next record begins: what the index keeps as the durable position after a sync.
    pub fn end(&self) -> Position {
        self.end
    }

    /// Numbers of the segments, oldest first.
    pub fn numbers(&self) -> impl Iterator<Item = u32> + '_ {
        self.all.iter().copied()
    }

    /// Length of all segments, in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Reads records while this one is in use elsewhere.
    pub fn reader(&self) -> SegmentReader {
        SegmentReader { dir: self.dir.clone() }
    }

    /// Deletes the segments before `segment`, whose records the owner has let go of; never the newest. Returns the bytes
    /// that became free.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn drop_before(&mut self, segment: u32) -> Result<u64, StoreError> {
        let mut freed = 0;
        while let Some(oldest) = self.all.first().copied().filter(|n| *n < segment && *n < self.end.segment) {
            let path = path_of(&self.dir, oldest);
            freed += fs::metadata(&path).map_or(0, |m| m.len());
            fs::remove_file(&path).map_err(|error| StoreError::from_io(error, &path))?;
            self.all.remove(&oldest);
        }
        self.bytes = self.bytes.saturating_sub(freed);
        Ok(freed)
    }

    fn check<T>(&mut self, result: io::Result<T>) -> Result<T, StoreError> {
        result.map_err(|error| {
            self.failed = true;
            StoreError::from_io(error, &path_of(&self.dir, self.end.segment))
        })
    }
}

fn path_of(dir: &Path, segment: u32) -> PathBuf {
    dir.join(format!("{segment:08}.segment"))
}

fn open_file(path: &Path) -> Result<File, StoreError> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(|error| StoreError::from_io(error, path))
}

fn list(dir: &Path) -> Result<BTreeSet<u32>, StoreError> {
    let mut all = BTreeSet::new();
    for entry in fs::read_dir(dir).map_err(|error| StoreError::from_io(error, dir))? {
        let path = entry.map_err(|error| StoreError::from_io(error, dir))?.path();
        let number = path.file_stem().and_then(|n| n.to_str()).and_then(|n| n.parse::<u32>().ok());
        all.extend(number.filter(|number| path_of(dir, *number) == path));
    }
    Ok(all)
}

fn short(durable: Position) -> StoreError {
    StoreError::Corrupt(format!("segment {} ends before byte {}", durable.segment, durable.offset))
}

fn cut(path: &Path, len: u64) -> Result<(), StoreError> {
    let file = open_file(path)?;
    file.set_len(len).and_then(|()| file.sync_all()).map_err(|error| StoreError::from_io(error, path))
}

/// Adds the records that hold, from the one that begins at `from`, and returns where the last of them ends.
fn good_records(path: &Path, from: Position, found: &mut Vec<Location>) -> Result<u64, StoreError> {
    let mut read = || -> io::Result<u64> {
        let mut file = BufReader::new(File::open(path)?);
        file.seek(SeekFrom::Start(from.offset))?;
        let mut start = from;
        while let Found::Record { len, .. } = read_record(&mut file)? {
            found.push(Location { start, len });
            start.offset += RECORD_HEAD_BYTES as u64 + u64::from(len);
        }
        Ok(start.offset)
    };
    read().map_err(|error| StoreError::from_io(error, path))
}

/// What stands where a record should.
enum Found {
    Record {
        len: u32,
        bytes: Vec<u8>,
    },
    /// The end, or bytes that do not hold.
    Nothing,
}

fn read_record(r: &mut impl Read) -> io::Result<Found> {
    let mut head = [0u8; RECORD_HEAD_BYTES];
    if !read_full(r, &mut head)? {
        return Ok(Found::Nothing);
    }
    let [l0, l1, l2, l3, c0, c1, c2, c3] = head;
    let len = u32::from_le_bytes([l0, l1, l2, l3]);
    if len as usize > MAX_RECORD_BYTES {
        return Ok(Found::Nothing);
    }
    let mut bytes = vec![0u8; len as usize];
    if !read_full(r, &mut bytes)? {
        return Ok(Found::Nothing);
    }
    if checksum(len, &bytes) != u32::from_le_bytes([c0, c1, c2, c3]) {
        return Ok(Found::Nothing);
    }
    Ok(Found::Record { len, bytes })
}

/// Whether there were enough bytes.
fn read_full(r: &mut impl Read, out: &mut [u8]) -> io::Result<bool> {
    match r.read_exact(out) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn checksum(len: u32, bytes: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&len.to_le_bytes());
    crc.update(bytes);
    crc.finalize()
}

#[cfg(test)]
mod tests;
