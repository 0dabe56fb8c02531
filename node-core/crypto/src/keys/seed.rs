//! The seed and how account keys are derived from it.

use bip32::{ChildNumber, XPrv};
use curve25519_dalek::Scalar;
use hkdf::Hkdf;
use sha2::Sha512;
use umbel_types::Network;
use zeroize::Zeroizing;

use crate::keys::secp::SecpKey;
use crate::ml_dsa::MlDsaKey;

/// BIP44 coin type.
const COIN_TYPE: u32 = 1313;
/// Salt of every HKDF extraction.
const HKDF_SALT: &[u8] = b"umbel/keys/v1";

/// What an ML-DSA-65 key is for. Votes and locks never share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MlDsaRole {
    /// Finality votes.
    Vote,
    /// Post-quantum locks.
    Lock,
}

/// The 64 bytes that every key of a user follows from. Zeroized on drop.
pub struct Seed(Zeroizing<[u8; 64]>);

impl Seed {
    /// From BIP39's seed.
    pub fn from_bytes(bytes: Zeroizing<[u8; 64]>) -> Self {
        Self(bytes)
    }

    /// `HKDF-SHA512(seed, salt "umbel/keys/v1", info)`, where info is
    /// `len(label) u8 ‖ label ‖ len(network) u8 ‖ network ‖ account u32 LE ‖ index u32 LE`.
    pub(crate) fn expand<const N: usize>(
        &self,
        label: &str,
        network: Network,
        account: u32,
        index: u32,
    ) -> Zeroizing<[u8; N]> {
        let mut info = Vec::with_capacity(64);
        for part in [label, network.name()] {
            info.push(u8::try_from(part.len()).expect("labels and network names are short literals"));
            info.extend_from_slice(part.as_bytes());
        }
        info.extend_from_slice(&account.to_le_bytes());
        info.extend_from_slice(&index.to_le_bytes());
        let mut out = Zeroizing::new([0u8; N]);
        Hkdf::<Sha512>::new(Some(HKDF_SALT), &*self.0)
            .expand(&info, &mut *out)
            .expect("at most 64 bytes are asked for, 16,320 are allowed");
        out
    }

    /// A Ristretto scalar of one account: 64 expanded bytes modulo the group's order.
    pub(crate) fn account_scalar(&self, label: &str, network: Network, account: u32) -> Zeroizing<Scalar> {
        Zeroizing::new(Scalar::from_bytes_mod_order_wide(&self.expand::<64>(label, network, account, 0)))
    }

    /// The secp256k1 key `m/44'/1313'/account'/0/index`, the same on every network. Account and index are below 2³¹.
    ///
    /// # Panics
    /// For an account or index of 2³¹ or more, and with probability 2⁻¹²⁷ for any: BIP32 leaves such an index out.
    pub fn secp_key(&self, account: u32, index: u32) -> SecpKey {
        let path = [(44, true), (COIN_TYPE, true), (account, true), (0, false), (index, false)];
        let mut key = XPrv::new(&*self.0).expect("64 bytes are a BIP32 seed");
        for (number, hardened) in path {
            let child = ChildNumber::new(number, hardened).expect("account and index are below 2^31");
            key = key.derive_child(child).expect("an invalid child has probability 2^-127");
        }
        SecpKey::from_signing_key(key.private_key().clone())
    }

    /// The ML-DSA-65 key of a role and index.
    pub fn ml_dsa_key(&self, role: MlDsaRole, network: Network, account: u32, index: u32) -> MlDsaKey {
        MlDsaKey::from_seed(&self.ml_dsa_seed(role, network, account, index))
    }

    /// The seed ξ of that key, for a file that a validator opens without any spend key.
    pub fn ml_dsa_seed(&self, role: MlDsaRole, network: Network, account: u32, index: u32) -> Zeroizing<[u8; 32]> {
        let label = match role {
            MlDsaRole::Vote => "umbel/vote-key/v1",
            MlDsaRole::Lock => "umbel/lock-key/v1",
        };
        self.expand::<32>(label, network, account, index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The expected bytes were computed with another implementation of PBKDF2 and HKDF (Python's hashlib and hmac).
    #[test]
    fn expansion_is_hkdf_sha512_over_label_network_account_and_index() {
        let seed = crate::keys::Mnemonic::parse(umbel_types::genesis::DEVNET_WORDS).unwrap().to_seed("");
        let bytes = seed.expand::<32>("umbel/outgoing-view-key/v1", Network::Devnet, 7, 3);
        assert_eq!(hex::encode(*bytes), "e8e326abc6c28f6c4dafc4f927d2ad7921875a56bdd606071534de5002ff1409");
    }

    #[test]
    fn every_part_of_the_info_matters() {
        let seed = Seed::from_bytes(Zeroizing::new([7; 64]));
        let base = seed.expand::<32>("a", Network::Devnet, 0, 0);
        for other in [
            seed.expand::<32>("b", Network::Devnet, 0, 0),
            seed.expand::<32>("a", Network::Lan, 0, 0),
            seed.expand::<32>("a", Network::Devnet, 1, 0),
            seed.expand::<32>("a", Network::Devnet, 0, 1),
        ] {
            assert_ne!(*base, *other);
        }
    }
}
