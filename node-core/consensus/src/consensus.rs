//! The service: opens the chain, starts the thread, keeps what readers share.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::thread::JoinHandle;

use umbel_dag::reachability;
use umbel_ledger::genesis::{self, Genesis};
use umbel_pow::Pow;
use umbel_store::{Batch, Durability, Table};
use umbel_types::consensus_api::{BlockStatus, FinalityStatus, VirtualState};
use umbel_types::errors::BlockError;
use umbel_types::{BlockHash, Certificate, Params};

use crate::config::{ConsensusConfig, NowFn, OpenError};
use crate::finality::{FinalityState, Limits, VotePool, finality_status, load_evidence};
use crate::pipeline::fault;
use crate::pipeline::rules::Rules;
use crate::pipeline::virtual_state::{Position, SinkMove, SinkSearch, VirtualContext, build_virtual, commit_sink};
use crate::pruning::{Pruner, PruningStatus};
use crate::queue::ByteGate;
use crate::storage::{BlockRecord, ChainMeta, ChainRecord, StagedReachability, StateAtSink, Storage};
use crate::worker::{Task, Worker};

/// Blocks that wait for the thread. A full queue makes the sender wait.
const QUEUE_LEN: usize = 64;
/// Bytes of all blocks that wait: what as many full bodies have, and one block of any size.
const QUEUE_BYTES: usize = QUEUE_LEN * 64 * 1024;

