//! Consensus in memory, with blocks that cost nothing to mine and a clock that goes when a block is made.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use umbel_consensus::pruning::{NodeRole, PruningConfig};
use umbel_consensus::{Consensus, ConsensusConfig, open_store};
use umbel_crypto::coin::{KeyRole, build_payout_key};
use umbel_crypto::keys::AddressIndex;
use umbel_pow::Pow;
use umbel_store::{KvStore, Pair, StoreKind, Table};
use umbel_types::consensus_api::{BlockStatus, BodyRoom, ConsensusApi, TxSelector};
use umbel_types::errors::{BlockError, TxContextError};
use umbel_types::params::PowProfile;
use umbel_types::{Block, BlockHash, Network, Params, PayoutKey, TimestampMs, Transaction, TxId};

use crate::fixture::{owner, rng};
use crate::voters;

/// Bytes of consensus' caches: less than a node has, so that they are full soon.
const CACHE_BYTES: usize = 256 * 1024;
/// Milliseconds between two blocks.
const STEP_MS: u64 = 1_000;

/// Devnet without work, every block a checkpoint, buried by two.
pub(crate) fn params() -> Params {
    Params {
        pow: PowProfile::Sim,
        checkpoint_interval: 1,
        confirmation_depth: 2,
        coinbase_maturity: 2,
        ..Params::of(Network::Devnet)
    }
}

pub(crate) fn mem_store() -> Arc<dyn KvStore> {
    open_store(StoreKind::Mem, Path::new("."), Network::Devnet, BlockHash([0; 32])).unwrap().store
}

/// The one miner: rewards for red blocks go to whoever merges them.
fn payout() -> PayoutKey {
    static PAYOUT: OnceLock<PayoutKey> = OnceLock::new();
    let build = || build_payout_key(&owner(6).keys.address(AddressIndex::DEFAULT), KeyRole::Miner, &mut rng(6));
    *PAYOUT.get_or_init(build)
}

/// Candidates that the template takes as far as they stand in its context.
struct Candidates(Vec<Arc<Transaction>>);

impl TxSelector for Candidates {
    fn select(&mut self, _room: BodyRoom) -> Vec<Arc<Transaction>> {
        std::mem::take(&mut self.0)
    }

    fn reject(&mut self, _txid: TxId, _error: TxContextError) {}
}

/// A node that hears of blocks and votes from the input.
pub(crate) struct Node {
    pub(crate) consensus: Arc<Consensus>,
    store: Arc<dyn KvStore>,
    params: Params,
    pow: Arc<Pow>,
    now: Arc<AtomicU64>,
}

fn open(store: Arc<dyn KvStore>, params: Params, pow: Arc<Pow>, now: &Arc<AtomicU64>) -> Arc<Consensus> {
    let clock = now.clone();
    Consensus::open(ConsensusConfig {
        pruning: PruningConfig::of(&params, NodeRole::Archive),
        params,
        genesis: voters::genesis(),
        pow,
        store,
        now: Arc::new(move || TimestampMs(clock.load(Ordering::Relaxed))),
        cache_bytes: CACHE_BYTES,
    })
    .unwrap()
}

impl Node {
    pub(crate) fn new(params: Params) -> Self {
        let (store, pow) = (mem_store(), Arc::new(Pow::of(&params)));
        let now = Arc::new(AtomicU64::new(voters::genesis().timestamp.0 + STEP_MS));
        Self { consensus: open(store.clone(), params.clone(), pow.clone(), &now), store, params, pow, now }
    }

    /// Stops and starts again on the same store.
    pub(crate) fn restart(self) -> Self {
        self.consensus.shutdown();
        let Self { consensus, store, params, pow, now } = self;
        drop(consensus);
        Self { consensus: open(store.clone(), params.clone(), pow.clone(), &now), store, params, pow, now }
    }

    pub(crate) fn store(&self) -> &Arc<dyn KvStore> {
        &self.store
    }

    pub(crate) fn params(&self) -> &Params {
        &self.params
    }

    /// Chain id and genesis, as votes name them.
    pub(crate) fn place(&self) -> (u32, BlockHash) {
        (self.params.chain_id, self.consensus.genesis_hash())
    }

    pub(crate) fn sink(&self) -> BlockHash {
        self.consensus.virtual_state().sink
    }

    /// A solved block on the virtual parents; no two are the same.
    pub(crate) fn mine(&self, txs: &[Transaction]) -> Block {
        let timestamp = TimestampMs(self.now.fetch_add(STEP_MS, Ordering::Relaxed));
        let mut candidates = Candidates(txs.iter().cloned().map(Arc::new).collect());
        let extra = timestamp.0.to_le_bytes().to_vec();
        let template = self.consensus.build_template(payout(), extra, timestamp, &mut candidates).unwrap();
        let mut block = Block { header: template.header, body: template.body };
        self.solve(&mut block);
        block
    }

    /// Gives a block a proof of work, if its bits ask for one that there is.
    pub(crate) fn solve(&self, block: &mut Block) {
        let mined = self.pow.mine(&block.header, 0..1, || false).ok();
        if let Some(solution) = mined.and_then(|outcome| outcome.solution) {
            block.header.nonce = solution.nonce;
            block.header.mix_digest = solution.mix_digest;
        }
    }

    pub(crate) fn insert(&self, block: &Block) -> Result<BlockStatus, BlockError> {
        self.consensus.insert_block(block.clone()).wait()
    }

    /// A node that has taken good blocks which another one mined.
    pub(crate) fn with(params: Params, blocks: &[Block]) -> Self {
        let node = Self::new(params);
        // All at once: waiting for each takes longer than the blocks do.
        let handles: Vec<_> = blocks.iter().map(|block| node.consensus.insert_block(block.clone())).collect();
        for (block, handle) in blocks.iter().zip(handles) {
            assert_eq!(handle.wait(), Ok(BlockStatus::StateValid), "an honest block is refused");
            node.now.fetch_max(block.header.timestamp.0 + STEP_MS, Ordering::Relaxed);
        }
        node
    }

    /// Every row of these tables.
    pub(crate) fn rows(&self, tables: &[Table]) -> Vec<Vec<Pair>> {
        tables.iter().map(|table| self.store.scan(*table, None, usize::MAX).unwrap()).collect()
    }

    /// Mines and inserts an empty block.
    pub(crate) fn advance(&self) -> Block {
        let block = self.mine(&[]);
        assert_eq!(self.insert(&block), Ok(BlockStatus::StateValid), "an honest block is refused");
        block
    }
}
