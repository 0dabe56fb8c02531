//! `validator.guard`: what a key has signed, so that it never signs anything that contradicts it.
//!
//! ```text
//! magic "UMBLGARD" ‖ version u16 ‖ genesis 32 ‖ key hash 32 ‖ generation u64 ‖ source u32 ‖ target u32 ‖ moved u8
//!   ‖ checksum 32
//! ```
//! `source` and `target` are the highest indices ever signed. The file lies outside the database and is never made from
//! it: one that is missing, damaged, of another key or older than a vote that was heard counts as missing.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use umbel_dag::finality::VoteGuard;
use umbel_types::encode::{Decode, Encode, Reader};
use umbel_types::hash::{Domain, Hasher};
use umbel_types::vote::Link;
use umbel_types::{BlockHash, Hash32};

use super::disk::{Disk, replace};

const MAGIC: [u8; 8] = *b"UMBLGARD";
const VERSION: u16 = 1;
const CHECKSUM: Domain = Domain("umbel/validator-guard/v1");

/// Content of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Guard {
    /// Genesis of the chain.
    pub(crate) genesis: BlockHash,
    /// Hash of the vote key.
    pub(crate) key: Hash32,
    /// Rises with each writing.
    pub(crate) generation: u64,
    /// What it has signed.
    pub(crate) signed: VoteGuard,
    /// The key was taken to another machine: it never signs here again.
    pub(crate) moved: bool,
}
umbel_types::encode_struct!(Content { genesis, key, generation, source, target, moved });

/// The same with fields that have an encoding.
#[derive(Clone, Copy)]
struct Content {
    genesis: BlockHash,
    key: Hash32,
    generation: u64,
    source: u32,
    target: u32,
    moved: u8,
}

impl Guard {
    fn to_bytes(self) -> Vec<u8> {
        let Self { genesis, key, generation, signed, moved } = self;
        let VoteGuard { max_source: source, max_target: target } = signed;
        let mut out = MAGIC.to_vec();
        VERSION.encode(&mut out);
        Content { genesis, key, generation, source, target, moved: u8::from(moved) }.encode(&mut out);
        let checksum = Hasher::new(CHECKSUM).with_bytes(&out).finish();
        checksum.encode(&mut out);
        out
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (body, checksum) = bytes.split_at_checked(bytes.len().checked_sub(32)?)?;
        if Hasher::new(CHECKSUM).with_bytes(body).finish().as_bytes() != checksum {
            return None;
        }
        let mut r = Reader::new(body.strip_prefix(&MAGIC)?);
        if u16::decode(&mut r).ok()? != VERSION {
            return None;
        }
        let content = Content::decode(&mut r).ok()?;
        r.finish().ok()?;
        let Content { genesis, key, generation, source, target, moved } = content;
        let signed = VoteGuard { max_source: source, max_target: target };
        (moved <= 1).then_some(Self { genesis, key, generation, signed, moved: moved == 1 })
    }

    /// Whether this guard knows of a vote: one that it does not know of was cast after it was written, or elsewhere.
    pub(crate) fn knows(&self, link: &Link) -> bool {
        link.source.index <= self.signed.max_source && link.target.index <= self.signed.max_target
    }
}

/// A link that the guard on the disk already counts as signed. Only [`GuardFile::raise`] makes one.
#[derive(Debug)]
pub(crate) struct Raised(Link);

impl Raised {
    /// What may be signed.
    pub(crate) fn link(&self) -> Link {
        self.0
    }
}

/// Why a link may not be signed now.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GuardError {
    /// There is no guard to raise.
    #[error("there is no guard of what this key has signed")]
    Missing,
    /// The key was taken elsewhere.
    #[error("this key was moved to another machine")]
    Moved,
    /// It may contradict an earlier vote.
    #[error("the guard does not allow {} → {}", .0.source.index, .0.target.index)]
    NotAllowed(Link),
    /// The disk refused. Whether the new guard is on it is not known, so this link is never signed.
    #[error("the guard could not be written: {0}")]
    Disk(#[from] io::Error),
}

/// The guard of one key.
pub(crate) struct GuardFile {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    genesis: BlockHash,
    key: Hash32,
    /// What is on the disk, or may be.
    guard: Option<Guard>,
    missing: String,
}

