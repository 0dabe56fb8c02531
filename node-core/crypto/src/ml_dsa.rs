//! ML-DSA-65 (FIPS 204): finality votes and post-quantum locks.

use ml_dsa::signature::Keypair;
use ml_dsa::{EncodedSignature, EncodedVerifyingKey, MlDsa65, Signature, SigningKey, VerifyingKey};
use umbel_types::Hash32;
use umbel_types::hash::Hasher;

use crate::hashers;

pub use umbel_types::lock::{ML_DSA_KEY_BYTES as VERIFYING_KEY_BYTES, ML_DSA_SIGNATURE_BYTES as SIGNATURE_BYTES};

/// What a signature is for: FIPS 204's context string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MlDsaContext {
    /// A finality vote.
    Vote,
    /// A post-quantum lock's second signature.
    Lock,
    /// A validator's registration.
    Register,
}

impl MlDsaContext {
    const fn bytes(self) -> &'static [u8] {
        match self {
            Self::Vote => b"umbel/ffg/v1",
            Self::Lock => b"umbel/lock/v1",
            Self::Register => b"umbel/register/v1",
        }
    }
}

/// A signing key. Zeroized on drop; neither `Clone` nor `Debug`.
pub struct MlDsaKey(SigningKey<MlDsa65>);

impl MlDsaKey {
    /// From its seed ξ.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_seed(seed.into()))
    }

    /// The verifying key's bytes.
    pub fn verifying_key(&self) -> [u8; VERIFYING_KEY_BYTES] {
        self.0.verifying_key().encode().into()
    }

    /// What the ledger knows the key by.
    pub fn key_hash(&self) -> Hash32 {
        key_hash(&self.verifying_key())
    }

    /// Signs, deterministically.
    pub fn sign(&self, context: MlDsaContext, message: &[u8]) -> [u8; SIGNATURE_BYTES] {
        let signature = self
            .0
            .expanded_key()
            .sign_deterministic(message, context.bytes())
            .expect("contexts are short, and rejection sampling ends but with probability below 2^-256");
        signature.encode().into()
    }
}

/// `H("umbel/ml-dsa-65-key/v1" ‖ verifying key)`.
pub fn key_hash(verifying_key: &[u8; VERIFYING_KEY_BYTES]) -> Hash32 {
    Hasher::new(hashers::ML_DSA_KEY).with_bytes(verifying_key).finish()
}

/// Whether `signature` is by `verifying_key` over `message` in `context`.
pub fn verify(
    verifying_key: &[u8; VERIFYING_KEY_BYTES],
    context: MlDsaContext,
    message: &[u8],
    signature: &[u8; SIGNATURE_BYTES],
) -> bool {
    let key = VerifyingKey::<MlDsa65>::decode(&EncodedVerifyingKey::<MlDsa65>::from(*verifying_key));
    Signature::<MlDsa65>::decode(&EncodedSignature::<MlDsa65>::from(*signature))
        .is_some_and(|signature| key.verify_with_context(message, context.bytes(), &signature))
}
