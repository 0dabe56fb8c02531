//! `chain_mmr_root`: a Merkle mountain range over the selected chain.

use umbel_types::encode::{Decode, DecodeError, Encode, Reader, encode_list};
use umbel_types::hash::{Domain, Hasher, hash_of};
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
        let mut node = mmr_leaf(&block);
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                node = mmr_node(&left, &node);
            }
        }
        self.peaks.push(node);
        self.size += 1;
        self
    }

    /// The peak over 2^`level` blocks, if there is one.
    pub(crate) fn peak(&self, level: u32) -> Option<Hash32> {
        let above = self.size.checked_shr(level)?;
        let is_set = above & 1 == 1;
        is_set.then(|| self.peaks.get((above >> 1).count_ones() as usize).copied()).flatten()
    }

    /// The tree over 2^`level` blocks that ends in `next`, the block which would be appended now; `None` if no tree of that
    /// height ends there.
    pub(crate) fn tree_ending_in(&self, next: BlockHash, level: u32) -> Option<Hash32> {
        (0..level).try_fold(mmr_leaf(&next), |node, below| Some(mmr_node(&self.peak(below)?, &node)))
    }

    /// Peaks, of the highest tree first.
    pub(crate) fn peaks(&self) -> &[Hash32] {
        &self.peaks
    }

    /// How many blocks.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root: size and peaks.
    pub fn root(&self) -> Hash32 {
        mmr_root(self.size, &self.peaks)
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

/// Hash of one block.
pub(crate) fn mmr_leaf(block: &BlockHash) -> Hash32 {
    hash_of(Domain::MMR_LEAF, block)
}

/// Hash of two trees of one height.
pub(crate) fn mmr_node(left: &Hash32, right: &Hash32) -> Hash32 {
    Hasher::new(Domain::MMR_NODE).with(left).with(right).finish()
}

/// Root over the number of blocks and the peaks.
pub(crate) fn mmr_root(size: u64, peaks: &[Hash32]) -> Hash32 {
    let mut bytes = Vec::new();
    size.encode(&mut bytes);
    encode_list(peaks, &mut bytes);
    Hasher::new(Domain::MMR_ROOT).with_bytes(&bytes).finish()
}
