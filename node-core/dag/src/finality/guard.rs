//! What keeps a validator from breaking F6, whatever it is told.

use umbel_types::Link;

/// The two numbers that a validator must never lose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct VoteGuard {
    /// Highest source index that it signed with.
    pub max_source: u32,
    /// Highest target index that it signed.
    pub max_target: u32,
}

impl VoteGuard {
    /// # Consensus
    /// > It never signs with source < max source or target ≤ max target. (F3)
    pub fn may_sign(&self, link: &Link) -> bool {
        link.source.index < link.target.index
            && link.source.index >= self.max_source
            && link.target.index > self.max_target
    }

    /// The guard behind a vote for `link`. To be made durable before the vote leaves.
    #[must_use]
    pub fn behind(self, link: &Link) -> Self {
        Self { max_source: self.max_source.max(link.source.index), max_target: self.max_target.max(link.target.index) }
    }
}
