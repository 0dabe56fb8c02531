//! The folder of wallets: one folder for each, with its secrets file and its journal.

use std::fs;
use std::path::{Path, PathBuf};

use umbel_crypto::keys::{ConfidentialAddress, Mnemonic, WordCount};
use umbel_types::{BlockHash, Params};
use zeroize::Zeroizing;

use crate::error::{Damage, WalletError};
use crate::files::{self, sync_folder_of};
use crate::journal::Journal;
use crate::name::{WalletName, name_of_folder};
use crate::random::SeededRng;
use crate::secrets_file::{KdfProfile, Loaded, PublicHeader, SecretsFile};
use crate::seed::{FirstAddresses, Preview, WalletSecrets, parse_words};
use crate::staging::{Staging, is_staging};
use crate::wallet::{OpenWith, Wallet};

const SECRETS_FILE: &str = "wallet.secrets";
const JOURNAL_FILE: &str = "wallet.journal";
/// Longest passphrase, in bytes.
const MAX_PASSPHRASE_BYTES: usize = 4096;

/// A wallet from outside, without its password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalletSummary {
    /// Its name.
    pub name: String,
    /// Whether the words have been written down.
    pub backed_up: bool,
    /// Why its file can't be used, where neither generation can.
    pub damaged: Option<Damage>,
    /// What is wrong with the newest generation, where the previous one is used instead.
    pub repaired: Option<Damage>,
    /// First addresses; `None` where the file is damaged.
    pub public: Option<PublicPart>,
}

/// What a wallet shows without its password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicPart {
    /// Order of creation in this folder, from 1.
    pub order: u64,
    /// Public address of account 0, index 0.
    pub zk13str: String,
    /// Confidential address of account 0, index 0: where a miner may pay.
    pub payout: ConfidentialAddress,
    /// Its text.
    pub confidential: String,
    /// 25 bits by which people tell wallets apart: five bytes of five bits each.
    pub mark: [u8; 5],
}

/// What is needed for any new wallet.
#[derive(Clone, Copy)]
pub struct NewWallet<'a> {
    /// Its name: 1 to 40 letters, digits, spaces, `-` and `_`.
    pub name: &'a str,
    /// Encrypts its file; not empty.
    pub password: &'a str,
    /// BIP39 passphrase; empty for none.
    pub passphrase: &'a str,
}

/// Words shown again.
pub struct Revealed {
    /// Separated by single spaces.
    pub words: Zeroizing<String>,
    /// BIP39 passphrase; empty for none.
    pub passphrase: Zeroizing<String>,
}

/// The wallets of one network in one folder. Every call reads the folder anew. Several may use it at once: a wallet is made
/// whole or not at all, and open in one place only.
#[derive(Clone, Debug)]
pub struct WalletFolder {
    dir: PathBuf,
    params: Params,
    genesis: BlockHash,
    kdf: KdfProfile,
}

/// One wallet's folder, as it was found.
struct Found {
    folder: PathBuf,
    file: Result<Loaded, Damage>,
}

impl Found {
    fn name(&self) -> String {
        match &self.file {
            Ok(loaded) => loaded.file.header.name.clone(),
            Err(_) => self.folder.file_name().map_or_else(String::new, |name| name_of_folder(&name.to_string_lossy())),
        }
    }

    fn order(&self) -> u64 {
        self.file.as_ref().map_or(u64::MAX, |loaded| loaded.file.header.order)
    }
}

impl WalletFolder {
    /// Makes the folder where it is missing.
    ///
    /// # Errors
    /// [`WalletError::Io`].
    pub fn open(dir: &Path, params: Params, genesis: BlockHash, kdf: KdfProfile) -> Result<Self, WalletError> {
        files::create_private_folder(dir)?;
        Ok(Self { dir: dir.to_owned(), params, genesis, kdf })
    }

    /// All wallets by order of creation, damaged ones last.
    ///
    /// # Errors
    /// [`WalletError::Io`].
    pub fn list(&self) -> Result<Vec<WalletSummary>, WalletError> {
        Ok(self.found()?.iter().map(|found| self.summary(found)).collect())
    }

    fn found(&self) -> Result<Vec<Found>, WalletError> {
        let mut all = Vec::new();
        let entries = fs::read_dir(&self.dir).map_err(|e| WalletError::io("reading", &self.dir, &e))?;
        for entry in entries {
            let folder = entry.map_err(|e| WalletError::io("reading", &self.dir, &e))?.path();
            let is_empty = || fs::read_dir(&folder).is_ok_and(|mut files| files.next().is_none());
            if !is_staging(&folder) && folder.is_dir() && !is_empty() {
                let file = self.load(&folder);
                all.push(Found { folder, file });
            }
        }
        all.sort_by_key(|found| (found.order(), found.name()));
        Ok(all)
    }

