//! Seed words as they are typed: which are known, which may follow, whether the checksum fits. Nothing leaves the page.

use bip39::{Language, Mnemonic};

/// Longest list of suggestions.
const SUGGESTIONS: usize = 6;

/// What is wrong or right with words so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WordsState {
    /// So many words, all known; not yet 12 or 24.
    Unfinished(usize),
    /// This finished word, counted from 1, is not in the list.
    Unknown(usize),
    /// More than 24 words.
    TooMany(usize),
    /// The right number of known words, with a wrong checksum.
    BadChecksum,
    /// Words of a wallet.
    Good(usize),
}

/// The words of a text.
pub(crate) fn split(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_lowercase).collect()
}

/// Whether a word is in the list.
pub(crate) fn is_known(word: &str) -> bool {
    Language::English.word_list().binary_search(&word).is_ok()
}

/// What can be said of `text`. Its last word may be unfinished while no space follows it.
pub(crate) fn judge(text: &str) -> WordsState {
    let words = split(text);
    let ends_open = !text.is_empty() && !text.ends_with(char::is_whitespace);
    for (i, word) in words.iter().enumerate() {
        let may_grow = ends_open && i + 1 == words.len() && !suggestions(word).is_empty();
        if !is_known(word) && !may_grow {
            return WordsState::Unknown(i + 1);
        }
    }
    let open = words.last().is_some_and(|w| !is_known(w));
    match words.len() {
        n if n > 24 => WordsState::TooMany(n),
        n @ (12 | 24) if !open => {
            if Mnemonic::parse_in_normalized(Language::English, &words.join(" ")).is_ok() {
                WordsState::Good(n)
            } else {
                WordsState::BadChecksum
            }
        }
        n => WordsState::Unfinished(n - usize::from(open)),
    }
}

/// Words that begin with `start`, but for the one that is typed in full.
pub(crate) fn suggestions(start: &str) -> Vec<&'static str> {
    if start.is_empty() {
        return Vec::new();
    }
    let list = Language::English.word_list();
    let first = list.partition_point(|word| *word < start);
    list[first..]
        .iter()
        .take_while(|w| w.starts_with(start))
        .filter(|w| **w != start)
        .take(SUGGESTIONS)
        .copied()
        .collect()
}

/// How hard a password is to guess, from 0 (none) to 4.
pub(crate) fn strength(password: &str) -> u8 {
    let mut kinds = 0_u32;
    let has = |test: fn(char) -> bool| password.chars().any(test);
    kinds += 26 * u32::from(has(|c| c.is_ascii_lowercase()));
    kinds += 26 * u32::from(has(|c| c.is_ascii_uppercase()));
    kinds += 10 * u32::from(has(|c| c.is_ascii_digit()));
    kinds += 33 * u32::from(has(|c| !c.is_ascii_alphanumeric()));
    // A character that repeats the one before, or follows it in the alphabet, adds little.
    let chars: Vec<u32> = password.chars().map(u32::from).collect();
    let repeats = chars.windows(2).filter(|w| w[1].abs_diff(w[0]) <= 1).count();
    let fresh = (chars.len() - repeats) as f64 + repeats as f64 * 0.3;
    let bits = fresh * f64::from(kinds.max(1)).log2();
    match bits {
        _ if password.is_empty() => 0,
        b if b < 40.0 => 1,
        b if b < 60.0 => 2,
        b if b < 80.0 => 3,
        _ => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::{WordsState, judge, strength, suggestions};

    const GOOD: &str = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";

    #[test]
    fn judges_as_typed() {
        assert_eq!(judge(""), WordsState::Unfinished(0));
        assert_eq!(judge("aban"), WordsState::Unfinished(0));
        assert_eq!(judge("aban "), WordsState::Unknown(1));
        assert_eq!(judge("abandon xyz"), WordsState::Unknown(2));
        assert_eq!(judge("Abandon zoo"), WordsState::Unfinished(2));
        assert_eq!(judge(GOOD), WordsState::Good(12));
        assert_eq!(judge(&GOOD.replace("about", "zoo")), WordsState::BadChecksum);
        assert_eq!(judge(&[GOOD, GOOD, "zoo"].join(" ")), WordsState::TooMany(25));
    }

    #[test]
    fn suggests_by_the_first_letters() {
        assert_eq!(suggestions("abou"), ["about"]);
        assert_eq!(suggestions("act").first(), Some(&"action"));
        assert!(suggestions("about").is_empty());
        assert!(suggestions("").is_empty());
    }

    #[test]
    fn long_and_mixed_is_strong() {
        assert_eq!(strength(""), 0);
        assert_eq!(strength("aaaaaaaaaaaa"), 1);
        assert_eq!(strength("12345678"), 1);
        assert_eq!(strength("correct horse battery staple"), 4);
    }
}
