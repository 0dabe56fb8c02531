//! The one thread that writes the chain.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use umbel_dag::ReachabilityReader;
use umbel_ledger::staking::overlay;
use umbel_store::segments::Location;
use umbel_types::consensus_api::BlockStatus;
use umbel_types::errors::BlockError;
use umbel_types::{Block, BlockHash, TimestampMs};

use crate::consensus::{Current, Shared, lock};
use crate::finality::{
    FinalityState, Limits, finality_status, first_taken, hear_certificate, raises_certificate, save_evidence,
};
use crate::pipeline::body::{check_body_in_isolation, commit_body};
use crate::pipeline::fault;
use crate::pipeline::header::{check_header_in_dag_context, check_header_in_isolation, commit_header, commit_invalid};
use crate::pipeline::virtual_state::{Disqualified, Position, SinkMove, SinkSearch, commit_sink};
use crate::pruning::Pruner;
use crate::queue::Room;
use crate::storage::{ChainMeta, read_error};

/// Longest that a block may lie in the operating system's cache before it is on the disk: what a power cut may lose.
const SYNC_INTERVAL: Duration = Duration::from_secs(1);
/// How often the thread looks whether a snapshot is written, while it waits for one.
const SNAPSHOT_POLL: Duration = Duration::from_millis(50);
/// Blocks taken in again between two lines of the log.
const TAIL_REPORT: usize = 1_000;
/// Bodies that may be taken in before the virtual state is computed again.
const MAX_DRAIN: usize = 64;

type Verdict = Result<BlockStatus, BlockError>;

/// What the thread is asked to do.
#[derive(Debug)]
pub(crate) enum Task {
    /// Take a block in.
    Insert(Box<BlockTask>),
    /// Count the votes of the pool, and say so.
    Count(SyncSender<()>),
}

/// A block and those who wait for it.
#[derive(Debug)]
pub(crate) struct BlockTask {
    pub(crate) block: Block,
    pub(crate) body: SyncSender<Verdict>,
    pub(crate) chain: SyncSender<Verdict>,
    /// What it takes of the queue, until it was taken in.
    pub(crate) room: Room,
}

/// What became of a block that keeps every rule of its header and body.
#[derive(Clone, Copy, Debug)]
enum Inserted {
    /// It was stored; the virtual state does not know it yet.
    New,
    /// It was here before.
    Known(BlockStatus),
}

impl Inserted {
    fn status(self) -> BlockStatus {
        match self {
            Self::New => BlockStatus::PendingState,
            Self::Known(status) => status,
        }
    }
}

/// The thread's own state.
pub(crate) struct Worker {
    shared: Arc<Shared>,
    queue: Receiver<Task>,
    meta: ChainMeta,
    finality: FinalityState,
    /// How often what is justified or final has moved since the start.
    finality_moves: u64,
    dirty_since: Option<Instant>,
    pruner: Pruner,
}

/// Tells someone who may have stopped waiting.
fn tell(to: &SyncSender<Verdict>, verdict: Verdict) {
    // The channel has room for the one message it ever gets; an error means that nobody listens any more.
    let _nobody_listens = to.try_send(verdict);
}

impl Worker {
    pub(crate) fn new(
        shared: Arc<Shared>,
        queue: Receiver<Task>,
        meta: ChainMeta,
        finality: FinalityState,
        pruner: Pruner,
    ) -> Self {
        Self { shared, queue, meta, finality, finality_moves: 0, dirty_since: None, pruner }
    }

    /// Works until the queue is closed. A panic or a failing store ends the thread and is kept for the node to show; the
    /// wallet does not depend on it.
    pub(crate) fn run(mut self) {
        let outcome = catch_unwind(AssertUnwindSafe(|| self.work()));
        let failure = match outcome {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("the consensus thread panicked; the log says where".to_owned()),
        };
        if let Err(error) = self.shared.storage.kv.sync() {
            tracing::error!(%error, "the chain could not be brought to the disk");
        }
        if let Some(failure) = failure {
            // It may be the tables that are wrong: their pages are compared with their checksums at the next start.
            self.shared.storage.kv.distrust();
            tracing::error!(failure, "consensus stopped");
            *lock(&self.shared.failure) = Some(failure);
        }
        self.shared.changed.notify_all();
        // Whoever is about to wait has seen neither: after this it waits, and is woken.
        drop(lock(&self.shared.pruning));
        self.shared.pruned.notify_all();
    }

