//! Rules that need the transaction and constants, nothing else: a failure invalidates the block that carries it.

use std::sync::Arc;

use rand_core::CryptoRng;
use umbel_crypto::BatchVerifier;
use umbel_crypto::signature::is_public_key;
use umbel_types::errors::TxRuleError;
use umbel_types::lock::{MAX_MULTISIG_KEYS, PublicKeyBytes};
use umbel_types::params::MAX_BLOCK_STATE_BYTES;
use umbel_types::tx::{MAX_HIDDEN_OUTPUTS, MAX_TX_BYTES};
use umbel_types::{
    Amount, BlockHash, DaaRange, Input, Lock, Memo, MemoValue, Output, Params, Transaction, TxCore, TxId, WtxId,
};

use crate::mass::{mass, min_fee, state_bytes};
use crate::staking::check_action_in_isolation;

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
    state_bytes: u64,
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

    /// Mass: the larger of compute mass and state mass.
    pub fn mass(&self) -> u64 {
        self.mass
    }

    /// Bytes by which it lets the UTXO set grow at most.
    pub fn state_bytes(&self) -> u64 {
        self.state_bytes
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
    let mut batch = BatchVerifier::new();
    let isolated = check_without_batch(&Arc::new(tx), context, &mut batch)?;
    batch.verify(rng).map_err(|culprit| culprit.error)?;
    Ok(isolated)
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
        isolated.push(check_without_batch(tx, context, &mut batch).map_err(|error| (index, error))?);
    }
    batch.verify(rng).map_err(|culprit| (culprit.index, culprit.error))?;
    Ok(isolated)
}

/// All but the proofs that are left in `batch`: the result counts only once that verifies.
fn check_without_batch(
    tx: &Arc<Transaction>,
    context: &IsolationContext,
    batch: &mut BatchVerifier,
) -> Result<IsolatedTx, TxRuleError> {
    let size_bytes = tx.size_bytes();
    let Cost { mass, state_bytes } = check_structure(tx, context, size_bytes)?;
    batch.push(tx, &tx.core.sighash(context.genesis))?;
    Ok(IsolatedTx { tx: tx.clone(), txid: tx.txid(), wtxid: tx.wtxid(), mass, state_bytes, size_bytes })
}

/// Checks the rules that need neither state nor a proof: what is cheap enough to look at before anything else.
///
/// # Errors
/// The first rule broken.
pub fn check_tx_structure(tx: &Transaction, context: &IsolationContext) -> Result<(), TxRuleError> {
    check_structure(tx, context, tx.size_bytes()).map(|_| ())
}

/// What a transaction costs everyone.
struct Cost {
    mass: u64,
    state_bytes: u64,
}

fn check_structure(tx: &Transaction, context: &IsolationContext, size_bytes: usize) -> Result<Cost, TxRuleError> {
    check_size(size_bytes)?;
    check_chain(&tx.core, context)?;
    check_has_inputs_and_outputs(&tx.core)?;
    check_inputs_ascend(&tx.core)?;
    check_hidden_outputs(&tx.core)?;
    check_locks(&tx.core)?;
    check_public_values(&tx.core)?;
    check_action_in_isolation(&tx.core.action, context)?;
    let cost = Cost { mass: mass(&tx.core, size_bytes), state_bytes: state_bytes(&tx.core) };
    check_state_bytes(cost.state_bytes)?;
    check_fee(&tx.core, cost.mass)?;
    check_multisig_locks(&tx.core)?;
    Ok(cost)
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

/// Every lock that is consumed or created: where, whether its Memo has an end, and the lock.
fn locks(core: &TxCore) -> impl Iterator<Item = (&'static str, usize, DaaRange, &Lock)> {
    let consumed = core.inputs.iter().enumerate().filter_map(|(index, input)| match &input.consumed {
        Input::Memo { terms, branch: _ } => Some(("input", index, terms.valid, &terms.lock)),
        Input::Coin { .. } => None,
    });
    let created = core.outputs.iter().enumerate().filter_map(|(index, output)| match output {
        Output::Memo(memo) => Some(("output", index, memo.valid, &memo.lock)),
        Output::Coin { .. } => None,
    });
    consumed.chain(created)
}

/// # Consensus
/// > Locks MUST be active. A Memo under a hash lock MUST have neither a start nor an end: its claim is valid until it
/// > is spent, and its refund is the lock's own. (T6)
fn check_locks(core: &TxCore) -> Result<(), TxRuleError> {
    for (place, index, valid, lock) in locks(core) {
        match lock {
            Lock::NameCommit { .. } => return Err(TxRuleError::LockInactive { place, index }),
            Lock::HashTimelock { .. } if valid != DaaRange::ALWAYS => {
                return Err(TxRuleError::TimelockBounds { place, index });
            }
            Lock::Address(_) | Lock::Multisig { .. } | Lock::HashTimelock { .. } | Lock::PostQuantum { .. } => {}
        }
    }
    Ok(())
}

/// # Consensus
/// > A multisig lock, created or consumed, MUST have 1 to 16 keys, strictly ascending, and 1 ≤ m ≤ n. Each key of one that
/// > is created MUST be a point of secp256k1 in compressed form: else coins could go where no signature lets them out. (T12)
fn check_multisig_locks(core: &TxCore) -> Result<(), TxRuleError> {
    for (place, index, _, lock) in locks(core) {
        if let Lock::Multisig { m, keys } = lock
            && !has_sound_shape(*m, keys)
        {
            return Err(TxRuleError::MultisigLock { place, index });
        }
    }
    // Of what is created alone: decoding a key takes a square root. State bytes bound how many a transaction can create,
    // while it can name any number of locks that it claims to consume before anybody looks for them.
    for (index, output) in core.outputs.iter().enumerate() {
        if let Output::Memo(Memo { lock: Lock::Multisig { keys, .. }, .. }) = output
            && !keys.iter().all(is_public_key)
        {
            return Err(TxRuleError::MultisigLock { place: "output", index });
        }
    }
    Ok(())
}

fn has_sound_shape(m: u8, keys: &[PublicKeyBytes]) -> bool {
    (1..=keys.len()).contains(&usize::from(m))
        && keys.len() <= MAX_MULTISIG_KEYS
        && keys.windows(2).all(|pair| pair[0] < pair[1])
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
/// > A transaction MUST NOT let the UTXO set grow by more than a body may: 6,144 bytes. (T11)
fn check_state_bytes(got: u64) -> Result<(), TxRuleError> {
    if got > MAX_BLOCK_STATE_BYTES {
        return Err(TxRuleError::StateTooLarge { got, limit: MAX_BLOCK_STATE_BYTES });
    }
    Ok(())
}

/// # Consensus
/// > The fee MUST be at least one base unit of STR for each unit of mass. (T8)
fn check_fee(core: &TxCore, mass: u64) -> Result<(), TxRuleError> {
    let needed = min_fee(mass);
    if core.fee < needed {
        return Err(TxRuleError::FeeTooLow { got: core.fee, needed });
    }
    Ok(())
}
