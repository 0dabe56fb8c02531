//! The guard under every failure and every crash of the disk.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use umbel_types::vote::Checkpoint;

use super::*;
use crate::validator::disk::MemoryDisk;

const PATH: &str = "data/validator.guard";
const GENESIS: BlockHash = BlockHash([1; 32]);
const KEY: Hash32 = Hash32([2; 32]);

/// What happens at the step that is counted down to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    /// The system says no; a write leaves half of its bytes.
    Fails(ErrorKind),
    /// The machine stops before the step, and what was not synced may be lost.
    Crash,
}

/// A file with what the disk has of it, and what programs see of it.
#[derive(Clone, Debug, Default)]
struct Content {
    seen: Vec<u8>,
    synced: Option<Vec<u8>>,
}

#[derive(Debug, Default)]
struct Inner {
    /// What programs see.
    names: BTreeMap<PathBuf, usize>,
    /// What the disk has of the names.
    synced_names: BTreeMap<PathBuf, usize>,
    files: Vec<Content>,
    steps_left: Option<usize>,
    crashed: bool,
}

/// A disk that fails or crashes at one step.
#[derive(Debug)]
struct BadDisk {
    inner: Mutex<Inner>,
    trouble: Trouble,
}

impl BadDisk {
    fn new(trouble: Trouble) -> Self {
        Self { inner: Mutex::default(), trouble }
    }

    fn fail_after(&self, steps: usize) {
        self.inner.lock().unwrap().steps_left = Some(steps);
    }

    /// Whether this step goes wrong, and how.
    fn step(inner: &mut Inner, trouble: Trouble) -> io::Result<()> {
        if inner.crashed {
            return Err(io::Error::other("the machine is off"));
        }
        match &mut inner.steps_left {
            None => Ok(()),
            Some(0) => {
                inner.steps_left = None;
                match trouble {
                    Trouble::Fails(kind) => Err(kind.into()),
                    Trouble::Crash => {
                        inner.crashed = true;
                        Err(io::Error::other("the machine is off"))
                    }
                }
            }
            Some(left) => {
                *left -= 1;
                Ok(())
            }
        }
    }

    /// The machine is on again. What was not synced is there (`lucky`) or is not.
    fn restart(&self, lucky: bool) {
        let mut inner = self.inner.lock().unwrap();
        inner.crashed = false;
        inner.steps_left = None;
        if !lucky {
            inner.names = inner.synced_names.clone();
            for file in &mut inner.files {
                file.seen = file.synced.clone().unwrap_or_default();
            }
        }
    }
}

impl Disk for BadDisk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let inner = self.inner.lock().unwrap();
        let file = inner.names.get(path).ok_or(ErrorKind::NotFound)?;
        Ok(inner.files[*file].seen.clone())
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut inner = self.inner.lock().unwrap();
        let outcome = Self::step(&mut inner, self.trouble);
        let written = if outcome.is_ok() { bytes } else { &bytes[..bytes.len() / 2] };
        let number = inner.files.len();
        inner.files.push(Content { seen: written.to_owned(), synced: None });
        inner.names.insert(path.to_owned(), number);
        outcome
    }

    fn sync(&self, path: &Path) -> io::Result<()> {
        let mut inner = self.inner.lock().unwrap();
        Self::step(&mut inner, self.trouble)?;
        let file = *inner.names.get(path).ok_or(ErrorKind::NotFound)?;
        inner.files[file].synced = Some(inner.files[file].seen.clone());
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut inner = self.inner.lock().unwrap();
        Self::step(&mut inner, self.trouble)?;
        let file = inner.names.remove(from).ok_or(ErrorKind::NotFound)?;
        inner.names.insert(to.to_owned(), file);
        Ok(())
    }

    fn sync_folder(&self, _folder: &Path) -> io::Result<()> {
        let mut inner = self.inner.lock().unwrap();
        Self::step(&mut inner, self.trouble)?;
        inner.synced_names = inner.names.clone();
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.inner.lock().unwrap().names.remove(path);
        Ok(())
    }
}

