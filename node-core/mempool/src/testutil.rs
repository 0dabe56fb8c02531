//! A consensus small enough to be wrong in nothing, and transactions without proofs.

#![allow(clippy::unwrap_used, reason = "a test that unwraps fails, which is its purpose")]
#![cfg_attr(not(test), allow(dead_code, reason = "the fuzzer drives the machine alone"))]

use std::collections::{BTreeMap, BTreeSet};
use std::iter;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use umbel_types::consensus_api::{
    AcceptanceData, AcceptedTx, BlockStatus, BlockSummary, BlockTemplate, BodyRoom, ChainPath, ConsensusApi,
    ConsensusError, FinalityStatus, InsertHandle, TxSelector, UtxoSnapshot, VirtualState, VoteAdmission, VoteError,
    VoteProposal,
};
use umbel_types::errors::TxContextError;
use umbel_types::header::CertRef;
use umbel_types::params::MAX_BLOCK_STATE_BYTES;
use umbel_types::staking::ActionWitness;
use umbel_types::tx::{INPUT_PROOF_BYTES, InputWitness, KERNEL_PROOF_BYTES};
use umbel_types::utxo::StoredOutput;
use umbel_types::{
    Action, Amount, AssetId, Block, BlockHash, BlueScore, BlueWork, Body, Certificate, Coin, CoinFlags, CompactTarget,
    DaaRange, DaaScore, Evidence, Hash32, Header, Input, Memo, Network, Note, OneTimeKey, Origin, OutPoint, Output,
    Params, PayoutKey, PointBytes, SEALED_LEN_BYTES, SealedBytes, TimestampMs, Transaction, TxCore, TxId, TxInput,
    UtxoEntry, Vote, Witness, ZkAddress,
};

use crate::entry::Candidate;

const POINT: PointBytes = PointBytes([0; 32]);
const OWNER: OneTimeKey = OneTimeKey { g: POINT, view: POINT, spend: POINT };

/// Where tests begin: any moment behind one day, so that subtracting an expiry stays meaningful.
pub(crate) const NOW: TimestampMs = TimestampMs(1_000_000_000_000);

fn coin() -> Coin {
    Coin {
        asset: AssetId::STR,
        flags: CoinFlags::NONE,
        owner: OWNER,
        c: POINT,
        d: POINT,
        ephemeral: POINT,
        sealed: SealedBytes([0; SEALED_LEN_BYTES]),
        note: Note::EMPTY,
    }
}

fn entry() -> UtxoEntry {
    UtxoEntry {
        output: StoredOutput::Coin { coin: coin(), public_value: None },
        origin: Origin::Transaction,
        daa_score: DaaScore(0),
    }
}

/// An output that no transaction of the tests made.
pub(crate) fn outpoint(n: u32) -> OutPoint {
    OutPoint { source: Hash32([0xee; 32]), index: n }
}

/// A transaction with a witness of the right shape that proves nothing.
#[derive(Clone, Debug)]
pub(crate) struct TxBuilder {
    inputs: Vec<OutPoint>,
    fee: u64,
    salt: u64,
    valid: DaaRange,
    witness: u8,
    coins: usize,
    memos: usize,
    action: (Action, ActionWitness),
}

/// A body's room for transactions, of so many bytes and all the state.
pub(crate) fn room(bytes: usize) -> BodyRoom {
    BodyRoom { bytes, state_bytes: MAX_BLOCK_STATE_BYTES }
}

pub(crate) fn tx(inputs: impl IntoIterator<Item = OutPoint>) -> TxBuilder {
    let mut inputs: Vec<OutPoint> = inputs.into_iter().collect();
    inputs.sort_unstable();
    inputs.dedup();
    TxBuilder {
        inputs,
        fee: 0,
        salt: 0,
        valid: DaaRange::ALWAYS,
        witness: 0,
        coins: 1,
        memos: 0,
        action: (Action::Transfer, ActionWitness::None),
    }
}

impl TxBuilder {
    pub(crate) fn fee(self, fee: u64) -> Self {
        Self { fee, ..self }
    }

    /// A fee of so many base units for each unit of mass.
    pub(crate) fn rate(self, per_mass: u64) -> Self {
        let mass = self.clone().build().mass;
        self.fee(per_mass * mass)
    }

