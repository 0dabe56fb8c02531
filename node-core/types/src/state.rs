//! State: named, versioned objects and balances that rules own (docs/spec/transaction.md §5).

use crate::address::ZkAddress;
use crate::amount::Amount;
use crate::encode::{Decode, DecodeError, Encode, Reader, encode_bytes, encode_list};
use crate::hash::{Domain, Hash32, Hasher, ObjectId};
use crate::score::DaaRange;
use crate::tx::Ledger;
use crate::{encode_struct, encode_tag};

/// Most bytes of an object's body.
pub const MAX_STATE_BODY_BYTES: usize = 8192;
/// Most members of a validator set.
pub const MAX_VALIDATORS: usize = 64;

/// Class of a State object; part of its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StateClass {
    /// A balance that only rules move.
    Balance,
    /// The validators of an epoch.
    ValidatorSet,
    /// A validator.
    Validator,
    /// A delegator's part of a validator.
    Delegation,
    /// Where finality stands.
    Overlay,
}

encode_tag!(StateClass, "state class" { Balance = 0, ValidatorSet = 1, Validator = 2, Delegation = 3, Overlay = 4 });

/// `H("umbel/oid/v1" ‖ class ‖ x)`.
pub fn object_id(class: StateClass, x: &[u8]) -> ObjectId {
    Hasher::new(Domain::OBJECT).with(&class).with_bytes(x).finish().into()
}

/// A named, versioned object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// Its id.
    pub object: ObjectId,
    /// Its class.
    pub class: StateClass,
    /// Rises with each Action on it; never restarts.
    pub nonce: u64,
    /// Program that owns its rules; the zero hash for the ledger's own.
    pub script: Hash32,
    /// Who may act on it; `None` for balances and records that only rules change.
    pub owner: Option<ZkAddress>,
    /// Refundable deposit in STR.
    pub deposit: Amount,
    /// Class-specific content.
    pub body: Vec<u8>,
    /// When it counts as present.
    pub valid: DaaRange,
}

impl State {
    /// An object that belongs to the ledger itself.
    pub fn of_ledger(object: ObjectId, class: StateClass, body: &impl Encode) -> Self {
        Self {
            object,
            class,
            nonce: 0,
            script: Hash32::default(),
            owner: None,
            deposit: Amount::ZERO,
            body: body.to_bytes(),
            valid: DaaRange::ALWAYS,
        }
    }
}

impl Encode for State {
    fn encode(&self, out: &mut Vec<u8>) {
        self.object.encode(out);
        self.class.encode(out);
        self.nonce.encode(out);
        self.script.encode(out);
        self.owner.encode(out);
        self.deposit.encode(out);
        encode_bytes(&self.body, out);
        self.valid.encode(out);
    }
}

impl Decode for State {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            object: Decode::decode(r)?,
            class: Decode::decode(r)?,
            nonce: Decode::decode(r)?,
            script: Decode::decode(r)?,
            owner: Decode::decode(r)?,
            deposit: Decode::decode(r)?,
            body: r.bytes(MAX_STATE_BODY_BYTES, "state body")?,
            valid: Decode::decode(r)?,
        })
    }
}

/// Balances that no one owns: spent only by rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LedgerBalance {
    /// Pays block rewards.
    RewardPool,
    /// Pays validators.
    StrRewards,
    /// Spent by vote.
    StrTreasury,
    /// Pays CCOS claims.
    CcosTreasury,
    /// What slashes destroyed; never falls.
    Burned,
}

impl LedgerBalance {
    /// All.
    pub const ALL: [Self; 5] =
        [Self::RewardPool, Self::StrRewards, Self::StrTreasury, Self::CcosTreasury, Self::Burned];

    /// Its name, which gives its id.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RewardPool => "reward-pool",
            Self::StrRewards => "str-rewards",
            Self::StrTreasury => "str-treasury",
            Self::CcosTreasury => "ccos-treasury",
            Self::Burned => "burned",
        }
    }

    /// The sub-tree it lies in.
    pub const fn ledger(self) -> Ledger {
        match self {
            Self::RewardPool | Self::Burned => Ledger::Main,
            Self::StrRewards | Self::StrTreasury => Ledger::Governance,
            Self::CcosTreasury => Ledger::Ccos,
        }
    }

    /// Its id.
    pub fn object(self) -> ObjectId {
        object_id(StateClass::Balance, self.name().as_bytes())
    }
}

/// A member of a validator set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SetMember {
    /// Hash of its ML-DSA-65 public key; also its id.
    pub key_hash: Hash32,
    /// Stake in STR.
    pub stake: Amount,
}
encode_struct!(SetMember { key_hash, stake });

/// The validators of an epoch, strictly ascending by key hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidatorSet {
    /// Which epoch.
    pub epoch: u64,
    /// Its members.
    pub members: Vec<SetMember>,
}

impl ValidatorSet {
    /// The id of an epoch's set.
    pub fn object(epoch: u64) -> ObjectId {
        object_id(StateClass::ValidatorSet, &epoch.to_le_bytes())
    }
}

impl Encode for ValidatorSet {
    fn encode(&self, out: &mut Vec<u8>) {
        self.epoch.encode(out);
        encode_list(&self.members, out);
    }
}

impl Decode for ValidatorSet {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let set = Self { epoch: Decode::decode(r)?, members: r.list(MAX_VALIDATORS, "validator set")? };
        if set.members.windows(2).any(|pair| pair[0].key_hash >= pair[1].key_hash) {
            return Err(DecodeError::NotCanonical { what: "validator set" });
        }
        Ok(set)
    }
}
