//! The body stage: everything that can be known of a body without state.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::Arc;

use rand_core::UnwrapErr;
use umbel_crypto::coin::check_payout_key;
use umbel_ledger::mass::sum_state_bytes;
use umbel_ledger::{IsolationContext, check_txs_on_threads};
use umbel_store::segments::Location;
use umbel_store::{Batch, Durability, Table};
use umbel_types::consensus_api::BlockStatus;
use umbel_types::encode::{Decode, Encode};
use umbel_types::errors::BlockError;
use umbel_types::params::MAX_BLOCK_STATE_BYTES;
use umbel_types::vote::cert_hash;
use umbel_types::{BlockHash, Body, Hash32, Header, OutPoint, Params};

use crate::pipeline::fault;
use crate::storage::{BlockRecord, ChainMeta, Storage, StoredBody, read_error};

/// A body that its header commits to and that keeps every rule that needs no state.
#[derive(Debug)]
pub(crate) struct CheckedBody {
    body: Body,
    stored: StoredBody,
}

/// Checks a body.
///
/// - `raises`: whether the header introduces a certificate.
///
/// # Errors
/// [`BlockError::is_about_body`] says which of them say nothing about the block (R1); every other rule makes it invalid.
pub(crate) fn check_body_in_isolation(
    header: &Header,
    body: Body,
    raises: bool,
    params: &Params,
    genesis: BlockHash,
) -> Result<CheckedBody, BlockError> {
    check_lane_order(&body)?;
    check_tx_root(header, &body)?;
    check_certificate_hash(header, &body, raises)?;
    check_size(&body, params)?;
    check_payout_key(&body.payout).map_err(|_| BlockError::BadPayout)?;
    check_outpoints(&body)?;
    check_body_state_bytes(&body)?;
    let stored = StoredBody::from(body.clone());
    let context = IsolationContext::new(params, genesis);
    // A failing source of randomness ends this thread, as it would any node that can't draw weights.
    let rng = || UnwrapErr(getrandom::SysRng);
    let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    check_txs_on_threads(&stored.txs, &context, threads, rng).map_err(|(index, error)| {
        // The index is one of those that were handed in.
        let txid = stored.txs[index].txid();
        BlockError::Tx { txid, error }
    })?;
    Ok(CheckedBody { body, stored })
}

fn check_tx_root(header: &Header, body: &Body) -> Result<(), BlockError> {
    if header.tx_root == body.tx_root() { Ok(()) } else { Err(BlockError::BodyMismatch) }
}

/// # Consensus
/// > A body lacking or not matching `cert.hash` is incomplete: discarded, never judged. (R1)
///
/// `tx_root` does not cover the certificate: whoever passed the block on may have put another one there.
fn check_certificate_hash(header: &Header, body: &Body, raises: bool) -> Result<(), BlockError> {
    match (raises, body.certificate.is_empty()) {
        (false, true) => Ok(()),
        (false, false) => Err(BlockError::UnexpectedCertificate),
        (true, _) if cert_hash(&body.certificate) == header.cert.hash => Ok(()),
        (true, _) => Err(BlockError::CertificateMismatch),
    }
}

/// The certificate does not count: `max_body_bytes` bounds what the miner chooses.
fn check_size(body: &Body, params: &Params) -> Result<(), BlockError> {
    let bytes = body.to_bytes();
    let (got, limit) = (bytes.len() - body.certificate.len(), params.max_body_bytes);
    if got > limit {
        return Err(BlockError::BodyTooLarge { got, limit });
    }
    check_decodable(body, &bytes)
}

/// A body that was built here and never decoded must keep the decoder's rules too: else nobody can read it again.
fn check_decodable(body: &Body, bytes: &[u8]) -> Result<(), BlockError> {
    if Body::from_bytes(bytes)? == *body { Ok(()) } else { Err(BlockError::BodyMismatch) }
}

/// `tx_root` covers the order inside each lane, not how lanes are interleaved: another order was made on the way, and the
/// block is not judged by it.
fn check_lane_order(body: &Body) -> Result<(), BlockError> {
    let ordered = body.txs.windows(2).all(|pair| pair[0].core.ledger() <= pair[1].core.ledger());
    if ordered { Ok(()) } else { Err(BlockError::LaneOrder) }
}

/// # Consensus
/// > In one block no outpoint is consumed twice and no output created in the block is consumed. (R9 a)
fn check_outpoints(body: &Body) -> Result<(), BlockError> {
    let created: BTreeSet<Hash32> = body.txs.iter().map(|tx| tx.txid().into()).collect();
    let mut consumed: BTreeSet<OutPoint> = BTreeSet::new();
    for input in body.txs.iter().flat_map(|tx| &tx.core.inputs) {
        if !consumed.insert(input.outpoint) {
            return Err(BlockError::DoubleSpendInBlock(input.outpoint));
        }
        if created.contains(&input.outpoint.source) {
            return Err(BlockError::ChainedInBlock(input.outpoint));
        }
    }
    Ok(())
}

/// # Consensus
/// > The transactions of a body let the UTXO set grow by at most 6,144 bytes. (R9 a)
fn check_body_state_bytes(body: &Body) -> Result<(), BlockError> {
    let got = sum_state_bytes(body.txs.iter().map(|tx| &tx.core));
    let limit = MAX_BLOCK_STATE_BYTES;
    if got > limit { Err(BlockError::StateTooLarge { got, limit }) } else { Ok(()) }
}

/// Writes a body: the block to the segments, unless it lies there already (`stored_at`), then in one batch where it lies,
/// order of arrival, tips, status.
///
/// # Errors
/// [`BlockError::Unavailable`].
pub(crate) fn commit_body(
    hash: BlockHash,
    checked: CheckedBody,
    stored_at: Option<Location>,
    storage: &Storage,
    meta: &mut ChainMeta,
) -> Result<(), BlockError> {
    let CheckedBody { body, stored } = checked;
    let header = storage.header(hash).map_err(fault)?;
    let location = match stored_at {
        Some(location) => location,
        None => storage.append_block(&header, &body).map_err(|e| fault(read_error(&e)))?,
    };
    let next = ChainMeta { block_count: meta.block_count + 1, ..*meta };
    let record = BlockRecord {
        status: BlockStatus::PendingState,
        sequence: next.block_count,
        ..storage.record(hash).map_err(fault)?
    };
    let mut batch = Batch::new();
    storage.put_location(&mut batch, hash, &location);
    storage.put_record(&mut batch, hash, &record);
    storage.put_meta(&mut batch, &next);
    batch.put_value(Table::Arrival, &record.sequence.to_be_bytes(), &hash);
    for parent in &header.parents {
        batch.delete(Table::Tips, parent.as_bytes());
    }
    batch.put(Table::Tips, hash.as_bytes(), Vec::new());
    storage.kv.write(batch, Durability::Deferred).map_err(|e| fault(read_error(&e)))?;
    storage.cache_body(hash, Arc::new(stored));
    storage.cache_record(hash, record);
    storage.tip_was_added(hash, &header.parents).map_err(fault)?;
    *meta = next;
    Ok(())
}
