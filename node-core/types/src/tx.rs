//! Transactions: a core that says what happens, a witness that proves it may (docs/spec/transaction.md).

use crate::amount::Amount;
use crate::coin::{Coin, OneTimeKey, PointBytes};
use crate::encode::{Decode, DecodeError, Encode, Reader, encode_bytes, encode_list};
use crate::hash::{AssetId, BlockHash, Domain, Hash32, Hasher, TxId, WtxId, hash_of};
use crate::lock::{Lock, ML_DSA_KEY_BYTES, ML_DSA_SIGNATURE_BYTES, PREIMAGE_BYTES, PublicKeyBytes};
use crate::memo::{Memo, MemoTerms};
use crate::score::DaaRange;
use crate::staking::{
    ActionWitness, DELEGATION_DEPOSIT, Delegate, Register, Report, Undelegate, Unjail, VALIDATOR_DEPOSIT, Withdraw,
};
use crate::{encode_struct, encode_tag};

/// The only version so far.
pub const TX_VERSION: u16 = 1;
/// Most inputs. A payment that needs more is consolidated first.
pub const MAX_INPUTS: usize = 64;
/// Most outputs of both kinds.
pub const MAX_OUTPUTS: usize = 64;
/// Most hidden values created: what one aggregated range proof covers.
pub const MAX_HIDDEN_OUTPUTS: usize = 16;
/// Most bytes of a transaction, so that a block of 64 KiB holds at least one of any kind.
pub const MAX_TX_BYTES: usize = 40 * 1024;
/// Longest range proof: sixteen 64-bit values.
pub const MAX_RANGE_PROOF_BYTES: usize = 1024;
/// Four commitments and four responses.
pub const INPUT_PROOF_BYTES: usize = 256;
/// Three commitments and three responses.
pub const OUTPUT_PROOF_BYTES: usize = 192;
/// One commitment and one response.
pub const KERNEL_PROOF_BYTES: usize = 64;

/// An output: where it was made and its place there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OutPoint {
    /// Transaction id, or the hash that stands for a coinbase, a derived output or genesis.
    pub source: Hash32,
    /// Index of the output; derived outputs count from 2¹⁵.
    pub index: u32,
}
encode_struct!(OutPoint { source, index });

impl OutPoint {
    /// Output `index` of a transaction.
    pub fn of_tx(txid: TxId, index: u32) -> Self {
        Self { source: txid.into(), index }
    }

    /// The reward for `block`: `(H("umbel/coinbase/v1" ‖ block), 0)`.
    pub fn of_coinbase(block: BlockHash) -> Self {
        Self { source: hash_of(Domain::COINBASE, &block), index: 0 }
    }
}

impl core::fmt::Display for OutPoint {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}:{}", self.source, self.index)
    }
}

/// Which branch of a Memo's lock an input uses. The outcome must not depend on the witness, so the core says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LockBranch {
    /// The lock itself; of a hash lock, the claim.
    Owner,
    /// The refund address; of a hash lock, its refund.
    Refund,
}

encode_tag!(LockBranch, "lock branch" { Owner = 0, Refund = 1 });

/// What an input consumes, repeated so that every proof and signature can be checked before any state is known.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// A coin.
    Coin {
        /// Which asset.
        asset: AssetId,
        /// Its one-time key.
        owner: OneTimeKey,
        /// `c` of the coin.
        c: PointBytes,
        /// `d` of the coin.
        d: PointBytes,
        /// `V* = v·B + w·B̃`: the coin's value, committed to anew.
        value_commitment: PointBytes,
    },
    /// A Memo.
    Memo {
        /// The Memo but for its data.
        terms: MemoTerms,
        /// The branch of its lock.
        branch: LockBranch,
    },
}

impl Input {
    /// The asset consumed.
    pub fn asset(&self) -> AssetId {
        match self {
            Self::Coin { asset, .. } => *asset,
            Self::Memo { terms, .. } => terms.asset,
        }
    }
}

/// One consumed output.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TxInput {
    /// Which output.
    pub outpoint: OutPoint,
    /// What it is.
    pub consumed: Input,
}
encode_struct!(TxInput { outpoint, consumed });

impl Encode for Input {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Coin { asset, owner, c, d, value_commitment } => {
                out.push(0);
                asset.encode(out);
                owner.encode(out);
                c.encode(out);
                d.encode(out);
                value_commitment.encode(out);
            }
            Self::Memo { terms, branch } => {
                out.push(1);
                terms.encode(out);
                branch.encode(out);
            }
        }
    }
}

