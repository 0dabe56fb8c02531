//! Unspent outputs as the state holds them.

use crate::amount::Amount;
use crate::coin::Coin;
use crate::encode::{Decode, DecodeError, Encode, Reader};
use crate::hash::{AssetId, Domain, Hasher};
use crate::memo::Memo;
use crate::score::DaaScore;
use crate::tx::{Input, OutPoint, Output};
use crate::{encode_struct, encode_tag};

/// How an output came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// Named at genesis.
    Genesis,
    /// Created by a transaction.
    Transaction,
    /// A miner's reward: may be spent once it is mature.
    Coinbase,
}

encode_tag!(Origin, "origin" { Genesis = 0, Transaction = 1, Coinbase = 2 });

/// An output without what only its making needed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum StoredOutput {
    /// A coin; derived ones carry their value in the clear.
    Coin {
        /// The coin.
        coin: Coin,
        /// Value of a derived coin.
        public_value: Option<Amount>,
    },
    /// A Memo.
    Memo(Memo),
}

impl StoredOutput {
    /// The asset it holds.
    pub fn asset(&self) -> AssetId {
        match self {
            Self::Coin { coin, .. } => coin.asset,
            Self::Memo(memo) => memo.asset,
        }
    }

    /// Whether an input repeats exactly this output.
    pub fn matches(&self, input: &Input) -> bool {
        match (self, input) {
            (Self::Coin { coin, .. }, Input::Coin { asset, owner, c, d, value_commitment: _ }) => {
                coin.asset == *asset && coin.owner == *owner && coin.c == *c && coin.d == *d
            }
            (Self::Memo(memo), Input::Memo { terms, branch: _ }) => memo.terms() == *terms,
            _ => false,
        }
    }
}

impl From<&Output> for StoredOutput {
    fn from(output: &Output) -> Self {
        match output {
            Output::Coin { coin, value_commitment: _ } => Self::Coin { coin: coin.clone(), public_value: None },
            Output::Memo(memo) => Self::Memo(memo.clone()),
        }
    }
}

impl Encode for StoredOutput {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Coin { coin, public_value } => {
                out.push(0);
                coin.encode(out);
                public_value.encode(out);
            }
            Self::Memo(memo) => {
                out.push(1);
                memo.encode(out);
            }
        }
    }
}

impl Decode for StoredOutput {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match u8::decode(r)? {
            0 => Ok(Self::Coin { coin: Decode::decode(r)?, public_value: Decode::decode(r)? }),
            1 => Ok(Self::Memo(Decode::decode(r)?)),
            got => Err(DecodeError::UnknownTag { what: "stored output", got: u64::from(got) }),
        }
    }
}

/// An unspent output and when it came to be.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UtxoEntry {
    /// The output.
    pub output: StoredOutput,
    /// How it came to be.
    pub origin: Origin,
    /// DAA score of the chain block that accepted it.
    pub daa_score: DaaScore,
}
encode_struct!(UtxoEntry { output, origin, daa_score });

impl UtxoEntry {
    /// First DAA score at which it may be consumed.
    pub fn mature_at(&self, coinbase_maturity: u64) -> DaaScore {
        match self.origin {
            Origin::Coinbase => self.daa_score.saturating_add(coinbase_maturity),
            Origin::Genesis | Origin::Transaction => self.daa_score,
        }
    }

    /// The element of the UTXO commitment: unique, since an outpoint is accepted once.
    pub fn commitment_element(&self, outpoint: &OutPoint) -> Hasher {
        Hasher::new(Domain::UTXO_ELEMENT).with(outpoint).with(self)
    }
}