    fn work(&mut self) -> Result<(), BlockError> {
        loop {
            let next = if self.pruner.is_busy() {
                // Between two blocks there is time for one small batch; without blocks, for one after another.
                self.queue.try_recv().map_err(|error| match error {
                    TryRecvError::Empty => RecvTimeoutError::Timeout,
                    TryRecvError::Disconnected => RecvTimeoutError::Disconnected,
                })
            } else {
                let wait = if self.pruner.waits() { SNAPSHOT_POLL } else { SYNC_INTERVAL };
                self.queue.recv_timeout(wait)
            };
            match next {
                Ok(task) => self.take_in(task)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            self.prune()?;
            self.sync_if_due()?;
        }
    }

    /// Takes in a block or votes and whatever waits behind, then computes the virtual state once.
    fn take_in(&mut self, first: Task) -> Result<(), BlockError> {
        let mut accepted = Vec::new();
        let mut counted = Vec::new();
        let mut taken = 0;
        let mut next = Some(first);
        while let Some(task) = next {
            taken += 1;
            match task {
                Task::Insert(block) => accepted.extend(self.take_in_block(*block)?),
                Task::Count(done) => counted.push(done),
            }
            next = if taken < MAX_DRAIN { self.queue.try_recv().ok() } else { None };
        }
        if accepted.is_empty() && counted.is_empty() {
            return Ok(());
        }
        self.dirty_since.get_or_insert_with(Instant::now);
        let disqualified = self.update_virtual()?;
        self.look_at_pruning()?;
        for (hash, chain) in accepted {
            let refusal = disqualified.iter().find(|(block, _)| *block == hash);
            tell(
                &chain,
                match refusal {
                    Some((_, error)) => Err(error.clone()),
                    None => Ok(self.shared.storage.record(hash).map_err(fault)?.status),
                },
            );
        }
        for done in counted {
            let _nobody_listens = done.try_send(());
        }
        Ok(())
    }

    /// A block that is new and keeps every rule of header and body, with who waits for the rest.
    fn take_in_block(&mut self, task: BlockTask) -> Result<Option<(BlockHash, SyncSender<Verdict>)>, BlockError> {
        let BlockTask { block, body, chain, room } = task;
        let hash = block.hash();
        let inserted = self.insert(hash, block, None);
        drop(room);
        if let Err(error @ BlockError::Unavailable(_)) = inserted {
            tell(&body, Err(error.clone()));
            return Err(error);
        }
        let is_new = matches!(inserted, Ok(Inserted::New));
        if let Ok(Inserted::Known(status)) = &inserted {
            // Whoever sends a block again must not make us compute anything.
            tell(&chain, Ok(*status));
        }
        tell(&body, inserted.map(Inserted::status));
        Ok(is_new.then_some((hash, chain)))
    }

    /// Takes in what the segments have and the tables lost: the newest blocks after a crash, all of them after a loss of
    /// the tables. Every rule is checked again; a record that does not hold is left out with all that stands on it.
    pub(crate) fn take_in_tail(&mut self) -> Result<(), BlockError> {
        let store = self.shared.storage.kv.clone();
        let tail = store.tail();
        if tail.is_empty() {
            return Ok(());
        }
        let (mut taken, mut refused) = (0usize, 0usize);
        for (index, location) in tail.iter().enumerate() {
            let Ok(block) = self.shared.storage.block_at(*location) else {
                refused += 1;
                continue;
            };
            match self.insert(block.hash(), block, Some(*location)) {
                Ok(Inserted::New) => taken += 1,
                Ok(Inserted::Known(_)) => {}
                Err(error @ BlockError::Unavailable(_)) => return Err(error),
                Err(_) => refused += 1,
            }
            if (index + 1) % MAX_DRAIN == 0 {
                self.update_virtual()?;
            }
            if (index + 1) % TAIL_REPORT == 0 {
                tracing::info!(done = index + 1, of = tail.len(), "blocks are taken in again");
            }
        }
        self.update_virtual()?;
        store.tail_is_taken();
        store.sync().map_err(|e| fault(read_error(&e)))?;
        tracing::info!(taken, refused, "blocks that the tables did not know were taken in again");
        Ok(())
    }

    /// Header, then body. A block that is here already gives its status. `stored_at`: where the segments have it.
    fn insert(&mut self, hash: BlockHash, block: Block, stored_at: Option<Location>) -> Result<Inserted, BlockError> {
        let Block { header, body } = block;
        let storage = &self.shared.storage;
        match storage.find_record(hash).map_err(|e| fault(read_error(&e)))?.map(|record| record.status) {
            Some(BlockStatus::Invalid) => return Err(BlockError::KnownInvalid),
            Some(BlockStatus::HeaderOnly) => self.check_still_above_intake(hash)?,
            Some(status) => return Ok(Inserted::Known(status)),
            None => {
                // What the segments have was not ahead of the clock when it came.
                let now = if stored_at.is_some() { TimestampMs(u64::MAX) } else { (self.shared.now)() };
                self.insert_header(hash, header.clone(), now)?;
            }
        }
        let selected_parent = storage.ghostdag_data(hash).map_err(fault)?.selected_parent;
        let raises = raises_certificate(storage, &header, selected_parent).map_err(fault)?;
        let certificate = body.certificate.clone();
        match check_body_in_isolation(&header, body, raises, &self.shared.params, self.shared.genesis) {
            Ok(checked) => {
                commit_body(hash, checked, stored_at, storage, &mut self.meta)?;
                if raises {
                    hear_certificate(&self.shared, &certificate);
                }
                Ok(Inserted::New)
            }
            Err(error) if error.is_about_body() || matches!(error, BlockError::Unavailable(_)) => Err(error),
            Err(error) => {
                commit_invalid(hash, storage)?;
                Err(error)
            }
        }
    }

    /// What has to be in the past of every block that is taken in now.
    fn intake(&self) -> Result<BlockHash, BlockError> {
        let intake = self.shared.current().intake;
        self.shared.storage.root_of_new_blocks(intake).map_err(fault)
    }

    /// A header was above when it came. Its body may have been held back until finality had passed it: nothing can merge the
    /// block any more, and what it merges may be pruned.
    fn check_still_above_intake(&self, hash: BlockHash) -> Result<(), BlockError> {
        let intake = self.intake()?;
        let is_above = self.shared.storage.is_dag_ancestor_of(intake, hash).map_err(fault)?;
        if is_above { Ok(()) } else { Err(BlockError::BelowFinality(intake)) }
    }

    fn insert_header(&self, hash: BlockHash, header: umbel_types::Header, now: TimestampMs) -> Result<(), BlockError> {
        let Shared { storage, rules, pow, params, .. } = &*self.shared;
        let isolated = check_header_in_isolation(header, params, now)?;
        match check_header_in_dag_context(isolated, storage, rules, pow, self.intake()?) {
            Ok(checked) => commit_header(checked, storage),
            Err(error) => {
                if is_proven_invalid(&error) {
                    commit_invalid(hash, storage)?;
                }
                Err(error)
            }
        }
    }

    fn update_virtual(&mut self) -> Result<Disqualified, BlockError> {
        let Shared { storage, rules, params, genesis, votes, .. } = &*self.shared;
        let search = SinkSearch { storage, rules, params, genesis: *genesis };
        // Only this thread writes: what is found without the lock still holds under it, and readers don't wait for it.
        let state = self.shared.current().state.clone();
        let mut finality = self.finality.clone();
        let mut position = Position::at_sink(self.meta.sink, state);
        let limits = Limits::at(&search, &finality, &position)?;
        let mut disqualified = search.run_back(&mut position, limits.choice)?;
        disqualified.extend(finality.advance(&search, votes, &mut position, limits.choice)?);
        save_evidence(storage, params, votes, &position.state.states)?;
        let finality_moved = finality.differs_from(&self.finality);
        let mut current = self.shared.current.write().unwrap_or_else(PoisonError::into_inner);
        // Votes alone change nothing about the next block.
        let same_blocks = current.public.block_count == self.meta.block_count && position.block == self.meta.sink;
        if same_blocks && !finality_moved {
            let states = &position.state.states;
            let status = finality_status(storage, params, votes, &finality, self.meta.sink, states).map_err(fault)?;
            current.finality = Arc::new(status);
            self.finality = finality;
            return Ok(disqualified);
        }
        let virtual_block = same_blocks.then(|| current.virtual_block.clone());
        let sink_move = SinkMove { position, intake: limits.intake, finality: &finality };
        let state = commit_sink(storage, sink_move, &mut self.meta)?;
        finality.is_saved();
        self.finality_moves += u64::from(finality_moved);
        self.finality = finality;
        let moves = self.finality_moves;
        let next = Current::at_sink(&search, votes, &self.meta, &self.finality, (state, virtual_block), moves)?;
        let version = next.public.version;
        *current = next;
        drop(current);
        lock(votes).forget_below(first_taken(self.finality.finalized().index));
        *lock(&self.shared.version) = version;
        self.shared.changed.notify_all();
        Ok(disqualified)
    }

    /// Looks whether there is something to prune, before anybody is told of the blocks that made it so.
    pub(crate) fn look_at_pruning(&mut self) -> Result<(), BlockError> {
        let settled = {
            let current = self.shared.current();
            let finalized = current.finality.finalized;
            // What a certificate may still name stays: every node has to judge it alike, whatever votes it has heard.
            let certified = overlay(&current.state.states).map_or(finalized, |record| record.certified);
            match certified.index {
                0 if current.finality.overlay_on => self.shared.genesis,
                index if current.finality.overlay_on && index < finalized.index => certified.block,
                _ => finalized.block,
            }
        };
        self.pruner.look(&self.shared.storage, self.meta.sink, settled)?;
        self.tell_pruning()
    }

    fn prune(&mut self) -> Result<(), BlockError> {
        if self.pruner.step(&self.shared.storage)? {
            self.dirty_since.get_or_insert_with(Instant::now);
            // The chain has moved on meanwhile.
            self.look_at_pruning()?;
        }
        Ok(())
    }

    fn tell_pruning(&self) -> Result<(), BlockError> {
        *lock(&self.shared.pruning) = self.pruner.status(&self.shared.storage)?;
        self.shared.pruned.notify_all();
        Ok(())
    }

    fn sync_if_due(&mut self) -> Result<(), BlockError> {
        if self.dirty_since.is_some_and(|since| since.elapsed() >= SYNC_INTERVAL) {
            self.shared.storage.kv.sync().map_err(|e| fault(read_error(&e)))?;
            self.dirty_since = None;
        }
        Ok(())
    }
}

/// Rules behind the proof of work: remembering the block costs its author one. Before it, nothing is remembered.
fn is_proven_invalid(error: &BlockError) -> bool {
    use umbel_types::errors::HeaderRuleError as Rule;
    let BlockError::Header(rule) = error else {
        return false;
    };
    match rule {
        Rule::BlueScore { .. }
        | Rule::BlueWork { .. }
        | Rule::TimeTooOld { .. }
        | Rule::MergeTooDeep(_)
        | Rule::CertRef { .. } => true,
        Rule::Version(_)
        | Rule::ParentCount { .. }
        | Rule::ParentsNotAscending
        | Rule::ParentsNotAntichain(_)
        | Rule::InvalidParent(_)
        | Rule::TimeTooFarAhead { .. }
        | Rule::Bits { .. }
        | Rule::ProofOfWork
        | Rule::DaaScore { .. }
        | Rule::MergesetTooLarge { .. } => false,
    }
}
