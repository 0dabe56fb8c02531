//! Segment files after a crash: any bytes may stand behind what was synced.

use std::fs;
use std::path::{Path, PathBuf};

use umbel_store::segments::{Location, Position, Segments};

use crate::fixture::patch;

/// Small, so that few records fill several files.
const ROLL_BYTES: u64 = 96;

/// Number of records, number of them that the index names, then patches of what lies behind; the last byte cuts.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    vec![vec![0, 0, 0], vec![9, 3, 0], vec![9, 3, 0, 8, 0, 1], vec![12, 12, 0], vec![12, 0, 7, 40, 0, 255]]
}

fn record(n: u8) -> Vec<u8> {
    vec![n; usize::from(n) * 11 % 70]
}

/// In memory where the system has a folder for that: a disk is waited for otherwise.
fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// What the index names is read back or reported as damaged, never as something else; what follows is a prefix of what
/// was written; and the row goes on behind it.
pub(crate) fn run(data: &[u8]) {
    let [n, named, cut, patches @ ..] = data else { return };
    let (n, folder) = (n % 24, folder());
    let locations: Vec<Location> = {
        let mut segments = Segments::open(folder.path(), ROLL_BYTES, Position::default()).unwrap().segments;
        let locations = (0..n).map(|n| segments.append(&record(n)).unwrap()).collect();
        segments.sync().unwrap();
        locations
    };
    let named = usize::from(*named) % (locations.len() + 1);
    let durable = locations.get(named).map_or(Position::default(), |location| location.start);
    let durable = if locations.is_empty() { Position::default() } else { durable };
    // Damage in the newest file, behind the durable position.
    let newest = files(folder.path()).pop().unwrap();
    let newest_number = locations.last().map_or(0, |location| location.start.segment);
    let mut bytes = fs::read(&newest).unwrap();
    let from = if durable.segment == newest_number { usize::try_from(durable.offset).unwrap() } else { 0 };
    if from <= bytes.len() {
        let keep = bytes.len() - usize::from(*cut) % (bytes.len() - from + 1);
        bytes.truncate(keep);
        patch(&mut bytes[from..], patches);
        fs::write(&newest, &bytes).unwrap();
    }
    let mut segments = Segments::open(folder.path(), ROLL_BYTES, durable).unwrap().segments;
    let reader = segments.reader();
    let mut gone = false;
    for (n, location) in (0..).zip(&locations) {
        let kept = location.start < segments.end();
        assert!(!(kept && gone), "a record is there behind one that is not");
        gone |= !kept;
        match reader.read(*location) {
            Ok(found) => assert!(found == record(n) && kept),
            Err(_) => {
                assert!(!kept || location.start >= durable || named == 0, "a record that the index names is gone")
            }
        }
    }
    let next = segments.append(b"next").unwrap();
    segments.sync().unwrap();
    let end = segments.end();
    drop(segments);
    let opened = Segments::open(folder.path(), ROLL_BYTES, end).unwrap();
    assert_eq!((opened.truncated_bytes, opened.segments.end()), (0, end));
    assert_eq!(opened.segments.reader().read(next).unwrap(), b"next");
}