impl GuardFile {
    /// Reads the guard of a key. Whatever can't be used counts as missing, and stays as it is.
    pub(crate) fn open(disk: Arc<dyn Disk>, path: &Path, genesis: BlockHash, key: Hash32) -> Self {
        let (guard, missing) = match disk.read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => (None, "there is no guard file".to_owned()),
            Err(error) => (None, format!("the guard file can't be read: {error}")),
            Ok(bytes) => match Guard::from_bytes(&bytes) {
                None => (None, "the guard file is damaged".to_owned()),
                Some(guard) if guard.genesis != genesis => (None, "the guard file is of another chain".to_owned()),
                Some(guard) if guard.key != key => (None, "the guard file is of another key".to_owned()),
                Some(guard) => (Some(guard), String::new()),
            },
        };
        Self { disk, path: path.to_owned(), genesis, key, guard, missing }
    }

    /// The guard, where there is one.
    pub(crate) fn guard(&self) -> Option<&Guard> {
        self.guard.as_ref()
    }

    /// Why there is none; empty where there is one.
    pub(crate) fn why_missing(&self) -> &str {
        &self.missing
    }

    /// A vote was heard that the guard does not know of: it is an older one, and counts as missing.
    pub(crate) fn give_up(&mut self, why: impl Into<String>) {
        if self.guard.is_some_and(|guard| !guard.moved) {
            self.guard = None;
            self.missing = why.into();
        }
    }

    /// Begins a guard where none counts: of a key that never signed, or after watching for long enough.
    pub(crate) fn begin(&mut self, source: u32, target: u32) -> Result<(), GuardError> {
        if self.guard.is_some_and(|guard| guard.moved) {
            return Err(GuardError::Moved);
        }
        self.write(VoteGuard { max_source: source, max_target: target }, false)
    }

    /// Counts a link as signed, durably. The vote is made from what this gives.
    pub(crate) fn raise(&mut self, link: Link) -> Result<Raised, GuardError> {
        let guard = self.guard.as_ref().ok_or(GuardError::Missing)?;
        if guard.moved {
            return Err(GuardError::Moved);
        }
        let signed = guard.signed;
        if !signed.may_sign(&link) {
            return Err(GuardError::NotAllowed(link));
        }
        self.write(signed.behind(&link), false)?;
        Ok(Raised(link))
    }

    /// The key leaves this machine for good. Where there was no guard, zero stands for what it signed: the other machine
    /// has to watch first.
    pub(crate) fn mark_moved(&mut self) -> Result<(), GuardError> {
        self.write(self.guard.map_or(VoteGuard::default(), |guard| guard.signed), true)
    }

    fn write(&mut self, signed: VoteGuard, moved: bool) -> Result<(), GuardError> {
        let generation = self.guard.map_or(1, |guard| guard.generation.saturating_add(1));
        let guard = Guard { genesis: self.genesis, key: self.key, generation, signed, moved };
        // Known before it is tried: after a failure the new one may be on the disk, so the old one counts no more.
        let written = replace(self.disk.as_ref(), &self.path, &guard.to_bytes());
        self.guard = Some(guard);
        self.missing.clear();
        written.map_err(GuardError::Disk)
    }

    /// Whether the key left this machine with that generation, or later: a guard that comes back from elsewhere is newer. One
    /// that was lost and begun anew counts from 1, but has signed for higher targets.
    pub(crate) fn left_after(&self, generation: u64, target: u32) -> bool {
        let is_newer = |guard: Guard| guard.generation > generation || guard.signed.max_target > target;
        self.guard.is_some_and(|guard| guard.moved && is_newer(guard))
    }

    /// Replaces whatever is there by the guard of a key that was moved here.
    pub(crate) fn take_over(&mut self, generation: u64, source: u32, target: u32) -> Result<(), GuardError> {
        let known = self.guard.unwrap_or(Guard {
            genesis: self.genesis,
            key: self.key,
            generation: 0,
            signed: VoteGuard::default(),
            moved: false,
        });
        self.guard = Some(Guard { generation: known.generation.max(generation), ..known });
        let VoteGuard { max_source, max_target } = known.signed;
        self.write(VoteGuard { max_source: source.max(max_source), max_target: target.max(max_target) }, false)
    }
}

#[cfg(test)]
mod tests;
