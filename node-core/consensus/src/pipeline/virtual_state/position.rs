//! A place on a chain above or beside the sink, with the state there.

use std::collections::BTreeMap;
use std::sync::Arc;

use umbel_dag::ReadError;
use umbel_ledger::UtxoContext;
use umbel_ledger::acceptance::AcceptError;
use umbel_ledger::check_tx_in_utxo_context;
use umbel_ledger::staking::OverlayContext;
use umbel_ledger::state_tree::StateChange;
use umbel_ledger::state_tree::StateTree;
use umbel_ledger::utxo::{DiffError, UtxoDiff, UtxoOverlay};
use umbel_ledger::{StateDelta, accept_mergeset};
use umbel_types::errors::BlockError;
use umbel_types::{BlockHash, Hash32, Header, Params};

use crate::finality::check_block_certificate;
use crate::pipeline::fault;
use crate::pipeline::rules::Rules;
use crate::storage::{ChainRecord, StateAtSink, Storage, Weigh};

use super::merge::{merge_place, merged_blocks};

/// State at a chain block, as a difference to the tables.
#[derive(Debug)]
pub(crate) struct Position {
    /// The chain block.
    pub(crate) block: BlockHash,
    /// Difference of Coins and Memos to the tables.
    pub(crate) utxo: UtxoDiff,
    /// Sum and State objects there.
    pub(crate) state: StateAtSink,
    /// Every object that was touched on the way.
    pub(crate) touched: BTreeMap<umbel_ledger::state_tree::StateKey, StateChange>,
    /// Blocks verified on the way, with what they changed.
    pub(crate) verified: BTreeMap<BlockHash, Arc<ChainRecord>>,
    /// What those take.
    pub(crate) verified_bytes: usize,
}

fn diff_fault(block: BlockHash, error: DiffError) -> BlockError {
    let what = match error {
        DiffError::AddedTwice(_) => "it adds an output that is there",
        DiffError::RemovedTwice(_) => "it removes an output that is gone",
    };
    fault(ReadError::Inconsistent { block, what })
}

impl Position {
    /// At the sink.
    pub(crate) fn at_sink(sink: BlockHash, state: StateAtSink) -> Self {
        Self {
            block: sink,
            utxo: UtxoDiff::default(),
            state,
            touched: BTreeMap::new(),
            verified: BTreeMap::new(),
            verified_bytes: 0,
        }
    }

    fn record(&self, storage: &Storage, block: BlockHash) -> Result<Arc<ChainRecord>, ReadError> {
        match self.verified.get(&block) {
            Some(record) => Ok(record.clone()),
            None => storage.chain_record(block),
        }
    }

    /// Goes back to the selected parent.
    pub(crate) fn undo(&mut self, storage: &Storage) -> Result<(), BlockError> {
        let record = self.record(storage, self.block).map_err(fault)?;
        self.utxo.undo(&record.utxo).map_err(|e| diff_fault(self.block, e))?;
        self.state.lthash.undo(&record.utxo);
        for change in record.states.iter().rev() {
            self.state.states.undo(change);
            self.touched.insert(change.key, change.clone());
        }
        self.block = storage.ghostdag_data(self.block).map_err(fault)?.selected_parent;
        Ok(())
    }

    /// Goes on to a child that was verified before.
    pub(crate) fn redo(&mut self, storage: &Storage, block: BlockHash) -> Result<(), BlockError> {
        let record = self.record(storage, block).map_err(fault)?;
        self.apply(block, &record)
    }

    fn apply(&mut self, block: BlockHash, record: &ChainRecord) -> Result<(), BlockError> {
        self.utxo.apply(&record.utxo).map_err(|e| diff_fault(block, e))?;
        self.state.lthash.apply(&record.utxo);
        for change in &record.states {
            self.state.states.redo(change);
            self.touched.insert(change.key, change.clone());
        }
        self.block = block;
        Ok(())
    }

