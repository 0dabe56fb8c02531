//! The coin: built by a sender, found and opened by its owner, read again by its sender (docs/spec/proofs.md §2).
//!
//! `build` makes it · `open` opens it with the view key, and sent ones with the outgoing view key · `payout` makes the
//! keys that the ledger pays derived coins to, and those coins · `note` encrypts the text that travels along.

mod build;
mod note;
mod open;
mod payout;
mod secrets;

pub use build::{BuiltCoin, CoinSecrets, NewCoin, build_coin};
pub use note::{NoteError, NoteSize};
pub use open::{OpenError, OpenedCoin, OpenedKey, SentCoin, UnverifiedCoin, detects, open_coin, recover_sent};
pub use payout::{build_payout_key, check_payout_key, coinbase_coin, open_coinbase, open_payout_key};
pub use secrets::KeyRole;
