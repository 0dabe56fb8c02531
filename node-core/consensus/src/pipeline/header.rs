//! The header stage: cheap and attack-limiting checks first; nothing is stored before its proof of work is checked.

use umbel_dag::depth::DepthError;
use umbel_dag::reachability;
use umbel_dag::{GhostdagData, GhostdagError, ReachabilityReader};
use umbel_pow::Pow;
use umbel_store::{Batch, Durability};
use umbel_types::consensus_api::BlockStatus;
use umbel_types::errors::{BlockError, HeaderRuleError};
use umbel_types::header::BLOCK_VERSION;
use umbel_types::params::{CERT_INTERVAL, MAX_TIME_AHEAD_MS};
use umbel_types::{BlockHash, CompactTarget, Header, Params, TimestampMs};

use crate::pipeline::rules::{DagContext, Rules};
use crate::pipeline::{fault, fault_or_pruned};
use crate::storage::{BlockRecord, StagedReachability, Storage, read_error};

/// A header that keeps every rule that needs nothing but itself and the clock.
#[derive(Debug)]
pub(crate) struct IsolatedHeader {
    header: Header,
    hash: BlockHash,
}

/// A header that keeps every header rule in its place in the DAG.
#[derive(Debug)]
pub(crate) struct CheckedHeader {
    header: Header,
    hash: BlockHash,
    ghostdag: GhostdagData,
    context: DagContext,
}

/// R1's checks without context.
///
/// # Errors
/// The first rule broken. Nothing is stored: such a header costs its sender nothing.
pub(crate) fn check_header_in_isolation(
    header: Header,
    params: &Params,
    now: TimestampMs,
) -> Result<IsolatedHeader, HeaderRuleError> {
    check_version(&header)?;
    check_parent_count(&header, params)?;
    check_parents_ascend(&header)?;
    check_not_too_far_ahead(&header, now)?;
    check_bits_well_formed(&header)?;
    let hash = header.hash();
    Ok(IsolatedHeader { header, hash })
}

fn check_version(header: &Header) -> Result<(), HeaderRuleError> {
    if header.version == BLOCK_VERSION { Ok(()) } else { Err(HeaderRuleError::Version(header.version)) }
}

fn check_parent_count(header: &Header, params: &Params) -> Result<(), HeaderRuleError> {
    let got = header.parents.len();
    let limit = params.max_parents;
    if (1..=limit).contains(&got) { Ok(()) } else { Err(HeaderRuleError::ParentCount { got, limit }) }
}

fn check_parents_ascend(header: &Header) -> Result<(), HeaderRuleError> {
    let ascend = header.parents.windows(2).all(|pair| pair[0] < pair[1]);
    if ascend { Ok(()) } else { Err(HeaderRuleError::ParentsNotAscending) }
}

fn check_not_too_far_ahead(header: &Header, now: TimestampMs) -> Result<(), HeaderRuleError> {
    if header.timestamp > now.saturating_add(MAX_TIME_AHEAD_MS) {
        return Err(HeaderRuleError::TimeTooFarAhead { got: header.timestamp, now });
    }
    Ok(())
}

/// Malformed bits stand for no target; the expected bits never are.
fn check_bits_well_formed(header: &Header) -> Result<(), HeaderRuleError> {
    match header.bits.to_target() {
        Some(_) => Ok(()),
        None => Err(HeaderRuleError::Bits { got: header.bits, expected: CompactTarget::EASIEST }),
    }
}

/// R2 to R8 and the certificate rule: expected difficulty and proof of work before anything else.
///
/// # Errors
/// [`BlockError::MissingParents`] blames nobody; a [`BlockError::Header`] behind the proof of work makes the block
/// invalid for ever ([`commit_invalid`]).
pub(crate) fn check_header_in_dag_context(
    isolated: IsolatedHeader,
    storage: &Storage,
    rules: &Rules,
    pow: &Pow,
    intake: BlockHash,
) -> Result<CheckedHeader, BlockError> {
    let IsolatedHeader { header, hash } = isolated;
    pow.check_digest(&header).map_err(|_| HeaderRuleError::ProofOfWork)?;
    check_parents_known(&header, storage)?;
    check_above_intake(&header, storage, intake)?;
    check_antichain(&header, storage)?;
    let ghostdag = color(&header, storage, rules)?;
    let context = rules.context(storage, &ghostdag).map_err(|error| fault_or_pruned(storage, error))?;
    check_difficulty(&header, &context)?;
    pow.verify(&header).map_err(|_| HeaderRuleError::ProofOfWork)?;
    check_scores(&header, &ghostdag)?;
    check_not_too_old(&header, &context)?;
    rules.check_bounded_merge(storage, &ghostdag, context.merge_root).map_err(|error| match error {
        DepthError::Read(error) => fault_or_pruned(storage, error),
        DepthError::MergeTooDeep(block) => HeaderRuleError::MergeTooDeep(block).into(),
    })?;
    check_cert(&header, &ghostdag, storage)?;
    Ok(CheckedHeader { header, hash, ghostdag, context })
}

fn check_parents_known(header: &Header, storage: &Storage) -> Result<(), BlockError> {
    let mut missing = Vec::new();
    for &parent in &header.parents {
        match storage.find_record(parent).map_err(|e| fault(read_error(&e)))? {
            Some(BlockRecord { status: BlockStatus::Invalid, .. }) => {
                return Err(HeaderRuleError::InvalidParent(parent).into());
            }
            Some(record) if record.status.has_body() => {}
            // A header without its body can't be built on: the body may never come.
            Some(_) | None => missing.push(parent),
        }
    }
    if missing.is_empty() { Ok(()) } else { Err(BlockError::MissingParents(missing)) }
}