impl Decode for Input {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match u8::decode(r)? {
            0 => Ok(Self::Coin {
                asset: Decode::decode(r)?,
                owner: Decode::decode(r)?,
                c: Decode::decode(r)?,
                d: Decode::decode(r)?,
                value_commitment: Decode::decode(r)?,
            }),
            1 => Ok(Self::Memo { terms: Decode::decode(r)?, branch: Decode::decode(r)? }),
            got => Err(DecodeError::UnknownTag { what: "input", got: u64::from(got) }),
        }
    }
}

/// One created output.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Output {
    /// A coin, with `V = v·B + w·B̃`, the commitment that the range proof and the kernel use.
    Coin {
        /// The coin.
        coin: Coin,
        /// Its value, committed to.
        value_commitment: PointBytes,
    },
    /// A Memo.
    Memo(Memo),
}

impl Output {
    /// The asset created.
    pub fn asset(&self) -> AssetId {
        match self {
            Self::Coin { coin, .. } => coin.asset,
            Self::Memo(memo) => memo.asset,
        }
    }
}

impl Encode for Output {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Coin { coin, value_commitment } => {
                out.push(0);
                coin.encode(out);
                value_commitment.encode(out);
            }
            Self::Memo(memo) => {
                out.push(1);
                memo.encode(out);
            }
        }
    }
}

impl Decode for Output {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match u8::decode(r)? {
            0 => Ok(Self::Coin { coin: Decode::decode(r)?, value_commitment: Decode::decode(r)? }),
            1 => Ok(Self::Memo(Decode::decode(r)?)),
            got => Err(DecodeError::UnknownTag { what: "output", got: u64::from(got) }),
        }
    }
}

/// What a transaction does besides moving coins and memos. Tags are assigned in docs/spec/transaction.md §4.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Nothing else.
    Transfer,
    /// Makes a validator.
    Register(Register),
    /// Adds stake.
    Delegate(Delegate),
    /// Starts to take stake out.
    Undelegate(Undelegate),
    /// Takes out what is due.
    Withdraw(Withdraw),
    /// Lets a validator be elected again.
    Unjail(Unjail),
    /// Has a validator slashed.
    Evidence(Report),
}

impl Encode for Action {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Transfer => out.push(0),
            Self::Register(action) => {
                out.push(1);
                action.encode(out);
            }
            Self::Delegate(action) => {
                out.push(2);
                action.encode(out);
            }
            Self::Undelegate(action) => {
                out.push(3);
                action.encode(out);
            }
            Self::Withdraw(action) => {
                out.push(4);
                action.encode(out);
            }
            Self::Unjail(action) => {
                out.push(5);
                action.encode(out);
            }
            Self::Evidence(action) => {
                out.push(6);
                action.encode(out);
            }
        }
    }
}

impl Decode for Action {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match u8::decode(r)? {
            0 => Self::Transfer,
            1 => Self::Register(Decode::decode(r)?),
            2 => Self::Delegate(Decode::decode(r)?),
            3 => Self::Undelegate(Decode::decode(r)?),
            4 => Self::Withdraw(Decode::decode(r)?),
            5 => Self::Unjail(Decode::decode(r)?),
            6 => Self::Evidence(Decode::decode(r)?),
            got => return Err(DecodeError::UnknownTag { what: "action", got: u64::from(got) }),
        })
    }
}

/// The six ledgers: lanes of a block, of acceptance, and sub-roots of the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ledger {
    /// Transfers and all that is not named below.
    Main,
    /// Names, collectibles, tokens, offers, hosting, datasets.
    Asset,
    /// Contracts.
    Contract,
    /// Validators, proposals, treasury.
    Governance,
    /// Bridges, swaps, vaults.
    Ccoin,
    /// Transfers and claims of CCOS.
    Ccos,
}
encode_tag!(Ledger, "ledger" { Main = 0, Asset = 1, Contract = 2, Governance = 3, Ccoin = 4, Ccos = 5 });

impl Ledger {
    /// All, in lane order.
    pub const ALL: [Self; 6] = [Self::Main, Self::Asset, Self::Contract, Self::Governance, Self::Ccoin, Self::Ccos];

    /// Its lane, 0..6.
    pub const fn lane(self) -> usize {
        self as usize
    }
}

/// What a transaction does. Its hash is the transaction's id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TxCore {
    /// [`TX_VERSION`].
    pub version: u16,
    /// Chain id of the network.
    pub chain: u32,
    /// What it does besides moving coins and memos.
    pub action: Action,
    /// What it consumes, by strictly ascending outpoint.
    pub inputs: Vec<TxInput>,
    /// What it creates.
    pub outputs: Vec<Output>,
    /// Fee in STR.
    pub fee: Amount,
    /// When it may be accepted.
    pub valid: DaaRange,
    /// Fresh for each build: no two builds share proof or coin secrets.
    pub salt: [u8; 32],
}

