//! What two transactions can't both use.

use core::fmt;

use umbel_ledger::staking::validator_id;
use umbel_types::staking::{Delegation, Validator};
use umbel_types::{Action, Hash32, ObjectId, OutPoint, TxCore};

/// What at most one accepted transaction uses: of all that share a key, one waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConflictKey {
    /// An output is consumed once.
    Output(OutPoint),
    /// An object is acted on once at each nonce.
    Nonce(ObjectId, u64),
    /// A key is registered once.
    Registration(ObjectId),
    /// A validator is slashed once.
    Slash(Hash32),
}

impl ConflictKey {
    /// The keys of a transaction, each once.
    pub(crate) fn of(core: &TxCore) -> impl Iterator<Item = Self> + '_ {
        let outputs = core.inputs.iter().map(|input| Self::Output(input.outpoint));
        outputs.chain(Self::of_action(&core.action))
    }

    /// What an Action uses besides outputs.
    pub(crate) fn of_action(action: &Action) -> Option<Self> {
        match action {
            // Any number of gifts stand beside each other.
            Action::Transfer | Action::Delegate(_) => None,
            Action::Register(register) => Some(Self::Registration(Validator::object(validator_id(register)))),
            Action::Undelegate(undelegate) => {
                Some(Self::Nonce(Delegation::object(undelegate.validator, undelegate.delegator), undelegate.nonce))
            }
            Action::Withdraw(withdraw) => {
                Some(Self::Nonce(Delegation::object(withdraw.validator, withdraw.delegator), withdraw.nonce))
            }
            Action::Unjail(unjail) => Some(Self::Nonce(Validator::object(unjail.validator), unjail.nonce)),
            Action::Evidence(report) => Some(Self::Slash(report.evidence.first.validator)),
        }
    }
}

impl fmt::Display for ConflictKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Output(outpoint) => write!(f, "output {outpoint}"),
            Self::Nonce(object, nonce) => write!(f, "nonce {nonce} of object {object}"),
            Self::Registration(object) => write!(f, "the registration of object {object}"),
            Self::Slash(validator) => write!(f, "the slash of validator {validator}"),
        }
    }
}
