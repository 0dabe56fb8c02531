//! The service: start, stop, number of threads, figures.

use core::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use umbel_pow::Pow;
use umbel_types::Params;

use crate::error::MinerError;
use crate::schedule::Schedule;
use crate::source::TemplateSource;
use crate::stats::{DatasetState, MinerStats};
use crate::worker::{Run, Signal, Tally, locked};

/// Most threads: more than any processor that mines by CPU has.
pub const MAX_THREADS: usize = 256;

/// The threads of one start.
struct Workers {
    run: Arc<Run>,
    handles: Vec<JoinHandle<()>>,
}

/// A miner. Does nothing until it is started; stops when dropped.
///
/// Methods may be called from any thread but the miner's own, that is not from a [`TemplateSource`].
pub struct Miner {
    pow: Arc<Pow>,
    source: Arc<dyn TemplateSource>,
    /// Mean time between blocks of all threads together; `None` where difficulty sets it.
    pace: Option<Duration>,
    seed: u64,
    tally: Arc<Mutex<Tally>>,
    /// Whether the dataset's memory may be taken.
    dataset_allowed: Arc<AtomicBool>,
    /// Locked while threads start and end, so that two callers can't start twice as many.
    workers: Mutex<Option<Workers>>,
}

impl fmt::Debug for Miner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Miner").field("pace", &self.pace).field("stats", &self.stats()).finish_non_exhaustive()
    }
}

impl Miner {
    /// A miner for a network, paced by the clock where the network asks for it.
    ///
    /// - `seed`: random; where jitter and first nonces come from. Two nodes with the same seed, payout and template
    ///   would repeat each other's work.
    pub fn new(params: &Params, pow: Arc<Pow>, source: Arc<dyn TemplateSource>, seed: u64) -> Self {
        let pace = params.paced_mining.then(|| Duration::from_micros(params.target_block_time_us));
        Self::with_pace(pace, pow, source, seed)
    }

    /// [`Self::new`] with another pace.
    pub fn with_pace(pace: Option<Duration>, pow: Arc<Pow>, source: Arc<dyn TemplateSource>, seed: u64) -> Self {
        Self {
            pow,
            source,
            pace,
            seed,
            tally: Arc::default(),
            dataset_allowed: Arc::default(),
            workers: Mutex::new(None),
        }
    }

    /// Memory that mining at the full rate takes, in bytes. `None` where a dataset is of no use: on a paced network, where
    /// one hash in seconds is enough, and in the simulator.
    pub fn dataset_memory_bytes(&self) -> Option<u64> {
        self.pow.dataset_memory_bytes().filter(|_| self.pace.is_none())
    }

    /// Allows the dataset's memory to be taken, or takes it back. Not allowed at first: whoever runs this machine is
    /// asked before, with [`Self::dataset_memory_bytes`] named. Threads at work build it before their next template; no
    /// longer allowed, it is given back within some hashes, and a build stops.
    pub fn allow_dataset(&self, allowed: bool) {
        // Under this lock a thread looks whether it may keep what it has built.
        let mut tally = locked(&self.tally);
        self.dataset_allowed.store(allowed, Ordering::SeqCst);
        if !allowed {
            self.pow.drop_dataset();
            // A build goes on until its threads look at the permission, and says then that it has ended.
            if tally.stats.dataset != DatasetState::Building {
                tally.stats.dataset = DatasetState::Unused;
            }
        }
    }

    /// Mines with this many threads from now on, however many there were; zero stops. At most [`MAX_THREADS`].
    ///
    /// # Errors
    /// [`MinerError::Spawn`]; the miner is then stopped.
    pub fn set_threads(&self, threads: usize) -> Result<(), MinerError> {
        if threads == 0 {
            self.stop();
            return Ok(());
        }
        let mut workers = locked(&self.workers);
        if workers.as_ref().is_some_and(|workers| workers.handles.len() == threads) {
            return Ok(());
        }
        self.end(workers.take());
        let threads = threads.min(MAX_THREADS);
        let run = Arc::new(Run {
            pow: self.pow.clone(),
            source: self.source.clone(),
            tally: self.tally.clone(),
            schedule: self.pace.map(|pace| Schedule::new(pace, threads, self.seed)),
            seed: self.seed,
            threads,
            dataset_allowed: self.dataset_allowed.clone(),
            signal: Signal::new(),
            building: Mutex::default(),
        });
        let mut started = Workers { run, handles: Vec::with_capacity(threads) };
        for thread in 0..threads {
            let run = started.run.clone();
            let spawned =
                std::thread::Builder::new().name(format!("umbel-miner-{thread}")).spawn(move || run.work(thread));
            match spawned {
                Ok(handle) => started.handles.push(handle),
                Err(error) => {
                    self.end(Some(started));
                    return Err(MinerError::Spawn(error.to_string()));
                }
            }
        }
        locked(&self.tally).stats.threads = threads;
        *workers = Some(started);
        Ok(())
    }

    /// Starts, if it is not running with this many threads already.
    ///
    /// # Errors
    /// [`MinerError::Spawn`].
    pub fn start(&self, threads: usize) -> Result<(), MinerError> {
        self.set_threads(threads.max(1))
    }

    /// Stops and waits for the threads: some hashes, some milliseconds of a dataset's build, or the call into the
    /// [`TemplateSource`] that a thread is in. Gives the dataset's memory back.
    pub fn stop(&self) {
        let mut workers = locked(&self.workers);
        self.end(workers.take());
        self.pow.drop_dataset();
    }

    /// Whether threads are at work.
    pub fn is_running(&self) -> bool {
        locked(&self.workers).is_some()
    }

    /// Figures of this moment. Never waits for a thread to start or end.
    pub fn stats(&self) -> MinerStats {
        let tally = locked(&self.tally);
        MinerStats { hashes_per_second: tally.rate.per_second(Instant::now()), ..tally.stats.clone() }
    }

    fn end(&self, workers: Option<Workers>) {
        let Some(workers) = workers else { return };
        workers.run.signal.stop();
        for handle in workers.handles {
            if handle.join().is_err() {
                tracing::error!("a mining thread panicked");
            }
        }
        let mut tally = locked(&self.tally);
        tally.rate.clear();
        tally.stats.threads = 0;
        tally.stats.waiting_for = None;
        tally.stats.dataset = DatasetState::Unused;
    }
}

impl Drop for Miner {
    fn drop(&mut self) {
        self.stop();
    }
}
