//! The file of a wallet's words, in two generations.
//!
//! ```text
//! magic "UMBLWALT" ‖ version u16 ‖ length u32 ‖ public part ‖ length u32 ‖ sealed part ‖ checksum 32
//! ```
//! The public part can be read without the password: network, order of creation, first addresses, name, whether the words
//! are written down. The sealed part ([`umbel_crypto::sealed_file`]) holds entropy and passphrase, and a hash of what must
//! not change of the public part. The checksum covers everything: a damaged file is told from a wrong password before any
//! key is derived.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use umbel_crypto::keys::ConfidentialAddress;
use umbel_crypto::sealed_file::{self, KdfCost, SealedFileError, TARGET_MEMORY_KIB, calibrate};
use umbel_types::encode::{Decode, DecodeError, Encode, Reader, encode_bytes};
use umbel_types::hash::{Domain, Hasher};
use umbel_types::{Hash32, Network, Params, ZkAddress};
use zeroize::Zeroizing;

use crate::coins::{Text, flag};
use crate::error::{Damage, WalletError};
use crate::files;
use crate::random::SeededRng;
use crate::seed::{FirstAddresses, WalletSecrets};

const MAGIC: [u8; 8] = *b"UMBLWALT";
const VERSION: u16 = 1;
pub(crate) const CHECKSUM: Domain = Domain("umbel/wallet-file/v1");
const BINDING: Domain = Domain("umbel/wallet-file-binding/v1");
const MAX_PART_BYTES: usize = 64 * 1024;
/// Longest passphrase, in bytes.
const MAX_PASSPHRASE_BYTES: usize = 4096;

/// How much work deriving a file's key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KdfProfile {
    /// Calibrated when a file is written: at least 64 MiB and 500 ms, 256 MiB where that is fast enough.
    Calibrated,
    /// 64 MiB, one pass: for devnet, whose coins are worth nothing.
    Devnet,
    /// The least that Argon2id takes: for tests of other things.
    Tests,
}

impl KdfProfile {
    /// The profile of a network: full, but where coins are worth nothing by design.
    pub fn of(network: Network) -> Self {
        match network {
            Network::Devnet => Self::Devnet,
            Network::Lan | Network::Testnet | Network::Mainnet | Network::Lab32 => Self::Calibrated,
        }
    }

    /// The cost. Calibrating takes as long as some guesses.
    pub fn cost(self) -> KdfCost {
        match self {
            Self::Calibrated => calibrate(TARGET_MEMORY_KIB, |cost| {
                let start = Instant::now();
                cost.run_once();
                start.elapsed()
            }),
            Self::Devnet => KdfCost { memory_kib: sealed_file::MIN_MEMORY_KIB, passes: 1, lanes: 1 },
            Self::Tests => KdfCost { memory_kib: 8, passes: 1, lanes: 1 },
        }
    }
}

/// What a wallet shows without its password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PublicHeader {
    /// Which network.
    pub(crate) network: Network,
    /// Order of creation in its folder, from 1.
    pub(crate) order: u64,
    /// First addresses.
    pub(crate) first: FirstAddresses,
    /// Its name, as the person wrote it.
    pub(crate) name: String,
    /// Whether the words have been written down.
    pub(crate) backed_up: bool,
}

impl PublicHeader {
    /// Hash of what the sealed part vouches for. Name and backup mark may change without the password.
    fn binding(&self) -> Hash32 {
        Hasher::new(BINDING)
            .with(&Params::of(self.network).chain_id)
            .with(&self.order)
            .with(&self.first.zk13str)
            .with_bytes(&self.first.confidential.to_bytes())
            .finish()
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, Damage> {
        let Text(network) = Decode::decode(r)?;
        Ok(Self {
            network: network.parse().map_err(|_| Damage::Network(network))?,
            order: Decode::decode(r)?,
            first: FirstAddresses {
                zk13str: ZkAddress::decode(r)?,
                confidential: ConfidentialAddress::from_bytes(&r.array("address")?).map_err(|_| Damage::Content)?,
            },
            name: <Text as Decode>::decode(r)?.0,
            backed_up: flag(r)?,
        })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        Text(self.network.name().to_owned()).encode(out);
        self.order.encode(out);
        self.first.zk13str.encode(out);
        self.first.confidential.to_bytes().encode(out);
        Text(self.name.clone()).encode(out);
        out.push(u8::from(self.backed_up));
    }
}

/// A file whose checksum holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SecretsFile {
    /// Public part.
    pub(crate) header: PublicHeader,
    pub(crate) sealed: Vec<u8>,
}

/// A file that was read, from one of its generations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Loaded {
    /// The file.
    pub(crate) file: SecretsFile,
    /// What is wrong with the newest generation, where this is the previous one.
    pub(crate) newest_damaged: Option<Damage>,
}

