//! Acceptance: what a chain block does to the state by merging its past (docs/spec/consensus.md R9 c, R10).

use std::sync::Arc;

use thiserror::Error;
use umbel_types::errors::TxContextError;
use umbel_types::state::LedgerBalance;
use umbel_types::utxo::StoredOutput;
use umbel_types::{
    Amount, AssetId, BlockHash, BlueScore, DaaScore, Hash32, Memo, Origin, OutPoint, Params, PayoutKey, Transaction,
    TxId, UtxoEntry,
};

use crate::coinbase::{calc_subsidy, reward};
use crate::commitments::{AcceptedLeaf, LaneRoots, system_leaf};
use crate::staking::{self, Effect, IncludedCertificate, OverlayContext, StateEdits};
use crate::state_tree::{StateChange, StateTree};
use crate::tx_in_utxo_context::{CheckedTx, UtxoContext, check_tx_in_utxo_context};
use crate::utxo::{DiffError, UtxoDiff, UtxoOverlay, UtxoView};

/// Index of the first output that acceptance derives from a transaction.
pub const FIRST_DERIVED: u32 = 1 << 15;

/// Where chain block C stands, and what its chain knows of finality.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergePlace {
    /// Its DAA score.
    pub daa_score: DaaScore,
    /// Its blue score.
    pub blue_score: BlueScore,
    /// The highest index of the checkpoints that it is, if it is one.
    pub checkpoint: Option<u32>,
    /// What its selected parent's body carries, verified.
    pub certificate: Option<IncludedCertificate>,
}

/// A block that chain block C merges, with a body that keeps every rule of isolation.
#[derive(Clone, Debug)]
pub struct MergedBlock {
    /// Its id.
    pub hash: BlockHash,
    /// Its DAA score.
    pub daa_score: DaaScore,
    /// Whether C coloured it blue.
    pub is_blue: bool,
    /// Whether it counts for difficulty; genesis and old merges don't, and earn no subsidy.
    pub counts_for_daa: bool,
    /// Where its miner is paid.
    pub payout: PayoutKey,
    /// Its transactions, in lane order.
    pub txs: Vec<Arc<Transaction>>,
}

/// Reading the state failed, or an invariant of this node is broken. Never a peer's fault.
#[derive(Debug, Error)]
pub enum AcceptError<E> {
    /// The view failed.
    #[error("the state could not be read: {0}")]
    View(E),
    /// A difference would be inconsistent.
    #[error(transparent)]
    Diff(#[from] DiffError),
    /// Fees sum above the supply.
    #[error("the fees of block {0} sum above the supply")]
    FeeOverflow(BlockHash),
    /// A payout key that a body rule should have refused.
    #[error("block {0} has a malformed payout key")]
    BadPayout(BlockHash),
}

/// A transaction that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Its id.
    pub txid: TxId,
    /// The block whose body carries it.
    pub block: BlockHash,
    /// Its leaf.
    pub leaf: AcceptedLeaf,
}

/// A transaction that had no effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Its id.
    pub txid: TxId,
    /// The block whose body carries it.
    pub block: BlockHash,
    /// Why.
    pub error: TxContextError,
}

/// Who gets a reward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Payee {
    /// The merged block's own miner.
    Merged(PayoutKey),
    /// The merging block's miner: the merged block is red or too old.
    Merger,
}

/// What merging does, before the merging block's own miner is known.
#[derive(Clone, Debug)]
pub struct MergeOutcome {
    /// DAA score of the merging block.
    daa_score: DaaScore,
    /// Effect of the accepted transactions.
    utxo: UtxoDiff,
    states: StateEdits,
    /// Outputs that the accepted transactions have without naming them. They come last, so that nothing spends one in the
    /// block that derives it.
    derived: Vec<(OutPoint, UtxoEntry)>,
    /// In order.
    accepted: Vec<Accepted>,
    skipped: Vec<Skipped>,
    rewards: Vec<(BlockHash, Payee, Amount)>,
}

