//! `chain_mmr_root`: a Merkle mountain range over the selected chain.

use umbel_types::encode::{Decode, DecodeError, Encode, Reader, encode_list};
use umbel_types::hash::{Domain, Hasher};
use umbel_types::{BlockHash, Hash32};

/// Peaks of a Merkle mountain range over chain blocks, genesis first. Appending is all that a chain needs.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ChainMmr {
    size: u64,
    /// One for each bit of `size` that is set, highest first.
    peaks: Vec<Hash32>,
}

impl ChainMmr {
    /// Appends a chain block.
    #[must_use]
    pub fn push(mut self, block: BlockHash) -> Self {
        let mut node = Hasher::new(Domain::MMR_LEAF).with(&block).finish();
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                node = Hasher::new(Domain::MMR_NODE).with(&left).with(&node).finish();
            }
        }
        self.peaks.push(node);
        self.size += 1;
        self
    }

    /// How many blocks.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root: size and peaks.
    pub fn root(&self) -> Hash32 {
        Hasher::new(Domain::MMR_ROOT).with(self).finish()
    }
}

impl Encode for ChainMmr {
    fn encode(&self, out: &mut Vec<u8>) {
        self.size.encode(out);
        encode_list(&self.peaks, out);
    }
}

impl Decode for ChainMmr {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let size = u64::decode(r)?;
        let peaks: Vec<Hash32> = r.list(64, "MMR peaks")?;
        if peaks.len() != size.count_ones() as usize {
            return Err(DecodeError::NotCanonical { what: "MMR peaks" });
        }
        Ok(Self { size, peaks })
    }
}
