//! Why a proof does not hold.

use thiserror::Error;
use umbel_types::BlockHash;

/// Why a proof does not hold. Whoever gave it is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ProofError {
    /// It ends in a header that the verifier does not trust.
    #[error("it ends in block {got}, and block {trusted} is the one that is trusted")]
    OtherAnchor {
        /// Block that it ends in.
        got: BlockHash,
        /// Block that the verifier trusts.
        trusted: BlockHash,
    },
    /// It gives another root than the one in the header.
    #[error("it gives another {what} than block {block} has")]
    OtherRoot {
        /// Which field of the header.
        what: &'static str,
        /// The header's block.
        block: BlockHash,
    },
    /// An object in the way of another that would stand elsewhere.
    #[error("it shows an object that does not stand where the absent one would")]
    OtherPlace,
}
