//! [`ConsensusApi`] for the rest of the node.

use std::sync::mpsc::sync_channel;
use std::sync::{Arc, PoisonError, RwLockReadGuard};
use std::time::{Duration, Instant};

use umbel_dag::ReadError;
use umbel_ledger::staking::OverlayContext;
use umbel_ledger::utxo::UtxoOverlay;
use umbel_ledger::{UtxoContext, check_tx_in_utxo_context};
use umbel_store::{KvReader, Table, decode_value};
use umbel_types::consensus_api::{
    AcceptanceData, BlockStatus, BlockSummary, BlockTemplate, ChainPath, ConsensusApi, ConsensusError, FinalityStatus,
    InsertHandle, TxSelector, UtxoSnapshot, VirtualState, VoteAdmission, VoteError, VoteProposal,
};
use umbel_types::errors::TxContextError;
use umbel_types::state::{LedgerBalance, State};
use umbel_types::{
    Amount, Block, BlockHash, Certificate, Evidence, Header, Ledger, OutPoint, Params, PayoutKey, TimestampMs,
    Transaction, TxCore, UtxoEntry, Vote,
};

use crate::consensus::{Consensus, Current, lock};
use crate::snapshot::Snapshot;
use crate::storage::{BodyError, ChainRecord};
use crate::template;
use crate::worker::{BlockTask, Task};

/// Most blocks in one answer.
const MAX_PAGE: usize = 10_000;

/// What a block takes while it waits.
fn encoded_len(block: &Block) -> usize {
    let txs: usize = block.body.txs.iter().map(Transaction::size_bytes).sum();
    block.header.parents.len() * size_of::<BlockHash>() + block.body.certificate.len() + txs + size_of::<Block>()
}

/// A reader's failure in the words of the API.
pub(crate) fn store_failed(error: ReadError) -> ConsensusError {
    match error {
        ReadError::Missing(hash) => ConsensusError::UnknownBlock(hash),
        other => ConsensusError::Store(other.to_string()),
    }
}

pub(crate) fn body_failed(error: BodyError) -> ConsensusError {
    match error {
        BodyError::Missing(hash) => ConsensusError::UnknownBlock(hash),
        BodyError::Damaged { block, error } => ConsensusError::DamagedBody { block, reason: error.to_string() },
    }
}

pub(crate) fn kv_failed(error: umbel_store::StoreError) -> ConsensusError {
    ConsensusError::Store(error.to_string())
}

impl Consensus {
    pub(crate) fn current(&self) -> RwLockReadGuard<'_, Current> {
        self.shared.current()
    }

    pub(crate) fn chain_record(&self, hash: BlockHash) -> Result<Arc<ChainRecord>, ConsensusError> {
        self.shared.storage.chain_record(hash).map_err(store_failed).map_err(|error| self.not_here(error))
    }

    pub(crate) fn is_chain_block(&self, hash: BlockHash) -> Result<bool, ConsensusError> {
        self.shared.storage.is_on_chain(hash).map_err(kv_failed)
    }

    /// Says of a block that is not here whether it was.
    fn not_here(&self, error: ConsensusError) -> ConsensusError {
        let ConsensusError::UnknownBlock(hash) = error else { return error };
        match self.shared.storage.find_header(hash) {
            // A header without its body never came further, and only those of chain blocks outlive their block.
            Ok(Some(_)) => match self.shared.storage.find_record(hash) {
                Ok(record) if record.is_none_or(|record| record.status.has_body()) => ConsensusError::Pruned(hash),
                _ => error,
            },
            _ => error,
        }
    }
}

impl ConsensusApi for Consensus {
    fn params(&self) -> &Params {
        &self.shared.params
    }

    fn genesis_hash(&self) -> BlockHash {
        self.shared.genesis
    }

    fn insert_block(&self, block: Block) -> InsertHandle {
        let (body_sender, body) = sync_channel(1);
        let (chain_sender, chain) = sync_channel(1);
        if let Some(queue) = self.sender() {
            let room = self.room.enter(encoded_len(&block));
            // A closed queue drops the senders, which is how the handle learns of it.
            let _stopping =
                queue.send(Task::Insert(Box::new(BlockTask { block, body: body_sender, chain: chain_sender, room })));
        }
        InsertHandle { body, chain }
    }

    fn virtual_state(&self) -> Arc<VirtualState> {
        self.current().public.clone()
    }

