//! The words of the ledger: ids, units, blocks, transactions, outputs, parameters, rule errors.
//!
//! ## What it answers for
//! - newtypes for every id and unit, with arithmetic that can fail returning a result
//! - the canonical encoding of everything that is hashed, stored or sent ([`encode`])
//! - one table of network constants ([`params`]) and the genesis of each network ([`genesis`])
//! - the errors of each rule ([`errors`])
//!
//! ## What it must never do
//! No I/O, no clock, no randomness, no floats, no curve arithmetic: a [`PointBytes`] is 32 bytes that nothing here has
//! checked; `umbel-crypto` turns it into a group element or refuses it.
//!
//! ## See
//! docs/spec/transaction.md, docs/spec/consensus.md

#![deny(clippy::float_arithmetic, clippy::unwrap_used)]

pub mod address;
pub mod amount;
pub mod block;
pub mod coin;
pub mod consensus_api;
pub mod encode;
pub mod errors;
pub mod genesis;
pub mod hash;
pub mod header;
pub mod lock;
pub mod memo;
pub mod merkle;
pub mod network;
pub mod params;
pub mod score;
pub mod staking;
pub mod state;
pub mod target;
pub mod tx;
pub mod utxo;
pub mod vote;

pub use address::ZkAddress;
pub use amount::{Amount, AmountError, UNITS_PER_STR};
pub use block::{Block, Body};
pub use coin::{Coin, CoinFlags, Note, OneTimeKey, PayoutKey, PointBytes, SEALED_LEN_BYTES, ScalarBytes, SealedBytes};
pub use encode::{Decode, DecodeError, Encode, Reader};
pub use hash::{AssetId, BlockHash, Hash32, ObjectId, TxId, WtxId};
pub use header::{CertRef, Header};
pub use lock::Lock;
pub use memo::{Memo, MemoValue};
pub use network::Network;
pub use params::Params;
pub use score::{BlueScore, BlueWork, DaaRange, DaaScore, TimestampMs};
pub use target::CompactTarget;
pub use tx::{Action, Input, Ledger, OutPoint, Output, Transaction, TxCore, TxInput, Witness};
pub use utxo::{Origin, UtxoEntry};
pub use vote::{Certificate, Checkpoint, Evidence, Link, Vote};
