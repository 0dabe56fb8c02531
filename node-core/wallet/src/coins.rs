//! What a wallet owns: unspent coins and memos, and what they add up to.

use umbel_types::encode::{Decode, DecodeError, Encode, Reader, encode_bytes};
use umbel_types::encode_struct;
use umbel_types::memo::MemoTerms;
use umbel_types::{
    Amount, AssetId, BlockHash, BlueScore, DaaScore, OneTimeKey, Origin, OutPoint, PointBytes, TimestampMs, TxId,
};

/// Longest text kept in a journal record, in bytes: labels, notes, reasons.
pub(crate) const MAX_TEXT_BYTES: usize = 4096;

/// Text as the journal holds it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Text(pub(crate) String);

impl Encode for Text {
    fn encode(&self, out: &mut Vec<u8>) {
        encode_bytes(self.0.as_bytes(), out);
    }
}

impl Decode for Text {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let bytes = r.bytes(MAX_TEXT_BYTES, "text")?;
        String::from_utf8(bytes).map(Self).map_err(|_| DecodeError::NotCanonical { what: "text" })
    }
}

/// Which of the wallet's addresses an output was paid to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PaidTo {
    /// A confidential address that was handed out, or its number is unknown.
    Confidential(Option<u32>),
    /// An internal confidential address: change.
    Internal(u32),
    /// A zk13str address.
    Zk13str(u32),
}

impl Encode for PaidTo {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Confidential(index) => {
                out.push(0);
                index.encode(out);
            }
            Self::Internal(index) => {
                out.push(1);
                index.encode(out);
            }
            Self::Zk13str(index) => {
                out.push(2);
                index.encode(out);
            }
        }
    }
}

impl Decode for PaidTo {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match u8::decode(r)? {
            0 => Ok(Self::Confidential(Decode::decode(r)?)),
            1 => Ok(Self::Internal(Decode::decode(r)?)),
            2 => Ok(Self::Zk13str(Decode::decode(r)?)),
            got => Err(DecodeError::UnknownTag { what: "address kind", got: u64::from(got) }),
        }
    }
}

/// What an input has to repeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Spendable {
    /// A coin's one-time key and value.
    Coin {
        /// One-time key.
        owner: OneTimeKey,
        /// `c`.
        c: PointBytes,
        /// `d`.
        d: PointBytes,
    },
    /// A Memo's terms.
    Memo(MemoTerms),
}

impl Encode for Spendable {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Coin { owner, c, d } => {
                out.push(0);
                owner.encode(out);
                c.encode(out);
                d.encode(out);
            }
            Self::Memo(terms) => {
                out.push(1);
                terms.encode(out);
            }
        }
    }
}

impl Decode for Spendable {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match u8::decode(r)? {
            0 => Ok(Self::Coin { owner: Decode::decode(r)?, c: Decode::decode(r)?, d: Decode::decode(r)? }),
            1 => Ok(Self::Memo(Decode::decode(r)?)),
            got => Err(DecodeError::UnknownTag { what: "spendable output", got: u64::from(got) }),
        }
    }
}

/// An output of this wallet, opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OwnedCoin {
    /// Where it stands.
    pub(crate) outpoint: OutPoint,
    /// Its asset.
    pub(crate) asset: AssetId,
    /// Its amount.
    pub(crate) value: Amount,
    /// What an input repeats.
    pub(crate) body: Spendable,
    /// How it came to be.
    pub(crate) origin: Origin,
    /// DAA score of the chain block that accepted it.
    pub(crate) daa_score: DaaScore,
    /// When that was; estimated where a scan of the present state found it.
    pub(crate) time: TimestampMs,
    /// Which address it was paid to.
    pub(crate) paid_to: PaidTo,
    /// Note of the sender.
    pub(crate) note: Text,
    /// Whether `S = s·g` was checked, directly or by the table. Others don't count.
    pub(crate) verified: bool,
}

impl OwnedCoin {
    /// First DAA score at which it may be spent.
    pub(crate) fn mature_at(&self, coinbase_maturity: u64) -> DaaScore {
        let starts = match &self.body {
            Spendable::Coin { .. } => DaaScore(0),
            Spendable::Memo(terms) => terms.valid.start,
        };
        let mature = match self.origin {
            Origin::Coinbase => self.daa_score.saturating_add(coinbase_maturity),
            Origin::Genesis | Origin::Transaction => self.daa_score,
        };
        mature.max(starts)
    }

    /// Whether everyone sees its amount.
    pub(crate) fn is_public(&self) -> bool {
        matches!(self.body, Spendable::Memo(_))
    }

    /// The transaction it came from, where it came from one.
    pub(crate) fn txid(&self) -> Option<TxId> {
        (self.origin != Origin::Coinbase).then(|| self.outpoint.source.into())
    }
}

impl Encode for OwnedCoin {
    fn encode(&self, out: &mut Vec<u8>) {
        self.outpoint.encode(out);
        self.asset.encode(out);
        self.value.encode(out);
        self.body.encode(out);
        self.origin.encode(out);
        self.daa_score.encode(out);
        self.time.encode(out);
        self.paid_to.encode(out);
        self.note.encode(out);
        out.push(u8::from(self.verified));
    }
}

impl Decode for OwnedCoin {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            outpoint: Decode::decode(r)?,
            asset: Decode::decode(r)?,
            value: Decode::decode(r)?,
            body: Decode::decode(r)?,
            origin: Decode::decode(r)?,
            daa_score: Decode::decode(r)?,
            time: Decode::decode(r)?,
            paid_to: Decode::decode(r)?,
            note: Decode::decode(r)?,
            verified: flag(r)?,
        })
    }
}

/// A yes or no.
pub(crate) fn flag(r: &mut Reader<'_>) -> Result<bool, DecodeError> {
    match u8::decode(r)? {
        0 => Ok(false),
        1 => Ok(true),
        got => Err(DecodeError::UnknownTag { what: "flag", got: u64::from(got) }),
    }
}

/// How far the chain is known to the wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// Newest chain block that was looked at.
    pub(crate) block: BlockHash,
    /// Its DAA score.
    pub(crate) daa_score: DaaScore,
    /// Its blue score, where it is known.
    pub(crate) blue_score: BlueScore,
}
encode_struct!(Cursor { block, daa_score, blue_score });
