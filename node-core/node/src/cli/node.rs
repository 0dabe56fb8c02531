//! `umbel node`.

use serde_json::json;
use umbel_api::node::NodeState;
use umbel_api::stake::ValidateRequest;
use umbel_api::{ApiError, Empty};

use super::Context;
use super::args::RunArgs;
use super::connect::{Connection, Need};
use super::secrets;
use crate::config::{MiningConfig, NodeConfig, RestConfig};
use crate::error::NodeError;
use crate::node::Node;
use crate::rest::RestServer;

/// Runs a node until it is told to stop.
pub(super) fn run(context: &Context, args: &RunArgs) -> Result<(), ApiError> {
    let config = NodeConfig {
        role: args.role,
        disk_budget: args.disk_budget.map(|gb| gb.saturating_mul(1_000_000_000)),
        mining: MiningConfig { threads: args.mine, pay_to: args.mine_to.clone(), dataset: args.mine_dataset },
        ..context.node_config()?
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| NodeError::System { what: "a runtime", reason: e.to_string() })?;
    // Asked for before anything is started: a signal that comes early is not lost.
    let told = runtime.block_on(async { Signals::new() })?;
    let vote_key =
        if args.validate { Some(secrets::validator_password(args.key.key_password_file.as_deref())?) } else { None };
    let node = Node::start_serving(config, &RestConfig { address: args.api, ui: args.ui.clone() })?;
    if let Some(password) = vote_key {
        let state = runtime.block_on(node.api().validator_start(ValidateRequest { password }))?;
        tracing::info!(validator = state.validator, "validating");
    }
    if let Some(server) = node.server() {
        announce(context, server, args);
    }
    runtime.block_on(told.wait());
    node.stop();
    Ok(())
}

fn announce(context: &Context, server: &RestServer, args: &RunArgs) {
    let api = server.address().to_string();
    let open = args.ui.as_ref().map(|_| server.open_url().to_owned());
    let mut lines = vec![format!("API listens on {api}")];
    lines.extend(open.as_ref().map(|url| format!("open {url}")));
    context.out.result(
        &json!({ "network": context.global.network.name(), "api": api, "open": open, "pid": std::process::id() }),
        &lines.join("\n"),
    );
}

/// The signals that end a node.
struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    fn new() -> Result<Self, NodeError> {
        use tokio::signal::unix::{SignalKind, signal};
        let listen = |kind| signal(kind).map_err(|e| NodeError::System { what: "a signal", reason: e.to_string() });
        Ok(Self { terminate: listen(SignalKind::terminate())?, interrupt: listen(SignalKind::interrupt())? })
    }

    #[cfg(not(unix))]
    fn new() -> Result<Self, NodeError> {
        Ok(Self {})
    }

    #[cfg(unix)]
    async fn wait(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    #[cfg(not(unix))]
    async fn wait(self) {
        // Without signals, only the console can end it.
        let _ = tokio::signal::ctrl_c().await;
    }
}

/// What the running node is doing.
pub(super) fn info(context: &Context) -> Result<(), ApiError> {
    let connection = Connection::open(context, Need::Running)?;
    let state = connection.wait(connection.api().node_state(Empty {}))?;
    context.out.result(&json!(state), &text(&state));
    Ok(())
}

fn final_text(state: &NodeState) -> String {
    let Some(finality) = &state.finality else { return "not known yet".to_owned() };
    let behind = if finality.stalled {
        ", stalled"
    } else if finality.late {
        ", late"
    } else {
        ""
    };
    let by = match (&finality.last_certificate, finality.overlay_on) {
        (_, false) => "by twelve hours of blocks: too few validators".to_owned(),
        (None, true) => "no certificate yet".to_owned(),
        (Some(certificate), true) => format!(
            "checkpoint {} signed by {} of {} validators, {} of {} STR",
            certificate.index, certificate.signers, certificate.members, certificate.stake, certificate.of_stake
        ),
    };
    format!("up to checkpoint {}, {} s behind{behind}; {by}", finality.finalized, finality.gap_s)
}

fn text(state: &NodeState) -> String {
    let coins = if state.test_coins { " (test coins)" } else { "" };
    let stage = json!(state.sync.stage).as_str().unwrap_or_default().to_owned();
    let mining = match (state.mining.threads, &state.mining.waiting) {
        (0, _) => "off".to_owned(),
        (threads, Some(waiting)) => format!("{threads} threads, waiting: {waiting}"),
        (threads, None) => format!("{threads} threads, {} blocks found", state.mining.blocks_found),
    };
    let mut lines = vec![
        format!("network     {}{coins}", state.network),
        format!("version     {}", state.version),
        format!("data        {}", state.data_dir),
        format!("store       {}", state.store),
        format!("stage       {stage}"),
        format!("blocks      {}", state.block_count),
        format!("DAA score   {}", state.daa_score),
        format!("sink        {}", state.sink),
        format!("tips        {}", state.tip_count),
        format!("pool        {} transactions, {} bytes", state.mempool.count, state.mempool.bytes),
        format!("mining      {mining}"),
        format!("final       {}", final_text(state)),
    ];
    lines.extend(state.warnings.iter().map(|w| format!("warning     {}", w.message)));
    lines.join("\n")
}
