//! Locks: money that opens with several signatures, a secret, or a post-quantum key.

use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// Asks for what others need to lock money for a wallet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockKeyRequest {
    /// Which wallet.
    pub wallet: String,
    /// Of a fresh address; of the first one otherwise.
    #[serde(default)]
    pub fresh: bool,
}

/// What others need to lock money for a wallet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockKey {
    /// Number of the address.
    pub index: u32,
    /// Public key, for multisig locks.
    pub public_key: String,
    /// Address of the key, for either side of a hash lock.
    pub zk13str: String,
    /// Address for post-quantum locks.
    pub post_quantum: String,
}

/// A lock to pay into.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum NewLock {
    /// So many signatures by keys of the list.
    Multisig {
        /// Signatures needed.
        m: u8,
        /// Public keys, in any order.
        keys: Vec<String>,
    },
    /// Claimed with a secret, or taken back after a time.
    Hash {
        /// SHA-256 of the secret; without it, the wallet makes a new one.
        #[serde(default)]
        sha256: Option<String>,
        /// zk13str address that claims.
        claim: String,
        /// zk13str address that takes it back; without it, a fresh one of the wallet.
        #[serde(default)]
        refund: Option<String>,
        /// Seconds from now.
        timeout_s: u64,
    },
    /// Two signatures, one of them post-quantum.
    PostQuantum {
        /// Address for post-quantum locks.
        to: String,
    },
}

/// Asks to pay into a lock. Everyone sees amount and lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateLockRequest {
    /// Which wallet pays.
    pub wallet: String,
    /// Amount of STR.
    pub amount: String,
    /// The lock.
    pub lock: NewLock,
}

/// A lock as the chain has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum LockTerms {
    /// So many signatures by keys of the list.
    Multisig {
        /// Signatures needed.
        m: u8,
        /// Public keys, ascending.
        keys: Vec<String>,
    },
    /// Claimed with a secret, or taken back after a time.
    Hash {
        /// SHA-256 of the secret.
        sha256: String,
        /// Who claims.
        claim: String,
        /// Who takes it back.
        refund: String,
        /// DAA score of the timeout.
        timeout: u64,
    },
    /// Two signatures, one of them post-quantum.
    PostQuantum {
        /// Address for post-quantum locks.
        address: String,
    },
}

/// A lock that was paid into: the pool has the transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreatedLock {
    /// The transaction.
    pub txid: String,
    /// Where the lock will stand.
    pub outpoint: String,
    /// Amount.
    pub amount: String,
    /// Fee in STR.
    pub fee: String,
    /// The lock.
    pub lock: LockTerms,
    /// A new secret, in hexadecimal.
    #[serde(default)]
    pub secret: Option<Secret>,
}

/// How a lock stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LockState {
    /// It is unspent.
    Open,
    /// A transaction of the wallet that spends it is on its way.
    Spending,
    /// It was spent.
    Spent,
}

/// What the wallet can do about a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LockRole {
    /// Signs.
    Signer,
    /// Claims with the secret.
    Claim,
    /// Takes back after the timeout.
    Refund,
    /// Spends alone.
    Owner,
}

/// A lock that names a key or an address of the wallet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockEntry {
    /// Where it stands.
    pub outpoint: String,
    /// Amount.
    pub amount: String,
    /// Ticker or id.
    pub asset: String,
    /// The lock.
    pub lock: LockTerms,
    /// What the wallet can do.
    pub roles: Vec<LockRole>,
    /// How it stands.
    pub state: LockState,
    /// The transaction that spends or spent it.
    pub spent_by: Option<String>,
    /// The secret that a claim showed to everyone.
    pub preimage: Option<String>,
    /// DAA score of the chain block that accepted it.
    pub daa_score: u64,
    /// Of a hash lock: from this DAA score on, a claim must be forced.
    pub claim_before: Option<u64>,
    /// Of a hash lock: from this DAA score on it is taken back in any case; from its timeout on where that is certified.
    pub refund_from: Option<u64>,
    /// Of a hash lock: whether it can be taken back now, certificates aside.
    pub refund_open: bool,
}

