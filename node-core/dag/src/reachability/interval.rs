//! Intervals of u64: a node of the tree owns one, and its subtree lies inside.

use umbel_types::encode::{Decode, DecodeError, Encode, Reader};

/// Steps of a halving weight: a subtree smaller by more than this many blocks than the largest gets no extra space.
const WEIGHT_BITS: u64 = 32;

/// The numbers from `start` to `end`, both included; empty if `end + 1 == start`.
///
/// Invariant, kept by the private constructor and by decoding: `1 ≤ start ≤ end + 1` and `end < u64::MAX`, so that
/// shrinking to the empty interval at either side never overflows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    start: u64,
    end: u64,
}

impl Interval {
    /// Everything there is.
    pub const MAXIMAL: Self = Self { start: 1, end: u64::MAX - 1 };

    /// `None` if the bounds break the invariant.
    pub fn new(start: u64, end: u64) -> Option<Self> {
        (start >= 1 && end < u64::MAX && start <= end + 1).then_some(Self { start, end })
    }

    /// First number.
    pub fn start(self) -> u64 {
        self.start
    }

    /// Last number.
    pub fn end(self) -> u64 {
        self.end
    }

    /// How many numbers.
    pub fn size(self) -> u64 {
        self.end + 1 - self.start
    }

    /// Whether there is no number.
    pub fn is_empty(self) -> bool {
        self.size() == 0
    }

    /// Whether `other` lies inside.
    pub fn contains(self, other: Self) -> bool {
        self.start <= other.start && other.end <= self.end
    }

    /// What children may use: all but the last number, which stands for the node itself.
    pub(super) fn children_capacity(self) -> Option<Self> {
        Self::new(self.start, self.end.checked_sub(1)?)
    }

    /// The first half, rounded up.
    pub(super) fn first_half(self) -> Option<Self> {
        if self.is_empty() {
            return Some(self);
        }
        Self::new(self.start, self.start + self.size().div_ceil(2) - 1)
    }

    /// Both bounds moved, towards larger numbers for positive offsets. `None` if a bound leaves the allowed range.
    pub(super) fn shifted(self, start_by: i128, end_by: i128) -> Option<Self> {
        let start = u64::try_from(i128::from(self.start) + start_by).ok()?;
        let end = u64::try_from(i128::from(self.end) + end_by).ok()?;
        Self::new(start, end)
    }

    /// Consecutive parts of exactly these sizes from the start on; `None` if they don't fit.
    pub(super) fn split_exact(self, sizes: &[u64]) -> Option<Vec<Self>> {
        let mut start = self.start;
        let mut parts = Vec::with_capacity(sizes.len());
        for &size in sizes {
            let next = start.checked_add(size)?;
            parts.push(Self::new(start, next - 1)?);
            start = next;
        }
        (start <= self.end + 1).then_some(parts)
    }

    /// Consecutive parts that fill the interval, each of at least its size. What is left over goes to the parts in
    /// proportion to 2^size: the largest subtree is the one that is expected to grow. `None` if the sizes don't fit.
    pub(super) fn split_by_growth(self, sizes: &[u64]) -> Option<Vec<Self>> {
        let sum = sizes.iter().try_fold(0u64, |sum, &size| sum.checked_add(size))?;
        let spare = self.size().checked_sub(sum)?;
        let largest = sizes.iter().copied().max().unwrap_or(0);
        let weight = |size: u64| (1u128 << WEIGHT_BITS) >> (largest - size).min(u128::BITS.into()).min(WEIGHT_BITS + 1);
        let total: u128 = sizes.iter().map(|&size| weight(size)).sum();
        let mut shares = Vec::with_capacity(sizes.len());
        let mut rest = spare;
        for &size in sizes {
            let bias = u64::try_from(u128::from(spare) * weight(size) / total.max(1)).ok()?.min(rest);
            rest -= bias;
            shares.push(size + bias);
        }
        if let Some(last) = shares.last_mut() {
            *last += rest;
        }
        self.split_exact(&shares)
    }
}

impl Encode for Interval {
    fn encode(&self, out: &mut Vec<u8>) {
        self.start.encode(out);
        self.end.encode(out);
    }
}

impl Decode for Interval {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (start, end) = (Decode::decode(r)?, Decode::decode(r)?);
        Self::new(start, end).ok_or(DecodeError::NotCanonical { what: "reachability interval" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(start: u64, end: u64) -> Interval {
        Interval::new(start, end).expect("valid bounds")
    }

    #[test]
    fn bounds_are_checked() {
        assert!(Interval::new(0, 5).is_none());
        assert!(Interval::new(7, 5).is_none());
        assert!(Interval::new(1, u64::MAX).is_none());
        assert!(interval(6, 5).is_empty());
        assert_eq!(Interval::MAXIMAL.size(), u64::MAX - 1);
        assert_eq!(interval(1, 1).children_capacity(), Some(interval(1, 0)));
        assert_eq!(Interval::from_bytes(&interval(3, 9).to_bytes()), Ok(interval(3, 9)));
        assert!(Interval::from_bytes(&[0; 16]).is_err());
    }

    #[test]
    fn halves_are_rounded_up() {
        for (whole, half) in [((1, 1), (1, 1)), ((1, 2), (1, 1)), ((4, 6), (4, 5)), ((4, 3), (4, 3))] {
            assert_eq!(interval(whole.0, whole.1).first_half(), Some(interval(half.0, half.1)));
        }
    }

    #[test]
    fn parts_fill_the_whole_and_are_large_enough() {
        for (whole, sizes) in [
            (interval(1, 100), vec![100u64]),
            (interval(1, 100), vec![50, 50]),
            (interval(1, 100), vec![10, 20, 30, 40]),
            (interval(1, 100), vec![33, 33, 33]),
            (interval(1, 10_000), vec![10, 10, 20]),
            (interval(5, 100_000), vec![31_000, 31_000, 30_001]),
            (Interval::MAXIMAL, vec![1, 500, 3]),
        ] {
            let parts = whole.split_by_growth(&sizes).expect("fits");
            assert_eq!(parts.first().map(|p| p.start()), Some(whole.start()));
            assert_eq!(parts.last().map(|p| p.end()), Some(whole.end()));
            assert!(parts.windows(2).all(|pair| pair[0].end() + 1 == pair[1].start()));
            assert!(parts.iter().zip(&sizes).all(|(part, &size)| part.size() >= size));
        }
        assert!(interval(1, 10).split_by_growth(&[6, 5]).is_none());
        assert!(interval(1, 10).split_exact(&[6, 5]).is_none());
    }

    #[test]
    fn the_largest_subtree_gets_nearly_all_spare_space() {
        let parts = interval(1, 10_000).split_by_growth(&[10, 10, 30]).expect("fits");
        assert!(parts[0].size() < 25 && parts[2].size() > 9_900);
    }
}
