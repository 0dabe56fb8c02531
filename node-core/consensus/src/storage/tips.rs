//! Tips of the DAG in memory, ordered by work: whoever makes thousands of them must not make every block cost as much.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use umbel_dag::ghostdag::SortableBlock;
use umbel_dag::{ReachabilityReader, ReadError};
use umbel_types::BlockHash;

use super::tables::{Storage, read_error};

/// The rows of the table, once they were read.
#[derive(Debug, Default)]
pub(crate) struct Tips(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    loaded: bool,
    tips: BTreeSet<SortableBlock>,
    /// All of them have this block in their past.
    above: Option<BlockHash>,
}

impl Storage {
    fn loaded_tips(&self) -> Result<MutexGuard<'_, Inner>, ReadError> {
        let mut inner = self.tips.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !inner.loaded {
            let rows = self.tips().map_err(|e| read_error(&e))?;
            let tips: Result<_, _> = rows.into_iter().map(|tip| SortableBlock::read(self, tip)).collect();
            *inner = Inner { loaded: true, tips: tips?, above: None };
        }
        Ok(inner)
    }

    /// Tips of the DAG, lightest first.
    pub(crate) fn ordered_tips(&self) -> Result<BTreeSet<SortableBlock>, ReadError> {
        Ok(self.loaded_tips()?.tips.clone())
    }

    /// A block with a body was written: it is a tip and its parents no longer are.
    pub(crate) fn tip_was_added(&self, tip: BlockHash, parents: &[BlockHash]) -> Result<(), ReadError> {
        let tip = SortableBlock::read(self, tip)?;
        let parents: Result<Vec<_>, _> = parents.iter().map(|parent| SortableBlock::read(self, *parent)).collect();
        let mut inner = self.loaded_tips()?;
        for parent in parents? {
            inner.tips.remove(&parent);
        }
        inner.tips.insert(tip);
        Ok(())
    }

    /// Tips that do not have `point` in their past, unless that was asked last time: no newer one comes in without it.
    pub(crate) fn tips_beside(&self, point: BlockHash) -> Result<Vec<SortableBlock>, ReadError> {
        let inner = self.loaded_tips()?;
        if inner.above == Some(point) {
            return Ok(Vec::new());
        }
        let tips = inner.tips.clone();
        drop(inner);
        let mut beside = Vec::new();
        for tip in tips {
            if !self.is_dag_ancestor_of(point, tip.hash)? {
                beside.push(tip);
            }
        }
        Ok(beside)
    }

    /// Those rows were deleted.
    pub(crate) fn tips_were_forgotten(&self, beside: &[SortableBlock], point: BlockHash) -> Result<(), ReadError> {
        let mut inner = self.loaded_tips()?;
        for tip in beside {
            inner.tips.remove(tip);
        }
        inner.above = Some(point);
        Ok(())
    }
}