    fn load(&self, folder: &Path) -> Result<Loaded, Damage> {
        let loaded = SecretsFile::load(&folder.join(SECRETS_FILE))?;
        let network = loaded.file.header.network;
        if network == self.params.network { Ok(loaded) } else { Err(Damage::Network(network.to_string())) }
    }

    fn summary(&self, found: &Found) -> WalletSummary {
        let name = found.name();
        match &found.file {
            Err(damage) => {
                WalletSummary { name, backed_up: false, damaged: Some(damage.clone()), repaired: None, public: None }
            }
            Ok(Loaded { file: SecretsFile { header, .. }, newest_damaged }) => WalletSummary {
                name,
                backed_up: header.backed_up,
                damaged: None,
                repaired: newest_damaged.clone(),
                public: Some(self.public_part(header)),
            },
        }
    }

    fn public_part(&self, header: &PublicHeader) -> PublicPart {
        let Preview { zk13str, confidential } = Preview::of(&header.first, self.params.network);
        PublicPart {
            order: header.order,
            zk13str,
            payout: header.first.confidential,
            confidential,
            mark: header.first.mark(),
        }
    }

    /// Makes a wallet from fresh words, and gives them. It is open, and not backed up.
    ///
    /// # Errors
    /// [`WalletError::Name`], [`WalletError::Exists`], [`WalletError::EmptyPassword`],
    /// [`WalletError::PassphraseTooLong`], [`WalletError::Randomness`], [`WalletError::Io`]. Nothing is left behind then.
    pub fn create(&self, new: NewWallet<'_>, words: WordCount) -> Result<(Wallet, Zeroizing<String>), WalletError> {
        let name = self.check_new(&new)?;
        let mnemonic = Mnemonic::generate(words, &mut SeededRng::from_os()?);
        let wallet = self.add(&name, &new, &mnemonic, false)?;
        Ok((wallet, mnemonic.phrase()))
    }

    /// Makes a wallet from words. It is open, and counts as backed up.
    ///
    /// # Errors
    /// As [`Self::create`], and [`WalletError::Words`].
    pub fn restore(&self, new: NewWallet<'_>, words: &str) -> Result<Wallet, WalletError> {
        let mnemonic = parse_words(words)?;
        let name = self.check_new(&new)?;
        self.add(&name, &new, &mnemonic, true)
    }

    fn check_new(&self, new: &NewWallet<'_>) -> Result<WalletName, WalletError> {
        let name = WalletName::parse(new.name)?;
        if new.password.is_empty() {
            return Err(WalletError::EmptyPassword);
        }
        if new.passphrase.len() > MAX_PASSPHRASE_BYTES {
            return Err(WalletError::PassphraseTooLong { limit: MAX_PASSPHRASE_BYTES });
        }
        if self.found()?.iter().any(|found| found.folder == self.dir.join(name.folder())) {
            return Err(WalletError::Exists(name.as_str().to_owned()));
        }
        Ok(name)
    }

    fn add(
        &self,
        name: &WalletName,
        new: &NewWallet<'_>,
        mnemonic: &Mnemonic,
        backed_up: bool,
    ) -> Result<Wallet, WalletError> {
        let secrets = WalletSecrets::new(mnemonic, new.passphrase);
        let orders = self.found()?.iter().map(Found::order).filter(|order| *order != u64::MAX).max();
        let header = PublicHeader {
            network: self.params.network,
            order: orders.unwrap_or(0) + 1,
            first: FirstAddresses::of(&secrets.seed(), self.params.network),
            name: name.as_str().to_owned(),
            backed_up,
        };
        let file = SecretsFile::seal(header, &secrets, new.password, self.kdf)?;
        let staging = Staging::new(&self.dir)?;
        file.save(&staging.path().join(SECRETS_FILE))?;
        drop(Journal::open(&staging.path().join(JOURNAL_FILE), secrets.journal_key(self.params.network))?);
        let folder = self.dir.join(name.folder());
        if !staging.claim(&folder)? {
            return Err(WalletError::Exists(name.as_str().to_owned()));
        }
        let opened = sync_folder_of(&folder).and_then(|()| self.open_wallet(&folder, &file.header, &secrets));
        match &opened {
            Ok(_) => tracing::info!(target: "umbel::wallet", wallet = name.as_str(), "wallet added"),
            // Somebody with the password was quicker: it is theirs.
            Err(WalletError::InUse { .. }) => {}
            Err(_) => {
                let _ = fs::remove_dir_all(&folder);
            }
        }
        opened
    }

