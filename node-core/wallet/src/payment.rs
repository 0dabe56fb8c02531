//! Payments on their way.

use umbel_types::{Amount, AssetId, BlockHash, DaaScore, TimestampMs, TxId};

/// Numbers a wallet's payments, across restarts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PaymentId(pub u64);

/// Stages of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PaymentStage {
    /// Proofs are being made.
    Building,
    /// Recorded and handed out for submission, in no block yet.
    Submitted,
    /// In a block.
    Seen,
    /// In the chain's order.
    Accepted,
    /// `confirmation_depth` deep.
    Confirmed,
    /// A competing transaction was accepted: the funds are free.
    Conflicted,
    /// Its time is over: the funds are free.
    Expired,
    /// The pool gave it up: the funds are free. Should a block accept it all the same, it is accepted.
    Dropped,
    /// It could not be built: nothing was sent.
    Failed,
}

impl PaymentStage {
    /// Whether its coins are held for it.
    pub fn holds_coins(self) -> bool {
        matches!(self, Self::Building | Self::Submitted | Self::Seen)
    }

    /// Whether the chain has it.
    pub fn is_accepted(self) -> bool {
        matches!(self, Self::Accepted | Self::Confirmed)
    }
}

/// A payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// Its number.
    pub id: PaymentId,
    /// How far it is: the stage of its last transaction, or why an earlier one failed.
    pub stage: PaymentStage,
    /// All its transactions, those that merge coins first; empty while it is built.
    pub txids: Vec<TxId>,
    /// Text of the address that is paid.
    pub to: String,
    /// Amount.
    pub amount: Amount,
    /// Asset.
    pub asset: AssetId,
    /// Fee in STR, all transactions together.
    pub fee: Amount,
    /// Note; empty for none.
    pub note: String,
    /// Whether everyone sees amount and recipient.
    pub public: bool,
    /// When it was started.
    pub created: TimestampMs,
    /// First DAA score at which it can't be accepted any more.
    pub expires: DaaScore,
    /// A block that carries its last transaction.
    pub seen_in: Option<BlockHash>,
    /// The chain block that accepted its last transaction.
    pub accepted_in: Option<BlockHash>,
    /// The transaction that came first, where it is known.
    pub conflict: Option<TxId>,
    /// Why it failed or was given up.
    pub reason: Option<String>,
}