    /// Goes on to a child for the first time: merges its past, compares every commitment and checks that its own body can
    /// stand on the chain (R9 b).
    ///
    /// # Errors
    /// [`BlockError::Commitment`], [`BlockError::TxContext`] and [`BlockError::Certificate`] disqualify the block. The position stays where it was.
    pub(crate) fn verify(
        &mut self,
        storage: &Storage,
        rules: &Rules,
        params: &Params,
        genesis: BlockHash,
        block: BlockHash,
    ) -> Result<(), BlockError> {
        let header = storage.header(block).map_err(fault)?;
        let ghostdag = storage.ghostdag_data(block).map_err(fault)?;
        let context = rules.context(storage, &ghostdag).map_err(fault)?;
        let merged = merged_blocks(storage, &ghostdag, &context.mergeset_non_daa, genesis).map_err(fault)?;
        let place = merge_place(storage, params, &ghostdag, header.daa_score).map_err(fault)?;
        let view = UtxoOverlay::new(storage, &self.utxo);
        let outcome =
            accept_mergeset(params, &place, &merged, &view, &self.state.states).map_err(accept_fault(block))?;
        let body = storage.body(block).map_err(fault)?;
        let delta = outcome.pay(&body.payout).map_err(accept_fault(block))?;
        let (record, states) = self.checked_record(storage, &header, delta)?;
        check_own_body(storage, self, &record, &states, params, &header, &body.txs)?;
        check_block_certificate((storage, params, genesis), &header, &ghostdag, &body.certificate, &states)?;
        let record = Arc::new(record);
        self.apply(block, &record)?;
        self.verified_bytes += record.weight();
        self.verified.insert(block, record);
        Ok(())
    }

    fn checked_record(
        &self,
        storage: &Storage,
        header: &Header,
        delta: StateDelta,
    ) -> Result<(ChainRecord, StateTree), BlockError> {
        let parent = self.record(storage, self.block).map_err(fault)?;
        let lanes = delta.lanes(&parent.lanes);
        let mmr = parent.mmr.clone().push(self.block);
        let mut lthash = self.state.lthash.clone();
        lthash.apply(&delta.utxo);
        let mut states = self.state.states.clone();
        delta.states.iter().for_each(|change| states.redo(change));
        check_commitment("accepted_root", header.accepted_root, lanes.root())?;
        check_commitment("utxo_commit", header.utxo_commit, lthash.commitment())?;
        check_commitment("state_root", header.state_root, states.root())?;
        check_commitment("chain_mmr_root", header.chain_mmr_root, mmr.root())?;
        Ok((ChainRecord::new(parent.height + 1, lanes, mmr, delta), states))
    }
}

/// # Consensus
/// > Header commitments describe the state after merging past(B). (R1, R9 d)
fn check_commitment(what: &'static str, got: Hash32, expected: Hash32) -> Result<(), BlockError> {
    if got == expected { Ok(()) } else { Err(BlockError::Commitment { what, got, expected }) }
}

/// # Consensus
/// > Each transaction of a chain block, by itself, is valid against that block's own context. (R9 b)
fn check_own_body(
    storage: &Storage,
    position: &Position,
    record: &ChainRecord,
    states: &StateTree,
    params: &Params,
    header: &Header,
    txs: &[Arc<umbel_types::Transaction>],
) -> Result<(), BlockError> {
    let below = UtxoOverlay::new(storage, &position.utxo);
    let view = UtxoOverlay::new(&below, &record.utxo);
    let overlay = OverlayContext::of(params, header.blue_score, states);
    let context = UtxoContext::for_qualification(params, header.daa_score, overlay);
    for tx in txs {
        if let Err(error) = check_tx_in_utxo_context(&tx.core, &view, states, &context).map_err(fault)? {
            return Err(BlockError::TxContext { txid: tx.txid(), error });
        }
    }
    Ok(())
}

/// Acceptance fails only where this node's own data is wrong.
pub(super) fn accept_fault(block: BlockHash) -> impl Fn(AcceptError<ReadError>) -> BlockError {
    move |error| match error {
        AcceptError::View(error) => fault(error),
        AcceptError::Diff(error) => diff_fault(block, error),
        AcceptError::FeeOverflow(_) => fault(ReadError::Inconsistent { block, what: "fees sum above the supply" }),
        AcceptError::BadPayout(_) => fault(ReadError::Inconsistent { block, what: "a stored payout key is malformed" }),
    }
}
