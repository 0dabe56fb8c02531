//! How many rows a table has, and a sum over them.
//!
//! sled takes a page of its log that does not hold for the end of a segment, so that a flipped bit can take changes away
//! from the middle. The sums are written with every batch and say at open whether all of a batch's rows are there, and
//! nothing else.

use crate::error::StoreError;
use crate::registry::Table;

/// Length on the disk: rows and sum.
const TOTAL_BYTES: usize = 16;

/// Of one table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Total {
    pub(super) rows: u64,
    /// Sum over the rows, whatever their order, modulo 2^64.
    sum: u64,
}

impl Total {
    /// A key had the value `old` and has `new`.
    pub(super) fn change(&mut self, table: Table, key: &[u8], old: Option<&[u8]>, new: Option<&[u8]>) {
        if let Some(old) = old {
            self.rows = self.rows.wrapping_sub(1);
            self.sum = self.sum.wrapping_sub(of_row(table, key, old));
        }
        if let Some(new) = new {
            self.rows = self.rows.wrapping_add(1);
            self.sum = self.sum.wrapping_add(of_row(table, key, new));
        }
    }

    pub(super) fn to_bytes(self) -> [u8; TOTAL_BYTES] {
        let mut bytes = [0; TOTAL_BYTES];
        bytes[..8].copy_from_slice(&self.rows.to_le_bytes());
        bytes[8..].copy_from_slice(&self.sum.to_le_bytes());
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, StoreError> {
        let parts = bytes.split_first_chunk::<8>().and_then(|(rows, rest)| Some((rows, rest.try_into().ok()?)));
        let (rows, sum) = parts.ok_or_else(|| StoreError::Corrupt("a table's sum can't be read".to_owned()))?;
        Ok(Self { rows: u64::from_le_bytes(*rows), sum: u64::from_le_bytes(sum) })
    }
}

/// Two CRC-32 of a row, each with its own beginning: against accidents, like every checksum of this crate.
fn of_row(table: Table, key: &[u8], value: &[u8]) -> u64 {
    let half = |begin: u8| {
        let mut crc = crc32fast::Hasher::new();
        crc.update(&[begin, table.prefix()]);
        crc.update(&(key.len() as u64).to_le_bytes());
        crc.update(key);
        crc.update(value);
        crc.finalize()
    };
    // CRC is linear: the second half is multiplied so that it does not change with the first alone.
    u64::from(half(0)) << 32 | u64::from(half(1).wrapping_mul(0x9E37_79B1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_total_follows_its_rows() {
        let mut total = Total::default();
        total.change(Table::Coin, b"a", None, Some(b"1"));
        total.change(Table::Coin, b"b", None, Some(b"2"));
        let then = total;
        total.change(Table::Coin, b"a", Some(b"1"), Some(b"3"));
        assert!(total.rows == 2 && total != then);
        total.change(Table::Coin, b"a", Some(b"3"), None);
        total.change(Table::Coin, b"a", None, Some(b"1"));
        assert_eq!(total, then);
        assert_eq!(Total::from_bytes(&total.to_bytes()).unwrap(), total);
        assert!(Total::from_bytes(&[0; 15]).unwrap_err().is_damage());
        assert!(Total::from_bytes(&[0; 17]).unwrap_err().is_damage());
        let swapped = |key: &[u8], value: &[u8]| of_row(Table::Coin, key, value);
        assert_ne!(swapped(b"ab", b"c"), swapped(b"a", b"bc"));
        assert_ne!(of_row(Table::Coin, b"a", b"1"), of_row(Table::Memo, b"a", b"1"));
    }
}
