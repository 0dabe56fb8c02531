//! Staking: validators, delegations, the overlay's record, and the actions on them (docs/spec/staking.md).

use crate::address::ZkAddress;
use crate::amount::Amount;
use crate::encode::{Decode, DecodeError, Encode, Reader, encode_list};
use crate::encode_struct;
use crate::hash::{BlockHash, Hash32, ObjectId};
use crate::lock::{ML_DSA_KEY_BYTES, ML_DSA_SIGNATURE_BYTES};
use crate::params::Params;
use crate::score::{BlueScore, DaaScore};
use crate::state::{MAX_VALIDATORS, StateClass, object_id};
use crate::tx::{Action, KeySignature};
use crate::vote::{Checkpoint, Evidence};

/// Most validators of an elected set: their votes are carried one by one.
pub const ACTIVE_VALIDATORS: usize = 21;
/// Owner's own stake without which a validator is not elected.
pub const MIN_BOND: Amount = Amount::from_str_tokens(10_000);
/// Least that is delegated at once: settling rewards rounds, and a stranger's gift must not be free.
pub const MIN_DELEGATION: Amount = Amount::from_str_tokens(10);
/// Most that a validator keeps of its delegators' rewards, in basis points (20 %).
pub const MAX_COMMISSION_BPS: u16 = 2_000;
/// Basis points of the whole.
pub const WHOLE_BPS: u64 = 10_000;
/// Parts of a stake in which a slash is measured: one in 10⁹.
pub const WHOLE_PPB: u32 = 1_000_000_000;
/// Least part of a stake that a slash takes: 5 %.
pub const MIN_SLASH_PPB: u32 = 50_000_000;
/// Part of what a slash takes that goes to the reporter: one in ten.
pub const REPORTER_SHARE: u64 = 10;
/// Part of STR.rewards that an epoch pays: one in 10,000.
pub const EPOCH_REWARD_SHARE: u64 = 10_000;
/// For the block that carries a certificate, out of STR.rewards.
pub const CERTIFICATE_REWARD: Amount = Amount::from_str_tokens(5);
/// Refundable deposit for the record of a validator: 1 STR for each KiB begun.
pub const VALIDATOR_DEPOSIT: Amount = Amount::from_str_tokens(3);
/// Refundable deposit for the record of a delegation.
pub const DELEGATION_DEPOSIT: Amount = Amount::from_str_tokens(1);
/// Most entries of stake on its way out of one delegation.
pub const MAX_LEAVING: usize = 64;
/// Most days of which a record keeps what was slashed.
pub const MAX_RECENT_SLASHES: usize = 64;

/// Who signs finality votes, and everything that it holds for its delegators.
///
/// Amounts of stake are as they were delegated. A slash, of which there is one at most, is a factor on all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validator {
    /// ML-DSA-65 verifying key; its hash is the validator's id.
    pub key: Box<[u8; ML_DSA_KEY_BYTES]>,
    /// Part of its delegators' rewards that goes to its owner.
    pub commission_bps: u16,
    /// Why it can't be elected, if it can't.
    pub standing: ValidatorStanding,
    /// Stake that counts in elections.
    pub bonded: Amount,
    /// Stake on its way out, slashable until it is withdrawn.
    pub leaving: Amount,
    /// All that the record holds: what is left of stake, and rewards that nobody has taken yet.
    pub held: Amount,
    /// Reward of one base unit of bonded stake since registration, in units of 2⁻⁶⁴.
    pub reward_per_unit: u128,
    /// Delegations that exist.
    pub delegations: u32,
    /// Nonce of the next delegation: above every one that is gone.
    pub nonce_floor: u64,
}

/// Whether a validator may be elected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValidatorStanding {
    /// It may.
    Good,
    /// It missed more than half of an epoch's certificates; its owner may bring it back.
    Jailed,
    /// It contradicted itself. For good.
    Slashed {
        /// What is left of each unit of stake, in parts of 10⁹.
        kept_ppb: u32,
    },
}

/// One delegator's part of one validator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delegation {
    /// Whose stake: hash of the validator's key.
    pub validator: Hash32,
    /// Stake that counts.
    pub bonded: Amount,
    /// Stake on its way out, by epoch.
    pub leaving: Vec<Leaving>,
    /// Rewards settled and not yet taken.
    pub rewards: Amount,
    /// [`Validator::reward_per_unit`] up to which rewards are settled.
    pub settled: u128,
}

