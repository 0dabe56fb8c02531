//! Second part: every block that stands or stood on the selected chain, by the rules that need state.
//!
//! The walk goes up the selected chain. At each block its other children are tried: former chain blocks with what they
//! changed taken back afterwards, disqualified ones to see that they still are.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;

use umbel_dag::ReadError;
use umbel_ledger::acceptance::AcceptError;
use umbel_ledger::commitments::{ChainMmr, LaneRoots, LtHash};
use umbel_ledger::staking::OverlayContext;
use umbel_ledger::state_tree::StateTree;
use umbel_ledger::utxo::{UtxoDiff, UtxoOverlay, UtxoView};
use umbel_ledger::{UtxoContext, accept_mergeset, check_tx_in_utxo_context};
use umbel_store::Table;
use umbel_types::consensus_api::BlockStatus;
use umbel_types::encode::Encode;
use umbel_types::errors::BlockError;
use umbel_types::{BlockHash, Header, OutPoint, UtxoEntry};

use super::Replay;
use super::report::{
    Verdict, VerifyError, VerifyProgress, VerifyStage, broken, differs, readable, same, same_lists, unreadable,
};
use super::supply::Flows;
use crate::finality::check_block_certificate;
use crate::pipeline::fault;
use crate::pipeline::virtual_state::{merge_place, merged_blocks};
use crate::storage::ChainRecord;

/// The ledger behind a chain block.
pub(super) struct LedgerState {
    pub(super) block: BlockHash,
    pub(super) height: u64,
    pub(super) utxo: Utxos,
    pub(super) lthash: LtHash,
    pub(super) states: StateTree,
    pub(super) lanes: LaneRoots,
    pub(super) mmr: ChainMmr,
    pub(super) flows: Flows,
}

/// Unspent outputs in memory.
#[derive(Default)]
pub(super) struct Utxos(pub(super) BTreeMap<OutPoint, UtxoEntry>);

impl UtxoView for Utxos {
    type Error = Infallible;

    fn get(&self, outpoint: &OutPoint) -> Result<Option<UtxoEntry>, Infallible> {
        Ok(self.0.get(outpoint).cloned())
    }
}

/// Small parts of the ledger, to go back to.
struct Before {
    block: BlockHash,
    height: u64,
    lthash: LtHash,
    states: StateTree,
    lanes: LaneRoots,
    mmr: ChainMmr,
    utxo: UtxoDiff,
}

impl LedgerState {
    fn apply(&mut self, block: BlockHash, record: &ChainRecord) -> Result<Before, VerifyError> {
        let before = Before {
            block: self.block,
            height: self.height,
            lthash: self.lthash.clone(),
            states: self.states.clone(),
            lanes: self.lanes,
            mmr: self.mmr.clone(),
            utxo: record.utxo.clone(),
        };
        for (outpoint, entry) in record.utxo.removed() {
            if self.utxo.0.remove(outpoint).as_ref() != Some(entry) {
                return Err(differs(block, format!("{outpoint}"), "spent by it", "unspent before it"));
            }
        }
        for (outpoint, entry) in record.utxo.added() {
            if self.utxo.0.insert(*outpoint, entry.clone()).is_some() {
                return Err(differs(block, format!("{outpoint}"), "created by it", "not there before it"));
            }
        }
        self.lthash.apply(&record.utxo);
        record.states.iter().for_each(|change| self.states.redo(change));
        self.lanes = record.lanes;
        self.mmr = record.mmr.clone();
        self.height = record.height;
        self.block = block;
        Ok(before)
    }

    fn go_back(&mut self, before: Before) {
        for outpoint in before.utxo.added().keys() {
            self.utxo.0.remove(outpoint);
        }
        for (outpoint, entry) in before.utxo.removed() {
            self.utxo.0.insert(*outpoint, entry.clone());
        }
        self.block = before.block;
        self.height = before.height;
        self.lthash = before.lthash;
        self.states = before.states;
        self.lanes = before.lanes;
        self.mmr = before.mmr;
    }
}

/// One move of the walk through a side branch.
enum Move {
    Up(BlockHash),
    Back(Box<Before>),
}

/// Blocks by selected parent, of those whose state was asked for.
type Children = BTreeMap<BlockHash, Vec<BlockHash>>;

