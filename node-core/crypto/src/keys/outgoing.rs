//! The outgoing view key: what was sent, and the secrets of each output.

use curve25519_dalek::{RistrettoPoint, Scalar};
use rand_core::CryptoRng;
use umbel_types::encode::{Encode, encode_bytes, encode_length};
use umbel_types::{Amount, AssetId, OutPoint, PointBytes};
use zeroize::{Zeroize, Zeroizing};

use crate::element::encode_point;
use crate::hashers::{self, SecretHasher};
use crate::keys::address::Address;

/// One output as the sender plans it: everything about it that is secret or chosen.
#[derive(Debug, PartialEq, Eq)]
pub struct PlannedOutput<'a> {
    /// Whom it pays.
    pub recipient: &'a Address,
    /// Which asset.
    pub asset: AssetId,
    /// How much.
    pub value: Amount,
    /// The note's text.
    pub note: &'a str,
}

/// ovk: reads the outputs that its owner made, and makes their secrets. Zeroized on drop.
pub struct OutgoingViewKey(Zeroizing<[u8; 32]>);

impl OutgoingViewKey {
    pub(crate) fn new(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(bytes)
    }

    /// Salt of one build of one transaction:
    /// `BLAKE3-keyed(ovk, "umbel/salt/v1" ‖ inputs ‖ outputs ‖ fee ‖ 32 bytes of rng)`.
    ///
    /// Two builds that differ in anything have different salts even where `rng` is stuck.
    pub fn salt(
        &self,
        inputs: &[OutPoint],
        outputs: &[PlannedOutput<'_>],
        fee: Amount,
        rng: &mut impl CryptoRng,
    ) -> [u8; 32] {
        let mut plan = Zeroizing::new(Vec::new());
        encode_length(inputs.len(), &mut plan);
        for outpoint in inputs {
            outpoint.encode(&mut plan);
        }
        encode_length(outputs.len(), &mut plan);
        for output in outputs {
            encode_bytes(&output.recipient.to_bytes(), &mut plan);
            output.asset.encode(&mut plan);
            output.value.encode(&mut plan);
            encode_bytes(output.note.as_bytes(), &mut plan);
        }
        fee.encode(&mut plan);
        let mut fresh = Zeroizing::new([0u8; 32]);
        rng.fill_bytes(&mut *fresh);

        *SecretHasher::keyed(&self.0, hashers::SALT).with_bytes(&plan).with_bytes(&*fresh).bytes()
    }

    /// `x_j = H2S("umbel/x/v1", ovk ‖ inputs ‖ salt ‖ j)`: the scalar behind output `position` of the transaction.
    pub fn output_scalar(&self, inputs: &[OutPoint], salt: &[u8; 32], position: u32) -> OutputScalar {
        let mut outpoints = Vec::new();
        encode_length(inputs.len(), &mut outpoints);
        for outpoint in inputs {
            outpoint.encode(&mut outpoints);
        }
        let hasher = SecretHasher::new(hashers::OUTPUT_SCALAR)
            .with_bytes(&*self.0)
            .with_bytes(&outpoints)
            .with_bytes(salt)
            .with_bytes(&position.to_le_bytes());
        OutputScalar(Zeroizing::new(hasher.scalar()))
    }
}

/// `x_j`: every secret of output j follows from it; a payment proof shows `x_j·B`. Zeroized on drop.
pub struct OutputScalar(Zeroizing<Scalar>);

impl OutputScalar {
    /// `rseed_j = H("umbel/rseed/v1", x_j·B)`.
    pub(crate) fn rseed(&self) -> Zeroizing<[u8; 32]> {
        let mut point = self.public();
        let rseed = rseed_of(&encode_point(&point));
        point.zeroize();
        rseed
    }

    /// `X = x_j·B`. Who learns it learns everything about the output, and can prove nothing.
    pub(crate) fn public(&self) -> RistrettoPoint {
        RistrettoPoint::mul_base(&self.0)
    }

    pub(crate) fn scalar(&self) -> &Scalar {
        &self.0
    }
}

/// `rseed = H("umbel/rseed/v1", X)`.
pub(crate) fn rseed_of(public: &PointBytes) -> Zeroizing<[u8; 32]> {
    SecretHasher::new(hashers::RSEED).with_bytes(&public.0).bytes()
}
