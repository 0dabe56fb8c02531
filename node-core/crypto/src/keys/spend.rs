//! The spend key.

use curve25519_dalek::{RistrettoPoint, Scalar};
use umbel_types::OneTimeKey;
use zeroize::Zeroizing;

use crate::element::{Element, encode_point};
use crate::keys::address::Diversifier;

/// The spend scalar s. Who holds it, with the view key, can spend. Zeroized on drop; neither `Clone` nor `Debug`.
pub struct SpendKey(Zeroizing<Scalar>);

impl SpendKey {
    pub(crate) fn new(scalar: Zeroizing<Scalar>) -> Self {
        Self(scalar)
    }

    pub(crate) fn scalar(&self) -> &Scalar {
        &self.0
    }

    /// `S_P = s·P`. Constant-time.
    pub fn spend_point(&self, diversifier: &Diversifier) -> RistrettoPoint {
        *self.0 * diversifier.base()
    }

    /// Whether `S = s·g`, g not the identity: whether this key spends what is paid to `owner`.
    pub fn owns(&self, owner: &OneTimeKey) -> bool {
        Element::decode_non_identity(&owner.g).is_ok_and(|g| encode_point(&(*self.0 * g.point())) == owner.spend)
    }
}
