//! The proof of work of one network: epochs, caches, verification, search.

use core::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;

use ruint::aliases::U256;
use umbel_types::params::PowProfile;
use umbel_types::{DaaScore, Header, Params};

use crate::cache::epoch_seed;
use crate::error::{DatasetError, PowError};
use crate::h64::Tags;
use crate::hash::{Pages, hash, hash_of_claimed_digest};
use crate::profile::{
    EPOCH_S, MAIN_CACHE_NODES, MainCache, MainDataset, NODE_LEN_BYTES, TEST_CACHE_NODES, TestCache, TestDataset,
};

/// Caches kept: the epoch of the tips and the one before or behind it.
const MAX_CACHES: usize = 2;
/// Epochs that are served: 192 years. Bounds the hash chain of seeds; callers bound epochs to the tip's ±1 (R1).
pub const MAX_EPOCH: u64 = 10_000;
/// The part of an epoch, from its end, in which the next one's cache is built ahead: ten minutes of seven days.
const WARM_AHEAD_PART: u64 = 1_000;
/// Hashes between two looks at the stop signal: some 10 ms with the `Main` cache.
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
enum EpochDataset {
    Main(Arc<MainDataset>),
    Test(Arc<TestDataset>),
}

/// A cache that is there, is being built by some thread, or will be by whoever asks first.
type Slot = Arc<OnceLock<EpochCache>>;

/// Slots by epoch, newest use last. At most [`MAX_CACHES`].
#[derive(Default)]
struct Slots {
    entries: Vec<(u64, Slot)>,
}

impl Slots {
    fn contains(&self, epoch: u64) -> bool {
        self.entries.iter().any(|(known, _)| *known == epoch)
    }

    fn of(&mut self, epoch: u64) -> Slot {
        let known = self.entries.iter().position(|(known, _)| *known == epoch);
        let entry = known.map_or_else(|| (epoch, Slot::default()), |idx| self.entries.remove(idx));
        if self.entries.len() >= MAX_CACHES {
            self.entries.remove(0);
        }
        let slot = entry.1.clone();
        self.entries.push(entry);
        slot
    }
}

/// A poisoned lock means that another thread panicked; what it guards is replaced as a whole.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The proof of work of one network. Shared between threads.
pub struct Pow {
    profile: PowProfile,
    chain_id: u32,
    epoch_length: u64,
    tags: Tags,
    /// Not held while a cache is built: blocks of another epoch go on.
    caches: Mutex<Slots>,
    /// Builds the next epoch's cache; joined before the next of its kind starts and when this is dropped.
    warming: Mutex<Option<JoinHandle<()>>>,
    /// The one dataset that is kept, and its epoch.
    dataset: Mutex<Option<(u64, EpochDataset)>>,
    /// Held while a dataset is built, so that two are never in memory.
    building: Mutex<()>,
}

impl fmt::Debug for Pow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pow").field("profile", &self.profile).field("chain_id", &self.chain_id).finish_non_exhaustive()
    }
}

impl Drop for Pow {
    fn drop(&mut self) {
        join(locked(&self.warming).take());
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
            caches: Mutex::default(),
            warming: Mutex::default(),
            dataset: Mutex::default(),
            building: Mutex::default(),
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
        check_value(pow, target)
    }

