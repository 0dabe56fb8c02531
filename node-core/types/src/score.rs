//! Scores, work and time.

use core::fmt;

use ruint::aliases::U256;

use crate::encode::{Decode, DecodeError, Encode, Reader};

macro_rules! u64_unit {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub u64);

        impl $name {
            /// Adds, stopping at the largest value: a score never gets near it.
            #[must_use]
            pub const fn saturating_add(self, n: u64) -> Self {
                Self(self.0.saturating_add(n))
            }

            /// Subtracts, stopping at zero.
            #[must_use]
            pub const fn saturating_sub(self, n: u64) -> Self {
                Self(self.0.saturating_sub(n))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl Encode for $name {
            fn encode(&self, out: &mut Vec<u8>) {
                self.0.encode(out);
            }
        }

        impl Decode for $name {
            fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
                u64::decode(r).map(Self)
            }
        }
    };
}

u64_unit!(
    /// Number of blue blocks in a block's past.
    BlueScore
);
u64_unit!(
    /// Number of blocks in a block's past that count for difficulty: the ledger's clock.
    DaaScore
);
u64_unit!(
    /// Milliseconds since the Unix epoch.
    TimestampMs
);

/// Work of all blue blocks in a block's past; the fork choice compares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct BlueWork(pub U256);

impl BlueWork {
    /// Genesis has none.
    pub const ZERO: Self = Self(U256::ZERO);

    /// From a small number, for tests and the vectors' convention of one unit a block.
    pub fn from_u64(n: u64) -> Self {
        Self(U256::from(n))
    }

    /// Adds. 2²⁵⁶ units of work don't exist; a header that claims a wrong sum is refused by comparison.
    #[must_use]
    pub fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl fmt::Display for BlueWork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Encode for BlueWork {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0.to_le_bytes::<32>());
    }
}

impl Decode for BlueWork {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self(U256::from_le_bytes(r.array::<32>("blue work")?)))
    }
}

/// DAA scores between which something may be done: `start..end`, the end excluded. `end == 0` means no end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Hash)]
pub struct DaaRange {
    /// First score at which it is valid.
    pub start: DaaScore,
    /// First score at which it is no longer valid; zero for never.
    pub end: DaaScore,
}

impl DaaRange {
    /// Always valid.
    pub const ALWAYS: Self = Self { start: DaaScore(0), end: DaaScore(0) };

    /// Whether `score` is at or behind the start.
    pub fn has_started(&self, score: DaaScore) -> bool {
        score >= self.start
    }

    /// Whether `score` is at or behind the end.
    pub fn has_ended(&self, score: DaaScore) -> bool {
        self.end.0 != 0 && score >= self.end
    }

    /// Whether `score` lies inside.
    pub fn contains(&self, score: DaaScore) -> bool {
        self.has_started(score) && !self.has_ended(score)
    }
}

impl Encode for DaaRange {
    fn encode(&self, out: &mut Vec<u8>) {
        self.start.encode(out);
        self.end.encode(out);
    }
}

impl Decode for DaaRange {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let range = Self { start: Decode::decode(r)?, end: Decode::decode(r)? };
        if range.end.0 != 0 && range.end <= range.start {
            return Err(DecodeError::NotCanonical { what: "validity range" });
        }
        Ok(range)
    }
}
