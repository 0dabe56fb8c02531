//! The node's state, ten times a second: snapshot, events, wrong clock, automatic locking.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use umbel_api::node::{DevnetNotice, MempoolState, NodeState, NodeWarning, SyncStage, SyncState};
use umbel_types::genesis::DEVNET_WORDS;
use umbel_types::{Network, TimestampMs};

use super::TICK;
use crate::clock::{self, ClockWatch};
use crate::config::{NodeConfig, StoreKind};
use crate::node::Core;
use crate::view;

/// Window of the block rate.
const RATE_WINDOW: Duration = Duration::from_secs(60);
/// Time between two samples of the block count.
const RATE_STEP: Duration = Duration::from_secs(1);

/// What a stall means, for people.
const STALLED: &str = "validators have made nothing final for more than 15 minutes: payments go on and are confirmed by \
                       blocks, but stake can't be withdrawn until votes come again";

/// Composes the state and looks at the clocks.
pub(crate) struct StateService {
    watch: ClockWatch,
    blocks: VecDeque<(Instant, u64)>,
    checked: Instant,
    disk: Option<NodeWarning>,
}

impl StateService {
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        Self { watch: ClockWatch::new(clock::now(), now), blocks: VecDeque::new(), checked: now, disk: None }
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
            self.disk = disk_warning(core);
        }
        core.stop.wait(TICK);
    }

    fn compose(&mut self, core: &Core, now: Instant) -> NodeState {
        let status = core.chain.status();
        let mut state = starting(&core.config, core.store.kind);
        state.sync.stage = status.stage;
        let tip = look_at_chain(core, &mut state);
        if tip.is_some() {
            state.blocks_per_second = self.rate(now, state.block_count);
        } else {
            self.blocks.clear();
        }
        state.mining = core.mining.state(core);
        let stalled = state.finality.as_ref().is_some_and(|finality| finality.stalled);
        state.warnings = status.warnings;
        state.warnings.extend(self.watch.look(clock::now(), now, tip.unwrap_or(TimestampMs(0))));
        state.warnings.extend(self.disk.clone());
        state.warnings.extend(core.wallets.warnings());
        state.warnings.extend(core.validator.warning(&state.validating));
        if stalled {
            state.warnings.push(NodeWarning { code: "finality_stalled".to_owned(), message: STALLED.to_owned() });
        }
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

/// Told while the chain takes more of the disk than it is meant to.
fn disk_warning(core: &Core) -> Option<NodeWarning> {
    let (budget, bytes) = (core.config.disk_budget()?, core.chain.current()?.disk_bytes());
    let gb = |bytes: u64| format!("{}.{} GB", bytes / 1_000_000_000, bytes / 100_000_000 % 10);
    let message = format!(
        "the chain takes {} on the disk, more than the {} that a node of the role {} is meant to; `--role wallet` keeps \
         least, `--disk-budget` sets another limit",
        gb(bytes),
        gb(budget),
        core.config.role
    );
    (bytes > budget).then(|| NodeWarning { code: "disk_budget".to_owned(), message })
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
    let finality = chain.consensus.finality();
    state.validating = core.validator.state(Some(&finality));
    state.finality = Some(view::finality(&core.params, &finality, state.validating.validator.as_deref()));
    Some(virtual_state.sink_timestamp)
}

/// The state before anything is known.
pub(crate) fn starting(config: &NodeConfig, store: StoreKind) -> NodeState {
    let params = umbel_types::Params::of(config.network);
    let devnet = config.network == Network::Devnet;
    NodeState {
        network: config.network.name().to_owned(),
        test_coins: config.network.has_test_coins(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        data_dir: config.data_dir.display().to_string(),
        store: store.name().to_owned(),
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
        finality: None,
        validating: umbel_api::stake::ValidatingState::default(),
        warnings: Vec::new(),
        devnet: devnet.then(|| DevnetNotice { public_words: DEVNET_WORDS.to_owned() }),
    }
}
