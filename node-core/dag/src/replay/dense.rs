//! Colouring on plain arrays: numbers for ids, explicit sets for reachability, no map, no store.
//!
//! The floor that `umbel bench ghostdag` compares [`super::headers`] with; its answers equal [`crate::ghostdag`]'s (tested).
//!
//! It is the strictest reading of "the same colouring on in-memory arrays": the whole graph is known beforehand, each
//! past is a set of bits, and nothing is kept up to date for the next block. No node can work like that, since the sets
//! take n²/8 bytes and the time for one block grows with n: from 10,000 to 32,000 blocks it was measured to go from 0.24
//! to 2.9 µs at k = 18, from 1.7 to 5.0 at k = 124 and from 10.8 to 13.7 at k = 362, while [`super::headers`] got slower
//! by a tenth or two. A milder floor would be this crate's own colouring with its reachability, over arrays in which a
//! block's number is its id: 1.8, 8.1 and 24.8 µs for one of 10,000 blocks. It is not used, as it would hide what that
//! algorithm costs.

use umbel_types::{BlockHash, BlueWork};

/// Most blocks: 2¹⁵, whose pasts take 128 MiB.
pub const MAX_DENSE_BLOCKS: usize = 1 << 15;

/// A graph whose pasts are explicit sets.
#[derive(Clone, Debug)]
pub struct DenseGraph {
    parents: Vec<Vec<usize>>,
    ids: Vec<BlockHash>,
    work: Vec<BlueWork>,
    /// Words of 64 blocks to a row, a row to a block.
    pasts: Vec<u64>,
    words: usize,
}

/// Colouring of all blocks of a [`DenseGraph`], by number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DenseColors {
    /// Blue work.
    pub blue_work: Vec<BlueWork>,
    /// Selected parent; genesis' is itself.
    pub selected_parent: Vec<usize>,
    /// Blues of the mergeset, the selected parent first.
    pub blues: Vec<Vec<usize>>,
    /// Reds of the mergeset.
    pub reds: Vec<Vec<usize>>,
    /// Blue anticone sizes that the block's mergeset changed.
    sizes: Vec<Vec<(usize, u16)>>,
}

impl DenseGraph {
    /// Computes all pasts. Block 0 is genesis; parents stand before their children.
    ///
    /// - `work`: what each block is worth.
    ///
    /// `None` if the lists differ in length, a block but the first has no parents, a parent does not stand before its
    /// child, or there are more than [`MAX_DENSE_BLOCKS`] blocks.
    pub fn new(parents: Vec<Vec<usize>>, ids: Vec<BlockHash>, work: Vec<BlueWork>) -> Option<Self> {
        let n = parents.len();
        let in_order = |(block, own): (usize, &Vec<usize>)| {
            own.iter().all(|&parent| parent < block) && own.is_empty() == (block == 0)
        };
        if n > MAX_DENSE_BLOCKS || ids.len() != n || work.len() != n || !parents.iter().enumerate().all(in_order) {
            return None;
        }
        let words = n.div_ceil(64);
        let mut pasts = vec![0u64; n * words];
        for (block, own) in parents.iter().enumerate() {
            let (before, row) = pasts.split_at_mut(block * words);
            for &parent in own {
                for (word, theirs) in row.iter_mut().zip(&before[parent * words..(parent + 1) * words]) {
                    *word |= theirs;
                }
                row[parent / 64] |= 1 << (parent % 64);
            }
        }
        Some(Self { parents, ids, work, pasts, words })
    }

    /// Whether `block` is in the past of `other`.
    fn is_before(&self, block: usize, other: usize) -> bool {
        self.pasts[other * self.words + block / 64] >> (block % 64) & 1 == 1
    }

    /// Colours every block by R3 and R4.
    pub fn color(&self, k: u16) -> DenseColors {
        let mut colors = DenseColors {
            blue_work: vec![BlueWork::ZERO],
            selected_parent: vec![0],
            blues: vec![Vec::new()],
            reds: vec![Vec::new()],
            sizes: vec![Vec::new()],
        };
        let mut seen_by = vec![0usize; self.ids.len()];
        for block in 1..self.ids.len() {
            self.color_one(block, k, &mut colors, &mut seen_by);
        }
        colors
    }

    fn color_one(&self, block: usize, k: u16, colors: &mut DenseColors, seen_by: &mut [usize]) {
        let key = |number: usize, colors: &DenseColors| (colors.blue_work[number], self.ids[number]);
        let selected = self.parents[block].iter().copied().max_by_key(|&parent| key(parent, colors)).unwrap_or(0);
        let mut mergeset = Vec::new();
        let mut pending = vec![block];
        while let Some(current) = pending.pop() {
            for &parent in &self.parents[current] {
                if seen_by[parent] != block && parent != selected && !self.is_before(parent, selected) {
                    seen_by[parent] = block;
                    mergeset.push(parent);
                    pending.push(parent);
                }
            }
        }
        mergeset.sort_unstable_by_key(|&number| key(number, colors));
        let (mut blues, mut reds, mut sizes) = (vec![selected], Vec::new(), vec![(selected, 0u16)]);
        for candidate in mergeset {
            match self.anticone(candidate, selected, k, &blues, &sizes, colors) {
                Some(peers) => {
                    sizes.push((candidate, u16::try_from(peers.len()).unwrap_or(u16::MAX)));
                    for (peer, size) in peers {
                        match sizes.iter_mut().find(|(known, _)| *known == peer) {
                            Some(entry) => entry.1 = size + 1,
                            None => sizes.push((peer, size + 1)),
                        }
                    }
                    blues.push(candidate);
                }
                None => reds.push(candidate),
            }
        }
        let mut blue_work = colors.blue_work[selected];
        for &blue in &blues {
            blue_work = blue_work.saturating_add(self.work[blue]);
        }
        colors.blue_work.push(blue_work);
        colors.selected_parent.push(selected);
        colors.blues.push(blues);
        colors.reds.push(reds);
        colors.sizes.push(sizes);
    }

    /// The candidate's blue anticone with the sizes of its members' own, or `None` if the candidate is red.
    fn anticone(
        &self,
        candidate: usize,
        selected: usize,
        k: u16,
        blues: &[usize],
        sizes: &[(usize, u16)],
        colors: &DenseColors,
    ) -> Option<Vec<(usize, u16)>> {
        let k = usize::from(k);
        if blues.len() > k {
            return None;
        }
        let mut peers: Vec<(usize, u16)> = Vec::new();
        let mut extend = |members: &[usize]| -> Option<()> {
            for &peer in members.iter().filter(|&&peer| !self.is_before(peer, candidate)) {
                let size = size_of(peer, selected, sizes, colors);
                if peers.len() == k || usize::from(size) >= k {
                    return None;
                }
                peers.push((peer, size));
            }
            Some(())
        };
        extend(blues)?;
        let mut chain_block = selected;
        while !self.is_before(chain_block, candidate) {
            extend(&colors.blues[chain_block])?;
            chain_block = colors.selected_parent[chain_block];
        }
        Some(peers)
    }
}

fn size_of(peer: usize, selected: usize, sizes: &[(usize, u16)], colors: &DenseColors) -> u16 {
    let find = |list: &[(usize, u16)]| list.iter().find(|(known, _)| *known == peer).map(|&(_, size)| size);
    if let Some(size) = find(sizes) {
        return size;
    }
    let mut chain_block = selected;
    loop {
        if let Some(size) = find(&colors.sizes[chain_block]) {
            return size;
        }
        if chain_block == 0 {
            return 0;
        }
        chain_block = colors.selected_parent[chain_block];
    }
}
