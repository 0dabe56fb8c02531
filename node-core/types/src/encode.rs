//! The canonical encoding: one byte string for each value, one value for each byte string.
//!
//! Integers are little-endian and of fixed width. Lists carry their length as a u32, byte strings likewise. Enums carry
//! a u8 tag. Decoding refuses lengths above the caller's bound before it allocates, unknown tags, and trailing bytes.

use thiserror::Error;

/// Why bytes are not the encoding of a value. A peer that sends such bytes is at fault.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// Fewer bytes than the type needs.
    #[error("the bytes end early: {needed} more needed for {what}")]
    UnexpectedEnd {
        /// What was being read.
        what: &'static str,
        /// How many bytes are missing.
        needed: usize,
    },
    /// A length above its bound.
    #[error("{what} has length {got}, the limit is {limit}")]
    TooLong {
        /// What was being read.
        what: &'static str,
        /// The length found.
        got: usize,
        /// The longest length allowed.
        limit: usize,
    },
    /// A tag or flag outside its set.
    #[error("{what} has the unknown tag {got}")]
    UnknownTag {
        /// What was being read.
        what: &'static str,
        /// The tag found.
        got: u64,
    },
    /// Bytes after the end of the value.
    #[error("{0} bytes follow the end of the value")]
    TrailingBytes(usize),
    /// A value that has another, canonical form, or breaks an invariant of its type.
    #[error("{what} is not in canonical form")]
    NotCanonical {
        /// What was being read.
        what: &'static str,
    },
}

/// Writes a value in its canonical form.
pub trait Encode {
    /// Appends the encoding to `out`.
    fn encode(&self, out: &mut Vec<u8>);

    /// The encoding as a fresh vector.
    fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode(&mut out);
        out
    }
}

/// Reads a value from its canonical form.
pub trait Decode: Sized {
    /// Reads one value and leaves `r` behind it.
    ///
    /// # Errors
    /// [`DecodeError`] for anything but the canonical encoding of a value.
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError>;

    /// Reads one value that fills `bytes` to the end.
    ///
    /// # Errors
    /// [`DecodeError`], [`DecodeError::TrailingBytes`] included.
    fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new(bytes);
        let value = Self::decode(&mut r)?;
        r.finish()?;
        Ok(value)
    }
}

/// A cursor over bytes that come from outside.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts at the first byte.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Bytes not read yet.
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Takes the next `n` bytes.
    ///
    /// # Errors
    /// [`DecodeError::UnexpectedEnd`].
    pub fn take(&mut self, n: usize, what: &'static str) -> Result<&'a [u8], DecodeError> {
        match self.rest.split_at_checked(n) {
            Some((head, tail)) => {
                self.rest = tail;
                Ok(head)
            }
            None => Err(DecodeError::UnexpectedEnd { what, needed: n - self.rest.len() }),
        }
    }

    /// Takes the next `N` bytes as an array.
    ///
    /// # Errors
    /// [`DecodeError::UnexpectedEnd`].
    pub fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], DecodeError> {
        let bytes = self.take(N, what)?;
        let mut out = [0u8; N];
        out.copy_from_slice(bytes);
        Ok(out)
    }

    /// Reads a length and refuses it above `limit`.
    ///
    /// # Errors
    /// [`DecodeError::TooLong`], [`DecodeError::UnexpectedEnd`].
    pub fn length(&mut self, limit: usize, what: &'static str) -> Result<usize, DecodeError> {
        let got = u32::from_le_bytes(self.array(what)?) as usize;
        if got > limit {
            return Err(DecodeError::TooLong { what, got, limit });
        }
        Ok(got)
    }

    /// Reads a byte string of at most `limit` bytes.
    ///
    /// # Errors
    /// [`DecodeError::TooLong`], [`DecodeError::UnexpectedEnd`].
    pub fn bytes(&mut self, limit: usize, what: &'static str) -> Result<Vec<u8>, DecodeError> {
        let n = self.length(limit, what)?;
        Ok(self.take(n, what)?.to_vec())
    }

    /// Reads a list of at most `limit` values.
    ///
    /// # Errors
    /// Those of the length and of each value.
    pub fn list<T: Decode>(&mut self, limit: usize, what: &'static str) -> Result<Vec<T>, DecodeError> {
        let n = self.length(limit, what)?;
        // Every value takes at least one byte: a hostile length can't make us allocate more than was sent.
        let mut out = Vec::with_capacity(n.min(self.remaining()));
        for _ in 0..n {
            out.push(T::decode(self)?);
        }
        Ok(out)
    }

    /// Refuses bytes that are left over.
    ///
    /// # Errors
    /// [`DecodeError::TrailingBytes`].
    pub fn finish(self) -> Result<(), DecodeError> {
        if self.rest.is_empty() { Ok(()) } else { Err(DecodeError::TrailingBytes(self.rest.len())) }
    }
}

