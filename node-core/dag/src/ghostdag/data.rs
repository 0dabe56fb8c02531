//! What colouring a block gives, and what is stored of it.

use umbel_types::encode::{Decode, DecodeError, Encode, Reader, encode_length, encode_list};
use umbel_types::{BlockHash, BlueScore, BlueWork, Params};

/// In place of genesis' selected parent. No block has this id.
pub const NO_PARENT: BlockHash = BlockHash([0; 32]);

/// Most blocks of a stored mergeset: the largest limit of any network (R5). The replay of test graphs stores none.
pub const MAX_STORED_MERGESET: usize = 512;
/// Most entries of stored anticone sizes: each of at most k + 1 blues of a mergeset changes at most k others besides its
/// own, (k + 1)² in all, and k + 1 is below [`MAX_STORED_MERGESET`] on every network.
pub const MAX_STORED_SIZES: usize = MAX_STORED_MERGESET * MAX_STORED_MERGESET;

/// Sizes of blue anticones, by block. Encoding: a list of (block, size), strictly ascending by block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AnticoneSizes(Vec<(BlockHash, u16)>);

impl AnticoneSizes {
    /// The size for `block`, if there is an entry.
    pub fn get(&self, block: BlockHash) -> Option<u16> {
        let idx = self.0.binary_search_by_key(&block, |&(block, _)| block).ok()?;
        self.0.get(idx).map(|&(_, size)| size)
    }

    /// All entries, ascending by block.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (BlockHash, u16)> + '_ {
        self.0.iter().copied()
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Of several entries for one block the first in the iteration's order stays.
impl FromIterator<(BlockHash, u16)> for AnticoneSizes {
    fn from_iter<I: IntoIterator<Item = (BlockHash, u16)>>(entries: I) -> Self {
        let mut list: Vec<_> = entries.into_iter().collect();
        list.sort_by_key(|&(block, _)| block);
        list.dedup_by_key(|&mut (block, _)| block);
        Self(list)
    }
}

impl Encode for AnticoneSizes {
    fn encode(&self, out: &mut Vec<u8>) {
        encode_length(self.0.len(), out);
        for (block, size) in &self.0 {
            block.encode(out);
            size.encode(out);
        }
    }
}

impl Decode for AnticoneSizes {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let n = r.length(MAX_STORED_SIZES, "blue anticone sizes")?;
        // An entry takes 34 bytes: a damaged length can't make us allocate more than is there.
        let mut list: Vec<(BlockHash, u16)> = Vec::with_capacity(n.min(r.remaining() / 34));
        for _ in 0..n {
            let entry = (BlockHash::decode(r)?, u16::decode(r)?);
            if list.last().is_some_and(|last| last.0 >= entry.0) {
                return Err(DecodeError::NotCanonical { what: "blue anticone sizes" });
            }
            list.push(entry);
        }
        Ok(Self(list))
    }
}

/// Colouring of one block's mergeset. Depends on the block's past only, so it never changes.
///
/// Encoding: fields in order.
///
/// Bounds for a mergeset limit L and k (R5): at most L ids, at most (k + 1)² anticone sizes, and over a whole chain no
/// more than k + 1 a blue block; an honest block has about as many as blues in its anticone. See
/// [`GhostdagData::max_size_bytes`].
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
    pub blues_anticone_sizes: AnticoneSizes,
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
            blues_anticone_sizes: AnticoneSizes::default(),
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

    /// Memory of this value in bytes, its lists included; the allocator's rounding is not.
    pub fn size_bytes(&self) -> usize {
        size_of::<Self>()
            + (self.mergeset_blues.capacity() + self.mergeset_reds.capacity()) * size_of::<BlockHash>()
            + self.blues_anticone_sizes.0.capacity() * size_of::<(BlockHash, u16)>()
    }

    /// Most that [`Self::size_bytes`] can be on a network, with lists of just their length: 535 KB at k = 124, 4.5 MB
    /// at k = 362. It takes k² blues whose anticones have room; a block on an honest network takes a few hundred bytes.
    pub fn max_size_bytes(params: &Params) -> usize {
        let sizes = (usize::from(params.k) + 1).pow(2);
        size_of::<Self>() + params.mergeset_limit * size_of::<BlockHash>() + sizes * size_of::<(BlockHash, u16)>()
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
        self.blues_anticone_sizes.encode(out);
    }
}

impl Decode for GhostdagData {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            blue_score: Decode::decode(r)?,
            blue_work: Decode::decode(r)?,
            selected_parent: Decode::decode(r)?,
            mergeset_blues: r.list(MAX_STORED_MERGESET, "mergeset blues")?,
            mergeset_reds: r.list(MAX_STORED_MERGESET, "mergeset reds")?,
            blues_anticone_sizes: Decode::decode(r)?,
        })
    }
}
