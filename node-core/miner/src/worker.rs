//! One mining thread.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::{debug, warn};
use umbel_pow::{DatasetError, Pow, Solution};
use umbel_types::Block;
use umbel_types::consensus_api::BlockTemplate;

use crate::error::TemplateError;
use crate::schedule::{Schedule, mix};
use crate::source::TemplateSource;
use crate::stats::{DatasetState, MinerStats, RateWindow};

/// Wait before a template is asked for again after there was none.
const RETRY: Duration = Duration::from_millis(500);
/// How often a search asks whether its template is stale.
const STALE_CHECK: Duration = Duration::from_millis(50);
/// Age at which a search takes a new template even if the parents are the same: new transactions, newer time.
const MAX_TEMPLATE_AGE: Duration = Duration::from_secs(2);

/// Figures of all threads.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) stats: MinerStats,
    pub(crate) rate: RateWindow,
}

/// A panic elsewhere does not make the figures useless.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends a run. A stopped run is never started again.
pub(crate) struct Signal {
    started: Instant,
    /// Read between hashes, without the lock.
    stopped: AtomicBool,
    /// Waited on by threads with nothing to do.
    lock: Mutex<()>,
    wake: Condvar,
}

impl Signal {
    pub(crate) fn new() -> Self {
        Self { started: Instant::now(), stopped: AtomicBool::new(false), lock: Mutex::new(()), wake: Condvar::new() }
    }

