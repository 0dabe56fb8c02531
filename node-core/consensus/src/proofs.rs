//! Proofs about the ledger for those who have no node (docs/spec/commitments.md). Each is verified before it is handed out.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use thiserror::Error;
use umbel_ledger::acceptance::derived_in;
use umbel_ledger::commitments::{AcceptedFacts, AcceptedLeaf, SystemFacts};
use umbel_ledger::proofs::{AcceptanceProof, Accepted, Below, ChainProof, Claim, LedgerProof, ProofError, StateProof};
use umbel_ledger::state_tree::{StateKey, StateTree};
use umbel_types::consensus_api::{ConsensusApi, ConsensusError};
use umbel_types::tx::MAX_OUTPUTS;
use umbel_types::{BlockHash, Header, Ledger, OutPoint, Transaction, TxId};

use crate::api_impl::{body_failed, kv_failed, store_failed};
use crate::consensus::Consensus;
use crate::storage::ChainRecord;

/// Most chain blocks below the sink at which the state is proven: each is a record to read and to take back.
const MAX_STATE_DEPTH: u64 = 50_000;
/// Most chain blocks that are searched for the one that accepted a transaction whose outputs are all spent.
const MAX_SEARCHED: usize = 20_000;

/// Why a proof can't be made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ProveError {
    /// The block has left the selected chain, never was on it, or was pruned.
    #[error("block {0} is not on the selected chain, or was pruned")]
    NotOnChain(BlockHash),
    /// The block is above the one that the proof shall end in.
    #[error("block {block} is not below block {anchor}")]
    NotBelow {
        /// The block.
        block: BlockHash,
        /// Where the proof shall end.
        anchor: BlockHash,
    },
    /// The chain block accepted no such thing.
    #[error("block {0} did not accept that")]
    NotAccepted(BlockHash),
    /// The state there is too far below the sink.
    #[error(
        "block {block} is {depth} chain blocks below the newest one, the state is proven at most {MAX_STATE_DEPTH} below"
    )]
    TooDeep {
        /// The block.
        block: BlockHash,
        /// How far.
        depth: u64,
    },
    /// Reading failed, or what is needed was pruned.
    #[error(transparent)]
    Read(#[from] ConsensusError),
    /// What is stored contradicts itself.
    #[error("the proof made from what is stored does not hold: {0}")]
    Inconsistent(#[from] ProofError),
}

/// What a chain block is said to have accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acceptance {
    /// A transaction.
    Transaction(TxId),
    /// The outputs that no transaction made.
    System,
}

impl Consensus {
    /// Proves what a chain block accepted.
    ///
    /// - `anchor`: chain block that the proof ends in; the sink if none is named.
    ///
    /// # Errors
    /// [`ProveError`].
    pub fn prove_acceptance(
        &self,
        what: Acceptance,
        chain_block: BlockHash,
        anchor: Option<BlockHash>,
    ) -> Result<LedgerProof, ProveError> {
        let (anchor, below) = self.place(chain_block, anchor)?;
        let claim = self.acceptance_claim(what, chain_block)?;
        checked(LedgerProof::new(anchor, below, Claim::Acceptance(claim)))
    }

    /// Proves what the state behind a chain block's past holds at a key, or that it holds nothing.
    ///
    /// - `at`: the chain block; the one that the proof ends in if none is named.
    /// - `anchor`: chain block that the proof ends in; the sink if none is named.
    ///
    /// # Errors
    /// [`ProveError`].
    pub fn prove_state(
        &self,
        key: StateKey,
        at: Option<BlockHash>,
        anchor: Option<BlockHash>,
    ) -> Result<LedgerProof, ProveError> {
        let at = at.or(anchor).unwrap_or_else(|| self.virtual_state().sink);
        let (anchor, below) = self.place(at, anchor)?;
        let claim = StateProof::new(&self.states_at(at)?, key);
        checked(LedgerProof::new(anchor, below, Claim::State(claim)))
    }

