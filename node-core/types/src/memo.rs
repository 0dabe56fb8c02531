//! The Memo: an amount under a lock, with data and time bounds (docs/spec/transaction.md §3).

use crate::address::ZkAddress;
use crate::amount::Amount;
use crate::coin::{PointBytes, SealedBytes};
use crate::encode::{Decode, DecodeError, Encode, Reader, encode_bytes};
use crate::hash::{AssetId, Domain, Hash32, hash_of};
use crate::lock::Lock;
use crate::score::DaaRange;

/// Most data bytes of a Memo.
pub const MAX_MEMO_DATA_BYTES: usize = 4096;

/// How much a Memo holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum MemoValue {
    /// Everyone sees it.
    Public(Amount),
    /// A Pedersen commitment `V = v·B + w·B̃`, opened for the owner's published address. Only under lock `Address`.
    Hidden {
        /// The commitment.
        commitment: PointBytes,
        /// Ephemeral key `R = e·P`.
        ephemeral: PointBytes,
        /// Opening for the owner.
        sealed: SealedBytes,
    },
}

impl Encode for MemoValue {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Public(amount) => {
                out.push(0);
                amount.encode(out);
            }
            Self::Hidden { commitment, ephemeral, sealed } => {
                out.push(1);
                commitment.encode(out);
                ephemeral.encode(out);
                sealed.encode(out);
            }
        }
    }
}

impl Decode for MemoValue {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match u8::decode(r)? {
            0 => Ok(Self::Public(Decode::decode(r)?)),
            1 => Ok(Self::Hidden {
                commitment: Decode::decode(r)?,
                ephemeral: Decode::decode(r)?,
                sealed: Decode::decode(r)?,
            }),
            got => Err(DecodeError::UnknownTag { what: "memo value", got: u64::from(got) }),
        }
    }
}

/// An amount under a lock.
///
/// Decoding enforces: hidden only under lock `Address`; a refund address wherever validity ends, and only there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Memo {
    /// Which asset.
    pub asset: AssetId,
    /// How much.
    pub value: MemoValue,
    /// Who may consume it.
    pub lock: Lock,
    /// Who may consume it once its validity has ended.
    pub refund: Option<ZkAddress>,
    /// Free data, at most [`MAX_MEMO_DATA_BYTES`].
    pub data: Vec<u8>,
    /// When its lock applies.
    pub valid: DaaRange,
}

impl Memo {
    /// A public payment to an address, without data or time bounds.
    pub fn public_payment(asset: AssetId, amount: Amount, to: ZkAddress) -> Self {
        Self {
            asset,
            value: MemoValue::Public(amount),
            lock: Lock::Address(to),
            refund: None,
            data: Vec::new(),
            valid: DaaRange::ALWAYS,
        }
    }

    /// The terms as an input repeats them.
    pub fn terms(&self) -> MemoTerms {
        MemoTerms {
            asset: self.asset,
            value: self.value.clone(),
            lock: self.lock.clone(),
            refund: self.refund,
            valid: self.valid,
            data_hash: hash_of(Domain::MEMO_DATA, &DataBytes(&self.data)),
        }
    }
}

struct DataBytes<'a>(&'a [u8]);

impl Encode for DataBytes<'_> {
    fn encode(&self, out: &mut Vec<u8>) {
        encode_bytes(self.0, out);
    }
}

fn check_terms(value: &MemoValue, lock: &Lock, refund: Option<ZkAddress>, valid: DaaRange) -> Result<(), DecodeError> {
    if matches!(value, MemoValue::Hidden { .. }) && !matches!(lock, Lock::Address(_)) {
        return Err(DecodeError::NotCanonical { what: "hidden memo under another lock than Address" });
    }
    if refund.is_some() != (valid.end.0 != 0) {
        return Err(DecodeError::NotCanonical { what: "memo refund, which goes with an end of validity" });
    }
    Ok(())
}

impl Encode for Memo {
    fn encode(&self, out: &mut Vec<u8>) {
        self.asset.encode(out);
        self.value.encode(out);
        self.lock.encode(out);
        self.refund.encode(out);
        encode_bytes(&self.data, out);
        self.valid.encode(out);
    }
}

impl Decode for Memo {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let memo = Self {
            asset: Decode::decode(r)?,
            value: Decode::decode(r)?,
            lock: Decode::decode(r)?,
            refund: Decode::decode(r)?,
            data: r.bytes(MAX_MEMO_DATA_BYTES, "memo data")?,
            valid: Decode::decode(r)?,
        };
        check_terms(&memo.value, &memo.lock, memo.refund, memo.valid)?;
        Ok(memo)
    }
}

/// A Memo as the input that consumes it repeats it: everything but the data, of which the hash stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MemoTerms {
    /// Which asset.
    pub asset: AssetId,
    /// How much.
    pub value: MemoValue,
    /// Who may consume it.
    pub lock: Lock,
    /// Who may consume it once its validity has ended.
    pub refund: Option<ZkAddress>,
    /// When its lock applies.
    pub valid: DaaRange,
    /// Hash of the data.
    pub data_hash: Hash32,
}

impl Encode for MemoTerms {
    fn encode(&self, out: &mut Vec<u8>) {
        self.asset.encode(out);
        self.value.encode(out);
        self.lock.encode(out);
        self.refund.encode(out);
        self.valid.encode(out);
        self.data_hash.encode(out);
    }
}

impl Decode for MemoTerms {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let terms = Self {
            asset: Decode::decode(r)?,
            value: Decode::decode(r)?,
            lock: Decode::decode(r)?,
            refund: Decode::decode(r)?,
            valid: Decode::decode(r)?,
            data_hash: Decode::decode(r)?,
        };
        check_terms(&terms.value, &terms.lock, terms.refund, terms.valid)?;
        Ok(terms)
    }
}
