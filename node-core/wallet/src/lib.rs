//! Wallets: sole holders of spend keys. They find coins, plan payments, prove and sign them.
//!
//! ## What it answers for
//! - seed words, keys and the encrypted file of each wallet ([`seed`], [`keys`], [`secrets_file`], [`store`])
//! - finding coins and memos in the present state and along the selected chain, undone and redone with it ([`scan`])
//! - planning, proving and signing payments, and watching them until they are confirmed ([`plan`], [`payment`])
//! - the encrypted journal of what the chain does not tell: sent notes, labels, addresses handed out ([`journal`])
//!
//! ## What it must never do
//! No tokio, and nothing of consensus but [`umbel_types::consensus_api::ConsensusApi`]. Secrets are neither `Debug` nor
//! `Serialize`, are overwritten when dropped and never logged. A secret file is never overwritten in place. A scanner is
//! never handed a spend key. What a user owns depends on seed and chain alone.
//!
//! ## Flow
//! [`WalletFolder`] → [`Wallet`] → [`PaymentRequest`] → [`PaymentPlan`] → [`BuildJob`] → [`BuiltPayment`] →
//! [`Wallet::to_submit`]
//!
//! ## Errors
//! [`WalletError`]; each message says what to do.
//!
//! ## See
//! docs/spec/wallet.md

pub mod devnet;
pub mod error;
pub mod history;
pub mod payment;
pub mod payout;
pub mod plan;
pub mod store;
pub mod wallet;

pub use error::{Damage, NameError, WalletError, WordsError};
pub use history::{EntryId, HistoryEntry, HistoryKind, HistoryPage, HistoryQuery};
pub use payment::{Payment, PaymentId, PaymentStage};
pub use payout::payout_key;
pub use plan::{MAX_NOTE_BYTES, PaymentPlan, PaymentRequest, PlanNotice, SendAmount};
pub use store::{KdfProfile, NewWallet, Preview, PublicPart, Revealed, WalletFolder, WalletSummary, preview};
pub use wallet::{AddressEntry, Balance, BuildJob, BuiltPayment, LockStatus, ScanState, SearchReport, Wallet};
