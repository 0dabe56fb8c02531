//! `validator.key`: the seed of a vote key under a password of its own.
//!
//! ```text
//! magic "UMBLVKEY" ‖ version u16 ‖ genesis 32 ‖ key hash 32 ‖ index u32 ‖ length u32 ‖ sealed part ‖ checksum 32
//! ```
//! The sealed part ([`umbel_crypto::sealed_file`]) holds the seed and a hash of what lies open. It can sign votes and
//! nothing else: no spend key is needed to validate, and none follows from it.

use std::io;
use std::path::Path;

use rand_core::UnwrapErr;
use umbel_api::{ApiError, ErrorCode};
use umbel_crypto::ml_dsa::{MlDsaContext, MlDsaKey};
use umbel_crypto::sealed_file::{self, KdfCost, SealedFileError};
use umbel_types::encode::{Decode, Encode, Reader, encode_bytes};
use umbel_types::hash::{Domain, Hasher};
use umbel_types::vote::{Vote, vote_message};
use umbel_types::{BlockHash, Hash32, Params};
use zeroize::Zeroizing;

use super::disk::{Disk, replace};
use super::guard::Raised;

const MAGIC: [u8; 8] = *b"UMBLVKEY";
const VERSION: u16 = 1;
const CHECKSUM: Domain = Domain("umbel/validator-key-file/v1");
const BINDING: Domain = Domain("umbel/validator-key-binding/v1");
const MAX_SEALED_BYTES: usize = 4096;

/// A vote key in memory. Neither `Clone` nor `Debug`; zeroized when dropped. Signs what a guard lets it.
pub(crate) struct VoteKey {
    key: MlDsaKey,
    hash: Hash32,
}

impl VoteKey {
    /// From its seed.
    pub(crate) fn from_seed(seed: &[u8; 32]) -> Self {
        Self::new(MlDsaKey::from_seed(seed))
    }

    /// A key that was derived elsewhere.
    pub(crate) fn new(key: MlDsaKey) -> Self {
        let hash = key.key_hash();
        Self { key, hash }
    }

    /// What the ledger knows it by.
    pub(crate) fn hash(&self) -> Hash32 {
        self.hash
    }

    /// Signs a link that the guard on the disk counts as signed.
    pub(crate) fn sign(&self, raised: &Raised, params: &Params, genesis: BlockHash, epoch: u64) -> Vote {
        let link = raised.link();
        let message = vote_message(params.chain_id, genesis, epoch, self.hash, &link);
        Vote {
            chain: params.chain_id,
            genesis,
            epoch,
            validator: self.hash,
            link,
            signature: Box::new(self.key.sign(MlDsaContext::Vote, &message)),
        }
    }
}

/// What lies open in a key file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyInfo {
    /// Genesis of the chain.
    pub(crate) genesis: BlockHash,
    /// Hash of the vote key.
    pub(crate) hash: Hash32,
    /// Its number among the vote keys of its wallet.
    pub(crate) index: u32,
}
umbel_types::encode_struct!(KeyInfo { genesis, hash, index });

impl KeyInfo {
    fn binding(&self) -> Hash32 {
        Hasher::new(BINDING).with(self).finish()
    }
}

/// A key file that was read. It holds no secret in the clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyFile {
    /// What lies open.
    pub(crate) info: KeyInfo,
    sealed: Vec<u8>,
}

/// Why a key file is of no use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyFileError {
    /// The system refuses.
    #[error("validator.key can't be used: {0}")]
    Io(#[from] io::Error),
    /// Some byte changed, or it is no key file.
    #[error("the file of the vote key is damaged; it was left as it is")]
    Damaged,
    /// It is of another chain.
    #[error("the vote key is of another chain")]
    OtherChain,
    /// The password does not open it.
    #[error("the password is wrong")]
    WrongPassword,
    /// Its header asks for more work than any key file.
    #[error("the file of the vote key asks for an unreasonable amount of work to open")]
    Cost,
}

impl From<KeyFileError> for ApiError {
    fn from(error: KeyFileError) -> Self {
        let code = match &error {
            KeyFileError::Io(_) => ErrorCode::DataFolder,
            KeyFileError::Damaged | KeyFileError::Cost => ErrorCode::WalletDamaged,
            KeyFileError::OtherChain => ErrorCode::WrongNetwork,
            KeyFileError::WrongPassword => ErrorCode::WrongPassword,
        };
        Self::new(code, error.to_string())
    }
}

impl From<SealedFileError> for KeyFileError {
    fn from(error: SealedFileError) -> Self {
        match error {
            SealedFileError::WrongPassword => Self::WrongPassword,
            SealedFileError::CostOutOfRange => Self::Cost,
            SealedFileError::NotASealedFile | SealedFileError::UnknownVersion(_) | SealedFileError::Damaged => {
                Self::Damaged
            }
        }
    }
}

