//! Staking: validators, delegations, validating.

use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// Asks for the validators.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StakeRequest {
    /// Also says what this wallet has staked.
    #[serde(default)]
    pub wallet: Option<String>,
}

/// All validators, and what a wallet has staked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StakeView {
    /// The running epoch.
    pub epoch: u64,
    /// Seconds until it may end, at the expected rate; 0 once it may.
    pub epoch_ends_in_s: u64,
    /// Seconds of an epoch.
    pub epoch_s: u64,
    /// Seconds that stake takes to come out, at the expected rate.
    pub unbonding_s: u64,
    /// Bond without which a validator is not elected.
    pub min_bond: String,
    /// Least that is delegated at once.
    pub min_delegation: String,
    /// Deposits of a registration, given back with its last stake.
    pub register_deposit: String,
    /// Highest commission, in basis points.
    pub max_commission_bps: u16,
    /// Most validators of a set.
    pub max_active: usize,
    /// Whether stake can't be withdrawn since certificates are missing (F8).
    pub stalled: bool,
    /// By stake, largest first.
    pub validators: Vec<StakeValidator>,
    /// What the wallet has staked, by validator.
    pub mine: Vec<StakePosition>,
}

/// Where a validator stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValidatorStatus {
    /// A member of the running epoch's set.
    Active,
    /// May be elected; the set of a later epoch may have it.
    Waiting,
    /// Its owner's bond is too small to be elected.
    LowBond,
    /// It missed more than half of an epoch's certificates.
    Jailed,
    /// It contradicted itself: never elected again.
    Slashed,
}

/// One validator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StakeValidator {
    /// Hash of its vote key.
    pub id: String,
    /// Its owner's zk13str address.
    pub owner: String,
    /// Where it stands.
    pub status: ValidatorStatus,
    /// All stake that counts.
    pub stake: String,
    /// Its owner's part of that.
    pub bond: String,
    /// Part of its delegators' rewards that the owner keeps, in basis points.
    pub commission_bps: u16,
    /// Certificates of this epoch that it signed, and all of them; `None` while it is in no set.
    pub signed: Option<SignedShare>,
    /// Checkpoint that it voted for last, as far as this node heard.
    pub last_target: Option<u32>,
    /// Delegations that exist.
    pub delegations: u32,
    /// Whether the wallet that was named owns it.
    pub own: bool,
}

/// How often a validator signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedShare {
    /// Certificates with its signature.
    pub signed: u32,
    /// Certificates in all.
    pub of: u32,
}

/// Stake of one wallet with one validator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StakePosition {
    /// Which validator.
    pub validator: String,
    /// The wallet's zk13str address that it stands under.
    pub address: String,
    /// Stake that counts.
    pub staked: String,
    /// Rewards that can be taken.
    pub rewards: String,
    /// Stake that can be taken now.
    pub due: String,
    /// Stake on its way out that is not due yet.
    pub leaving: Vec<StakeLeaving>,
    /// What a slash has left of each unit of this stake, in parts of 10⁹; `None` without one.
    pub kept_ppb: Option<u32>,
}

/// Stake on its way out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StakeLeaving {
    /// How much.
    pub amount: String,
    /// First epoch in which it can be taken.
    pub epoch: u64,
    /// Seconds until then, at the expected rate; more where checkpoints are not final in time.
    pub in_s: u64,
}

/// Makes a validator. Everyone sees its stake.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegisterRequest {
    /// Which wallet pays and owns it.
    pub wallet: String,
    /// The bond, STR.
    pub stake: String,
    /// Part of its delegators' rewards that the owner keeps, in basis points.
    pub commission_bps: u16,
    /// Seals the vote key on this machine; apart from the wallet's own password.
    pub password: Secret,
    /// Accepts that everyone sees the stake; needed.
    pub public: bool,
}

/// Stakes with a validator. Everyone sees that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DelegateRequest {
    /// Which wallet.
    pub wallet: String,
    /// The validator's id.
    pub validator: String,
    /// How much STR.
    pub amount: String,
    /// Accepts that everyone sees the stake; needed.
    pub public: bool,
}

/// Starts to take stake out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UndelegateRequest {
    /// Which wallet.
    pub wallet: String,
    /// The validator's id.
    pub validator: String,
    /// How much STR, or `max` for all.
    pub amount: String,
}

/// Takes out what is due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WithdrawRequest {
    /// Which wallet.
    pub wallet: String,
    /// The validator's id.
    pub validator: String,
    /// Rewards alone, which no stall holds up.
    #[serde(default)]
    pub rewards_only: bool,
}

/// A transaction that moves stake, on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StakeMoved {
    /// The transaction.
    pub txid: String,
    /// The validator's id.
    pub validator: String,
    /// How much STR.
    pub amount: String,
    /// Fee in STR.
    pub fee: String,
}

/// What was reported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reported {
    /// One for each validator that contradicted itself.
    pub reports: Vec<StakeMoved>,
}

/// Opens the vote key of this machine.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValidateRequest {
    /// Its password.
    pub password: Secret,
}

/// Seals the vote key of a registered validator on this machine again, from the wallet that registered it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RestoreKeyRequest {
    /// The wallet's name; it is unlocked.
    pub wallet: String,
    /// The validator's id.
    pub validator: String,
    /// Password for the vote key on this machine.
    pub password: Secret,
}

/// A vote key with its guard, sealed, on its way to another machine.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MovedKey {
    /// The sealed bytes in hexadecimal.
    pub sealed: String,
    /// Hash of the key.
    pub validator: String,
}

/// Takes a vote key over from another machine.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TakeOverRequest {
    /// The sealed bytes in hexadecimal.
    pub sealed: String,
    /// The password that it was sealed with, which also seals it here.
    pub password: Secret,
}

/// What the vote key of this machine does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValidatingState {
    /// Where it stands.
    pub status: ValidatingStatus,
    /// Hash of the key.
    pub validator: Option<String>,
    /// Stake of it in the running set; `None` while it is no member.
    pub stake: Option<String>,
    /// Highest target that the guard counts as signed.
    pub last_target: Option<u32>,
    /// Checkpoints watched and to be watched, while there is no guard.
    pub watched: Option<Watched>,
    /// Why it does not vote, for people.
    pub reason: Option<String>,
}

/// How far a key without a guard has watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watched {
    /// Checkpoints watched.
    pub done: u32,
    /// Checkpoints to watch.
    pub total: u32,
}

/// Where the vote key of this machine stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValidatingStatus {
    /// There is none.
    #[default]
    None,
    /// It is here and sealed.
    Locked,
    /// It is open; no set has it as a member now.
    Waiting,
    /// It has no guard, and watches before it votes.
    Watching,
    /// It votes.
    Active,
    /// It was taken to another machine.
    Moved,
    /// It signs elsewhere too, or its file is damaged: it does not vote.
    Stopped,
}