/// Consensus of one chain.
#[derive(Debug)]
pub struct Consensus {
    pub(crate) shared: Arc<Shared>,
    queue: Mutex<Option<SyncSender<Task>>>,
    pub(crate) room: Arc<ByteGate>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the thread and its readers share.
pub(crate) struct Shared {
    pub(crate) params: Params,
    pub(crate) genesis: BlockHash,
    pub(crate) storage: Storage,
    pub(crate) rules: Rules,
    pub(crate) pow: Arc<Pow>,
    pub(crate) now: NowFn,
    /// Written by the thread while it moves the tables: whoever holds it for reading sees tables and `Current` agree.
    pub(crate) current: RwLock<Current>,
    /// Votes that were verified; held for moments.
    pub(crate) votes: Mutex<VotePool>,
    /// Version of the newest virtual state, for those who wait.
    pub(crate) version: Mutex<u64>,
    pub(crate) changed: Condvar,
    pub(crate) failure: Mutex<Option<String>>,
    pub(crate) pruning: Mutex<PruningStatus>,
    /// For those who wait until pruning has nothing to do.
    pub(crate) pruned: Condvar,
}

impl Shared {
    pub(crate) fn current(&self) -> RwLockReadGuard<'_, Current> {
        self.current.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl core::fmt::Debug for Shared {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Shared").field("network", &self.params.network).finish_non_exhaustive()
    }
}

/// The sink's state and the virtual block above it.
#[derive(Debug)]
pub(crate) struct Current {
    pub(crate) public: Arc<VirtualState>,
    pub(crate) state: StateAtSink,
    pub(crate) virtual_block: VirtualContext,
    pub(crate) finality: Arc<FinalityStatus>,
    /// The newest two, oldest first.
    pub(crate) certificates: Vec<Arc<Certificate>>,
    /// Blocks without it in their past are not taken in.
    pub(crate) intake: BlockHash,
}

impl Current {
    /// At the sink, behind the batch that moved it there.
    ///
    /// - the virtual block, if it is still the one from before.
    pub(crate) fn at_sink(
        search: &SinkSearch<'_>,
        votes: &Mutex<VotePool>,
        meta: &ChainMeta,
        finality: &FinalityState,
        (state, virtual_block): (StateAtSink, Option<VirtualContext>),
        finality_moves: u64,
    ) -> Result<Self, BlockError> {
        let virtual_block = match virtual_block {
            Some(virtual_block) => virtual_block,
            None => build_virtual(search, meta.sink, &state)?,
        };
        let public = public_state(search, meta, &virtual_block, finality_moves).map_err(fault)?;
        let status = finality_status(search.storage, search.params, votes, finality, meta.sink, &state.states);
        let sink = Position::at_sink(meta.sink, state);
        let intake = Limits::at(search, finality, &sink)?.intake;
        Ok(Self {
            public: Arc::new(public),
            virtual_block,
            finality: Arc::new(status.map_err(fault)?),
            certificates: finality.newest_certificates().to_vec(),
            intake,
            state: sink.state,
        })
    }
}

/// A poisoned lock means that another thread panicked while reading or after it had written: the data is whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Consensus {
    /// Opens the chain in the store, or begins it, and starts the thread.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(config: ConsensusConfig) -> Result<Arc<Self>, OpenError> {
        let store = config.store.clone();
        let opened = Self::start(config);
        if matches!(&opened, Err(OpenError::Inconsistent(_) | OpenError::Store(_))) {
            store.distrust();
        }
        opened
    }

    fn start(config: ConsensusConfig) -> Result<Arc<Self>, OpenError> {
        let genesis = genesis::build(&config.params, &config.genesis);
        let storage = Storage::new(config.store, config.cache_bytes);
        match storage.meta()? {
            Some(meta) if meta.genesis != genesis.hash => {
                return Err(OpenError::OtherGenesis { got: meta.genesis, expected: genesis.hash });
            }
            Some(_) => {}
            None => begin(&storage, &genesis)?,
        }
        let rules = Rules::new(&config.params, genesis.hash, &genesis.block.header);
        let search = SinkSearch { storage: &storage, rules: &rules, params: &config.params, genesis: genesis.hash };
        let votes = Mutex::new(VotePool::default());
        load_evidence(&storage, &votes)?;
        let (meta, finality, current) = resume(&search, &votes)?;
        let opened = Pruner::open(&storage, &config.params, &genesis, config.pruning).and_then(|pruner| {
            let status = pruner.status(&storage)?;
            Ok((pruner, status))
        });
        let (pruner, pruning) = opened.map_err(|error| OpenError::Inconsistent(error.to_string()))?;
        let shared = Arc::new(Shared {
            genesis: genesis.hash,
            params: config.params,
            version: Mutex::new(current.public.version),
            storage,
            rules,
            pow: config.pow,
            now: config.now,
            current: RwLock::new(current),
            votes,
            changed: Condvar::new(),
            failure: Mutex::new(None),
            pruning: Mutex::new(pruning),
            pruned: Condvar::new(),
        });
        let (sender, receiver) = sync_channel(QUEUE_LEN);
        let mut worker = Worker::new(shared.clone(), receiver, meta, finality, pruner);
        worker.take_in_tail().map_err(|error| OpenError::Inconsistent(error.to_string()))?;
        worker.look_at_pruning().map_err(|error| OpenError::Inconsistent(error.to_string()))?;
        let thread = std::thread::Builder::new().name("consensus".to_owned()).spawn(move || worker.run())?;
        let room = ByteGate::new(QUEUE_BYTES);
        Ok(Arc::new(Self { shared, queue: Mutex::new(Some(sender)), room, thread: Mutex::new(Some(thread)) }))
    }

    /// Finishes the block in hand, brings everything to the disk and ends the thread. Later calls do nothing.
    pub fn shutdown(&self) {
        drop(lock(&self.queue).take());
        if let Some(thread) = lock(&self.thread).take()
            && thread.join().is_err()
        {
            tracing::error!("the consensus thread had panicked");
        }
        self.shared.changed.notify_all();
    }

    /// Why the thread ended, if it did so without being asked.
    pub fn failure(&self) -> Option<String> {
        lock(&self.shared.failure).clone()
    }

    /// How far pruning is.
    pub fn pruning(&self) -> PruningStatus {
        *lock(&self.shared.pruning)
    }

    /// Waits until pruning has nothing to do, or the thread has ended.
    pub fn wait_until_pruned(&self) -> PruningStatus {
        let mut status = lock(&self.shared.pruning);
        while status.busy && self.failure().is_none() && self.sender().is_some() {
            status = self.shared.pruned.wait(status).unwrap_or_else(PoisonError::into_inner);
        }
        *status
    }

    pub(crate) fn sender(&self) -> Option<SyncSender<Task>> {
        lock(&self.queue).clone()
    }
}

