//! `utxo_commit`: a homomorphic hash of the set of Coins and Memos.
//!
//! LtHash with 1,024 lanes of 16 bits (Bellare–Micciancio 1997; Lewi, Kim, Maykov, Weis 2019): each element is expanded by
//! BLAKE3's XOF to 2,048 bytes and added lane by lane modulo 2¹⁶. Elements are unique, since adding one 2¹⁶ times cancels.

use umbel_types::encode::{Decode, DecodeError, Encode, Reader};
use umbel_types::hash::{Domain, Hasher};
use umbel_types::{Hash32, OutPoint, UtxoEntry};

use crate::utxo::UtxoDiff;

const LANES: usize = 1024;
const STATE_LEN_BYTES: usize = 2 * LANES;

/// The running sum.
#[derive(Clone, PartialEq, Eq)]
pub struct LtHash {
    lanes: Box<[u16; LANES]>,
}

impl core::fmt::Debug for LtHash {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "LtHash({})", self.commitment())
    }
}

impl Default for LtHash {
    /// Of the empty set.
    fn default() -> Self {
        Self { lanes: Box::new([0; LANES]) }
    }
}

fn expand(outpoint: &OutPoint, entry: &UtxoEntry) -> [u8; STATE_LEN_BYTES] {
    let mut bytes = [0u8; STATE_LEN_BYTES];
    entry.commitment_element(outpoint).finish_xof(&mut bytes);
    bytes
}

impl LtHash {
    fn combine(&mut self, element: &[u8; STATE_LEN_BYTES], op: fn(u16, u16) -> u16) {
        for (lane, bytes) in self.lanes.iter_mut().zip(element.chunks_exact(2)) {
            *lane = op(*lane, u16::from_le_bytes([bytes[0], bytes[1]]));
        }
    }

    /// Adds an output.
    pub fn add(&mut self, outpoint: &OutPoint, entry: &UtxoEntry) {
        self.combine(&expand(outpoint, entry), u16::wrapping_add);
    }

    /// Removes an output.
    pub fn remove(&mut self, outpoint: &OutPoint, entry: &UtxoEntry) {
        self.combine(&expand(outpoint, entry), u16::wrapping_sub);
    }

    /// Applies a difference.
    pub fn apply(&mut self, diff: &UtxoDiff) {
        for (outpoint, entry) in diff.removed() {
            self.remove(outpoint, entry);
        }
        for (outpoint, entry) in diff.added() {
            self.add(outpoint, entry);
        }
    }

    /// Takes a difference back.
    pub fn undo(&mut self, diff: &UtxoDiff) {
        for (outpoint, entry) in diff.added() {
            self.remove(outpoint, entry);
        }
        for (outpoint, entry) in diff.removed() {
            self.add(outpoint, entry);
        }
    }

    /// What stands in the header.
    pub fn commitment(&self) -> Hash32 {
        Hasher::new(Domain::UTXO_COMMIT).with(self).finish()
    }
}

impl Encode for LtHash {
    fn encode(&self, out: &mut Vec<u8>) {
        for lane in self.lanes.iter() {
            lane.encode(out);
        }
    }
}

impl Decode for LtHash {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut hash = Self::default();
        for lane in hash.lanes.iter_mut() {
            *lane = u16::decode(r)?;
        }
        Ok(hash)
    }
}
