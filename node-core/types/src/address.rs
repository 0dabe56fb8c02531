//! The 20 bytes behind a `zk13str` address. Its text form, with checksum, is read and written by `umbel-crypto`.

use core::fmt;

use crate::encode::{Decode, DecodeError, Encode, Reader};

/// `SHA-256(compressed secp256k1 key)[..20]`: owns Memos and State objects.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ZkAddress(pub [u8; 20]);

impl fmt::Debug for ZkAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ZkAddress({})", hex::encode(self.0))
    }
}

impl Encode for ZkAddress {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }
}

impl Decode for ZkAddress {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self(r.array("zk13str address")?))
    }
}
