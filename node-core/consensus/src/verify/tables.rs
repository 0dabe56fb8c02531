//! Third part: every row of every table is what the replay gives, and none is left over.

use std::collections::BTreeSet;

use umbel_dag::reachability::ReachabilityData;
use umbel_dag::{NO_PARENT, ReachabilityReader};
use umbel_ledger::commitments::LtHash;
use umbel_store::registry::{META_PREFIX, RETIRED};
use umbel_store::segments::{Location, RECORD_HEAD_BYTES};
use umbel_store::{Table, decode_value};
use umbel_types::consensus_api::BlockStatus;
use umbel_types::encode::Encode;
use umbel_types::{BlockHash, Certificate, OutPoint};

use super::report::{
    Verdict, VerifyError, VerifyProgress, VerifyStage, broken, differs, hex, readable, same, same_block, same_bytes,
    same_lists, unreadable,
};
use super::state::LedgerState;
use super::{Replay, hash_of_key};
use crate::finality::check_stored_certificate;
use crate::pruning::{META_PRUNED_LTHASH, META_PRUNING};
use crate::storage::{
    EvidenceRecord, FinalityRecord, META_CHAIN, META_EVIDENCE, META_FINALITY, META_LTHASH, META_REINDEX_ROOT,
    height_key, utxo_table,
};

/// What the store keeps for itself.
const STORE_KEYS: [&[u8]; 3] = [b"store/format", b"store/clean_shutdown", b"store/records_end"];

/// The same blocks in whatever order.
fn same_members(hash: BlockHash, what: &str, got: &[BlockHash], expected: &[BlockHash]) -> Verdict {
    let sorted = |blocks: &[BlockHash]| {
        let mut sorted = blocks.to_vec();
        sorted.sort_unstable();
        sorted
    };
    same_lists(hash, what, &sorted(got), &sorted(expected), ToString::to_string)
}

