//! Every table of the database, once. A table's one-byte prefix and its name in the file never change; a table that is
//! no longer used keeps its line and its number.

macro_rules! tables {
    ($($(#[$doc:meta])* $variant:ident = $prefix:literal, $name:literal;)*) => {
        /// A table. The number is its prefix, the name is what the redb file calls it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Table {
            $($(#[$doc])* $variant = $prefix,)*
        }

        impl Table {
            /// All tables, by ascending prefix.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its name in the file.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

tables! {
    /// Key: text. Keys that begin with `store/` belong to this crate ([`META_PREFIX`]); the rest are their owners'
    /// single values.
    Meta = 0, "meta";
    /// Key: block hash. Header.
    Header = 1, "header";
    /// Key: block hash. Selected parent, mergeset, blue score and blue work.
    Ghostdag = 2, "ghostdag";
    /// Key: block hash. Place in the reachability tree.
    Reachability = 3, "reachability";
    /// Key: block hash. Where the block stands.
    Status = 4, "status";
    /// Key: block hash. Body. Only format 1; since then a block lies in the segments ([`Table::BlockIndex`]).
    Body = 5, "body";
    /// Key: order of arrival, u64 big-endian. Block hash.
    Arrival = 6, "arrival";
    /// Key: block hash. Tips of the DAG; the value is empty.
    Tips = 7, "tips";
    /// Key: outpoint. Unspent coin.
    Coin = 8, "coin";
    /// Key: outpoint. Unspent Memo.
    Memo = 9, "memo";
    /// Key: ledger and object id. State object.
    State = 10, "state";
    /// Key: block hash. What is known of a block that stands or stood on the selected chain, its undo included.
    ChainBlock = 11, "chain_block";
    /// Key: height on the selected chain, u64 big-endian. Block hash.
    ChainIndex = 12, "chain_index";
    /// Never written: what a chain block accepted is part of [`Table::ChainBlock`].
    Acceptance = 13, "acceptance";
    /// Key: block hash. Where the block, header and body, lies in the segments.
    BlockIndex = 14, "block_index";
    /// Key: target index, u32 big-endian. Finality certificate.
    Certificate = 15, "certificate";
    /// Key: outpoint. Coin that is unspent at the pruning point.
    PrunedCoin = 16, "pruned_coin";
    /// Key: outpoint. Memo that is unspent at the pruning point.
    PrunedMemo = 17, "pruned_memo";
    /// Key: ledger and object id. State object at the pruning point.
    PrunedState = 18, "pruned_state";
}

/// Tables that nothing is written to any more.
pub const RETIRED: &[Table] = &[Table::Body, Table::Acceptance];

/// Keys of [`Table::Meta`] that begin so are written by this crate alone.
pub const META_PREFIX: &[u8] = b"store/";

impl Table {
    /// Number of tables.
    pub const COUNT: usize = Self::ALL.len();

    /// Its prefix.
    pub const fn prefix(self) -> u8 {
        self as u8
    }

    /// The table with this prefix.
    pub fn from_prefix(prefix: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|t| t.prefix() == prefix)
    }

    /// Place in [`Table::ALL`].
    pub(crate) fn position(self) -> usize {
        Self::ALL.iter().position(|t| *t == self).expect("the macro lists every variant in ALL")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn prefixes_and_names_are_unique() {
        let prefixes: BTreeSet<u8> = Table::ALL.iter().map(|t| t.prefix()).collect();
        let names: BTreeSet<&str> = Table::ALL.iter().map(|t| t.name()).collect();
        assert_eq!((prefixes.len(), names.len()), (Table::COUNT, Table::COUNT));
        assert!(Table::ALL.is_sorted_by_key(|t| t.prefix()));
        for table in Table::ALL {
            assert_eq!(Table::from_prefix(table.prefix()), Some(*table));
        }
    }

    /// Every table has its line in the specification, and no other.
    #[test]
    fn tables_are_documented() {
        let spec = include_str!("../../../docs/spec/storage.md");
        let lines: Vec<(u8, &str)> = spec
            .lines()
            .filter_map(|line| {
                let mut cells = line.strip_prefix("| ")?.split(" | ");
                let prefix = cells.next()?.parse().ok()?;
                Some((prefix, cells.next()?.strip_prefix('`')?.strip_suffix('`')?))
            })
            .collect();
        let tables: Vec<(u8, &str)> = Table::ALL.iter().map(|t| (t.prefix(), t.name())).collect();
        assert_eq!(lines, tables);
    }

    /// What files on disk already rely on.
    #[test]
    fn prefixes_and_names_are_frozen() {
        let frozen = [
            (0, "meta"),
            (1, "header"),
            (2, "ghostdag"),
            (3, "reachability"),
            (4, "status"),
            (5, "body"),
            (6, "arrival"),
            (7, "tips"),
            (8, "coin"),
            (9, "memo"),
            (10, "state"),
            (11, "chain_block"),
            (12, "chain_index"),
            (13, "acceptance"),
            (14, "block_index"),
            (15, "certificate"),
            (16, "pruned_coin"),
            (17, "pruned_memo"),
            (18, "pruned_state"),
        ];
        for (prefix, name) in frozen {
            assert_eq!(Table::from_prefix(prefix).map(Table::name), Some(name));
        }
    }
}
