//! Why a header's proof of work is refused, and why a miner has no dataset.

use thiserror::Error;

/// A header that proves no work. Its sender could have known, whichever variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PowError {
    /// The bits are no compact target.
    #[error("the difficulty bits are malformed")]
    MalformedBits,
    /// Above the target already by the claimed mix digest.
    #[error("the proof of work does not meet the target")]
    AboveTarget,
    /// The mix digest is not what the dataset gives.
    #[error("the mix digest is wrong")]
    WrongMixDigest,
    /// A DAA score so far off that no chain can have reached it.
    #[error("epoch {0} lies beyond the last one")]
    EpochTooFar(u64),
}

/// A miner's dataset could not be had. Never a header's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DatasetError {
    /// As the caller asked.
    #[error("the dataset was not finished")]
    Stopped,
    /// The system refuses the memory. All of it was given back.
    #[error("there is not enough memory for the mining dataset of {} MiB", bytes >> 20)]
    NotEnoughMemory {
        /// What the whole dataset takes.
        bytes: u64,
    },
    /// There is no such epoch.
    #[error(transparent)]
    Epoch(#[from] PowError),
}
