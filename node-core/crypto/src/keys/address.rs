//! Addresses and their text.

use core::fmt;

use bech32::primitives::decode::CheckedHrpstring;
use bech32::{Bech32m, Hrp};
use curve25519_dalek::RistrettoPoint;
use sha2::{Digest, Sha256};
use thiserror::Error;
use umbel_types::encode::Encode;
use umbel_types::hash::{Domain, Hasher};
use umbel_types::{Network, Params, PointBytes, ZkAddress};

use crate::element::Element;
use crate::hashers;

/// Bytes behind the text of a confidential address: diversifier ‖ A_P ‖ S_P.
pub const CONFIDENTIAL_ADDRESS_BYTES: usize = 11 + 32 + 32;
/// Characters behind the separator of a confidential address: 75 bytes in groups of 5 bits, and a checksum of 6.
const CONFIDENTIAL_DATA_CHARS: usize = CONFIDENTIAL_ADDRESS_BYTES * 8 / 5 + 6;
/// How a `zk13str` address begins.
const ZK_PREFIX: &str = "zk13str_";
/// Characters of a `zk13str` address: prefix, 40 hexadecimal digits, `_`, 4 more.
const ZK_CHARS: usize = ZK_PREFIX.len() + 40 + 1 + 4;

/// Number of a diversified address within an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressIndex(pub u32);

impl AddressIndex {
    /// The address that a wallet shows first.
    pub const DEFAULT: Self = Self(0);
    /// The address that goes into an identity certificate and takes hidden Memos: a published address never equals a private
    /// one.
    pub const PUBLICATION: Self = Self(u32::MAX);
}

/// 11 bytes that tell the addresses of one owner apart and link none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Diversifier(pub [u8; 11]);

impl Diversifier {
    /// `P = hash_to_ristretto("umbel/div/v1" ‖ diversifier)`.
    pub fn base(&self) -> RistrettoPoint {
        hashers::to_point(Hasher::new(hashers::DIVERSIFIED_BASE).with(&self.0))
    }
}

/// A diversified confidential address: `A_P = a·P`, `S_P = s·P`, neither the identity.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ConfidentialAddress {
    diversifier: Diversifier,
    view: Element,
    spend: Element,
}

impl ConfidentialAddress {
    pub(crate) fn new(diversifier: Diversifier, view: RistrettoPoint, spend: RistrettoPoint) -> Self {
        Self { diversifier, view: Element::from_point(view), spend: Element::from_point(spend) }
    }

    /// Its diversifier.
    pub fn diversifier(&self) -> &Diversifier {
        &self.diversifier
    }

    /// `A_P`.
    pub fn view_point(&self) -> &RistrettoPoint {
        self.view.point()
    }

    /// `S_P`.
    pub fn spend_point(&self) -> &RistrettoPoint {
        self.spend.point()
    }

    /// diversifier ‖ A_P ‖ S_P.
    pub fn to_bytes(&self) -> [u8; CONFIDENTIAL_ADDRESS_BYTES] {
        let mut bytes = [0u8; CONFIDENTIAL_ADDRESS_BYTES];
        bytes[..11].copy_from_slice(&self.diversifier.0);
        bytes[11..43].copy_from_slice(&self.view.bytes().0);
        bytes[43..].copy_from_slice(&self.spend.bytes().0);
        bytes
    }

    /// Reads diversifier ‖ A_P ‖ S_P.
    ///
    /// # Errors
    /// [`AddressError::BadPoint`] where a point is not canonical or is the identity.
    pub fn from_bytes(bytes: &[u8; CONFIDENTIAL_ADDRESS_BYTES]) -> Result<Self, AddressError> {
        let point = |range: core::ops::Range<usize>| {
            let mut point = [0u8; 32];
            point.copy_from_slice(&bytes[range]);
            Element::decode_non_identity(&PointBytes(point)).map_err(|_| AddressError::BadPoint)
        };
        let mut diversifier = [0u8; 11];
        diversifier.copy_from_slice(&bytes[..11]);
        Ok(Self { diversifier: Diversifier(diversifier), view: point(11..43)?, spend: point(43..75)? })
    }

