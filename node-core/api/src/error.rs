//! The one error that shells see.

use serde::{Deserialize, Serialize};

/// What went wrong, for programs and for translation. The wire form is the name in `snake_case`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// A field that can't be understood.
    BadInput,
    /// An address with a wrong checksum.
    BadChecksum,
    /// An address of another network.
    WrongNetwork,
    /// An amount that is no amount, zero or has too many decimals.
    BadAmount,
    /// A word that is not in the list, a wrong count, or a wrong checksum of words.
    BadWords,
    /// More than there is.
    InsufficientFunds,
    /// A public payment was not asked for explicitly.
    NeedsPublic,
    /// No wallet of that name, or none at all.
    NoSuchWallet,
    /// A wallet of that name exists.
    WalletExists,
    /// The wallet is locked.
    Locked,
    /// The password is wrong.
    WrongPassword,
    /// The wallet file is damaged; nothing was changed.
    WalletDamaged,
    /// Another process holds the data folder.
    AlreadyRunning,
    /// No node is running where one is needed.
    NotRunning,
    /// The data folder can't be written.
    DataFolder,
    /// The address to listen on can't be used.
    PortInUse,
    /// The network is not ready to start: its genesis file is missing or incomplete.
    GenesisMissing,
    /// The transaction breaks a rule.
    TxRefused,
    /// A competing transaction came first.
    TxConflict,
    /// A proof of payment does not hold, or can't be made.
    BadProof,
    /// Not allowed: the token is missing or wrong.
    Unauthorized,
    /// No such call, block or transaction.
    NotFound,
    /// Only on devnet.
    DevnetOnly,
    /// The node is starting, stopping or has failed.
    Unavailable,
    /// Something failed inside; the log says more.
    Internal,
}

/// What happened, in a sentence for people, and whether trying again may help.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// For programs and for translation.
    pub code: ErrorCode,
    /// One English sentence, without secrets.
    pub message: String,
    /// Whether the same call may succeed later.
    pub retryable: bool,
    /// The rule that a transaction breaks, by its name in the program, such as `FeeTooLow`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
}

impl ApiError {
    /// An error that trying again does not mend.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retryable: false, rule: None }
    }

    /// An error that may pass.
    pub fn passing(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retryable: true, rule: None }
    }

    /// The same, naming the rule: the variant of `error`.
    #[must_use]
    pub fn naming(self, error: &impl core::fmt::Debug) -> Self {
        let shown = format!("{error:?}");
        let end = shown.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(shown.len());
        Self { rule: Some(shown[..end].to_owned()), ..self }
    }
}

impl ErrorCode {
    /// The wire form.
    pub fn name(self) -> String {
        match serde_json::to_value(self) {
            Ok(serde_json::Value::String(name)) => name,
            // A variant without fields always becomes a string.
            Ok(_) | Err(_) => "internal".to_owned(),
        }
    }
}
