//! What two transactions can't both use.

use core::fmt;

use umbel_types::{Action, OutPoint, TxCore};

/// What at most one accepted transaction uses: of all that share a key, one waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConflictKey {
    /// An output is consumed once.
    Output(OutPoint),
}

impl ConflictKey {
    /// The keys of a transaction, each once.
    pub(crate) fn of(core: &TxCore) -> impl Iterator<Item = Self> + '_ {
        // An action that uses anything else has to name it here.
        match core.action {
            Action::Transfer => core.inputs.iter().map(|input| Self::Output(input.outpoint)),
        }
    }
}

impl fmt::Display for ConflictKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Output(outpoint) => write!(f, "output {outpoint}"),
        }
    }
}
