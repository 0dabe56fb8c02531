//! The proof of work of one network: epochs, caches, verification, search.

use core::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use umbel_types::params::PowProfile;
use umbel_types::{DaaScore, Header, Params};

use crate::cache::epoch_seed;
use crate::error::PowError;
use crate::h64::Tags;
use crate::hash::{Pages, hash, hash_of_claimed_digest};
use crate::profile::{EPOCH_S, MainCache, MainDataset, TestCache, TestDataset};

/// Caches kept: the epoch of the tips and the one before or behind it.
const MAX_CACHES: usize = 2;
/// Epochs that are served: 192 years. Bounds the hash chain of seeds; callers bound epochs to the tip's ±1 (R1).
pub const MAX_EPOCH: u64 = 10_000;
/// Hashes between two looks at the stop signal: below 10 ms with the `Main` cache.
const HASHES_PER_STOP_CHECK: u64 = 16;

/// A nonce that meets the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Solution {
    /// Goes into the header.
    pub nonce: u64,
    /// Goes into the header.
    pub mix_digest: [u8; 32],
}

/// How a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchOutcome {
    /// What was found; `None` when the range was used up or the search stopped.
    pub solution: Option<Solution>,
    /// Nonces tried.
    pub hashes: u64,
}

/// An epoch's cache, whichever size.
#[derive(Clone)]
enum EpochCache {
    Main(Arc<MainCache>),
    Test(Arc<TestCache>),
}

/// An epoch's dataset, whichever size.
#[derive(Clone)]
pub enum EpochDataset {
    /// 2 GiB.
    Main(Arc<MainDataset>),
    /// 4 MiB.
    Test(Arc<TestDataset>),
}

impl fmt::Debug for EpochDataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Main(_) => "EpochDataset::Main",
            Self::Test(_) => "EpochDataset::Test",
        })
    }
}

/// Values by epoch, newest use last.
struct Recent<T> {
    entries: Vec<(u64, T)>,
}

impl<T: Clone> Recent<T> {
    fn get(&mut self, epoch: u64) -> Option<T> {
        let idx = self.entries.iter().position(|(known, _)| *known == epoch)?;
        let entry = self.entries.remove(idx);
        let value = entry.1.clone();
        self.entries.push(entry);
        Some(value)
    }

    fn put(&mut self, epoch: u64, value: T) {
        self.entries.retain(|(known, _)| *known != epoch);
        if self.entries.len() >= MAX_CACHES {
            self.entries.remove(0);
        }
        self.entries.push((epoch, value));
    }
}

/// The proof of work of one network. Shared between threads.
pub struct Pow {
    profile: PowProfile,
    chain_id: u32,
    epoch_length: u64,
    tags: Tags,
    /// Held while a cache is built: a second thread that needs the same cache would only build it twice.
    caches: Mutex<Recent<EpochCache>>,
    datasets: Mutex<Recent<EpochDataset>>,
}

impl fmt::Debug for Pow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pow").field("profile", &self.profile).field("chain_id", &self.chain_id).finish_non_exhaustive()
    }
}

impl Pow {
    /// The proof of work of a network. Nothing is computed yet.
    pub fn of(params: &Params) -> Self {
        Self::new(params.pow, params.chain_id, params.daa_of_seconds(EPOCH_S))
    }

    /// - `epoch_length`: DAA score served by one cache; at least 1.
    pub fn new(profile: PowProfile, chain_id: u32, epoch_length: u64) -> Self {
        Self {
            profile,
            chain_id,
            epoch_length: epoch_length.max(1),
            tags: Tags::new(),
            caches: Mutex::new(Recent { entries: Vec::new() }),
            datasets: Mutex::new(Recent { entries: Vec::new() }),
        }
    }

    /// The epoch that a block of this score is mined in.
    pub fn epoch_of(&self, daa_score: DaaScore) -> u64 {
        daa_score.0 / self.epoch_length
    }

    /// Cheap first look: does the header meet its own target if its mix digest is right? Two compressions, no cache.
    ///
    /// # Errors
    /// [`PowError::MalformedBits`], [`PowError::AboveTarget`].
    pub fn check_digest(&self, header: &Header) -> Result<(), PowError> {
        let target = header.bits.to_target().ok_or(PowError::MalformedBits)?;
        if self.profile == PowProfile::Sim {
            return Ok(());
        }
        let pow = hash_of_claimed_digest(&self.tags, &header.pre_pow_hash(), header.nonce, &header.mix_digest);
        if pow <= target { Ok(()) } else { Err(PowError::AboveTarget) }
    }

    /// Checks the proof of work against the header's own bits. Whether those are the right ones is another rule.
    ///
    /// May build a cache (0.5 s for `Main`): bound the epoch to that of the tips ± 1 before calling it for headers from
    /// outside.
    ///
    /// # Consensus
    /// > Qanhash(H(header without nonce and mix digest), nonce) ≤ target, with the header's mix digest. (R1, Qanhash v1)
    ///
    /// # Errors
    /// [`PowError`].
    pub fn verify(&self, header: &Header) -> Result<(), PowError> {
        self.check_digest(header)?;
        if self.profile == PowProfile::Sim {
            return Ok(());
        }
        let pre_pow = header.pre_pow_hash();
        let found = match self.cache(self.epoch_of(header.daa_score))? {
            EpochCache::Main(cache) => hash(&*cache, &pre_pow, header.nonce),
            EpochCache::Test(cache) => hash(&*cache, &pre_pow, header.nonce),
        };
        // With the right digest, the value is the one that `check_digest` compared.
        if found.mix_digest == header.mix_digest { Ok(()) } else { Err(PowError::WrongMixDigest) }
    }

