//! One node: a real consensus over a store in memory, the blocks that wait for their parents, and a pool.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use umbel_consensus::pruning::{NodeRole, PruningConfig};
use umbel_consensus::{Consensus, ConsensusConfig, open_store};
use umbel_pow::Pow;
use umbel_store::{KvStore, StoreKind};
use umbel_types::consensus_api::{BlockStatus, BodyRoom, ConsensusApi, TxSelector};
use umbel_types::errors::{BlockError, HeaderRuleError, TxContextError};
use umbel_types::genesis::GenesisSpec;
use umbel_types::params::MAX_TIME_AHEAD_MS;
use umbel_types::{Block, BlockHash, Params, PayoutKey, TimestampMs, Transaction, TxId};

use crate::error::SimError;
use crate::rate::GENESIS_BITS;

/// What a node's caches hold together: a run has up to a hundred nodes in one process.
const CACHE_BYTES: usize = 16 * 1024 * 1024;

/// What all nodes of a run share.
pub(crate) struct Ground {
    pub(crate) params: Params,
    pub(crate) genesis: GenesisSpec,
    pub(crate) pow: Arc<Pow>,
    /// Virtual time, in µs since genesis.
    pub(crate) clock: Arc<AtomicU64>,
}

impl Ground {
    pub(crate) fn now_us(&self) -> u64 {
        self.clock.load(Ordering::Relaxed)
    }
}

/// What a node made of a block.
#[derive(Clone, Debug)]
pub(crate) enum Heard {
    /// It was taken in, or had been before.
    Taken(BlockStatus),
    /// It waits for parents.
    Waits,
    /// It is ahead of the node's clock for so many µs.
    Early(u64),
    /// It was refused.
    Refused(BlockError),
}

/// A node.
pub struct Node {
    pub(crate) consensus: Arc<Consensus>,
    pub(crate) store: Arc<dyn KvStore>,
    pub(crate) payout: PayoutKey,
    skew_ms: Arc<AtomicI64>,
    clock: Arc<AtomicU64>,
    genesis_ms: u64,
    /// Whether others send to it.
    pub listed: bool,
    /// Whether it keeps the rules: what it sees has to hold.
    pub honest: bool,
    /// Share of all hashes.
    pub share: f64,
    difficulty: f64,
    waiting: BTreeMap<BlockHash, Vec<Arc<Block>>>,
    /// Transactions with the time at which they are forgotten.
    pub(crate) pool: Vec<(Arc<Transaction>, u64)>,
    pub(crate) sink: BlockHash,
    made: u64,
}

impl core::fmt::Debug for Node {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Node").field("sink", &self.sink).field("share", &self.share).finish_non_exhaustive()
    }
}

/// Gives the pool once; what the context refuses is left out.
struct PoolSelector<'a>(&'a [(Arc<Transaction>, u64)], bool);

impl TxSelector for PoolSelector<'_> {
    fn select(&mut self, _room: BodyRoom) -> Vec<Arc<Transaction>> {
        if core::mem::replace(&mut self.1, true) {
            Vec::new()
        } else {
            self.0.iter().map(|(tx, _)| tx.clone()).collect()
        }
    }

    fn reject(&mut self, _txid: TxId, _error: TxContextError) {}
}

impl Node {
    /// `folder`: where its chain is kept; in memory without one.
    pub(crate) fn start(ground: &Ground, payout: PayoutKey, folder: Option<&Path>) -> Result<Self, SimError> {
        let kind = if folder.is_some() { StoreKind::Redb } else { StoreKind::Mem };
        let folder = folder.unwrap_or(Path::new(""));
        let store = open_store(kind, folder, ground.params.network, BlockHash([0; 32]))?.store;
        let skew_ms = Arc::new(AtomicI64::new(0));
        let (skew, clock, genesis_ms) = (skew_ms.clone(), ground.clock.clone(), ground.genesis.timestamp.0);
        let now = move || local_time(genesis_ms, &clock, &skew);
        let consensus = Consensus::open(ConsensusConfig {
            params: ground.params.clone(),
            genesis: ground.genesis.clone(),
            pow: ground.pow.clone(),
            store: store.clone(),
            now: Arc::new(now),
            cache_bytes: CACHE_BYTES,
            pruning: PruningConfig::of(&ground.params, NodeRole::Archive),
        })?;
        let sink = consensus.genesis_hash();
        Ok(Self {
            consensus,
            store,
            payout,
            skew_ms,
            clock: ground.clock.clone(),
            genesis_ms,
            listed: true,
            honest: true,
            share: 0.0,
            difficulty: 1.0,
            waiting: BTreeMap::new(),
            pool: Vec::new(),
            sink,
            made: 0,
        })
    }

    /// Hashes that its newest block took on average, of those at genesis.
    pub fn difficulty(&self) -> f64 {
        self.difficulty
    }

    /// Sets its clock wrong by so much.
    pub fn skew(&self, ms: i64) {
        self.skew_ms.store(ms, Ordering::Relaxed);
    }

    /// Its own clock.
    pub fn now(&self) -> TimestampMs {
        local_time(self.genesis_ms, &self.clock, &self.skew_ms)
    }

    /// A block on its virtual parents, not yet taken in.
    pub(crate) fn build(&mut self, label: u64, timestamp: TimestampMs) -> Result<Block, SimError> {
        self.made += 1;
        let extra = [label.to_le_bytes(), self.made.to_le_bytes()].concat();
        let template =
            self.consensus.build_template(self.payout, extra, timestamp, &mut PoolSelector(&self.pool, false))?;
        self.difficulty = work_of(template.header.bits) / work_of(GENESIS_BITS);
        Ok(Block { header: template.header, body: template.body })
    }

    /// Takes in a block; one whose parents are missing waits for them.
    pub(crate) fn hear(&mut self, block: &Arc<Block>) -> Heard {
        match self.consensus.insert_block(Block::clone(block)).wait() {
            Ok(status) => Heard::Taken(status),
            Err(BlockError::MissingParents(missing)) => match missing.first() {
                Some(parent) => {
                    self.waiting.entry(*parent).or_default().push(block.clone());
                    Heard::Waits
                }
                None => Heard::Refused(BlockError::MissingParents(missing)),
            },
            Err(BlockError::Header(HeaderRuleError::TimeTooFarAhead { got, now })) => {
                Heard::Early((got.0 - MAX_TIME_AHEAD_MS - now.0).max(1) * 1_000)
            }
            Err(error) => Heard::Refused(error),
        }
    }

    /// Blocks that waited for this one.
    pub(crate) fn released(&mut self, parent: BlockHash) -> Vec<Arc<Block>> {
        self.waiting.remove(&parent).unwrap_or_default()
    }

    /// Blocks that still wait.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = BlockHash> {
        self.waiting.values().flatten().map(|block| block.hash())
    }
}

fn local_time(genesis_ms: u64, clock: &AtomicU64, skew: &AtomicI64) -> TimestampMs {
    let true_ms = genesis_ms + clock.load(Ordering::Relaxed) / 1_000;
    TimestampMs(true_ms.saturating_add_signed(skew.load(Ordering::Relaxed)))
}

fn work_of(bits: umbel_types::CompactTarget) -> f64 {
    f64::from(bits.work().0)
}
