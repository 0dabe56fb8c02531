//! The operating system's randomness, at the edge.

use core::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};
use zeroize::{Zeroize, Zeroizing};

use crate::error::WalletError;

/// Fills `bytes` from the operating system.
///
/// # Errors
/// [`WalletError::Randomness`].
pub(crate) fn fill_random(bytes: &mut [u8]) -> Result<(), WalletError> {
    getrandom::fill(bytes).map_err(|_| WalletError::Randomness)
}

/// A random number generator that can't fail: its pool was filled before, from the operating system, and is stretched
/// with BLAKE3.
pub(crate) struct SeededRng {
    stream: blake3::OutputReader,
}

impl SeededRng {
    /// Seeds from the operating system.
    ///
    /// # Errors
    /// [`WalletError::Randomness`].
    pub(crate) fn from_os() -> Result<Self, WalletError> {
        let mut seed = Zeroizing::new([0u8; 32]);
        fill_random(&mut *seed)?;
        Ok(Self::from_seed(&seed))
    }

    /// From a known seed.
    pub(crate) fn from_seed(seed: &[u8; 32]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("umbel/wallet-rng/v1");
        hasher.update(seed);
        Self { stream: hasher.finalize_xof() }
    }
}

impl Drop for SeededRng {
    fn drop(&mut self) {
        self.stream.zeroize();
    }
}

impl TryRng for SeededRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0u8; 4];
        self.stream.fill(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0u8; 8];
        self.stream.fill(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.stream.fill(bytes);
        Ok(())
    }
}

impl TryCryptoRng for SeededRng {}
