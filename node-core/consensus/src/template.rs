//! Block templates: the virtual block with a miner and transactions.

use std::collections::BTreeSet;

use umbel_ledger::staking::{OverlayContext, decide};
use umbel_ledger::utxo::UtxoOverlay;
use umbel_ledger::{UtxoContext, check_tx_in_utxo_context, mass};
use umbel_types::consensus_api::{BlockTemplate, BodyRoom, ConsensusError, TxSelector};
use umbel_types::encode::Encode;
use umbel_types::errors::TxContextError;
use umbel_types::header::BLOCK_VERSION;
use umbel_types::params::MAX_BLOCK_STATE_BYTES;
use umbel_types::{Amount, Body, Header, OutPoint, PayoutKey, TimestampMs, Transaction};

use crate::api_impl::store_failed;
use crate::consensus::{Current, Shared};
use crate::finality::{CertificatePlace, due_certificate};

/// Draws for one template. Each but the first fills the room that refused candidates left; a selector that never comes to
/// an end must not hold the state.
const MAX_DRAWS: usize = 16;

/// Builds a template on the current virtual block.
///
/// # Errors
/// [`ConsensusError::BadPayout`], [`ConsensusError::Store`].
pub(crate) fn build_template(
    shared: &Shared,
    current: &Current,
    payout: PayoutKey,
    extra: Vec<u8>,
    timestamp: TimestampMs,
    selector: &mut dyn TxSelector,
) -> Result<BlockTemplate, ConsensusError> {
    let Shared { params, storage, .. } = shared;
    let place = &current.virtual_block;
    umbel_crypto::coin::check_payout_key(&payout).map_err(|_| ConsensusError::BadPayout)?;
    let mut body = Body { payout, extra, txs: Vec::new(), certificate: Vec::new() };
    let room = BodyRoom {
        bytes: params.max_body_bytes.saturating_sub(body.to_bytes().len()),
        state_bytes: MAX_BLOCK_STATE_BYTES,
    };
    body.txs = choose(shared, current, room, selector)?;
    let fees = Amount::sum(body.txs.iter().map(|tx| tx.core.fee)).unwrap_or(Amount::MAX);

    let sink = place.ghostdag.selected_parent;
    let parent = storage.chain_record(sink).map_err(store_failed)?;
    let delta =
        place.outcome.clone().pay::<umbel_dag::ReadError>(&payout).map_err(|e| ConsensusError::Store(e.to_string()))?;
    let mut lthash = current.state.lthash.clone();
    lthash.apply(&delta.utxo);
    let mut states = current.state.states.clone();
    delta.states.iter().for_each(|change| states.redo(change));
    let mut cert = storage.header(sink).map_err(store_failed)?.cert;
    let blue_score = place.ghostdag.blue_score;
    let at = CertificatePlace { storage, params, genesis: shared.genesis, selected_parent: sink, blue_score };
    let due = due_certificate(&at, cert.index, &current.certificates, &shared.votes, &states);
    if let Some(certificate) = due.map_err(|e| ConsensusError::Store(e.to_string()))? {
        cert = certificate.reference();
        body.certificate = certificate.to_bytes();
    }
    let header = Header {
        version: BLOCK_VERSION,
        parents: place.parents.clone(),
        tx_root: body.tx_root(),
        accepted_root: delta.lanes(&parent.lanes).root(),
        utxo_commit: lthash.commitment(),
        state_root: states.root(),
        chain_mmr_root: parent.mmr.clone().push(sink).root(),
        timestamp: timestamp.max(place.context.past_median_time.saturating_add(1)),
        nonce: 0,
        bits: place.context.bits,
        daa_score: place.context.daa_score,
        blue_score,
        blue_work: place.ghostdag.blue_work,
        cert,
        mix_digest: [0; 32],
    };
    Ok(BlockTemplate { header, body, fees })
}

/// Candidates that can stand together in a block on the virtual parents, in lane order.
fn choose(
    shared: &Shared,
    current: &Current,
    mut room: BodyRoom,
    selector: &mut dyn TxSelector,
) -> Result<Vec<Transaction>, ConsensusError> {
    let virtual_block = &current.virtual_block;
    let view = UtxoOverlay::new(&shared.storage, virtual_block.outcome.utxo());
    let states = virtual_block.outcome.states();
    let overlay = OverlayContext::of(&shared.params, virtual_block.ghostdag.blue_score, states);
    let context = UtxoContext::for_qualification(&shared.params, virtual_block.context.daa_score, overlay);
    let mut together_with = states.clone();
    let mut consumed: BTreeSet<OutPoint> = BTreeSet::new();
    let mut chosen = Vec::new();
    // Each draw gives what was not given before: what is refused leaves its room to others.
    for _ in 0..MAX_DRAWS {
        let drawn = selector.select(room);
        if drawn.is_empty() {
            break;
        }
        for tx in drawn {
            let (size, state_bytes) = (tx.size_bytes(), mass::state_bytes(&tx.core));
            let outpoints = || tx.core.inputs.iter().map(|input| input.outpoint);
            if size > room.bytes || state_bytes > room.state_bytes {
                continue;
            }
            if let Some(taken) = outpoints().find(|outpoint| consumed.contains(outpoint)) {
                selector.reject(tx.txid(), TxContextError::InputMissing(taken));
                continue;
            }
            // By itself, as the chain asks (R9 b), and behind those chosen before, else it would be skipped.
            let alone = check_tx_in_utxo_context(&tx.core, &view, states, &context).map_err(store_failed)?;
            let together = alone.and_then(|_| Ok(decide(&tx.core.action, &together_with, &context)?));
            match together {
                Err(error) => selector.reject(tx.txid(), error),
                Ok(effect) => {
                    together_with.apply(effect);
                    room.bytes -= size;
                    room.state_bytes -= state_bytes;
                    consumed.extend(outpoints());
                    chosen.push(Transaction::clone(&tx));
                }
            }
        }
    }
    chosen.sort_by_key(|tx| tx.core.ledger());
    Ok(chosen)
}
