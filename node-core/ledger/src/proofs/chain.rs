//! That a block stands on the selected chain of another: the way from it to `chain_mmr_root`.

use umbel_types::encode::{Decode, DecodeError, Encode, Reader, encode_list};
use umbel_types::{BlockHash, Hash32, Header};

use super::error::ProofError;
use crate::commitments::{ChainMmr, mmr_leaf, mmr_node, mmr_root};

/// Most hashes on a way: a height has 64 bits.
const MAX_HASHES: usize = 64;

/// The way from a chain block to the `chain_mmr_root` of a later one. Always of the one form that height and size give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainProof {
    /// Height of the block; genesis has 0.
    height: u64,
    /// Blocks under the root: the height of the later block.
    size: u64,
    /// Hash beside each step inside of the block's tree, from below.
    siblings: Vec<Hash32>,
    /// Peaks of the other trees, the highest first.
    other_peaks: Vec<Hash32>,
}

/// Levels of the tree that holds a height, and its place among the peaks. None where there is no such height.
fn tree_of(height: u64, size: u64) -> Option<(u32, usize)> {
    // The highest bit in which they differ is one that size has: the trees of size's bits above it end at or before height.
    let highest = (height < size).then(|| (height ^ size).checked_ilog2()).flatten()?;
    Some((highest, size.checked_shr(highest + 1).unwrap_or(0).count_ones() as usize))
}

fn is_right(height: u64, level: u32) -> bool {
    height >> level & 1 == 1
}

impl ChainProof {
    /// For the chain block at `height` below a later one.
    ///
    /// - `below`: the chain up to the block at `height`, without it.
    /// - `anchor`: the chain up to the later block, without it.
    /// - `read`: the chain block at a height above, and the chain up to it; called at most 63 times.
    ///
    /// # Errors
    /// Those of `read`. `Ok(None)` if what was given is not one chain.
    pub fn new<E>(
        below: &ChainMmr,
        anchor: &ChainMmr,
        mut read: impl FnMut(u64) -> Result<(BlockHash, ChainMmr), E>,
    ) -> Result<Option<Self>, E> {
        let (height, size) = (below.size(), anchor.size());
        let Some((levels, place)) = tree_of(height, size) else {
            return Ok(None);
        };
        let mut siblings = Vec::new();
        for level in 0..levels {
            let sibling = if is_right(height, level) {
                below.peak(level)
            } else {
                // The tree beside ends in this block.
                let last = (height >> level << level) + (2 << level) - 1;
                let (block, chain) = read(last)?;
                chain.tree_ending_in(block, level)
            };
            match sibling {
                Some(sibling) => siblings.push(sibling),
                None => return Ok(None),
            }
        }
        let mut other_peaks = anchor.peaks().to_vec();
        other_peaks.remove(place);
        Ok(Some(Self { height, size, siblings, other_peaks }))
    }

    /// Height of the block.
    pub fn height(&self) -> u64 {
        self.height
    }

    /// Height of the later block.
    pub fn anchor_height(&self) -> u64 {
        self.size
    }

    /// Whether `block` is the chain block at this height below the header's block.
    ///
    /// # Errors
    /// [`ProofError::OtherRoot`].
    pub fn verify(&self, block: BlockHash, header: &Header) -> Result<(), ProofError> {
        let refused = ProofError::OtherRoot { what: "chain_mmr_root", block: header.hash() };
        let (_, place) = tree_of(self.height, self.size).ok_or(refused)?;
        let peak = (0u32..).zip(&self.siblings).fold(mmr_leaf(&block), |hash, (level, beside)| {
            if is_right(self.height, level) { mmr_node(beside, &hash) } else { mmr_node(&hash, beside) }
        });
        let mut peaks = self.other_peaks.clone();
        peaks.insert(place, peak);
        if mmr_root(self.size, &peaks) == header.chain_mmr_root { Ok(()) } else { Err(refused) }
    }
}

impl Encode for ChainProof {
    fn encode(&self, out: &mut Vec<u8>) {
        self.height.encode(out);
        self.size.encode(out);
        encode_list(&self.siblings, out);
        encode_list(&self.other_peaks, out);
    }
}

impl Decode for ChainProof {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (height, size) = (u64::decode(r)?, u64::decode(r)?);
        let siblings: Vec<Hash32> = r.list(MAX_HASHES, "siblings in the chain")?;
        let other_peaks: Vec<Hash32> = r.list(MAX_HASHES, "peaks of the chain")?;
        let form = tree_of(height, size).map(|(levels, _)| (levels as usize, size.count_ones() as usize - 1));
        if form != Some((siblings.len(), other_peaks.len())) {
            return Err(DecodeError::NotCanonical { what: "way in the chain" });
        }
        Ok(Self { height, size, siblings, other_peaks })
    }
}
