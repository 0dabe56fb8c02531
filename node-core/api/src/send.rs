//! Payments: plan, pay, watch.

use serde::{Deserialize, Serialize};

/// Text that claims to be an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecodeAddressRequest {
    /// The text.
    pub text: String,
}

/// An address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecodedAddress {
    /// `confidential` or `zk13str`.
    pub kind: AddressKind,
    /// Network prefix of a confidential address; empty for the other kind, which has none.
    pub network: String,
    /// Short text for people to compare.
    pub fingerprint: String,
}

/// Kinds of address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AddressKind {
    /// Amount and recipient stay private.
    Confidential,
    /// A public payment: everyone sees amount and recipient.
    Zk13str,
}

/// A payment to make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SendRequest {
    /// Which wallet pays.
    pub wallet: String,
    /// Address of either kind.
    pub to: String,
    /// Decimal amount, or `max` for all that can be sent in one payment.
    pub amount: String,
    /// Ticker or id; STR if empty.
    #[serde(default)]
    pub asset: String,
    /// Note for the recipient, at most 238 bytes; empty for none.
    #[serde(default)]
    pub note: String,
    /// Accepts that everyone sees amount and recipient; needed for a zk13str address.
    #[serde(default)]
    pub public: bool,
}

/// What a payment would take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentPlan {
    /// Whom it pays.
    pub recipient: DecodedAddress,
    /// Amount.
    pub amount: String,
    /// Ticker or id.
    pub asset: String,
    /// Fee in STR, all transactions together.
    pub fee: String,
    /// Amount and fee, where both are STR.
    pub total: String,
    /// What stays spendable or comes back as change.
    pub remaining: String,
    /// Transactions in all: more than one where coins must be merged first.
    pub transactions: usize,
    /// Coins consumed.
    pub coins: usize,
    /// Seconds until it is usually accepted.
    pub expected_s: u64,
    /// Codes of what the person should know, such as `public`, `consolidates`, `own_address`.
    pub notices: Vec<String>,
}

/// Stages of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStage {
    /// Proofs are being made.
    Building,
    /// In the own pool, in no block yet.
    Submitted,
    /// In a block.
    Seen,
    /// In the chain's order.
    Accepted,
    /// Ten seconds deep.
    Confirmed,
    /// Below a checkpoint that more than two thirds of the stake have made final.
    Final,
    /// A competing transaction was accepted: the funds are free.
    Conflicted,
    /// Its time is over: the funds are free.
    Expired,
    /// The pool gave it up: the funds are free.
    Dropped,
    /// It could not be built or submitted.
    Failed,
}

/// A payment on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// Number within this run of the program; `send/status` takes it.
    pub id: u64,
    /// Which wallet pays.
    pub wallet: String,
    /// How far it is.
    pub stage: PaymentStage,
    /// Proofs made.
    pub done: usize,
    /// Proofs in all.
    pub total: usize,
    /// Transaction id of the payment itself, once it is built.
    pub txid: Option<String>,
    /// All its transactions, those that merge coins first.
    pub txids: Vec<String>,
    /// Whom it pays.
    pub to: String,
    /// Fingerprint of the recipient's address.
    pub fingerprint: String,
    /// Amount.
    pub amount: String,
    /// Ticker or id.
    pub asset: String,
    /// Fee in STR.
    pub fee: String,
    /// Note.
    pub note: String,
    /// Whether everyone sees amount and recipient.
    pub public: bool,
    /// Milliseconds that the proofs took, once they are made.
    pub proof_ms: Option<u64>,
    /// Milliseconds since it was started.
    pub age_ms: u64,
    /// The chain block that accepted it.
    pub accepted_in: Option<String>,
    /// Seconds until it is usually final, where it is accepted and validators vote.
    #[serde(default)]
    pub final_in_s: Option<u64>,
    /// Why it failed or was given up, and what to do.
    pub reason: Option<crate::error::ApiError>,
}

/// Asks for a payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatusRequest {
    /// Its number.
    pub id: u64,
}
