//! The view key: finds coins and opens them, and can spend nothing.

use std::collections::BTreeMap;

use curve25519_dalek::{RistrettoPoint, Scalar};
use umbel_types::encode::Encode;
use umbel_types::{OneTimeKey, OutPoint};
use zeroize::Zeroizing;

use crate::element::{Element, encode_point};
use crate::hashers::{self, SecretHasher};
use crate::keys::address::{AddressIndex, ConfidentialAddress, Diversifier};

/// The view scalar a, the diversifier key dk, and the spend points of the addresses in use. Zeroized on drop; neither
/// `Clone` nor `Debug`.
///
/// The table is what a view key can check `S` against: `S_P = s·P` needs s. [`ViewKey::learn`] fills it.
pub struct ViewKey {
    a: Zeroizing<Scalar>,
    dk: Zeroizing<[u8; 32]>,
    table: BTreeMap<Diversifier, (AddressIndex, RistrettoPoint)>,
}

impl ViewKey {
    pub(crate) fn new(a: Zeroizing<Scalar>, dk: Zeroizing<[u8; 32]>) -> Self {
        Self { a, dk, table: BTreeMap::new() }
    }

    pub(crate) fn scalar(&self) -> &Scalar {
        &self.a
    }

    /// `BLAKE3-keyed(dk, "umbel/diversifier/v1" ‖ index)[..11]`.
    pub fn diversifier(&self, index: AddressIndex) -> Diversifier {
        let mut diversifier = [0u8; 11];
        SecretHasher::keyed(&self.dk, hashers::DIVERSIFIER).with_bytes(&index.0.to_le_bytes()).fill(&mut diversifier);
        Diversifier(diversifier)
    }

    /// `A_P = a·P`. Constant-time.
    pub fn view_point(&self, diversifier: &Diversifier) -> RistrettoPoint {
        *self.a * diversifier.base()
    }

    /// Adds the spend point of an address to the table.
    pub fn learn(&mut self, index: AddressIndex, spend_point: RistrettoPoint) {
        self.table.insert(self.diversifier(index), (index, spend_point));
    }

    /// The address of an index; `None` where the table has no spend point for it.
    pub fn address(&self, index: AddressIndex) -> Option<ConfidentialAddress> {
        let diversifier = self.diversifier(index);
        let (_, spend) = self.table.get(&diversifier)?;
        Some(ConfidentialAddress::new(diversifier, self.view_point(&diversifier), *spend))
    }

    /// Index and spend point of a diversifier in the table.
    pub(crate) fn known(&self, diversifier: &Diversifier) -> Option<(AddressIndex, RistrettoPoint)> {
        self.table.get(diversifier).copied()
    }

    /// Whether `A = a·g`, g not the identity: whether the coin is meant for this key. Exact; one multiplication.
    pub fn detects(&self, owner: &OneTimeKey) -> bool {
        Element::decode_non_identity(&owner.g).is_ok_and(|g| encode_point(&(*self.a * g.point())) == owner.view)
    }

    /// [`Self::detects`] for many coins at once, in their order: the encodings share one field inversion.
    pub fn detects_each(&self, owners: &[&OneTimeKey]) -> Vec<bool> {
        // Points are doubled while they are encoded, so half the scalar is what they are multiplied by.
        let half = Zeroizing::new(self.a.div_by_2());
        let points: Vec<Option<RistrettoPoint>> =
            owners.iter().map(|owner| Element::decode_non_identity(&owner.g).ok().map(|g| *half * g.point())).collect();
        let encoded = RistrettoPoint::double_and_compress_batch(points.iter().flatten());
        let mut encoded = encoded.into_iter();
        points
            .iter()
            .zip(owners)
            .map(|(point, owner)| point.is_some() && encoded.next().is_some_and(|encoding| encoding.0 == owner.view.0))
            .collect()
    }

    /// Blinding w of the commitment `V*` that input `outpoint` makes to its coin's value:
    /// `H2S("umbel/w-input/v1", a ‖ salt ‖ outpoint)`. A new salt gives a new blinding.
    pub fn input_blinding(&self, salt: &[u8; 32], outpoint: &OutPoint) -> Zeroizing<Scalar> {
        let hasher = SecretHasher::new(hashers::INPUT_COMMITMENT)
            .with_bytes(self.a.as_bytes())
            .with_bytes(salt)
            .with_bytes(&outpoint.to_bytes());
        Zeroizing::new(hasher.scalar())
    }
}
