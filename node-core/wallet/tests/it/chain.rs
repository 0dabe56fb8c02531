//! A chain in memory that a test moves by hand, back too.

use core::convert::Infallible;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use umbel_crypto::coin::coinbase_coin;
use umbel_ledger::staking::OverlayContext;
use umbel_ledger::state_tree::StateTree;
use umbel_ledger::utxo::UtxoView;
use umbel_ledger::{IsolationContext, UtxoContext, check_tx_in_isolation, check_tx_in_utxo_context};
use umbel_types::consensus_api::{
    AcceptanceData, AcceptedTx, BlockStatus, BlockSummary, BlockTemplate, ChainPath, ConsensusApi, ConsensusError,
    FinalityStatus, InsertHandle, TxSelector, UtxoSnapshot, VirtualState, VoteAdmission, VoteError, VoteProposal,
};
use umbel_types::errors::TxContextError;
use umbel_types::header::BLOCK_VERSION;
use umbel_types::tx::{INPUT_PROOF_BYTES, InputWitness};
use umbel_types::utxo::StoredOutput;
use umbel_types::{
    Amount, Block, BlockHash, BlueScore, BlueWork, Body, CertRef, Certificate, CompactTarget, DaaScore, Evidence,
    Hash32, Header, Memo, Network, Origin, OutPoint, Params, PayoutKey, TimestampMs, Transaction, TxCore, TxId,
    UtxoEntry, Vote,
};

use crate::people::TestRng;

pub(crate) const GENESIS: BlockHash = BlockHash([0xee; 32]);
const BLOCK_MS: u64 = 1000;

type Utxos = BTreeMap<OutPoint, UtxoEntry>;

struct ChainBlock {
    parent: Option<BlockHash>,
    acceptance: AcceptanceData,
    body: Body,
}

struct Inner {
    /// Part of the names of its blocks, so that two chains share none but genesis.
    salt: u8,
    blocks: BTreeMap<BlockHash, ChainBlock>,
    head: BlockHash,
    utxos: Utxos,
    made: u64,
    /// DAA score that the next block jumps over.
    skipped: u64,
    /// Fails so many further calls of the store.
    failures: u32,
    /// DAA score of the newest certified checkpoint.
    certified: DaaScore,
}

struct View<'a>(&'a Utxos);

impl UtxoView for View<'_> {
    type Error = Infallible;

    fn get(&self, outpoint: &OutPoint) -> Result<Option<UtxoEntry>, Infallible> {
        Ok(self.0.get(outpoint).cloned())
    }
}

/// The chain. Blocks carry what they accept; a reward is paid by the next block's merging, here at once.
pub(crate) struct FakeChain {
    params: Params,
    inner: Mutex<Inner>,
    /// Whether proofs of transactions are checked.
    pub(crate) checks_proofs: bool,
}

/// What the next block has.
#[derive(Default)]
pub(crate) struct Next {
    pub(crate) txs: Vec<Arc<Transaction>>,
    pub(crate) rewards: Vec<(PayoutKey, Amount)>,
    /// Outputs out of nothing, for tests that need no payer.
    pub(crate) gifts: Vec<(OutPoint, StoredOutput)>,
}

fn no_payout() -> PayoutKey {
    let zero = umbel_types::PointBytes([0; 32]);
    PayoutKey {
        owner: umbel_types::OneTimeKey { g: zero, view: zero, spend: zero },
        ephemeral: zero,
        sealed: umbel_types::SealedBytes([0; 51]),
    }
}

fn body(txs: Vec<Transaction>) -> Body {
    Body { payout: no_payout(), extra: Vec::new(), txs, certificate: Vec::new() }
}

