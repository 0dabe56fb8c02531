//! The node's state, ten times a second: snapshot, events, wrong clock, automatic locking.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use umbel_api::node::{DevnetNotice, MempoolState, NodeState, SyncStage, SyncState};
use umbel_types::genesis::DEVNET_WORDS;
use umbel_types::{Network, TimestampMs};

use super::TICK;
use crate::clock::{self, ClockWatch};
use crate::config::NodeConfig;
use crate::node::Core;

/// Window of the block rate.
const RATE_WINDOW: Duration = Duration::from_secs(60);
/// Time between two samples of the block count.
const RATE_STEP: Duration = Duration::from_secs(1);

/// Composes the state and looks at the clocks.
pub(crate) struct StateService {
    watch: ClockWatch,
    blocks: VecDeque<(Instant, u64)>,
    checked: Instant,
}

impl StateService {
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        Self { watch: ClockWatch::new(clock::now(), now), blocks: VecDeque::new(), checked: now }
    }

    /// One round. Waits by itself.
    pub(crate) fn step(&mut self, core: &Core) {
        let now = Instant::now();
        if let Some(reason) = core.chain.current().and_then(|chain| chain.failure())
            && core.chain.status().stage == SyncStage::Synced
        {
            core.chain.fail(format!("consensus failed: {reason}; restart the node, and report this with the log"));
        }
        let state = self.compose(core, now);
        core.sink.publish_state(state);
        core.sink.flush(now);
        if now.duration_since(self.checked) >= RATE_STEP {
            self.checked = now;
            core.wallets.lock_idle(core);
        }
        core.stop.wait(TICK);
    }

    fn compose(&mut self, core: &Core, now: Instant) -> NodeState {
        let status = core.chain.status();
        let mut state = starting(&core.config);
        state.sync.stage = status.stage;
        let tip = look_at_chain(core, &mut state);
        if tip.is_some() {
            state.blocks_per_second = self.rate(now, state.block_count);
        } else {
            self.blocks.clear();
        }
        state.mining = core.mining.state(core);
        state.warnings = status.warnings;
        state.warnings.extend(self.watch.look(clock::now(), now, tip.unwrap_or(TimestampMs(0))));
        state.warnings.extend(core.wallets.warnings());
        if state.sync.stage == SyncStage::Failed {
            state.sync.stalled = state.warnings.first().map(|w| w.message.clone());
        }
        state
    }

    /// Blocks a second over the last minute.
    fn rate(&mut self, now: Instant, count: u64) -> Option<f64> {
        if self.blocks.back().is_none_or(|(at, _)| now.duration_since(*at) >= RATE_STEP) {
            self.blocks.push_back((now, count));
        }
        while self.blocks.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= RATE_WINDOW) {
            self.blocks.pop_front();
        }
        let (since, before) = *self.blocks.front()?;
        let time = now.duration_since(since);
        // A chain that was thrown away starts to count anew.
        let blocks = u32::try_from(count.checked_sub(before)?).ok()?;
        (time >= RATE_WINDOW).then(|| f64::from(blocks) / time.as_secs_f64())
    }
}

/// Fills in what the open chain says now. Gives the timestamp of its tip; `None` while no chain is open.
pub(crate) fn look_at_chain(core: &Core, state: &mut NodeState) -> Option<TimestampMs> {
    let chain = core.chain.current()?;
    let virtual_state = chain.consensus.virtual_state();
    state.sink = virtual_state.sink.to_string();
    state.daa_score = virtual_state.daa_score.0;
    state.blue_score = virtual_state.sink_blue_score.0;
    state.block_count = virtual_state.block_count;
    state.tip_count = virtual_state.parents.len();
    state.mempool = chain.pool.state();
    Some(virtual_state.sink_timestamp)
}

/// The state before anything is known.
pub(crate) fn starting(config: &NodeConfig) -> NodeState {
    let params = umbel_types::Params::of(config.network);
    let devnet = config.network == Network::Devnet;
    NodeState {
        network: config.network.name().to_owned(),
        test_coins: config.network.has_test_coins(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        data_dir: config.data_dir.display().to_string(),
        store: config.store.name().to_owned(),
        sync: SyncState { stage: SyncStage::Starting, done: 0, total: None, rate: None, eta_s: None, stalled: None },
        sink: String::new(),
        daa_score: 0,
        blue_score: 0,
        block_count: 0,
        tip_count: 0,
        blocks_per_second: None,
        target_blocks_per_second: f64::from(params.blocks_per_second),
        mempool: MempoolState::default(),
        mining: umbel_api::node::MiningState::default(),
        warnings: Vec::new(),
        devnet: devnet.then(|| DevnetNotice { public_words: DEVNET_WORDS.to_owned() }),
    }
}
