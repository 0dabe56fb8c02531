//! Opening, closing and starting the chain anew. The chain is consensus, pool and miner together.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use umbel_api::node::{NodeWarning, SyncStage};
use umbel_api::{ApiError, ErrorCode};
use umbel_consensus::pruning::PruningConfig;
use umbel_consensus::state_snapshot::{Restored, restore_if_needed};
use umbel_consensus::{CHAIN_FORMAT, Consensus, ConsensusConfig, OpenError, open_store};
use umbel_miner::Miner;
use umbel_pow::Pow;
use umbel_store::{KvStore, StoreError, StoreKind};
use umbel_types::consensus_api::{ConsensusApi, ConsensusError};

use super::follower::ChainView;
use super::locked;
use super::mempool::Pool;
use super::miner::Templates;
use crate::clock;
use crate::config::{NodeRole, bytes_of_mib};
use crate::node::Core;

/// Longest wait for calls that still use a chain which is to be closed.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(5);

/// What to do about a chain that can't go on. The node does not do it by itself: blocks that are damaged, and all that
/// stand on them, would be gone until somebody sends them again.
const ADVICE: &str = "start the node again, with room on the disk; if that does not help, `umbel node verify` says what is \
                      damaged, and without the database (chain.redb or chain.sled) the next start builds the chain \
                      anew from the blocks that hold";

/// Told for as long as the node runs on sled.
const SLED_NOTICE: &str = "the chain is kept in sled, which its makers call beta: a crash can cost the whole database, which \
                           is then built anew from the blocks; wallets are not in it. The setting `store` takes redb instead";

/// An open chain.
pub(crate) struct Chain {
    /// For everyone.
    pub(crate) consensus: Arc<dyn ConsensusApi>,
    /// Transactions that wait.
    pub(crate) pool: Arc<Pool>,
    /// The miner; its threads are set by the mining service.
    pub(crate) miner: Miner,
    /// Where the miner's blocks come from.
    pub(crate) templates: Arc<Templates>,
    /// What the follower knows of the selected chain.
    pub(crate) view: Mutex<ChainView>,
    /// Tells this chain from those that were open before, in this run.
    pub(crate) epoch: u64,
    engine: Arc<Consensus>,
    store: Arc<dyn KvStore>,
}

impl Chain {
    /// Why consensus gave up, if it did, and what can be done about it.
    pub(crate) fn failure(&self) -> Option<String> {
        self.engine.failure().map(|reason| format!("{reason}; {ADVICE}"))
    }

    /// What proofs are made by.
    pub(crate) fn engine(&self) -> &Consensus {
        &self.engine
    }

    /// What the chain takes on the disk, in bytes.
    pub(crate) fn disk_bytes(&self) -> u64 {
        self.store.stats().bytes
    }

    fn shut_down(&self) {
        self.miner.stop();
        self.engine.shutdown();
    }
}

/// What is known of the chain.
#[derive(Clone)]
pub(crate) struct ChainStatus {
    /// Stage of the node.
    pub(crate) stage: SyncStage,
    /// What the person should know.
    pub(crate) warnings: Vec<NodeWarning>,
    chain: Option<Arc<Chain>>,
}

/// The one place that opens and closes chains.
pub(crate) struct ChainService {
    status: Mutex<ChainStatus>,
    /// Held while the chain is opened, closed or started anew; chains opened so far.
    lifecycle: Mutex<u64>,
}

impl ChainService {
    /// No chain yet.
    pub(crate) fn new() -> Self {
        let status = ChainStatus { stage: SyncStage::Starting, warnings: Vec::new(), chain: None };
        Self { status: Mutex::new(status), lifecycle: Mutex::default() }
    }

    /// Stage and warnings.
    pub(crate) fn status(&self) -> ChainStatus {
        locked(&self.status).clone()
    }

    /// The open chain.
    pub(crate) fn current(&self) -> Option<Arc<Chain>> {
        locked(&self.status).chain.clone()
    }

    /// The open chain, unless it has failed: nothing new comes from it then.
    pub(crate) fn running(&self) -> Option<Arc<Chain>> {
        let status = locked(&self.status);
        status.chain.clone().filter(|_| status.stage == SyncStage::Synced)
    }