    /// Checks the proof of work against the header's own bits. Whether those are the right ones is another rule.
    ///
    /// May build a cache (most of a second for `Main`): bound the epoch to that of the tips ± 1 before calling it for
    /// headers from outside. A good header near an epoch's end has the next cache built by a thread of its own, so that
    /// the first header of the next epoch finds it.
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
        let epoch = self.epoch_of(header.daa_score);
        let found = match self.cache(epoch)? {
            EpochCache::Main(cache) => hash(&*cache, &pre_pow, header.nonce),
            EpochCache::Test(cache) => hash(&*cache, &pre_pow, header.nonce),
        };
        // With the right digest, the value is the one that `check_digest` compared.
        if found.mix_digest != header.mix_digest {
            return Err(PowError::WrongMixDigest);
        }
        let soon = self.epoch_of(header.daa_score.saturating_add(self.epoch_length / WARM_AHEAD_PART));
        if soon > epoch {
            self.warm(soon);
        }
        Ok(())
    }

    /// Tries nonces until one meets the target of `header.bits`. Reads the epoch's dataset where there is one
    /// ([`Self::build_dataset`]), else computes pages from the cache. Under `Sim` the first nonce is the solution.
    ///
    /// - `stop`: asked every few hashes.
    ///
    /// # Errors
    /// [`PowError::MalformedBits`], [`PowError::EpochTooFar`].
    pub fn mine(
        &self,
        header: &Header,
        nonces: Range<u64>,
        mut stop: impl FnMut() -> bool,
    ) -> Result<SearchOutcome, PowError> {
        self.mine_until(header, nonces, &mut stop)
    }

    /// [`Self::mine`], compiled in this crate: another crate's debug build does not make the hash slow.
    fn mine_until(
        &self,
        header: &Header,
        nonces: Range<u64>,
        stop: &mut dyn FnMut() -> bool,
    ) -> Result<SearchOutcome, PowError> {
        let epoch = self.epoch_of(header.daa_score);
        if self.profile == PowProfile::Sim {
            header.bits.to_target().ok_or(PowError::MalformedBits)?;
            let solution = (!nonces.is_empty()).then_some(Solution { nonce: nonces.start, mix_digest: [0; 32] });
            return Ok(SearchOutcome { solution, hashes: u64::from(solution.is_some()) });
        }
        match self.dataset_of(epoch) {
            Some(EpochDataset::Main(dataset)) => search(&*dataset, header, nonces, stop),
            Some(EpochDataset::Test(dataset)) => search(&*dataset, header, nonces, stop),
            None => match self.cache(epoch)? {
                EpochCache::Main(cache) => search(&*cache, header, nonces, stop),
                EpochCache::Test(cache) => search(&*cache, header, nonces, stop),
            },
        }
    }

    /// Memory that [`Self::build_dataset`] takes, the cache included. `None` where there is no work to prove.
    pub fn dataset_memory_bytes(&self) -> Option<u64> {
        let bytes = |cache_nodes: u32, dataset: u64| dataset + u64::from(cache_nodes) * NODE_LEN_BYTES as u64;
        match self.profile {
            PowProfile::Main => Some(bytes(MAIN_CACHE_NODES, MainDataset::LEN_BYTES)),
            PowProfile::Test => Some(bytes(TEST_CACHE_NODES, TestDataset::LEN_BYTES)),
            PowProfile::Sim => None,
        }
    }

    /// Whether [`Self::mine`] reads a dataset in this epoch.
    pub fn has_dataset(&self, epoch: u64) -> bool {
        self.dataset_of(epoch).is_some()
    }

    /// Computes an epoch's dataset, on this thread and `threads − 1` more, for [`Self::mine`] to read from then on. One is
    /// kept: another epoch's is forgotten first. Minutes for `Main`; nothing under `Sim`, or if it is there.
    ///
    /// - `stop`: asked every few milliseconds.
    ///
    /// # Errors
    /// [`DatasetError`]; the memory was given back.
    pub fn build_dataset(
        &self,
        epoch: u64,
        threads: usize,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<(), DatasetError> {
        let building = locked(&self.building);
        if self.profile == PowProfile::Sim || self.has_dataset(epoch) {
            return Ok(());
        }
        self.drop_dataset();
        let dataset = match self.cache(epoch)? {
            EpochCache::Main(cache) => EpochDataset::Main(Arc::new(MainDataset::build(&cache, threads, stop)?)),
            EpochCache::Test(cache) => EpochDataset::Test(Arc::new(TestDataset::build(&cache, threads, stop)?)),
        };
        *locked(&self.dataset) = Some((epoch, dataset));
        drop(building);
        Ok(())
    }

    /// Forgets the dataset: mining has ended, the memory is wanted elsewhere.
    pub fn drop_dataset(&self) {
        locked(&self.dataset).take();
    }

    fn dataset_of(&self, epoch: u64) -> Option<EpochDataset> {
        locked(&self.dataset).as_ref().filter(|(of, _)| *of == epoch).map(|(_, dataset)| dataset.clone())
    }

    fn cache(&self, epoch: u64) -> Result<EpochCache, PowError> {
        if epoch > MAX_EPOCH {
            return Err(PowError::EpochTooFar(epoch));
        }
        Ok(self.cache_or(epoch, || build_cache(self.profile, self.chain_id, epoch)))
    }

    fn cache_or(&self, epoch: u64, build: impl FnOnce() -> EpochCache) -> EpochCache {
        let slot = locked(&self.caches).of(epoch);
        slot.get_or_init(build).clone()
    }

    /// Has an epoch's cache built in the background, unless it is there or on its way.
    fn warm(&self, epoch: u64) {
        let slot = {
            let mut caches = locked(&self.caches);
            if epoch > MAX_EPOCH || caches.contains(epoch) {
                return;
            }
            caches.of(epoch)
        };
        let mut warming = locked(&self.warming);
        join(warming.take());
        let (profile, chain_id) = (self.profile, self.chain_id);
        let build = move || {
            slot.get_or_init(|| build_cache(profile, chain_id, epoch));
        };
        // Without a thread to be had, the first header of the epoch builds it.
        *warming = std::thread::Builder::new().name("umbel-pow-cache".to_owned()).spawn(build).ok();
    }
}

