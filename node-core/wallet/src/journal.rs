//! The journal: an append-only file of encrypted records.
//!
//! ```text
//! magic "UMBLJRNL" ‖ version u16 ‖ file id 16
//! then for each record: length u32 ‖ nonce 12 ‖ ciphertext and tag
//! ```
//! AES-256-GCM under a key that follows from the words. The associated data of a record is the file's header, the
//! record's number and the tag of the one before: no record can be left out, moved or taken from another file. What
//! follows the last record that opens is a torn tail: it is set aside and cut off.
//!
//! An open journal is locked by the operating system: nobody else opens it, in this process or another one.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use umbel_types::encode::{Decode, Encode};
use zeroize::Zeroizing;

use crate::error::{Damage, WalletError};
use crate::files::{self, sync_folder_of};
use crate::random::fill_random;
use crate::record::Record;

const MAGIC: [u8; 8] = *b"UMBLJRNL";
const VERSION: u16 = 1;
const HEADER_BYTES: usize = 8 + 2 + 16;
const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;
/// Longest record: a list of 4,096 coins with notes stays far below.
const MAX_RECORD_BYTES: usize = 64 * 1024 * 1024;
/// A journal below this length is not compacted.
const COMPACT_FROM_BYTES: u64 = 1024 * 1024;
/// How often opening starts again because its holder replaced the file meanwhile. Once suffices, since the holder then
/// has the new file locked.
const OPEN_ATTEMPTS: usize = 4;

/// What had to be given up when a journal was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Torn {
    /// Bytes cut off.
    pub(crate) bytes: u64,
    /// Where they were put.
    pub(crate) kept_in: PathBuf,
}

/// An open journal. `file` is locked for as long as this lives, and every file that replaces it is locked before it does.
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    key: Zeroizing<[u8; 32]>,
    chain: Chain,
    length: u64,
    compacted_length: u64,
}

/// What binds the next record to all before it.
#[derive(Clone)]
pub(crate) struct Chain {
    header: [u8; HEADER_BYTES],
    number: u64,
    last_tag: [u8; TAG_BYTES],
}

impl Chain {
    pub(crate) fn new(id: [u8; 16]) -> Self {
        let mut header = [0u8; HEADER_BYTES];
        header[..8].copy_from_slice(&MAGIC);
        header[8..10].copy_from_slice(&VERSION.to_le_bytes());
        header[10..].copy_from_slice(&id);
        Self { header, number: 0, last_tag: [0; TAG_BYTES] }
    }

    fn associated_data(&self) -> Vec<u8> {
        [self.header.as_slice(), &self.number.to_le_bytes(), &self.last_tag].concat()
    }

    pub(crate) fn seal(&mut self, key: &[u8; 32], record: &Record) -> Result<Vec<u8>, WalletError> {
        let plaintext = Zeroizing::new(record.to_bytes());
        if plaintext.len() > MAX_RECORD_BYTES - NONCE_BYTES - TAG_BYTES {
            return Err(WalletError::Journal("a record is too long".to_owned()));
        }
        let mut nonce = [0u8; NONCE_BYTES];
        fill_random(&mut nonce)?;
        let aad = self.associated_data();
        let ciphertext = Aes256Gcm::new(&Key::<Aes256Gcm>::from(*key))
            .encrypt(&Nonce::from(nonce), Payload { msg: &plaintext, aad: &aad })
            .map_err(|_| WalletError::Journal("a record can't be encrypted".to_owned()))?;
        let length = u32::try_from(NONCE_BYTES + ciphertext.len()).expect("at most MAX_RECORD_BYTES");
        let bytes = [length.to_le_bytes().as_slice(), &nonce, &ciphertext].concat();
        self.advance(&ciphertext);
        Ok(bytes)
    }

    fn advance(&mut self, ciphertext: &[u8]) {
        self.number += 1;
        self.last_tag.copy_from_slice(&ciphertext[ciphertext.len() - TAG_BYTES..]);
    }