    /// The open chain, for a call that needs it.
    pub(crate) fn get(&self) -> Result<Arc<Chain>, ApiError> {
        let status = locked(&self.status);
        match (&status.chain, status.stage) {
            (Some(chain), SyncStage::Synced) => Ok(Arc::clone(chain)),
            (_, SyncStage::Failed) => {
                let reason = status.warnings.first().map_or("the chain has failed", |w| w.message.as_str());
                Err(ApiError::new(ErrorCode::Unavailable, reason))
            }
            (_, SyncStage::Stopping) => Err(ApiError::passing(ErrorCode::Unavailable, "the node is stopping")),
            _ => Err(ApiError::passing(ErrorCode::Unavailable, "the node is still starting; try again in a moment")),
        }
    }

    /// The chain can't go on. Wallets stay usable as files.
    pub(crate) fn fail(&self, reason: String) {
        tracing::error!(%reason, "the chain failed");
        let mut status = locked(&self.status);
        status.stage = SyncStage::Failed;
        status.warnings.insert(0, NodeWarning { code: "chain_failed".to_owned(), message: reason });
        // One reason is enough to act on; a service that fails again and again would fill the list.
        status.warnings.truncate(8);
    }

    /// Tells the person something, once for each code: what came before under it gives way.
    pub(crate) fn warn(&self, code: &str, message: String) {
        let mut status = locked(&self.status);
        status.warnings.retain(|warning| warning.code != code);
        status.warnings.push(NodeWarning { code: code.to_owned(), message });
    }

    /// Opens the chain. Whatever goes wrong is kept for [`Self::status`].
    pub(crate) fn open(&self, core: &Core) {
        let mut one_at_a_time = locked(&self.lifecycle);
        self.open_locked(core, &mut one_at_a_time);
    }

    fn open_locked(&self, core: &Core, opened: &mut u64) {
        locked(&self.status).stage = SyncStage::Loading;
        *opened += 1;
        let epoch = *opened;
        match catch_unwind(AssertUnwindSafe(|| open(core, epoch))) {
            Ok(Ok((chain, warnings))) => {
                let blocks = chain.consensus.virtual_state().block_count;
                tracing::info!(network = %core.params.network, store = %core.store.kind, blocks, "the chain is open");
                *locked(&self.status) =
                    ChainStatus { stage: SyncStage::Synced, warnings, chain: Some(Arc::new(chain)) };
                core.mining.apply(core);
            }
            Ok(Err(error @ ChainOpenError::Consensus(OpenError::Inconsistent(_)))) => {
                self.fail(format!("the chain can't be opened: {error}; {ADVICE}"));
            }
            Ok(Err(error)) => self.fail(format!("the chain can't be opened: {error}")),
            Err(_) => self.fail("opening the chain failed inside; the log says more".to_owned()),
        }
    }

    /// Closes the chain: the miner ends, blocks in hand are finished, everything is on the disk.
    pub(crate) fn close(&self, stage: SyncStage) {
        let _one_at_a_time = locked(&self.lifecycle);
        self.close_locked(stage);
    }

    fn close_locked(&self, stage: SyncStage) -> bool {
        let chain = {
            let mut status = locked(&self.status);
            status.stage = stage;
            status.chain.take()
        };
        let Some(chain) = chain else { return true };
        chain.shut_down();
        let deadline = Instant::now() + RELEASE_TIMEOUT;
        while Arc::strong_count(&chain) > 1 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        Arc::strong_count(&chain) == 1
    }

    /// Throws the chain away and begins again from genesis.
    pub(crate) fn reset(&self, core: &Core) -> Result<(), ApiError> {
        let mut one_at_a_time = locked(&self.lifecycle);
        if !self.close_locked(SyncStage::Loading) {
            self.open_locked(core, &mut one_at_a_time);
            return Err(ApiError::passing(ErrorCode::Unavailable, "the chain is in use; try again in a moment"));
        }
        core.payments.on_reset(&core.sink);
        let forgotten = core.validator.forget_devnet();
        // Snapshots first: they must not outlive the chain that they are of.
        let removed =
            [core.layout.snapshots(), core.layout.chain()].iter().try_for_each(|folder| match std::fs::remove_dir_all(
                folder,
            ) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    Err(ApiError::new(ErrorCode::DataFolder, format!("{} can't be removed: {error}", folder.display())))
                }
                _ => Ok(()),
            });
        self.open_locked(core, &mut one_at_a_time);
        removed?;
        forgotten.map_err(|error| {
            ApiError::new(ErrorCode::DataFolder, format!("the validator's guard can't be removed: {error}"))
        })
    }
}