/// A panic in the thread is the next reader's to meet: the slot is still empty then.
fn join(thread: Option<JoinHandle<()>>) {
    if let Some(thread) = thread {
        let _ = thread.join();
    }
}

fn build_cache(profile: PowProfile, chain_id: u32, epoch: u64) -> EpochCache {
    let seed = epoch_seed(&Tags::new(), chain_id, epoch);
    match profile {
        PowProfile::Main => EpochCache::Main(Arc::new(MainCache::build(seed))),
        // `Sim` asks for no cache; it gets the small one.
        PowProfile::Test | PowProfile::Sim => EpochCache::Test(Arc::new(TestCache::build(seed))),
    }
}

/// # Consensus
/// > A header is valid if pow ≤ target(bits). (Qanhash v1)
fn check_value(pow: U256, target: U256) -> Result<(), PowError> {
    if pow <= target { Ok(()) } else { Err(PowError::AboveTarget) }
}

fn search<P: Pages>(
    pages: &P,
    header: &Header,
    nonces: Range<u64>,
    stop: &mut dyn FnMut() -> bool,
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
        if check_value(found.pow, target).is_ok() {
            return Ok(SearchOutcome { solution: Some(Solution { nonce, mix_digest: found.mix_digest }), hashes });
        }
    }
    Ok(SearchOutcome { solution: None, hashes })
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use umbel_types::CompactTarget;

    use super::*;

    const EPOCH: u64 = 10_000;

    fn pow() -> Pow {
        Pow::new(PowProfile::Test, 1313, EPOCH)
    }

    fn mined(pow: &Pow, daa_score: u64) -> Header {
        let mut header = umbel_types::Header {
            version: 1,
            parents: Vec::new(),
            tx_root: umbel_types::Hash32([2; 32]),
            accepted_root: umbel_types::Hash32([3; 32]),
            utxo_commit: umbel_types::Hash32([4; 32]),
            state_root: umbel_types::Hash32([5; 32]),
            chain_mmr_root: umbel_types::Hash32([6; 32]),
            timestamp: umbel_types::TimestampMs(0),
            nonce: 0,
            bits: CompactTarget::EASIEST,
            daa_score: DaaScore(daa_score),
            blue_score: umbel_types::BlueScore(1),
            blue_work: umbel_types::BlueWork::from_u64(2),
            cert: umbel_types::header::CertRef::genesis(),
            mix_digest: [0; 32],
        };
        let solution = pow.mine(&header, 0..1000, || false).expect("good bits").solution.expect("every second does");
        (header.nonce, header.mix_digest) = (solution.nonce, solution.mix_digest);
        header
    }

    /// Epochs of the caches, least recently used first, and whether each is built.
    fn epochs(pow: &Pow) -> Vec<(u64, bool)> {
        locked(&pow.caches).entries.iter().map(|(epoch, slot)| (*epoch, slot.get().is_some())).collect()
    }

    #[test]
    fn a_value_may_equal_the_target() {
        let one = U256::ONE;
        let middle = U256::from(1u64) << 200;
        for target in [U256::ZERO, one, middle, U256::MAX] {
            assert_eq!(check_value(target, target), Ok(()));
            assert_eq!(check_value(U256::ZERO, target), Ok(()));
        }
        for (pow, target) in
            [(one, U256::ZERO), (middle + one, middle), (U256::MAX, middle), (U256::MAX, U256::MAX - one)]
        {
            assert_eq!(check_value(pow, target), Err(PowError::AboveTarget));
        }
    }

    #[test]
    fn two_caches_are_kept() {
        let pow = pow();
        for (epoch, kept) in [(0, vec![0]), (1, vec![0, 1]), (0, vec![1, 0]), (2, vec![0, 2]), (7, vec![2, 7])] {
            pow.cache(epoch).expect("not far");
            assert_eq!(epochs(&pow), kept.into_iter().map(|epoch| (epoch, true)).collect::<Vec<_>>());
        }
    }

    /// The build of epoch 1's cache is held up; blocks of epoch 0 are verified meanwhile.
    #[test]
    fn a_cache_being_built_keeps_no_other_epoch_waiting() {
        let pow = Arc::new(pow());
        let header = mined(&pow, 5);
        let (begun, has_begun) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        let builder = {
            let pow = pow.clone();
            std::thread::spawn(move || {
                pow.cache_or(1, || {
                    begun.send(()).expect("the test waits");
                    // Ends with an error once the test drops its end.
                    let _ = released.recv();
                    build_cache(PowProfile::Test, 1313, 1)
                });
            })
        };
        has_begun.recv().expect("the builder runs");
        let (verdict, verdicts) = mpsc::channel();
        let verifier = {
            let pow = pow.clone();
            std::thread::spawn(move || verdict.send(pow.verify(&header)))
        };
        let got = verdicts.recv_timeout(Duration::from_secs(60));
        drop(release);
        builder.join().expect("no panic");
        verifier.join().expect("no panic").expect("the test waits");
        assert_eq!(got, Ok(Ok(())), "verified while the other cache was not there");
        assert_eq!(epochs(&pow), [(1, true), (0, true)]);
    }

    #[test]
    fn the_next_cache_is_built_ahead() {
        let pow = pow();
        let early = mined(&pow, EPOCH - EPOCH / WARM_AHEAD_PART - 1);
        let late = mined(&pow, EPOCH - EPOCH / WARM_AHEAD_PART);
        assert_eq!(pow.verify(&early), Ok(()));
        assert!(locked(&pow.warming).is_none());
        let mut bad = late.clone();
        bad.mix_digest[0] ^= 1;
        assert!(pow.verify(&bad).is_err());
        assert!(locked(&pow.warming).is_none(), "nobody has it built without having worked");
        for order in [[0, 1], [1, 0]] {
            assert_eq!(pow.verify(&late), Ok(()));
            join(locked(&pow.warming).take());
            assert_eq!(epochs(&pow), order.map(|epoch| (epoch, true)));
        }
        assert!(matches!(pow.cache(1), Ok(EpochCache::Test(_))));
        let last = mined(&pow, (MAX_EPOCH + 1) * EPOCH - 1);
        assert_eq!(pow.verify(&last), Ok(()), "there is no next one");
        assert!(locked(&pow.warming).is_none());
    }
}
