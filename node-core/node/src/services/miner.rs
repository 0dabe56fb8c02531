//! Mining: how many threads, whom it pays, where templates come from.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};

use umbel_api::node::MiningState;
use umbel_api::{ApiError, ErrorCode};
use umbel_crypto::keys::{Address, ConfidentialAddress};
use umbel_miner::{TemplateError, TemplateSource};
use umbel_pow::Pow;
use umbel_types::consensus_api::{BlockStatus, BlockTemplate, ConsensusApi, ConsensusError};
use umbel_types::errors::BlockError;
use umbel_types::{Block, BlockHash, PayoutKey};

use super::locked;
use super::mempool::Pool;
use crate::clock;
use crate::config::MiningConfig;
use crate::convert;
use crate::node::Core;

/// Own blocks that are remembered for the live view: more than it ever shows.
const MAX_OWN_BLOCKS: usize = 4096;

/// What mining shall do.
#[derive(Debug, Default)]
struct Wanted {
    threads: usize,
    /// `None` pays the first wallet.
    pay_to: Option<ConfidentialAddress>,
    first_wallet: Option<ConfidentialAddress>,
}

impl Wanted {
    fn payee(&self) -> Option<&ConfidentialAddress> {
        self.pay_to.as_ref().or(self.first_wallet.as_ref())
    }
}

#[derive(Debug, Default)]
struct OwnBlocks {
    order: VecDeque<BlockHash>,
    hashes: BTreeSet<BlockHash>,
}

/// The miner's orders. The threads themselves belong to the chain.
#[derive(Debug)]
pub(crate) struct MiningService {
    prefix: &'static str,
    dataset: bool,
    wanted: Mutex<Wanted>,
    own: Mutex<OwnBlocks>,
}

impl MiningService {
    /// The orders that the node was started with.
    pub(crate) fn new(config: &MiningConfig, params: &umbel_types::Params) -> Result<Self, ApiError> {
        if config.threads > umbel_miner::MAX_THREADS {
            let message = format!("at most {} threads can mine", umbel_miner::MAX_THREADS);
            return Err(ApiError::new(ErrorCode::BadInput, message));
        }
        let pay_to = config.pay_to.as_deref().map(|text| convert::confidential(text, params)).transpose()?;
        let wanted = Wanted { threads: config.threads, pay_to, first_wallet: None };
        Ok(Self {
            prefix: params.address_prefix,
            dataset: config.dataset,
            wanted: Mutex::new(wanted),
            own: Mutex::default(),
        })
    }

    /// The first wallet of the folder is this one now.
    pub(crate) fn set_first_wallet(&self, address: Option<ConfidentialAddress>) {
        locked(&self.wanted).first_wallet = address;
    }

    /// Changes the orders.
    pub(crate) fn set(&self, core: &Core, threads: usize, pay_to: Option<ConfidentialAddress>) -> Result<(), ApiError> {
        let most = max_threads();
        if threads > most {
            let message = format!("this machine has {most} threads for mining");
            return Err(ApiError::new(ErrorCode::BadInput, message));
        }
        {
            let mut wanted = locked(&self.wanted);
            wanted.threads = threads;
            if pay_to.is_some() {
                wanted.pay_to = pay_to;
            }
        }
        self.apply(core);
        Ok(())
    }

    /// Gives the orders to the open chain's miner.
    pub(crate) fn apply(&self, core: &Core) {
        let threads = locked(&self.wanted).threads;
        let Some(chain) = core.chain.current() else { return };
        if self.dataset {
            match chain.miner.dataset_memory_bytes() {
                Some(bytes) => tracing::info!(mib = bytes >> 20, "mining may keep the whole dataset in memory"),
                None => tracing::info!("this network's blocks are paced: no dataset is needed to mine them"),
            }
        }
        chain.miner.allow_dataset(self.dataset);
        if let Err(error) = chain.miner.set_threads(threads) {
            tracing::error!(%error, "mining did not start");
        }
    }

    /// What shells see.
    pub(crate) fn state(&self, core: &Core) -> MiningState {
        let stats = core.chain.current().map(|chain| chain.miner.stats()).unwrap_or_default();
        let wanted = locked(&self.wanted);
        let waiting = match &stats.waiting_for {
            None => None,
            Some(TemplateError::NoPayout) => Some("no_wallet"),
            Some(TemplateError::Syncing) => Some("syncing"),
            Some(TemplateError::Consensus(_)) => Some("chain"),
        };
        MiningState {
            threads: stats.threads,
            max_threads: max_threads(),
            hashes_per_second: f64::from(u32::try_from(stats.hashes_per_second).unwrap_or(u32::MAX)),
            blocks_found: stats.blocks_found,
            pays_to: wanted.payee().map(|address| Address::Confidential(*address).to_text(self.prefix)),
            waiting: waiting.map(str::to_owned),
        }
    }