/// Stake on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaving {
    /// First epoch in which it may be withdrawn.
    pub matures: u64,
    /// How much, as it was delegated.
    pub amount: Amount,
}
encode_struct!(Leaving { matures, amount });

/// Where finality stands on a chain, as its blocks know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverlayRecord {
    /// The running epoch.
    pub epoch: u64,
    /// DAA score from which a checkpoint ends it.
    pub epoch_ends: DaaScore,
    /// Index of the checkpoint that ended the epoch before; 0 in epoch 0.
    pub boundary: u32,
    /// Target of the newest certificate. At index 0 it is genesis, and its hash is zero: genesis commits to this record.
    pub certified: Checkpoint,
    /// DAA score of that block.
    pub certified_daa: DaaScore,
    /// Certificates of this epoch that were included.
    pub certificates: u32,
    /// How many of them each member of the epoch's set signed; strictly ascending by validator, none where it is zero.
    pub signed: Vec<Signed>,
    /// Stake slashed lately, ascending by day.
    pub slashes: Vec<RecentSlash>,
}

/// How often a validator signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signed {
    /// Hash of its key.
    pub validator: Hash32,
    /// Certificates with its signature.
    pub certificates: u32,
}
encode_struct!(Signed { validator, certificates });

/// Stake of the validators slashed in one epoch's length of DAA score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecentSlash {
    /// DAA score divided by the length of an epoch.
    pub day: u64,
    /// Stake before it was slashed.
    pub stake: Amount,
}
encode_struct!(RecentSlash { day, stake });

impl Validator {
    /// The id of the record of the validator whose key hashes to `id`.
    pub fn object(id: Hash32) -> ObjectId {
        object_id(StateClass::Validator, id.as_bytes())
    }

    /// What is left of `amount` of its stake.
    pub fn worth(&self, amount: Amount) -> Amount {
        match self.standing {
            ValidatorStanding::Good | ValidatorStanding::Jailed => amount,
            ValidatorStanding::Slashed { kept_ppb } => {
                let left = u128::from(amount.units()) * u128::from(kept_ppb.min(WHOLE_PPB)) / u128::from(WHOLE_PPB);
                Amount::from_units(u64::try_from(left).expect("a part of a u64"))
            }
        }
    }
}

impl Delegation {
    /// The id of a delegator's record.
    pub fn object(validator: Hash32, delegator: ZkAddress) -> ObjectId {
        let mut x = [0u8; 52];
        x[..32].copy_from_slice(validator.as_bytes());
        x[32..].copy_from_slice(&delegator.0);
        object_id(StateClass::Delegation, &x)
    }

    /// Rewards that may be taken, those behind the last settlement included; rounded down.
    pub fn earned(&self, validator: &Validator) -> Option<Amount> {
        let since = validator.reward_per_unit.checked_sub(self.settled)?;
        let units = u128::from(self.bonded.units()).checked_mul(since)? >> 64;
        self.rewards.checked_add(Amount::from_units(u64::try_from(units).ok()?)).ok()
    }

    /// Stake on its way out that may be withdrawn in `epoch`, as it was delegated.
    pub fn matured(&self, epoch: u64) -> Option<Amount> {
        Amount::sum(self.leaving.iter().filter(|entry| entry.matures <= epoch).map(|entry| entry.amount)).ok()
    }
}

impl OverlayRecord {
    /// The id of the one record.
    pub fn object() -> ObjectId {
        object_id(StateClass::Overlay, b"overlay")
    }

    /// Before the first block.
    pub fn genesis(params: &Params) -> Self {
        Self {
            epoch: 0,
            epoch_ends: DaaScore(params.epoch_length),
            boundary: 0,
            certified: Checkpoint { index: 0, block: BlockHash::default() },
            certified_daa: DaaScore(0),
            certificates: 0,
            signed: Vec::new(),
            slashes: Vec::new(),
        }
    }

