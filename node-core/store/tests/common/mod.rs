//! Shared by the tests of this crate.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use umbel_store::registry::META_PREFIX;
use umbel_store::{FormatTag, KvReader, KvStore, StoreKind, Table, open};
use umbel_types::{BlockHash, Network};

/// Everything that a store holds.
pub(crate) type Model = BTreeMap<(Table, Vec<u8>), Vec<u8>>;

pub(crate) fn tag() -> FormatTag {
    FormatTag::new(Network::Devnet, BlockHash([9; 32]), 1)
}

pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

pub(crate) fn open_at(kind: StoreKind, dir: &Path) -> Arc<dyn KvStore> {
    open(kind, dir, tag(), &[]).unwrap().store
}

/// Everything that the store's users wrote.
pub(crate) fn contents(reader: &dyn KvReader) -> Model {
    let mut all = Model::new();
    for table in Table::ALL {
        for (key, value) in reader.scan(*table, None, usize::MAX).unwrap() {
            if *table != Table::Meta || !key.starts_with(META_PREFIX) {
                all.insert((*table, key), value);
            }
        }
    }
    all
}
