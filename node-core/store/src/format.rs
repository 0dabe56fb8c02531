//! What a folder says about itself: network, genesis, version of the format, and how the last run ended.

use umbel_types::encode::encode_bytes;
use umbel_types::{BlockHash, Decode, DecodeError, Encode, Network, Reader};

use crate::batch::Batch;
use crate::error::StoreError;
use crate::open::Upgrade;
use crate::registry::Table;
use crate::segments::Position;
use crate::typed::decode_value;

const FORMAT_KEY: &[u8] = b"store/format";
const CLEAN_KEY: &[u8] = b"store/clean_shutdown";
const RECORDS_END_KEY: &[u8] = b"store/records_end";
/// Longest network name that is read, in bytes: far above any there is.
const MAX_NETWORK_NAME_BYTES: usize = 64;

/// A value of the table `meta`.
type Read = Result<Option<Vec<u8>>, StoreError>;

/// Whose data a folder holds and in which form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormatTag {
    /// The network's name: text, since a folder may come from a program that knows more networks.
    pub network: String,
    /// Hash of the genesis block.
    pub genesis: BlockHash,
    /// Version of everything that is stored. Raised with every change of a table's meaning.
    pub version: u32,
}

impl FormatTag {
    /// For a network that this program knows.
    pub fn new(network: Network, genesis: BlockHash, version: u32) -> Self {
        Self { network: network.name().to_owned(), genesis, version }
    }
}

impl Encode for FormatTag {
    fn encode(&self, out: &mut Vec<u8>) {
        encode_bytes(self.network.as_bytes(), out);
        self.genesis.encode(out);
        self.version.encode(out);
    }
}

impl Decode for FormatTag {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let name = r.bytes(MAX_NETWORK_NAME_BYTES, "network name")?;
        let network = String::from_utf8(name).map_err(|_| DecodeError::NotCanonical { what: "network name" })?;
        Ok(Self { network, genesis: Decode::decode(r)?, version: Decode::decode(r)? })
    }
}

/// The tag and how the last run ended; `None` for a database that nothing was written to.
///
/// The tag is stored behind its CRC-32: it decides whether a folder is someone else's, before anything is checked, and
/// a flipped bit must not make it so.
pub(crate) fn read(meta: impl Fn(&[u8]) -> Read) -> Result<Option<(FormatTag, bool)>, StoreError> {
    let Some(bytes) = meta(FORMAT_KEY)? else {
        return Ok(None);
    };
    let damaged = || StoreError::Corrupt("the format tag does not hold".to_owned());
    let (crc, encoded) = bytes.split_first_chunk::<4>().ok_or_else(damaged)?;
    if crc32fast::hash(encoded) != u32::from_le_bytes(*crc) {
        return Err(damaged());
    }
    let tag = FormatTag::from_bytes(encoded).map_err(|error| StoreError::Value { table: Table::Meta, error })?;
    Ok(Some((tag, meta(CLEAN_KEY)?.as_deref() == Some(&[1]))))
}

/// The end of the segments that the tables may name; `None` in format 1, and as long as segments whose tables were lost
/// are not taken in again.
pub(crate) fn records_end(meta: impl Fn(&[u8]) -> Read) -> Result<Option<Position>, StoreError> {
    meta(RECORDS_END_KEY)?.map(|bytes| decode_value(Table::Meta, &bytes)).transpose()
}

/// Adds the end of the segments to a batch that is written through.
pub(crate) fn put_records_end(batch: &mut Batch, end: Position) {
    batch.put_value(Table::Meta, RECORDS_END_KEY, &end);
}

/// The version of a folder that this program may open.
pub(crate) fn check(got: &FormatTag, expected: &FormatTag, upgrades: &[Upgrade]) -> Result<u32, StoreError> {
    let has_step = |version| upgrades.iter().any(|step| step.from == version);
    let known = got.version <= expected.version && (got.version..expected.version).all(has_step);
    if got.network == expected.network && got.genesis == expected.genesis && known {
        return Ok(got.version);
    }
    Err(StoreError::WrongFormat { got: Box::new(got.clone()), expected: Box::new(expected.clone()) })
}

/// Marks the database as open, and a new one as whose it is.
pub(crate) fn opened(tag: &FormatTag) -> Batch {
    let mut batch = Batch::new();
    let encoded = tag.to_bytes();
    batch.put(Table::Meta, FORMAT_KEY, [&crc32fast::hash(&encoded).to_le_bytes(), encoded.as_slice()].concat());
    batch.put(Table::Meta, CLEAN_KEY, vec![0]);
    batch
}

/// Marks the database as closed in order.
pub(crate) fn closed() -> Batch {
    let mut batch = Batch::new();
    batch.put(Table::Meta, CLEAN_KEY, vec![1]);
    batch
}