    /// Its text: bech32m under a network's prefix.
    pub fn to_text(&self, prefix: &str) -> String {
        let hrp = Hrp::parse(prefix).expect("prefixes are lower-case literals of Params");
        bech32::encode::<Bech32m>(hrp, &self.to_bytes()).expect("75 bytes are far below the code's length")
    }

    /// What two people compare.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(1, &self.to_bytes())
    }
}

impl fmt::Debug for ConfidentialAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConfidentialAddress({})", self.fingerprint())
    }
}

/// Why text is not an address of this network.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AddressError {
    /// One or more characters are wrong.
    #[error("the checksum does not match: a character of the address is wrong")]
    WrongChecksum,
    /// An address of another network.
    #[error("this is an address of {got}, this network's addresses begin with {expected}1")]
    WrongNetwork {
        /// Which networks use its prefix.
        got: &'static str,
        /// This network's prefix.
        expected: String,
    },
    /// Characters are missing or too many.
    #[error("the address has {got} characters, {expected} are expected")]
    WrongLength {
        /// Characters found.
        got: usize,
        /// Characters of such an address.
        expected: usize,
    },
    /// Capital letters only.
    #[error("the address is in upper case; addresses are lower case")]
    UpperCase,
    /// Capital and small letters.
    #[error("the address mixes upper and lower case; addresses are lower case")]
    MixedCase,
    /// Neither `zk13str_` nor a prefix of a network.
    #[error("this is not an Umbel address: it begins neither with zk13str_ nor with {expected}1")]
    UnknownPrefix {
        /// This network's prefix.
        expected: String,
    },
    /// A character that occurs in no address, so that the checksum can not match.
    #[error("{0:?} does not occur in an address: the checksum can not match")]
    BadCharacter(char),
    /// The checksum matches, but the bytes hold no key: not made by a wallet.
    #[error("the address holds no valid key")]
    BadPoint,
}

/// An address of either kind.
#[allow(clippy::large_enum_variant, reason = "few addresses are in memory at a time, and copying one is cheap")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// Payments to it are confidential.
    Confidential(ConfidentialAddress),
    /// Payments to it are public.
    Zk13str(ZkAddress),
}

impl Address {
    /// Reads either kind. `prefix` is the network's ([`Params::address_prefix`]); `zk13str` addresses have no network.
    ///
    /// # Errors
    /// [`AddressError`].
    pub fn parse(text: &str, prefix: &str) -> Result<Self, AddressError> {
        check_case(text)?;
        if text.starts_with(ZK_PREFIX) {
            return parse_zk(text).map(Self::Zk13str);
        }
        parse_confidential(text, prefix).map(Self::Confidential)
    }

    /// Its text.
    pub fn to_text(&self, prefix: &str) -> String {
        match self {
            Self::Confidential(address) => address.to_text(prefix),
            Self::Zk13str(address) => zk_to_text(address),
        }
    }

    /// Kind and bytes, injective.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Zk13str(address) => [&[0], address.to_bytes().as_slice()].concat(),
            Self::Confidential(address) => [&[1], address.to_bytes().as_slice()].concat(),
        }
    }

    /// What two people compare.
    pub fn fingerprint(&self) -> Fingerprint {
        match self {
            Self::Confidential(address) => address.fingerprint(),
            Self::Zk13str(address) => Fingerprint::of(0, &address.to_bytes()),
        }
    }
}

fn check_case(text: &str) -> Result<(), AddressError> {
    if !text.chars().any(char::is_uppercase) {
        Ok(())
    } else if text.chars().any(char::is_lowercase) {
        Err(AddressError::MixedCase)
    } else {
        Err(AddressError::UpperCase)
    }
}

/// `zk13str_` ‖ hex(p) ‖ `_` ‖ hex(SHA-256(p)[..2]).
pub fn zk_to_text(address: &ZkAddress) -> String {
    format!("{ZK_PREFIX}{}_{}", hex::encode(address.0), hex::encode(zk_checksum(&address.0)))
}

