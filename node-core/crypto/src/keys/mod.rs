//! Every key a user owns, from one seed (docs/spec/keys.md).
//!
//! Capabilities are types: [`ViewKey`] finds and opens coins and can spend nothing; [`OutgoingViewKey`] reads what was
//! sent; [`SpendKey`] spends. No type converts into another, and none of them is `Clone`, `Debug` or serializable.

mod account;
pub mod address;
mod mnemonic;
mod outgoing;
mod secp;
mod seed;
mod spend;
mod view;

pub use account::AccountKeys;
pub use address::{Address, AddressError, AddressIndex, ConfidentialAddress, Diversifier, Fingerprint};
pub use mnemonic::{Mnemonic, MnemonicError, WordCount, completions, word_list};
pub(crate) use outgoing::rseed_of;
pub use outgoing::{OutgoingViewKey, OutputScalar, PlannedOutput};
pub use secp::{SecpKey, address_of_public_key};
pub use seed::{MlDsaRole, Seed};
pub use spend::SpendKey;
pub use view::ViewKey;
