//! What the journal holds: every change of a wallet that outlives the program.

use std::sync::Arc;

use umbel_types::encode::{Decode, DecodeError, Encode, Reader, encode_length, encode_list};
use umbel_types::encode_struct;
use umbel_types::{Amount, AssetId, BlockHash, BlueScore, DaaScore, OutPoint, TimestampMs, Transaction, TxId};

use crate::coins::{Cursor, MAX_TEXT_BYTES, OwnedCoin, PaidTo, Text, flag};
use crate::history::EntryId;
use crate::locks::OwnLock;

/// Most values of one list in a record; longer changes are split.
pub(crate) const MAX_LIST: usize = 4096;

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Record {
    /// An address was handed out, or its label changed.
    Address {
        /// Its number.
        index: u32,
        /// What it is for.
        label: Text,
    },
    /// Internal addresses below this number are used.
    Internal(u32),
    /// A payment was recorded, to be submitted.
    Sent(Box<PaymentRecord>),
    /// The pool gave a payment up; without a reason: that is taken back.
    Dropped {
        /// Number of the payment.
        payment: u64,
        /// Why.
        reason: Option<Text>,
    },
    /// The chain went on, back, or was scanned anew.
    Chain(Box<ChainDelta>),
    /// Coins whose owner was checked: those that are ours, and those that are not.
    Verified {
        /// Ours.
        own: Vec<OutPoint>,
        /// Somebody else's.
        foreign: Vec<OutPoint>,
    },
}

/// A payment as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PaymentRecord {
    /// Its number.
    pub(crate) id: u64,
    /// Its transactions in order; the last one pays.
    pub(crate) txs: Vec<Arc<Transaction>>,
    /// For each transaction: its outputs that are this wallet's own and no later transaction of the payment consumes.
    pub(crate) own: Vec<OwnOutput>,
    /// Text of the recipient's address.
    pub(crate) to: Text,
    /// Whether the recipient is this wallet.
    pub(crate) to_self: bool,
    /// Asset.
    pub(crate) asset: AssetId,
    /// Amount.
    pub(crate) amount: Amount,
    /// Fee of all transactions.
    pub(crate) fee: Amount,
    /// Note.
    pub(crate) note: Text,
    /// Whether everyone sees amount and recipient.
    pub(crate) public: bool,
    /// When it was recorded.
    pub(crate) created: TimestampMs,
    /// First DAA score at which its last transaction can't be accepted.
    pub(crate) expires: DaaScore,
}

/// An output of a payment that comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OwnOutput {
    /// Which transaction of the payment.
    pub(crate) tx: u32,
    /// Asset.
    pub(crate) asset: AssetId,
    /// Amount.
    pub(crate) value: Amount,
}
encode_struct!(OwnOutput { tx, asset, value });

impl PaymentRecord {
    /// Ids of its transactions.
    pub(crate) fn txids(&self) -> Vec<TxId> {
        self.txs.iter().map(|tx| tx.txid()).collect()
    }
}

/// What one accepted transaction or reward did to this wallet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TxFact {
    /// Which.
    pub(crate) id: EntryId,
    /// The rewarded block, where this wallet saw it being merged.
    pub(crate) reward_for: Option<BlockHash>,
    /// The chain block that accepted it, where this wallet saw that.
    pub(crate) accepted_in: Option<(BlockHash, BlueScore)>,
    /// DAA score at which it was accepted.
    pub(crate) daa_score: DaaScore,
    /// When it was accepted; estimated where `accepted_in` is not known.
    pub(crate) time: TimestampMs,
    /// Outputs that came.
    pub(crate) received: Vec<Received>,
    /// Own outputs that it consumed.
    pub(crate) spent: Vec<Spent>,
    /// Its fee, where it consumed own outputs.
    pub(crate) fee: Amount,
    /// What it paid to others, where it consumed own outputs, as far as the outgoing view key reads it.
    pub(crate) sent: Vec<SentTo>,
}

/// An output for somebody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SentTo {
    /// Text of the address.
    pub(crate) to: Text,
    /// Asset.
    pub(crate) asset: AssetId,
    /// Amount.
    pub(crate) value: Amount,
    /// Note.
    pub(crate) note: Text,
}
encode_struct!(SentTo { to, asset, value, note });

/// An output that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Received {
    /// Where it stands.
    pub(crate) outpoint: OutPoint,
    /// Asset.
    pub(crate) asset: AssetId,
    /// Amount.
    pub(crate) value: Amount,
    /// Which address it was paid to.
    pub(crate) paid_to: PaidTo,
    /// Note of the sender.
    pub(crate) note: Text,
}
encode_struct!(Received { outpoint, asset, value, paid_to, note });