fn link(source: u32, target: u32) -> Link {
    let at = |index| Checkpoint { index, block: BlockHash([9; 32]) };
    Link { source: at(source), target: at(target) }
}

fn open(disk: &Arc<BadDisk>) -> GuardFile {
    GuardFile::open(Arc::clone(disk) as Arc<dyn Disk>, Path::new(PATH), GENESIS, KEY)
}

fn numbers(file: &GuardFile) -> Option<(u32, u32)> {
    file.guard().map(|guard| (guard.signed.max_source, guard.signed.max_target))
}

#[test]
fn a_vote_leaves_only_with_its_guard_on_the_disk() {
    // Write, sync, rename, sync of the folder.
    for step in 0..4 {
        for lucky in [false, true] {
            let disk = Arc::new(BadDisk::new(Trouble::Crash));
            let mut guard = open(&disk);
            guard.begin(0, 0).unwrap();
            let mut left = vec![(0, 0)];
            for target in 1..4 {
                left.push(guard.raise(link(target - 1, target)).map(|r| (r.link().source.index, target)).unwrap());
            }
            disk.fail_after(step);
            assert!(matches!(guard.raise(link(3, 4)), Err(GuardError::Disk(_))), "a vote left at step {step}");
            disk.restart(lucky);
            let guard = open(&disk);
            let found = numbers(&guard).unwrap_or_else(|| panic!("{}", guard.why_missing()));
            let newest = *left.last().unwrap();
            assert!(found >= newest, "step {step}, lucky {lucky}: {found:?} went back behind {newest:?}");
            assert!(found <= (3, 4));
        }
    }
}

#[test]
fn every_crash_of_a_whole_life_keeps_what_left() {
    for crash_at in 0..24 {
        let disk = Arc::new(BadDisk::new(Trouble::Crash));
        let mut guard = open(&disk);
        disk.fail_after(crash_at);
        let mut left = None;
        let begun = guard.begin(0, 0).is_ok();
        for target in 1..6 {
            if begun && let Ok(raised) = guard.raise(link(target - 1, target)) {
                left = Some((raised.link().source.index, raised.link().target.index));
            }
        }
        disk.restart(false);
        let again = open(&disk);
        match (left, numbers(&again)) {
            (Some(left), Some(found)) => assert!(found >= left, "crash {crash_at}: {found:?} behind {left:?}"),
            (Some(left), None) => panic!("crash {crash_at}: a vote {left:?} left, and no guard tells of it"),
            (None, _) => {}
        }
    }
}

#[test]
fn a_disk_that_refuses_costs_that_vote_and_no_other() {
    for kind in [ErrorKind::StorageFull, ErrorKind::Other, ErrorKind::ReadOnlyFilesystem] {
        for step in 0..4 {
            let disk = Arc::new(BadDisk::new(Trouble::Fails(kind)));
            let mut guard = open(&disk);
            guard.begin(0, 0).unwrap();
            let _ = guard.raise(link(0, 1)).unwrap();
            disk.fail_after(step);
            assert!(matches!(guard.raise(link(1, 2)), Err(GuardError::Disk(_))), "{kind:?} at {step}");
            // The new one may be on the disk: another block at the same checkpoint must not be signed.
            assert!(matches!(guard.raise(link(1, 2)), Err(GuardError::NotAllowed(_))), "{kind:?} at {step}");
            let _ = guard.raise(link(1, 3)).unwrap();
            assert_eq!(numbers(&open(&disk)), Some((1, 3)));
        }
    }
}

