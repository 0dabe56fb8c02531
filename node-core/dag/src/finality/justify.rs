//! What votes justify and finalize.

use std::collections::BTreeSet;

use umbel_types::{Checkpoint, Link};

/// Checkpoints that are justified above the highest final one. Links may come in any order; the outcome is the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Justification {
    finalized: Checkpoint,
    /// The highest; of two with one index, which only a third of the stake can bring about, the first that was known.
    newest: Checkpoint,
    /// All that may be the source of a link that counts.
    justified: BTreeSet<Checkpoint>,
}

impl Justification {
    /// Begins with what was known before; at first both are genesis.
    pub fn new(finalized: Checkpoint, newest: Checkpoint) -> Self {
        Self { finalized, newest, justified: BTreeSet::from([finalized, newest]) }
    }

    /// The highest final checkpoint.
    pub fn finalized(&self) -> Checkpoint {
        self.finalized
    }

    /// The highest justified checkpoint.
    pub fn newest(&self) -> Checkpoint {
        self.newest
    }

    /// Whether a checkpoint is known to be justified.
    pub fn is_justified(&self, checkpoint: &Checkpoint) -> bool {
        self.justified.contains(checkpoint)
    }

    /// # Consensus
    /// > A checkpoint becomes justified by votes of > 2/3 stake on the same (source → target) link with a justified source.
    /// > It is finalized when it is justified and the link to index n+1 is a supermajority link. (F4)
    ///
    /// - `links`: supermajority links whose target is on its source's chain and buried (F5).
    ///
    /// A link that begins below the final checkpoint can't have two thirds of the stake without a third breaking F6: it
    /// is not looked at.
    pub fn advance<'a>(&mut self, links: impl IntoIterator<Item = &'a Link> + Clone) {
        loop {
            let mut moved = false;
            for link in links.clone() {
                if link.source.index >= link.target.index || !self.justified.contains(&link.source) {
                    continue;
                }
                moved |= self.justify(link.target);
                if link.is_adjacent() {
                    moved |= self.finalize(link.source);
                }
            }
            if !moved {
                return;
            }
        }
    }

    /// An adjacent link that the chain itself carries: its source counts as justified by it (F7).
    pub fn include(&mut self, link: &Link) {
        self.justify(link.source);
        self.justify(link.target);
        self.finalize(link.source);
    }

    fn justify(&mut self, checkpoint: Checkpoint) -> bool {
        if checkpoint.index > self.newest.index {
            self.newest = checkpoint;
        }
        checkpoint.index >= self.finalized.index && self.justified.insert(checkpoint)
    }

    fn finalize(&mut self, checkpoint: Checkpoint) -> bool {
        if checkpoint.index <= self.finalized.index {
            return false;
        }
        self.finalized = checkpoint;
        self.justified.retain(|justified| justified.index >= checkpoint.index);
        true
    }
}
