//! The coin: built by a sender, found and opened by its owner, read again by its sender (docs/spec/proofs.md §2).
//!
//! `build` makes it · `open` opens it with the view key, and sent ones with the outgoing view key · `payout` makes the
//! keys that the ledger pays derived coins to, and those coins · `note` encrypts the text that travels along ·
//! `hidden_memo` does the same for an amount under lock `Address`.

mod build;
mod hidden_memo;
mod note;
mod open;
mod payout;
mod secrets;

pub use build::{BuiltCoin, CoinSecrets, NewCoin, build_coin};
pub use hidden_memo::{
    BuiltHiddenMemo, HiddenOpening, NewHiddenMemo, build_hidden_memo, open_hidden_memo, recover_sent_memo,
};
pub use note::{NoteError, NoteSize, NoteText};
pub use open::{OpenError, OpenedCoin, OpenedKey, SentCoin, UnverifiedCoin, open_coin, recover_sent};
pub(crate) use open::{ReadCoin, read_with_rseed};
pub use payout::{build_payout_key, check_payout_key, coinbase_coin, open_coinbase, open_payout_key};
pub use secrets::KeyRole;