    /// Whether the newest certificate is more than the stall depth behind `blue_score`, by the least blue score that its
    /// checkpoint can have.
    ///
    /// # Consensus
    /// > The overlay is stalled where the newest certificate in the past is more than 900 s of blue score old. (F8)
    pub fn is_behind(&self, params: &Params, blue_score: BlueScore) -> bool {
        let at = u64::from(self.certified.index).saturating_mul(params.checkpoint_interval);
        blue_score.0.saturating_sub(at) > params.stall_depth
    }
}

impl Encode for ValidatorStanding {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Good => out.push(0),
            Self::Jailed => out.push(1),
            Self::Slashed { kept_ppb } => {
                out.push(2);
                kept_ppb.encode(out);
            }
        }
    }
}

impl Decode for ValidatorStanding {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match u8::decode(r)? {
            0 => Ok(Self::Good),
            1 => Ok(Self::Jailed),
            2 => match u32::decode(r)? {
                kept_ppb if kept_ppb <= WHOLE_PPB => Ok(Self::Slashed { kept_ppb }),
                _ => Err(DecodeError::NotCanonical { what: "slash" }),
            },
            got => Err(DecodeError::UnknownTag { what: "validator's standing", got: u64::from(got) }),
        }
    }
}

impl Encode for Validator {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.key[..]);
        self.commission_bps.encode(out);
        self.standing.encode(out);
        self.bonded.encode(out);
        self.leaving.encode(out);
        self.held.encode(out);
        self.reward_per_unit.encode(out);
        self.delegations.encode(out);
        self.nonce_floor.encode(out);
    }
}

impl Decode for Validator {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            key: Box::new(r.array("validator key")?),
            commission_bps: Decode::decode(r)?,
            standing: Decode::decode(r)?,
            bonded: Decode::decode(r)?,
            leaving: Decode::decode(r)?,
            held: Decode::decode(r)?,
            reward_per_unit: Decode::decode(r)?,
            delegations: Decode::decode(r)?,
            nonce_floor: Decode::decode(r)?,
        })
    }
}

impl Encode for Delegation {
    fn encode(&self, out: &mut Vec<u8>) {
        self.validator.encode(out);
        self.bonded.encode(out);
        encode_list(&self.leaving, out);
        self.rewards.encode(out);
        self.settled.encode(out);
    }
}

impl Decode for Delegation {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let delegation = Self {
            validator: Decode::decode(r)?,
            bonded: Decode::decode(r)?,
            leaving: r.list(MAX_LEAVING, "leaving stake")?,
            rewards: Decode::decode(r)?,
            settled: Decode::decode(r)?,
        };
        if !delegation.leaving.is_sorted_by(|a, b| a.matures < b.matures) {
            return Err(DecodeError::NotCanonical { what: "leaving stake" });
        }
        Ok(delegation)
    }
}

impl Encode for OverlayRecord {
    fn encode(&self, out: &mut Vec<u8>) {
        self.epoch.encode(out);
        self.epoch_ends.encode(out);
        self.boundary.encode(out);
        self.certified.encode(out);
        self.certified_daa.encode(out);
        self.certificates.encode(out);
        encode_list(&self.signed, out);
        encode_list(&self.slashes, out);
    }
}

impl Decode for OverlayRecord {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let record = Self {
            epoch: Decode::decode(r)?,
            epoch_ends: Decode::decode(r)?,
            boundary: Decode::decode(r)?,
            certified: Decode::decode(r)?,
            certified_daa: Decode::decode(r)?,
            certificates: Decode::decode(r)?,
            signed: r.list(MAX_VALIDATORS, "signers")?,
            slashes: r.list(MAX_RECENT_SLASHES, "recent slashes")?,
        };
        if !record.signed.is_sorted_by(|a, b| a.validator < b.validator)
            || !record.slashes.is_sorted_by(|a, b| a.day < b.day)
        {
            return Err(DecodeError::NotCanonical { what: "overlay record" });
        }
        Ok(record)
    }
}

/// Makes a validator with its owner's own delegation, the bond.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Register {
    /// ML-DSA-65 verifying key.
    pub key: Box<[u8; ML_DSA_KEY_BYTES]>,
    /// Who may act for it.
    pub owner: ZkAddress,
    /// At most [`MAX_COMMISSION_BPS`].
    pub commission_bps: u16,
    /// The owner's stake, deposits not included.
    pub stake: Amount,
}