    pub(crate) fn salt(self, salt: u64) -> Self {
        Self { salt, ..self }
    }

    pub(crate) fn valid_until(self, end: u64) -> Self {
        Self { valid: DaaRange { start: DaaScore(0), end: DaaScore(end) }, ..self }
    }

    pub(crate) fn witness(self, witness: u8) -> Self {
        Self { witness, ..self }
    }

    pub(crate) fn coins(self, coins: usize) -> Self {
        Self { coins, ..self }
    }

    /// Public memos, which take more state than bytes.
    pub(crate) fn memos(self, memos: usize) -> Self {
        Self { memos, ..self }
    }

    pub(crate) fn action(self, action: Action, witness: ActionWitness) -> Self {
        Self { action: (action, witness), ..self }
    }

    pub(crate) fn build(self) -> Candidate {
        let consumed = Input::Coin { asset: AssetId::STR, owner: OWNER, c: POINT, d: POINT, value_commitment: POINT };
        let inputs: Vec<TxInput> =
            self.inputs.iter().map(|o| TxInput { outpoint: *o, consumed: consumed.clone() }).collect();
        let mut salt = [0; 32];
        salt[..8].copy_from_slice(&self.salt.to_le_bytes());
        let witness = Witness {
            range_proof: vec![self.witness; 64],
            inputs: inputs.iter().map(|_| InputWitness::Coin([0; INPUT_PROOF_BYTES])).collect(),
            outputs: vec![[0; 192]; self.coins],
            action: self.action.1,
            kernel: [0; KERNEL_PROOF_BYTES],
        };
        let coin = Output::Coin { coin: coin(), value_commitment: POINT };
        let memo = Memo::public_payment(AssetId::STR, Amount::from_units(1), ZkAddress([7; 20]));
        let outputs = iter::repeat_n(coin, self.coins).chain(iter::repeat_n(Output::Memo(memo), self.memos)).collect();
        let core = TxCore {
            version: 1,
            chain: 1313,
            action: self.action.0,
            inputs,
            outputs,
            fee: Amount::from_units(self.fee),
            valid: self.valid,
            salt,
        };
        Candidate::of(Arc::new(Transaction { core, witness }))
    }
}

#[derive(Debug)]
struct ChainBlock {
    parent: BlockHash,
    acceptance: AcceptanceData,
    block: Block,
}

#[derive(Debug, Default)]
struct State {
    /// Chain blocks of any branch.
    blocks: BTreeMap<BlockHash, ChainBlock>,
    /// The selected chain, genesis first.
    chain: Vec<BlockHash>,
    utxos: BTreeMap<OutPoint, UtxoEntry>,
    daa_score: u64,
    /// Transactions of blocks that the next chain block merges.
    carried: Vec<Arc<Transaction>>,
    /// Timestamp of further chain blocks.
    time: TimestampMs,
    next: u64,
    failing: bool,
    /// Blocks read so far.
    reads: usize,
    version: u64,
}

/// A chain on which each block accepts what it carries.
#[derive(Debug)]
pub(crate) struct FakeConsensus {
    params: Params,
    state: Mutex<State>,
}

