//! Transactions as bytes.

use serde::{Deserialize, Serialize};

/// A whole transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawTx {
    /// Canonical encoding, lower-case hexadecimal.
    pub hex: String,
}

/// It is in the pool, or the chain has it already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submitted {
    /// Its id.
    pub txid: String,
    /// Whether the chain had accepted it before: the pool does not take it again.
    pub accepted: bool,
}

/// What to pay, in base units of STR for each unit of mass, by how long one is ready to wait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeeEstimate {
    /// Less is refused.
    pub least: u64,
    /// In the next seconds.
    pub next_seconds: u64,
    /// In less than a minute.
    pub within_minute: u64,
    /// In less than an hour.
    pub within_hour: u64,
    /// What was paid in the last ten minutes; `None` if nothing was accepted.
    pub paid: Option<PaidRange>,
}

/// A range of feerates, in base units of STR for each unit of mass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaidRange {
    /// A tenth of the bytes paid less.
    pub low: u64,
    /// A tenth of the bytes paid more.
    pub high: u64,
}

/// Version of [`PaymentProof`].
pub const PAYMENT_PROOF_VERSION: u32 = 1;

/// A proof that a payment was made, as a file. It verifies without a node: it carries the core of the transaction. It shows
/// address, amount and note of one output to whoever has it, for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaymentProof {
    /// [`PAYMENT_PROOF_VERSION`].
    pub version: u32,
    /// The network's name.
    pub network: String,
    /// Hash of the network's genesis.
    pub genesis: String,
    /// Core of the transaction, canonical encoding in hexadecimal.
    pub core: String,
    /// Which output.
    pub index: u32,
    /// The confidential address that was paid.
    pub address: String,
    /// `X = x·B`, in hexadecimal.
    pub x: String,
    /// Signature under x, in hexadecimal.
    pub signature: String,
    /// What the verifier asked to be signed.
    pub challenge: String,
}

/// Asks whether a proof holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerifyPaymentRequest {
    /// The proof.
    pub proof: PaymentProof,
    /// The challenge that the verifier gave out; without it, the one that the proof names.
    #[serde(default)]
    pub challenge: Option<String>,
}

/// What a proof that holds says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerifiedPayment {
    /// The transaction.
    pub txid: String,
    /// Which output of it.
    pub index: u32,
    /// Who was paid.
    pub address: String,
    /// Fingerprint of the address.
    pub fingerprint: String,
    /// Ticker or id.
    pub asset: String,
    /// How much.
    pub amount: String,
    /// The note that went along, where there is one.
    pub note: Option<String>,
    /// What was signed.
    pub challenge: String,
    /// Whether that was compared with what the verifier gave out. If not, the proof may have been made for somebody else.
    pub challenge_checked: bool,
    /// What became of the transaction. Without it, nothing was paid.
    pub outcome: PaymentOutcome,
    /// Blue score on top of the accepting block, where that is known.
    pub confirmations: Option<u64>,
}

/// What became of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentOutcome {
    /// The chain has accepted it.
    Accepted,
    /// The same, and ten seconds of blocks lie on top.
    Confirmed,
    /// The same, and no chain leaves it any more.
    Final,
    /// What it consumes is unspent: it was not accepted.
    NotAccepted,
    /// What it consumes is gone, by this or by another transaction: too long ago for this node to say.
    Unknown,
    /// No node was asked.
    NotChecked,
}
