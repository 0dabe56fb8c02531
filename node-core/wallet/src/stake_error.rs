//! Why stake is not moved.

use thiserror::Error;
use umbel_types::{Amount, DecodeError, Hash32};

/// Why a wallet does not move stake. Each message says what to do.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StakeError {
    /// Too little at once.
    #[error("at least {least} STR are delegated at once")]
    TooLittle {
        /// Least amount.
        least: Amount,
    },
    /// A bond without which the validator would never be elected.
    #[error("a validator is elected with a bond of at least {least} STR: register with that much")]
    Bond {
        /// Least bond.
        least: Amount,
    },
    /// A commission above what is allowed.
    #[error("a commission is at most {most_bps} basis points (100 are one per cent)")]
    Commission {
        /// Most basis points.
        most_bps: u16,
    },
    /// No validator of that id.
    #[error("there is no validator {0}; see `umbel stake status`")]
    NoSuchValidator(Hash32),
    /// Stake of it would be locked and earn nothing, for ever.
    #[error("validator {0} was slashed and is never elected again: choose another one")]
    Slashed(Hash32),
    /// The wallet has nothing there.
    #[error("this wallet has no stake with validator {0}")]
    NothingThere(Hash32),
    /// More is asked back than is there.
    #[error("only {have} STR of this wallet are staked there")]
    MoreThanThere {
        /// What can be taken out.
        have: Amount,
    },
    /// Nothing may be withdrawn yet.
    #[error("nothing is due yet with validator {validator}{}", .next_epoch.map_or_else(String::new, |epoch| format!(
        ": the next stake comes free in epoch {epoch}"
    )))]
    NothingDue {
        /// Which validator.
        validator: Hash32,
        /// Epoch in which the next stake comes free.
        next_epoch: Option<u64>,
    },
    /// The wallet owns no validator.
    #[error("this wallet owns no validator; make one with `umbel stake register`")]
    NoValidator,
    /// The validator is not in jail.
    #[error("validator {0} is not jailed: nothing is to be done")]
    NotJailed(Hash32),
    /// So many validators of one wallet were never meant.
    #[error("this wallet has registered all of its {0} vote keys")]
    NoFreeKey(u32),
    /// The chain's record of stake can't be read: this program is too old for it.
    #[error("the chain's record of stake can't be read: {0}")]
    Record(#[from] DecodeError),
}
