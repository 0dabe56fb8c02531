//! Wallets: sole holders of spend keys. They find coins, plan payments, prove and sign them.
//!
//! ## What it answers for
//! - seed words, keys and the encrypted file of each wallet (`seed.rs`, `keys.rs`, `secrets_file.rs`, [`store`])
//! - finding coins, memos and locks in the present state and along the selected chain, undone and redone with it (`scan.rs`)
//! - planning, proving and signing payments (`plan.rs`, `select.rs` → `prove.rs` → `sign.rs`, together in `build.rs`)
//! - staking: registering, delegating, taking out (`stake.rs`)
//! - paying into locks, spending them, alone or with other signers (`locks.rs`, `lock_tx.rs`, `signing.rs`)
//! - watching payments until they are confirmed, conflicted or over (`payments.rs`)
//! - the encrypted journal of what the chain does not tell: sent notes, labels, addresses handed out (`journal.rs`)
//!
//! ## What it must never do
//! No tokio, and nothing of consensus but [`umbel_types::consensus_api::ConsensusApi`]. Secrets are neither `Debug` nor
//! `Serialize`, are overwritten when dropped and never logged. A secret file is never overwritten in place. A scanner is
//! never handed a spend key. What a user owns depends on seed and chain alone.
//!
//! ## Flow
//! A wallet's memory (`state.rs`) changes by records (`record.rs`) only; the journal holds the same records.
//! [`WalletFolder`] → [`Wallet`] → [`PaymentRequest`] → [`PaymentPlan`] → [`BuildJob`] → [`BuiltPayment`] →
//! [`Wallet::to_submit`]
//!
//! ## Errors
//! [`WalletError`]; each message says what to do.
//!
//! ## See
//! docs/spec/wallet.md

#![deny(clippy::float_arithmetic, clippy::unwrap_used)]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that unwraps fails, which is its purpose"))]
#![allow(missing_debug_implementations, reason = "types that hold secrets are not Debug, on purpose")]

mod addresses;
mod build;
mod coins;
pub mod devnet;
pub mod error;
mod files;
mod follow;
pub mod history;
mod journal;
mod keys;
pub mod lock_error;
mod lock_tx;
mod locks;
mod name;
pub mod payment;
mod payment_proof;
mod payments;
mod payout;
pub mod plan;
mod prove;
mod random;
mod record;
mod scan;
mod secrets_file;
mod seed;
mod select;
mod sign;
mod signing;
mod size;
mod staging;
mod stake;
pub mod stake_book;
pub mod stake_error;
mod state;
pub mod store;
#[cfg(feature = "test-util")]
pub mod test_util;
mod wallet;

pub use addresses::AddressEntry;
pub use build::{BuildJob, BuiltPayment};
pub use error::{Damage, NameError, WalletError, WordsError};
pub use history::{EntryId, HistoryEntry, HistoryKind, HistoryPage, HistoryQuery};
pub use lock_error::{LockError, SigningError};
pub use lock_tx::{ClaimDespite, CreatedLock, LockKey, LockSecret, NewLock};
pub use locks::{LockEntry, LockRole, LockState, PostQuantumAddress};
pub use payment::{Payment, PaymentId, PaymentStage};
pub use payout::payout_key;
pub use plan::{MAX_NOTE_BYTES, PaymentPlan, PaymentRequest, PlanNotice, SendAmount};
pub use secrets_file::KdfProfile;
pub use seed::{Preview, preview};
pub use signing::{SHOWN_TO_SIGNERS, SigningParts, SigningRequest, SigningView};
pub use stake::{StakeMove, StakeMoved, check_registration};
pub use stake_book::{Held, StakeBook};
pub use stake_error::StakeError;
pub use store::{NewWallet, PublicPart, Revealed, WalletFolder, WalletSummary};
pub use wallet::{Balance, LockStatus, ScanState, SearchReport, Wallet};
