//! Certificates: those that blocks carry are checked, those that votes make are built.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use umbel_crypto::ml_dsa::{self, MlDsaContext};
use umbel_dag::finality::{Electorate, is_checkpoint};
use umbel_dag::{GhostdagData, ReachabilityReader, ReadError};
use umbel_ledger::staking::{IncludedCertificate, StateView, validator};
use umbel_ledger::state_tree::StateKey;
use umbel_types::encode::Decode;
use umbel_types::errors::{BlockError, CertificateError};
use umbel_types::params::CERT_INTERVAL;
use umbel_types::staking::Validator;
use umbel_types::state::MAX_VALIDATORS;
use umbel_types::vote::CertificateEntry;
use umbel_types::{BlockHash, BlueScore, Certificate, Checkpoint, Hash32, Header, Ledger, Link, Params};

use super::overlay::epochs_at;
use super::pool::VotePool;
use crate::consensus::lock;
use crate::pipeline::fault;
use crate::storage::{Storage, read_error};

/// The block that introduces a certificate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CertificatePlace<'a> {
    pub(crate) storage: &'a Storage,
    pub(crate) params: &'a Params,
    pub(crate) genesis: BlockHash,
    pub(crate) selected_parent: BlockHash,
    pub(crate) blue_score: BlueScore,
}

/// Whether a block introduces a certificate rather than repeat its selected parent's.
pub(crate) fn raises_certificate(
    storage: &Storage,
    header: &Header,
    selected_parent: BlockHash,
) -> Result<bool, ReadError> {
    Ok(header.cert != storage.header(selected_parent)?.cert)
}

/// What a chain block's body carries, once it was verified.
pub(crate) fn included_certificate(
    storage: &Storage,
    block: BlockHash,
) -> Result<Option<IncludedCertificate>, ReadError> {
    let data = storage.ghostdag_data(block)?;
    if data.is_genesis() || !raises_certificate(storage, &*storage.header(block)?, data.selected_parent)? {
        return Ok(None);
    }
    let damaged = |_| ReadError::Inconsistent { block, what: "the certificate it carries can't be read" };
    let certificate = Certificate::from_bytes(&storage.body(block)?.certificate).map_err(damaged)?;
    let target = certificate.link.target;
    Ok(Some(IncludedCertificate {
        target,
        target_daa: storage.header(target.block)?.daa_score,
        signers: certificate.entries.iter().map(|entry| entry.validator).collect(),
    }))
}

/// The certificate of a chain block, if it introduces one.
///
/// - `states`: the state after merging its past.
///
/// # Errors
/// [`BlockError::Certificate`] disqualifies the block.
pub(crate) fn check_block_certificate(
    (storage, params, genesis): (&Storage, &Params, BlockHash),
    header: &Header,
    ghostdag: &GhostdagData,
    bytes: &[u8],
    states: &impl StateView,
) -> Result<(), BlockError> {
    let selected_parent = ghostdag.selected_parent;
    if !raises_certificate(storage, header, selected_parent).map_err(fault)? {
        return Ok(());
    }
    let place = CertificatePlace { storage, params, genesis, selected_parent, blue_score: header.blue_score };
    check_certificate(&place, bytes, header.cert.index, states).map(|_| ())
}

/// # Consensus
/// > An included certificate is an adjacent link n−1 → n. It is verified against the set recorded in state at chain
/// > qualification, its target on the block's selected chain. (F7)
///
/// - `index`: what the header raises `cert` to.
/// - `states`: the state after merging the block's past.
///
/// # Errors
/// [`BlockError::Certificate`] disqualifies the block.
pub(crate) fn check_certificate(
    place: &CertificatePlace<'_>,
    bytes: &[u8],
    index: u32,
    states: &impl StateView,
) -> Result<Certificate, BlockError> {
    let certificate = Certificate::from_bytes(bytes).map_err(CertificateError::Decode)?;
    check_certificate_target(&certificate.link, index)?;
    check_certificate_adjacent(&certificate.link)?;
    check_certificate_chain(place, &certificate.link)?;
    check_certificate_votes(place, &certificate, states)?;
    check_certificate_signatures(place.params, place.genesis, &certificate, states)?;
    Ok(certificate)
}