    /// Opens the record that `bytes` starts with; gives it and its length. `None` where there is none that opens.
    pub(crate) fn open(&mut self, key: &[u8; 32], bytes: &[u8]) -> Option<(Record, usize)> {
        let length = u32::from_le_bytes(bytes.get(..4)?.try_into().ok()?) as usize;
        if !(NONCE_BYTES + TAG_BYTES..=MAX_RECORD_BYTES).contains(&length) {
            return None;
        }
        let (nonce, ciphertext) = bytes.get(4..4 + length)?.split_at(NONCE_BYTES);
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().ok()?;
        let aad = self.associated_data();
        let plaintext = Aes256Gcm::new(&Key::<Aes256Gcm>::from(*key))
            .decrypt(&Nonce::from(nonce), Payload { msg: ciphertext, aad: &aad })
            .map(Zeroizing::new)
            .ok()?;
        let record = Record::from_bytes(&plaintext).ok()?;
        self.advance(ciphertext);
        Some((record, 4 + length))
    }
}

impl Journal {
    /// Opens the journal, or starts one where there is none, and gives its records. A tail that does not open is put
    /// beside the file and cut off.
    ///
    /// # Errors
    /// [`WalletError::InUse`]; [`WalletError::Damaged`] where a newer program wrote it, with nothing changed;
    /// [`WalletError::Io`], [`WalletError::Randomness`].
    pub(crate) fn open(
        path: &Path,
        key: Zeroizing<[u8; 32]>,
    ) -> Result<(Self, Vec<Record>, Option<Torn>), WalletError> {
        let (mut file, is_new) = open_locked(path)?;
        if is_new {
            let journal = Self::start(path, file, key).inspect_err(|_| {
                // Nothing is in it; the next opening makes it anew.
                let _ = std::fs::remove_file(path);
            })?;
            return Ok((journal, Vec::new(), None));
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(|e| WalletError::io("reading", path, &e))?;
        if let Some(version) = newer_version(&bytes, &key) {
            return Err(WalletError::Damaged { path: path.to_owned(), damage: Damage::Version(version) });
        }
        let header_holds = bytes.len() >= HEADER_BYTES && bytes[..8] == MAGIC && bytes[8..10] == VERSION.to_le_bytes();
        if !header_holds {
            let torn = set_aside(path, &bytes)?;
            return Self::start(path, file, key).map(|journal| (journal, Vec::new(), Some(torn)));
        }
        let mut chain = Chain::new(file_id(&bytes));
        let mut records = Vec::new();
        let mut at = HEADER_BYTES;
        while let Some((record, length)) = chain.open(&key, &bytes[at..]) {
            records.push(record);
            at += length;
        }
        let torn = if at < bytes.len() { Some(set_aside(path, &bytes[at..])?) } else { None };
        let length = at as u64;
        if torn.is_some() {
            file.set_len(length).and_then(|()| file.sync_all()).map_err(|e| WalletError::io("repairing", path, &e))?;
        }
        let journal = Self { path: path.to_owned(), file, key, chain, length, compacted_length: length };
        Ok((journal, records, torn))
    }

    /// Begins anew in a locked file; what it held is gone.
    fn start(path: &Path, mut file: File, key: Zeroizing<[u8; 32]>) -> Result<Self, WalletError> {
        let chain = fresh_chain()?;
        let write = |file: &mut File| {
            file.set_len(0)?;
            file.seek(SeekFrom::Start(0))?;
            file.write_all(&chain.header)?;
            file.sync_all()
        };
        write(&mut file).map_err(|e| WalletError::io("writing", path, &e))?;
        sync_folder_of(path)?;
        let length = HEADER_BYTES as u64;
        Ok(Self { path: path.to_owned(), file, key, chain, length, compacted_length: length })
    }

    /// Checks that the file still stands where it was opened.
    ///
    /// # Errors
    /// [`WalletError::FilesRemoved`].
    pub(crate) fn check_in_place(&self) -> Result<(), WalletError> {
        if files::is_in_place(&self.file, &self.path) {
            Ok(())
        } else {
            Err(WalletError::FilesRemoved { path: self.path.clone() })
        }
    }

    /// Adds records; with `durable`, they are on disk when this returns. Where it fails, none of them counts.
    ///
    /// # Errors
    /// [`WalletError::FilesRemoved`], [`WalletError::Io`], [`WalletError::Randomness`], [`WalletError::Journal`].
    pub(crate) fn append(&mut self, records: &[Record], durable: bool) -> Result<(), WalletError> {
        self.check_in_place()?;
        let mut chain = self.chain.clone();
        let mut bytes = Vec::new();
        for record in records {
            bytes.extend_from_slice(&chain.seal(&self.key, record)?);
        }
        let write = |file: &mut File| {
            file.seek(SeekFrom::Start(self.length))?;
            file.write_all(&bytes)?;
            if durable { file.sync_data() } else { Ok(()) }
        };
        if let Err(error) = write(&mut self.file) {
            // What was written in part is cut off again; should that fail too, the next opening does it.
            if self.file.set_len(self.length).is_err() {
                tracing::warn!(target: "umbel::wallet", "a torn record stays in the journal until it is opened again");
            }
            return Err(WalletError::io("writing", &self.path, &error));
        }
        self.chain = chain;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Whether it has grown so much since the last compaction that rewriting it pays.
    pub(crate) fn wants_compaction(&self) -> bool {
        self.length >= COMPACT_FROM_BYTES && self.length >= self.compacted_length.saturating_mul(4)
    }

    /// Replaces all records: a new file is written, synced, and renamed over the old one.
    ///
    /// # Errors
    /// [`WalletError::FilesRemoved`], [`WalletError::Io`], [`WalletError::Randomness`]; the old journal is intact then.
    pub(crate) fn rewrite(&mut self, records: &[Record]) -> Result<(), WalletError> {
        self.check_in_place()?;
        let mut chain = fresh_chain()?;
        let mut bytes = chain.header.to_vec();
        for record in records {
            bytes.extend_from_slice(&chain.seal(&self.key, record)?);
        }
        let file = files::write_beside(&self.path, &bytes)?;
        lock(&file, &self.path)?;
        files::put_in_place(&self.path)?;
        self.file = file;
        self.chain = chain;
        self.length = bytes.len() as u64;
        self.compacted_length = self.length;
        sync_folder_of(&self.path)
    }

    /// Makes sure that all records are on disk.
    ///
    /// # Errors
    /// [`WalletError::FilesRemoved`], [`WalletError::Io`].
    pub(crate) fn sync(&mut self) -> Result<(), WalletError> {
        self.check_in_place()?;
        self.file.sync_data().map_err(|e| WalletError::io("writing", &self.path, &e))
    }
}

fn fresh_chain() -> Result<Chain, WalletError> {
    let mut id = [0u8; 16];
    fill_random(&mut id)?;
    Ok(Chain::new(id))
}

fn file_id(bytes: &[u8]) -> [u8; 16] {
    bytes[10..HEADER_BYTES].try_into().expect("sixteen bytes")
}

/// Takes the lock of an open file.
fn lock(file: &File, path: &Path) -> Result<(), WalletError> {
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => WalletError::InUse { path: path.to_owned() },
        TryLockError::Error(error) => WalletError::io("locking", path, &error),
    })
}

