//! Replays a small graph of named blocks and says how each is coloured: what `umbel dag replay` prints.
//!
//! The convention is that of the published GHOSTDAG test graphs: a name's bytes, with zeros behind them, are the
//! block's id; each block is worth one unit of work, so that blue work equals blue score.
//!
//! [`headers`] replays headers through all rules of a network, [`dense`] colours the same graph on plain arrays: the
//! two sides of `umbel bench ghostdag`.

pub mod dense;
pub mod headers;

use std::collections::BTreeMap;

use thiserror::Error;
use umbel_types::{BlockHash, BlueScore, BlueWork, CompactTarget, DaaScore, TimestampMs};

use crate::error::{GhostdagError, ReadError};
use crate::ghostdag::GhostdagProtocol;
use crate::memory::MemoryDag;
use crate::reachability;
use crate::readers::{HeaderFacts, ReachabilityReader};

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
    /// A parent that another parent already has in its past, or that stands twice (R2).
    #[error("block {child:?} names the parent {parent:?}, which another of its parents leads to")]
    NotAntichain {
        /// The child.
        child: String,
        /// The superfluous parent.
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
    let mut names = BTreeMap::new();
    let genesis = hash_of_name(genesis_id)?;
    names.insert(genesis, genesis_id.to_owned());
    let mut graph = MemoryDag::new(genesis, facts_of_score(BlueScore(0)));
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
            if parents.contains(&parent_hash) {
                return Err(ReplayError::NotAntichain { child: block.id.clone(), parent: parent.clone() });
            }
            parents.push(parent_hash);
        }
        for (parent, name) in parents.iter().zip(&block.parents) {
            for other in parents.iter().filter(|&other| other != parent) {
                if graph.is_dag_ancestor_of(*parent, *other)? {
                    return Err(ReplayError::NotAntichain { child: block.id.clone(), parent: name.clone() });
                }
            }
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
        let facts = facts_of_score(data.blue_score);
        graph.insert(hash, &parents, data, facts);
    }
    Ok(replayed)
}

/// Graphs of names have no headers: only the bits are asked for, and all blocks weigh the same.
fn facts_of_score(blue_score: BlueScore) -> HeaderFacts {
    HeaderFacts {
        timestamp: TimestampMs(0),
        bits: CompactTarget::EASIEST,
        daa_score: DaaScore(blue_score.0),
        blue_score,
    }
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