/// Why a chain can't be opened.
#[derive(Debug, thiserror::Error)]
enum ChainOpenError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Consensus(#[from] OpenError),
    #[error(transparent)]
    Read(#[from] ConsensusError),
    #[error("the system gives no randomness: {0}")]
    Randomness(getrandom::Error),
}

/// Opens store, consensus, pool and miner.
fn open(core: &Core, epoch: u64) -> Result<(Chain, Vec<NodeWarning>), ChainOpenError> {
    let folder = core.layout.chain();
    let opened = open_store(core.store, &folder, core.params.network, core.genesis_hash)?;
    if let Some(version) = opened.upgraded_from {
        tracing::info!(from = version, to = CHAIN_FORMAT, "the chain's format was brought up to date");
    }
    let mut warnings = Vec::new();
    let snapshots = core.layout.snapshots();
    let mut pruning = PruningConfig::of(&core.params, core.config.role);
    let restored = restore_if_needed(&core.params, core.genesis_hash, &pruning.depths, &opened.store, &snapshots);
    match &restored {
        Ok(Restored::NotNeeded) => {}
        Ok(Restored::From(info, dir)) => {
            let message = format!(
                "the chain's database was lost, and the blocks from before block {} were pruned: the chain goes on from \
                 the snapshot {}; the history of wallets that were not open since then is not here",
                info.block,
                dir.display()
            );
            warnings.push(NodeWarning { code: "chain_from_snapshot".to_owned(), message });
        }
        Err(error) => {
            let message = format!(
                "the chain's database was lost, old blocks were pruned, and there is no snapshot to go on from ({error}); \
                 the chain begins again at genesis: `umbel node snapshot import` takes a snapshot of another node"
            );
            warnings.push(NodeWarning { code: "chain_lost".to_owned(), message });
        }
    }
    if core.config.role != NodeRole::Archive && core.store.kind != StoreKind::Mem {
        pruning.snapshots = Some(snapshots);
    }
    let pow = Arc::new(Pow::of(&core.params));
    let store = Arc::clone(&opened.store);
    let engine = Consensus::open(ConsensusConfig {
        params: core.params.clone(),
        genesis: core.genesis.clone(),
        pow: Arc::clone(&pow),
        store: opened.store,
        now: Arc::new(clock::now),
        cache_bytes: bytes_of_mib(core.settings.get().chain_cache_mib),
        pruning,
    })?;
    if core.store.kind == StoreKind::Sled {
        tracing::warn!("the chain is kept in sled, which is beta");
        warnings.push(NodeWarning { code: "store_beta".to_owned(), message: SLED_NOTICE.to_owned() });
    }
    if let Some(aside) = opened.recovered {
        let blocks = engine.virtual_state().block_count;
        let message = format!(
            "the chain's database was damaged and was moved to {}; {blocks} blocks were taken in again from their own files",
            aside.display()
        );
        warnings.push(NodeWarning { code: "chain_recovered".to_owned(), message });
    }
    let consensus: Arc<dyn ConsensusApi> = engine.clone();
    let pool = Arc::new(Pool::new(&core.params, core.genesis_hash));
    let mining = Arc::clone(&core.mining);
    let templates = Arc::new(Templates::new(Arc::clone(&consensus), Arc::clone(&pool), mining, Arc::clone(&pow)));
    let mut seed = [0; 8];
    getrandom::fill(&mut seed).map_err(ChainOpenError::Randomness)?;
    let miner = Miner::new(&core.params, pow, templates.clone(), u64::from_le_bytes(seed));
    let view = Mutex::new(ChainView::new(consensus.as_ref())?);
    Ok((Chain { consensus, pool, miner, templates, view, epoch, engine, store }, warnings))
}
