//! From a plan to a transaction that lacks its witness: coins are built, commitments made, the salt drawn.

use umbel_crypto::coin::{CoinSecrets, NewCoin, NoteSize, build_coin};
use umbel_crypto::generators::commit_value;
use umbel_crypto::keys::{Address, PlannedOutput};
use umbel_types::hash::{Domain, Hasher};
use umbel_types::tx::{LockBranch, TX_VERSION};
use umbel_types::{
    Action, Amount, AssetId, BlockHash, DaaRange, Input, Lock, Memo, MemoValue, Origin, OutPoint, Output, TimestampMs,
    TxCore, TxInput, ZkAddress,
};

use crate::coins::{OwnedCoin, PaidTo, Spendable, Text};
use crate::error::WalletError;
use crate::keys::WatchKeys;
use crate::random::SeededRng;

/// What stands for a lock in a salt.
const PLANNED_LOCK: Domain = Domain("umbel/planned-lock/v1");
/// What stands for an Action in a salt.
const PLANNED_ACTION: Domain = Domain("umbel/planned-action/v1");

/// What every transaction of a network needs to say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ChainTerms {
    /// Chain id.
    pub(crate) chain: u32,
    /// Genesis block.
    pub(crate) genesis: BlockHash,
    /// When transactions may be accepted.
    pub(crate) valid: DaaRange,
}

/// Whom an output pays.
#[allow(clippy::large_enum_variant, reason = "few outputs are planned at a time")]
#[derive(Clone, Debug)]
pub(crate) enum Payee {
    /// An address of either kind.
    Address(Address),
    /// Whoever opens a lock.
    Lock {
        /// The lock.
        lock: Lock,
        /// Data of its Memo.
        data: Vec<u8>,
    },
}

impl Payee {
    /// What the salt commits to. A lock has no address: one that is made of its hash stands for it there.
    fn planned(&self) -> Address {
        match self {
            Self::Address(address) => address.clone(),
            Self::Lock { lock, data } => stand_in(Hasher::new(PLANNED_LOCK).with(lock).with_bytes(data)),
        }
    }
}

/// An address that nobody has, in the place of what has none.
fn stand_in(hasher: Hasher) -> Address {
    let mut bytes = [0; 20];
    bytes.copy_from_slice(&hasher.finish().0[..20]);
    Address::Zk13str(ZkAddress(bytes))
}

/// What a transaction does besides its inputs and outputs.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    /// Its Action.
    pub(crate) action: Action,
    /// Length class of its coins' notes.
    pub(crate) note: NoteSize,
    /// Its fee.
    pub(crate) fee: Amount,
}

impl Frame {
    /// A transfer.
    pub(crate) fn transfer(note: NoteSize, fee: Amount) -> Self {
        Self { action: Action::Transfer, note, fee }
    }
}

/// An output to be made, its recipient known.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// Whom it pays.
    pub(crate) to: Payee,
    /// Asset.
    pub(crate) asset: AssetId,
    /// Amount.
    pub(crate) value: Amount,
    /// Note; of coins only.
    pub(crate) note: String,
    /// Number of the internal address, where it is one.
    pub(crate) internal: Option<u32>,
}

/// Secrets of one output, for its proof.
pub(crate) enum OutputKind {
    /// Of a coin.
    Coin(CoinSecrets),
    /// A public Memo has none.
    PublicMemo,
}

/// A core with the secrets that its witness needs. [`crate::sign`] makes the witness.
pub(crate) struct ProvedTx {
    /// The core.
    pub(crate) core: TxCore,
    /// What is consumed, in the core's order.
    pub(crate) inputs: Vec<OwnedCoin>,
    /// In the core's order.
    pub(crate) outputs: Vec<OutputKind>,
    /// Own outputs, as coins that a later transaction can consume.
    pub(crate) own: Vec<OwnedCoin>,
}

/// Shuffles so that no place says what it holds (Fisher–Yates).
fn shuffle<T>(items: &mut [T], rng: &mut SeededRng) {
    use rand_core::Rng;
    for last in (1..items.len()).rev() {
        // Of 2⁶⁴ values and at most 64 places, the bias is below 2⁻⁵⁸.
        let place = rng.next_u64() % (last as u64 + 1);
        items.swap(last, usize::try_from(place).expect("below 64"));
    }
}