impl FakeConsensus {
    /// With unspent outputs `outpoint(0..n)`.
    pub(crate) fn new(n: u32) -> Self {
        let utxos = (0..n).map(|n| (outpoint(n), entry())).collect();
        let state = State { chain: vec![BlockHash([0; 32])], utxos, time: NOW, ..State::default() };
        Self { params: Params::of(Network::Devnet), state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panics while it holds the lock")
    }

    /// Adds a chain block that accepts those of `txs` whose inputs are there; returns its hash.
    pub(crate) fn extend(&self, txs: &[Arc<Transaction>]) -> BlockHash {
        let state = &mut *self.state();
        state.next += 1;
        state.daa_score += 1;
        state.version += 1;
        let mut hash = [0xbb; 32];
        hash[..8].copy_from_slice(&state.next.to_le_bytes());
        let hash = BlockHash(hash);
        let (mut accepted, mut removed, mut added) = (Vec::new(), Vec::new(), Vec::new());
        for tx in txs {
            let inputs: Vec<OutPoint> = tx.core.inputs.iter().map(|i| i.outpoint).collect();
            if !inputs.iter().all(|o| state.utxos.contains_key(o)) {
                continue;
            }
            let gone = inputs.iter().filter_map(|o| state.utxos.remove(o).map(|entry| (*o, entry)));
            removed.extend(gone);
            let made = OutPoint::of_tx(tx.txid(), 0);
            state.utxos.insert(made, entry());
            added.push((made, entry()));
            accepted.push(AcceptedTx { txid: tx.txid(), block: hash });
        }
        let acceptance = AcceptanceData {
            block: hash,
            daa_score: DaaScore(state.daa_score),
            blue_score: BlueScore(state.daa_score),
            timestamp: state.time,
            merged: Vec::new(),
            accepted,
            removed,
            added,
        };
        let payout = PayoutKey { owner: OWNER, ephemeral: POINT, sealed: SealedBytes([0; SEALED_LEN_BYTES]) };
        let body = Body {
            payout,
            extra: Vec::new(),
            txs: txs.iter().map(|tx| (**tx).clone()).collect(),
            certificate: Vec::new(),
        };
        let parent = state.chain.last().copied().unwrap_or_default();
        state.blocks.insert(hash, ChainBlock { parent, acceptance, block: Block { header: header(), body } });
        state.chain.push(hash);
        hash
    }

    /// A block arrives that is not on the chain and carries `txs`: the next block would merge it.
    pub(crate) fn carry(&self, txs: &[Arc<Transaction>]) {
        self.state().carried.extend_from_slice(txs);
    }

    /// A chain block merges what is carried.
    pub(crate) fn merge_carried(&self) -> BlockHash {
        let carried = std::mem::take(&mut self.state().carried);
        self.extend(&carried)
    }

    pub(crate) fn set_time(&self, time: TimestampMs) {
        self.state().time = time;
    }

    /// Takes the newest `n` chain blocks back. Add another block before anyone looks.
    pub(crate) fn rewind(&self, n: usize) {
        let state = &mut *self.state();
        for _ in 0..n {
            if state.chain.len() == 1 {
                return;
            }
            let Some(hash) = state.chain.pop() else { return };
            let acceptance = &state.blocks[&hash].acceptance;
            for (outpoint, _) in &acceptance.added {
                state.utxos.remove(outpoint);
            }
            for (outpoint, entry) in &acceptance.removed {
                state.utxos.insert(*outpoint, entry.clone());
            }
            state.daa_score -= 1;
        }
    }

    /// What the selected chain has accepted.
    pub(crate) fn accepted(&self) -> BTreeSet<TxId> {
        let state = self.state();
        let blocks = state.chain.iter().filter_map(|hash| state.blocks.get(hash));
        blocks.flat_map(|block| &block.acceptance.accepted).map(|accepted| accepted.txid).collect()
    }

    /// Blocks read so far.
    pub(crate) fn reads(&self) -> usize {
        self.state().reads
    }

    /// What a pruned node no longer knows.
    pub(crate) fn forget(&self, hash: BlockHash) {
        self.state().blocks.remove(&hash);
    }

    pub(crate) fn set_failing(&self, failing: bool) {
        self.state().failing = failing;
    }

    pub(crate) fn set_daa_score(&self, score: u64) {
        self.state().daa_score = score;
    }

    fn readable(&self) -> Result<MutexGuard<'_, State>, ConsensusError> {
        let state = self.state();
        if state.failing { Err(ConsensusError::Store("no disk".to_owned())) } else { Ok(state) }
    }
}

fn header() -> Header {
    Header {
        version: 1,
        parents: Vec::new(),
        tx_root: Hash32::default(),
        accepted_root: Hash32::default(),
        utxo_commit: Hash32::default(),
        state_root: Hash32::default(),
        chain_mmr_root: Hash32::default(),
        timestamp: TimestampMs(0),
        nonce: 0,
        bits: CompactTarget::EASIEST,
        daa_score: DaaScore(0),
        blue_score: BlueScore(0),
        blue_work: BlueWork::ZERO,
        cert: CertRef::genesis(),
        mix_digest: [0; 32],
    }
}

impl ConsensusApi for FakeConsensus {
    fn params(&self) -> &Params {
        &self.params
    }

    fn genesis_hash(&self) -> BlockHash {
        BlockHash([0; 32])
    }

    fn insert_block(&self, _block: Block) -> InsertHandle {
        unreachable!("the pool inserts no blocks")
    }

