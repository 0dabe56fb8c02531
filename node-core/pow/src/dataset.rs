//! The dataset: what a miner keeps in memory for an epoch, so that a page is read instead of computed.

use crate::cache::Cache;
use crate::h64::{Node, Tags};

/// `ND` items of 64 bytes.
#[derive(Clone, Debug)]
pub struct Dataset<const NC: u32, const ND: u32> {
    items: Vec<Node>,
    tags: Tags,
}

/// Consecutive pages of a dataset, to be filled by one thread.
#[derive(Debug)]
pub struct Slice<'a> {
    first_page: u32,
    items: &'a mut [Node],
}

impl<const NC: u32, const ND: u32> Dataset<NC, ND> {
    /// Reserves the memory; nothing is computed yet.
    pub fn empty() -> Self {
        Self { items: vec![Node::ZERO; ND as usize], tags: Tags::new() }
    }

    /// The dataset in `n` slices of about the same size, one for each of the caller's threads.
    pub fn slices(&mut self, n: usize) -> Vec<Slice<'_>> {
        let pages = (ND as usize / 2).div_ceil(n.max(1));
        let mut first_page = 0u32;
        let mut slices = Vec::new();
        for items in self.items.chunks_mut(pages * 2) {
            let len = u32::try_from(items.len() / 2).unwrap_or(ND / 2);
            slices.push(Slice { first_page, items });
            first_page += len;
        }
        slices
    }

    /// Computes everything on this thread. Milliseconds for `Test`, minutes for `Main`.
    pub fn build(cache: &Cache<NC, ND>) -> Self {
        let mut dataset = Self::empty();
        for slice in dataset.slices(1) {
            slice.fill(cache, || false);
        }
        dataset
    }

    /// Reads the items `2·page` and `2·page + 1`.
    #[inline]
    pub fn page(&self, page: u32) -> [Node; 2] {
        let at = (page % (ND / 2)) as usize * 2;
        [self.items[at], self.items[at + 1]]
    }

    /// The keys, for hashing with this dataset.
    pub fn tags(&self) -> &Tags {
        &self.tags
    }
}

impl Slice<'_> {
    /// Computes the slice's items. Asks `stop` every 1,024 pages and returns whether it came to the end.
    pub fn fill<const NC: u32, const ND: u32>(self, cache: &Cache<NC, ND>, mut stop: impl FnMut() -> bool) -> bool {
        for (pair, page) in self.items.chunks_exact_mut(2).zip(self.first_page..) {
            if page.is_multiple_of(1024) && stop() {
                return false;
            }
            pair.copy_from_slice(&cache.page(page));
        }
        true
    }
}