impl FakeChain {
    /// Starts with a genesis block that holds `memos`.
    pub(crate) fn new(network: Network, memos: Vec<Memo>) -> Self {
        let added: Vec<(OutPoint, UtxoEntry)> = memos
            .into_iter()
            .zip(0u32..)
            .map(|(memo, index)| {
                let entry =
                    UtxoEntry { output: StoredOutput::Memo(memo), origin: Origin::Genesis, daa_score: DaaScore(0) };
                (OutPoint { source: Hash32([0xaa; 32]), index }, entry)
            })
            .collect();
        let utxos: Utxos = added.iter().cloned().collect();
        let acceptance = AcceptanceData {
            block: GENESIS,
            daa_score: DaaScore(0),
            blue_score: BlueScore(0),
            timestamp: TimestampMs(1_000_000_000),
            merged: Vec::new(),
            accepted: Vec::new(),
            removed: Vec::new(),
            added,
        };
        let genesis = ChainBlock { parent: None, acceptance, body: body(Vec::new()) };
        let blocks = BTreeMap::from([(GENESIS, genesis)]);
        static CHAINS: AtomicU8 = AtomicU8::new(0);
        let salt = CHAINS.fetch_add(1, Ordering::Relaxed);
        let inner =
            Inner { salt, blocks, head: GENESIS, utxos, made: 0, skipped: 0, failures: 0, certified: DaaScore(0) };
        Self { params: Params::of(network), inner: Mutex::new(inner), checks_proofs: true }
    }

    pub(crate) fn head(&self) -> BlockHash {
        self.inner.lock().unwrap().head
    }

    pub(crate) fn utxo_count(&self) -> usize {
        self.inner.lock().unwrap().utxos.len()
    }

    pub(crate) fn fail_next(&self, calls: u32) {
        self.inner.lock().unwrap().failures = calls;
    }

    /// Extends the head by a block; gives it and the transactions that it accepted.
    pub(crate) fn mine(&self, next: Next) -> (BlockHash, Vec<TxId>) {
        let mut inner = self.inner.lock().unwrap();
        inner.made += 1;
        let made = inner.made;
        let mut name = [0u8; 32];
        name[..8].copy_from_slice(&made.to_le_bytes());
        name[29] = inner.salt;
        name[31] = 0xbb;
        let block = BlockHash(name);
        let parent = inner.head;
        let skipped = std::mem::take(&mut inner.skipped);
        let last = &inner.blocks[&parent].acceptance;
        let daa_score = last.daa_score.saturating_add(1 + skipped);
        let mut acceptance = AcceptanceData {
            block,
            daa_score,
            blue_score: BlueScore(last.blue_score.0 + 1),
            timestamp: TimestampMs(last.timestamp.0 + BLOCK_MS),
            merged: vec![parent],
            accepted: Vec::new(),
            removed: Vec::new(),
            added: Vec::new(),
        };
        let mut txs = Vec::new();
        for tx in next.txs {
            if self.accept(&mut inner, &mut acceptance, &tx) {
                acceptance.accepted.push(AcceptedTx { txid: tx.txid(), block });
                txs.push((*tx).clone());
            }
        }
        for ((key, value), n) in next.rewards.into_iter().zip(0u8..) {
            let rewarded = BlockHash({
                let mut name = block.0;
                name[30] = n + 1;
                name
            });
            acceptance.merged.push(rewarded);
            let coin = coinbase_coin(&rewarded, &key, value).unwrap();
            let entry = UtxoEntry {
                output: StoredOutput::Coin { coin, public_value: Some(value) },
                origin: Origin::Coinbase,
                daa_score,
            };
            acceptance.added.push((OutPoint::of_coinbase(rewarded), entry));
        }
        for (outpoint, output) in next.gifts {
            acceptance.added.push((outpoint, UtxoEntry { output, origin: Origin::Transaction, daa_score }));
        }
        let made_by_txs: usize = txs.iter().map(|tx| tx.core.outputs.len()).sum();
        for (outpoint, entry) in &acceptance.added[made_by_txs..] {
            assert!(inner.utxos.insert(*outpoint, entry.clone()).is_none(), "an outpoint is made once");
        }
        let accepted = acceptance.accepted.iter().map(|accepted| accepted.txid).collect();
        inner.blocks.insert(block, ChainBlock { parent: Some(parent), acceptance, body: body(txs) });
        inner.head = block;
        (block, accepted)
    }

