//! Words and passwords: from a file, from `UMBEL_PASSWORD`, or from a prompt; never from an argument.

use std::io::{self, IsTerminal};
use std::path::Path;

use umbel_api::{ApiError, ErrorCode, Secret};
use zeroize::Zeroizing;

use super::files;

/// Longest file of words or a password, in bytes.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// Environment variable with the password.
const PASSWORD_VARIABLE: &str = "UMBEL_PASSWORD";
/// Environment variable with the password of the vote key.
const VALIDATOR_VARIABLE: &str = "UMBEL_VALIDATOR_PASSWORD";

/// The password of a wallet.
pub(super) fn password(file: Option<&Path>, prompt: &str) -> Result<Secret, ApiError> {
    if let Some(secret) = given_password(file)? {
        return Ok(secret);
    }
    ask(prompt)
}

/// A password that is being chosen: asked twice on a terminal.
pub(super) fn new_password(file: Option<&Path>) -> Result<Secret, ApiError> {
    if let Some(secret) = given_password(file)? {
        return Ok(secret);
    }
    ask_twice("New password for the wallet's file: ")
}

fn ask_twice(prompt: &str) -> Result<Secret, ApiError> {
    let first = ask(prompt)?;
    if ask("The same again: ")? != first {
        return Err(ApiError::new(ErrorCode::BadInput, "the two passwords differ"));
    }
    Ok(first)
}

/// The password of this machine's vote key.
pub(super) fn validator_password(file: Option<&Path>) -> Result<Secret, ApiError> {
    match given(file, VALIDATOR_VARIABLE)? {
        Some(secret) => Ok(secret),
        None => ask("Password of the vote key: "),
    }
}

/// A password for a vote key that is being made: asked twice on a terminal.
pub(super) fn new_validator_password(file: Option<&Path>) -> Result<Secret, ApiError> {
    match given(file, VALIDATOR_VARIABLE)? {
        Some(secret) => Ok(secret),
        None => ask_twice("New password for the vote key, apart from the wallet's: "),
    }
}

fn given_password(file: Option<&Path>) -> Result<Option<Secret>, ApiError> {
    given(file, PASSWORD_VARIABLE)
}

fn given(file: Option<&Path>, variable: &str) -> Result<Option<Secret>, ApiError> {
    match file {
        Some(file) => first_line(file, "password").map(Some),
        None => Ok(std::env::var(variable).ok().map(Secret::new)),
    }
}

/// A BIP39 passphrase; empty without a file.
pub(super) fn passphrase(file: Option<&Path>) -> Result<Secret, ApiError> {
    file.map_or_else(|| Ok(Secret::default()), |file| first_line(file, "passphrase"))
}

/// The words of a wallet: from a file, else from stdin, with a prompt on a terminal.
pub(super) fn words(file: Option<&Path>) -> Result<Secret, ApiError> {
    match file {
        Some(file) => read(file, "words").map(|text| Secret::new(text.trim())),
        None if io::stdin().is_terminal() => ask("The wallet's words: "),
        None => {
            let read = files::bounded(io::stdin().lock(), MAX_FILE_BYTES).and_then(|bytes| files::text(&bytes));
            let text = read.map_err(|e| ApiError::new(ErrorCode::BadInput, format!("stdin {e}")))?;
            if text.trim().is_empty() {
                return Err(missing("no words were given: use --words-file"));
            }
            Ok(Secret::new(text.trim()))
        }
    }
}

fn ask(prompt: &str) -> Result<Secret, ApiError> {
    if !io::stdin().is_terminal() {
        return Err(missing(
            "no password was given: use --password-file or set UMBEL_PASSWORD; for a vote key, --key-password-file or \
             UMBEL_VALIDATOR_PASSWORD",
        ));
    }
    let failed = |error: io::Error| ApiError::new(ErrorCode::BadInput, format!("nothing could be asked: {error}"));
    rpassword::prompt_password(prompt).map(Secret::new).map_err(failed)
}

fn missing(message: &str) -> ApiError {
    ApiError::new(ErrorCode::BadInput, message)
}

pub(super) fn first_line(file: &Path, what: &str) -> Result<Secret, ApiError> {
    let text = read(file, what)?;
    Ok(Secret::new(text.lines().next().unwrap_or("")))
}

fn read(file: &Path, what: &str) -> Result<Zeroizing<String>, ApiError> {
    files::read_text(file, MAX_FILE_BYTES)
        .map_err(|e| ApiError::new(ErrorCode::BadInput, format!("the {what} file {} {e}", file.display())))
}
