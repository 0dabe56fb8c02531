//! What colouring a block gives, and what is stored of it.

use std::collections::BTreeMap;

use umbel_types::encode::{Decode, DecodeError, Encode, Reader, encode_length, encode_list};
use umbel_types::{BlockHash, BlueScore, BlueWork};

/// In place of genesis' selected parent. No block has this id.
pub const NO_PARENT: BlockHash = BlockHash([0; 32]);

/// Most blocks in a stored list: mergesets end at 512 (R5); the replay of test graphs stores none.
pub const MAX_STORED_MERGESET: usize = 4096;

/// Colouring of one block's mergeset. Depends on the block's past only, so it never changes.
///
/// Encoding: fields in order; the anticone sizes as a list of (block, size), strictly ascending by block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GhostdagData {
    /// Blue blocks in the past.
    pub blue_score: BlueScore,
    /// Their work.
    pub blue_work: BlueWork,
    /// The parent with the most blue work; [`NO_PARENT`] at genesis.
    pub selected_parent: BlockHash,
    /// Blue blocks that are in this block's past but not in the selected parent's, ascending by (blue work, id), with
    /// the selected parent in front of them.
    pub mergeset_blues: Vec<BlockHash>,
    /// Red ones, ascending by (blue work, id).
    pub mergeset_reds: Vec<BlockHash>,
    /// Sizes of blue anticones, as this block sees them, of its blue mergeset and of those blues below that its mergeset
    /// enlarged. A block that is missing has the size that the selected chain below gives.
    pub blues_anticone_sizes: BTreeMap<BlockHash, u16>,
}

impl GhostdagData {
    /// Genesis: nothing is in its past.
    pub fn genesis() -> Self {
        Self {
            blue_score: BlueScore(0),
            blue_work: BlueWork::ZERO,
            selected_parent: NO_PARENT,
            mergeset_blues: Vec::new(),
            mergeset_reds: Vec::new(),
            blues_anticone_sizes: BTreeMap::new(),
        }
    }

    /// Whether this is genesis' colouring.
    pub fn is_genesis(&self) -> bool {
        self.selected_parent == NO_PARENT
    }

    /// Blocks of the mergeset, the selected parent included.
    pub fn mergeset_size(&self) -> usize {
        self.mergeset_blues.len() + self.mergeset_reds.len()
    }

    /// Blues, then reds, the selected parent first. For the order of R4, see [`crate::ghostdag::ordered_mergeset`].
    pub fn unordered_mergeset(&self) -> impl Iterator<Item = BlockHash> + '_ {
        self.mergeset_blues.iter().chain(&self.mergeset_reds).copied()
    }

    /// The mergeset without the selected parent, blues and then reds: what reachability's `add_block` takes.
    pub fn unordered_mergeset_without_selected_parent(&self) -> impl Iterator<Item = BlockHash> + '_ {
        self.unordered_mergeset().filter(|&block| block != self.selected_parent)
    }
}

impl Encode for GhostdagData {
    fn encode(&self, out: &mut Vec<u8>) {
        self.blue_score.encode(out);
        self.blue_work.encode(out);
        self.selected_parent.encode(out);
        encode_list(&self.mergeset_blues, out);
        encode_list(&self.mergeset_reds, out);
        encode_length(self.blues_anticone_sizes.len(), out);
        for (block, size) in &self.blues_anticone_sizes {
            block.encode(out);
            size.encode(out);
        }
    }
}

impl Decode for GhostdagData {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let blue_score = Decode::decode(r)?;
        let blue_work = Decode::decode(r)?;
        let selected_parent = Decode::decode(r)?;
        let mergeset_blues = r.list(MAX_STORED_MERGESET, "mergeset blues")?;
        let mergeset_reds = r.list(MAX_STORED_MERGESET, "mergeset reds")?;
        // A candidate touches at most k blues besides itself, and there are at most k of them: (k + 1)² entries.
        let n = r.length(MAX_STORED_MERGESET * MAX_STORED_MERGESET, "blue anticone sizes")?;
        let mut blues_anticone_sizes = BTreeMap::new();
        for _ in 0..n {
            let block = BlockHash::decode(r)?;
            let size = u16::decode(r)?;
            if blues_anticone_sizes.last_key_value().is_some_and(|(last, _)| *last >= block) {
                return Err(DecodeError::NotCanonical { what: "blue anticone sizes" });
            }
            blues_anticone_sizes.insert(block, size);
        }
        Ok(Self { blue_score, blue_work, selected_parent, mergeset_blues, mergeset_reds, blues_anticone_sizes })
    }
}