impl TxCore {
    /// The transaction's id.
    pub fn txid(&self) -> TxId {
        hash_of(Domain::TXID, self).into()
    }

    /// What all proofs and signatures are about.
    pub fn sighash(&self, genesis: BlockHash) -> Hash32 {
        Hasher::new(Domain::SIGHASH).with(&self.chain).with(&genesis).with(self).finish()
    }

    /// The ledger it belongs to: a pure function of the core.
    pub fn ledger(&self) -> Ledger {
        match self.action {
            Action::Transfer if self.inputs.iter().any(|i| i.consumed.asset() == AssetId::CCOS) => Ledger::Ccos,
            Action::Transfer => Ledger::Main,
            Action::Register(_)
            | Action::Delegate(_)
            | Action::Undelegate(_)
            | Action::Withdraw(_)
            | Action::Unjail(_)
            | Action::Evidence(_) => Ledger::Governance,
        }
    }

    /// STR that the Action moves into State, deposits included: public, and out of the inputs.
    pub fn staked(&self) -> Amount {
        let amounts = match &self.action {
            Action::Register(register) => [register.stake, VALIDATOR_DEPOSIT, DELEGATION_DEPOSIT],
            Action::Delegate(delegate) => [delegate.amount, Amount::ZERO, Amount::ZERO],
            Action::Transfer
            | Action::Undelegate(_)
            | Action::Withdraw(_)
            | Action::Unjail(_)
            | Action::Evidence(_) => return Amount::ZERO,
        };
        // Stake above the supply breaks a rule of its own, so that the largest amount is as good as the sum.
        Amount::sum(amounts).unwrap_or(Amount::MAX)
    }

    /// Number of coins created: one output proof each.
    pub fn coin_outputs(&self) -> usize {
        self.outputs.iter().filter(|o| matches!(o, Output::Coin { .. })).count()
    }
}

impl Encode for TxCore {
    fn encode(&self, out: &mut Vec<u8>) {
        self.version.encode(out);
        self.chain.encode(out);
        self.action.encode(out);
        encode_list(&self.inputs, out);
        encode_list(&self.outputs, out);
        self.fee.encode(out);
        self.valid.encode(out);
        self.salt.encode(out);
    }
}

impl Decode for TxCore {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let core = Self {
            version: Decode::decode(r)?,
            chain: Decode::decode(r)?,
            action: Decode::decode(r)?,
            inputs: r.list(MAX_INPUTS, "inputs")?,
            outputs: r.list(MAX_OUTPUTS, "outputs")?,
            fee: Decode::decode(r)?,
            valid: Decode::decode(r)?,
            salt: Decode::decode(r)?,
        };
        if core.version != TX_VERSION {
            return Err(DecodeError::UnknownTag { what: "transaction version", got: u64::from(core.version) });
        }
        Ok(core)
    }
}

/// A key and its 64-byte low-s ECDSA signature over the sighash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KeySignature {
    /// The key behind the address.
    pub public_key: PublicKeyBytes,
    /// `r ‖ s`.
    pub signature: [u8; 64],
}
encode_struct!(KeySignature { public_key, signature });

/// A signature by one key of a multisig lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IndexedSignature {
    /// Index of the key in the lock.
    pub index: u8,
    /// `r ‖ s`, low s.
    pub signature: [u8; 64],
}
encode_struct!(IndexedSignature { index, signature });

/// An ML-DSA-65 key and its signature over the sighash, in context `umbel/lock/v1`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MlDsaSignature {
    /// The key that the lock has the hash of.
    pub key: [u8; ML_DSA_KEY_BYTES],
    /// Its signature.
    pub signature: [u8; ML_DSA_SIGNATURE_BYTES],
}
encode_struct!(MlDsaSignature { key, signature });

/// What shows that an input may be consumed. Which kind stands where follows from the core.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum InputWitness {
    /// Proof for a coin.
    Coin([u8; INPUT_PROOF_BYTES]),
    /// For lock `Address`, and for every refund.
    Signature(KeySignature),
    /// For lock `Multisig`: as many as it asks for, strictly ascending by index.
    Multisig(Vec<IndexedSignature>),
    /// For the claim of a `HashTimelock`.
    HashClaim {
        /// Its SHA-256 is the lock's.
        preimage: [u8; PREIMAGE_BYTES],
        /// By the claim address.
        signed: KeySignature,
    },
    /// For lock `PostQuantum`.
    PostQuantum {
        /// By the lock's address.
        signed: KeySignature,
        /// By the lock's second key.
        ml_dsa: Box<MlDsaSignature>,
    },
}

