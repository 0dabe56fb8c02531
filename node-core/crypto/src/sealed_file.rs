//! Secrets at rest: Argon2id over the password, AES-256-GCM over the content (docs/spec/keys.md §6).
//!
//! ```text
//! magic "UMBLSEAL" ‖ version u16 ‖ memory KiB u32 ‖ passes u32 ‖ lanes u32 ‖ salt 16 ‖ nonce 12 ‖ length u32
//!   ‖ ciphertext and tag ‖ checksum 8
//! ```
//! Integers are little-endian. Everything before the ciphertext is its associated data. The checksum is a hash of all
//! before it: it tells a damaged file from a wrong password, and protects nothing.

use core::time::Duration;

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use argon2::{Algorithm, Argon2, Params, Version};
use rand_core::CryptoRng;
use thiserror::Error;
use umbel_types::encode::{Encode, Reader};
use umbel_types::encode_struct;
use umbel_types::hash::Hasher;
use zeroize::Zeroizing;

use crate::hashers;

const MAGIC: [u8; 8] = *b"UMBLSEAL";
const VERSION: u16 = 1;
const CHECKSUM_BYTES: usize = 8;
/// Longest content, in bytes: a wallet's secrets are some hundred.
const MAX_CONTENT_BYTES: usize = 16 * 1024 * 1024;
const TAG_BYTES: usize = 16;

/// Least memory that calibration goes down to, in KiB: 64 MiB.
pub const MIN_MEMORY_KIB: u32 = 64 * 1024;
/// Memory that calibration starts at, in KiB: 256 MiB.
pub const TARGET_MEMORY_KIB: u32 = 256 * 1024;
/// Time that calibration aims at.
pub const TARGET_TIME: Duration = Duration::from_millis(500);
/// Most memory that a file may ask for, in KiB (2 GiB), and most passes: a forged header must not hang the wallet.
const MAX_MEMORY_KIB: u32 = 2 * 1024 * 1024;
const MAX_PASSES: u32 = 64;
const MAX_LANES: u32 = 16;

/// Cost of one password guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KdfCost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}
encode_struct!(KdfCost { memory_kib, passes, lanes });

impl KdfCost {
    fn params(&self) -> Option<Params> {
        if self.memory_kib > MAX_MEMORY_KIB || self.passes > MAX_PASSES || self.lanes > MAX_LANES {
            return None;
        }
        Params::new(self.memory_kib, self.passes, self.lanes, Some(32)).ok()
    }

    /// Whether a file with this cost should be sealed anew at `wanted`.
    pub fn is_below(&self, wanted: &Self) -> bool {
        u64::from(self.memory_kib) * u64::from(self.passes) < u64::from(wanted.memory_kib) * u64::from(wanted.passes)
    }

    /// Does the work of one guess, for a caller that measures it.
    pub fn run_once(&self) {
        // The result is of no use; failing parameters take no time and are raised by `calibrate`.
        let _ = stretch(self, b"", &[0; 16]);
    }
}

/// Finds a cost of at least [`TARGET_TIME`] and [`MIN_MEMORY_KIB`]. `measure` runs [`KdfCost::run_once`] and says how long
/// it took: this crate has no clock.
///
/// Starts at `memory_kib` (the target, or what the device has) and one pass; halves the memory while one pass takes more
/// than twice the target time, then adds passes until the target is met.
pub fn calibrate(memory_kib: u32, mut measure: impl FnMut(&KdfCost) -> Duration) -> KdfCost {
    let mut cost = KdfCost { memory_kib: memory_kib.clamp(MIN_MEMORY_KIB, MAX_MEMORY_KIB), passes: 1, lanes: 1 };
    let mut took = measure(&cost);
    while took > TARGET_TIME * 2 && cost.memory_kib / 2 >= MIN_MEMORY_KIB {
        cost.memory_kib /= 2;
        took = measure(&cost);
    }
    let one_pass = took.as_millis().max(1);
    let passes = TARGET_TIME.as_millis().div_ceil(one_pass);
    cost.passes = u32::try_from(passes).unwrap_or(MAX_PASSES).clamp(1, MAX_PASSES);
    cost
}

