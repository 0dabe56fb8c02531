//! Differences between two sets of unspent outputs.

use std::collections::BTreeMap;

use thiserror::Error;
use umbel_types::{OutPoint, UtxoEntry};

/// What a difference would make inconsistent: the caller broke an invariant, never a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DiffError {
    /// An output is added that is there already.
    #[error("output {0} is added twice")]
    AddedTwice(OutPoint),
    /// An output is removed that is gone already.
    #[error("output {0} is removed twice")]
    RemovedTwice(OutPoint),
}

/// Outputs that went and came. An output that came and went again stands in neither map.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct UtxoDiff {
    removed: BTreeMap<OutPoint, UtxoEntry>,
    added: BTreeMap<OutPoint, UtxoEntry>,
}

impl UtxoDiff {
    /// What went, by outpoint.
    pub fn removed(&self) -> &BTreeMap<OutPoint, UtxoEntry> {
        &self.removed
    }

    /// What came, by outpoint.
    pub fn added(&self) -> &BTreeMap<OutPoint, UtxoEntry> {
        &self.added
    }

    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.added.is_empty()
    }

    /// `Some(Some(_))` if it came, `Some(None)` if it went, `None` if the difference says nothing of it.
    pub fn lookup(&self, outpoint: &OutPoint) -> Option<Option<&UtxoEntry>> {
        match self.added.get(outpoint) {
            Some(entry) => Some(Some(entry)),
            None => self.removed.contains_key(outpoint).then_some(None),
        }
    }

    /// Adds an output.
    ///
    /// # Errors
    /// [`DiffError::AddedTwice`].
    pub fn add(&mut self, outpoint: OutPoint, entry: UtxoEntry) -> Result<(), DiffError> {
        if self.added.contains_key(&outpoint) {
            return Err(DiffError::AddedTwice(outpoint));
        }
        if self.removed.get(&outpoint) == Some(&entry) {
            self.removed.remove(&outpoint);
        } else {
            self.added.insert(outpoint, entry);
        }
        Ok(())
    }

    /// Removes an output.
    ///
    /// # Errors
    /// [`DiffError::RemovedTwice`].
    pub fn remove(&mut self, outpoint: OutPoint, entry: UtxoEntry) -> Result<(), DiffError> {
        if self.added.remove(&outpoint).is_some() {
            return Ok(());
        }
        match self.removed.insert(outpoint, entry) {
            None => Ok(()),
            Some(_) => Err(DiffError::RemovedTwice(outpoint)),
        }
    }

    /// Applies `next` on top.
    ///
    /// # Errors
    /// [`DiffError`] if `next` does not follow this difference.
    pub fn apply(&mut self, next: &Self) -> Result<(), DiffError> {
        for (outpoint, entry) in &next.removed {
            self.remove(*outpoint, entry.clone())?;
        }
        for (outpoint, entry) in &next.added {
            self.add(*outpoint, entry.clone())?;
        }
        Ok(())
    }

    /// Applies the opposite of `last` on top.
    ///
    /// # Errors
    /// [`DiffError`] if this difference does not end with `last`.
    pub fn undo(&mut self, last: &Self) -> Result<(), DiffError> {
        for (outpoint, entry) in &last.added {
            self.remove(*outpoint, entry.clone())?;
        }
        for (outpoint, entry) in &last.removed {
            self.add(*outpoint, entry.clone())?;
        }
        Ok(())
    }
}

impl FromIterator<(OutPoint, UtxoEntry)> for UtxoDiff {
    /// Outputs that all come.
    fn from_iter<T: IntoIterator<Item = (OutPoint, UtxoEntry)>>(entries: T) -> Self {
        Self { removed: BTreeMap::new(), added: entries.into_iter().collect() }
    }
}

impl UtxoDiff {
    /// From its two parts, as they were stored.
    pub fn from_parts(
        removed: impl IntoIterator<Item = (OutPoint, UtxoEntry)>,
        added: impl IntoIterator<Item = (OutPoint, UtxoEntry)>,
    ) -> Self {
        Self { removed: removed.into_iter().collect(), added: added.into_iter().collect() }
    }
}
