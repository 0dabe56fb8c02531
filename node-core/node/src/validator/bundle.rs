//! A vote key with its guard, on its way to another machine: one sealed file.

use rand_core::UnwrapErr;
use umbel_crypto::sealed_file::{self, KdfCost};
use umbel_dag::finality::VoteGuard;
use umbel_types::encode::{Decode, Encode, Reader};
use umbel_types::{BlockHash, Hash32};
use zeroize::Zeroizing;

use super::guard::Guard;
use super::key_file::{KeyFileError, VoteKey};

/// How the sealed content begins: a key file of a wallet opens with a password too, and is no bundle.
const MAGIC: [u8; 8] = *b"UMBLVMOV";
/// Longest bundle, in bytes: it has some 250.
pub(crate) const MAX_BUNDLE_BYTES: usize = 4096;

/// What moves.
pub(crate) struct Bundle {
    /// Genesis of the chain.
    pub(crate) genesis: BlockHash,
    /// Number of the key among the vote keys of its wallet.
    pub(crate) index: u32,
    /// Seed of the key.
    pub(crate) seed: Zeroizing<[u8; 32]>,
    /// What it has signed; `None` where nobody knows.
    pub(crate) guard: Option<BundledGuard>,
}

/// What a key has signed when it moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BundledGuard {
    /// Generation of the guard that stays behind.
    pub(crate) generation: u64,
    /// Highest source.
    pub(crate) source: u32,
    /// Highest target.
    pub(crate) target: u32,
}
umbel_types::encode_struct!(BundledGuard { generation, source, target });

impl From<&Guard> for BundledGuard {
    fn from(guard: &Guard) -> Self {
        let VoteGuard { max_source: source, max_target: target } = guard.signed;
        Self { generation: guard.generation, source, target }
    }
}

impl Bundle {
    /// Hash of its key.
    pub(crate) fn hash(&self) -> Hash32 {
        VoteKey::from_seed(&self.seed).hash()
    }

    /// Seals it under a password.
    pub(crate) fn seal(&self, password: &str, cost: &KdfCost) -> Result<Vec<u8>, KeyFileError> {
        let mut content = Zeroizing::new(Vec::with_capacity(128));
        content.extend_from_slice(&MAGIC);
        self.genesis.encode(&mut content);
        self.index.encode(&mut content);
        content.extend_from_slice(&*self.seed);
        self.guard.encode(&mut content);
        Ok(sealed_file::seal(&content, password.as_bytes(), cost, &mut UnwrapErr(getrandom::SysRng))?)
    }

    /// Opens one.
    pub(crate) fn open(bytes: &[u8], password: &str) -> Result<Self, KeyFileError> {
        if bytes.len() > MAX_BUNDLE_BYTES {
            return Err(KeyFileError::Damaged);
        }
        let content = sealed_file::open(bytes, password.as_bytes())?;
        let content = content.strip_prefix(&MAGIC).ok_or(KeyFileError::Damaged)?;
        let mut r = Reader::new(content);
        let read = |r: &mut Reader<'_>| -> Result<Self, umbel_types::encode::DecodeError> {
            Ok(Self {
                genesis: Decode::decode(r)?,
                index: Decode::decode(r)?,
                seed: Zeroizing::new(r.array("seed")?),
                guard: Decode::decode(r)?,
            })
        };
        let bundle = read(&mut r).map_err(|_| KeyFileError::Damaged)?;
        r.finish().map_err(|_| KeyFileError::Damaged)?;
        Ok(bundle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_opens_with_its_password_and_carries_the_guard() {
        let cost = KdfCost { memory_kib: 8, passes: 1, lanes: 1 };
        for guard in [None, Some(BundledGuard { generation: 9, source: 4, target: 7 })] {
            let seed = Zeroizing::new([5; 32]);
            let sealed = Bundle { genesis: BlockHash([1; 32]), index: 3, seed, guard }.seal("right", &cost).unwrap();
            let bundle = Bundle::open(&sealed, "right").unwrap();
            assert_eq!((*bundle.seed, bundle.index, bundle.guard), ([5; 32], 3, guard));
            assert!(matches!(Bundle::open(&sealed, "wrong"), Err(KeyFileError::WrongPassword)));
            assert!(!sealed.windows(32).any(|part| part == [5; 32]), "the seed lies in the clear");
        }
        let wallet = sealed_file::seal(&[0; 64], b"right", &cost, &mut UnwrapErr(getrandom::SysRng)).unwrap();
        assert!(matches!(Bundle::open(&wallet, "right"), Err(KeyFileError::Damaged)));
    }
}
