//! The dataset: what a miner keeps in memory for an epoch, so that a page is read instead of computed.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::cache::Cache;
use crate::error::DatasetError;
use crate::h64::{Node, Tags};
use crate::profile::NODE_LEN_BYTES;

/// Items of a chunk: 2 MiB. Memory is taken chunk by chunk, so that a build that is stopped has not taken all of it.
const CHUNK_ITEMS: usize = 1 << 15;
/// Items that a thread computes side by side: with more, their mixes no longer stay in the processor's nearest memory.
const SIDE_BY_SIDE: usize = 16;
/// Items between two looks at the stop signal: some 10 ms.
const ITEMS_PER_STOP_CHECK: usize = 1024;

/// `ND` items of 64 bytes.
#[derive(Clone, Debug)]
pub struct Dataset<const NC: u32, const ND: u32> {
    /// All of [`Self::CHUNK_LEN`] items.
    chunks: Vec<Vec<Node>>,
    tags: Tags,
}

impl<const NC: u32, const ND: u32> Dataset<NC, ND> {
    /// Memory that it takes, cache not included.
    pub const LEN_BYTES: u64 = ND as u64 * NODE_LEN_BYTES as u64;
    const CHUNK_LEN: usize = if (ND as usize) < CHUNK_ITEMS { ND as usize } else { CHUNK_ITEMS };

    /// Computes everything, on this thread and `threads − 1` more, or as many as the system gives; they have ended when
    /// this returns. Minutes for `Main`.
    ///
    /// - `stop`: asked by each thread every 1,024 items.
    ///
    /// # Errors
    /// [`DatasetError::Stopped`], [`DatasetError::NotEnoughMemory`].
    pub fn build(
        cache: &Cache<NC, ND>,
        threads: usize,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<Self, DatasetError> {
        let next = AtomicUsize::new(0);
        let failed = AtomicBool::new(false);
        let work = || fill_chunks(cache, &next, &failed, stop);
        let filled = std::thread::scope(|scope| {
            let spawn = |_| std::thread::Builder::new().name("umbel-dataset".to_owned()).spawn_scoped(scope, work).ok();
            let helpers: Vec<_> = (1..threads).filter_map(spawn).collect();
            let own = work();
            // A helper that panicked has left a chunk out.
            let others = helpers.into_iter().map(|helper| helper.join().unwrap_or(Err(DatasetError::Stopped)));
            std::iter::once(own).chain(others).collect::<Result<Vec<_>, _>>()
        });
        if failed.into_inner() {
            return Err(DatasetError::NotEnoughMemory { bytes: Self::LEN_BYTES });
        }
        let mut chunks: Vec<_> = filled?.into_iter().flatten().collect();
        chunks.sort_unstable_by_key(|(number, _)| *number);
        Ok(Self { chunks: chunks.into_iter().map(|(_, chunk)| chunk).collect(), tags: Tags::new() })
    }

    /// Reads the items `2·page` and `2·page + 1`.
    #[inline]
    pub fn page(&self, page: u32) -> [Node; 2] {
        let at = (page % (ND / 2)) as usize * 2;
        let chunk = &self.chunks[at / Self::CHUNK_LEN];
        [chunk[at % Self::CHUNK_LEN], chunk[at % Self::CHUNK_LEN + 1]]
    }

    /// The keys, for hashing with this dataset.
    pub fn tags(&self) -> &Tags {
        &self.tags
    }
}

/// One thread's part: the next chunk that nobody has taken, until there is none. Chunks with their numbers.
fn fill_chunks<const NC: u32, const ND: u32>(
    cache: &Cache<NC, ND>,
    next: &AtomicUsize,
    failed: &AtomicBool,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<Vec<(usize, Vec<Node>)>, DatasetError> {
    const { assert!((ND as usize).is_multiple_of(SIDE_BY_SIDE)) };
    let len = Dataset::<NC, ND>::CHUNK_LEN;
    let mut filled = Vec::new();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let first = number.saturating_mul(len);
        if first >= ND as usize {
            return Ok(filled);
        }
        let mut chunk = Vec::new();
        if chunk.try_reserve_exact(len).is_err() {
            failed.store(true, Ordering::Relaxed);
            return Err(DatasetError::Stopped);
        }
        let mut item = u32::try_from(first).unwrap_or(0);
        while chunk.len() < len {
            if chunk.len().is_multiple_of(ITEMS_PER_STOP_CHECK) && (failed.load(Ordering::Relaxed) || stop()) {
                return Err(DatasetError::Stopped);
            }
            let mut numbers = [0; SIDE_BY_SIDE];
            for number in &mut numbers {
                *number = item;
                item += 1;
            }
            chunk.extend(cache.items(numbers));
        }
        filled.push((number, chunk));
    }
}
