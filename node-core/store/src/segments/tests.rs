//! Tests of the segment files.

use super::*;
use proptest::prelude::*;

const ROLL: u64 = 300;

fn open(dir: &Path, durable: Position) -> OpenedSegments {
    Segments::open(dir, ROLL, durable).unwrap()
}

fn record(n: u8) -> Vec<u8> {
    vec![n; usize::from(n) * 7 % 90]
}

/// Locations of `n` records, the segments synced and closed.
fn written(dir: &Path, n: u8) -> Vec<Location> {
    let mut segments = open(dir, Position::default()).segments;
    let locations = (0..n).map(|n| segments.append(&record(n)).unwrap()).collect();
    segments.sync().unwrap();
    locations
}

#[test]
fn records_are_read_back_across_segments_and_opens() {
    let dir = tempfile::tempdir().unwrap();
    let locations = written(dir.path(), 40);
    let opened = open(dir.path(), Position::default());
    assert_eq!(opened.truncated_bytes, 0);
    assert!(opened.segments.numbers().count() > 3);
    for (n, location) in (0..).zip(&locations) {
        assert_eq!(opened.segments.reader().read(*location).unwrap(), record(n));
    }
    let wrong = Location { len: locations[3].len + 1, ..locations[3] };
    assert!(matches!(opened.segments.reader().read(wrong), Err(StoreError::Corrupt(_))));
    assert!(matches!(
        opened.segments.reader().read(Location { start: opened.segments.end(), len: 0 }),
        Err(StoreError::Corrupt(_))
    ));
}

/// Cut at every byte of the last record: what is before it stays, the next append continues there.
#[test]
fn a_torn_tail_is_cut_at_every_byte() {
    let dir = tempfile::tempdir().unwrap();
    let mut segments = Segments::open(dir.path(), u64::MAX, Position::default()).unwrap().segments;
    let first = segments.append(b"first").unwrap();
    let last = segments.append(b"the last record").unwrap();
    let whole = segments.end().offset;
    drop(segments);
    let path = path_of(dir.path(), 0);
    let bytes = fs::read(&path).unwrap();
    for cut in last.start.offset..whole {
        fs::write(&path, &bytes[..usize::try_from(cut).unwrap()]).unwrap();
        let opened = Segments::open(dir.path(), u64::MAX, Position::default()).unwrap();
        assert_eq!(opened.truncated_bytes, cut - last.start.offset);
        let mut segments = opened.segments;
        assert_eq!(segments.end(), last.start);
        assert_eq!(segments.reader().read(first).unwrap(), b"first");
        assert!(segments.reader().read(last).is_err());
        let again = segments.append(b"another").unwrap();
        assert_eq!(again.start, last.start);
        assert_eq!(segments.reader().read(again).unwrap(), b"another");
    }
}

/// What holds behind the position that the index names is handed out in order.
#[test]
fn records_behind_the_index_are_the_tail() {
    let dir = tempfile::tempdir().unwrap();
    let locations = written(dir.path(), 40);
    for durable in [0, 7, 39] {
        let opened = open(dir.path(), locations[durable].start);
        assert_eq!(opened.tail, locations[durable..]);
    }
    let mut segments = open(dir.path(), locations[7].start).segments;
    segments.cut_to(locations[7].start).unwrap();
    assert_eq!((segments.end(), segments.numbers().last()), (locations[7].start, Some(locations[7].start.segment)));
    let sizes = segments.numbers().map(|n| fs::metadata(path_of(dir.path(), n)).unwrap().len()).sum::<u64>();
    assert_eq!(segments.bytes(), sizes);
    segments.append(b"goes on").unwrap();
    drop(segments);
    assert!(open(dir.path(), locations[7].start).tail.len() == 1);
}

/// Without an index every record that holds is found, damage between them or not, and no byte is changed.
#[test]
fn without_an_index_nothing_is_cut() {
    let dir = tempfile::tempdir().unwrap();
    let locations = written(dir.path(), 40);
    let all = Segments::open_without_index(dir.path(), ROLL).unwrap();
    assert_eq!(all.tail, locations);
    drop(all);
    let path = path_of(dir.path(), locations[2].start.segment);
    let mut bytes = fs::read(&path).unwrap();
    bytes[usize::try_from(locations[2].start.offset).unwrap() + RECORD_HEAD_BYTES] ^= 1;
    fs::write(&path, &bytes).unwrap();
    // A segment cut in the middle of its last record, as well.
    let cut_path = path_of(dir.path(), 1);
    let cut_len = fs::metadata(&cut_path).unwrap().len() - 1;
    OpenOptions::new().write(true).open(&cut_path).unwrap().set_len(cut_len).unwrap();
    let lost = *locations.iter().rfind(|l| l.start.segment == 1).unwrap();
    let expected: Vec<_> = locations.iter().copied().filter(|l| *l != locations[2] && *l != lost).collect();
    let mut opened = Segments::open_without_index(dir.path(), ROLL).unwrap();
    assert_eq!(opened.tail, expected);
    assert!(opened.segments.end().segment > locations[39].start.segment, "a new segment");
    let new = opened.segments.append(b"new").unwrap();
    assert_eq!(opened.segments.reader().read(new).unwrap(), b"new");
    assert_eq!(fs::read(&path).unwrap(), bytes);
    assert_eq!(fs::metadata(&cut_path).unwrap().len(), cut_len);
}