impl Replay<'_> {
    pub(super) fn tables(&mut self, state: &LedgerState, progress: &mut dyn FnMut(VerifyProgress)) -> Verdict {
        let total = Table::ALL.len() as u64;
        for (done, &table) in (1..).zip(Table::ALL) {
            self.count(table)?;
            self.table(table, state)?;
            progress(VerifyProgress { stage: VerifyStage::Tables, done, total });
        }
        self.report.unspent = state.utxo.0.len() as u64;
        self.supply(state)?;
        self.segments()
    }

    fn table(&self, table: Table, state: &LedgerState) -> Verdict {
        match table {
            Table::Meta => self.meta_rows(state),
            // Every header was looked at in the first part; here, that nothing else has a place in the DAG.
            Table::Header => Ok(()),
            Table::Ghostdag => self.one_for_each_header(table),
            Table::Reachability => {
                self.one_for_each_header(table)?;
                self.reachability()
            }
            Table::Status => self.statuses(),
            Table::Arrival => Ok(()),
            Table::Tips => self.tips(),
            Table::Coin | Table::Memo => self.outputs(table, state),
            Table::State => self.objects(state),
            Table::ChainBlock => self.chain_blocks(),
            Table::ChainIndex => self.chain_index(state),
            Table::BlockIndex => self.places(),
            Table::Certificate => self.certificates(state),
            Table::Body | Table::Acceptance => self.retired(table),
            // Compared on the way, at the block where they stand.
            Table::PrunedCoin | Table::PrunedMemo | Table::PrunedState => Ok(()),
        }
    }

    fn left_over(table: Table, key: &[u8]) -> VerifyError {
        differs(None, format!("a row of table {}", table.name()), hex(key), "no such row")
    }

    fn retired(&self, table: Table) -> Verdict {
        debug_assert!(RETIRED.contains(&table));
        self.rows(table, |key, _| Err(Self::left_over(table, key)))
    }

    fn meta_rows(&self, state: &LedgerState) -> Verdict {
        self.rows(Table::Meta, |key, value| {
            if key == META_CHAIN {
                // Genesis, sink and number of blocks are where the replay began, where it ended and how long it was.
                return same_bytes(None, "the chain's own record", value, &self.meta.to_bytes());
            }
            if key == META_LTHASH {
                let mut sum = LtHash::default();
                state.utxo.0.iter().for_each(|(outpoint, entry)| sum.add(outpoint, entry));
                let replayed = state.lthash.commitment();
                same(state.block, "utxo_commit of all unspent outputs", sum.commitment(), replayed)?;
                let got: LtHash = readable(None, "the sum over the outputs", decode_value(Table::Meta, value))?;
                return same(state.block, "utxo_commit of the stored sum", got.commitment(), replayed);
            }
            if key == META_REINDEX_ROOT {
                let root = hash_of_key(Table::Meta, value)?;
                if self.replayed.find_record(root)?.is_none() && !self.is_common_root(root) {
                    return Err(differs(root, "the reindex root", "unknown", "a block"));
                }
                // It gives up some ten thousand numbers for each block of the chain: no chain leaves it with less.
                let interval = self.stored.reachability_data(root).map_err(unreadable(root))?.interval;
                let owned = interval.end() - interval.start();
                return if owned >= u64::MAX / 2 {
                    Ok(())
                } else {
                    Err(differs(root, "what the reindex root owns", owned, "more than half of all numbers"))
                };
            }
            if key == META_PRUNED_LTHASH {
                return self.pruned_sum(value);
            }
            if key == META_PRUNING {
                // Read at the start; the point itself is on the chain or the replay would not have come to its end.
                return Ok(());
            }
            if key == META_FINALITY {
                return self.finality_record(value);
            }
            if key == META_EVIDENCE {
                return Self::evidence(value);
            }
            if key.starts_with(META_PREFIX) && STORE_KEYS.contains(&key) {
                return Ok(());
            }
            Err(Self::left_over(Table::Meta, key))
        })?;
        for key in [META_CHAIN, META_LTHASH, META_REINDEX_ROOT] {
            if self.stored.kv.get(Table::Meta, key)?.is_none() {
                return Err(differs(None, String::from_utf8_lossy(key), "nothing", "a value"));
            }
        }
        Ok(())
    }

    /// Each pair contradicts itself. Its signatures are checked when it is reported.
    fn evidence(value: &[u8]) -> Verdict {
        let what = "evidence that was found";
        let EvidenceRecord(pairs) = readable(None, what, decode_value(Table::Meta, value))?;
        if pairs.iter().any(|pair| pair.first.offence(&pair.second).is_none()) {
            return Err(differs(None, what, "votes in harmony", "votes that contradict each other"));
        }
        Ok(())
    }

    /// Justified and final are checkpoints of the selected chain, in this order.
    fn finality_record(&self, value: &[u8]) -> Verdict {
        let what = "what is justified and final";
        let FinalityRecord { justified, finalized } = readable(None, what, decode_value(Table::Meta, value))?;
        for (lower, upper) in [(finalized.block, justified.block), (justified.block, self.meta.sink)] {
            if self.is_below_start(lower)? {
                continue;
            }
            let known = self.replayed.find_header(lower)?.is_some() && self.replayed.find_header(upper)?.is_some();
            if !known || !self.replayed.is_chain_ancestor_of(lower, upper).map_err(unreadable(lower))? {
                return Err(differs(lower, what, "a block beside the selected chain", "one of its checkpoints"));
            }
        }
        Ok(())
    }

    fn certificates(&self, state: &LedgerState) -> Verdict {
        self.rows(Table::Certificate, |key, value| {
            let certificate: Certificate = readable(None, "a certificate", decode_value(Table::Certificate, value))?;
            let target = certificate.link.target;
            same_bytes(target.block, "the key of a certificate", key, &target.index.to_be_bytes())?;
            let source = certificate.link.source.block;
            // Sets and checkpoints from before the start are not here.
            if self.is_below_start(source)? {
                return Ok(());
            }
            let chain = (&self.replayed, self.params, self.genesis.hash);
            check_stored_certificate(chain, &certificate, &state.states).map_err(broken(target.block))
        })
    }

    /// The row that joins the blocks whose selected parent did not come with the snapshot.
    fn is_common_root(&self, hash: BlockHash) -> bool {
        hash == NO_PARENT && self.start.is_some_and(|start| start.record.anchor_height > 0)
    }

    fn one_for_each_header(&self, table: Table) -> Verdict {
        let mut roots = 0;
        self.rows(table, |key, _| {
            let hash = hash_of_key(table, key)?;
            if self.is_common_root(hash) {
                roots += 1;
                return Ok(());
            }
            match self.stored.find_header(hash)? {
                Some(_) => Ok(()),
                None => Err(Self::left_over(table, key)),
            }
        })?;
        let expected = self.stored.kv.count(Table::Header)? - self.report.kept_headers + roots;
        let got = self.stored.kv.count(table)?;
        same(None, format!("the number of rows of table {}", table.name()), got, expected)
    }

    /// Which numbers a block owns depends on the order of arrival; what it takes for the answers to be right does not:
    /// the same children and covering sets as in the replay, each in a row of numbers that do not overlap, and children
    /// inside of what their parent owns.
    fn reachability(&self) -> Verdict {
        self.rows(Table::Reachability, |key, value| {
            let hash = hash_of_key(Table::Reachability, key)?;
            let got: ReachabilityData = readable(hash, "place in the tree", decode_value(Table::Reachability, value))?;
            // What stood on them or under them may be gone.
            if self.start.is_some() && (hash == self.genesis.hash || hash == NO_PARENT) {
                return Ok(());
            }
            let expected = self.replayed.reachability_data(hash).map_err(unreadable(hash))?;
            let kept = |parent: Option<BlockHash>| {
                Ok::<_, VerifyError>(match parent {
                    Some(parent) if self.start.is_some() && self.replayed.find_header(parent)?.is_none() => None,
                    parent => parent,
                })
            };
            let (parent, parent_expected) = (kept(got.parent)?, kept(expected.parent)?);
            same_block(hash, "parent in the tree", parent, parent_expected)?;
            // Heights count from the root that each tree has.
            let height = match parent {
                Some(parent) if self.start.is_some() => {
                    self.stored.reachability_data(parent).map_err(unreadable(parent))?.height + 1
                }
                _ if self.start.is_some() => got.height,
                _ => expected.height,
            };
            same(hash, "height in the tree", got.height, height)?;
            same_members(hash, "children in the tree", &got.children, &expected.children)?;
            let covering = (&got.future_covering_set, &expected.future_covering_set);
            same_members(hash, "blocks that cover its future", covering.0, covering.1)?;
            self.ascend(hash, &got.children, got.interval.start(), got.interval.end())?;
            self.ascend(hash, &got.future_covering_set, 0, u64::MAX)
        })
    }

    /// Each block owns numbers behind those of the one before, from `start` on and below `end`.
    fn ascend(&self, hash: BlockHash, blocks: &[BlockHash], start: u64, end: u64) -> Verdict {
        let mut next = start;
        for &block in blocks {
            let interval = self.stored.reachability_data(block).map_err(unreadable(block))?.interval;
            if interval.start() < next || interval.end() < interval.start() || interval.end() >= end {
                let got = format!("{} to {}", interval.start(), interval.end());
                let expected = format!("some from {next} on and below {end}, in the list of {hash}");
                return Err(differs(block, "its numbers in the tree", got, expected));
            }
            next = interval.end() + 1;
        }
        Ok(())
    }

    fn statuses(&self) -> Verdict {
        self.rows(Table::Status, |key, _| {
            let hash = hash_of_key(Table::Status, key)?;
            let has_header = self.stored.find_header(hash)?.is_some();
            match self.stored_record(hash)?.status {
                // A header that broke a rule is forgotten, its hash is not.
                BlockStatus::Invalid => Ok(()),
                _ if has_header => Ok(()),
                _ => Err(Self::left_over(Table::Status, key)),
            }
        })
    }

    /// The blocks that nobody stands on, but for those that nothing can merge any more.
    fn tips(&self) -> Verdict {
        let expected: BTreeSet<BlockHash> = self.replayed.tips()?.into_iter().collect();
        let got: BTreeSet<BlockHash> = readable(None, "the tips", self.stored.tips())?.into_iter().collect();
        if let Some(tip) = got.difference(&expected).next() {
            return Err(differs(*tip, "a tip", "one", "a block with a child"));
        }
        let mut path = vec![self.meta.sink];
        let start = self.start.map_or(self.genesis.hash, |start| start.block);
        while let Some(&block) = path.last().filter(|block| **block != start) {
            path.push(self.replayed.ghostdag_data(block).map_err(unreadable(block))?.selected_parent);
        }
        path.reverse();
        let finality = self.finality_point(&path)?;
        for &tip in expected.difference(&got) {
            if self.replayed.is_dag_ancestor_of(finality, tip).map_err(unreadable(tip))? {
                return Err(differs(tip, "a tip", "not one", "a tip: no block stands on it"));
            }
        }
        Ok(())
    }

    fn outputs(&self, table: Table, state: &LedgerState) -> Verdict {
        let mut found = 0usize;
        self.rows(table, |key, value| {
            let outpoint: OutPoint = readable(None, "an outpoint", decode_value(table, key))?;
            let expected = state.utxo.0.get(&outpoint).filter(|entry| utxo_table(entry) == table);
            let expected = expected.ok_or_else(|| differs(None, format!("{outpoint}"), "unspent", "not there"))?;
            found += 1;
            same_bytes(state.block, &format!("{outpoint}"), value, &expected.to_bytes())
        })?;
        let expected = || state.utxo.0.iter().filter(|(_, entry)| utxo_table(entry) == table);
        if found == expected().count() {
            return Ok(());
        }
        for (outpoint, _) in expected() {
            if self.stored.kv.get(table, &outpoint.to_bytes())?.is_none() {
                return Err(differs(state.block, format!("{outpoint}"), "not there", "unspent"));
            }
        }
        Ok(())
    }

    fn objects(&self, state: &LedgerState) -> Verdict {
        let mut expected = state.states.iter().map(|(key, object)| (key.to_bytes(), object.to_bytes()));
        self.rows(Table::State, |key, value| match expected.next() {
            Some((expected_key, expected)) => {
                same_bytes(state.block, "the key of a State object", key, &expected_key)?;
                same_bytes(state.block, &format!("State object {}", hex(key)), value, &expected)
            }
            None => Err(Self::left_over(Table::State, key)),
        })?;
        match expected.next() {
            None => Ok(()),
            Some((key, _)) => Err(differs(state.block, format!("State object {}", hex(&key)), "nothing", "an object")),
        }
    }

    fn chain_blocks(&self) -> Verdict {
        let mut rows = 0;
        self.rows(Table::ChainBlock, |key, _| {
            let hash = hash_of_key(Table::ChainBlock, key)?;
            let start = self.start.map(|start| start.block);
            rows += u64::from(start == Some(hash) || self.is_above_start(hash)?);
            let status = self.stored.find_record(hash)?.map(|record| record.status);
            if status == Some(BlockStatus::StateValid) { Ok(()) } else { Err(Self::left_over(Table::ChainBlock, key)) }
        })?;
        let stood = 1 + self.report.chain_blocks + self.report.former_chain_blocks;
        same(None, "the number of blocks that stood on a chain", rows, stood)
    }

    fn chain_index(&self, state: &LedgerState) -> Verdict {
        let mut height = state.height;
        let mut block = state.block;
        let start = self.start.map_or(self.genesis.hash, |start| start.block);
        loop {
            let got = readable(block, "the block at its height", self.stored.chain_block_at(height))?;
            same_block(block, format!("the block at height {height}"), got, Some(block))?;
            if block == start {
                break;
            }
            block = self.replayed.ghostdag_data(block).map_err(unreadable(block))?.selected_parent;
            height = height.saturating_sub(1);
        }
        if let Some(start) = &self.start {
            self.chain_below(start)?;
        }
        let lowest = self.start.map_or(0, |start| start.record.base_height);
        self.rows(Table::ChainIndex, |key, _| {
            let above = key > height_key(state.height).as_slice() || key < height_key(lowest).as_slice();
            if above { Err(Self::left_over(Table::ChainIndex, key)) } else { Ok(()) }
        })
    }

    fn places(&self) -> Verdict {
        self.rows(Table::BlockIndex, |key, _| {
            let hash = hash_of_key(Table::BlockIndex, key)?;
            let replayed = self.replayed.find_record(hash)?.is_some_and(|record| record.status.has_body());
            if replayed { Ok(()) } else { Err(Self::left_over(Table::BlockIndex, key)) }
        })
    }

    /// How much of the segments no table names.
    fn segments(&mut self) -> Verdict {
        let record_bytes = |location: Location| u64::from(location.len) + RECORD_HEAD_BYTES as u64;
        let mut named = 0;
        self.rows(Table::BlockIndex, |_, value| {
            named += record_bytes(readable(None, "where a body lies", decode_value(Table::BlockIndex, value))?);
            Ok(())
        })?;
        let tail = self.stored.kv.tail();
        let waiting: u64 = tail.iter().copied().map(record_bytes).sum();
        self.report.waiting += tail.len() as u64;
        self.report.segment_bytes = self.stored.kv.record_bytes();
        self.report.unnamed_bytes = self.report.segment_bytes.saturating_sub(named + waiting);
        Ok(())
    }
}