impl Encode for InputWitness {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Coin(proof) => out.extend_from_slice(proof),
            Self::Signature(signed) => signed.encode(out),
            // The count is the core's: no length is sent.
            Self::Multisig(signatures) => signatures.iter().for_each(|signature| signature.encode(out)),
            Self::HashClaim { preimage, signed } => {
                preimage.encode(out);
                signed.encode(out);
            }
            Self::PostQuantum { signed, ml_dsa } => {
                signed.encode(out);
                ml_dsa.encode(out);
            }
        }
    }
}

impl InputWitness {
    /// Reads the entry that `input` asks for.
    fn decode_for(input: &Input, r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let Input::Memo { terms, branch } = input else {
            return Ok(Self::Coin(r.array("input proof")?));
        };
        Ok(match (branch, &terms.lock) {
            // A lock that no rule opens reads like one signature; T6 refuses the transaction.
            (LockBranch::Refund, _) | (LockBranch::Owner, Lock::Address(_) | Lock::NameCommit { .. }) => {
                Self::Signature(Decode::decode(r)?)
            }
            (LockBranch::Owner, Lock::Multisig { m, keys: _ }) => {
                // A lock has at most 16 keys. Exactly as much is allocated as is kept: pools count it.
                let mut signatures = Vec::with_capacity(usize::from(*m));
                for _ in 0..*m {
                    signatures.push(Decode::decode(r)?);
                }
                Self::Multisig(signatures)
            }
            (LockBranch::Owner, Lock::HashTimelock { .. }) => {
                Self::HashClaim { preimage: Decode::decode(r)?, signed: Decode::decode(r)? }
            }
            (LockBranch::Owner, Lock::PostQuantum { .. }) => {
                Self::PostQuantum { signed: Decode::decode(r)?, ml_dsa: Box::new(Decode::decode(r)?) }
            }
        })
    }
}

/// Proofs and signatures. Counts are never sent: they come from the core.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Witness {
    /// One aggregated proof over all hidden values created; empty if and only if there is none.
    pub range_proof: Vec<u8>,
    /// One for each input.
    pub inputs: Vec<InputWitness>,
    /// One for each coin created.
    pub outputs: Vec<[u8; OUTPUT_PROOF_BYTES]>,
    /// What the Action asks for.
    pub action: ActionWitness,
    /// That nothing was created from nothing.
    pub kernel: [u8; KERNEL_PROOF_BYTES],
}

impl Encode for Witness {
    fn encode(&self, out: &mut Vec<u8>) {
        encode_bytes(&self.range_proof, out);
        for input in &self.inputs {
            input.encode(out);
        }
        for output in &self.outputs {
            out.extend_from_slice(output);
        }
        self.action.encode(out);
        out.extend_from_slice(&self.kernel);
    }
}

impl Witness {
    /// Reads the witness that belongs to `core`.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn decode_for(core: &TxCore, r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let range_proof = r.bytes(MAX_RANGE_PROOF_BYTES, "range proof")?;
        let mut inputs = Vec::with_capacity(core.inputs.len());
        for input in &core.inputs {
            inputs.push(InputWitness::decode_for(&input.consumed, r)?);
        }
        let mut outputs = Vec::with_capacity(core.coin_outputs());
        for _ in 0..core.coin_outputs() {
            outputs.push(r.array("output proof")?);
        }
        let action = ActionWitness::decode_for(&core.action, r)?;
        Ok(Self { range_proof, inputs, outputs, action, kernel: r.array("kernel proof")? })
    }
}

/// A transaction as it travels. Nothing about it has been verified.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Transaction {
    /// What it does.
    pub core: TxCore,
    /// Why it may.
    pub witness: Witness,
}

impl Transaction {
    /// Id of the core.
    pub fn txid(&self) -> TxId {
        self.core.txid()
    }

    /// Id of core and witness.
    pub fn wtxid(&self) -> WtxId {
        let witness = hash_of(Domain::WITNESS, &self.witness);
        Hasher::new(Domain::WTXID).with(&self.txid()).with(&witness).finish().into()
    }

    /// Length of the encoding.
    pub fn size_bytes(&self) -> usize {
        self.to_bytes().len()
    }
}

impl Encode for Transaction {
    fn encode(&self, out: &mut Vec<u8>) {
        self.core.encode(out);
        self.witness.encode(out);
    }
}

impl Decode for Transaction {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let core = TxCore::decode(r)?;
        let witness = Witness::decode_for(&core, r)?;
        Ok(Self { core, witness })
    }
}