impl From<&OwnedCoin> for Received {
    fn from(coin: &OwnedCoin) -> Self {
        Self {
            outpoint: coin.outpoint,
            asset: coin.asset,
            value: coin.value,
            paid_to: coin.paid_to,
            note: coin.note.clone(),
        }
    }
}

/// An own output that was consumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spent {
    /// Where it stood.
    pub(crate) outpoint: OutPoint,
    /// Asset.
    pub(crate) asset: AssetId,
    /// Amount.
    pub(crate) value: Amount,
}
encode_struct!(Spent { outpoint, asset, value });

impl From<&OwnedCoin> for Spent {
    fn from(coin: &OwnedCoin) -> Self {
        Self { outpoint: coin.outpoint, asset: coin.asset, value: coin.value }
    }
}

/// How the chain changed what the wallet owns. Applied in the order of the fields.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct ChainDelta {
    /// A scan of the present state replaces all coins, and all that only such a scan told.
    pub(crate) reset: bool,
    /// Chain blocks that no longer are: what they accepted is not accepted.
    pub(crate) undone: Vec<BlockHash>,
    /// Outputs that were not made after all.
    pub(crate) unmade: Vec<OutPoint>,
    /// What came and went.
    pub(crate) facts: Vec<TxFact>,
    /// Outputs that came, or came back.
    pub(crate) found: Vec<OwnedCoin>,
    /// Outputs that were consumed, and locks of which nobody knows by what.
    pub(crate) gone: Vec<OutPoint>,
    /// Locks that came, came back, or were spent.
    pub(crate) locks: Vec<OwnLock>,
    /// How far the chain is known from now on; `None` where the change goes on in the next record.
    pub(crate) cursor: Option<Cursor>,
}

impl ChainDelta {
    /// Whether only the cursor moves.
    pub(crate) fn is_empty(&self) -> bool {
        !self.reset
            && self.undone.is_empty()
            && self.unmade.is_empty()
            && self.found.is_empty()
            && self.gone.is_empty()
            && self.facts.is_empty()
            && self.locks.is_empty()
    }

    /// In parts that records can hold. Applied one after the other they do the same; only the last has the cursor.
    pub(crate) fn split(mut self) -> Vec<Self> {
        let mut parts = Vec::new();
        let reset = core::mem::take(&mut self.reset);
        let cursor = self.cursor.take();
        let mut part = Self { reset, ..Self::default() };
        macro_rules! take_list {
            ($field:ident) => {
                let mut items = core::mem::take(&mut self.$field).into_iter().peekable();
                while items.peek().is_some() {
                    let room = MAX_LIST - part.$field.len();
                    part.$field.extend(items.by_ref().take(room));
                    if items.peek().is_some() {
                        parts.push(core::mem::take(&mut part));
                    }
                }
            };
        }
        take_list!(undone);
        take_list!(unmade);
        take_list!(facts);
        take_list!(found);
        take_list!(gone);
        take_list!(locks);
        part.cursor = cursor;
        parts.push(part);
        parts
    }
}

impl Encode for PaymentRecord {
    fn encode(&self, out: &mut Vec<u8>) {
        self.id.encode(out);
        encode_length(self.txs.len(), out);
        for tx in &self.txs {
            tx.encode(out);
        }
        encode_list(&self.own, out);
        self.to.encode(out);
        out.push(u8::from(self.to_self));
        self.asset.encode(out);
        self.amount.encode(out);
        self.fee.encode(out);
        self.note.encode(out);
        out.push(u8::from(self.public));
        self.created.encode(out);
        self.expires.encode(out);
    }
}

impl Decode for PaymentRecord {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let id = Decode::decode(r)?;
        let txs: Vec<Transaction> = r.list(MAX_LIST, "transactions")?;
        Ok(Self {
            id,
            txs: txs.into_iter().map(Arc::new).collect(),
            own: r.list(MAX_LIST, "own outputs")?,
            to: Decode::decode(r)?,
            to_self: flag(r)?,
            asset: Decode::decode(r)?,
            amount: Decode::decode(r)?,
            fee: Decode::decode(r)?,
            note: Decode::decode(r)?,
            public: flag(r)?,
            created: Decode::decode(r)?,
            expires: Decode::decode(r)?,
        })
    }
}

impl Encode for EntryId {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Tx(txid) => {
                out.push(0);
                txid.encode(out);
            }
            Self::Reward(outpoint) => {
                out.push(1);
                outpoint.encode(out);
            }
        }
    }
}

