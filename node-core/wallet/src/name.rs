//! Names of wallets, and the folder names that follow from them.

use crate::error::NameError;

/// Most characters of a name.
const MAX_CHARS: usize = 40;
/// Longest name of a folder, in bytes: what common file systems take.
const MAX_FOLDER_BYTES: usize = 255;
/// Names that Windows keeps for devices, whatever follows a dot.
const RESERVED: [&str; 4] = ["con", "prn", "aux", "nul"];

/// A name that is safe as a folder's. Compared without regard to upper and lower case.
#[derive(Clone, Debug)]
pub(crate) struct WalletName {
    shown: String,
    folder: String,
}

impl WalletName {
    /// # Errors
    /// [`NameError`].
    pub(crate) fn parse(text: &str) -> Result<Self, NameError> {
        if !(1..=MAX_CHARS).contains(&text.chars().count()) {
            return Err(NameError::Length);
        }
        if !text.chars().all(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_')) {
            return Err(NameError::Character);
        }
        if text.starts_with(' ') || text.ends_with(' ') {
            return Err(NameError::Edge);
        }
        let lower = text.to_lowercase();
        let device = lower.strip_prefix("com").or_else(|| lower.strip_prefix("lpt"));
        if RESERVED.contains(&lower.as_str())
            || device.is_some_and(|n| n.len() == 1 && n.as_bytes()[0].is_ascii_digit())
        {
            return Err(NameError::Reserved);
        }
        // The one lower-case letter that depends on its place in the word: both forms are one letter in upper case.
        let folder = folder_of(&lower.replace('ς', "σ"));
        if folder.len() > MAX_FOLDER_BYTES {
            return Err(NameError::Length);
        }
        Ok(Self { shown: text.to_owned(), folder })
    }

    /// As the person wrote it.
    pub(crate) fn as_str(&self) -> &str {
        &self.shown
    }

    /// Name of its folder: equal for names that differ in case only.
    pub(crate) fn folder(&self) -> &str {
        &self.folder
    }
}

/// ASCII letters, digits, `-` and `_` stand for themselves, a space is `+`, all else its UTF-8 bytes as `%hh`.
fn folder_of(lower: &str) -> String {
    let mut folder = String::with_capacity(lower.len());
    for byte in lower.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => folder.push(char::from(byte)),
            b' ' => folder.push('+'),
            _ => folder.push_str(&format!("%{byte:02x}")),
        }
    }
    folder
}

/// The lower-case name behind a folder's; the folder's own where it was not made here.
pub(crate) fn name_of_folder(folder: &str) -> String {
    let mut bytes = Vec::with_capacity(folder.len());
    let mut rest = folder.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits = tail.get(..2).and_then(|hh| core::str::from_utf8(hh).ok());
                let Some(decoded) = digits.and_then(|hh| u8::from_str_radix(hh, 16).ok()) else {
                    return folder.to_owned();
                };
                bytes.push(decoded);
                rest = &tail[2..];
            }
            _ => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| folder.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn safe_names_only() {
        for good in
            ["a", "My Wallet", "Müller-2_b", &"x".repeat(40), &"ü".repeat(40), &"財".repeat(28), "com10", "contra"]
        {
            let name = WalletName::parse(good).unwrap();
            assert_eq!(name.as_str(), good);
            assert_eq!(name_of_folder(name.folder()), good.to_lowercase());
        }
        for (bad, why) in [
            ("", NameError::Length),
            (&*"x".repeat(41), NameError::Length),
            (&*"財".repeat(29), NameError::Length),
            (&*"𠀀".repeat(22), NameError::Length),
            ("../a", NameError::Character),
            ("a/b", NameError::Character),
            ("a\\b", NameError::Character),
            ("a.b", NameError::Character),
            ("a\0b", NameError::Character),
            ("a\nb", NameError::Character),
            ("~", NameError::Character),
            (" a", NameError::Edge),
            ("a ", NameError::Edge),
            ("CON", NameError::Reserved),
            ("lpt1", NameError::Reserved),
        ] {
            assert_eq!(WalletName::parse(bad).unwrap_err(), why, "{bad:?}");
        }
    }

    #[test]
    fn names_that_differ_in_case_share_a_folder() {
        let folder = |name| WalletName::parse(name).unwrap().folder().to_owned();
        assert_eq!(folder("Savings 1"), folder("sAVINGS 1"));
        assert_eq!(folder("ΣΑΣ"), folder("σασ"));
        assert_ne!(folder("a b"), folder("a-b"));
        assert_ne!(folder("ä"), folder("a"));
    }
}