/// # Consensus
/// > Nothing is taken in that branches off below the finality depth and the final checkpoint. (R12) Not a fault: it depends
/// > on the own sink.
fn check_above_intake(header: &Header, storage: &Storage, intake: BlockHash) -> Result<(), BlockError> {
    for &parent in &header.parents {
        if storage.is_dag_ancestor_of(intake, parent).map_err(fault)? {
            return Ok(());
        }
    }
    Err(BlockError::BelowFinality(intake))
}

fn color(header: &Header, storage: &Storage, rules: &Rules) -> Result<GhostdagData, BlockError> {
    rules.ghostdag.ghostdag(storage, &header.parents).map_err(|error| match error {
        GhostdagError::Read(error) => fault_or_pruned(storage, error),
        GhostdagError::NoParents => HeaderRuleError::ParentCount { got: 0, limit: header.parents.len() }.into(),
        GhostdagError::MergesetTooLarge { got, limit } => HeaderRuleError::MergesetTooLarge { got, limit }.into(),
    })
}

fn check_difficulty(header: &Header, context: &DagContext) -> Result<(), HeaderRuleError> {
    if header.daa_score != context.daa_score {
        return Err(HeaderRuleError::DaaScore { got: header.daa_score, expected: context.daa_score });
    }
    if header.bits != context.bits {
        return Err(HeaderRuleError::Bits { got: header.bits, expected: context.bits });
    }
    Ok(())
}

/// # Consensus
/// > Parents form an antichain. (R2)
fn check_antichain(header: &Header, storage: &Storage) -> Result<(), BlockError> {
    for &parent in &header.parents {
        for &other in &header.parents {
            if parent != other && storage.is_dag_ancestor_of(parent, other).map_err(fault)? {
                return Err(HeaderRuleError::ParentsNotAntichain(parent).into());
            }
        }
    }
    Ok(())
}

fn check_scores(header: &Header, ghostdag: &GhostdagData) -> Result<(), HeaderRuleError> {
    if header.blue_score != ghostdag.blue_score {
        return Err(HeaderRuleError::BlueScore { got: header.blue_score, expected: ghostdag.blue_score });
    }
    if header.blue_work != ghostdag.blue_work {
        return Err(HeaderRuleError::BlueWork { got: header.blue_work, expected: ghostdag.blue_work });
    }
    Ok(())
}

/// # Consensus
/// > timestamp > PMT. (R7)
fn check_not_too_old(header: &Header, context: &DagContext) -> Result<(), HeaderRuleError> {
    if header.timestamp <= context.past_median_time {
        return Err(HeaderRuleError::TimeTooOld { got: header.timestamp, median: context.past_median_time });
    }
    Ok(())
}

/// # Consensus
/// > `cert` repeats the selected parent's value or raises the index by ≥ 30. (R1)
fn check_cert(header: &Header, ghostdag: &GhostdagData, storage: &Storage) -> Result<(), BlockError> {
    let parent = storage.header(ghostdag.selected_parent).map_err(fault)?;
    let (got, least) = (header.cert.index, parent.cert.index.saturating_add(CERT_INTERVAL));
    if header.cert == parent.cert || got >= least {
        return Ok(());
    }
    Err(HeaderRuleError::CertRef { got, least }.into())
}

/// Writes a header in one batch: header, colouring, place in the tree, status.
///
/// # Errors
/// [`BlockError::Unavailable`].
pub(crate) fn commit_header(checked: CheckedHeader, storage: &Storage) -> Result<(), BlockError> {
    let CheckedHeader { header, hash, ghostdag, context } = checked;
    let mut staged = StagedReachability::new(storage);
    let merged: Vec<BlockHash> = ghostdag.unordered_mergeset_without_selected_parent().collect();
    reachability::add_block(&mut staged, hash, ghostdag.selected_parent, merged)
        .map_err(|error| fault_or_pruned(storage, error))?;
    let record = BlockRecord { status: BlockStatus::HeaderOnly, sequence: 0, merge_root: context.merge_root };
    let mut batch = Batch::new();
    storage.put_header(&mut batch, hash, &header, &ghostdag);
    storage.put_record(&mut batch, hash, &record);
    let tree = staged.into_batch(&mut batch);
    storage.kv.write(batch, Durability::Deferred).map_err(|e| fault(read_error(&e)))?;
    for (block, data) in tree {
        storage.cache_reachability(block, data);
    }
    storage.cache_header(hash, header, ghostdag);
    storage.cache_record(hash, record);
    Ok(())
}

/// Remembers that a block is invalid, so that it and its children are refused at once.
///
/// # Errors
/// [`BlockError::Unavailable`].
pub(crate) fn commit_invalid(hash: BlockHash, storage: &Storage) -> Result<(), BlockError> {
    let known = storage.find_record(hash).map_err(|e| fault(read_error(&e)))?;
    let fresh = BlockRecord { status: BlockStatus::Invalid, sequence: 0, merge_root: hash };
    let record = known.map_or(fresh, |known| BlockRecord { status: BlockStatus::Invalid, ..known });
    let mut batch = Batch::new();
    storage.put_record(&mut batch, hash, &record);
    storage.kv.write(batch, Durability::Deferred).map_err(|e| fault(read_error(&e)))?;
    storage.cache_record(hash, record);
    Ok(())
}