    fn wait_newer(&self, version: u64, timeout: Duration) -> Arc<VirtualState> {
        let started = Instant::now();
        let mut newest = lock(&self.shared.version);
        while *newest <= version && self.failure().is_none() {
            let left = timeout.saturating_sub(started.elapsed());
            if left.is_zero() {
                break;
            }
            (newest, _) = self.shared.changed.wait_timeout(newest, left).unwrap_or_else(PoisonError::into_inner);
        }
        drop(newest);
        self.virtual_state()
    }

    fn status(&self, hash: BlockHash) -> Result<Option<BlockStatus>, ConsensusError> {
        let storage = &self.shared.storage;
        match storage.find_record(hash).map_err(kv_failed)? {
            Some(record) => Ok(Some(record.status)),
            // Of what was pruned, only headers of chain blocks are kept.
            None => Ok(storage.find_header(hash).map_err(kv_failed)?.map(|_| BlockStatus::StateValid)),
        }
    }

    fn header(&self, hash: BlockHash) -> Result<Header, ConsensusError> {
        self.shared.storage.header(hash).map(|header| Header::clone(&header)).map_err(store_failed)
    }

    fn block(&self, hash: BlockHash) -> Result<Block, ConsensusError> {
        let body = self.shared.storage.body(hash).map_err(|error| self.not_here(body_failed(error)))?.to_body();
        Ok(Block { header: self.header(hash)?, body })
    }

    fn block_summary(&self, hash: BlockHash) -> Result<BlockSummary, ConsensusError> {
        let storage = &self.shared.storage;
        let header = storage.header(hash).map_err(store_failed)?;
        let ghostdag = storage.ghostdag_data(hash).map_err(|error| self.not_here(store_failed(error)))?;
        let record = storage.record(hash).map_err(store_failed)?;
        // One body that can't be read must not hide the blocks behind it: whoever asks for it is told.
        let tx_count = if record.status.has_body() { storage.body(hash).ok().map(|body| body.txs.len()) } else { None };
        Ok(BlockSummary {
            sequence: record.sequence,
            hash,
            parents: header.parents.clone(),
            selected_parent: ghostdag.selected_parent,
            blue_score: header.blue_score,
            daa_score: header.daa_score,
            timestamp: header.timestamp,
            tx_count,
            status: record.status,
            is_chain_block: self.is_chain_block(hash)?,
            mergeset_blues: ghostdag.mergeset_blues.clone(),
            mergeset_reds: ghostdag.mergeset_reds.clone(),
        })
    }

    fn blocks_since(&self, sequence: u64, limit: usize) -> Result<Vec<BlockSummary>, ConsensusError> {
        let after = sequence.to_be_bytes();
        let rows = self.shared.storage.kv.scan(Table::Arrival, Some(&after), limit.min(MAX_PAGE)).map_err(kv_failed)?;
        let hash_of = |(_, value): (Vec<u8>, Vec<u8>)| decode_value(Table::Arrival, &value).map_err(kv_failed);
        rows.into_iter().map(|row| self.block_summary(hash_of(row)?)).collect()
    }

    fn chain_path(&self, known: BlockHash, limit: usize) -> Result<ChainPath, ConsensusError> {
        // The chain index and the sink have to agree.
        let current = self.current();
        let storage = &self.shared.storage;
        let mut path = ChainPath::default();
        let mut split = known;
        while !self.is_chain_block(split)? {
            // Only a block that was on the chain has a record.
            self.chain_record(split)?;
            path.removed.push(split);
            split = storage.ghostdag_data(split).map_err(store_failed)?.selected_parent;
        }
        let from = self.chain_record(split)?.height + 1;
        let to = current.public.chain_length;
        for height in (from..=to).take(limit.min(MAX_PAGE)) {
            let block = storage.chain_block_at(height).map_err(kv_failed)?;
            path.added.push(block.ok_or_else(|| ConsensusError::Store(format!("no chain block at height {height}")))?);
        }
        Ok(path)
    }