    fn virtual_state(&self) -> Arc<VirtualState> {
        let state = self.state();
        Arc::new(VirtualState {
            version: state.version,
            sink: state.chain.last().copied().unwrap_or_default(),
            sink_timestamp: TimestampMs(0),
            sink_blue_score: BlueScore(state.daa_score),
            sink_blue_work: BlueWork::ZERO,
            parents: Vec::new(),
            daa_score: DaaScore(state.daa_score),
            past_median_time: TimestampMs(0),
            block_count: 0,
            chain_length: 0,
        })
    }

    fn wait_newer(&self, _version: u64, _timeout: Duration) -> Arc<VirtualState> {
        self.virtual_state()
    }

    fn status(&self, _hash: BlockHash) -> Result<Option<BlockStatus>, ConsensusError> {
        Err(ConsensusError::Stopping)
    }

    fn header(&self, hash: BlockHash) -> Result<Header, ConsensusError> {
        Err(ConsensusError::UnknownBlock(hash))
    }

    fn block(&self, hash: BlockHash) -> Result<Block, ConsensusError> {
        let mut state = self.readable()?;
        state.reads += 1;
        state.blocks.get(&hash).map(|b| b.block.clone()).ok_or(ConsensusError::UnknownBlock(hash))
    }

    fn block_summary(&self, hash: BlockHash) -> Result<BlockSummary, ConsensusError> {
        Err(ConsensusError::UnknownBlock(hash))
    }

    fn blocks_since(&self, _sequence: u64, _limit: usize) -> Result<Vec<BlockSummary>, ConsensusError> {
        Err(ConsensusError::Stopping)
    }

    fn chain_path(&self, known: BlockHash, limit: usize) -> Result<ChainPath, ConsensusError> {
        let state = self.readable()?;
        let (mut at, mut removed) = (known, Vec::new());
        let fork = loop {
            if let Some(fork) = state.chain.iter().position(|hash| *hash == at) {
                break fork;
            }
            removed.push(at);
            at = state.blocks.get(&at).ok_or(ConsensusError::UnknownBlock(known))?.parent;
        };
        Ok(ChainPath { removed, added: state.chain[fork + 1..].iter().take(limit).copied().collect() })
    }

    fn acceptance(&self, chain_block: BlockHash) -> Result<AcceptanceData, ConsensusError> {
        let state = self.readable()?;
        let found = state.blocks.get(&chain_block).map(|b| b.acceptance.clone());
        found.ok_or(ConsensusError::UnknownBlock(chain_block))
    }

    fn utxo(&self, outpoint: OutPoint) -> Result<Option<UtxoEntry>, ConsensusError> {
        Ok(self.readable()?.utxos.get(&outpoint).cloned())
    }

    fn utxo_snapshot(&self) -> Result<Box<dyn UtxoSnapshot>, ConsensusError> {
        Err(ConsensusError::Stopping)
    }

    fn check_tx_in_virtual_context(&self, core: &TxCore) -> Result<Result<(), TxContextError>, ConsensusError> {
        let state = self.readable()?;
        let expiry = DaaScore(state.daa_score + 60);
        if core.valid.has_ended(expiry) {
            return Ok(Err(TxContextError::Expired { end: core.valid.end, now: expiry }));
        }
        let carried: BTreeSet<OutPoint> =
            state.carried.iter().flat_map(|tx| &tx.core.inputs).map(|input| input.outpoint).collect();
        let is_missing = |o: &OutPoint| !state.utxos.contains_key(o) || carried.contains(o);
        let missing = core.inputs.iter().find(|input| is_missing(&input.outpoint));
        Ok(missing.map_or(Ok(()), |input| Err(TxContextError::InputMissing(input.outpoint))))
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
        Err(ConsensusError::Stopping)
    }

    fn states(&self, _ledger: umbel_types::Ledger) -> Result<Vec<umbel_types::state::State>, ConsensusError> {
        Err(ConsensusError::Stopping)
    }

    fn finality(&self) -> Arc<FinalityStatus> {
        Arc::new(FinalityStatus::of_genesis(self.genesis_hash()))
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

/// Output 0 of a transaction.
pub(crate) fn output_of(txid: TxId) -> OutPoint {
    OutPoint::of_tx(txid, 0)
}
