//! The format of everything that is stored of the chain, and the way from older ones.

use std::path::Path;

use umbel_store::{Batch, Durability, FormatTag, KvStore, Opened, Pair, StoreConfig, StoreError, Table, Upgrade};
use umbel_types::{BlockHash, Network};

/// Version of everything that is stored of the chain (docs/spec/storage.md §3).
pub const CHAIN_FORMAT: u32 = 2;

/// Rows that are moved in one batch: a full body has 64 KiB, so at most 16 MiB.
const ROWS_PER_BATCH: usize = 256;

const UPGRADES: &[Upgrade] =
    &[Upgrade { from: 1, what: "bodies move from a table to segment files", run: bodies_to_segments }];

fn format(network: Network, genesis: BlockHash) -> FormatTag {
    FormatTag::new(network, genesis, CHAIN_FORMAT)
}

/// Opens the store of a chain, creating it if it is not there and bringing an old format up to date.
///
/// # Errors
/// Those of [`umbel_store::open`].
pub fn open_store(
    config: impl Into<StoreConfig>,
    dir: &Path,
    network: Network,
    genesis: BlockHash,
) -> Result<Opened, StoreError> {
    umbel_store::open(config, dir, format(network, genesis), UPGRADES)
}

/// Opens the store of a chain as a node left it.
///
/// # Errors
/// Those of [`umbel_store::open_existing`].
pub fn open_existing_store(
    config: impl Into<StoreConfig>,
    dir: &Path,
    network: Network,
    genesis: BlockHash,
) -> Result<Opened, StoreError> {
    umbel_store::open_existing(config, dir, &format(network, genesis))
}

/// 1 → 2. In the order of arrival, so that the segments alone can be taken in again; a row that was moved is no longer in
/// its table, so that a step that was cut off goes on where it was.
fn bodies_to_segments(store: &dyn KvStore) -> Result<(), StoreError> {
    let mut after: Option<Vec<u8>> = None;
    // Genesis has no order of arrival and is the first of all.
    if let Some(sequence_zero) = genesis_of(store)? {
        move_bodies(store, vec![sequence_zero])?;
    }
    loop {
        let page = store.scan(Table::Arrival, after.as_deref(), ROWS_PER_BATCH)?;
        let Some((last, _)) = page.last() else { break };
        after = Some(last.clone());
        let mut rows = Vec::with_capacity(page.len());
        for (_, hash) in page {
            rows.extend(store.get(Table::Body, &hash)?.map(|body| (hash, body)));
        }
        move_bodies(store, rows)?;
    }
    match store.count(Table::Body)? {
        0 => Ok(()),
        left => Err(StoreError::Corrupt(format!("{left} bodies have no order of arrival"))),
    }
}

fn genesis_of(store: &dyn KvStore) -> Result<Option<Pair>, StoreError> {
    match store.get(Table::ChainIndex, &0u64.to_be_bytes())? {
        Some(hash) => Ok(store.get(Table::Body, &hash)?.map(|body| (hash, body))),
        None => Ok(None),
    }
}

/// A block's record is its header followed by its body: both as they were stored.
fn move_bodies(store: &dyn KvStore, rows: Vec<Pair>) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut batch = Batch::new();
    for (hash, body) in rows {
        let header = store.get(Table::Header, &hash)?;
        let mut record = header.ok_or_else(|| StoreError::Corrupt("a body without a header".to_owned()))?;
        record.extend_from_slice(&body);
        let location = store.append(&record)?;
        batch.put_value(Table::BlockIndex, &hash, &location);
        batch.delete(Table::Body, &hash);
    }
    store.write(batch, Durability::Immediate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use umbel_store::segments::Location;
    use umbel_store::{KvReader, StoreKind, get_value};

    const BLOCKS: u8 = 5;

    fn hash(n: u8) -> [u8; 32] {
        // Not in the order of arrival.
        [n.wrapping_mul(0x53) ^ 0x11; 32]
    }

    /// Genesis and what arrived after it, as format 1 has them.
    fn old_store() -> std::sync::Arc<dyn KvStore> {
        let store = open_store(StoreKind::Mem, Path::new(""), Network::Devnet, BlockHash([9; 32])).unwrap().store;
        let mut batch = Batch::new();
        batch.put(Table::ChainIndex, &0u64.to_be_bytes(), hash(0).to_vec());
        for n in 0..BLOCKS {
            batch.put(Table::Header, &hash(n), vec![n; 10]);
            batch.put(Table::Body, &hash(n), vec![100 + n; 20]);
            if n > 0 {
                batch.put(Table::Arrival, &u64::from(n).to_be_bytes(), hash(n).to_vec());
            }
        }
        store.write(batch, Durability::Immediate).unwrap();
        store
    }

    /// Cut off behind any number of bodies, the step goes on with the next one, and leaves them in the order of arrival.
    #[test]
    fn a_step_that_was_cut_off_goes_on() {
        for moved in 0..=BLOCKS {
            let store = old_store();
            for n in 0..moved {
                move_bodies(&*store, vec![(hash(n).to_vec(), vec![100 + n; 20])]).unwrap();
            }
            bodies_to_segments(&*store).unwrap();
            assert_eq!(store.count(Table::Body).unwrap(), 0);
            let reader: &dyn KvReader = &*store;
            let at = |n| get_value::<Location>(reader, Table::BlockIndex, &hash(n)).unwrap().unwrap();
            for n in 0..BLOCKS {
                assert_eq!(store.record(at(n)).unwrap(), [vec![n; 10], vec![100 + n; 20]].concat());
                assert!(n == 0 || at(n - 1) < at(n), "cut behind {moved}: {n} stands too early");
            }
            bodies_to_segments(&*store).unwrap();
        }
    }

    #[test]
    fn a_body_that_never_arrived_is_damage() {
        let store = old_store();
        let mut batch = Batch::new();
        batch.put(Table::Header, &[7; 32], vec![7]);
        batch.put(Table::Body, &[7; 32], vec![7]);
        store.write(batch, Durability::Immediate).unwrap();
        assert!(bodies_to_segments(&*store).unwrap_err().is_damage());
    }
}