impl SecretsFile {
    /// Seals secrets under a password. Takes as long as the profile says.
    ///
    /// # Errors
    /// [`WalletError::KeyDerivation`], [`WalletError::Randomness`].
    pub(crate) fn seal(
        header: PublicHeader,
        secrets: &WalletSecrets,
        password: &str,
        profile: KdfProfile,
    ) -> Result<Self, WalletError> {
        let mut content = Zeroizing::new(Vec::with_capacity(256));
        header.binding().encode(&mut content);
        encode_bytes(secrets.entropy(), &mut content);
        encode_bytes(secrets.passphrase().as_bytes(), &mut content);
        let mut rng = SeededRng::from_os()?;
        let sealed = sealed_file::seal(&content, password.as_bytes(), &profile.cost(), &mut rng)
            .map_err(|_| WalletError::KeyDerivation)?;
        Ok(Self { header, sealed })
    }

    /// Opens the sealed part.
    ///
    /// # Errors
    /// [`WalletError::WrongPassword`]; [`WalletError::Damaged`] where the content is not what the public part says.
    pub(crate) fn open(&self, password: &str, path: &Path) -> Result<WalletSecrets, WalletError> {
        let damaged = |damage| WalletError::Damaged { path: path.to_owned(), damage };
        let content = sealed_file::open(&self.sealed, password.as_bytes()).map_err(|error| match error {
            SealedFileError::WrongPassword => WalletError::WrongPassword,
            SealedFileError::UnknownVersion(version) => damaged(Damage::Version(version)),
            SealedFileError::CostOutOfRange => WalletError::KeyDerivation,
            SealedFileError::NotASealedFile | SealedFileError::Damaged => damaged(Damage::Content),
        })?;
        self.parse_content(&content).map_err(damaged)
    }

    fn parse_content(&self, content: &[u8]) -> Result<WalletSecrets, Damage> {
        let mut r = Reader::new(content);
        let binding: Hash32 = Decode::decode(&mut r)?;
        let entropy = Zeroizing::new(r.bytes(32, "entropy")?);
        let passphrase = Zeroizing::new(r.bytes(MAX_PASSPHRASE_BYTES, "passphrase")?);
        r.finish()?;
        let passphrase = core::str::from_utf8(&passphrase).map_err(|_| Damage::Content)?;
        if binding != self.header.binding() {
            return Err(Damage::Content);
        }
        WalletSecrets::from_parts(&entropy, passphrase).ok_or(Damage::Content)
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut public = Vec::new();
        self.header.encode(&mut public);
        let mut out = MAGIC.to_vec();
        VERSION.encode(&mut out);
        encode_bytes(&public, &mut out);
        encode_bytes(&self.sealed, &mut out);
        let checksum = Hasher::new(CHECKSUM).with_bytes(&out).finish();
        checksum.encode(&mut out);
        out
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, Damage> {
        if !bytes.starts_with(&MAGIC) {
            return Err(if bytes.len() < MAGIC.len() { Damage::Length } else { Damage::Magic });
        }
        let body = bytes.len().checked_sub(32).ok_or(Damage::Length)?;
        let (body, checksum) = bytes.split_at(body);
        if Hasher::new(CHECKSUM).with_bytes(body).finish().as_bytes() != checksum {
            return Err(Damage::Checksum);
        }
        let mut r = Reader::new(&body[MAGIC.len()..]);
        let version = u16::decode(&mut r)?;
        if version != VERSION {
            return Err(Damage::Version(version));
        }
        let public = r.bytes(MAX_PART_BYTES, "public part")?;
        let sealed = r.bytes(MAX_PART_BYTES, "sealed part")?;
        r.finish()?;
        let mut r = Reader::new(&public);
        let header = PublicHeader::decode(&mut r)?;
        r.finish().map_err(|_: DecodeError| Damage::Content)?;
        Ok(Self { header, sealed })
    }

    /// Reads one generation.
    pub(crate) fn read(path: &Path) -> Result<Self, Damage> {
        match fs::read(path) {
            Ok(bytes) => Self::from_bytes(&bytes),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(Damage::Missing),
            Err(error) => Err(Damage::Unreadable(error.to_string())),
        }
    }

    /// Reads the newest generation, or the previous one where that is damaged.
    ///
    /// # Errors
    /// What is wrong with the newest, where neither can be used. One of a newer program is intact: it is not passed over.
    pub(crate) fn load(path: &Path) -> Result<Loaded, Damage> {
        match Self::read(path) {
            Ok(file) => Ok(Loaded { file, newest_damaged: None }),
            Err(damage @ Damage::Version(_)) => Err(damage),
            Err(damage) => match Self::read(&previous_of(path)) {
                Ok(file) => Ok(Loaded { file, newest_damaged: Some(damage) }),
                Err(_) => Err(damage),
            },
        }
    }

    /// Writes a new generation. What stood there becomes the previous one if it is intact, and is set aside otherwise;
    /// at every moment at least one intact generation is on disk.
    ///
    /// # Errors
    /// [`WalletError::Io`].
    pub(crate) fn save(&self, path: &Path) -> Result<(), WalletError> {
        match fs::read(path) {
            Ok(old) if Self::from_bytes(&old).is_ok() => files::replace(&previous_of(path), &old)?,
            Ok(old) => files::replace(&path.with_extension("damaged"), &old)?,
            // The first generation stands twice from the start.
            Err(_) => files::replace(&previous_of(path), &self.to_bytes())?,
        }
        files::replace(path, &self.to_bytes())
    }
}

/// Where the previous generation lies.
pub(crate) fn previous_of(path: &Path) -> PathBuf {
    path.with_extension("previous")
}