fn zk_checksum(p: &[u8; 20]) -> [u8; 2] {
    let hash = Sha256::digest(p);
    [hash[0], hash[1]]
}

fn parse_zk(text: &str) -> Result<ZkAddress, AddressError> {
    let got = text.chars().count();
    if got != ZK_CHARS {
        return Err(AddressError::WrongLength { got, expected: ZK_CHARS });
    }
    let body = &text[ZK_PREFIX.len()..];
    let is_digit = |c: char| matches!(c, '0'..='9' | 'a'..='f');
    for (i, c) in body.chars().enumerate() {
        if (i == 40 && c != '_') || (i != 40 && !is_digit(c)) {
            return Err(AddressError::BadCharacter(c));
        }
    }
    let (mut p, mut checksum) = ([0u8; 20], [0u8; 2]);
    hex::decode_to_slice(&body[..40], &mut p).expect("40 hexadecimal digits were checked");
    hex::decode_to_slice(&body[41..], &mut checksum).expect("4 hexadecimal digits were checked");
    if checksum == zk_checksum(&p) { Ok(ZkAddress(p)) } else { Err(AddressError::WrongChecksum) }
}

/// Which networks share a prefix; `None` for an unknown one.
fn networks_of_prefix(prefix: &str) -> Option<&'static str> {
    match prefix {
        _ if prefix == Params::of(Network::Mainnet).address_prefix => Some("mainnet"),
        _ if prefix == Params::of(Network::Testnet).address_prefix => Some("a test network"),
        _ if prefix == Params::of(Network::Devnet).address_prefix => Some("devnet"),
        _ => None,
    }
}

fn parse_confidential(text: &str, expected: &str) -> Result<ConfidentialAddress, AddressError> {
    let unknown = || AddressError::UnknownPrefix { expected: expected.to_owned() };
    let (prefix, data) = text.split_once('1').ok_or_else(unknown)?;
    let networks = networks_of_prefix(prefix).ok_or_else(unknown)?;
    if let Some(c) = data.chars().find(|c| !"qpzry9x8gf2tvdw0s3jn54khce6mua7l".contains(*c)) {
        return Err(AddressError::BadCharacter(c));
    }
    if data.len() != CONFIDENTIAL_DATA_CHARS {
        let other = prefix.len() + 1;
        return Err(AddressError::WrongLength { got: other + data.len(), expected: other + CONFIDENTIAL_DATA_CHARS });
    }
    // Prefix, alphabet and length are right: what is left to be wrong is the checksum.
    let checked = CheckedHrpstring::new::<Bech32m>(text).map_err(|_| AddressError::WrongChecksum)?;
    if prefix != expected {
        return Err(AddressError::WrongNetwork { got: networks, expected: expected.to_owned() });
    }
    let mut bytes = [0u8; CONFIDENTIAL_ADDRESS_BYTES];
    for (byte, decoded) in bytes.iter_mut().zip(checked.byte_iter()) {
        *byte = decoded;
    }
    ConfidentialAddress::from_bytes(&bytes)
}

/// 80 bits of an address's hash, shown as four groups of four characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 10]);

impl Fingerprint {
    fn of(kind: u8, bytes: &[u8]) -> Self {
        let mut fingerprint = [0u8; 10];
        Hasher::new(Domain::FINGERPRINT).with(&kind).with_bytes(bytes).finish_xof(&mut fingerprint);
        Self(fingerprint)
    }
}

/// Without the letters I, L, O, U, which look like others: `7K3M-0QXZ-…`.
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        let bits = self.0.iter().fold(0u128, |bits, byte| bits << 8 | u128::from(*byte));
        for i in 0..16u32 {
            if i > 0 && i % 4 == 0 {
                f.write_str("-")?;
            }
            let digit = usize::try_from(bits >> (75 - 5 * i) & 31).expect("five bits");
            write!(f, "{}", char::from(ALPHABET[digit]))?;
        }
        Ok(())
    }
}