    fn accept(&self, inner: &mut Inner, acceptance: &mut AcceptanceData, tx: &Transaction) -> bool {
        if self.checks_proofs {
            let context = IsolationContext::new(&self.params, GENESIS);
            check_tx_in_isolation(tx.clone(), &context, &mut TestRng::new(7)).expect("a wallet's transaction holds");
        }
        if self.check_in_context(inner, &tx.core, acceptance.daa_score).is_err() {
            return false;
        }
        for input in &tx.core.inputs {
            let entry = inner.utxos.remove(&input.outpoint).expect("it stood there");
            acceptance.removed.push((input.outpoint, entry));
        }
        let txid = tx.txid();
        for (output, index) in tx.core.outputs.iter().zip(0u32..) {
            let entry = UtxoEntry {
                output: StoredOutput::from(output),
                origin: Origin::Transaction,
                daa_score: acceptance.daa_score,
            };
            let outpoint = OutPoint::of_tx(txid, index);
            inner.utxos.insert(outpoint, entry.clone());
            acceptance.added.push((outpoint, entry));
        }
        true
    }

    fn check_in_context(&self, inner: &Inner, core: &TxCore, daa_score: DaaScore) -> Result<(), TxContextError> {
        let overlay = OverlayContext { certified: inner.certified, ..OverlayContext::genesis(&self.params) };
        let context = UtxoContext::for_acceptance(&self.params, daa_score, overlay);
        let Ok(checked) = check_tx_in_utxo_context(core, &View(&inner.utxos), &StateTree::default(), &context);
        checked.map(|_| ())
    }

    /// A certificate says that this score stays.
    pub(crate) fn certify(&self, daa_score: DaaScore) {
        self.inner.lock().unwrap().certified = daa_score;
    }

    /// Consumes outputs without a transaction's proofs: another holder of the same words did.
    pub(crate) fn mine_core(&self, core: TxCore) -> BlockHash {
        let inputs = core.inputs.iter().map(|_| InputWitness::Coin([0; INPUT_PROOF_BYTES])).collect();
        let witness = umbel_types::Witness {
            range_proof: Vec::new(),
            inputs,
            outputs: Vec::new(),
            action: umbel_types::staking::ActionWitness::None,
            kernel: [0; 64],
        };
        self.mine(Next { txs: vec![Arc::new(Transaction { core, witness })], ..Next::default() }).0
    }

    pub(crate) fn advance(&self, blocks: usize) {
        for _ in 0..blocks {
            self.mine(Next::default());
        }
    }

    /// Lets so much DAA score pass in one block.
    pub(crate) fn wait(&self, daa: u64) {
        self.inner.lock().unwrap().skipped = daa;
        self.advance(1);
    }

    /// Goes back `depth` blocks: what is mined next makes another branch.
    pub(crate) fn rewind(&self, depth: usize) {
        let mut inner = self.inner.lock().unwrap();
        for _ in 0..depth {
            let head = inner.head;
            let (parent, acceptance) = {
                let block = &inner.blocks[&head];
                (block.parent, block.acceptance.clone())
            };
            let Some(parent) = parent else { return };
            for (outpoint, _) in &acceptance.added {
                inner.utxos.remove(outpoint);
            }
            for (outpoint, entry) in acceptance.removed {
                // Made and consumed by the same block: never was before it.
                if !acceptance.added.iter().any(|(added, _)| *added == outpoint) {
                    inner.utxos.insert(outpoint, entry);
                }
            }
            inner.head = parent;
        }
    }

