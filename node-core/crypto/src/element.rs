//! Group elements of Ristretto255 and the one place where bytes become one.

use core::fmt;

use curve25519_dalek::ristretto::CompressedRistretto;
use curve25519_dalek::traits::IsIdentity;
use curve25519_dalek::{RistrettoPoint, Scalar};
use thiserror::Error;
use umbel_types::{PointBytes, ScalarBytes};

/// Bytes that are no group element, or the identity where it is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BadPoint {
    /// Not the canonical encoding of a Ristretto255 element.
    #[error("the bytes are not the canonical encoding of a group element")]
    NotCanonical,
    /// The identity element.
    #[error("the group element is the identity")]
    Identity,
}

/// A group element with its canonical encoding, 32 bytes.
///
/// Invariant: `bytes` is the encoding of `point`; both constructors establish it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Element {
    bytes: PointBytes,
    point: RistrettoPoint,
}

impl Element {
    /// Decodes; the identity is allowed.
    ///
    /// # Errors
    /// [`BadPoint::NotCanonical`].
    pub fn decode(bytes: &PointBytes) -> Result<Self, BadPoint> {
        let point = CompressedRistretto(bytes.0).decompress().ok_or(BadPoint::NotCanonical)?;
        Ok(Self { bytes: *bytes, point })
    }

    /// Decodes where the identity is not allowed.
    ///
    /// # Errors
    /// [`BadPoint`].
    pub fn decode_non_identity(bytes: &PointBytes) -> Result<Self, BadPoint> {
        let element = Self::decode(bytes)?;
        if element.is_identity() { Err(BadPoint::Identity) } else { Ok(element) }
    }

    /// From a computed point.
    pub fn from_point(point: RistrettoPoint) -> Self {
        Self { bytes: PointBytes(point.compress().0), point }
    }

    /// The canonical encoding.
    pub fn bytes(&self) -> PointBytes {
        self.bytes
    }

    /// The point.
    pub fn point(&self) -> &RistrettoPoint {
        &self.point
    }

    /// Whether it is the neutral element.
    pub fn is_identity(&self) -> bool {
        self.point.is_identity()
    }
}

impl fmt::Debug for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.bytes.fmt(f)
    }
}

/// Decodes a scalar below the group's order; `None` for any other encoding.
pub fn decode_scalar(bytes: &ScalarBytes) -> Option<Scalar> {
    Scalar::from_canonical_bytes(bytes.0).into_option()
}

/// The canonical encoding of a computed point.
pub(crate) fn encode_point(point: &RistrettoPoint) -> PointBytes {
    PointBytes(point.compress().0)
}

#[cfg(test)]
mod tests {
    use curve25519_dalek::constants::RISTRETTO_BASEPOINT_POINT;
    use curve25519_dalek::traits::Identity;

    use super::*;

    #[test]
    fn only_canonical_bytes_are_elements() {
        let base = Element::from_point(RISTRETTO_BASEPOINT_POINT);
        assert_eq!(Element::decode(&base.bytes()), Ok(base));
        // 2^255 - 19 + 1: the non-canonical encoding of 1, and a negative field element.
        let mut not_reduced = [0xff; 32];
        not_reduced[0] = 0xee;
        not_reduced[31] = 0x7f;
        assert_eq!(Element::decode(&PointBytes(not_reduced)), Err(BadPoint::NotCanonical));
        assert_eq!(Element::decode(&PointBytes([1; 32])), Err(BadPoint::NotCanonical));
    }

    #[test]
    fn the_identity_is_told_apart() {
        let identity = Element::from_point(RistrettoPoint::identity());
        assert_eq!(identity.bytes(), PointBytes([0; 32]));
        assert!(Element::decode(&PointBytes([0; 32])).is_ok());
        assert_eq!(Element::decode_non_identity(&PointBytes([0; 32])), Err(BadPoint::Identity));
    }

    #[test]
    fn scalars_above_the_order_are_refused() {
        let order_minus_one = -Scalar::ONE;
        assert_eq!(decode_scalar(&ScalarBytes(order_minus_one.to_bytes())), Some(order_minus_one));
        let mut order = order_minus_one.to_bytes();
        order[0] += 1;
        assert_eq!(decode_scalar(&ScalarBytes(order)), None);
    }
}
