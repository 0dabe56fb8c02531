//! Six roots of which one is computed and five are given.

use umbel_types::Hash32;
use umbel_types::encode::{Decode, DecodeError, Encode, Reader};

/// Five of six roots, in ledger order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Others([Hash32; 5]);

impl Others {
    /// All but the one at `place`.
    pub(super) fn of(all: &[Hash32; 6], place: usize) -> Self {
        let mut others = [Hash32::default(); 5];
        let rest = all.iter().enumerate().filter(|(at, _)| *at != place).map(|(_, root)| root);
        for (other, root) in others.iter_mut().zip(rest) {
            *other = *root;
        }
        Self(others)
    }

    /// All six again, with `one` at `place`.
    pub(super) fn with(&self, place: usize, one: Hash32) -> [Hash32; 6] {
        let mut all = [one; 6];
        let rest = all.iter_mut().enumerate().filter(|(at, _)| *at != place);
        for ((_, root), other) in rest.zip(self.0) {
            *root = other;
        }
        all
    }
}

impl Encode for Others {
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.iter().for_each(|root| root.encode(out));
    }
}

impl Decode for Others {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut others = [Hash32::default(); 5];
        for root in &mut others {
            *root = Hash32::decode(r)?;
        }
        Ok(Self(others))
    }
}
