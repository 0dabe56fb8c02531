//! BIP39 words, English, 12 or 24.

use bip39::Language;
use rand_core::CryptoRng;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::keys::seed::Seed;

/// How many words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WordCount {
    /// 128 bits of entropy.
    Twelve,
    /// 256 bits of entropy.
    TwentyFour,
}

impl WordCount {
    fn entropy_bytes(self) -> usize {
        match self {
            Self::Twelve => 16,
            Self::TwentyFour => 32,
        }
    }
}

/// Why text is not a mnemonic. No variant repeats a word: errors get shown and logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum MnemonicError {
    /// Neither 12 nor 24 words.
    #[error("{0} words, 12 or 24 are expected")]
    WordCount(usize),
    /// A word that is not in the list.
    #[error("word {position} is not in the word list")]
    UnknownWord {
        /// Which, counted from one.
        position: usize,
    },
    /// All words are known, but they do not belong together.
    #[error("the words do not belong together: their checksum is wrong")]
    WrongChecksum,
}

/// Words that carry a seed. Zeroized on drop.
pub struct Mnemonic(bip39::Mnemonic);

impl Mnemonic {
    /// Fresh words.
    pub fn generate(count: WordCount, rng: &mut impl CryptoRng) -> Self {
        let mut entropy = Zeroizing::new([0u8; 32]);
        let entropy = &mut entropy[..count.entropy_bytes()];
        rng.fill_bytes(entropy);
        Self(bip39::Mnemonic::from_entropy_in(Language::English, entropy).expect("16 or 32 bytes of entropy"))
    }

    /// From 16 or 32 bytes of entropy, as [`Self::to_entropy`] gives them; `None` for any other length.
    pub fn from_entropy(entropy: &[u8]) -> Option<Self> {
        if !matches!(entropy.len(), 16 | 32) {
            return None;
        }
        bip39::Mnemonic::from_entropy_in(Language::English, entropy).ok().map(Self)
    }

    /// Reads words separated by white space, in either case.
    ///
    /// # Errors
    /// [`MnemonicError`]: first the count, then the first unknown word, then the checksum.
    pub fn parse(text: &str) -> Result<Self, MnemonicError> {
        let count = text.split_whitespace().count();
        if !matches!(count, 12 | 24) {
            return Err(MnemonicError::WordCount(count));
        }
        let mut phrase = Zeroizing::new(String::with_capacity(text.len()));
        for (i, word) in text.split_whitespace().enumerate() {
            let word = Zeroizing::new(word.to_lowercase());
            if Language::English.find_word(&word).is_none() {
                return Err(MnemonicError::UnknownWord { position: i + 1 });
            }
            if i > 0 {
                phrase.push(' ');
            }
            phrase.push_str(&word);
        }
        bip39::Mnemonic::parse_in_normalized(Language::English, &phrase)
            .map(Self)
            .map_err(|_| MnemonicError::WrongChecksum)
    }

    /// The words in order.
    pub fn words(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.0.words()
    }

    /// The words, separated by single spaces.
    pub fn phrase(&self) -> Zeroizing<String> {
        let mut phrase = Zeroizing::new(String::with_capacity(24 * 9));
        for (i, word) in self.words().enumerate() {
            if i > 0 {
                phrase.push(' ');
            }
            phrase.push_str(word);
        }
        phrase
    }

    /// The entropy behind the words, for the wallet file.
    pub fn to_entropy(&self) -> Zeroizing<Vec<u8>> {
        let (bytes, len) = self.0.to_entropy_array();
        let bytes = Zeroizing::new(bytes);
        Zeroizing::new(bytes[..len].to_vec())
    }

    /// BIP39's seed: PBKDF2-HMAC-SHA512 of words and passphrase (NFKD), 2,048 rounds.
    pub fn to_seed(&self, passphrase: &str) -> Seed {
        Seed::from_bytes(Zeroizing::new(self.0.to_seed(passphrase)))
    }
}

/// The 2,048 words, in order.
pub fn word_list() -> &'static [&'static str; 2048] {
    Language::English.word_list()
}

/// Every word that starts with `prefix`.
pub fn completions(prefix: &str) -> impl Iterator<Item = &'static str> + Clone + '_ {
    Language::English.words_by_prefix_iter(prefix)
}