    /// Loses the last `depth` blocks, as a node may that was killed: they are unknown afterwards.
    pub(crate) fn lose(&self, depth: usize) {
        let lost: Vec<BlockHash> = {
            let inner = self.inner.lock().unwrap();
            let path = Self::path_from_genesis(&inner, inner.head).unwrap();
            path.into_iter().rev().take(depth).collect()
        };
        self.rewind(depth);
        self.inner.lock().unwrap().blocks.retain(|block, _| !lost.contains(block));
    }

    fn store<T>(&self, answer: impl FnOnce(&Inner) -> T) -> Result<T, ConsensusError> {
        let mut inner = self.inner.lock().unwrap();
        if inner.failures > 0 {
            inner.failures -= 1;
            return Err(ConsensusError::Store("as the test asked".to_owned()));
        }
        Ok(answer(&inner))
    }

    fn path_from_genesis(inner: &Inner, mut block: BlockHash) -> Option<Vec<BlockHash>> {
        let mut path = vec![block];
        while let Some(parent) = inner.blocks.get(&block)?.parent {
            path.push(parent);
            block = parent;
        }
        path.reverse();
        Some(path)
    }
}

struct Snapshot {
    sink: BlockHash,
    daa_score: DaaScore,
    utxos: Utxos,
}

impl UtxoSnapshot for Snapshot {
    fn sink(&self) -> BlockHash {
        self.sink
    }

    fn daa_score(&self) -> DaaScore {
        self.daa_score
    }

    fn page(&self, after: Option<OutPoint>, limit: usize) -> Result<Vec<(OutPoint, UtxoEntry)>, ConsensusError> {
        let from = after.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
        let entries = self.utxos.range((from, std::ops::Bound::Unbounded)).take(limit);
        Ok(entries.map(|(outpoint, entry)| (*outpoint, entry.clone())).collect())
    }

    fn len(&self) -> u64 {
        self.utxos.len() as u64
    }
}

impl ConsensusApi for FakeChain {
    fn params(&self) -> &Params {
        &self.params
    }

    fn genesis_hash(&self) -> BlockHash {
        GENESIS
    }

    fn insert_block(&self, _block: Block) -> InsertHandle {
        InsertHandle { body: mpsc::channel().1, chain: mpsc::channel().1 }
    }

    fn virtual_state(&self) -> Arc<VirtualState> {
        let inner = self.inner.lock().unwrap();
        let head = &inner.blocks[&inner.head].acceptance;
        Arc::new(VirtualState {
            version: inner.made,
            sink: inner.head,
            sink_timestamp: head.timestamp,
            sink_blue_score: head.blue_score,
            sink_blue_work: BlueWork::ZERO,
            parents: vec![inner.head],
            daa_score: head.daa_score.saturating_add(1),
            past_median_time: head.timestamp,
            block_count: inner.made,
            chain_length: head.blue_score.0,
        })
    }

    fn wait_newer(&self, _version: u64, _timeout: Duration) -> Arc<VirtualState> {
        self.virtual_state()
    }

    fn status(&self, hash: BlockHash) -> Result<Option<BlockStatus>, ConsensusError> {
        self.store(|inner| {
            let chain = Self::path_from_genesis(inner, inner.head)?;
            chain.contains(&hash).then_some(BlockStatus::StateValid)
        })
    }

    fn header(&self, hash: BlockHash) -> Result<Header, ConsensusError> {
        self.store(|inner| {
            let acceptance = &inner.blocks.get(&hash).ok_or(ConsensusError::UnknownBlock(hash))?.acceptance;
            Ok(Header {
                version: BLOCK_VERSION,
                parents: Vec::new(),
                tx_root: Hash32::default(),
                accepted_root: Hash32::default(),
                utxo_commit: Hash32::default(),
                state_root: Hash32::default(),
                chain_mmr_root: Hash32::default(),
                timestamp: acceptance.timestamp,
                nonce: 0,
                bits: CompactTarget::EASIEST,
                daa_score: acceptance.daa_score,
                blue_score: acceptance.blue_score,
                blue_work: BlueWork::ZERO,
                cert: CertRef::genesis(),
                mix_digest: [0; 32],
            })
        })?
    }

