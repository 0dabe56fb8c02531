//! Proofs about the ledger that need nothing but the hash of a block that is trusted (docs/spec/commitments.md).
//!
//! [`LedgerProof`] → [`LedgerProof::verify`] → [`Proven`], which only the verifier makes. Whoever verifies needs no node
//! and no state; which block to trust is not said here.

mod acceptance;
mod chain;
mod error;
mod merkle;
mod others;
mod state;

pub use acceptance::{AcceptanceProof, Accepted, ProvenAcceptance};
pub use chain::ChainProof;
pub use error::ProofError;
pub use state::{ProvenState, StateProof};

use umbel_types::encode::{Decode, DecodeError, Encode, Reader};
use umbel_types::{BlockHash, Header};

/// Longest encoding of a [`LedgerProof`]: more than half of it is the longest list of outputs without a transaction.
pub const MAX_PROOF_BYTES: usize = 1 << 20;

/// What a proof says of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// What it accepted.
    Acceptance(AcceptanceProof),
    /// What the state behind its past holds at a key.
    State(StateProof),
    /// Nothing beside where it stands.
    Place,
}

impl Encode for Claim {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Acceptance(proof) => {
                out.push(0);
                proof.encode(out);
            }
            Self::State(proof) => {
                out.push(1);
                proof.encode(out);
            }
            Self::Place => out.push(2),
        }
    }
}

impl Decode for Claim {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match u8::decode(r)? {
            0 => Ok(Self::Acceptance(Decode::decode(r)?)),
            1 => Ok(Self::State(Decode::decode(r)?)),
            2 => Ok(Self::Place),
            got => Err(DecodeError::UnknownTag { what: "claim", got: u64::from(got) }),
        }
    }
}

/// A block on the selected chain of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Below {
    /// Header of the block.
    pub header: Header,
    /// The way from it to the other one.
    pub chain: ChainProof,
}
umbel_types::encode_struct!(Below { header, chain });

/// A claim about a block, and how that block is bound to the one that the verifier trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerProof {
    /// Header of the block to trust.
    anchor: Header,
    /// The block that the claim is about, if it is another.
    below: Option<Below>,
    claim: Claim,
}

impl LedgerProof {
    /// A claim about a block.
    ///
    /// - `below`: the block, where it is another than `anchor`.
    pub fn new(anchor: Header, below: Option<Below>, claim: Claim) -> Self {
        Self { anchor, below, claim }
    }

    /// The block that this proof ends in. It holds for whoever trusts that one.
    pub fn anchor(&self) -> &Header {
        &self.anchor
    }

    /// What this proof shows to whoever trusts a block.
    ///
    /// # Errors
    /// [`ProofError`].
    pub fn verify(self, trusted: BlockHash) -> Result<Proven, ProofError> {
        let got = self.anchor.hash();
        if got != trusted {
            return Err(ProofError::OtherAnchor { got, trusted });
        }
        let (header, heights) = match self.below {
            Some(Below { header, chain }) => {
                chain.verify(header.hash(), &self.anchor)?;
                (header, Some((chain.height(), chain.anchor_height())))
            }
            None => (self.anchor, None),
        };
        let fact = match self.claim {
            Claim::Acceptance(proof) => Fact::Acceptance(proof.verify(&header)?),
            Claim::State(proof) => Fact::State(proof.verify(&header)?),
            Claim::Place => Fact::Place,
        };
        Ok(Proven { trusted, header, heights, fact })
    }
}

impl Encode for LedgerProof {
    fn encode(&self, out: &mut Vec<u8>) {
        self.anchor.encode(out);
        self.below.encode(out);
        self.claim.encode(out);
    }
}

impl Decode for LedgerProof {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { anchor: Decode::decode(r)?, below: Decode::decode(r)?, claim: Decode::decode(r)? })
    }
}

/// What was proven of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// What it accepted.
    Acceptance(ProvenAcceptance),
    /// What the state behind its past holds at a key.
    State(ProvenState),
    /// Where it stands.
    Place,
}

/// A proof that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    trusted: BlockHash,
    header: Header,
    heights: Option<(u64, u64)>,
    fact: Fact,
}

impl Proven {
    /// The block that was trusted.
    pub fn trusted(&self) -> BlockHash {
        self.trusted
    }

    /// Header of the block that the fact is about: the trusted one, or one on its selected chain.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Heights on the selected chain of that block and of the trusted one, where they are two.
    pub fn heights(&self) -> Option<(u64, u64)> {
        self.heights
    }

    /// What was proven of it.
    pub fn fact(&self) -> &Fact {
        &self.fact
    }
}
