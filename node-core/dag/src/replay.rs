//! Replays a small graph of named blocks and says how each is coloured: what `umbel dag replay` prints.
//!
//! The convention is that of the published GHOSTDAG test graphs: a name's bytes, with zeros behind them, are the
//! block's id; each block is worth one unit of work, so that blue work equals blue score.

use std::collections::BTreeMap;
use std::sync::Arc;

use thiserror::Error;
use umbel_types::{BlockHash, BlueWork, CompactTarget, DaaScore, TimestampMs};

use crate::error::{GhostdagError, ReadError};
use crate::ghostdag::{GhostdagData, GhostdagProtocol};
use crate::reachability::{self, ReachabilityData, ReachabilityStore, ReachabilityStoreReader};
use crate::readers::{GhostdagReader, HeaderFacts, HeaderReader, RelationsReader};

/// Longest name: the id's length.
pub const MAX_NAME_BYTES: usize = 32;

/// A block of the graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedBlock {
    /// 1 to 32 bytes.
    pub id: String,
    /// Names of blocks that stand before it.
    pub parents: Vec<String>,
}

/// How a block is coloured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayedBlock {
    /// Its name.
    pub id: String,
    /// Blue blocks in its past.
    pub blue_score: u64,
    /// Its selected parent.
    pub selected_parent: String,
    /// Blues of its mergeset, the selected parent first.
    pub blues: Vec<String>,
    /// Reds of its mergeset.
    pub reds: Vec<String>,
}

/// Why a graph can't be replayed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReplayError {
    /// Empty, longer than 32 bytes, or ending in a zero byte.
    #[error("{0:?} is no block name: 1 to {MAX_NAME_BYTES} bytes are expected")]
    BadName(String),
    /// Two blocks with one name.
    #[error("block {0:?} stands twice")]
    Duplicate(String),
    /// A block without parents that is not genesis.
    #[error("block {0:?} has no parents")]
    NoParents(String),
    /// A parent that does not stand before its child.
    #[error("block {child:?} names the parent {parent:?}, which does not stand before it")]
    UnknownParent {
        /// The child.
        child: String,
        /// The parent.
        parent: String,
    },
    /// The graph could not be processed.
    #[error(transparent)]
    Ghostdag(#[from] GhostdagError),
    /// The graph could not be processed.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Colours `blocks`, which stand in topological order, above a genesis block.
///
/// # Errors
/// [`ReplayError`].
pub fn replay(k: u16, genesis_id: &str, blocks: &[NamedBlock]) -> Result<Vec<ReplayedBlock>, ReplayError> {
    let protocol = GhostdagProtocol::new(k, usize::MAX, |_| BlueWork::from_u64(1));
    let mut graph = Graph::default();
    let mut names = BTreeMap::new();
    let genesis = hash_of_name(genesis_id)?;
    names.insert(genesis, genesis_id.to_owned());
    reachability::init(&mut graph, genesis);
    graph.ghostdag.insert(genesis, Arc::new(GhostdagData::genesis()));
    graph.parents.insert(genesis, Arc::new([]));
    let mut replayed = Vec::with_capacity(blocks.len());
    for block in blocks {
        let hash = hash_of_name(&block.id)?;
        if names.contains_key(&hash) {
            return Err(ReplayError::Duplicate(block.id.clone()));
        }
        if block.parents.is_empty() {
            return Err(ReplayError::NoParents(block.id.clone()));
        }
        let mut parents = Vec::with_capacity(block.parents.len());
        for parent in &block.parents {
            let parent_hash = hash_of_name(parent)?;
            if !names.contains_key(&parent_hash) {
                return Err(ReplayError::UnknownParent { child: block.id.clone(), parent: parent.clone() });
            }
            parents.push(parent_hash);
        }
        let data = protocol.ghostdag(&graph, &parents)?;
        let mergeset: Vec<_> = data.unordered_mergeset_without_selected_parent().collect();
        reachability::add_block(&mut graph, hash, data.selected_parent, mergeset)?;
        names.insert(hash, block.id.clone());
        let named = |hashes: &[BlockHash]| {
            hashes
                .iter()
                .map(|hash| names.get(hash).cloned().ok_or(ReadError::Missing(*hash)))
                .collect::<Result<Vec<_>, _>>()
        };
        let selected_parent = names.get(&data.selected_parent).cloned();
        replayed.push(ReplayedBlock {
            id: block.id.clone(),
            blue_score: data.blue_score.0,
            selected_parent: selected_parent.ok_or(ReadError::Missing(data.selected_parent))?,
            blues: named(&data.mergeset_blues)?,
            reds: named(&data.mergeset_reds)?,
        });
        graph.parents.insert(hash, parents.into());
        graph.ghostdag.insert(hash, Arc::new(data));
    }
    Ok(replayed)
}

/// The name's bytes with zeros behind them.
fn hash_of_name(name: &str) -> Result<BlockHash, ReplayError> {
    let bytes = name.as_bytes();
    let mut hash = [0u8; MAX_NAME_BYTES];
    match hash.get_mut(..bytes.len()) {
        Some(head) if bytes.last().is_some_and(|&byte| byte != 0) => head.copy_from_slice(bytes),
        _ => return Err(ReplayError::BadName(name.to_owned())),
    }
    Ok(BlockHash(hash))
}

/// The graph in memory.
#[derive(Default)]
struct Graph {
    parents: BTreeMap<BlockHash, Arc<[BlockHash]>>,
    ghostdag: BTreeMap<BlockHash, Arc<GhostdagData>>,
    reachability: BTreeMap<BlockHash, Arc<ReachabilityData>>,
    reindex_root: Option<BlockHash>,
}

impl RelationsReader for Graph {
    fn parents(&self, block: BlockHash) -> Result<Arc<[BlockHash]>, ReadError> {
        self.parents.get(&block).cloned().ok_or(ReadError::Missing(block))
    }
}

impl GhostdagReader for Graph {
    fn ghostdag(&self, block: BlockHash) -> Result<Arc<GhostdagData>, ReadError> {
        self.ghostdag.get(&block).cloned().ok_or(ReadError::Missing(block))
    }
}

impl HeaderReader for Graph {
    /// Test graphs have no headers: only the bits are asked for, and all blocks weigh the same.
    fn header_facts(&self, block: BlockHash) -> Result<HeaderFacts, ReadError> {
        let data = self.ghostdag(block)?;
        Ok(HeaderFacts {
            timestamp: TimestampMs(0),
            bits: CompactTarget::EASIEST,
            daa_score: DaaScore(data.blue_score.0),
            blue_score: data.blue_score,
        })
    }
}

impl ReachabilityStoreReader for Graph {
    fn reachability(&self, block: BlockHash) -> Result<Arc<ReachabilityData>, ReadError> {
        self.reachability.get(&block).cloned().ok_or(ReadError::Missing(block))
    }

    fn reindex_root(&self) -> Result<BlockHash, ReadError> {
        self.reindex_root.ok_or(ReadError::Missing(BlockHash::default()))
    }
}

impl ReachabilityStore for Graph {
    fn set_reachability(&mut self, block: BlockHash, data: Arc<ReachabilityData>) {
        self.reachability.insert(block, data);
    }

    fn set_reindex_root(&mut self, block: BlockHash) {
        self.reindex_root = Some(block);
    }
}