    /// Names of wallets made from the same words and passphrase.
    ///
    /// # Errors
    /// [`WalletError::Io`].
    pub fn same_words_as(&self, preview: &Preview) -> Result<Vec<String>, WalletError> {
        let same = |summary: &WalletSummary| {
            summary
                .public
                .as_ref()
                .is_some_and(|public| public.zk13str == preview.zk13str && public.confidential == preview.confidential)
        };
        Ok(self.list()?.into_iter().filter(same).map(|summary| summary.name).collect())
    }

    /// The first wallet that can be paid: where a node mines to if nobody says where.
    ///
    /// # Errors
    /// [`WalletError::Io`].
    pub fn first_payout(&self) -> Result<Option<(String, ConfidentialAddress)>, WalletError> {
        let first = self.list()?.into_iter().find_map(|summary| Some((summary.name, summary.public?.payout)));
        Ok(first)
    }

    fn find(&self, name: &str) -> Result<Found, WalletError> {
        let missing = || WalletError::NoSuchWallet(name.to_owned());
        let folder = self.dir.join(WalletName::parse(name).map_err(|_| missing())?.folder());
        self.found()?.into_iter().find(|found| found.folder == folder).ok_or_else(missing)
    }

    /// A wallet's file and its secrets.
    fn secrets(&self, name: &str, password: &str) -> Result<(Found, Loaded, WalletSecrets), WalletError> {
        let found = self.find(name)?;
        let path = found.folder.join(SECRETS_FILE);
        let loaded = match &found.file {
            Ok(loaded) => loaded.clone(),
            Err(damage) => return Err(WalletError::Damaged { path, damage: damage.clone() }),
        };
        let secrets = loaded.file.open(password, &path)?;
        Ok((found, loaded, secrets))
    }

    /// Opens a wallet. Takes as long as its file's key derivation.
    ///
    /// # Errors
    /// [`WalletError::NoSuchWallet`], [`WalletError::WrongPassword`], [`WalletError::Damaged`], and
    /// [`WalletError::InUse`] while another [`Wallet`] has it open, in this process or another one.
    pub fn unlock(&self, name: &str, password: &str) -> Result<Wallet, WalletError> {
        let (found, loaded, secrets) = self.secrets(name, password)?;
        let mut wallet = self.open_wallet(&found.folder, &loaded.file.header, &secrets)?;
        if let Some(damage) = loaded.newest_damaged {
            wallet.tell_repair(format!(
                "The newest wallet file was damaged ({}); the previous one was used and written again. The damaged file was \
                 kept beside it.",
                damage.cause()
            ));
            loaded.file.save(&found.folder.join(SECRETS_FILE))?;
        }
        tracing::info!(target: "umbel::wallet", wallet = wallet.name(), "wallet unlocked");
        Ok(wallet)
    }

    fn open_wallet(
        &self,
        folder: &Path,
        header: &PublicHeader,
        secrets: &WalletSecrets,
    ) -> Result<Wallet, WalletError> {
        Wallet::open(
            OpenWith {
                name: header.name.clone(),
                secrets_path: folder.join(SECRETS_FILE),
                journal_path: folder.join(JOURNAL_FILE),
                params: self.params.clone(),
                genesis: self.genesis,
                payout: header.first.confidential,
            },
            secrets,
        )
    }

    /// Shows the words.
    ///
    /// # Errors
    /// As [`Self::unlock`].
    pub fn reveal(&self, name: &str, password: &str) -> Result<Revealed, WalletError> {
        let (_, _, secrets) = self.secrets(name, password)?;
        Ok(Revealed { words: secrets.words(), passphrase: Zeroizing::new(secrets.passphrase().to_owned()) })
    }

    /// Notes that the person has written the words down.
    ///
    /// # Errors
    /// [`WalletError::NoSuchWallet`], [`WalletError::Damaged`], [`WalletError::Io`].
    pub fn confirm_words(&self, name: &str) -> Result<(), WalletError> {
        let found = self.find(name)?;
        let path = found.folder.join(SECRETS_FILE);
        let mut file = match found.file {
            Ok(loaded) => loaded.file,
            Err(damage) => return Err(WalletError::Damaged { path, damage }),
        };
        if !file.header.backed_up {
            file.header.backed_up = true;
            file.save(&path)?;
        }
        Ok(())
    }

    /// Deletes a wallet's files, damaged ones too. Only the words bring it back. The caller has closed the wallet.
    ///
    /// # Errors
    /// [`WalletError::NoSuchWallet`], [`WalletError::Io`].
    pub fn remove(&self, name: &str) -> Result<(), WalletError> {
        let folder = self.find(name)?.folder;
        fs::remove_dir_all(&folder).map_err(|e| WalletError::io("removing", &folder, &e))?;
        sync_folder_of(&folder)?;
        tracing::info!(target: "umbel::wallet", wallet = name, "wallet removed");
        Ok(())
    }
}
