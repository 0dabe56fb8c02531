//! What a chain block accepted: the way from a leaf of one lane to `accepted_root`.

use umbel_types::encode::{Decode, DecodeError, Encode, Reader, encode_list};
use umbel_types::{Hash32, Header, Ledger, OutPoint};

use super::error::ProofError;
use super::merkle::MerklePath;
use super::others::Others;
use crate::commitments::{AcceptedFacts, AcceptedLeaf, LaneRoots, OutputDigest, SystemFacts, lane_batch, next_lane};

/// Most outputs without a transaction in one chain block: it merges at most 512 blocks and derives a few outputs for each.
const MAX_SYSTEM_OUTPUTS: usize = 4096;

/// What a leaf says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// A transaction took effect.
    Transaction(AcceptedFacts),
    /// Outputs came that no transaction made.
    System(SystemFacts),
}

impl Accepted {
    fn leaf(&self) -> Hash32 {
        match self {
            Self::Transaction(facts) => facts.leaf(),
            Self::System(facts) => facts.leaf(),
        }
    }
}

impl Encode for Accepted {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Transaction(facts) => {
                out.push(0);
                facts.encode(out);
            }
            Self::System(facts) => {
                out.push(1);
                encode_list(&facts.outpoints, out);
                encode_list(&facts.outputs, out);
            }
        }
    }
}

impl Decode for Accepted {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match u8::decode(r)? {
            0 => Ok(Self::Transaction(Decode::decode(r)?)),
            1 => {
                let outpoints: Vec<OutPoint> = r.list(MAX_SYSTEM_OUTPUTS, "outpoints")?;
                let outputs: Vec<OutputDigest> = r.list(MAX_SYSTEM_OUTPUTS, "outputs")?;
                if outpoints.len() != outputs.len() || outpoints.is_empty() {
                    return Err(DecodeError::NotCanonical { what: "outputs without a transaction" });
                }
                Ok(Self::System(SystemFacts { outpoints, outputs }))
            }
            got => Err(DecodeError::UnknownTag { what: "accepted leaf", got: u64::from(got) }),
        }
    }
}

/// The way from a leaf to a header's `accepted_root`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptanceProof {
    /// The leaf's lane.
    ledger: Ledger,
    accepted: Accepted,
    /// Among the leaves that the chain block added to the lane.
    path: MerklePath,
    /// The lane at the selected parent.
    lane_before: Hash32,
    /// The other five lanes at the chain block.
    other_lanes: Others,
}
umbel_types::encode_struct!(AcceptanceProof { ledger, accepted, path, lane_before, other_lanes });

impl AcceptanceProof {
    /// For one leaf of a chain block; `None` if it accepted no such thing.
    ///
    /// - `before`, `after`: lanes at the selected parent and at the chain block.
    /// - `leaves`, `system`: everything that the chain block accepted, in order.
    pub fn new(
        ledger: Ledger,
        accepted: Accepted,
        before: &LaneRoots,
        after: &LaneRoots,
        leaves: &[AcceptedLeaf],
        system: Option<Hash32>,
    ) -> Option<Self> {
        let batch = lane_batch(ledger, leaves, system);
        let leaf = accepted.leaf();
        let path = MerklePath::new(&batch, batch.iter().position(|other| *other == leaf)?)?;
        let lane = ledger.lane();
        Some(Self {
            ledger,
            accepted,
            path,
            lane_before: before.lanes[lane],
            other_lanes: Others::of(&after.lanes, lane),
        })
    }

    /// Whether the chain block of this header accepted it.
    ///
    /// # Errors
    /// [`ProofError::OtherRoot`].
    pub fn verify(self, header: &Header) -> Result<ProvenAcceptance, ProofError> {
        let batch = self.path.root(self.accepted.leaf());
        let lane = next_lane(&self.lane_before, &batch);
        let lanes = LaneRoots { lanes: self.other_lanes.with(self.ledger.lane(), lane) };
        if lanes.root() != header.accepted_root {
            return Err(ProofError::OtherRoot { what: "accepted_root", block: header.hash() });
        }
        Ok(ProvenAcceptance { ledger: self.ledger, accepted: self.accepted })
    }
}

/// What a chain block accepted, proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenAcceptance {
    ledger: Ledger,
    accepted: Accepted,
}

impl ProvenAcceptance {
    /// The lane.
    pub fn ledger(&self) -> Ledger {
        self.ledger
    }

    /// The leaf.
    pub fn accepted(&self) -> &Accepted {
        &self.accepted
    }
}