    fn acceptance(&self, chain_block: BlockHash) -> Result<AcceptanceData, ConsensusError> {
        let record = self.chain_record(chain_block)?;
        let header = self.shared.storage.header(chain_block).map_err(store_failed)?;
        // Of the lowest chain blocks that are kept, what they merged may not be.
        let failed = |error| match self.not_here(store_failed(error)) {
            ConsensusError::UnknownBlock(_) => ConsensusError::Pruned(chain_block),
            error => error,
        };
        let ghostdag = self.shared.storage.ghostdag_data(chain_block).map_err(failed)?;
        let merged = umbel_dag::ordered_mergeset(&self.shared.storage, &ghostdag).map_err(failed)?;
        let list = |map: &std::collections::BTreeMap<OutPoint, UtxoEntry>| {
            map.iter().map(|(outpoint, entry)| (*outpoint, entry.clone())).collect()
        };
        Ok(AcceptanceData {
            block: chain_block,
            daa_score: header.daa_score,
            blue_score: header.blue_score,
            timestamp: header.timestamp,
            merged,
            accepted: record.accepted.clone(),
            removed: list(record.utxo.removed()),
            added: list(record.utxo.added()),
        })
    }

    fn utxo(&self, outpoint: OutPoint) -> Result<Option<UtxoEntry>, ConsensusError> {
        self.shared.storage.find_utxo(&outpoint).map_err(kv_failed)
    }

    fn utxo_snapshot(&self) -> Result<Box<dyn UtxoSnapshot>, ConsensusError> {
        let current = self.current();
        let reader: Box<dyn KvReader> = self.shared.storage.kv.snapshot().map_err(kv_failed)?;
        let count = |table| reader.count(table).map_err(kv_failed);
        let len = count(Table::Coin)? + count(Table::Memo)?;
        let daa_score = self.shared.storage.header(current.public.sink).map_err(store_failed)?.daa_score;
        Ok(Box::new(Snapshot { sink: current.public.sink, daa_score, len, reader }))
    }

    fn check_tx_in_virtual_context(&self, core: &TxCore) -> Result<Result<(), TxContextError>, ConsensusError> {
        let current = self.current();
        let view = UtxoOverlay::new(&self.shared.storage, current.virtual_block.outcome.utxo());
        let states = current.virtual_block.outcome.states();
        let blue_score = current.virtual_block.ghostdag.blue_score;
        let overlay = OverlayContext::of(&self.shared.params, blue_score, states);
        let context = UtxoContext::for_qualification(&self.shared.params, current.public.daa_score, overlay);
        let checked = check_tx_in_utxo_context(core, &view, states, &context).map_err(store_failed)?;
        let is_coming = |outpoint| {
            current.virtual_block.ghostdag.unordered_mergeset().any(|block| OutPoint::of_coinbase(block) == outpoint)
        };
        Ok(checked.map(|_| ()).map_err(|error| match error {
            // The next chain block brings this reward: it is not missing, it has yet to mature.
            TxContextError::InputMissing(outpoint) if is_coming(outpoint) => TxContextError::Immature {
                outpoint,
                mature_at: context.daa_score.saturating_add(context.coinbase_maturity),
                now: context.daa_score,
            },
            error => error,
        }))
    }

    fn build_template(
        &self,
        payout: PayoutKey,
        extra: Vec<u8>,
        timestamp: TimestampMs,
        selector: &mut dyn TxSelector,
    ) -> Result<BlockTemplate, ConsensusError> {
        template::build_template(&self.shared, &self.current(), payout, extra, timestamp, selector)
    }

    fn reward_pool(&self) -> Result<Amount, ConsensusError> {
        Ok(self.current().state.states.balance(LedgerBalance::RewardPool))
    }

    fn states(&self, ledger: Ledger) -> Result<Vec<State>, ConsensusError> {
        Ok(self.current().state.states.iter_ledger(ledger).map(|(_, state)| state.clone()).collect())
    }

    fn finality(&self) -> Arc<FinalityStatus> {
        self.current().finality.clone()
    }

    fn vote_proposal(&self) -> Result<Option<VoteProposal>, ConsensusError> {
        self.propose_vote().map_err(store_failed)
    }

    fn submit_vote(&self, vote: Vote) -> Result<VoteAdmission, VoteError> {
        self.take_vote(vote)
    }

    fn votes_since(&self, sequence: u64, limit: usize) -> Vec<(u64, Vote)> {
        lock(&self.shared.votes).since(sequence, limit.min(MAX_PAGE))
    }

    fn evidence(&self) -> Vec<Evidence> {
        lock(&self.shared.votes).evidence()
    }

    fn certificate(&self, index: u32) -> Result<Option<Certificate>, ConsensusError> {
        self.shared.storage.certificate(index).map_err(kv_failed)
    }

    fn submit_certificate(&self, certificate: Certificate) -> Result<(), VoteError> {
        self.take_certificate(&certificate)
    }
}