/// Opens and locks the file at `path`, and makes it where there is none; tells whether it was made.
fn open_locked(path: &Path) -> Result<(File, bool), WalletError> {
    for _ in 0..OPEN_ATTEMPTS {
        let (file, is_new) = match files::create_new_private(path)? {
            Some(file) => (file, true),
            None => match OpenOptions::new().read(true).write(true).open(path) {
                Ok(file) => (file, false),
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(WalletError::io("opening", path, &error)),
            },
        };
        lock(&file, path)?;
        // LOCK SAFETY: a file that was replaced between opening and locking is free, and is not the journal any more.
        if files::is_in_place(&file, path) {
            return Ok((file, is_new));
        }
    }
    Err(WalletError::InUse { path: path.to_owned() })
}

/// The version of a journal that a newer program wrote. A header whose first record opens under this program's version
/// is damaged instead.
fn newer_version(bytes: &[u8], key: &[u8; 32]) -> Option<u16> {
    if bytes.len() < HEADER_BYTES || bytes[..8] != MAGIC {
        return None;
    }
    let version = u16::from_le_bytes([bytes[8], bytes[9]]);
    let opens = || Chain::new(file_id(bytes)).open(key, &bytes[HEADER_BYTES..]).is_some();
    (version > VERSION && !opens()).then_some(version)
}

