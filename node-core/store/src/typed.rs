//! Values of the ledger's types, by their canonical encoding.

use umbel_types::Decode;

use crate::error::StoreError;
use crate::kv::KvReader;
use crate::registry::Table;

/// The value of a key, decoded.
///
/// # Errors
/// [`StoreError::Value`] if the bytes are not the canonical encoding of a `V`; those of the engine.
pub fn get_value<V: Decode>(reader: &dyn KvReader, table: Table, key: &[u8]) -> Result<Option<V>, StoreError> {
    reader.get(table, key)?.map(|bytes| decode_value(table, &bytes)).transpose()
}

/// Decodes a value that [`KvReader::scan`] or [`KvReader::last`] returned.
///
/// # Errors
/// [`StoreError::Value`].
pub fn decode_value<V: Decode>(table: Table, bytes: &[u8]) -> Result<V, StoreError> {
    V::from_bytes(bytes).map_err(|error| StoreError::Value { table, error })
}