    /// Makes all threads end soon.
    pub(crate) fn stop(&self) {
        // The flag is set under the lock: a thread that is about to wait has either seen it, or waits already and is
        // woken.
        let guard = locked(&self.lock);
        self.stopped.store(true, Ordering::SeqCst);
        drop(guard);
        self.wake.notify_all();
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    /// Waits until `deadline`; `false` if the run was stopped meanwhile.
    fn wait_until(&self, deadline: Instant) -> bool {
        let mut guard = locked(&self.lock);
        loop {
            if self.is_stopped() {
                return false;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            guard = self.wake.wait_timeout(guard, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// What one run of threads shares.
pub(crate) struct Run {
    pub(crate) pow: Arc<Pow>,
    pub(crate) source: Arc<dyn TemplateSource>,
    pub(crate) tally: Arc<Mutex<Tally>>,
    /// Slots on a paced network.
    pub(crate) schedule: Option<Schedule>,
    pub(crate) seed: u64,
    pub(crate) threads: usize,
    pub(crate) dataset_allowed: Arc<AtomicBool>,
    pub(crate) signal: Signal,
    /// Held by the thread that has the dataset built; the others wait for it.
    pub(crate) building: Mutex<()>,
}

impl Run {
    /// A thread's whole life.
    pub(crate) fn work(&self, thread: usize) {
        match self.schedule {
            Some(schedule) => self.work_paced(thread, schedule),
            None => self.work_unpaced(thread),
        }
    }

    fn work_paced(&self, thread: usize, schedule: Schedule) {
        let mut number = 0;
        let mut salt = 0u64;
        while !self.signal.is_stopped() {
            number = schedule.next_number(thread, number, self.signal.started.elapsed());
            let slot = schedule.slot(thread, number);
            number += 1;
            if !self.signal.wait_until(self.signal.started + slot.start) {
                return;
            }
            let Some(template) = self.template() else { continue };
            // The parents stay those of the slot's start, stale or not: that is how blocks come to stand side by side.
            salt += 1;
            let Some(solution) = self.search(&template, self.first_nonce(thread, salt), || false) else { continue };
            if !self.signal.wait_until(self.signal.started + slot.end) {
                return;
            }
            self.submit(template, solution);
        }
    }

    fn work_unpaced(&self, thread: usize) {
        let mut salt = 0u64;
        while !self.signal.is_stopped() {
            let Some(template) = self.template() else {
                if !self.signal.wait_until(Instant::now() + RETRY) {
                    return;
                }
                continue;
            };
            if self.build_dataset(&template) {
                // The template has aged meanwhile.
                continue;
            }
            salt += 1;
            let taken = Instant::now();
            let mut checked = taken;
            let outdated = || {
                let now = Instant::now();
                if now.duration_since(checked) < STALE_CHECK {
                    return false;
                }
                checked = now;
                now.duration_since(taken) > MAX_TEMPLATE_AGE || self.source.is_stale(&template)
            };
            if let Some(solution) = self.search(&template, self.first_nonce(thread, salt), outdated) {
                // Refused blocks would otherwise be found and refused in a tight loop on an easy network.
                if !self.submit(template, solution) && !self.signal.wait_until(Instant::now() + RETRY) {
                    return;
                }
            }
        }
    }

    /// Has the dataset for this template's epoch built, where that is allowed and it is not there: by one thread, with
    /// new ones in place of the others, who wait. `false` if there was nothing to do.
    fn build_dataset(&self, template: &BlockTemplate) -> bool {
        let epoch = self.pow.epoch_of(template.header.daa_score);
        let wanted = || {
            self.dataset_allowed.load(Ordering::SeqCst)
                && self.pow.dataset_memory_bytes().is_some()
                && !self.pow.has_dataset(epoch)
                && locked(&self.tally).stats.dataset != DatasetState::NotEnoughMemory
        };
        if !wanted() {
            return false;
        }
        let building = locked(&self.building);
        if !wanted() {
            return true;
        }
        locked(&self.tally).stats.dataset = DatasetState::Building;
        let stop = || self.signal.is_stopped() || !self.dataset_allowed.load(Ordering::SeqCst);
        let result = self.pow.build_dataset(epoch, self.threads, &stop);
        let mut tally = locked(&self.tally);
        tally.stats.dataset = match result {
            Ok(()) if stop() => {
                self.pow.drop_dataset();
                DatasetState::Unused
            }
            Ok(()) => DatasetState::Ready,
            Err(DatasetError::Stopped) => DatasetState::Unused,
            Err(error) => {
                warn!(%error, "mining from the cache");
                DatasetState::NotEnoughMemory
            }
        };
        drop(tally);
        drop(building);
        true
    }

    /// Threads and templates start far apart in the space of nonces.
    fn first_nonce(&self, thread: usize, salt: u64) -> u64 {
        // The upper half of the space is left for the search to run into.
        mix(self.seed ^ mix((thread as u64) << 40 ^ salt)) >> 1
    }

    fn template(&self) -> Option<BlockTemplate> {
        let result = self.source.template();
        let mut tally = locked(&self.tally);
        match result {
            Ok(template) => {
                tally.stats.waiting_for = None;
                Some(template)
            }
            Err(error) => {
                note_waiting(&mut tally, error);
                None
            }
        }
    }

    fn search(
        &self,
        template: &BlockTemplate,
        first_nonce: u64,
        mut outdated: impl FnMut() -> bool,
    ) -> Option<Solution> {
        // In pieces, so that the hash rate moves while a search lasts: below a second from the main network's cache.
        const PIECE: u64 = 512;
        let mut nonce = first_nonce;
        loop {
            let mut ended = false;
            let mut stop = || {
                ended = ended || self.signal.is_stopped() || outdated();
                ended
            };
            let range = nonce..nonce.saturating_add(PIECE);
            let outcome = match self.pow.mine(&template.header, range, &mut stop) {
                Ok(outcome) => outcome,
                Err(error) => {
                    warn!(%error, "a template can't be mined");
                    // The next template is asked for after a while, not in a tight loop.
                    self.signal.wait_until(Instant::now() + RETRY);
                    return None;
                }
            };
            let now = Instant::now();
            let mut tally = locked(&self.tally);
            tally.stats.hashes += outcome.hashes;
            tally.rate.add(now, outcome.hashes);
            drop(tally);
            if outcome.solution.is_some() || ended || nonce.saturating_add(PIECE) == u64::MAX {
                return outcome.solution;
            }
            nonce = nonce.saturating_add(PIECE);
        }
    }

    /// `false` if the block was refused.
    fn submit(&self, template: BlockTemplate, solution: Solution) -> bool {
        let mut header = template.header;
        header.nonce = solution.nonce;
        header.mix_digest = solution.mix_digest;
        let block = Block { header, body: template.body };
        let hash = block.hash();
        match self.source.submit(block) {
            Ok(status) => {
                debug!(%hash, ?status, "mined a block");
                locked(&self.tally).stats.blocks_found += 1;
                true
            }
            Err(error) => {
                warn!(%hash, %error, "a mined block was refused");
                locked(&self.tally).stats.blocks_refused += 1;
                false
            }
        }
    }
}

/// Logs a reason once, not at every attempt.
fn note_waiting(tally: &mut Tally, error: TemplateError) {
    if tally.stats.waiting_for.as_ref() != Some(&error) {
        debug!(%error, "no template to mine on");
        tally.stats.waiting_for = Some(error);
    }
}