    /// Whether this program mined the block.
    pub(crate) fn is_own(&self, block: BlockHash) -> bool {
        locked(&self.own).hashes.contains(&block)
    }

    fn remember(&self, block: BlockHash) {
        let mut own = locked(&self.own);
        own.order.push_back(block);
        own.hashes.insert(block);
        while own.order.len() > MAX_OWN_BLOCKS {
            if let Some(oldest) = own.order.pop_front() {
                own.hashes.remove(&oldest);
            }
        }
    }

    /// Whom mining pays.
    pub(crate) fn payee(&self) -> Option<ConfidentialAddress> {
        locked(&self.wanted).payee().copied()
    }

    fn payout(&self) -> Result<PayoutKey, TemplateError> {
        let payee = self.payee().ok_or(TemplateError::NoPayout)?;
        payout_key(&payee)
    }
}

fn payout_key(payee: &ConfidentialAddress) -> Result<PayoutKey, TemplateError> {
    umbel_wallet::payout_key(payee).map_err(|e| TemplateError::Consensus(ConsensusError::Store(e.to_string())))
}

/// Threads that mining may use: one a core, at least four, since on devnet they mostly wait.
pub(crate) fn max_threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get).clamp(4, umbel_miner::MAX_THREADS)
}

/// Where the miner's templates come from.
pub(crate) struct Templates {
    consensus: Arc<dyn ConsensusApi>,
    pool: Arc<Pool>,
    mining: Arc<MiningService>,
    pow: Arc<Pow>,
}

impl Templates {
    pub(crate) fn new(
        consensus: Arc<dyn ConsensusApi>,
        pool: Arc<Pool>,
        mining: Arc<MiningService>,
        pow: Arc<Pow>,
    ) -> Self {
        Self { consensus, pool, mining, pow }
    }

    fn build(&self, payout: PayoutKey) -> Result<BlockTemplate, ConsensusError> {
        let mut selector = self.pool.selector();
        let template = self.consensus.build_template(payout, Vec::new(), clock::now(), &mut selector)?;
        self.pool.settle(selector, self.consensus.as_ref())?;
        Ok(template)
    }

    /// Mines one block at once, whoever else mines.
    ///
    /// - `payee`: whom to pay; `None` for whoever mining pays.
    pub(crate) fn mine_one(&self, payee: Option<&ConfidentialAddress>, stop: &super::Stop) -> Result<(), ApiError> {
        let payout = match payee {
            Some(payee) => payout_key(payee),
            None => self.mining.payout(),
        };
        let payout = payout.map_err(|e| template_error(&e))?;
        let template = self.build(payout).map_err(|e| convert::consensus_error(&e))?;
        let block = solve(&self.pow, template, stop)
            .ok_or_else(|| ApiError::passing(ErrorCode::Unavailable, "the node is stopping"))?;
        let hash = block.hash();
        self.mining.remember(hash);
        self.consensus
            .insert_block(block)
            .wait()
            .map_err(|e| ApiError::new(ErrorCode::Internal, format!("the own block was refused: {e}")))?;
        Ok(())
    }
}

fn template_error(error: &TemplateError) -> ApiError {
    match error {
        TemplateError::NoPayout => {
            ApiError::new(ErrorCode::NoSuchWallet, "there is no wallet to mine for: create one, or name an address")
        }
        TemplateError::Syncing => ApiError::passing(ErrorCode::Unavailable, error.to_string()),
        TemplateError::Consensus(error) => convert::consensus_error(error),
    }
}

impl TemplateSource for Templates {
    fn template(&self) -> Result<BlockTemplate, TemplateError> {
        Ok(self.build(self.mining.payout()?)?)
    }

    fn submit(&self, block: Block) -> Result<BlockStatus, BlockError> {
        self.mining.remember(block.hash());
        let handle = self.consensus.insert_block(block);
        let stopped = || BlockError::Unavailable("consensus is stopping".to_owned());
        handle.body.recv().map_err(|_| stopped())?
    }

    fn is_stale(&self, template: &BlockTemplate) -> bool {
        self.consensus.virtual_state().parents != template.header.parents
    }
}

/// Searches until a nonce is found or the node stops.
fn solve(pow: &Pow, template: BlockTemplate, stop: &super::Stop) -> Option<Block> {
    let mut header = template.header;
    let outcome = pow.mine(&header, 0..u64::MAX, || stop.is_set()).ok()?;
    let solution = outcome.solution?;
    header.nonce = solution.nonce;
    header.mix_digest = solution.mix_digest;
    Some(Block { header, body: template.body })
}