/// A length that does not hold hides no record behind it, nor do zeros or other files.
#[test]
fn without_an_index_records_behind_a_damaged_length_are_found() {
    let dir = tempfile::tempdir().unwrap();
    let locations = written(dir.path(), 12);
    let path = path_of(dir.path(), 0);
    let whole = fs::read(&path).unwrap();
    let victim = usize::try_from(locations[2].start.offset).unwrap();
    let expected: Vec<_> = locations.iter().copied().filter(|l| *l != locations[2]).collect();
    for name in ["1.segment", "+0000001.segment", "00000001.segment.bak"] {
        fs::write(dir.path().join(name), &whole).unwrap();
    }
    let end = victim + RECORD_HEAD_BYTES + locations[2].len as usize;
    let lengths =
        [0u32, 1, locations[2].len + 3, 5_000, u32::MAX].map(|len| (victim..victim + 4, len.to_le_bytes().to_vec()));
    for (range, bytes) in lengths.into_iter().chain([(victim..end, vec![0; end - victim])]) {
        let mut damaged = whole.clone();
        damaged[range].copy_from_slice(&bytes);
        fs::write(&path, &damaged).unwrap();
        let opened = Segments::open_without_index(dir.path(), ROLL).unwrap();
        assert_eq!(opened.tail, expected);
    }
}

#[test]
fn zeros_behind_the_end_are_no_records() {
    let dir = tempfile::tempdir().unwrap();
    let locations = written(dir.path(), 3);
    let path = path_of(dir.path(), 0);
    let len = fs::metadata(&path).unwrap().len();
    OpenOptions::new().write(true).open(&path).unwrap().set_len(len + 4_096).unwrap();
    let opened = open(dir.path(), Position::default());
    assert_eq!((opened.truncated_bytes, opened.segments.end().offset), (4_096, len));
    assert_eq!(opened.segments.reader().read(locations[2]).unwrap(), record(2));
}

/// What the index names is never cut: it is an error to have less, and damage in it shows when it is read.
#[test]
fn what_the_index_names_is_never_cut() {
    let dir = tempfile::tempdir().unwrap();
    let locations = written(dir.path(), 4);
    let path = path_of(dir.path(), 0);
    let mut bytes = fs::read(&path).unwrap();
    let durable = locations[3].start;
    bytes[usize::try_from(locations[1].start.offset).unwrap() + 9] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let opened = open(dir.path(), durable);
    assert_eq!(opened.truncated_bytes, 0);
    assert!(matches!(opened.segments.reader().read(locations[1]), Err(StoreError::Corrupt(_))));
    assert_eq!(opened.segments.reader().read(locations[3]).unwrap(), record(3));
    fs::write(&path, &bytes[..usize::try_from(durable.offset).unwrap() - 1]).unwrap();
    assert!(matches!(Segments::open(dir.path(), ROLL, durable), Err(StoreError::Corrupt(_))));
    let missing = Position { segment: 9, offset: 0 };
    assert!(matches!(Segments::open(dir.path(), ROLL, missing), Err(StoreError::Corrupt(_))));
    // One that is gone, with a newer one behind it.
    fs::write(path_of(dir.path(), 10), []).unwrap();
    assert!(matches!(Segments::open(dir.path(), ROLL, missing), Err(StoreError::Corrupt(_))));
}

#[test]
fn old_segments_are_dropped_but_never_the_newest() {
    let dir = tempfile::tempdir().unwrap();
    let locations = written(dir.path(), 40);
    let mut segments = open(dir.path(), Position::default()).segments;
    let newest = segments.end().segment;
    let freed = segments.drop_before(2).unwrap();
    assert!(freed > 2 * ROLL);
    assert_eq!(segments.numbers().next(), Some(2));
    assert!(matches!(segments.reader().read(locations[0]), Err(StoreError::Corrupt(_))));
    segments.drop_before(u32::MAX).unwrap();
    assert_eq!(segments.numbers().collect::<Vec<_>>(), [newest]);
    assert_eq!(segments.reader().read(locations[39]).unwrap(), record(39));
    // The row goes on behind what is gone.
    let end = segments.end();
    drop(segments);
    assert_eq!(open(dir.path(), end).segments.end(), end);
}

#[test]
fn a_record_too_long_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut segments = open(dir.path(), Position::default()).segments;
    assert!(matches!(segments.append(&vec![0; MAX_RECORD_BYTES + 1]), Err(StoreError::TooLong(_))));
    segments.append(b"still works").unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Behind the durable position any bytes may stand after a crash: a prefix of the records stays, in order.
    #[test]
    fn a_prefix_survives_any_tail(
        n in 1u8..30,
        durable in any::<prop::sample::Index>(),
        flip in any::<prop::sample::Index>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let locations = written(dir.path(), n);
        let durable_idx = durable.index(locations.len());
        let durable = locations[durable_idx].start;
        // Damage somewhere behind the durable position.
        let victim = locations[durable_idx + flip.index(locations.len() - durable_idx)];
        let path = path_of(dir.path(), victim.start.segment);
        let mut bytes = fs::read(&path).unwrap();
        let at = usize::try_from(victim.start.offset).unwrap();
        // Not a cut between two records: a segment is synced before the next one begins, so that only the newest can
        // lose whole records, and those were never named.
        let offset = at + 1 + cut.index(7 + victim.len as usize);
        if n % 2 == 0 { bytes[offset] ^= 0x10; } else { bytes.truncate(offset); }
        fs::write(&path, &bytes).unwrap();
        let opened = open(dir.path(), durable);
        for (n, location) in (0..).zip(&locations) {
            if location.start < victim.start {
                prop_assert_eq!(opened.segments.reader().read(*location).unwrap(), record(n));
            } else {
                prop_assert!(opened.segments.reader().read(*location).is_err());
            }
        }
        prop_assert_eq!(opened.segments.end(), victim.start);
    }
}
