//! Finality: checkpoints, votes on links between them, certificates, evidence (docs/spec/finality.md).

use crate::encode::{Decode, DecodeError, Encode, Reader, encode_list};
use crate::encode_struct;
use crate::hash::{BlockHash, Domain, Hash32, Hasher};
use crate::header::CertRef;
use crate::lock::ML_DSA_SIGNATURE_BYTES;
use crate::state::MAX_VALIDATORS;

/// A block of a selected chain that validators vote on: the lowest with a blue score of at least `index` times the
/// checkpoint interval. One block may be several checkpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Checkpoint {
    /// Its number; genesis is 0.
    pub index: u32,
    /// The block.
    pub block: BlockHash,
}
encode_struct!(Checkpoint { index, block });

/// What a vote is for: that `target` follows from `source`, which is justified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Link {
    /// A justified checkpoint.
    pub source: Checkpoint,
    /// A later one on the same chain.
    pub target: Checkpoint,
}
encode_struct!(Link { source, target });

impl Link {
    /// # Consensus
    /// > `source₁ < source₂ and target₂ < target₁`, both strict. (F6 II)
    pub fn surrounds(&self, inner: &Self) -> bool {
        self.source.index < inner.source.index && inner.target.index < self.target.index
    }

    /// Whether the two are neighbours: only such a link finalizes its source.
    pub fn is_adjacent(&self) -> bool {
        self.source.index.checked_add(1) == Some(self.target.index)
    }
}

/// One validator's vote.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Vote {
    /// Chain id of the network.
    pub chain: u32,
    /// Genesis of the chain.
    pub genesis: BlockHash,
    /// Epoch of the target: whose set votes.
    pub epoch: u64,
    /// Hash of the ML-DSA-65 key that signs.
    pub validator: Hash32,
    /// What is voted for.
    pub link: Link,
    /// ML-DSA-65 over [`Vote::message`], in context `umbel/ffg/v1`.
    pub signature: Box<[u8; ML_DSA_SIGNATURE_BYTES]>,
}

impl Vote {
    /// What is signed.
    pub fn message(&self) -> Vec<u8> {
        vote_message(self.chain, self.genesis, self.epoch, self.validator, &self.link)
    }

    /// Which of the two conditions this vote and another one break together; signatures are not looked at. Votes of
    /// different validators, chains or genesis blocks break none.
    pub fn offence(&self, other: &Self) -> Option<Offence> {
        let same_voter = (self.chain, self.genesis, self.validator) == (other.chain, other.genesis, other.validator);
        if !same_voter {
            None
        } else if is_double_vote((self.epoch, &self.link), (other.epoch, &other.link)) {
            Some(Offence::DoubleVote)
        } else if self.link.surrounds(&other.link) || other.link.surrounds(&self.link) {
            Some(Offence::Surround)
        } else {
            None
        }
    }
}

/// Which condition two votes of one validator break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Offence {
    /// Two votes for one target index.
    DoubleVote,
    /// One vote around the other.
    Surround,
}

/// # Consensus
/// > Two different votes with the same target index. (F6 I)
pub fn is_double_vote(a: (u64, &Link), b: (u64, &Link)) -> bool {
    a.1.target.index == b.1.target.index && a != b
}

/// What a vote's signature is over: chain ‖ genesis ‖ epoch ‖ validator ‖ source ‖ target.
pub fn vote_message(chain: u32, genesis: BlockHash, epoch: u64, validator: Hash32, link: &Link) -> Vec<u8> {
    let mut out = Vec::with_capacity(152);
    chain.encode(&mut out);
    genesis.encode(&mut out);
    epoch.encode(&mut out);
    validator.encode(&mut out);
    link.encode(&mut out);
    out
}

impl Encode for Vote {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.message());
        out.extend_from_slice(&self.signature[..]);
    }
}

impl Decode for Vote {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            chain: Decode::decode(r)?,
            genesis: Decode::decode(r)?,
            epoch: Decode::decode(r)?,
            validator: Decode::decode(r)?,
            link: Decode::decode(r)?,
            signature: Box::new(r.array("vote signature")?),
        })
    }
}

/// One signature of a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CertificateEntry {
    /// Hash of the ML-DSA-65 key that signed.
    pub validator: Hash32,
    /// As in [`Vote::signature`].
    pub signature: Box<[u8; ML_DSA_SIGNATURE_BYTES]>,
}

impl Encode for CertificateEntry {
    fn encode(&self, out: &mut Vec<u8>) {
        self.validator.encode(out);
        out.extend_from_slice(&self.signature[..]);
    }
}