/// Locks of a wallet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockList {
    /// Newest first. Of more than 500, those that are open and hold most.
    pub locks: Vec<LockEntry>,
    /// How many more there are.
    pub left_out: u64,
    /// DAA score that the wallet has seen.
    pub daa_score: u64,
}

/// Asks to spend or take back a lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpendLockRequest {
    /// Which wallet.
    pub wallet: String,
    /// Where the lock stands.
    pub outpoint: String,
    /// Address of either kind; without it, a fresh confidential coin of the wallet.
    #[serde(default)]
    pub to: Option<String>,
}

/// Asks to claim a hash lock. That shows its secret to everyone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimLockRequest {
    /// Which wallet.
    pub wallet: String,
    /// Where the lock stands.
    pub outpoint: String,
    /// Address of either kind; without it, a fresh confidential coin of the wallet.
    #[serde(default)]
    pub to: Option<String>,
    /// The secret, in hexadecimal; without it, one that the wallet made.
    #[serde(default)]
    pub preimage: Option<Secret>,
    /// Even where the other side may take the money back before the claim is accepted.
    #[serde(default)]
    pub force: bool,
    /// Even where the secret opens more of the wallet's own money to others than is claimed.
    #[serde(default)]
    pub for_less: bool,
}

/// A lock was spent: the pool has the transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockSpent {
    /// The transaction.
    pub txid: String,
    /// What arrives.
    pub amount: String,
    /// Fee in STR.
    pub fee: String,
    /// Who is paid.
    pub to: String,
}

/// Version of [`SigningFile`].
pub const SIGNING_FILE_VERSION: u32 = 1;

/// A transaction that spends a multisig lock, on its way from signer to signer. It shows whom it pays, and how much, to
/// whoever has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SigningFile {
    /// [`SIGNING_FILE_VERSION`].
    pub version: u32,
    /// The network's name.
    pub network: String,
    /// Hash of the network's genesis.
    pub genesis: String,
    /// Core of the transaction, canonical encoding in hexadecimal.
    pub core: String,
    /// Its range, output and kernel proofs, canonical encoding in hexadecimal.
    pub proofs: String,
    /// Signatures needed.
    pub m: u8,
    /// Public keys of the lock, ascending, in hexadecimal.
    pub keys: Vec<String>,
    /// Proof of whom the hidden output pays, canonical encoding in hexadecimal; none for a public one.
    pub shown: Option<String>,
    /// Signatures so far, by ascending index.
    pub signatures: Vec<SigningSignature>,
}

/// One signature of a [`SigningFile`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SigningSignature {
    /// Index of the key in the lock.
    pub index: u8,
    /// Its signature, in hexadecimal.
    pub signature: String,
}

/// Asks a wallet to sign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignRequest {
    /// Which wallet.
    pub wallet: String,
    /// What to sign.
    pub file: SigningFile,
}

/// A file that goes from signer to signer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SigningFileRequest {
    /// The file.
    pub file: SigningFile,
}

/// What a signer agrees to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SigningView {
    /// The transaction.
    pub txid: String,
    /// The lock that it spends.
    pub outpoint: String,
    /// What the lock holds.
    pub value: String,
    /// Who is paid.
    pub to: String,
    /// Fingerprint of that address.
    pub fingerprint: String,
    /// What arrives.
    pub amount: String,
    /// Fee in STR.
    pub fee: String,
    /// Signatures needed.
    pub m: u8,
    /// Public keys of the lock.
    pub keys: Vec<String>,
    /// Indices of the keys that have signed.
    pub signed: Vec<u8>,
    /// Whether nothing is missing.
    pub complete: bool,
    /// First DAA score at which it can't be accepted.
    pub expires: u64,
}