    /// Tries nonces until one meets the target of `header.bits`. Reads the epoch's dataset where one was installed,
    /// else computes pages from the cache. Under `Sim` the first nonce is the solution.
    ///
    /// - `stop`: asked every few hashes.
    ///
    /// # Errors
    /// [`PowError::MalformedBits`], [`PowError::EpochTooFar`].
    pub fn mine(
        &self,
        header: &Header,
        nonces: Range<u64>,
        stop: impl FnMut() -> bool,
    ) -> Result<SearchOutcome, PowError> {
        let epoch = self.epoch_of(header.daa_score);
        if self.profile == PowProfile::Sim {
            header.bits.to_target().ok_or(PowError::MalformedBits)?;
            let solution = (!nonces.is_empty()).then_some(Solution { nonce: nonces.start, mix_digest: [0; 32] });
            return Ok(SearchOutcome { solution, hashes: u64::from(solution.is_some()) });
        }
        let dataset = self.datasets.lock().unwrap_or_else(PoisonError::into_inner).get(epoch);
        match dataset {
            Some(EpochDataset::Main(dataset)) => search(&*dataset, header, nonces, stop),
            Some(EpochDataset::Test(dataset)) => search(&*dataset, header, nonces, stop),
            None => match self.cache(epoch)? {
                EpochCache::Main(cache) => search(&*cache, header, nonces, stop),
                EpochCache::Test(cache) => search(&*cache, header, nonces, stop),
            },
        }
    }

    /// Computes an epoch's dataset with one call of `run` for each slice: hand each to a thread. Takes 2 GiB for `Main`
    /// and minutes of processor time. `None` under `Sim`, or if a slice did not come to its end.
    ///
    /// The result is not used before [`Self::install_dataset`].
    ///
    /// # Errors
    /// [`PowError::EpochTooFar`].
    pub fn build_dataset(
        &self,
        epoch: u64,
        threads: usize,
        stop: &(impl Fn() -> bool + Sync),
    ) -> Result<Option<EpochDataset>, PowError> {
        if self.profile == PowProfile::Sim {
            return Ok(None);
        }
        macro_rules! fill {
            ($cache:expr, $dataset:ty, $variant:path) => {{
                let mut dataset = <$dataset>::empty();
                let complete = std::thread::scope(|scope| {
                    let workers: Vec<_> = dataset
                        .slices(threads)
                        .into_iter()
                        .map(|slice| scope.spawn(|| slice.fill(&*$cache, stop)))
                        .collect();
                    workers.into_iter().all(|worker| worker.join().unwrap_or(false))
                });
                complete.then(|| $variant(Arc::new(dataset)))
            }};
        }
        Ok(match self.cache(epoch)? {
            EpochCache::Main(cache) => fill!(cache, MainDataset, EpochDataset::Main),
            EpochCache::Test(cache) => fill!(cache, TestDataset, EpochDataset::Test),
        })
    }

    /// Lets [`Self::mine`] read this dataset in its epoch. At most two are kept.
    pub fn install_dataset(&self, epoch: u64, dataset: EpochDataset) {
        self.datasets.lock().unwrap_or_else(PoisonError::into_inner).put(epoch, dataset);
    }

    /// Forgets all datasets: mining has ended, the memory is wanted elsewhere.
    pub fn drop_datasets(&self) {
        self.datasets.lock().unwrap_or_else(PoisonError::into_inner).entries.clear();
    }

    fn cache(&self, epoch: u64) -> Result<EpochCache, PowError> {
        if epoch > MAX_EPOCH {
            return Err(PowError::EpochTooFar(epoch));
        }
        let mut caches = self.caches.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cache) = caches.get(epoch) {
            return Ok(cache);
        }
        let seed = epoch_seed(&self.tags, self.chain_id, epoch);
        let cache = match self.profile {
            PowProfile::Main => EpochCache::Main(Arc::new(MainCache::build(seed))),
            // `Sim` asks for no cache; it gets the small one.
            PowProfile::Test | PowProfile::Sim => EpochCache::Test(Arc::new(TestCache::build(seed))),
        };
        caches.put(epoch, cache.clone());
        Ok(cache)
    }
}

fn search<P: Pages>(
    pages: &P,
    header: &Header,
    nonces: Range<u64>,
    mut stop: impl FnMut() -> bool,
) -> Result<SearchOutcome, PowError> {
    let target = header.bits.to_target().ok_or(PowError::MalformedBits)?;
    let pre_pow = header.pre_pow_hash();
    let mut hashes = 0u64;
    for nonce in nonces {
        if hashes.is_multiple_of(HASHES_PER_STOP_CHECK) && stop() {
            break;
        }
        hashes += 1;
        let found = hash(pages, &pre_pow, nonce);
        if found.pow <= target {
            return Ok(SearchOutcome { solution: Some(Solution { nonce, mix_digest: found.mix_digest }), hashes });
        }
    }
    Ok(SearchOutcome { solution: None, hashes })
}