impl Decode for CertificateEntry {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { validator: Decode::decode(r)?, signature: Box::new(r.array("certificate signature")?) })
    }
}

/// Votes of more than two thirds of the stake for one link. Nothing about it has been verified.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Certificate {
    /// Epoch of the target.
    pub epoch: u64,
    /// What was voted for.
    pub link: Link,
    /// Who voted, strictly ascending by key hash.
    pub entries: Vec<CertificateEntry>,
}

impl Certificate {
    /// How a header names it: `H("umbel/cert/v1", bytes)`.
    pub fn reference(&self) -> CertRef {
        CertRef { index: self.link.target.index, hash: cert_hash(&self.to_bytes()) }
    }

    /// The votes it is made of.
    pub fn votes(&self, chain: u32, genesis: BlockHash) -> impl Iterator<Item = Vote> + '_ {
        self.entries.iter().map(move |entry| Vote {
            chain,
            genesis,
            epoch: self.epoch,
            validator: entry.validator,
            link: self.link,
            signature: entry.signature.clone(),
        })
    }
}

/// Hash of a certificate's bytes, as a header has it.
pub fn cert_hash(bytes: &[u8]) -> Hash32 {
    Hasher::new(Domain::CERT).with_bytes(bytes).finish()
}

impl Encode for Certificate {
    fn encode(&self, out: &mut Vec<u8>) {
        self.epoch.encode(out);
        self.link.encode(out);
        encode_list(&self.entries, out);
    }
}

impl Decode for Certificate {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let certificate = Self {
            epoch: Decode::decode(r)?,
            link: Decode::decode(r)?,
            entries: r.list(MAX_VALIDATORS, "certificate")?,
        };
        if !certificate.entries.is_sorted_by(|a, b| a.validator < b.validator) {
            return Err(DecodeError::NotCanonical { what: "certificate" });
        }
        Ok(certificate)
    }
}

/// Two votes of one validator that no honest one casts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Evidence {
    /// The one with the lower encoding, so that a pair has one form.
    pub first: Vote,
    /// The other.
    pub second: Vote,
}

impl Evidence {
    /// The pair in its one form.
    pub fn new(a: Vote, b: Vote) -> Self {
        if a.to_bytes() <= b.to_bytes() { Self { first: a, second: b } } else { Self { first: b, second: a } }
    }
}

impl Encode for Evidence {
    fn encode(&self, out: &mut Vec<u8>) {
        self.first.encode(out);
        self.second.encode(out);
    }
}

impl Decode for Evidence {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let evidence = Self { first: Decode::decode(r)?, second: Decode::decode(r)? };
        if evidence.first.to_bytes() >= evidence.second.to_bytes() {
            return Err(DecodeError::NotCanonical { what: "evidence" });
        }
        Ok(evidence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vote(target: u32, fill: u8) -> Vote {
        let at = |index, byte| Checkpoint { index, block: BlockHash([byte; 32]) };
        Vote {
            chain: 1313,
            genesis: BlockHash([1; 32]),
            epoch: 2,
            validator: Hash32([3; 32]),
            link: Link { source: at(target - 1, 4), target: at(target, fill) },
            signature: Box::new([fill; ML_DSA_SIGNATURE_BYTES]),
        }
    }

    #[test]
    fn one_encoding_for_each() {
        let vote_a = vote(7, 9);
        assert_eq!(Vote::from_bytes(&vote_a.to_bytes()), Ok(vote_a.clone()));
        let evidence = Evidence::new(vote(7, 9), vote(7, 8));
        assert_eq!(evidence, Evidence::new(vote(7, 8), vote(7, 9)));
        assert_eq!(Evidence::from_bytes(&evidence.to_bytes()), Ok(evidence.clone()));
        let swapped = Evidence { first: evidence.second.clone(), second: evidence.first };
        assert_eq!(Evidence::from_bytes(&swapped.to_bytes()), Err(DecodeError::NotCanonical { what: "evidence" }));
        let entry = |byte| CertificateEntry { validator: Hash32([byte; 32]), signature: vote_a.signature.clone() };
        let certificate = Certificate { epoch: 2, link: vote_a.link, entries: vec![entry(1), entry(2)] };
        assert_eq!(Certificate::from_bytes(&certificate.to_bytes()), Ok(certificate.clone()));
        let twice = Certificate { entries: vec![entry(1), entry(1)], ..certificate };
        assert_eq!(Certificate::from_bytes(&twice.to_bytes()), Err(DecodeError::NotCanonical { what: "certificate" }));
    }
}