#[test]
fn a_guard_with_any_byte_changed_is_missing() {
    let disk: Arc<dyn Disk> = Arc::new(MemoryDisk::default());
    let path = Path::new(PATH);
    let mut guard = GuardFile::open(Arc::clone(&disk), path, GENESIS, KEY);
    guard.begin(3, 4).unwrap();
    let bytes = disk.read(path).unwrap();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 4;
        disk.write(path, &changed).unwrap();
        let mut guard = GuardFile::open(Arc::clone(&disk), path, GENESIS, KEY);
        assert!(guard.guard().is_none(), "byte {at}");
        assert!(matches!(guard.raise(link(4, 5)), Err(GuardError::Missing)));
        assert_eq!(disk.read(path).unwrap(), changed, "it stays as it is");
    }
    for cut in 0..bytes.len() {
        disk.write(path, &bytes[..cut]).unwrap();
        assert!(GuardFile::open(Arc::clone(&disk), path, GENESIS, KEY).guard().is_none(), "cut at {cut}");
    }
    disk.write(path, &bytes).unwrap();
    assert!(GuardFile::open(Arc::clone(&disk), path, BlockHash([7; 32]), KEY).guard().is_none());
    assert!(GuardFile::open(Arc::clone(&disk), path, GENESIS, Hash32([7; 32])).guard().is_none());
    assert_eq!(numbers(&GuardFile::open(disk, path, GENESIS, KEY)), Some((3, 4)));
}

#[test]
fn sources_never_fall_and_targets_always_rise() {
    let mut guard = open(&Arc::new(BadDisk::new(Trouble::Crash)));
    guard.begin(3, 5).unwrap();
    for (source, target) in [(2, 6), (3, 5), (3, 4), (4, 5)] {
        assert!(matches!(guard.raise(link(source, target)), Err(GuardError::NotAllowed(_))), "{source} → {target}");
    }
    let _ = guard.raise(link(3, 6)).unwrap();
    let _ = guard.raise(link(6, 7)).unwrap();
    assert_eq!(guard.guard().unwrap().generation, 3);
}

#[test]
fn a_moved_key_never_signs_here_again() {
    let disk = Arc::new(BadDisk::new(Trouble::Crash));
    let mut guard = open(&disk);
    guard.begin(3, 5).unwrap();
    guard.mark_moved().unwrap();
    for mut guard in [guard, open(&disk)] {
        assert!(matches!(guard.raise(link(5, 6)), Err(GuardError::Moved)));
        assert!(matches!(guard.begin(9, 9), Err(GuardError::Moved)));
        guard.give_up("a vote was heard");
        assert!(guard.guard().is_some_and(|g| g.moved && (g.signed.max_source, g.signed.max_target) == (3, 5)));
    }
    // Brought back with what it signed meanwhile.
    let mut guard = open(&disk);
    guard.take_over(40, 8, 9).unwrap();
    assert!(matches!(guard.raise(link(8, 9)), Err(GuardError::NotAllowed(_))));
    let _ = guard.raise(link(9, 10)).unwrap();
    assert!(guard.guard().unwrap().generation > 40);
}

#[test]
fn a_key_that_left_knows_its_own_file_from_one_that_comes_back() {
    let open = |name: &str, disk: &Arc<MemoryDisk>| GuardFile::open(disk.clone(), Path::new(name), GENESIS, KEY);
    let (here, there) = (Arc::new(MemoryDisk::default()), Arc::new(MemoryDisk::default()));
    let mut old = open(PATH, &here);
    old.begin(3, 4).unwrap();
    let left_with = old.guard().unwrap().generation;
    assert!(!old.left_after(left_with, 4), "it is still here");
    old.mark_moved().unwrap();
    assert!(open(PATH, &here).left_after(left_with, 4));
    let mut new = open(PATH, &there);
    assert!(!new.left_after(left_with, 4), "another machine never had it");
    new.take_over(left_with, 3, 4).unwrap();
    // It may come back at once, with a guard that is as new as what stayed here.
    let comes_back = new.guard().unwrap().generation;
    new.mark_moved().unwrap();
    assert!(!old.left_after(comes_back, 4));

    // Elsewhere the guard was lost, and one begun anew counts from 1: its targets still tell which file is older.
    let elsewhere = Arc::new(MemoryDisk::default());
    let mut again = open(PATH, &elsewhere);
    again.begin(8, 9).unwrap();
    again.mark_moved().unwrap();
    assert!(again.guard().unwrap().generation < left_with + 90);
    assert!(again.left_after(left_with + 90, 4));
    assert!(!again.left_after(left_with + 90, 9));
}
