//! Rules that need the transaction and constants, nothing else: a failure invalidates the block that carries it.

use std::sync::Arc;

use rand_core::CryptoRng;
use umbel_crypto::BatchVerifier;
use umbel_types::errors::TxRuleError;
use umbel_types::tx::{LockBranch, MAX_HIDDEN_OUTPUTS, MAX_TX_BYTES};
use umbel_types::{Amount, BlockHash, Input, Lock, Memo, MemoValue, Output, Params, Transaction, TxCore, TxId, WtxId};

use crate::mass::{compute_mass, min_fee};

/// What isolation rules know of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IsolationContext {
    /// Chain id.
    pub chain_id: u32,
    /// Genesis block; part of every sighash.
    pub genesis: BlockHash,
}

impl IsolationContext {
    /// For a network whose genesis is known.
    pub fn new(params: &Params, genesis: BlockHash) -> Self {
        Self { chain_id: params.chain_id, genesis }
    }
}

/// A transaction that keeps every rule that needs no state, proofs and signatures included.
///
/// Only [`check_tx_in_isolation`] and [`check_txs_in_isolation`] make one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IsolatedTx {
    tx: Arc<Transaction>,
    txid: TxId,
    wtxid: WtxId,
    mass: u64,
    size_bytes: usize,
}

impl IsolatedTx {
    /// The transaction.
    pub fn tx(&self) -> &Arc<Transaction> {
        &self.tx
    }

    /// Id of its core.
    pub fn txid(&self) -> TxId {
        self.txid
    }

    /// Id of core and witness.
    pub fn wtxid(&self) -> WtxId {
        self.wtxid
    }

    /// Compute mass.
    pub fn mass(&self) -> u64 {
        self.mass
    }

    /// Length of the encoding.
    pub fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    /// Fee in STR.
    pub fn fee(&self) -> Amount {
        self.tx.core.fee
    }
}

/// Checks one transaction.
///
/// # Errors
/// The first rule broken, cheap rules first.
pub fn check_tx_in_isolation(
    tx: Transaction,
    context: &IsolationContext,
    rng: &mut impl CryptoRng,
) -> Result<IsolatedTx, TxRuleError> {
    let tx = Arc::new(tx);
    check_txs_in_isolation(core::slice::from_ref(&tx), context, rng).map_err(|(_, error)| error)?.pop().ok_or(
        // One transaction in, one out.
        TxRuleError::NoInputs,
    )
}

/// Checks the transactions of a block: cheap rules one by one, then all proofs and signatures in one batch.
///
/// # Errors
/// Index of a transaction that breaks a rule, and which.
pub fn check_txs_in_isolation(
    txs: &[Arc<Transaction>],
    context: &IsolationContext,
    rng: &mut impl CryptoRng,
) -> Result<Vec<IsolatedTx>, (usize, TxRuleError)> {
    let mut isolated = Vec::with_capacity(txs.len());
    let mut batch = BatchVerifier::new();
    for (index, tx) in txs.iter().enumerate() {
        let size_bytes = tx.size_bytes();
        let mass = compute_mass(size_bytes, tx.core.inputs.len());
        check_structure(tx, context, size_bytes, mass).map_err(|error| (index, error))?;
        batch.push(tx, &tx.core.sighash(context.genesis)).map_err(|error| (index, error))?;
        isolated.push(IsolatedTx { tx: tx.clone(), txid: tx.txid(), wtxid: tx.wtxid(), mass, size_bytes });
    }
    batch.verify(rng).map_err(|culprit| (culprit.index, culprit.error))?;
    Ok(isolated)
}

/// Checks the rules that need neither state nor a proof: what is cheap enough to look at before anything else.
///
/// # Errors
/// The first rule broken.
pub fn check_tx_structure(tx: &Transaction, context: &IsolationContext) -> Result<(), TxRuleError> {
    let size_bytes = tx.size_bytes();
    check_structure(tx, context, size_bytes, compute_mass(size_bytes, tx.core.inputs.len()))
}

fn check_structure(
    tx: &Transaction,
    context: &IsolationContext,
    size_bytes: usize,
    mass: u64,
) -> Result<(), TxRuleError> {
    check_size(size_bytes)?;
    check_chain(&tx.core, context)?;
    check_has_inputs_and_outputs(&tx.core)?;
    check_inputs_ascend(&tx.core)?;
    check_hidden_outputs(&tx.core)?;
    check_locks(&tx.core)?;
    check_public_values(&tx.core)?;
    check_fee(&tx.core, mass)
}