/// Why a sealed file does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SealedFileError {
    /// It is none.
    #[error("this is not a sealed wallet file")]
    NotASealedFile,
    /// Written by a later program.
    #[error("the file has format version {0}, this program reads version {VERSION}")]
    UnknownVersion(u16),
    /// Bytes are missing or changed.
    #[error("the file is damaged: its checksum does not match")]
    Damaged,
    /// The header asks for more than any wallet writes.
    #[error("the file asks for an unreasonable amount of work to open")]
    CostOutOfRange,
    /// The file is intact, the password does not open it.
    #[error("the password is wrong")]
    WrongPassword,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Header {
    magic: [u8; 8],
    version: u16,
    cost: KdfCost,
    salt: [u8; 16],
    nonce: [u8; 12],
    length: u32,
}
encode_struct!(Header { magic, version, cost, salt, nonce, length });

fn stretch(cost: &KdfCost, password: &[u8], salt: &[u8; 16]) -> Result<Zeroizing<[u8; 32]>, SealedFileError> {
    let params = cost.params().ok_or(SealedFileError::CostOutOfRange)?;
    let mut key = Zeroizing::new([0u8; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password, salt, &mut *key)
        .map_err(|_| SealedFileError::CostOutOfRange)?;
    Ok(key)
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let mut checksum = [0u8; CHECKSUM_BYTES];
    Hasher::new(hashers::SEALED_FILE).with_bytes(bytes).finish_xof(&mut checksum);
    checksum
}

/// Seals `content` under `password` with a fresh salt and nonce.
///
/// # Errors
/// [`SealedFileError::CostOutOfRange`].
///
/// # Panics
/// If `content` is longer than 16 MiB.
pub fn seal(
    content: &[u8],
    password: &[u8],
    cost: &KdfCost,
    rng: &mut impl CryptoRng,
) -> Result<Vec<u8>, SealedFileError> {
    assert!(content.len() <= MAX_CONTENT_BYTES, "a wallet's secrets are far smaller");
    let mut header = Header {
        magic: MAGIC,
        version: VERSION,
        cost: *cost,
        salt: [0; 16],
        nonce: [0; 12],
        length: u32::try_from(content.len() + TAG_BYTES).expect("at most 16 MiB"),
    };
    rng.fill_bytes(&mut header.salt);
    rng.fill_bytes(&mut header.nonce);
    let key = stretch(cost, password, &header.salt)?;
    let mut file = header.to_bytes();
    let ciphertext = Aes256Gcm::new((&*key).into())
        .encrypt(&Nonce::from(header.nonce), Payload { msg: content, aad: &file })
        .expect("16 MiB are below the cipher's limit");
    file.extend_from_slice(&ciphertext);
    let sum = checksum(&file);
    file.extend_from_slice(&sum);
    Ok(file)
}

fn parse(file: &[u8]) -> Result<(Header, &[u8], &[u8]), SealedFileError> {
    if !file.starts_with(&MAGIC) {
        return Err(SealedFileError::NotASealedFile);
    }
    let version = file.get(8..10).ok_or(SealedFileError::Damaged)?;
    let version = u16::from_le_bytes([version[0], version[1]]);
    let body_len = file.len().checked_sub(CHECKSUM_BYTES).ok_or(SealedFileError::Damaged)?;
    let (body, sum) = file.split_at(body_len);
    if checksum(body) != sum {
        return Err(SealedFileError::Damaged);
    }
    if version != VERSION {
        return Err(SealedFileError::UnknownVersion(version));
    }
    let mut reader = Reader::new(body);
    let header: Header = umbel_types::Decode::decode(&mut reader).map_err(|_| SealedFileError::Damaged)?;
    let (aad, ciphertext) = body.split_at(body.len() - reader.remaining());
    if ciphertext.len() != header.length as usize {
        return Err(SealedFileError::Damaged);
    }
    Ok((header, aad, ciphertext))
}

/// The cost stored in a file's header, so that a caller may seal it anew where that is outdated.
///
/// # Errors
/// [`SealedFileError`].
pub fn cost_of(file: &[u8]) -> Result<KdfCost, SealedFileError> {
    parse(file).map(|(header, _, _)| header.cost)
}

/// Opens a sealed file.
///
/// # Errors
/// [`SealedFileError`]. An attacker who may write the file can make either error appear, but can open nothing.
pub fn open(file: &[u8], password: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealedFileError> {
    let (header, aad, ciphertext) = parse(file)?;
    let key = stretch(&header.cost, password, &header.salt)?;
    Aes256Gcm::new((&*key).into())
        .decrypt(&Nonce::from(header.nonce), Payload { msg: ciphertext, aad })
        .map(Zeroizing::new)
        .map_err(|_| SealedFileError::WrongPassword)
}
