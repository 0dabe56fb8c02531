//! Mass: what a transaction costs everyone, in bytes (docs/spec/transaction.md §4.1).
//!
//! Compute mass is for what every node receives and verifies once, state mass for what every node keeps until it is
//! consumed. A transaction pays for the larger of the two.

use umbel_types::params::{MASS_PER_SIGNATURE, MASS_PER_STATE_BYTE, MIN_FEE_PER_MASS};
use umbel_types::tx::LockBranch;
use umbel_types::utxo::StoredOutput;
use umbel_types::{Action, Amount, AssetId, Encode, Input, Lock, Memo, TxCore};

/// Source and index.
const OUTPOINT_BYTES: u64 = 32 + 4;
/// Origin and DAA score, which a stored entry has besides its output.
const ENTRY_FRAME_BYTES: u64 = 1 + 8;
/// Of a coin without a note: tag, asset, flags, one-time key, c, d, R, sealed, tag of the note, no public value.
pub const COIN_STORED_BYTES: u64 = OUTPOINT_BYTES + ENTRY_FRAME_BYTES + (1 + 32 + 1 + 96 + 32 + 32 + 32 + 51 + 1 + 1);

/// What an unspent output takes: its outpoint and its encoded entry.
pub fn stored_bytes(output: &StoredOutput) -> u64 {
    OUTPOINT_BYTES + ENTRY_FRAME_BYTES + output.to_bytes().len() as u64
}

/// What consuming an output gives back at least. A core shows neither the length of a note nor that of data, so those
/// are never given back.
fn given_back(input: &Input) -> u64 {
    match input {
        Input::Coin { .. } => COIN_STORED_BYTES,
        Input::Memo { terms, branch: _ } => stored_bytes(&StoredOutput::Memo(Memo {
            asset: terms.asset,
            value: terms.value.clone(),
            lock: terms.lock.clone(),
            refund: terms.refund,
            data: Vec::new(),
            valid: terms.valid,
        })),
    }
}

/// Bytes by which a transaction lets the UTXO set and State grow at most: what it creates less what it surely gives back,
/// at least zero.
pub fn state_bytes(core: &TxCore) -> u64 {
    // At most 64 outputs of a few KiB each: far from overflow.
    let outputs: u64 = core.outputs.iter().map(|output| stored_bytes(&StoredOutput::from(output))).sum();
    let created = outputs + action_state_bytes(&core.action);
    let returned: u64 = core.inputs.iter().map(|input| given_back(&input.consumed)).sum();
    created.saturating_sub(returned)
}

/// State bytes of the transactions of one body. Each counts by itself, at least zero: a transaction that gives back may
/// be skipped, and then nothing pays for what another adds.
pub fn sum_state_bytes<'a>(cores: impl IntoIterator<Item = &'a TxCore>) -> u64 {
    cores.into_iter().map(state_bytes).fold(0, u64::saturating_add)
}

/// `max(bytes, 300 × signatures)` (R9 a).
pub fn compute_mass(size_bytes: usize, signatures: usize) -> u64 {
    (size_bytes as u64).max(MASS_PER_SIGNATURE.saturating_mul(signatures as u64))
}

/// Ten for each state byte.
pub fn state_mass(state_bytes: u64) -> u64 {
    MASS_PER_STATE_BYTE.saturating_mul(state_bytes)
}

/// Signatures and input proofs that the witness of `core` holds, those of evidence included.
pub fn signatures(core: &TxCore) -> usize {
    let of_action = match core.action {
        Action::Transfer | Action::Delegate(_) => 0,
        Action::Undelegate(_) | Action::Withdraw(_) | Action::Unjail(_) => 1,
        Action::Register(_) | Action::Evidence(_) => 2,
    };
    core.inputs.iter().map(|input| signatures_of(&input.consumed)).sum::<usize>() + of_action
}

/// Of an object: its id and class twice, nonce, script, owner, deposit, length of the body, range of validity.
const OBJECT_FRAME_BYTES: u64 = 1 + 32 + 32 + 1 + 8 + 32 + 21 + 8 + 4 + 16;
/// Of a validator.
const VALIDATOR_BYTES: u64 = OBJECT_FRAME_BYTES + 1952 + 2 + 1 + 8 + 8 + 8 + 16 + 4 + 8;
/// By which a validator grows that is slashed, and the record of what was slashed lately.
const SLASH_BYTES: u64 = 4 + 8 + 8;
/// Of a delegation with nothing on its way out.
const DELEGATION_BYTES: u64 = OBJECT_FRAME_BYTES + 32 + 8 + 4 + 8 + 16;
/// Of one entry of stake on its way out.
const LEAVING_BYTES: u64 = 8 + 8;
/// Most outputs that are derived for an Action: what a delegator gets, and the deposit of a validator without any.
const MAX_DERIVED: u64 = 2;

/// Bytes of State and of derived outputs that an Action adds at most.
fn action_state_bytes(action: &Action) -> u64 {
    let derived = || {
        let nobody = umbel_types::ZkAddress([0; 20]);
        stored_bytes(&StoredOutput::Memo(Memo::public_payment(AssetId::STR, Amount::ZERO, nobody)))
    };
    match action {
        Action::Transfer | Action::Unjail(_) => 0,
        Action::Register(_) => VALIDATOR_BYTES + DELEGATION_BYTES,
        Action::Delegate(_) => DELEGATION_BYTES,
        Action::Undelegate(_) => LEAVING_BYTES,
        Action::Withdraw(_) => MAX_DERIVED * derived(),
        Action::Evidence(_) => SLASH_BYTES + derived(),
    }
}

fn signatures_of(input: &Input) -> usize {
    let Input::Memo { terms, branch: LockBranch::Owner } = input else {
        return 1;
    };
    match &terms.lock {
        Lock::Multisig { m, keys: _ } => usize::from(*m),
        Lock::PostQuantum { .. } => 2,
        Lock::Address(_) | Lock::NameCommit { .. } | Lock::HashTimelock { .. } => 1,
    }
}

/// Mass of a transaction of `size_bytes`: `max(compute mass, state mass)`.
pub fn mass(core: &TxCore, size_bytes: usize) -> u64 {
    compute_mass(size_bytes, signatures(core)).max(state_mass(state_bytes(core)))
}

/// Least fee for a mass.
pub fn min_fee(mass: u64) -> Amount {
    Amount::from_units(mass.saturating_mul(MIN_FEE_PER_MASS))
}