    fn block(&self, hash: BlockHash) -> Result<Block, ConsensusError> {
        let header = self.header(hash)?;
        self.store(|inner| Block { header, body: inner.blocks[&hash].body.clone() })
    }

    fn block_summary(&self, hash: BlockHash) -> Result<BlockSummary, ConsensusError> {
        Err(ConsensusError::UnknownBlock(hash))
    }

    fn blocks_since(&self, _sequence: u64, _limit: usize) -> Result<Vec<BlockSummary>, ConsensusError> {
        Ok(Vec::new())
    }

    fn chain_path(&self, known: BlockHash, limit: usize) -> Result<ChainPath, ConsensusError> {
        self.store(|inner| {
            let old = Self::path_from_genesis(inner, known).ok_or(ConsensusError::UnknownBlock(known))?;
            let new = Self::path_from_genesis(inner, inner.head).expect("the head is known");
            let common = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
            Ok(ChainPath {
                removed: old[common..].iter().rev().copied().collect(),
                added: new[common..].iter().take(limit).copied().collect(),
            })
        })?
    }

    fn acceptance(&self, chain_block: BlockHash) -> Result<AcceptanceData, ConsensusError> {
        self.store(|inner| inner.blocks.get(&chain_block).map(|block| block.acceptance.clone()))?
            .ok_or(ConsensusError::UnknownBlock(chain_block))
    }

    fn utxo(&self, outpoint: OutPoint) -> Result<Option<UtxoEntry>, ConsensusError> {
        self.store(|inner| inner.utxos.get(&outpoint).cloned())
    }

    fn utxo_snapshot(&self) -> Result<Box<dyn UtxoSnapshot>, ConsensusError> {
        self.store(|inner| {
            let daa_score = inner.blocks[&inner.head].acceptance.daa_score;
            let snapshot = Snapshot { sink: inner.head, daa_score, utxos: inner.utxos.clone() };
            Box::new(snapshot) as Box<dyn UtxoSnapshot>
        })
    }

    fn check_tx_in_virtual_context(&self, core: &TxCore) -> Result<Result<(), TxContextError>, ConsensusError> {
        self.store(|inner| {
            let next = inner.blocks[&inner.head].acceptance.daa_score.saturating_add(1);
            self.check_in_context(inner, core, next)
        })
    }

    fn build_template(
        &self,
        _payout: PayoutKey,
        _extra: Vec<u8>,
        _timestamp: TimestampMs,
        _selector: &mut dyn TxSelector,
    ) -> Result<BlockTemplate, ConsensusError> {
        Err(ConsensusError::Stopping)
    }

    fn reward_pool(&self) -> Result<Amount, ConsensusError> {
        Ok(Amount::ZERO)
    }

    fn states(&self, _ledger: umbel_types::Ledger) -> Result<Vec<umbel_types::state::State>, ConsensusError> {
        Ok(Vec::new())
    }

    fn finality(&self) -> Arc<FinalityStatus> {
        Arc::new(FinalityStatus::of_genesis(GENESIS))
    }

    fn vote_proposal(&self) -> Result<Option<VoteProposal>, ConsensusError> {
        Ok(None)
    }

    fn submit_vote(&self, _vote: Vote) -> Result<VoteAdmission, VoteError> {
        Err(VoteError::Unavailable("nobody votes here".to_owned()))
    }

    fn votes_since(&self, _sequence: u64, _limit: usize) -> Vec<(u64, Vote)> {
        Vec::new()
    }

    fn evidence(&self) -> Vec<Evidence> {
        Vec::new()
    }

    fn certificate(&self, _index: u32) -> Result<Option<Certificate>, ConsensusError> {
        Ok(None)
    }

    fn submit_certificate(&self, _certificate: Certificate) -> Result<(), VoteError> {
        Err(VoteError::Unavailable("nobody votes here".to_owned()))
    }
}
