//! The header: what is mined and hashed (docs/spec/consensus.md R1).

use crate::encode::{Decode, DecodeError, Encode, Reader, encode_list};
use crate::encode_struct;
use crate::hash::{BlockHash, Domain, Hash32, Hasher, hash_of};
use crate::score::{BlueScore, BlueWork, DaaScore, TimestampMs};
use crate::target::CompactTarget;

/// The only version so far.
pub const BLOCK_VERSION: u16 = 1;
/// Most parents that can be decoded; a network's own limit is in its parameters.
pub const MAX_PARENTS: usize = 16;

/// The newest finality certificate on the block's selected chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CertRef {
    /// Checkpoint index; zero at genesis.
    pub index: u32,
    /// Hash of the certificate's bytes; at genesis, of none.
    pub hash: Hash32,
}
encode_struct!(CertRef { index, hash });

impl CertRef {
    /// Genesis carries no certificate: index 0, the hash of no bytes.
    pub fn genesis() -> Self {
        Self { index: 0, hash: Hasher::new(Domain::CERT).finish() }
    }
}

/// A block without its body. Commitments describe the state after merging the block's past, not its own body.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Header {
    /// [`BLOCK_VERSION`].
    pub version: u16,
    /// Direct parents, an antichain, strictly ascending; empty only at genesis.
    pub parents: Vec<BlockHash>,
    /// The block's own body.
    pub tx_root: Hash32,
    /// Six lanes of accepted transactions.
    pub accepted_root: Hash32,
    /// LtHash of all Coins and Memos.
    pub utxo_commit: Hash32,
    /// Six sub-roots of State.
    pub state_root: Hash32,
    /// MMR of selected-chain block hashes up to the selected parent.
    pub chain_mmr_root: Hash32,
    /// Miner's clock.
    pub timestamp: TimestampMs,
    /// Proof of work.
    pub nonce: u64,
    /// Difficulty.
    pub bits: CompactTarget,
    /// The ledger's clock.
    pub daa_score: DaaScore,
    /// Blue blocks in the past.
    pub blue_score: BlueScore,
    /// Work of the blue blocks in the past.
    pub blue_work: BlueWork,
    /// Newest certificate.
    pub cert: CertRef,
    /// Proof of work: the mix that makes a cheap first check possible.
    pub mix_digest: [u8; 32],
}

impl Header {
    /// The block's id.
    pub fn hash(&self) -> BlockHash {
        hash_of(Domain::BLOCK, self).into()
    }

    /// What is mined: everything but nonce and mix digest.
    pub fn pre_pow_hash(&self) -> Hash32 {
        let mut bytes = Vec::new();
        self.encode_with(&mut bytes, false);
        Hasher::new(Domain::PRE_POW).with_bytes(&bytes).finish()
    }

    fn encode_with(&self, out: &mut Vec<u8>, pow: bool) {
        self.version.encode(out);
        encode_list(&self.parents, out);
        self.tx_root.encode(out);
        self.accepted_root.encode(out);
        self.utxo_commit.encode(out);
        self.state_root.encode(out);
        self.chain_mmr_root.encode(out);
        self.timestamp.encode(out);
        if pow {
            self.nonce.encode(out);
        }
        self.bits.encode(out);
        self.daa_score.encode(out);
        self.blue_score.encode(out);
        self.blue_work.encode(out);
        self.cert.encode(out);
        if pow {
            self.mix_digest.encode(out);
        }
    }
}

impl Encode for Header {
    fn encode(&self, out: &mut Vec<u8>) {
        self.encode_with(out, true);
    }
}

impl Decode for Header {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            version: Decode::decode(r)?,
            parents: r.list(MAX_PARENTS, "parents")?,
            tx_root: Decode::decode(r)?,
            accepted_root: Decode::decode(r)?,
            utxo_commit: Decode::decode(r)?,
            state_root: Decode::decode(r)?,
            chain_mmr_root: Decode::decode(r)?,
            timestamp: Decode::decode(r)?,
            nonce: Decode::decode(r)?,
            bits: Decode::decode(r)?,
            daa_score: Decode::decode(r)?,
            blue_score: Decode::decode(r)?,
            blue_work: Decode::decode(r)?,
            cert: Decode::decode(r)?,
            mix_digest: Decode::decode(r)?,
        })
    }
}
