//! Words, and what follows from them.

use umbel_crypto::keys::{AccountKeys, AddressIndex, ConfidentialAddress, Mnemonic, MnemonicError, Seed};
use umbel_types::hash::{Domain, Hasher};
use umbel_types::lock::PREIMAGE_BYTES;
use umbel_types::{Hash32, Network, Params, ZkAddress};
use zeroize::Zeroizing;

use crate::error::{WalletError, WordsError};

/// The account that wallets use.
pub(crate) const ACCOUNT: u32 = 0;
/// Key of the journal, from the words.
const JOURNAL_KEY: Domain = Domain("umbel/journal-key/v1");
/// Secrets of hash locks, from the words.
const LOCK_SECRET: Domain = Domain("umbel/lock-secret/v1");
/// Picture of a wallet, from its public address.
const MARK: Domain = Domain("umbel/wallet-mark/v1");

/// What a wallet's secrets file holds: entropy of the words, and the passphrase. Zeroized on drop.
pub(crate) struct WalletSecrets {
    entropy: Zeroizing<Vec<u8>>,
    passphrase: Zeroizing<String>,
}

impl WalletSecrets {
    /// From words.
    pub(crate) fn new(mnemonic: &Mnemonic, passphrase: &str) -> Self {
        Self { entropy: mnemonic.to_entropy(), passphrase: Zeroizing::new(passphrase.to_owned()) }
    }

    /// From a file's content; `None` where the entropy has no right length.
    pub(crate) fn from_parts(entropy: &[u8], passphrase: &str) -> Option<Self> {
        Mnemonic::from_entropy(entropy).map(|mnemonic| Self::new(&mnemonic, passphrase))
    }

    /// Another copy, zeroized on its own. Not `Clone`, so that every copy is asked for.
    pub(crate) fn copy(&self) -> Self {
        Self { entropy: self.entropy.clone(), passphrase: self.passphrase.clone() }
    }

    /// Entropy of the words.
    pub(crate) fn entropy(&self) -> &[u8] {
        &self.entropy
    }

    /// BIP39 passphrase.
    pub(crate) fn passphrase(&self) -> &str {
        &self.passphrase
    }

    fn mnemonic(&self) -> Mnemonic {
        Mnemonic::from_entropy(&self.entropy).expect("both constructors take entropy of a mnemonic only")
    }

    /// The words, separated by single spaces.
    pub(crate) fn words(&self) -> Zeroizing<String> {
        self.mnemonic().phrase()
    }

    /// BIP39's seed.
    pub(crate) fn seed(&self) -> Seed {
        self.mnemonic().to_seed(&self.passphrase)
    }

    /// Key of the journal on a network.
    pub(crate) fn journal_key(&self, network: Network) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.hasher(JOURNAL_KEY, network).finish().0)
    }

    /// Preimage of the hash lock whose Memo has this nonce as its data.
    pub(crate) fn lock_secret(&self, network: Network, nonce: &Hash32) -> Zeroizing<[u8; PREIMAGE_BYTES]> {
        let root = Zeroizing::new(self.hasher(LOCK_SECRET, network).finish().0);
        Zeroizing::new(Hasher::new(LOCK_SECRET).with_bytes(&*root).with(nonce).finish().0)
    }

    fn hasher(&self, label: Domain, network: Network) -> Hasher {
        let length = u8::try_from(self.entropy.len()).expect("16 or 32 bytes");
        Hasher::new(label)
            .with(&network_number(network))
            .with(&length)
            .with_bytes(&self.entropy)
            .with_bytes(self.passphrase.as_bytes())
    }
}

fn network_number(network: Network) -> u32 {
    Params::of(network).chain_id
}

/// Reads words.
///
/// # Errors
/// [`WordsError`].
pub(crate) fn parse_words(words: &str) -> Result<Mnemonic, WordsError> {
    Mnemonic::parse(words).map_err(|error| match error {
        MnemonicError::WordCount(got) => WordsError::Count { got },
        MnemonicError::UnknownWord { position } => WordsError::UnknownWord { position },
        MnemonicError::WrongChecksum => WordsError::Checksum,
    })
}

/// The first addresses of a seed: what a wallet shows without its password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FirstAddresses {
    /// Public address of account 0, index 0.
    pub(crate) zk13str: ZkAddress,
    /// Confidential address of account 0, index 0.
    pub(crate) confidential: ConfidentialAddress,
}

impl FirstAddresses {
    /// Of a seed on a network.
    pub(crate) fn of(seed: &Seed, network: Network) -> Self {
        let mut keys = AccountKeys::derive(seed, network, ACCOUNT);
        Self { zk13str: seed.secp_key(ACCOUNT, 0).address(), confidential: keys.address(AddressIndex::DEFAULT) }
    }

    /// 25 bits by which people tell wallets apart.
    pub(crate) fn mark(&self) -> [u8; 5] {
        let mut mark = [0u8; 5];
        Hasher::new(MARK).with(&self.zk13str).with_bytes(&self.confidential.to_bytes()).finish_xof(&mut mark);
        mark.map(|row| row & 0x1f)
    }
}

/// What words give, before anything is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// Public address of account 0, index 0.
    pub zk13str: String,
    /// Confidential address of account 0, index 0.
    pub confidential: String,
}

impl Preview {
    pub(crate) fn of(first: &FirstAddresses, network: Network) -> Self {
        Self {
            zk13str: umbel_crypto::keys::address::zk_to_text(&first.zk13str),
            confidential: first.confidential.to_text(Params::of(network).address_prefix),
        }
    }
}

/// What words give, before anything is written: needs no folder, writes nothing.
///
/// # Errors
/// [`WalletError::Words`].
pub fn preview(words: &str, passphrase: &str, network: Network) -> Result<Preview, WalletError> {
    let seed = parse_words(words)?.to_seed(passphrase);
    Ok(Preview::of(&FirstAddresses::of(&seed, network), network))
}