/// Adds to a delegation, or makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Delegate {
    /// Hash of the validator's key.
    pub validator: Hash32,
    /// Whose the stake is from now on.
    pub delegator: ZkAddress,
    /// How much; the deposit of a new record is taken out of it.
    pub amount: Amount,
}
encode_struct!(Delegate { validator, delegator, amount });

/// Starts to take stake out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Undelegate {
    /// Hash of the validator's key.
    pub validator: Hash32,
    /// Whose stake.
    pub delegator: ZkAddress,
    /// How much, as it was delegated.
    pub amount: Amount,
    /// Nonce of the delegation.
    pub nonce: u64,
}
encode_struct!(Undelegate { validator, delegator, amount, nonce });

/// What a withdrawal takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Withdrawn {
    /// Rewards; never held up by a stall.
    Rewards,
    /// Rewards and all stake whose time has come.
    StakeAndRewards,
}
crate::encode_tag!(Withdrawn, "withdrawal" { Rewards = 0, StakeAndRewards = 1 });

/// Takes out what is due, as a public Memo to the delegator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Withdraw {
    /// Hash of the validator's key.
    pub validator: Hash32,
    /// Who is paid.
    pub delegator: ZkAddress,
    /// What is taken.
    pub what: Withdrawn,
    /// Nonce of the delegation.
    pub nonce: u64,
}
encode_struct!(Withdraw { validator, delegator, what, nonce });

/// Lets a jailed validator be elected again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Unjail {
    /// Hash of the validator's key.
    pub validator: Hash32,
    /// Its owner.
    pub owner: ZkAddress,
    /// Nonce of the validator.
    pub nonce: u64,
}
encode_struct!(Unjail { validator, owner, nonce });

/// Shows that a validator contradicted itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Report {
    /// Two votes.
    pub evidence: Box<Evidence>,
    /// Who gets a tenth of what is slashed.
    pub reporter: ZkAddress,
}

impl Encode for Register {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.key[..]);
        self.owner.encode(out);
        self.commission_bps.encode(out);
        self.stake.encode(out);
    }
}

impl Decode for Register {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            key: Box::new(r.array("validator key")?),
            owner: Decode::decode(r)?,
            commission_bps: Decode::decode(r)?,
            stake: Decode::decode(r)?,
        })
    }
}

impl Encode for Report {
    fn encode(&self, out: &mut Vec<u8>) {
        self.evidence.encode(out);
        self.reporter.encode(out);
    }
}

impl Decode for Report {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { evidence: Box::new(Decode::decode(r)?), reporter: Decode::decode(r)? })
    }
}

/// What shows that the Action may be done. Which kind it is follows from the core.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ActionWitness {
    /// Nothing is needed: a transfer, or a gift of stake.
    None,
    /// By the owner of what is acted on, over the sighash.
    Owner(KeySignature),
    /// For a registration.
    Register {
        /// By the owner to be, over the sighash.
        owner: KeySignature,
        /// By the key that registers, over the sighash, in context `umbel/register/v1`.
        key: Box<[u8; ML_DSA_SIGNATURE_BYTES]>,
    },
    /// The key that both votes are checked with; they have its hash.
    VoteKey(Box<[u8; ML_DSA_KEY_BYTES]>),
}

impl Encode for ActionWitness {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::None => {}
            Self::Owner(signed) => signed.encode(out),
            Self::Register { owner, key } => {
                owner.encode(out);
                out.extend_from_slice(&key[..]);
            }
            Self::VoteKey(key) => out.extend_from_slice(&key[..]),
        }
    }
}

impl ActionWitness {
    /// Reads the part that `action` asks for.
    pub(crate) fn decode_for(action: &Action, r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match action {
            Action::Transfer | Action::Delegate(_) => Self::None,
            Action::Undelegate(_) | Action::Withdraw(_) | Action::Unjail(_) => Self::Owner(Decode::decode(r)?),
            Action::Register(_) => {
                Self::Register { owner: Decode::decode(r)?, key: Box::new(r.array("signature of a registration")?) }
            }
            Action::Evidence(_) => Self::VoteKey(Box::new(r.array("vote key")?)),
        })
    }
}