    /// Proves that a block stands on the selected chain of another.
    ///
    /// - `anchor`: chain block that the proof ends in; the sink if none is named.
    ///
    /// # Errors
    /// [`ProveError`].
    pub fn prove_place(&self, block: BlockHash, anchor: Option<BlockHash>) -> Result<LedgerProof, ProveError> {
        let (anchor, below) = self.place(block, anchor)?;
        checked(LedgerProof::new(anchor, below, Claim::Place))
    }

    /// The chain block that accepted a transaction; `None` if it was not accepted, or too long ago to be found.
    ///
    /// # Errors
    /// [`ConsensusError`].
    pub fn accepting_block(&self, txid: TxId) -> Result<Option<BlockHash>, ConsensusError> {
        for index in (0u32..).take(MAX_OUTPUTS) {
            if let Some(entry) = self.utxo(OutPoint::of_tx(txid, index))? {
                return self.chain_block_with_score(entry.daa_score);
            }
        }
        let genesis = self.genesis_hash();
        let mut block = self.virtual_state().sink;
        for _ in 0..MAX_SEARCHED {
            if self.chain_record(block)?.accepted.iter().any(|accepted| accepted.txid == txid) {
                return Ok(Some(block));
            }
            if block == genesis {
                break;
            }
            block = self.selected_parent(block)?;
        }
        Ok(None)
    }

    /// Header of the block that the proof ends in, and the way down to the other one.
    fn place(&self, block: BlockHash, anchor: Option<BlockHash>) -> Result<(Header, Option<Below>), ProveError> {
        // Chain index and sink have to agree.
        let current = self.current();
        let anchor = anchor.unwrap_or(current.public.sink);
        for named in [anchor, block] {
            if !self.is_chain_block(named)? {
                return Err(ProveError::NotOnChain(named));
            }
        }
        let anchor_header = self.header(anchor)?;
        if block == anchor {
            return Ok((anchor_header, None));
        }
        let record = |hash| self.chain_record(hash);
        let read = |height| {
            let hash = self.shared.storage.chain_block_at(height).map_err(kv_failed)?;
            let hash = hash.ok_or_else(|| ConsensusError::Store(format!("no chain block at height {height}")))?;
            Ok::<_, ConsensusError>((hash, record(hash)?.mmr.clone()))
        };
        let chain = ChainProof::new(&record(block)?.mmr, &record(anchor)?.mmr, read)?;
        let chain = chain.ok_or(ProveError::NotBelow { block, anchor })?;
        Ok((anchor_header, Some(Below { header: self.header(block)?, chain })))
    }

    fn acceptance_claim(&self, what: Acceptance, block: BlockHash) -> Result<AcceptanceProof, ProveError> {
        let none = ProveError::NotAccepted(block);
        if block == self.genesis_hash() {
            return Err(none);
        }
        let record = self.chain_record(block)?;
        let before = self.chain_record(self.selected_parent(block)?)?;
        let (leaves, facts) = self.accepted_leaves(&record, what)?;
        let system = self.system_facts(block, &record)?;
        let system_leaf = system.as_ref().map(SystemFacts::leaf);
        let (ledger, accepted) = match what {
            Acceptance::Transaction(_) => facts.map(|(ledger, facts)| (ledger, Accepted::Transaction(facts))),
            Acceptance::System => system.map(|facts| (Ledger::Main, Accepted::System(facts))),
        }
        .ok_or_else(|| none.clone())?;
        AcceptanceProof::new(ledger, accepted, &before.lanes, &record.lanes, &leaves, system_leaf).ok_or(none)
    }

