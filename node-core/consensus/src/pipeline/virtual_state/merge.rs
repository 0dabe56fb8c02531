//! The bodies that a block merges, in consensus order.

use std::collections::BTreeSet;

use umbel_dag::finality::checkpoint_indices;
use umbel_dag::{GhostdagData, ReadError, ordered_mergeset};
use umbel_ledger::{MergePlace, MergedBlock};
use umbel_types::{BlockHash, DaaScore, Params};

use crate::finality::included_certificate;
use crate::storage::Storage;

/// Loads what a block with this colouring merges: its selected parent, then the rest in R4 order.
///
/// - `non_daa`: merged blocks that are too old to count.
/// - `genesis`: earns nothing, whoever merges it.
pub(crate) fn merged_blocks(
    storage: &Storage,
    data: &GhostdagData,
    non_daa: &BTreeSet<BlockHash>,
    genesis: BlockHash,
) -> Result<Vec<MergedBlock>, ReadError> {
    let blues: BTreeSet<BlockHash> = data.mergeset_blues.iter().copied().collect();
    let mut merged = Vec::with_capacity(data.mergeset_size());
    for hash in ordered_mergeset(storage, data)? {
        let body = storage.body(hash)?;
        merged.push(MergedBlock {
            hash,
            daa_score: storage.header(hash)?.daa_score,
            is_blue: blues.contains(&hash),
            counts_for_daa: hash != genesis && !non_daa.contains(&hash),
            payout: body.payout,
            txs: body.txs.clone(),
        });
    }
    Ok(merged)
}

/// Where a block with this colouring stands, and what its chain knows of finality.
pub(crate) fn merge_place(
    storage: &Storage,
    params: &Params,
    data: &GhostdagData,
    daa_score: DaaScore,
) -> Result<MergePlace, ReadError> {
    let parent = storage.header(data.selected_parent)?.blue_score;
    let indices = checkpoint_indices(data.blue_score, Some(parent), params.checkpoint_interval);
    Ok(MergePlace {
        daa_score,
        blue_score: data.blue_score,
        checkpoint: (!indices.is_empty()).then(|| *indices.end()),
        certificate: included_certificate(storage, data.selected_parent)?,
    })
}