/// # Consensus
/// > A transaction MUST NOT be longer than 40 KiB. (docs/spec/transaction.md T1)
fn check_size(got: usize) -> Result<(), TxRuleError> {
    if got > MAX_TX_BYTES {
        return Err(TxRuleError::TooLarge { got, limit: MAX_TX_BYTES });
    }
    Ok(())
}

/// # Consensus
/// > A transaction MUST name the chain it is for. (T2)
fn check_chain(core: &TxCore, context: &IsolationContext) -> Result<(), TxRuleError> {
    if core.chain != context.chain_id {
        return Err(TxRuleError::WrongChain { got: core.chain, expected: context.chain_id });
    }
    Ok(())
}

/// # Consensus
/// > A transaction MUST consume at least one Coin or Memo and create at least one. (T3)
fn check_has_inputs_and_outputs(core: &TxCore) -> Result<(), TxRuleError> {
    if core.inputs.is_empty() {
        return Err(TxRuleError::NoInputs);
    }
    if core.outputs.is_empty() {
        return Err(TxRuleError::NoOutputs);
    }
    Ok(())
}

/// # Consensus
/// > Inputs MUST be strictly ascending by outpoint. (T4)
fn check_inputs_ascend(core: &TxCore) -> Result<(), TxRuleError> {
    for pair in core.inputs.windows(2) {
        if pair[0].outpoint >= pair[1].outpoint {
            return Err(TxRuleError::InputsNotAscending(pair[1].outpoint));
        }
    }
    Ok(())
}

fn is_hidden(output: &Output) -> bool {
    match output {
        Output::Coin { .. } => true,
        Output::Memo(memo) => matches!(memo.value, MemoValue::Hidden { .. }),
    }
}

/// # Consensus
/// > At most 16 hidden values MUST be created: what one aggregated range proof covers. (T5)
fn check_hidden_outputs(core: &TxCore) -> Result<(), TxRuleError> {
    let got = core.outputs.iter().filter(|o| is_hidden(o)).count();
    if got > MAX_HIDDEN_OUTPUTS {
        return Err(TxRuleError::TooManyHiddenOutputs { got, limit: MAX_HIDDEN_OUTPUTS });
    }
    Ok(())
}

/// # Consensus
/// > A Memo MUST be created and consumed only under lock `Address`; a refund branch MUST have a refund address. (T6)
fn check_locks(core: &TxCore) -> Result<(), TxRuleError> {
    for (index, input) in core.inputs.iter().enumerate() {
        if let Input::Memo { terms, branch } = &input.consumed {
            check_lock_active(&terms.lock, "an input")?;
            if *branch == LockBranch::Refund && terms.refund.is_none() {
                return Err(TxRuleError::NoRefundBranch(index));
            }
        }
    }
    for output in &core.outputs {
        if let Output::Memo(Memo { lock, .. }) = output {
            check_lock_active(lock, "an output")?;
        }
    }
    Ok(())
}

fn check_lock_active(lock: &Lock, place: &'static str) -> Result<(), TxRuleError> {
    match lock {
        Lock::Address(_) => Ok(()),
        Lock::Multisig { .. } | Lock::NameCommit { .. } | Lock::HashTimelock { .. } | Lock::PostQuantum { .. } => {
            Err(TxRuleError::LockInactive(place))
        }
    }
}

/// # Consensus
/// > A public Memo MUST hold more than nothing. (T7)
fn check_public_values(core: &TxCore) -> Result<(), TxRuleError> {
    for (index, output) in core.outputs.iter().enumerate() {
        if let Output::Memo(Memo { value: MemoValue::Public(amount), .. }) = output
            && amount.is_zero()
        {
            return Err(TxRuleError::ZeroValue(index));
        }
    }
    Ok(())
}

/// # Consensus
/// > The fee MUST be at least one base unit of STR for each unit of compute mass. (T8)
fn check_fee(core: &TxCore, mass: u64) -> Result<(), TxRuleError> {
    let needed = min_fee(mass);
    if core.fee < needed {
        return Err(TxRuleError::FeeTooLow { got: core.fee, needed });
    }
    Ok(())
}