/// What a chain block changes.
#[derive(Clone, Debug)]
pub struct StateDelta {
    /// Outputs that go and come.
    pub utxo: UtxoDiff,
    /// Changed State objects.
    pub states: Vec<StateChange>,
    /// Accepted transactions, in order.
    pub accepted: Vec<Accepted>,
    /// Transactions without effect.
    pub skipped: Vec<Skipped>,
    /// Leaf of the outputs that no transaction made.
    pub system_leaf: Option<Hash32>,
}

impl StateDelta {
    /// The lanes behind this block.
    pub fn lanes(&self, parent: &LaneRoots) -> LaneRoots {
        let leaves: Vec<AcceptedLeaf> = self.accepted.iter().map(|a| a.leaf).collect();
        parent.advance(&leaves, self.system_leaf)
    }
}

/// Applies the certificate of the selected parent, the transactions of all merged blocks, in order, and the end of an
/// epoch.
///
/// - `merged`: selected parent first, then the mergeset in R4 order.
/// - `view`, `states`: UTXO state and State objects of the selected parent.
///
/// # Errors
/// [`AcceptError`]; a transaction that can't be accepted is skipped, that is no error.
pub fn accept_mergeset<V: UtxoView + ?Sized>(
    params: &Params,
    place: &MergePlace,
    merged: &[MergedBlock],
    view: &V,
    states: &StateTree,
) -> Result<MergeOutcome, AcceptError<V::Error>> {
    let mut outcome = MergeOutcome {
        daa_score: place.daa_score,
        utxo: UtxoDiff::default(),
        states: StateEdits::new(states),
        derived: Vec::new(),
        accepted: Vec::new(),
        skipped: Vec::new(),
        rewards: Vec::new(),
    };
    // Without a selected parent there is no body that carries one.
    let mut bounty = match place.certificate.as_ref().filter(|_| !merged.is_empty()) {
        Some(certificate) => staking::include_certificate(&mut outcome.states, certificate),
        None => Amount::ZERO,
    };
    // Certificates and the ends of epochs lie outside of transactions: these are the same for all of them.
    let overlay = OverlayContext::of(params, place.blue_score, &outcome.states);
    let context = UtxoContext::for_acceptance(params, place.daa_score, overlay);
    let mut pool = states.balance(LedgerBalance::RewardPool);
    for block in merged {
        let fees = accept_block(&mut outcome, block, view, &context)?;
        let subsidy = calc_subsidy(params, block.daa_score, block.counts_for_daa, pool);
        pool = pool.checked_sub(subsidy).map_err(|_| AcceptError::FeeOverflow(block.hash))?;
        // Only the selected parent, which comes first, carries a certificate that counts.
        let value = Amount::sum([subsidy, fees, core::mem::take(&mut bounty)]);
        let value = value.map_err(|_| AcceptError::FeeOverflow(block.hash))?;
        let own = block.is_blue && block.counts_for_daa;
        let payee = if own { Payee::Merged(block.payout) } else { Payee::Merger };
        if !value.is_zero() {
            outcome.rewards.push((block.hash, payee, value));
        }
    }
    outcome.states.set_balance(LedgerBalance::RewardPool, pool);
    for (outpoint, entry) in core::mem::take(&mut outcome.derived) {
        outcome.utxo.add(outpoint, entry)?;
    }
    staking::end_epoch(params, place, &mut outcome.states);
    Ok(outcome)
}