impl Drop for Consensus {
    fn drop(&mut self) {
        self.shutdown();
    }
}

/// Writes genesis into an empty store, in one batch.
fn begin(storage: &Storage, genesis: &Genesis) -> Result<(), OpenError> {
    let hash = genesis.hash;
    let mut batch = Batch::new();
    storage.put_header(&mut batch, hash, &genesis.block.header, &umbel_dag::GhostdagData::genesis());
    let record = BlockRecord { status: BlockStatus::StateValid, sequence: 0, merge_root: hash };
    storage.put_record(&mut batch, hash, &record);
    let location = storage.append_block(&genesis.block.header, &genesis.block.body)?;
    storage.put_location(&mut batch, hash, &location);
    batch.put(Table::Tips, hash.as_bytes(), Vec::new());
    storage.put_chain_record(&mut batch, hash, &ChainRecord::of_genesis(genesis));
    batch.put_value(Table::ChainIndex, &crate::storage::height_key(0), &hash);
    storage.put_utxo_diff(&mut batch, &genesis.utxo);
    for (key, state) in genesis.states.iter() {
        batch.put_value(Table::State, &umbel_types::Encode::to_bytes(key), state);
    }
    storage.put_lthash(&mut batch, &genesis.lthash);
    storage.put_meta(&mut batch, &ChainMeta { genesis: hash, sink: hash, block_count: 0 });
    let mut staged = StagedReachability::new(storage);
    reachability::init(&mut staged, hash);
    staged.into_batch(&mut batch);
    storage.kv.write(batch, Durability::Immediate)?;
    Ok(())
}

/// Takes up the chain where the store has it: blocks whose state was not looked at before a crash are looked at now.
fn resume(search: &SinkSearch<'_>, votes: &Mutex<VotePool>) -> Result<(ChainMeta, FinalityState, Current), OpenError> {
    let inconsistent = |what: &str| OpenError::Inconsistent(what.to_owned());
    let mut meta = search.storage.meta()?.ok_or_else(|| inconsistent("no record of the chain"))?;
    let lthash = search.storage.lthash()?.ok_or_else(|| inconsistent("no sum over the outputs"))?;
    let mut finality = FinalityState::load(search.storage, search.genesis)?;
    let state = StateAtSink { lthash, states: search.storage.load_states()? };
    let mut position = Position::at_sink(meta.sink, state);
    let step = || -> Result<_, BlockError> {
        let limits = Limits::at(search, &finality, &position)?;
        search.run_back(&mut position, limits.choice)?;
        finality.advance(search, votes, &mut position, limits.choice)?;
        let sink_move = SinkMove { position, intake: limits.intake, finality: &finality };
        let state = commit_sink(search.storage, sink_move, &mut meta)?;
        finality.is_saved();
        let current = Current::at_sink(search, votes, &meta, &finality, (state, None), 0)?;
        Ok((meta, finality, current))
    };
    step().map_err(|error| OpenError::Inconsistent(error.to_string()))
}

/// What readers see of the virtual block.
fn public_state(
    search: &SinkSearch<'_>,
    meta: &ChainMeta,
    virtual_block: &VirtualContext,
    finality_moves: u64,
) -> Result<VirtualState, umbel_dag::ReadError> {
    let header = search.storage.header(meta.sink)?;
    Ok(VirtualState {
        version: meta.block_count + finality_moves,
        sink: meta.sink,
        sink_timestamp: header.timestamp,
        sink_blue_score: header.blue_score,
        sink_blue_work: header.blue_work,
        parents: virtual_block.parents.clone(),
        daa_score: virtual_block.context.daa_score,
        past_median_time: virtual_block.context.past_median_time,
        block_count: meta.block_count,
        chain_length: search.storage.chain_record(meta.sink)?.height,
    })
}
