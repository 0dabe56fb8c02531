//! Difficulty: compact bits → 256-bit target → integer work. No floats.

use ruint::aliases::U256;

use crate::encode::{Decode, DecodeError, Encode, Reader};
use crate::score::BlueWork;

/// A target in Bitcoin's compact form: one byte of exponent, three of mantissa (`0x207fffff` is the easiest).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CompactTarget(pub u32);

impl CompactTarget {
    /// About 2²⁵⁵: every second hash meets it.
    pub const EASIEST: Self = Self(0x207f_ffff);

    /// Expands to the target that a proof of work must not exceed.
    ///
    /// `None` for a negative, zero, overflowing or non-minimal form: such bits never stand in a valid header.
    pub fn to_target(self) -> Option<U256> {
        let exponent = self.0 >> 24;
        let mantissa = self.0 & 0x007f_ffff;
        if self.0 & 0x0080_0000 != 0 || mantissa == 0 || exponent > 32 {
            return None;
        }
        let target = if exponent <= 3 {
            U256::from(mantissa >> (8 * (3 - exponent)))
        } else {
            U256::from(mantissa) << (8 * (exponent as usize - 3))
        };
        (Self::from_target(target) == self).then_some(target)
    }

    /// The compact form, rounding the target down to 23 bits of mantissa.
    pub fn from_target(target: U256) -> Self {
        let mut exponent = target.bit_len().div_ceil(8);
        let mut mantissa = if exponent <= 3 {
            target.saturating_to::<u32>() << (8 * (3 - exponent))
        } else {
            (target >> (8 * (exponent - 3))).saturating_to::<u32>()
        };
        if mantissa & 0x0080_0000 != 0 {
            mantissa >>= 8;
            exponent += 1;
        }
        let exponent = u32::try_from(exponent).expect("a 256-bit number has at most 33 bytes of exponent");
        Self(exponent << 24 | mantissa)
    }

    /// Expected number of hashes to meet the target: ⌊2²⁵⁶ / (target + 1)⌋. Zero for malformed bits.
    pub fn work(self) -> BlueWork {
        match self.to_target() {
            // 2²⁵⁶ / (t+1) = (2²⁵⁶ − (t+1)) / (t+1) + 1, which stays inside 256 bits.
            Some(target) => {
                let divisor = target + U256::ONE;
                BlueWork((!target) / divisor + U256::ONE)
            }
            None => BlueWork::ZERO,
        }
    }
}

impl Encode for CompactTarget {
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
    }
}

impl Decode for CompactTarget {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        u32::decode(r).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values from Bitcoin's own compact-bits tests (arith_uint256_tests).
    #[test]
    fn compact_forms() {
        assert_eq!(CompactTarget(0x1d00_ffff).to_target(), Some(U256::from(0xffffu64) << 208));
        assert_eq!(CompactTarget(0x1d00_ffff).work().0, U256::from(0x1_0001_0001u64));
        assert_eq!(CompactTarget(0x0092_3456).to_target(), None);
        assert_eq!(CompactTarget(0x04_923456).to_target(), None, "negative");
        assert_eq!(CompactTarget(0xff12_3456).to_target(), None, "overflow");
        assert_eq!(CompactTarget(0x0500_9234).to_target(), Some(U256::from(0x9234_0000u64)));
        assert_eq!(CompactTarget::EASIEST.work().0, U256::from(2));
        for bits in [0x1d00_ffffu32, 0x207f_ffff, 0x1b04_04cb, 0x0312_3456] {
            let target = CompactTarget(bits).to_target().expect("valid");
            assert_eq!(CompactTarget::from_target(target).0, bits);
        }
    }
}