/// Builds the core of one transaction: inputs by ascending outpoint, outputs in random order, a fresh salt.
///
/// # Errors
/// [`WalletError::Build`], [`WalletError::NoteTooLong`].
pub(crate) fn prove(
    keys: &WatchKeys,
    terms: &ChainTerms,
    mut inputs: Vec<OwnedCoin>,
    mut targets: Vec<Target>,
    frame: Frame,
    rng: &mut SeededRng,
) -> Result<ProvedTx, WalletError> {
    let Frame { action, note, fee } = frame;
    inputs.sort_by_key(|coin| coin.outpoint);
    shuffle(&mut targets, rng);
    let outpoints: Vec<OutPoint> = inputs.iter().map(|coin| coin.outpoint).collect();
    let recipients: Vec<Address> = targets.iter().map(|target| target.to.planned()).collect();
    let acted = stand_in(Hasher::new(PLANNED_ACTION).with(&action));
    let mut planned: Vec<PlannedOutput<'_>> = targets
        .iter()
        .zip(&recipients)
        .map(|(target, recipient)| PlannedOutput {
            recipient,
            asset: target.asset,
            value: target.value,
            note: &target.note,
        })
        .collect();
    if action != Action::Transfer {
        planned.push(PlannedOutput { recipient: &acted, asset: AssetId::STR, value: Amount::ZERO, note: "" });
    }
    let salt = keys.outgoing().salt(&outpoints, &planned, fee, rng);

    let mut outputs = Vec::with_capacity(targets.len());
    let mut kinds = Vec::with_capacity(targets.len());
    let mut own = Vec::new();
    for (target, position) in targets.iter().zip(0u32..) {
        match &target.to {
            Payee::Address(Address::Zk13str(address)) => {
                outputs.push(Output::Memo(Memo::public_payment(target.asset, target.value, *address)));
                kinds.push(OutputKind::PublicMemo);
            }
            Payee::Lock { lock, data } => {
                outputs.push(Output::Memo(Memo {
                    asset: target.asset,
                    value: MemoValue::Public(target.value),
                    lock: lock.clone(),
                    refund: None,
                    data: data.clone(),
                    valid: DaaRange::ALWAYS,
                }));
                kinds.push(OutputKind::PublicMemo);
            }
            Payee::Address(Address::Confidential(recipient)) => {
                let x = keys.outgoing().output_scalar(&outpoints, &salt, position);
                let new = NewCoin {
                    recipient,
                    asset: target.asset,
                    value: target.value,
                    note: &target.note,
                    note_size: note,
                    position,
                };
                let built = build_coin(&new, &x)
                    .map_err(|error| WalletError::NoteTooLong { got: error.got, limit: error.limit })?;
                if let Some(internal) = target.internal {
                    own.push((position, built.coin.clone(), target, internal));
                }
                kinds.push(OutputKind::Coin(built.secrets));
                outputs.push(Output::Coin { coin: built.coin, value_commitment: built.value_commitment });
            }
        }
    }
    let core_inputs = inputs.iter().map(|coin| input_of(keys, &salt, coin)).collect();
    let core = TxCore {
        version: TX_VERSION,
        chain: terms.chain,
        action,
        inputs: core_inputs,
        outputs,
        fee,
        valid: terms.valid,
        salt,
    };
    let txid = core.txid();
    let own = own
        .into_iter()
        .map(|(position, coin, target, internal)| OwnedCoin {
            outpoint: OutPoint::of_tx(txid, position),
            asset: target.asset,
            value: target.value,
            body: Spendable::Coin { owner: coin.owner, c: coin.c, d: coin.d },
            origin: Origin::Transaction,
            daa_score: terms.valid.start,
            time: TimestampMs(0),
            paid_to: PaidTo::Internal(internal),
            note: Text::default(),
            verified: true,
        })
        .collect();
    Ok(ProvedTx { core, inputs, outputs: kinds, own })
}

/// The input that consumes a coin: its bytes, and for a coin a commitment to its value under a fresh blinding.
fn input_of(keys: &WatchKeys, salt: &[u8; 32], coin: &OwnedCoin) -> TxInput {
    let consumed = match &coin.body {
        Spendable::Coin { owner, c, d } => {
            let blinding = keys.view().input_blinding(salt, &coin.outpoint);
            Input::Coin {
                asset: coin.asset,
                owner: *owner,
                c: *c,
                d: *d,
                value_commitment: commit_value(coin.value.units(), &blinding),
            }
        }
        Spendable::Memo(terms) => Input::Memo { terms: terms.clone(), branch: LockBranch::Owner },
    };
    TxInput { outpoint: coin.outpoint, consumed }
}
