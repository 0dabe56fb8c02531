//! Follows the selected chain: tells the pool what was accepted, payments what became of them, shells what is new.

use std::collections::VecDeque;
use std::sync::Arc;

use umbel_api::NodeEvent;
use umbel_types::BlockHash;
use umbel_types::consensus_api::{BlockSummary, ConsensusApi, ConsensusError};

use super::chain::Chain;
use super::payments::Outlook;
use super::{TICK, locked};
use crate::node::Core;

/// Chain blocks that are remembered for the live view, and the most it shows.
pub(crate) const MAX_CHAIN_SHOWN: usize = 512;
/// Chain blocks followed in one go.
const PATH_STEP: usize = 64;
/// New blocks looked at in one go.
const BLOCKS_STEP: usize = 256;

/// Code of the warning about a body that can't be read.
const DAMAGED_BODY: &str = "damaged_body";
/// What to do about it.
const BODY_ADVICE: &str = "the disk may be failing; the node goes on, and stops where it needs that body";

/// Where the follower stands.
pub(crate) struct ChainView {
    version: u64,
    known: BlockHash,
    sequence: u64,
    /// The end of the selected chain, oldest first, at most [`MAX_CHAIN_SHOWN`].
    chain: VecDeque<BlockHash>,
}

impl ChainView {
    /// Stands at the sink.
    pub(crate) fn new(consensus: &dyn ConsensusApi) -> Result<Self, ConsensusError> {
        let state = consensus.virtual_state();
        let genesis = consensus.genesis_hash();
        let mut chain = VecDeque::new();
        let mut block = state.sink;
        chain.push_front(block);
        while block != genesis && chain.len() < MAX_CHAIN_SHOWN {
            block = match consensus.block_summary(block) {
                Ok(summary) => summary.selected_parent,
                // The chain goes on below, but nothing is shown of it.
                Err(ConsensusError::Pruned(_) | ConsensusError::UnknownBlock(_)) => break,
                Err(error) => return Err(error),
            };
            chain.push_front(block);
        }
        Ok(Self { version: state.version, known: state.sink, sequence: state.block_count, chain })
    }

    /// The selected chain's end, newest first.
    pub(crate) fn chain(&self) -> Vec<BlockHash> {
        self.chain.iter().rev().copied().collect()
    }
}

/// One round: waits for something new and passes it on.
pub(crate) fn step(core: &Core) {
    let Some(chain) = core.chain.running() else {
        core.stop.wait(TICK);
        return;
    };
    let version = locked(&chain.view).version;
    let state = chain.consensus.wait_newer(version, TICK);
    if state.version == version {
        return;
    }
    let news = follow(core, &chain).and_then(|()| look_at_blocks(core, &chain));
    let news = news.and_then(|newest| chain.pool.follow(chain.consensus.as_ref()).map(|()| newest));
    let given_up = chain.pool.take_given_up();
    if !given_up.is_empty() {
        core.wallets.give_up(&given_up);
        core.payments.on_given_up(&given_up, &core.sink);
    }
    match news {
        Ok(newest) => {
            locked(&chain.view).version = state.version;
            core.payments.on_sink(&Outlook::of(&core.params, &state, &chain.consensus.finality()), &core.sink);
            if let Some(newest) = newest {
                core.sink.tell(NodeEvent::Blocks { newest });
            }
        }
        Err(ConsensusError::Stopping) => {
            core.stop.wait(TICK);
        }
        Err(ConsensusError::UnknownBlock(block) | ConsensusError::Pruned(block)) => {
            tracing::warn!(%block, "the chain is followed from its end again");
            match ChainView::new(chain.consensus.as_ref()) {
                Ok(view) => *locked(&chain.view) = view,
                Err(error) => tracing::warn!(%error, "the chain could not be followed"),
            }
            core.stop.wait(TICK);
        }
        Err(error) => {
            tracing::warn!(%error, "the chain could not be followed");
            core.stop.wait(TICK);
        }
    }
}

/// Goes along the selected chain up to the sink.
fn follow(core: &Core, chain: &Arc<Chain>) -> Result<(), ConsensusError> {
    loop {
        let known = locked(&chain.view).known;
        let path = chain.consensus.chain_path(known, PATH_STEP)?;
        if path.removed.is_empty() && path.added.is_empty() {
            return Ok(());
        }
        for block in &path.removed {
            core.payments.on_removed(*block, &core.sink);
        }
        let mut accepted = Vec::with_capacity(path.added.len());
        for block in &path.added {
            accepted.push(chain.consensus.acceptance(*block)?);
        }
        for data in &accepted {
            core.payments.on_accepted(data, &core.sink);
        }
        let mut view = locked(&chain.view);
        for block in &path.removed {
            if view.chain.back() == Some(block) {
                view.chain.pop_back();
            }
        }
        view.chain.extend(&path.added);
        while view.chain.len() > MAX_CHAIN_SHOWN {
            view.chain.pop_front();
        }
        // With nothing added, the chain ends where the last removed block stood: its place is the view's new end.
        match path.added.last().or(view.chain.back()) {
            Some(end) => view.known = *end,
            None => view.known = chain.consensus.virtual_state().sink,
        }
    }
}

/// Finds own payments in new blocks; returns the newest block's number.
fn look_at_blocks(core: &Core, chain: &Arc<Chain>) -> Result<Option<u64>, ConsensusError> {
    let mut newest = None;
    loop {
        let since = locked(&chain.view).sequence;
        let blocks = chain.consensus.blocks_since(since, BLOCKS_STEP)?;
        let Some(last) = blocks.last() else { return Ok(newest) };
        for block in blocks.iter().filter(|b| b.tx_count != Some(0)) {
            match mark_seen(core, chain, block) {
                // Told once, and passed over: what it carries is seen when a chain block accepts it.
                Err(ConsensusError::DamagedBody { block, reason }) => {
                    tracing::error!(%block, reason, "the body of a block can't be read");
                    core.chain.warn(
                        DAMAGED_BODY,
                        format!("the body of block {block} can't be read: {reason}; {BODY_ADVICE}"),
                    );
                }
                Err(ConsensusError::UnknownBlock(_) | ConsensusError::Pruned(_)) => {}
                marked => marked?,
            }
        }
        newest = Some(last.sequence);
        locked(&chain.view).sequence = last.sequence;
    }
}

fn mark_seen(core: &Core, chain: &Arc<Chain>, block: &BlockSummary) -> Result<(), ConsensusError> {
    for tx in chain.consensus.block(block.hash)?.body.txs {
        let txid = tx.txid();
        core.wallets.mark_seen(txid, block.hash);
        core.payments.on_seen(txid, &core.sink);
    }
    Ok(())
}
