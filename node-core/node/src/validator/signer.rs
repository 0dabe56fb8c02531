//! What one vote key does with the links it is offered and the votes it hears.

use std::collections::BTreeMap;

use umbel_types::consensus_api::VoteProposal;
use umbel_types::vote::{Link, Vote};
use umbel_types::{BlockHash, Hash32, Params};

use super::guard::{GuardError, GuardFile};
use super::key_file::VoteKey;

/// Own votes of this run that are remembered, to tell them from another machine's: twice as many checkpoints as a vote
/// pool spans.
const MAX_CAST: usize = 1024;
/// Checkpoints that the first vote of a run may lie above the guard: five minutes. Beyond, the guard may come from a
/// backup, and what was signed since is not known here.
const MAX_GUARD_AGE: u32 = 30;

/// Where a key stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It signs.
    Active,
    /// It has no guard and watches for votes of its own: checkpoints seen and to be seen.
    Watching {
        /// Checkpoints watched.
        done: u32,
        /// Checkpoints to watch.
        total: u32,
        /// Why.
        why: String,
    },
    /// It was taken to another machine.
    Moved,
    /// It signs elsewhere too: it never signs again in this run.
    Twin(String),
}

#[derive(Debug)]
struct Watch {
    first: Option<u32>,
    newest: u32,
    source: u32,
}

/// One key that may sign.
pub(crate) struct Signer {
    key: VoteKey,
    guard: GuardFile,
    /// Links that this run signed, by target.
    cast: BTreeMap<u32, Link>,
    watch: Watch,
    /// Checkpoints to watch without a guard.
    watch_for: u32,
    twin: Option<String>,
    /// Whether votes from before this run have been looked through.
    started: bool,
    /// Why the last vote was not cast, where the disk refused.
    pub(crate) trouble: Option<String>,
}

impl Signer {
    /// A key with its guard.
    pub(crate) fn new(key: VoteKey, guard: GuardFile, watch_for: u32) -> Self {
        let watch = Watch { first: None, newest: 0, source: 0 };
        Self { key, guard, cast: BTreeMap::new(), watch, watch_for, twin: None, started: false, trouble: None }
    }

    /// Hash of its key.
    pub(crate) fn id(&self) -> Hash32 {
        self.key.hash()
    }

    /// The guard.
    pub(crate) fn guard(&self) -> &GuardFile {
        &self.guard
    }

    /// The guard, to be marked as moved.
    pub(crate) fn guard_mut(&mut self) -> &mut GuardFile {
        &mut self.guard
    }

    /// Where it stands.
    pub(crate) fn standing(&self) -> Standing {
        match (&self.twin, self.guard.guard()) {
            (_, Some(guard)) if guard.moved => Standing::Moved,
            (Some(why), _) => Standing::Twin(why.clone()),
            (None, Some(_)) => Standing::Active,
            (None, None) => {
                let done = self.watch.first.map_or(0, |first| self.watch.newest - first).min(self.watch_for);
                Standing::Watching { done, total: self.watch_for, why: self.guard.why_missing().to_owned() }
            }
        }
    }

    /// Votes known before this run were heard: from now on, an own vote that this run did not cast is another machine's.
    pub(crate) fn start(&mut self) {
        self.started = true;
    }

    /// Hears a vote, of whatever validator.
    pub(crate) fn hear(&mut self, vote: &Vote) {
        let (source, target) = (vote.link.source.index, vote.link.target.index);
        if vote.validator == self.key.hash() {
            self.hear_own(&vote.link);
        }
        // A link only counts as watched from where watching began: what was known before it says nothing of now.
        if self.started || target > self.watch.newest {
            self.watch.newest = self.watch.newest.max(target);
        }
        self.watch.source = self.watch.source.max(source);
        if self.started && self.watch.first.is_none() {
            self.watch.first = Some(self.watch.newest);
        }
    }

    fn hear_own(&mut self, link: &Link) {
        let Some(guard) = self.guard.guard() else {
            // Somebody else signs with this key: the watch begins anew.
            self.watch.first = None;
            return;
        };
        if guard.moved || self.cast.get(&link.target.index) == Some(link) {
            return;
        }
        let contradicts = self.cast.contains_key(&link.target.index);
        if contradicts || !guard.knows(link) {
            let what = format!("a vote of this key for checkpoint {} was heard", link.target.index);
            if self.started {
                self.twin = Some(format!("{what} that this machine did not cast"));
            } else {
                self.guard.give_up(format!("{what}, which the guard file does not know of: it is an older one"));
            }
        }
    }

    /// Signs what it is offered, if it may. The guard is on the disk before the vote exists.
    pub(crate) fn consider(&mut self, proposal: &VoteProposal, params: &Params, genesis: BlockHash) -> Option<Vote> {
        if !self.started || self.twin.is_some() || !proposal.set.iter().any(|m| m.key_hash == self.key.hash()) {
            return None;
        }
        let link = proposal.link;
        self.doubt_an_old_guard(&link);
        if self.guard.guard().is_none() {
            self.end_watch();
        }
        match self.guard.raise(link) {
            Ok(raised) => {
                self.trouble = None;
                self.cast.insert(link.target.index, link);
                while self.cast.len() > MAX_CAST {
                    self.cast.pop_first();
                }
                Some(self.key.sign(&raised, params, genesis, proposal.epoch))
            }
            Err(GuardError::Missing | GuardError::Moved | GuardError::NotAllowed(_)) => None,
            Err(GuardError::Disk(error)) => {
                tracing::error!(%error, target = link.target.index, "no vote left: its guard could not be written");
                self.trouble = Some(GuardError::Disk(error).to_string());
                None
            }
        }
    }

    /// A guard that is far behind when a run begins counts as missing; one that never signed has nothing to be behind of.
    fn doubt_an_old_guard(&mut self, next: &Link) {
        let Some(signed) = self.guard.guard().map(|guard| guard.signed.max_target) else { return };
        if self.cast.is_empty() && signed > 0 && next.target.index > signed.saturating_add(MAX_GUARD_AGE) {
            self.guard.give_up(format!(
                "the guard file ends at checkpoint {signed}, long before {}: it may come from a backup",
                next.target.index
            ));
        }
    }

    /// Begins a guard once enough votes of others were watched, above every target seen.
    fn end_watch(&mut self) {
        let Some(first) = self.watch.first else { return };
        if self.watch.newest.saturating_sub(first) < self.watch_for {
            return;
        }
        match self.guard.begin(self.watch.source, self.watch.newest) {
            Ok(()) => tracing::warn!(validator = %self.key.hash(), "a new guard was begun after watching"),
            Err(error) => self.trouble = Some(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests;