/// The newest of the given certificates that a block at this place may introduce, with the votes for its link that have
/// come since it was made. All were verified. The very newest is given only once every member has signed it: what a
/// certificate leaves out counts as absence.
///
/// - `parent`: the index in its selected parent's header.
pub(crate) fn due_certificate(
    place: &CertificatePlace<'_>,
    parent: u32,
    certificates: &[Arc<Certificate>],
    pool: &Mutex<VotePool>,
    states: &impl StateView,
) -> Result<Option<Certificate>, BlockError> {
    for (behind, certificate) in certificates.iter().rev().enumerate() {
        if certificate.link.target.index < parent.saturating_add(CERT_INTERVAL) {
            continue;
        }
        let checked = check_certificate_chain(place, &certificate.link)
            .and_then(|()| check_certificate_votes(place, certificate, states));
        match checked {
            Ok(()) => {
                let (certificate, is_complete) = with_late_votes(certificate, &lock(pool), states);
                // Blocks come faster than votes travel: the newest one waits for the others until there is a newer one.
                if is_complete || behind > 0 {
                    return Ok(Some(certificate));
                }
            }
            // Of another chain, not buried yet, or of validators that were other ones.
            Err(BlockError::Certificate(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// A certificate that lies in the store: what can be said of it once the chain went on.
///
/// # Errors
/// [`BlockError::Certificate`].
pub(crate) fn check_stored_certificate(
    (storage, params, genesis): (&Storage, &Params, BlockHash),
    certificate: &Certificate,
    states: &impl StateView,
) -> Result<(), BlockError> {
    check_certificate_adjacent(&certificate.link)?;
    for checkpoint in [certificate.link.source, certificate.link.target] {
        let Checkpoint { index, block } = checkpoint;
        let header = checkpoint_header(storage, params, checkpoint)?;
        header.ok_or(CertificateError::NotACheckpoint { index, block })?;
    }
    // Of a validator without stake nothing is left but a tombstone, and its key is gone.
    let mut certificate = certificate.clone();
    certificate.entries.retain(|entry| !is_retired(states, entry.validator));
    check_certificate_signatures(params, genesis, &certificate, states)?;
    Ok(())
}

fn is_retired(states: &impl StateView, id: Hash32) -> bool {
    let key = StateKey { ledger: Ledger::Governance, object: Validator::object(id) };
    states.state(&key).is_some_and(|state| state.owner.is_none())
}

fn check_certificate_target(link: &Link, expected: u32) -> Result<(), CertificateError> {
    let got = link.target.index;
    if got == expected { Ok(()) } else { Err(CertificateError::Target { got, expected }) }
}

fn check_certificate_adjacent(link: &Link) -> Result<(), CertificateError> {
    if link.is_adjacent() {
        return Ok(());
    }
    Err(CertificateError::NotAdjacent { source_index: link.source.index, target_index: link.target.index })
}

/// # Consensus
/// > A node accepts a certificate only if the target is a PoW-valid selected-chain block, has more blue work than the
/// > source, descends from it, and is buried by σ of blue score. (F5)
fn check_certificate_chain(place: &CertificatePlace<'_>, link: &Link) -> Result<(), BlockError> {
    let source = check_checkpoint(place, link.source)?;
    // Both stand on one chain, so that the one with more work descends from the other.
    let target = check_checkpoint(place, link.target)?;
    if target.blue_work <= source.blue_work {
        return Err(CertificateError::NoWork.into());
    }
    let (got, needed) = (place.blue_score.0.saturating_sub(target.blue_score.0), place.params.confirmation_depth);
    if got < needed { Err(CertificateError::NotBuried { got, needed }.into()) } else { Ok(()) }
}

fn check_checkpoint(place: &CertificatePlace<'_>, checkpoint: Checkpoint) -> Result<Arc<Header>, BlockError> {
    let Checkpoint { index, block } = checkpoint;
    let refused = CertificateError::NotACheckpoint { index, block };
    let header = checkpoint_header(place.storage, place.params, checkpoint)?.ok_or_else(|| refused.clone())?;
    let on_chain = place.storage.is_chain_ancestor_of(block, place.selected_parent).map_err(fault)?;
    if on_chain { Ok(header) } else { Err(refused.into()) }
}

/// The header of a block that is this checkpoint on its own chain.
///
/// Of a pruned chain block the header is left and nothing that says where it stands; of the lowest blocks that are kept, what
/// they chose is gone. Anyone may name them, and no link from there counts any more.
pub(super) fn checkpoint_header(
    storage: &Storage,
    params: &Params,
    checkpoint: Checkpoint,
) -> Result<Option<Arc<Header>>, BlockError> {
    let Some(header) = storage.find_header(checkpoint.block).map_err(|e| fault(read_error(&e)))? else {
        return Ok(None);
    };
    let parent = match storage.selected_parent_score(checkpoint.block) {
        Err(ReadError::Missing(gone)) if storage.is_pruned(gone).map_err(|e| fault(read_error(&e)))? => {
            return Ok(None);
        }
        parent => parent.map_err(fault)?,
    };
    let is_one = is_checkpoint(checkpoint.index, header.blue_score, parent, params.checkpoint_interval);
    Ok(is_one.then_some(header))
}

fn check_certificate_votes(
    place: &CertificatePlace<'_>,
    certificate: &Certificate,
    states: &impl StateView,
) -> Result<(), BlockError> {
    let epochs = epochs_at(states).ok_or_else(|| no_record(place.selected_parent))?;
    let electorate = epochs.electorate(&certificate.link).map_err(|_| CertificateError::NoElectorate)?;
    check_certificate_epoch(certificate, &electorate)?;
    check_certificate_stake(certificate, &electorate)?;
    Ok(())
}

/// Every state has the overlay's record: a table is damaged.
fn no_record(block: BlockHash) -> BlockError {
    fault(umbel_dag::ReadError::Inconsistent { block, what: "its state has no record of the overlay" })
}

fn check_certificate_epoch(certificate: &Certificate, electorate: &Electorate<'_>) -> Result<(), CertificateError> {
    let (got, expected) = (certificate.epoch, electorate.epoch);
    if got == expected { Ok(()) } else { Err(CertificateError::Epoch { got, expected }) }
}

/// # Consensus
/// > quorum: stake strictly > 2/3 of the epoch's active stake; a link that spans a change needs it of both sets. (F4)
fn check_certificate_stake(certificate: &Certificate, electorate: &Electorate<'_>) -> Result<(), CertificateError> {
    let signers: BTreeSet<Hash32> = certificate.entries.iter().map(|entry| entry.validator).collect();
    if let Some(stranger) = signers.iter().find(|signer| !electorate.has(signer)) {
        return Err(CertificateError::Stranger(*stranger));
    }
    if electorate.agrees(&signers) { Ok(()) } else { Err(CertificateError::TooLittleStake) }
}

fn check_certificate_signatures(
    params: &Params,
    genesis: BlockHash,
    certificate: &Certificate,
    states: &impl StateView,
) -> Result<(), CertificateError> {
    for vote in certificate.votes(params.chain_id, genesis) {
        // Its record outlives every epoch in which it may vote.
        let record = validator(states, vote.validator).ok_or(CertificateError::Stranger(vote.validator))?;
        if !ml_dsa::verify(&record.key, MlDsaContext::Vote, &vote.message(), &vote.signature) {
            return Err(CertificateError::Signature(vote.validator));
        }
    }
    Ok(())
}

/// The certificate of a link that its electorate agrees to, with everyone who voted for it: who is left out counts as
/// absent, and is not paid.
pub(crate) fn make_certificate(
    pool: &VotePool,
    link: &Link,
    electorate: &Electorate<'_>,
    voters: &BTreeSet<Hash32>,
) -> Certificate {
    let signers = electorate.signers(voters, MAX_VALIDATORS);
    let signed = signers.into_iter().filter_map(|validator| entry_of(pool, validator, electorate.epoch, link));
    Certificate { epoch: electorate.epoch, link: *link, entries: signed.collect() }
}

fn entry_of(pool: &VotePool, validator: Hash32, epoch: u64, link: &Link) -> Option<CertificateEntry> {
    let vote = pool.vote(validator, epoch, link)?;
    Some(CertificateEntry { validator, signature: vote.signature.clone() })
}

/// A certificate is made of the first votes that are enough: the same with those that came since, and whether that is
/// everyone.
pub(super) fn with_late_votes(
    certificate: &Certificate,
    pool: &VotePool,
    states: &impl StateView,
) -> (Certificate, bool) {
    let Certificate { epoch, link, mut entries } = certificate.clone();
    let epochs = epochs_at(states);
    let electorate = epochs.as_ref().and_then(|epochs| epochs.electorate(&link).ok());
    let members = electorate.iter().flat_map(|electorate| electorate.sets.iter()).flat_map(|set| &set.members);
    let mut is_complete = true;
    for validator in members.map(|member| member.key_hash) {
        if let Err(place) = entries.binary_search_by(|entry| entry.validator.cmp(&validator)) {
            match entry_of(pool, validator, epoch, &link).filter(|_| entries.len() < MAX_VALIDATORS) {
                Some(entry) => entries.insert(place, entry),
                None => is_complete = false,
            }
        }
    }
    (Certificate { epoch, link, entries }, is_complete)
}
