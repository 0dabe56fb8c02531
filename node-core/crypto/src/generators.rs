//! The generators: `B` for values, `B̃` for blindings, `H_a` for each asset. All but `B` are hashes of their labels, so
//! nobody knows a discrete logarithm between any two.

use std::sync::OnceLock;

use curve25519_dalek::constants::RISTRETTO_BASEPOINT_POINT;
use curve25519_dalek::ristretto::RistrettoBasepointTable;
use curve25519_dalek::{RistrettoPoint, Scalar};
use umbel_types::hash::Hasher;
use umbel_types::{AssetId, PointBytes};

use crate::element::encode_point;
use crate::hashers;

/// `B`: the base of values in commitments, the group's standard base point.
pub const VALUE_BASE: RistrettoPoint = RISTRETTO_BASEPOINT_POINT;

/// `B̃ = hash_to_ristretto("umbel/blinding/v1")`: the base of blindings in commitments.
pub fn blinding_base() -> RistrettoPoint {
    blinding_table().basepoint()
}

fn blinding_table() -> &'static RistrettoBasepointTable {
    static TABLE: OnceLock<RistrettoBasepointTable> = OnceLock::new();
    TABLE.get_or_init(|| RistrettoBasepointTable::create(&hashers::to_point(Hasher::new(hashers::BLINDING))))
}

/// `H_a = hash_to_ristretto("umbel/asset/v1" ‖ asset)`: the base of the value inside a coin of that asset.
pub fn asset_base(asset: AssetId) -> RistrettoPoint {
    static STR: OnceLock<RistrettoPoint> = OnceLock::new();
    let derive = || hashers::to_point(Hasher::new(hashers::ASSET).with(&asset));
    if asset == AssetId::STR { *STR.get_or_init(derive) } else { derive() }
}

/// `v·B + w·B̃`. Constant-time; v and w may be secret.
pub fn commit(value: &Scalar, blinding: &Scalar) -> RistrettoPoint {
    RistrettoPoint::mul_base(value) + blinding * blinding_table()
}

/// `V = v·B + w·B̃` for an amount in base units, as a core carries it.
pub fn commit_value(units: u64, blinding: &Scalar) -> PointBytes {
    encode_point(&commit(&Scalar::from(units), blinding))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generators_are_hashes_of_their_labels() {
        let hash = |label: &str, rest: &[u8]| {
            let mut framed = vec![u8::try_from(label.len()).unwrap()];
            framed.extend_from_slice(label.as_bytes());
            framed.extend_from_slice(rest);
            let mut wide = [0u8; 64];
            blake3::Hasher::new().update(&framed).finalize_xof().fill(&mut wide);
            RistrettoPoint::from_uniform_bytes(&wide)
        };
        assert_eq!(blinding_base(), hash("umbel/blinding/v1", &[]));
        assert_eq!(asset_base(AssetId::STR), hash("umbel/asset/v1", &AssetId::STR.0));
        assert_eq!(asset_base(AssetId::CCOS), hash("umbel/asset/v1", &AssetId::CCOS.0));
        assert_ne!(asset_base(AssetId::STR), asset_base(AssetId::CCOS));
    }
}