/// Writes a length. Every list and byte string that exists in memory is far below 2³² entries.
pub fn encode_length(n: usize, out: &mut Vec<u8>) {
    let n = u32::try_from(n).expect("in-memory lists are bounded far below 2^32 entries");
    out.extend_from_slice(&n.to_le_bytes());
}

/// Writes a byte string with its length.
pub fn encode_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    encode_length(bytes.len(), out);
    out.extend_from_slice(bytes);
}

/// Writes a list with its length.
pub fn encode_list<T: Encode>(items: &[T], out: &mut Vec<u8>) {
    encode_length(items.len(), out);
    for item in items {
        item.encode(out);
    }
}

macro_rules! encode_int {
    ($($int:ty),*) => {$(
        impl Encode for $int {
            fn encode(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }
        }
        impl Decode for $int {
            fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
                Ok(<$int>::from_le_bytes(r.array(stringify!($int))?))
            }
        }
    )*};
}
encode_int!(u8, u16, u32, u64, u128);

impl<const N: usize> Encode for [u8; N] {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }
}

impl<const N: usize> Decode for [u8; N] {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.array("fixed bytes")
    }
}

impl<T: Encode> Encode for Option<T> {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            None => out.push(0),
            Some(value) => {
                out.push(1);
                value.encode(out);
            }
        }
    }
}

impl<T: Decode> Decode for Option<T> {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match u8::decode(r)? {
            0 => Ok(None),
            1 => Ok(Some(T::decode(r)?)),
            got => Err(DecodeError::UnknownTag { what: "optional value", got: u64::from(got) }),
        }
    }
}

/// Implements [`Encode`] and [`Decode`] for a struct as its fields in the order given.
#[macro_export]
macro_rules! encode_struct {
    ($name:ty { $($field:ident),* $(,)? }) => {
        impl $crate::encode::Encode for $name {
            fn encode(&self, out: &mut Vec<u8>) {
                $($crate::encode::Encode::encode(&self.$field, out);)*
            }
        }
        impl $crate::encode::Decode for $name {
            fn decode(r: &mut $crate::encode::Reader<'_>) -> Result<Self, $crate::encode::DecodeError> {
                Ok(Self { $($field: $crate::encode::Decode::decode(r)?),* })
            }
        }
    };
}

/// Implements [`Encode`] and [`Decode`] for an enum without fields: its tag, one byte. `what` names it in errors.
#[macro_export]
macro_rules! encode_tag {
    ($name:ty, $what:literal { $($variant:ident = $tag:literal),* $(,)? }) => {
        impl $crate::encode::Encode for $name {
            fn encode(&self, out: &mut Vec<u8>) {
                out.push(match self {
                    $(Self::$variant => $tag,)*
                });
            }
        }
        impl $crate::encode::Decode for $name {
            fn decode(r: &mut $crate::encode::Reader<'_>) -> Result<Self, $crate::encode::DecodeError> {
                match <u8 as $crate::encode::Decode>::decode(r)? {
                    $($tag => Ok(Self::$variant),)*
                    got => Err($crate::encode::DecodeError::UnknownTag { what: $what, got: u64::from(got) }),
                }
            }
        }
    };
}