fn accept_block<V: UtxoView + ?Sized>(
    outcome: &mut MergeOutcome,
    block: &MergedBlock,
    view: &V,
    context: &UtxoContext,
) -> Result<Amount, AcceptError<V::Error>> {
    let mut fees = Amount::ZERO;
    for tx in &block.txs {
        let txid = tx.txid();
        let overlay = UtxoOverlay::new(view, &outcome.utxo);
        let checked = check_tx_in_utxo_context(&tx.core, &overlay, &outcome.states, context);
        match checked.map_err(AcceptError::View)? {
            Err(error) => outcome.skipped.push(Skipped { txid, block: block.hash, error }),
            Ok(CheckedTx { consumed, effect }) => {
                apply_tx(&mut outcome.utxo, tx, txid, consumed, context.daa_score)?;
                let derived = derived_outputs(txid, &effect, context.daa_score);
                outcome.states.apply(effect);
                fees = fees.checked_add(tx.core.fee).map_err(|_| AcceptError::FeeOverflow(block.hash))?;
                let leaf = AcceptedLeaf::of(txid, &tx.core, &derived);
                outcome.derived.extend(derived);
                outcome.accepted.push(Accepted { txid, block: block.hash, leaf });
            }
        }
    }
    Ok(fees)
}

/// What State pays by a transaction: public Memos at indices from 2¹⁵ on.
fn derived_outputs(txid: TxId, effect: &Effect, daa_score: DaaScore) -> Vec<(OutPoint, UtxoEntry)> {
    (FIRST_DERIVED..)
        .zip(&effect.paid)
        .map(|(index, (to, amount))| {
            let output = StoredOutput::Memo(Memo::public_payment(AssetId::STR, *amount, *to));
            (OutPoint::of_tx(txid, index), UtxoEntry { output, origin: Origin::Transaction, daa_score })
        })
        .collect()
}

/// The outputs of an accepted transaction that acceptance derived, out of what its chain block added.
pub fn derived_in(txid: TxId, utxo: &UtxoDiff) -> Vec<(OutPoint, UtxoEntry)> {
    let range = OutPoint::of_tx(txid, FIRST_DERIVED)..=OutPoint::of_tx(txid, u32::MAX);
    utxo.added().range(range).map(|(outpoint, entry)| (*outpoint, entry.clone())).collect()
}

fn apply_tx(
    diff: &mut UtxoDiff,
    tx: &Transaction,
    txid: TxId,
    consumed: Vec<UtxoEntry>,
    daa_score: DaaScore,
) -> Result<(), DiffError> {
    for (input, entry) in tx.core.inputs.iter().zip(consumed) {
        diff.remove(input.outpoint, entry)?;
    }
    for (index, output) in (0u32..).zip(&tx.core.outputs) {
        let entry = UtxoEntry { output: StoredOutput::from(output), origin: Origin::Transaction, daa_score };
        diff.add(OutPoint::of_tx(txid, index), entry)?;
    }
    Ok(())
}

impl MergeOutcome {
    /// Effect of the accepted transactions, rewards excluded: the context of the next block's transactions, since no
    /// reward is mature in it.
    pub fn utxo(&self) -> &UtxoDiff {
        &self.utxo
    }

    /// State objects behind the merge.
    pub fn states(&self) -> &StateEdits {
        &self.states
    }

    /// Transactions without effect.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// Pays the rewards; red and old blocks' go to the merging block's miner.
    ///
    /// # Errors
    /// [`AcceptError::BadPayout`], [`AcceptError::Diff`].
    pub fn pay<E>(mut self, merger: &PayoutKey) -> Result<StateDelta, AcceptError<E>> {
        let mut coins = Vec::with_capacity(self.rewards.len());
        for (block, payee, value) in &self.rewards {
            let payout = match payee {
                Payee::Merged(payout) => payout,
                Payee::Merger => merger,
            };
            coins.push(reward(*block, payout, *value, self.daa_score).ok_or(AcceptError::BadPayout(*block))?);
        }
        for (outpoint, entry) in &coins {
            self.utxo.add(*outpoint, entry.clone())?;
        }
        Ok(StateDelta {
            utxo: self.utxo,
            states: self.states.into_changes(),
            accepted: self.accepted,
            skipped: self.skipped,
            system_leaf: system_leaf(&coins),
        })
    }
}
