//! The node: state, live view, mining, devnet.

use std::sync::Arc;

use umbel_api::node::{
    AdvanceAnswer, AdvanceRequest, DagPayment, DagRequest, DagView, MineRequest, MiningState, NodeState,
};
use umbel_api::{ApiError, Empty, ErrorCode, NodeEvent};
use umbel_crypto::keys::ConfidentialAddress;
use umbel_types::Network;
use umbel_types::genesis::DEVNET_WORDS;

use crate::convert;
use crate::node::Core;
use crate::services::clock;
use crate::services::follower::MAX_CHAIN_SHOWN;
use crate::services::locked;
use crate::view;

/// Most blocks in one answer of the live view.
const MAX_DAG_BLOCKS: usize = 512;
/// Most blocks mined at once.
const MAX_ADVANCE: u64 = 10_000;

pub(super) fn state(core: &Arc<Core>, _: Empty) -> Result<NodeState, ApiError> {
    let mut state = core.sink.state();
    // The snapshot is a tenth of a second old; who asks after a call wants to see what it did.
    clock::look_at_chain(core, &mut state);
    Ok(state)
}

pub(super) fn dag(core: &Arc<Core>, request: DagRequest) -> Result<DagView, ApiError> {
    let chain = core.chain.get()?;
    let failed = |e| convert::consensus_error(&e);
    let limit = request.limit.min(MAX_DAG_BLOCKS);
    let state = chain.consensus.virtual_state();
    let since = match request.since {
        0 => state.block_count.saturating_sub(limit as u64),
        since => since,
    };
    let blocks = chain.consensus.blocks_since(since, limit).map_err(failed)?;
    let mut selected = locked(&chain.view).chain();
    selected.truncate(MAX_CHAIN_SHOWN);
    // The follower may be a step behind: sink, score and chain are of one moment.
    let sink = selected.first().copied().unwrap_or(state.sink);
    Ok(DagView {
        blocks: blocks.iter().map(|block| view::dag_block(core, block)).collect(),
        sink: sink.to_string(),
        blue_score: chain.consensus.block_summary(sink).map_err(failed)?.blue_score.0,
        confirmation_depth: core.params.confirmation_depth,
        final_blue_score: chain.consensus.finality().finalized_blue_score.0,
        chain: selected.iter().map(ToString::to_string).collect(),
        payments: payments(core),
    })
}

/// Payments of open wallets that a block carries.
fn payments(core: &Core) -> Vec<DagPayment> {
    let mut shown = Vec::new();
    for wallet in core.wallets.all_open() {
        let payments = locked(&wallet).payments();
        shown.extend(payments.into_iter().filter_map(|payment| {
            let (block, txid) = (payment.seen_in?, payment.txids.last()?);
            Some(DagPayment {
                block: block.to_string(),
                txid: txid.to_string(),
                amount: payment.amount.to_string(),
                asset: convert::asset_name(payment.asset),
            })
        }));
    }
    shown
}

pub(super) fn mine(core: &Arc<Core>, request: MineRequest) -> Result<MiningState, ApiError> {
    core.chain.get()?;
    let pay_to = request.pay_to.as_deref().map(|text| convert::confidential(text, &core.params)).transpose()?;
    core.mining.set(core, request.threads, pay_to)?;
    let mining = core.mining.state(core);
    core.sink.publish_state(NodeState { mining: mining.clone(), ..core.sink.state() });
    Ok(mining)
}

pub(super) fn devnet_only(core: &Core) -> Result<(), ApiError> {
    if core.params.network == Network::Devnet {
        Ok(())
    } else {
        Err(ApiError::new(ErrorCode::DevnetOnly, "only devnet has test coins and blocks on demand"))
    }
}

pub(super) fn devnet_advance(core: &Arc<Core>, request: AdvanceRequest) -> Result<AdvanceAnswer, ApiError> {
    devnet_only(core)?;
    if !(1..=MAX_ADVANCE).contains(&request.blocks) {
        return Err(ApiError::new(ErrorCode::BadInput, format!("1 to {MAX_ADVANCE} blocks can be mined at once")));
    }
    let chain = core.chain.get()?;
    let payee = match &request.pay_to {
        Some(text) => Some(convert::confidential(text, &core.params)?),
        None => core.mining.payee().or_else(|| market_address(core)),
    };
    for _ in 0..request.blocks {
        chain.templates.mine_one(payee.as_ref(), &core.stop)?;
        // Votes come as they would in the time that these blocks stand for.
        core.validator.vote(core, &chain);
    }
    Ok(AdvanceAnswer { daa_score: chain.consensus.virtual_state().daa_score.0 })
}

/// The confidential address of devnet's genesis wallets.
fn market_address(core: &Core) -> Option<ConfidentialAddress> {
    let preview = umbel_wallet::preview(DEVNET_WORDS, "", core.params.network).ok()?;
    convert::confidential(&preview.confidential, &core.params).ok()
}

pub(super) fn devnet_reset(core: &Arc<Core>, _: Empty) -> Result<Empty, ApiError> {
    devnet_only(core)?;
    core.chain.reset(core)?;
    core.sink.tell(NodeEvent::Blocks { newest: 0 });
    Ok(Empty {})
}