impl Replay<'_> {
    /// Verifies all chains; the ledger behind the sink.
    pub(super) fn chain(&mut self, progress: &mut dyn FnMut(VerifyProgress)) -> Result<LedgerState, VerifyError> {
        let (children, total) = self.children()?;
        let path = self.selected_chain()?;
        let mut state = match &self.start {
            Some(start) => self.start_state(start)?,
            None => {
                self.compare_record(self.genesis.hash, &ChainRecord::of_genesis(&self.genesis))?;
                self.genesis_state()
            }
        };
        let second = readable(None, "how far pruning is", self.stored.pruning())?.map(|record| record.state);
        let mut done = 0;
        let mut step = |done: &mut u64| {
            *done += 1;
            progress(VerifyProgress { stage: VerifyStage::State, done: *done, total });
        };
        for (index, &block) in path.iter().enumerate() {
            if index > 0 {
                let record = self.verified(&state, block)?;
                let flows = self.flows(&state, block, &record)?;
                state.apply(block, &record)?;
                state.flows.add(block, flows)?;
                self.report.chain_blocks += 1;
                self.report.accepted += record.accepted.len() as u64;
                step(&mut done);
            }
            if second == Some(block) {
                self.compare_pruned(&state)?;
            }
            let next = path.get(index + 1);
            for &child in children.get(&block).into_iter().flatten() {
                if Some(&child) != next {
                    self.side_branch(&mut state, child, &children, &mut || step(&mut done))?;
                }
            }
        }
        // A block whose selected parent never stood on a chain was not reached.
        same(None, "the number of blocks that are reached from genesis by blocks that stood on a chain", done, total)?;
        self.report.sink = state.block;
        self.check_no_better_tip(&path)?;
        Ok(state)
    }

    fn genesis_state(&self) -> LedgerState {
        LedgerState {
            block: self.genesis.hash,
            height: 0,
            utxo: Utxos(self.genesis.utxo.added().clone()),
            lthash: self.genesis.lthash.clone(),
            states: self.genesis.states.clone(),
            lanes: self.genesis.lanes,
            mmr: ChainMmr::default(),
            flows: Flows::default(),
        }
    }

    /// Blocks that were tried on a chain, by selected parent; those above a disqualified one were not.
    fn children(&self) -> Result<(Children, u64), VerifyError> {
        let (mut children, mut total) = (Children::new(), 0);
        let mut disqualified = Vec::new();
        self.rows(Table::Arrival, |_, value| {
            let hash = super::hash_of_key(Table::Arrival, value)?;
            if !self.is_above_start(hash)? {
                return Ok(());
            }
            let parent = self.replayed.ghostdag_data(hash).map_err(unreadable(hash))?.selected_parent;
            match self.stored_record(hash)?.status {
                BlockStatus::StateValid => {
                    children.entry(parent).or_default().push(hash);
                    total += 1;
                }
                BlockStatus::Disqualified => disqualified.push((hash, parent)),
                _ => {}
            }
            Ok(())
        })?;
        for (hash, parent) in disqualified {
            let status = self.stored_record(parent)?.status;
            if status == BlockStatus::StateValid {
                children.entry(parent).or_default().push(hash);
                total += 1;
            } else {
                same(
                    hash,
                    "status of the selected parent of a disqualified block",
                    format!("{status:?}"),
                    "Disqualified".to_owned(),
                )?;
            }
        }
        Ok((children, total))
    }

    /// From genesis to the stored sink.
    fn selected_chain(&self) -> Result<Vec<BlockHash>, VerifyError> {
        let mut path = Vec::new();
        let mut block = self.meta.sink;
        let start = self.start.map_or(self.genesis.hash, |start| start.block);
        while block != start {
            path.push(block);
            block = self.replayed.ghostdag_data(block).map_err(unreadable(block))?.selected_parent;
        }
        path.push(block);
        path.reverse();
        Ok(path)
    }

    fn side_branch(
        &mut self,
        state: &mut LedgerState,
        root: BlockHash,
        children: &Children,
        step: &mut dyn FnMut(),
    ) -> Verdict {
        let mut moves = vec![Move::Up(root)];
        while let Some(next) = moves.pop() {
            match next {
                Move::Back(before) => state.go_back(*before),
                Move::Up(block) if self.stored_record(block)?.status == BlockStatus::Disqualified => {
                    self.check_still_disqualified(state, block)?;
                    self.report.disqualified += 1;
                    step();
                }
                Move::Up(block) => {
                    let record = self.verified(state, block)?;
                    moves.push(Move::Back(Box::new(state.apply(block, &record)?)));
                    moves.extend(children.get(&block).into_iter().flatten().copied().map(Move::Up));
                    self.report.former_chain_blocks += 1;
                    step();
                }
            }
        }
        Ok(())
    }

    fn check_still_disqualified(&self, state: &LedgerState, block: BlockHash) -> Verdict {
        match self.compute(state, block) {
            Err(BlockError::Commitment { .. } | BlockError::TxContext { .. } | BlockError::Certificate(_)) => Ok(()),
            Err(error) => Err(broken(block)(error)),
            Ok(_) => Err(differs(block, "status", "Disqualified", "StateValid: it keeps every rule")),
        }
    }

    /// What a block changes, equal to what is stored of it.
    fn verified(&self, state: &LedgerState, block: BlockHash) -> Result<ChainRecord, VerifyError> {
        let status = self.stored_record(block)?.status;
        same(block, "status", format!("{status:?}"), "StateValid".to_owned())?;
        let record = self.compute(state, block).map_err(broken(block))?;
        self.compare_record(block, &record)?;
        Ok(record)
    }

    /// R9 and R10 on the ledger in memory; the header's commitments are compared on the way.
    fn compute(&self, state: &LedgerState, block: BlockHash) -> Result<ChainRecord, BlockError> {
        let storage = &self.replayed;
        let header = storage.header(block).map_err(fault)?;
        let ghostdag = storage.ghostdag_data(block).map_err(fault)?;
        let context = self.rules.context(storage, &ghostdag).map_err(fault)?;
        let merged = merged_blocks(storage, &ghostdag, &context.mergeset_non_daa, self.genesis.hash).map_err(fault)?;
        let place = merge_place(storage, self.params, &ghostdag, header.daa_score).map_err(fault)?;
        let failed = |error: AcceptError<Infallible>| {
            fault(ReadError::Store(format!("the blocks that {block} merges can't be accepted: {error}")))
        };
        let outcome = accept_mergeset(self.params, &place, &merged, &state.utxo, &state.states).map_err(failed)?;
        let body = storage.body(block).map_err(fault)?;
        let delta = outcome.pay(&body.payout).map_err(failed)?;
        let lanes = delta.lanes(&state.lanes);
        let mmr = state.mmr.clone().push(state.block);
        let mut lthash = state.lthash.clone();
        lthash.apply(&delta.utxo);
        let mut states = state.states.clone();
        delta.states.iter().for_each(|change| states.redo(change));
        for (what, got, expected) in [
            ("accepted_root", header.accepted_root, lanes.root()),
            ("utxo_commit", header.utxo_commit, lthash.commitment()),
            ("state_root", header.state_root, states.root()),
            ("chain_mmr_root", header.chain_mmr_root, mmr.root()),
        ] {
            if got != expected {
                return Err(BlockError::Commitment { what, got, expected });
            }
        }
        let record = ChainRecord::new(state.height + 1, lanes, mmr, delta);
        self.check_own_body(state, &header, &record, &states, &body.txs)?;
        let chain = (storage, self.params, self.genesis.hash);
        check_block_certificate(chain, &header, &ghostdag, &body.certificate, &states)?;
        Ok(record)
    }

    /// R9 b.
    fn check_own_body(
        &self,
        state: &LedgerState,
        header: &Header,
        record: &ChainRecord,
        states: &StateTree,
        txs: &[Arc<umbel_types::Transaction>],
    ) -> Result<(), BlockError> {
        let view = UtxoOverlay::new(&state.utxo, &record.utxo);
        let overlay = OverlayContext::of(self.params, header.blue_score, states);
        let context = UtxoContext::for_qualification(self.params, header.daa_score, overlay);
        for tx in txs {
            let Ok(checked) = check_tx_in_utxo_context(&tx.core, &view, states, &context);
            checked.map_err(|error| BlockError::TxContext { txid: tx.txid(), error })?;
        }
        Ok(())
    }

    fn compare_record(&self, block: BlockHash, expected: &ChainRecord) -> Verdict {
        let found = readable(block, "what is stored of a chain block", self.stored.find_chain_record(block))?;
        let Some(got) = found else {
            return Err(differs(block, "what is stored of a chain block", "nothing", "its acceptance and its undo"));
        };
        same(block, "height", got.height, expected.height)?;
        same(block, "lanes behind it", got.lanes.root(), expected.lanes.root())?;
        same(block, "chain_mmr_root as stored", got.mmr.root(), expected.mmr.root())?;
        let accepted = |tx: &umbel_types::consensus_api::AcceptedTx| format!("{} of block {}", tx.txid, tx.block);
        same_lists(block, "accepted transaction", &got.accepted, &expected.accepted, accepted)?;
        let pairs = |map: &BTreeMap<OutPoint, UtxoEntry>| -> Vec<(OutPoint, UtxoEntry)> {
            map.iter().map(|(outpoint, entry)| (*outpoint, entry.clone())).collect()
        };
        let show = |(outpoint, entry): &(OutPoint, UtxoEntry)| {
            format!("{outpoint} = {}", super::report::hex(&entry.to_bytes()))
        };
        same_lists(block, "removed output", &pairs(got.utxo.removed()), &pairs(expected.utxo.removed()), show)?;
        same_lists(block, "added output", &pairs(got.utxo.added()), &pairs(expected.utxo.added()), show)?;
        let change = |change: &umbel_ledger::state_tree::StateChange| super::report::hex(&change.to_bytes());
        same_lists(block, "state change", &got.states, &expected.states, change)?;
        Ok(())
    }

    /// R11 and R12: every tip that outweighs the sink is above a disqualified block, or left our chain below what is
    /// justified or the finality depth. A node that was killed before it looked at a block's state does so at the next start: such blocks wait.
    fn check_no_better_tip(&mut self, path: &[BlockHash]) -> Verdict {
        use umbel_dag::ReachabilityReader;
        use umbel_dag::ghostdag::SortableBlock;
        let sink = self.meta.sink;
        let sortable = |block| SortableBlock::read(&self.replayed, block).map_err(unreadable(block));
        let sink_key = sortable(sink)?;
        let finality = self.finality_point(path)?;
        let record = readable(None, "what is justified and final", self.stored.finality_record())?;
        let justified = record.map_or(self.genesis.hash, |record| record.justified.block);
        let start = path.first().copied().unwrap_or(self.genesis.hash);
        // Far below the sink lies what was justified long ago, where nobody votes any more.
        let justified = if self.start.is_some() && !path.contains(&justified) {
            let score = |block| self.stored.header(block).map(|header| header.blue_score).map_err(unreadable(block));
            same(
                justified,
                "whether what is justified lies below the start",
                score(justified)? <= score(start)?,
                true,
            )?;
            start
        } else {
            same(justified, "what is justified", path.contains(&justified), true)?;
            justified
        };
        let chain: BTreeSet<BlockHash> = path.iter().copied().collect();
        let mut waiting: BTreeSet<BlockHash> = BTreeSet::new();
        for tip in self.replayed.tips()? {
            let leads_through = |block| self.replayed.is_chain_ancestor_of(block, tip).map_err(unreadable(tip));
            if sortable(tip)? <= sink_key || !leads_through(finality)? || !leads_through(justified)? {
                continue;
            }
            let mut untried = Vec::new();
            let mut block = tip;
            while !chain.contains(&block) {
                match self.stored_record(block)?.status {
                    BlockStatus::Disqualified => break,
                    BlockStatus::PendingState => untried.push(block),
                    _ => {}
                }
                block = self.replayed.ghostdag_data(block).map_err(unreadable(block))?.selected_parent;
            }
            if !chain.contains(&block) {
                continue;
            }
            if untried.is_empty() {
                return Err(differs(sink, "the sink", sink, format!("{tip}, which has more work")));
            }
            waiting.extend(untried);
        }
        self.report.waiting = waiting.len() as u64;
        Ok(())
    }

    /// The highest block of the chain that is at least the finality depth below its end.
    pub(super) fn finality_point(&self, path: &[BlockHash]) -> Result<BlockHash, VerifyError> {
        let score = |block| Ok(self.replayed.header(block).map_err(unreadable(block))?.blue_score.0);
        let newest: u64 = score(self.meta.sink)?;
        let mut point = path.first().copied().unwrap_or(self.genesis.hash);
        for &block in path {
            let at: Result<u64, VerifyError> = score(block);
            if at?.saturating_add(self.params.finality_depth) > newest {
                break;
            }
            point = block;
        }
        Ok(point)
    }
}
