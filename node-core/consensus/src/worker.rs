//! The one thread that writes the chain.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use umbel_store::segments::Location;
use umbel_types::consensus_api::BlockStatus;
use umbel_types::errors::BlockError;
use umbel_types::{Block, BlockHash, TimestampMs};

use crate::consensus::{Current, Shared, lock, public_state};
use crate::pipeline::body::{check_body_in_isolation, commit_body};
use crate::pipeline::fault;
use crate::pipeline::header::{check_header_in_dag_context, check_header_in_isolation, commit_header, commit_invalid};
use crate::pipeline::virtual_state::{Position, SinkSearch, build_virtual, commit_sink};
use crate::queue::Room;
use crate::storage::{ChainMeta, read_error};

/// Longest that a block may lie in the operating system's cache before it is on the disk: what a power cut may lose.
const SYNC_INTERVAL: Duration = Duration::from_secs(1);
/// Blocks taken in again between two lines of the log.
const TAIL_REPORT: usize = 1_000;
/// Bodies that may be taken in before the virtual state is computed again.
const MAX_DRAIN: usize = 64;

type Verdict = Result<BlockStatus, BlockError>;

/// A block and those who wait for it.
#[derive(Debug)]
pub(crate) struct Task {
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
    dirty_since: Option<Instant>,
}

/// Tells someone who may have stopped waiting.
fn tell(to: &SyncSender<Verdict>, verdict: Verdict) {
    // The channel has room for the one message it ever gets; an error means that nobody listens any more.
    let _nobody_listens = to.try_send(verdict);
}

impl Worker {
    pub(crate) fn new(shared: Arc<Shared>, queue: Receiver<Task>, meta: ChainMeta) -> Self {
        Self { shared, queue, meta, dirty_since: None }
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
    }

    fn work(&mut self) -> Result<(), BlockError> {
        loop {
            match self.queue.recv_timeout(SYNC_INTERVAL) {
                Ok(task) => self.take_in(task)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            self.sync_if_due()?;
        }
    }

    /// Takes in a block and whatever waits behind it, then computes the virtual state once.
    fn take_in(&mut self, first: Task) -> Result<(), BlockError> {
        let mut accepted = Vec::new();
        let mut taken = 0;
        let mut next = Some(first);
        while let Some(Task { block, body, chain, room }) = next {
            let hash = block.hash();
            taken += 1;
            let inserted = self.insert(hash, block, None);
            drop(room);
            if let Err(error @ BlockError::Unavailable(_)) = inserted {
                tell(&body, Err(error.clone()));
                return Err(error);
            }
            match &inserted {
                Ok(Inserted::New) => accepted.push((hash, chain)),
                // Whoever sends a block again must not make us compute anything.
                Ok(Inserted::Known(status)) => tell(&chain, Ok(*status)),
                Err(_) => {}
            }
            tell(&body, inserted.map(Inserted::status));
            next = if taken < MAX_DRAIN { self.queue.try_recv().ok() } else { None };
        }
        if accepted.is_empty() {
            return Ok(());
        }
        self.dirty_since.get_or_insert_with(Instant::now);
        let disqualified = self.update_virtual()?;
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
        Ok(())
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
            Some(BlockStatus::HeaderOnly) => {}
            Some(status) => return Ok(Inserted::Known(status)),
            None => {
                // What the segments have was not ahead of the clock when it came.
                let now = if stored_at.is_some() { TimestampMs(u64::MAX) } else { (self.shared.now)() };
                self.insert_header(hash, header.clone(), now)?;
            }
        }
        let checked = check_body_in_isolation(&header, body, &self.shared.params, self.shared.genesis);
        match checked {
            Ok(checked) => {
                commit_body(hash, checked, stored_at, storage, &mut self.meta)?;
                Ok(Inserted::New)
            }
            Err(
                error @ (BlockError::BodyMismatch
                | BlockError::LaneOrder
                | BlockError::UnexpectedCertificate
                | BlockError::Unavailable(_)),
            ) => Err(error),
            Err(error) => {
                commit_invalid(hash, storage)?;
                Err(error)
            }
        }
    }

    fn insert_header(&self, hash: BlockHash, header: umbel_types::Header, now: TimestampMs) -> Result<(), BlockError> {
        let Shared { storage, rules, pow, params, .. } = &*self.shared;
        let isolated = check_header_in_isolation(header, params, now)?;
        let finality = storage.finality_point(self.meta.sink, params.finality_depth).map_err(fault)?;
        match check_header_in_dag_context(isolated, storage, rules, pow, finality) {
            Ok(checked) => commit_header(checked, storage),
            Err(error) => {
                if is_proven_invalid(&error) {
                    commit_invalid(hash, storage)?;
                }
                Err(error)
            }
        }
    }

    fn update_virtual(&mut self) -> Result<Vec<(BlockHash, BlockError)>, BlockError> {
        let Shared { storage, rules, params, genesis, .. } = &*self.shared;
        let search = SinkSearch { storage, rules, params, genesis: *genesis };
        // Only this thread writes: what is found without the lock still holds under it, and readers don't wait for it.
        let state = self.shared.current.read().unwrap_or_else(PoisonError::into_inner).state.clone();
        let mut position = Position::at_sink(self.meta.sink, state);
        let disqualified = search.run(&mut position)?;
        let mut current = self.shared.current.write().unwrap_or_else(PoisonError::into_inner);
        let state = commit_sink(storage, params, position, &mut self.meta)?;
        let virtual_block = build_virtual(&search, self.meta.sink, &state)?;
        let public = Arc::new(public_state(&search, &self.meta, &virtual_block).map_err(fault)?);
        let version = public.version;
        *current = Current { public, state, virtual_block };
        drop(current);
        *lock(&self.shared.version) = version;
        self.shared.changed.notify_all();
        Ok(disqualified)
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
        | Rule::CertRef => true,
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
