//! Proofs of payment: made by a wallet, verified by anybody.

use std::sync::Arc;

use umbel_api::tx::{PaymentOutcome, PaymentProof, VerifiedPayment, VerifyPaymentRequest};
use umbel_api::wallet::ProvePaymentRequest;
use umbel_api::{ApiError, ErrorCode};
use umbel_types::consensus_api::{ConsensusApi, ConsensusError};
use umbel_types::{BlockHash, OutPoint, TxCore, TxId};
use umbel_wallet::SHOWN_TO_SIGNERS;

use crate::convert;
use crate::node::Core;
use crate::payment_proof;
use crate::services::wallet::hold;

/// Most chain blocks that are searched for a transaction whose output is spent: a tenth of a second of reading.
const MAX_SEARCHED: usize = 2_000;

pub(super) fn prove(core: &Arc<Core>, request: ProvePaymentRequest) -> Result<PaymentProof, ApiError> {
    let ProvePaymentRequest { wallet, txid, index, challenge } = request;
    let txid: TxId = txid
        .trim()
        .parse()
        .map_err(|_| ApiError::new(ErrorCode::BadInput, "a transaction id has 64 hexadecimal digits"))?;
    if challenge == SHOWN_TO_SIGNERS {
        let message = "this challenge is kept for the signers of locks: a proof for it would answer nobody";
        return Err(ApiError::new(ErrorCode::BadInput, message));
    }
    let wallet = core.wallets.get(&wallet)?;
    core.wallets.used();
    let (recorded, accepted_in) = {
        let wallet = hold(&wallet);
        (wallet.recorded_core(txid), wallet.accepted_in(txid))
    };
    let tx = match recorded {
        Some(tx) => tx,
        None => core_from_chain(core, txid, accepted_in)?,
    };
    let proof = hold(&wallet).prove_payment(&tx, index, challenge.as_bytes());
    let proof = proof.map_err(|e| convert::wallet_error(&e))?;
    Ok(payment_proof::to_file(&core.params, core.genesis_hash, &tx, &proof, &challenge))
}

/// The core of a transaction that no journal has: from the blocks that the accepting one merged.
fn core_from_chain(core: &Core, txid: TxId, accepted_in: Option<BlockHash>) -> Result<TxCore, ApiError> {
    let unknown = || {
        let message = "neither the wallet nor this node has that transaction: a proof needs its core. A restored wallet \
                       knows the transactions that were accepted since";
        ApiError::new(ErrorCode::NotFound, message)
    };
    let accepting = accepted_in.ok_or_else(unknown)?;
    let consensus = &core.chain.get()?.consensus;
    let failed = |e: ConsensusError| convert::consensus_error(&e);
    let acceptance = consensus.acceptance(accepting).map_err(failed)?;
    let carrier = acceptance.accepted.iter().find(|accepted| accepted.txid == txid).ok_or_else(unknown)?.block;
    let txs = consensus.block(carrier).map_err(failed)?.body.txs;
    txs.into_iter().map(|tx| tx.core).find(|core| core.txid() == txid).ok_or_else(unknown)
}

pub(super) fn verify(core: &Arc<Core>, request: VerifyPaymentRequest) -> Result<VerifiedPayment, ApiError> {
    let VerifyPaymentRequest { proof, challenge } = request;
    let verified = payment_proof::verify(&core.params, core.genesis_hash, &proof, challenge.as_deref())?;
    let chain = core.chain.get()?;
    let (accepted, is_known) = find(chain.consensus.as_ref(), &verified.core, verified.shown.index)
        .map_err(|e| convert::consensus_error(&e))?;
    let outcome = match accepted {
        Some(Accepted { is_final: true, .. }) => PaymentOutcome::Final,
        Some(Accepted { depth, .. }) if depth >= core.params.confirmation_depth => PaymentOutcome::Confirmed,
        Some(_) => PaymentOutcome::Accepted,
        None if is_known => PaymentOutcome::NotAccepted,
        None => PaymentOutcome::Unknown,
    };
    Ok(VerifiedPayment { outcome, confirmations: accepted.map(|accepted| accepted.depth), ..verified.shown })
}

/// Where the chain has accepted a transaction.
#[derive(Clone, Copy, Debug)]
struct Accepted {
    /// Blue or DAA score on top.
    depth: u64,
    /// Whether no chain leaves it any more.
    is_final: bool,
}

/// How deep the chain has accepted a transaction, and whether the answer is sure where it has not.
fn find(consensus: &dyn ConsensusApi, core: &TxCore, index: u32) -> Result<(Option<Accepted>, bool), ConsensusError> {
    let txid = core.txid();
    let sink = consensus.virtual_state();
    let finality = consensus.finality();
    if let Some(entry) = consensus.utxo(OutPoint::of_tx(txid, index))? {
        let depth = sink.daa_score.0.saturating_sub(entry.daa_score.0 + 1);
        return Ok((Some(Accepted { depth, is_final: entry.daa_score <= finality.finalized_daa }), true));
    }
    // What is consumed in one piece is unspent in one piece.
    for input in &core.inputs {
        if consensus.utxo(input.outpoint)?.is_some() {
            return Ok((None, true));
        }
    }
    let (genesis, mut block) = (consensus.genesis_hash(), sink.sink);
    for _ in 0..MAX_SEARCHED {
        if block == genesis {
            return Ok((None, true));
        }
        let acceptance = consensus.acceptance(block)?;
        if acceptance.accepted.iter().any(|accepted| accepted.txid == txid) {
            let depth = sink.sink_blue_score.0.saturating_sub(acceptance.blue_score.0);
            let is_final = acceptance.blue_score <= finality.finalized_blue_score;
            return Ok((Some(Accepted { depth, is_final }), true));
        }
        block = consensus.block_summary(block)?.selected_parent;
    }
    Ok((None, false))
}
