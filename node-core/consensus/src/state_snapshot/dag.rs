//! The part of the DAG that travels with a snapshot: what the rules read below the block when they judge blocks above it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use umbel_dag::ghostdag::SortableBlock;
use umbel_dag::reachability::{ReachabilityData, ReachabilityStoreReader};
use umbel_dag::{GhostdagData, GhostdagReader, NO_PARENT, ReachabilityReader, ReadError};
use umbel_store::{KvReader, Table, get_value};
use umbel_types::encode::Decode;
use umbel_types::{BlockHash, Header, encode_struct};

use super::SnapshotError;
use crate::storage::{BlockRecord, read_error};

/// A block of the past: its header, and what can't be computed again without the blocks below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PastBlock {
    pub(super) header: Header,
    pub(super) ghostdag: GhostdagData,
    pub(super) merge_root: BlockHash,
}
encode_struct!(PastBlock { header, ghostdag, merge_root });

/// Tables at one moment, as the graph's algorithms read them.
pub(super) struct Graph<'a> {
    pub(super) reader: &'a dyn KvReader,
}

impl Graph<'_> {
    fn value<V: Decode>(&self, table: Table, hash: BlockHash) -> Result<V, ReadError> {
        let found = get_value(self.reader, table, hash.as_bytes()).map_err(|e| read_error(&e))?;
        found.ok_or(ReadError::Missing(hash))
    }

    pub(super) fn header(&self, hash: BlockHash) -> Result<Header, ReadError> {
        self.value(Table::Header, hash)
    }
}

impl GhostdagReader for Graph<'_> {
    fn ghostdag(&self, block: BlockHash) -> Result<Arc<GhostdagData>, ReadError> {
        self.value(Table::Ghostdag, block).map(Arc::new)
    }
}

impl ReachabilityStoreReader for Graph<'_> {
    fn reachability(&self, block: BlockHash) -> Result<Arc<ReachabilityData>, ReadError> {
        self.value(Table::Reachability, block).map(Arc::new)
    }

    fn reindex_root(&self) -> Result<BlockHash, ReadError> {
        Err(ReadError::Missing(NO_PARENT))
    }
}

/// The past of `block` above a root on its chain, with both, ascending by (blue work, id).
///
/// The root is the highest chain block that lies `window` of blue score or more below; genesis while there is none. Which
/// blocks these are depends on the DAG alone.
pub(super) fn past_of(graph: &Graph<'_>, block: BlockHash, window: u64) -> Result<Vec<BlockHash>, ReadError> {
    let top = graph.ghostdag(block)?.blue_score.0;
    let mut root = block;
    loop {
        let data = graph.ghostdag(root)?;
        if data.is_genesis() || data.blue_score.0.saturating_add(window) <= top {
            break;
        }
        root = data.selected_parent;
    }
    let mut found = BTreeSet::from([block]);
    let mut open = VecDeque::from([block]);
    while let Some(next) = open.pop_front().filter(|_| block != root) {
        for parent in graph.header(next)?.parents {
            // What is not kept is not above the root.
            let above = match graph.is_dag_ancestor_of(root, parent) {
                Err(ReadError::Missing(missing)) if missing == parent => false,
                above => above?,
            };
            if above && found.insert(parent) {
                open.push_back(parent);
            }
        }
    }
    let mut sorted =
        found.into_iter().map(|hash| SortableBlock::read(graph, hash)).collect::<Result<Vec<_>, ReadError>>()?;
    sorted.sort_unstable();
    Ok(sorted.into_iter().map(|sortable| sortable.hash).collect())
}

pub(super) fn past_block(graph: &Graph<'_>, hash: BlockHash) -> Result<PastBlock, ReadError> {
    let record: BlockRecord = graph.value(Table::Status, hash)?;
    let ghostdag = graph.ghostdag(hash)?;
    Ok(PastBlock {
        header: graph.header(hash)?,
        ghostdag: Arc::unwrap_or_clone(ghostdag),
        merge_root: record.merge_root,
    })
}

/// Checks the past of a snapshot's block as its parts come in, in their order.
pub(super) struct PastCheck {
    genesis: BlockHash,
    block: BlockHash,
    window: u64,
    last: Option<SortableBlock>,
    number: u64,
    /// Parents of each block, and its blue score.
    blocks: BTreeMap<BlockHash, (Vec<BlockHash>, BlockHash, u64)>,
}

impl PastCheck {
    pub(super) fn new(genesis: BlockHash, block: BlockHash, window: u64) -> Self {
        Self { genesis, block, window, last: None, number: 0, blocks: BTreeMap::new() }
    }

    /// One block. Its colouring has to be that of its header; how its mergeset was coloured is not checked, since the
    /// blocks below are not here: whoever says that the block is final answers for it.
    pub(super) fn add(&mut self, hash: BlockHash, past: &PastBlock) -> Result<(), SnapshotError> {
        let number = self.number;
        let refuse = |what| Err(SnapshotError::Dag { number, what });
        let PastBlock { header, ghostdag, .. } = past;
        let sortable = SortableBlock { blue_work: ghostdag.blue_work, hash };
        if self.last.is_some_and(|last| last >= sortable) {
            return refuse("out of order");
        }
        if header.blue_score != ghostdag.blue_score || header.blue_work != ghostdag.blue_work {
            return refuse("its colouring is not that of its header");
        }
        if ghostdag.is_genesis() || hash == self.genesis || header.parents.is_empty() {
            if hash != self.genesis || !ghostdag.is_genesis() || !header.parents.is_empty() {
                return refuse("a block without parents that is not genesis");
            }
        } else if !header.parents.contains(&ghostdag.selected_parent)
            || ghostdag.mergeset_blues.first() != Some(&ghostdag.selected_parent)
        {
            return refuse("its selected parent is none of its parents");
        }
        self.last = Some(sortable);
        self.number += 1;
        self.blocks.insert(hash, (header.parents.clone(), ghostdag.selected_parent, header.blue_score.0));
        Ok(())
    }

    /// All of it leads to the block, which is the last, and the chain below it is long enough for the rules.
    pub(super) fn finish(self) -> Result<(), SnapshotError> {
        let number = self.number.saturating_sub(1);
        let refuse = |what| Err(SnapshotError::Dag { number, what });
        if self.last.map(|last| last.hash) != Some(self.block) {
            return refuse("the last one is not the snapshot's block");
        }
        let mut reached = BTreeSet::from([self.block]);
        let mut open = vec![self.block];
        while let Some((parents, _, _)) = open.pop().and_then(|next| self.blocks.get(&next)) {
            for parent in parents {
                if self.blocks.contains_key(parent) && reached.insert(*parent) {
                    open.push(*parent);
                }
            }
        }
        if reached.len() != self.blocks.len() {
            return refuse("some are not in the past of the snapshot's block");
        }
        let (mut at, top) = (self.block, self.blocks.get(&self.block).map_or(0, |(_, _, score)| *score));
        while let Some((_, below, score)) = self.blocks.get(&at) {
            if at == self.genesis || score.saturating_add(self.window) <= top {
                return Ok(());
            }
            at = *below;
        }
        refuse("the chain below the snapshot's block is too short")
    }
}
