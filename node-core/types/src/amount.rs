//! Amounts in base units: 8 decimals, u64.

use core::fmt;
use core::str::FromStr;

use thiserror::Error;

use crate::encode::{Decode, DecodeError, Encode, Reader};

/// Decimals of every built-in token.
pub const DECIMALS: usize = 8;
/// Base units in one STR.
pub const UNITS_PER_STR: u64 = 100_000_000;

/// An amount of one asset in base units, 0..=2⁶⁴−1. One unit is 10⁻⁸ of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Amount(u64);

/// Why text or arithmetic gives no amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AmountError {
    /// A sum above 2⁶⁴−1 base units.
    #[error("the amount is too large")]
    Overflow,
    /// A difference below zero.
    #[error("the amount would be negative")]
    Underflow,
    /// Text that is not a decimal number.
    #[error("not an amount: digits with at most one point are expected, such as 1.25")]
    NotANumber,
    /// More than eight digits behind the point.
    #[error("an amount has at most 8 decimals")]
    TooManyDecimals,
}

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The largest amount.
    pub const MAX: Self = Self(u64::MAX);

    /// From base units.
    pub const fn from_units(units: u64) -> Self {
        Self(units)
    }

    /// From whole tokens; for constants, refused at compile time where it overflows.
    pub const fn from_str_tokens(tokens: u64) -> Self {
        match tokens.checked_mul(UNITS_PER_STR) {
            Some(units) => Self(units),
            None => panic!("constant amount overflows"),
        }
    }

    /// Base units.
    pub const fn units(self) -> u64 {
        self.0
    }

    /// Whether it is nothing.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// # Errors
    /// [`AmountError::Overflow`].
    pub fn checked_add(self, other: Self) -> Result<Self, AmountError> {
        self.0.checked_add(other.0).map(Self).ok_or(AmountError::Overflow)
    }

    /// # Errors
    /// [`AmountError::Underflow`].
    pub fn checked_sub(self, other: Self) -> Result<Self, AmountError> {
        self.0.checked_sub(other.0).map(Self).ok_or(AmountError::Underflow)
    }

    /// The sum of all.
    ///
    /// # Errors
    /// [`AmountError::Overflow`].
    pub fn sum(amounts: impl IntoIterator<Item = Self>) -> Result<Self, AmountError> {
        amounts.into_iter().try_fold(Self::ZERO, Self::checked_add)
    }
}

/// Always eight decimals: `1.25000000`.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:08}", self.0 / UNITS_PER_STR, self.0 % UNITS_PER_STR)
    }
}

/// A point is the only separator; no sign, no exponent, no grouping.
impl FromStr for Amount {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(fraction) {
            return Err(AmountError::NotANumber);
        }
        if fraction.len() > DECIMALS {
            return Err(AmountError::TooManyDecimals);
        }
        let parse = |s: &str| s.parse::<u64>().map_err(|_| AmountError::Overflow);
        let units = parse(&format!("{fraction:0<DECIMALS$}"))?;
        let whole = parse(whole)?.checked_mul(UNITS_PER_STR).ok_or(AmountError::Overflow)?;
        whole.checked_add(units).map(Self).ok_or(AmountError::Overflow)
    }
}

impl Encode for Amount {
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
    }
}

impl Decode for Amount {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        u64::decode(r).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_forms() {
        let parse = |s: &str| s.parse::<Amount>();
        assert_eq!(parse("1.25"), Ok(Amount(125_000_000)));
        assert_eq!(parse("0.00000001"), Ok(Amount(1)));
        assert_eq!(parse("184467440737.09551615"), Ok(Amount::MAX));
        assert_eq!(parse("184467440737.09551616"), Err(AmountError::Overflow));
        assert_eq!(parse("1.123456789"), Err(AmountError::TooManyDecimals));
        for bad in ["", ".", "1.", ".5", "-1", "+1", "1e3", "1,5", " 1", "1.2.3", "٣"] {
            assert_eq!(parse(bad), Err(AmountError::NotANumber), "{bad:?}");
        }
        assert_eq!(Amount(125_000_000).to_string(), "1.25000000");
    }
}
