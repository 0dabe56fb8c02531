//! Payments on their way.

use std::sync::atomic::{AtomicU64, Ordering};

use umbel_types::{Amount, AssetId, BlockHash, BlueScore, DaaScore, TimestampMs, TxId};

/// Bits of a payment's number below the millisecond. 2⁵³ holds such numbers until 2039.
const BELOW_MS_BITS: u32 = 12;
/// Highest number that this process has seen or given.
static LAST_ID: AtomicU64 = AtomicU64::new(0);

/// Numbers a payment, across restarts and across all wallets of a process: later ones are higher. It starts from the
/// time, so that wallets of different runs don't share numbers either.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PaymentId(pub u64);

impl PaymentId {
    /// A number that no payment has yet.
    pub(crate) fn next(now: TimestampMs) -> Self {
        let after = |last: u64| last.saturating_add(1).max(now.0 << BELOW_MS_BITS);
        let last = LAST_ID.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(after(last)));
        Self(after(last.unwrap_or_else(|last| last)))
    }

    /// This number was given in an earlier run.
    pub(crate) fn note(self) {
        LAST_ID.fetch_max(self.0, Ordering::Relaxed);
    }
}

/// Stages of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PaymentStage {
    /// Proofs are being made.
    Building,
    /// Recorded and handed out for submission, in no block yet. Also where its coins were consumed, and this wallet did
    /// not see by what: [`Payment::reason`] says so.
    Submitted,
    /// In a block.
    Seen,
    /// In the chain's order.
    Accepted,
    /// `confirmation_depth` deep.
    Confirmed,
    /// In a block that no chain leaves any more.
    Final,
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
    /// Its blue score.
    pub accepted_at: Option<BlueScore>,
    /// The transaction that came first, where it is known.
    pub conflict: Option<TxId>,
    /// Why it failed or was given up, or why its stage is not known for certain.
    pub reason: Option<String>,
}
