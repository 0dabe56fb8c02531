//! What came and went, newest first.

use umbel_types::{Amount, AssetId, BlockHash, OutPoint, TimestampMs, TxId};

use crate::payment::PaymentStage;

/// What an entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntryId {
    /// A transaction.
    Tx(TxId),
    /// A reward: its outpoint, and the rewarded block where this wallet saw it being merged.
    Reward(OutPoint),
}

/// Kind of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HistoryKind {
    /// Paid to somebody.
    Sent,
    /// Came from somebody.
    Received,
    /// A block reward.
    Mined,
    /// Moved between own coins.
    SelfTransfer,
}

/// One entry. A transaction that moves two assets has two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryEntry {
    /// Transaction or reward.
    pub id: EntryId,
    /// The rewarded block, where this wallet saw it being merged.
    pub reward_for: Option<BlockHash>,
    /// What it was.
    pub kind: HistoryKind,
    /// How far it is.
    pub stage: PaymentStage,
    /// Which asset.
    pub asset: AssetId,
    /// Amount without sign and fee.
    pub amount: Amount,
    /// Fee in STR, where this wallet paid it.
    pub fee: Option<Amount>,
    /// Text of the address it went to, where this wallet knows.
    pub to: Option<String>,
    /// Note, where there is one.
    pub note: Option<String>,
    /// Whether everyone sees the amount.
    pub public: bool,
    /// Time of the accepting block, or of its making. Estimated from the DAA score where a scan of the present state
    /// found the output.
    pub time: TimestampMs,
    /// The chain block that accepted it, where this wallet saw that.
    pub accepted_in: Option<BlockHash>,
    /// Blue score on top of the accepting block; DAA score where only that is known.
    pub confirmations: u64,
    /// DAA score until a reward may be spent, where it may not yet.
    pub matures_in: Option<u64>,
}

/// Which entries.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct HistoryQuery {
    /// Skips so many, newest first.
    pub offset: usize,
    /// At most so many.
    pub limit: usize,
    /// Only entries whose note, address, id or kind contains this, upper and lower case alike.
    pub search: String,
    /// Only entries of this kind.
    pub kind: Option<HistoryKind>,
}

/// A part of the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryPage {
    /// Newest first.
    pub entries: Vec<HistoryEntry>,
    /// How many match in all.
    pub total: usize,
}