impl Decode for EntryId {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match u8::decode(r)? {
            0 => Ok(Self::Tx(Decode::decode(r)?)),
            1 => Ok(Self::Reward(Decode::decode(r)?)),
            got => Err(DecodeError::UnknownTag { what: "history entry", got: u64::from(got) }),
        }
    }
}

impl Encode for TxFact {
    fn encode(&self, out: &mut Vec<u8>) {
        self.id.encode(out);
        self.reward_for.encode(out);
        self.accepted_in.map(|(block, _)| block).encode(out);
        self.accepted_in.map(|(_, score)| score).encode(out);
        self.daa_score.encode(out);
        self.time.encode(out);
        encode_list(&self.received, out);
        encode_list(&self.spent, out);
        self.fee.encode(out);
        encode_list(&self.sent, out);
    }
}

impl Decode for TxFact {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            id: Decode::decode(r)?,
            reward_for: Decode::decode(r)?,
            accepted_in: {
                let (block, score): (Option<BlockHash>, Option<BlueScore>) = (Decode::decode(r)?, Decode::decode(r)?);
                if block.is_some() != score.is_some() {
                    return Err(DecodeError::NotCanonical { what: "a block of acceptance, which goes with its score" });
                }
                block.zip(score)
            },
            daa_score: Decode::decode(r)?,
            time: Decode::decode(r)?,
            received: r.list(MAX_LIST, "received outputs")?,
            spent: r.list(MAX_LIST, "spent outputs")?,
            fee: Decode::decode(r)?,
            sent: r.list(MAX_LIST, "sent outputs")?,
        })
    }
}

/// Without its locks: a record that has some holds them behind it, under a tag of its own.
impl Encode for ChainDelta {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.reset));
        encode_list(&self.undone, out);
        encode_list(&self.unmade, out);
        encode_list(&self.facts, out);
        encode_list(&self.found, out);
        encode_list(&self.gone, out);
        self.cursor.encode(out);
    }
}

impl Decode for ChainDelta {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            reset: flag(r)?,
            undone: r.list(MAX_LIST, "undone blocks")?,
            unmade: r.list(MAX_LIST, "unmade outputs")?,
            facts: r.list(MAX_LIST, "history")?,
            found: r.list(MAX_LIST, "coins")?,
            gone: r.list(MAX_LIST, "consumed outputs")?,
            cursor: Decode::decode(r)?,
            locks: Vec::new(),
        })
    }
}

impl Encode for Record {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Address { index, label } => {
                out.push(0);
                index.encode(out);
                label.encode(out);
            }
            Self::Internal(next) => {
                out.push(1);
                next.encode(out);
            }
            Self::Sent(payment) => {
                out.push(2);
                payment.encode(out);
            }
            Self::Dropped { payment, reason } => {
                out.push(3);
                payment.encode(out);
                reason.encode(out);
            }
            Self::Chain(delta) if delta.locks.is_empty() => {
                out.push(4);
                delta.encode(out);
            }
            Self::Chain(delta) => {
                out.push(6);
                delta.encode(out);
                encode_list(&delta.locks, out);
            }
            Self::Verified { own, foreign } => {
                out.push(5);
                encode_list(own, out);
                encode_list(foreign, out);
            }
        }
    }
}

impl Decode for Record {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match u8::decode(r)? {
            0 => Ok(Self::Address { index: Decode::decode(r)?, label: Decode::decode(r)? }),
            1 => Ok(Self::Internal(Decode::decode(r)?)),
            2 => Ok(Self::Sent(Box::new(Decode::decode(r)?))),
            3 => Ok(Self::Dropped { payment: Decode::decode(r)?, reason: Decode::decode(r)? }),
            4 => Ok(Self::Chain(Box::new(Decode::decode(r)?))),
            5 => Ok(Self::Verified { own: r.list(MAX_LIST, "coins")?, foreign: r.list(MAX_LIST, "coins")? }),
            6 => {
                let delta = ChainDelta::decode(r)?;
                let locks: Vec<OwnLock> = r.list(MAX_LIST, "locks")?;
                if locks.is_empty() {
                    return Err(DecodeError::NotCanonical { what: "a change of the chain without locks" });
                }
                Ok(Self::Chain(Box::new(ChainDelta { locks, ..delta })))
            }
            got => Err(DecodeError::UnknownTag { what: "journal record", got: u64::from(got) }),
        }
    }
}

/// Cuts text to what a record holds, at a character's boundary.
pub(crate) fn bounded(text: &str) -> Text {
    let mut end = text.len().min(MAX_TEXT_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    Text(text[..end].to_owned())
}