    /// Leaves of all transactions that a chain block accepted, in order, and what the one that is looked for says.
    #[expect(clippy::type_complexity, reason = "two results of one walk over bodies")]
    fn accepted_leaves(
        &self,
        record: &ChainRecord,
        what: Acceptance,
    ) -> Result<(Vec<AcceptedLeaf>, Option<(Ledger, AcceptedFacts)>), ConsensusError> {
        let mut bodies: BTreeMap<BlockHash, BTreeMap<TxId, Arc<Transaction>>> = BTreeMap::new();
        let (mut leaves, mut found) = (Vec::with_capacity(record.accepted.len()), None);
        for accepted in &record.accepted {
            let txs = match bodies.entry(accepted.block) {
                Entry::Occupied(read) => read.into_mut(),
                Entry::Vacant(place) => {
                    let body = self.shared.storage.body(accepted.block).map_err(body_failed)?;
                    place.insert(body.txs.iter().map(|tx| (tx.txid(), tx.clone())).collect())
                }
            };
            let tx = txs.get(&accepted.txid).ok_or_else(|| {
                ConsensusError::Store(format!("block {} has no transaction {}", accepted.block, accepted.txid))
            })?;
            let facts = AcceptedFacts::of(accepted.txid, &tx.core, &derived_in(accepted.txid, &record.utxo));
            leaves.push(AcceptedLeaf { ledger: tx.core.ledger(), hash: facts.leaf() });
            if what == Acceptance::Transaction(accepted.txid) {
                found = Some((tx.core.ledger(), facts));
            }
        }
        Ok((leaves, found))
    }

    /// Outputs that a chain block derived, in the order of the blocks that it merged.
    fn system_facts(&self, block: BlockHash, record: &ChainRecord) -> Result<Option<SystemFacts>, ConsensusError> {
        let storage = &self.shared.storage;
        let ghostdag = storage.ghostdag_data(block).map_err(store_failed)?;
        let merged = umbel_dag::ordered_mergeset(storage, &ghostdag).map_err(store_failed)?;
        let outputs: Vec<_> = merged
            .into_iter()
            .map(OutPoint::of_coinbase)
            .filter_map(|outpoint| Some((outpoint, record.utxo.added().get(&outpoint)?.clone())))
            .collect();
        Ok((!outputs.is_empty()).then(|| SystemFacts::of(&outputs)))
    }

    /// The State objects behind a chain block's past: the sink's, taken back.
    fn states_at(&self, block: BlockHash) -> Result<StateTree, ProveError> {
        let (mut at, mut states) = {
            let current = self.current();
            (current.public.sink, current.state.states.clone())
        };
        let depth = self.chain_record(at)?.height.saturating_sub(self.chain_record(block)?.height);
        if depth > MAX_STATE_DEPTH {
            return Err(ProveError::TooDeep { block, depth });
        }
        for _ in 0..depth {
            self.chain_record(at)?.states.iter().rev().for_each(|change| states.undo(change));
            at = self.selected_parent(at)?;
        }
        if at == block { Ok(states) } else { Err(ProveError::NotOnChain(block)) }
    }

    /// The chain block with a DAA score, which rises along the chain.
    fn chain_block_with_score(&self, score: umbel_types::DaaScore) -> Result<Option<BlockHash>, ConsensusError> {
        let current = self.current();
        let (mut low, mut high) = (0, current.public.chain_length);
        while low <= high {
            let middle = low + (high - low) / 2;
            let hash = self.shared.storage.chain_block_at(middle).map_err(kv_failed)?;
            let hash = hash.ok_or_else(|| ConsensusError::Store(format!("no chain block at height {middle}")))?;
            match self.header(hash)?.daa_score.cmp(&score) {
                core::cmp::Ordering::Equal => return Ok(Some(hash)),
                core::cmp::Ordering::Less => low = middle + 1,
                core::cmp::Ordering::Greater if middle == 0 => return Ok(None),
                core::cmp::Ordering::Greater => high = middle - 1,
            }
        }
        Ok(None)
    }

    fn selected_parent(&self, hash: BlockHash) -> Result<BlockHash, ConsensusError> {
        Ok(self.shared.storage.ghostdag_data(hash).map_err(store_failed)?.selected_parent)
    }
}

/// A proof that its verifier takes.
fn checked(proof: LedgerProof) -> Result<LedgerProof, ProveError> {
    proof.clone().verify(proof.anchor().hash())?;
    Ok(proof)
}
