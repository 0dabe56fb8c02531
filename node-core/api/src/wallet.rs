//! Wallets: create, restore, unlock, balances, addresses, history.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// Names one wallet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WalletRequest {
    /// Its name.
    pub wallet: String,
}

/// All wallets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WalletList {
    /// By order of creation.
    pub wallets: Vec<WalletSummary>,
}

/// A wallet from outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WalletSummary {
    /// Its name.
    pub name: String,
    /// Whether its keys are open.
    pub status: LockStatus,
    /// Whether the words have been written down.
    pub backed_up: bool,
    /// Why its file can't be used, where it can't.
    pub damaged: Option<WalletDamage>,
    /// 25 bits by which people tell wallets apart: five bytes of five bits each, rows of a symmetric picture.
    pub mark: [u8; 5],
}

/// What is wrong with a wallet's file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WalletDamage {
    /// For programs and for translation.
    pub code: DamageCode,
    /// One English sentence.
    pub message: String,
}

/// What can be wrong with a wallet's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DamageCode {
    /// It is not there.
    Missing,
    /// The system does not let it be read.
    Unreadable,
    /// It is cut off, or has bytes too many.
    Length,
    /// It is no wallet's file.
    Magic,
    /// Some byte changed.
    Checksum,
    /// Its content makes no sense.
    Content,
    /// A newer program wrote it.
    Version,
    /// It belongs to another network.
    Network,
}

/// How far a wallet is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LockStatus {
    /// Not opened since the program started: nothing is known of it.
    Closed,
    /// Locked: it is scanned, it can't spend.
    Locked,
    /// Open.
    Unlocked,
}

/// Makes a wallet.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateRequest {
    /// Its name: 1 to 40 letters, digits, spaces, `-` and `_`.
    pub name: String,
    /// Encrypts its file.
    pub password: Secret,
    /// 12 or 24.
    pub word_count: usize,
    /// BIP39 passphrase; empty for none.
    #[serde(default)]
    pub passphrase: Secret,
}

/// A new wallet.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Created {
    /// Its words, separated by single spaces.
    pub words: Secret,
    /// Public address.
    pub zk13str: String,
    /// Confidential address.
    pub confidential: String,
}

/// Makes a wallet from words.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RestoreRequest {
    /// Its name; empty in a dry run.
    pub name: String,
    /// 12 or 24 words.
    pub words: Secret,
    /// BIP39 passphrase; empty for none.
    #[serde(default)]
    pub passphrase: Secret,
    /// Encrypts its file; empty in a dry run.
    pub password: Secret,
    /// Only say what the words give; write nothing.
    #[serde(default)]
    pub dry_run: bool,
}

/// What words give.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// Public address.
    pub zk13str: String,
    /// Confidential address.
    pub confidential: String,
    /// Names of wallets that were made from the same words.
    pub same_words_as: Vec<String>,
}

/// Opens a wallet.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnlockRequest {
    /// Its name.
    pub wallet: String,
    /// Its password.
    pub password: Secret,
}

/// Asks for the words.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevealRequest {
    /// Its name.
    pub wallet: String,
    /// Its password, also when it is open.
    pub password: Secret,
}

/// The words.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Revealed {
    /// Separated by single spaces.
    pub words: Secret,
    /// BIP39 passphrase; empty for none.
    pub passphrase: Secret,
}

/// Asks for a proof that a payment was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProvePaymentRequest {
    /// Which wallet paid.
    pub wallet: String,
    /// The transaction.
    pub txid: String,
    /// Which output; without it, the one that pays somebody else.
    #[serde(default)]
    pub index: Option<u32>,
    /// What the verifier asks to be signed: 1 to 256 bytes, so that nobody else can show the same proof as theirs.
    pub challenge: String,
}

/// Balance of one asset, in decimal strings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balance {
    /// May be spent now.
    pub spendable: String,
    /// On its way: change and incoming payments that are not accepted yet.
    pub pending: String,
    /// Mined, not mature.
    pub immature: String,
}

/// A wallet from inside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WalletState {
    /// Its name.
    pub name: String,
    /// How far it is open.
    pub status: LockStatus,
    /// STR.
    pub str: Balance,
    /// Other assets, by ticker or id.
    pub assets: BTreeMap<String, Balance>,
    /// Unspent coins and memos.
    pub coin_count: usize,
    /// How far it has looked.
    pub scan: ScanState,
    /// Whether the words have been written down.
    pub backed_up: bool,
    /// Seconds until it locks by itself; `None` if it does not.
    pub locks_in_s: Option<u64>,
}

/// How far a wallet has looked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScanState {
    /// Whether everything known was looked at.
    pub complete: bool,
    /// Outputs looked at.
    pub done: u64,
    /// Outputs in all.
    pub total: u64,
    /// DAA score up to which the balance is verified by the own node.
    pub verified_to: u64,
}

/// An address that was handed out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressEntry {
    /// Its number.
    pub index: u32,
    /// Confidential address.
    pub confidential: String,
    /// Public address of the same number.
    pub zk13str: String,
    /// What it is for.
    pub label: String,
    /// Received on the confidential address so far, STR.
    pub received: String,
    /// Fingerprint of the confidential address.
    pub fingerprint: String,
}

/// Addresses, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressList {
    /// The addresses.
    pub addresses: Vec<AddressEntry>,
}

/// Asks for a fresh address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewAddressRequest {
    /// Which wallet.
    pub wallet: String,
    /// What it is for; may be empty.
    #[serde(default)]
    pub label: String,
}

/// Asks for history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HistoryRequest {
    /// Which wallet.
    pub wallet: String,
    /// Skips so many, newest first.
    #[serde(default)]
    pub offset: usize,
    /// At most so many, 1..=500.
    pub limit: usize,
    /// Only entries whose note, address, id or kind contains this.
    #[serde(default)]
    pub search: String,
    /// Only entries of this kind.
    #[serde(default)]
    pub kind: Option<HistoryKind>,
}

/// What came and went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// Newest first.
    pub entries: Vec<HistoryEntry>,
    /// How many match in all.
    pub total: usize,
}

/// Kind of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HistoryKind {
    /// Paid to somebody.
    Sent,
    /// Came from somebody.
    Received,
    /// A block reward.
    Mined,
    /// Moved between own coins.
    SelfTransfer,
    /// Stake.
    Stake,
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// Transaction id, or the block's hash for a reward.
    pub id: String,
    /// What it was.
    pub kind: HistoryKind,
    /// How far it is.
    pub state: crate::send::PaymentStage,
    /// Ticker or id of the asset.
    pub asset: String,
    /// Amount without sign and fee.
    pub amount: String,
    /// Fee, where this wallet paid it.
    pub fee: Option<String>,
    /// Whom it went to, where this wallet knows; for stake, the validator's id.
    pub to: Option<String>,
    /// What happened to stake: `register`, `delegate`, `undelegate`, `withdraw`, `unjail` or `report`.
    #[serde(default)]
    pub stake: Option<String>,
    /// Note, where there is one.
    pub note: Option<String>,
    /// Whether everyone sees the amount.
    pub public: bool,
    /// Time of the accepting block, or of its making, in ms since the Unix epoch.
    pub time_ms: u64,
    /// The chain block that accepted it.
    pub accepted_in: Option<String>,
    /// Blue score on top of the accepting block.
    pub confirmations: u64,
    /// Seconds until a reward may be spent, where it may not yet.
    pub matures_in_s: Option<u64>,
}