impl KeyFile {
    /// Seals a seed under a password. Takes as long as `cost` says.
    pub(crate) fn seal(
        genesis: BlockHash,
        index: u32,
        seed: &[u8; 32],
        password: &str,
        cost: &KdfCost,
    ) -> Result<Self, KeyFileError> {
        let info = KeyInfo { genesis, hash: VoteKey::from_seed(seed).hash(), index };
        let mut content = Zeroizing::new(Vec::with_capacity(64));
        info.binding().encode(&mut content);
        content.extend_from_slice(seed);
        let sealed = sealed_file::seal(&content, password.as_bytes(), cost, &mut UnwrapErr(getrandom::SysRng))?;
        Ok(Self { info, sealed })
    }

    /// Opens the sealed part.
    pub(crate) fn open(&self, password: &str) -> Result<Zeroizing<[u8; 32]>, KeyFileError> {
        let content = sealed_file::open(&self.sealed, password.as_bytes())?;
        let (binding, seed) = content.split_at_checked(32).ok_or(KeyFileError::Damaged)?;
        let seed = Zeroizing::new(<[u8; 32]>::try_from(seed).map_err(|_| KeyFileError::Damaged)?);
        let is_bound = binding == self.info.binding().as_bytes();
        if is_bound && VoteKey::from_seed(&seed).hash() == self.info.hash {
            Ok(seed)
        } else {
            Err(KeyFileError::Damaged)
        }
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        VERSION.encode(&mut out);
        self.info.encode(&mut out);
        encode_bytes(&self.sealed, &mut out);
        let checksum = Hasher::new(CHECKSUM).with_bytes(&out).finish();
        checksum.encode(&mut out);
        out
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (body, checksum) = bytes.split_at_checked(bytes.len().checked_sub(32)?)?;
        if Hasher::new(CHECKSUM).with_bytes(body).finish().as_bytes() != checksum {
            return None;
        }
        let mut r = Reader::new(body.strip_prefix(&MAGIC)?);
        if u16::decode(&mut r).ok()? != VERSION {
            return None;
        }
        let info = KeyInfo::decode(&mut r).ok()?;
        let sealed = r.bytes(MAX_SEALED_BYTES, "sealed part").ok()?;
        r.finish().ok()?;
        Some(Self { info, sealed })
    }

    /// Reads the key file of a chain; `None` where there is none.
    pub(crate) fn read(disk: &dyn Disk, path: &Path, genesis: BlockHash) -> Result<Option<Self>, KeyFileError> {
        let bytes = match disk.read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let file = Self::from_bytes(&bytes).ok_or(KeyFileError::Damaged)?;
        if file.info.genesis == genesis { Ok(Some(file)) } else { Err(KeyFileError::OtherChain) }
    }

    /// Writes it, durably.
    pub(crate) fn write(&self, disk: &dyn Disk, path: &Path) -> Result<(), KeyFileError> {
        Ok(replace(disk, path, &self.to_bytes())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validator::disk::MemoryDisk;

    const COST: KdfCost = KdfCost { memory_kib: 8, passes: 1, lanes: 1 };

    #[test]
    fn a_key_file_opens_with_its_password_and_whole_only() {
        let (disk, path, genesis) = (MemoryDisk::default(), Path::new("validator.key"), BlockHash([3; 32]));
        let file = KeyFile::seal(genesis, 2, &[7; 32], "right", &COST).unwrap();
        file.write(&disk, path).unwrap();
        let read = KeyFile::read(&disk, path, genesis).unwrap().unwrap();
        assert_eq!(read, file);
        assert_eq!(*read.open("right").unwrap(), [7; 32]);
        assert!(matches!(read.open("wrong"), Err(KeyFileError::WrongPassword)));
        assert!(matches!(KeyFile::read(&disk, path, BlockHash([4; 32])), Err(KeyFileError::OtherChain)));
        assert!(KeyFile::read(&disk, Path::new("other"), genesis).unwrap().is_none());

        let bytes = disk.read(path).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            disk.write(path, &changed).unwrap();
            assert!(matches!(KeyFile::read(&disk, path, genesis), Err(KeyFileError::Damaged)), "byte {at}");
        }
    }

    #[test]
    fn the_open_part_can_not_be_exchanged() {
        let file = KeyFile::seal(BlockHash([3; 32]), 2, &[7; 32], "right", &COST).unwrap();
        let other = KeyFile { info: KeyInfo { index: 3, ..file.info }, ..file };
        assert!(matches!(other.open("right"), Err(KeyFileError::Damaged)));
    }
}