/// Puts bytes beside the journal, into a file of their own, so that nothing is lost that somebody may yet read.
fn set_aside(path: &Path, bytes: &[u8]) -> Result<Torn, WalletError> {
    let mut number = 0u32;
    let (kept_in, mut file) = loop {
        number += 1;
        let kept_in = path.with_extension(format!("journal.torn-{number}"));
        if let Some(file) = files::create_new_private(&kept_in)? {
            break (kept_in, file);
        }
    };
    if let Err(error) = file.write_all(bytes).and_then(|()| file.sync_all()) {
        let _ = std::fs::remove_file(&kept_in);
        return Err(WalletError::io("writing", &kept_in, &error));
    }
    sync_folder_of(&kept_in)?;
    Ok(Torn { bytes: bytes.len() as u64, kept_in })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::bounded;

    fn key() -> Zeroizing<[u8; 32]> {
        Zeroizing::new([7; 32])
    }

    fn address(index: u32) -> Record {
        Record::Address { index, label: bounded(&format!("label {index}")) }
    }

    fn open(path: &Path) -> (Journal, Vec<Record>, Option<Torn>) {
        Journal::open(path, key()).unwrap()
    }

    #[test]
    fn a_journal_torn_at_any_byte_opens_with_all_whole_records() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("wallet.journal");
        let (mut journal, records, torn) = open(&path);
        assert!(records.is_empty() && torn.is_none());
        let mut ends = vec![std::fs::metadata(&path).unwrap().len()];
        let all: Vec<Record> = (0..6).map(address).collect();
        for record in &all {
            journal.append(core::slice::from_ref(record), true).unwrap();
            ends.push(std::fs::metadata(&path).unwrap().len());
        }
        drop(journal);
        let whole = std::fs::read(&path).unwrap();
        for cut in 0..=whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let (mut journal, records, torn) = open(&path);
            let expected = ends.iter().filter(|end| **end <= cut as u64).count().saturating_sub(1);
            assert_eq!(records, all[..expected], "cut at {cut}");
            let is_whole = ends.contains(&(cut as u64));
            assert_eq!(torn.is_none(), is_whole, "cut at {cut}");
            if let Some(torn) = torn {
                assert_eq!(std::fs::read(&torn.kept_in).unwrap().len() as u64, torn.bytes, "nothing is thrown away");
            }
            // It goes on from there.
            journal.append(&[address(99)], false).unwrap();
            drop(journal);
            let (_, records, torn) = open(&path);
            assert_eq!((records.len(), records.last(), torn), (expected + 1, Some(&address(99)), None));
        }
    }

    #[test]
    fn a_changed_byte_ends_the_journal_before_its_record() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("wallet.journal");
        let (mut journal, _, _) = open(&path);
        let all: Vec<Record> = (0..3).map(address).collect();
        journal.append(&all, true).unwrap();
        drop(journal);
        let whole = std::fs::read(&path).unwrap();
        for i in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[i] ^= 1;
            std::fs::write(&path, &bytes).unwrap();
            let (_, records, torn) = open(&path);
            assert!(torn.is_some() && records.len() < 3 && all.starts_with(&records), "byte {i}");
        }
    }

    #[test]
    fn records_can_not_be_left_out_moved_or_taken_from_another_file() {
        let dir = tempfile::tempdir().unwrap();
        let (path, other) = (dir.path().join("a.journal"), dir.path().join("b.journal"));
        let mut parts = Vec::new();
        for path in [&path, &other] {
            let (mut journal, _, _) = open(path);
            let mut ends = vec![HEADER_BYTES];
            for index in 0..3 {
                journal.append(&[address(index)], true).unwrap();
                ends.push(std::fs::read(path).unwrap().len());
            }
            let bytes = std::fs::read(path).unwrap();
            let records: Vec<Vec<u8>> = ends.windows(2).map(|pair| bytes[pair[0]..pair[1]].to_vec()).collect();
            parts.push((bytes[..HEADER_BYTES].to_vec(), records));
        }
        let (header, a) = &parts[0];
        let (_, b) = &parts[1];
        for (file, expected) in [
            ([header, &a[1], &a[2]].map(Vec::as_slice).concat(), 0),
            ([header, &a[0], &a[2]].map(Vec::as_slice).concat(), 1),
            ([header, &a[1], &a[0]].map(Vec::as_slice).concat(), 0),
            ([header, &a[0], &a[0]].map(Vec::as_slice).concat(), 1),
            ([header, &a[0], &b[1]].map(Vec::as_slice).concat(), 1),
            ([header, &b[0]].map(Vec::as_slice).concat(), 0),
        ] {
            std::fs::write(&path, file).unwrap();
            let (_, records, torn) = open(&path);
            assert_eq!((records.len(), torn.is_some()), (expected, true));
        }
    }

    #[test]
    fn an_open_journal_is_locked_before_and_after_it_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("wallet.journal");
        let in_use = || Some(WalletError::InUse { path: path.clone() });
        let (mut journal, _, _) = open(&path);
        assert_eq!(Journal::open(&path, key()).err(), in_use());
        journal.append(&[address(0)], true).unwrap();
        journal.rewrite(&[address(1)]).unwrap();
        assert_eq!(Journal::open(&path, key()).err(), in_use());
        journal.append(&[address(2)], true).unwrap();
        drop(journal);
        assert_eq!(open(&path).1, [address(1), address(2)]);
    }

    #[test]
    fn every_torn_tail_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("wallet.journal");
        drop(open(&path));
        let mut kept = Vec::new();
        for tail in [b"first tail".as_slice(), b"second"] {
            let mut file = OpenOptions::new().append(true).open(&path).unwrap();
            file.write_all(tail).unwrap();
            kept.push((open(&path).2.unwrap().kept_in, tail));
        }
        for (path, tail) in kept {
            assert_eq!(std::fs::read(path).unwrap(), tail);
        }
    }

    #[test]
    fn a_journal_of_a_newer_version_is_refused_and_stays_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("wallet.journal");
        let (journal, _, _) = open(&path);
        drop(journal);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[8..10].copy_from_slice(&2u16.to_le_bytes());
        bytes.extend_from_slice(b"records of another form");
        std::fs::write(&path, &bytes).unwrap();
        let error = Journal::open(&path, key()).err().unwrap();
        assert_eq!(error, WalletError::Damaged { path: path.clone(), damage: Damage::Version(2) });
        assert!(error.to_string().contains("newer version of this program"), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_journal_that_was_removed_or_replaced_is_not_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("wallet.journal");
        let gone = || Err(WalletError::FilesRemoved { path: path.clone() });
        let (mut journal, _, _) = open(&path);
        journal.append(&[address(0)], true).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(journal.append(&[address(1)], true), gone());
        assert_eq!(journal.rewrite(&[address(1)]), gone());
        assert_eq!(journal.sync(), gone());
        assert!(!path.exists());
        if cfg!(unix) {
            let (other, _, _) = open(&path);
            assert_eq!((journal.append(&[address(1)], true), journal.rewrite(&[address(1)])), (gone(), gone()));
            drop(other);
            assert_eq!(open(&path).1, []);
        }
    }

    #[test]
    fn a_rewritten_journal_holds_the_new_records_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("wallet.journal");
        let (mut journal, _, _) = open(&path);
        journal.append(&(0..50).map(address).collect::<Vec<_>>(), false).unwrap();
        assert!(!journal.wants_compaction());
        journal.rewrite(&[address(1)]).unwrap();
        journal.append(&[address(2)], true).unwrap();
        drop(journal);
        assert_eq!(open(&path).1, [address(1), address(2)]);
    }
}
