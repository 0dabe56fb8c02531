//! All unspent outputs at one moment.

use umbel_store::{KvReader, Table, decode_value};
use umbel_types::consensus_api::{ConsensusError, UtxoSnapshot};
use umbel_types::encode::Encode;
use umbel_types::{BlockHash, DaaScore, OutPoint, UtxoEntry};

/// A snapshot of the tables while they hold the state of `sink`.
pub(crate) struct Snapshot {
    pub(crate) reader: Box<dyn KvReader>,
    pub(crate) sink: BlockHash,
    pub(crate) daa_score: DaaScore,
    pub(crate) len: u64,
}

impl UtxoSnapshot for Snapshot {
    fn sink(&self) -> BlockHash {
        self.sink
    }

    fn daa_score(&self) -> DaaScore {
        self.daa_score
    }

    fn len(&self) -> u64 {
        self.len
    }

    /// Coins first, then Memos, each by ascending outpoint.
    fn page(&self, after: Option<OutPoint>, limit: usize) -> Result<Vec<(OutPoint, UtxoEntry)>, ConsensusError> {
        let failed = |e: umbel_store::StoreError| ConsensusError::Store(e.to_string());
        let key = after.map(|outpoint| outpoint.to_bytes());
        let in_coins = match &key {
            Some(key) => self.reader.get(Table::Coin, key).map_err(failed)?.is_some(),
            None => true,
        };
        let mut rows = Vec::new();
        if in_coins {
            let page = self.reader.scan(Table::Coin, key.as_deref(), limit).map_err(failed)?;
            rows.extend(page.into_iter().map(|row| (Table::Coin, row)));
        }
        if rows.len() < limit {
            let after = if in_coins { None } else { key.as_deref() };
            let page = self.reader.scan(Table::Memo, after, limit - rows.len()).map_err(failed)?;
            rows.extend(page.into_iter().map(|row| (Table::Memo, row)));
        }
        let decode = |(table, (key, value)): (Table, (Vec<u8>, Vec<u8>))| {
            Ok((decode_value(table, &key).map_err(failed)?, decode_value(table, &value).map_err(failed)?))
        };
        rows.into_iter().map(decode).collect()
    }
}
