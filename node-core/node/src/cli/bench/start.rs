//! From the start of the process to its first answer, with a chain on the disk.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use umbel_api::node::SyncStage;
use umbel_api::{Api, ApiError, Empty};
use umbel_consensus::pruning::{NodeRole, PruningConfig};
use umbel_consensus::{Consensus, ConsensusConfig, DEFAULT_CACHE_BYTES, open_store};
use umbel_crypto::coin::{KeyRole, build_payout_key};
use umbel_crypto::keys::AddressIndex;
use umbel_pow::Pow;
use umbel_types::consensus_api::{ConsensusApi, EmptySelector};
use umbel_types::{Block, Network, Params, TimestampMs, genesis};

use super::keys::{keys, rng};
use super::measurement::{Goal, Measurement};
use super::{Size, internal};
use crate::config::{Layout, StoreKind};
use crate::remote::RemoteApi;

/// Longest time in which the chain is built, in seconds: where it is over before all blocks are there, the figure is for
/// those that are, and says so.
const BUILD_LIMIT: Duration = Duration::from_secs(60);
/// Time between blocks of the chain, in ms.
const STEP_MS: u64 = 100;
/// Longest wait for the started node.
const START_LIMIT: Duration = Duration::from_secs(120);

pub(super) fn run(size: Size) -> Result<Vec<Measurement>, ApiError> {
    let wanted = size.of(100_000, 20);
    let (chain, empty) = (folder()?, folder()?);
    let built = build_chain(chain.path(), wanted)?;
    let rounds = size.of(3, 1);
    let (mut best, mut least) = (start(chain.path(), built)?, start(empty.path(), 0)?);
    for _ in 1..rounds {
        let (with, without) = (start(chain.path(), built)?, start(empty.path(), 0)?);
        best = Started { took: best.took.min(with.took), resident_mib: best.resident_mib.max(with.resident_mib) };
        least = Started { took: least.took.min(without.took), ..least };
    }
    let inputs = format!("{built} blocks stored, devnet, not mining");
    let time = Measurement {
        name: "start",
        inputs: inputs.clone(),
        cores: super::cores(),
        figure: best.took.as_secs_f64(),
        floor: least.took.as_secs_f64(),
        floor_is: "the same without a block",
        unit: "s",
        goals: &[Goal::AtMost(2.0)],
    };
    let memory = Measurement {
        name: "start/memory",
        inputs: format!("{inputs}, resident after the first answer"),
        figure: best.resident_mib,
        floor: least.resident_mib,
        unit: "MiB",
        goals: &[Goal::AtMost(300.0)],
        ..time.clone()
    };
    // Other systems do not say in a file what a process takes.
    Ok(if cfg!(target_os = "linux") { vec![time, memory] } else { vec![time] })
}

fn folder() -> Result<tempfile::TempDir, ApiError> {
    tempfile::tempdir().map_err(internal)
}

/// Mines `wanted` empty blocks into a data folder, through consensus as everywhere. How many there are in the end.
fn build_chain(data_dir: &Path, wanted: usize) -> Result<usize, ApiError> {
    let params = Params::of(Network::Devnet);
    let spec = genesis::devnet();
    let hash = umbel_ledger::genesis::build(&params, &spec).hash;
    let folder = Layout::new(data_dir, Network::Devnet).chain();
    let store = open_store(StoreKind::Redb, &folder, Network::Devnet, hash).map_err(internal)?.store;
    let last = TimestampMs(spec.timestamp.0 + (wanted as u64 + 1) * STEP_MS);
    let pow = Arc::new(Pow::of(&params));
    let consensus = Consensus::open(ConsensusConfig {
        pruning: PruningConfig::of(&params, NodeRole::Archive),
        params,
        genesis: spec.clone(),
        pow: Arc::clone(&pow),
        store,
        now: Arc::new(move || last),
        cache_bytes: DEFAULT_CACHE_BYTES,
    })
    .map_err(internal)?;
    let mut account = keys()?.0;
    let payout = build_payout_key(&account.address(AddressIndex::DEFAULT), KeyRole::Miner, &mut rng());
    let deadline = Instant::now() + BUILD_LIMIT;
    let mut built = 0;
    while built < wanted && Instant::now() < deadline {
        let timestamp = TimestampMs(spec.timestamp.0 + (built as u64 + 1) * STEP_MS);
        let template = consensus.build_template(payout, Vec::new(), timestamp, &mut EmptySelector).map_err(internal)?;
        let mut block = Block { header: template.header, body: template.body };
        let found = pow.mine(&block.header, 0..u64::MAX, || false).map_err(internal)?.solution;
        let solution = found.ok_or_else(|| internal("no nonce meets the easiest target"))?;
        block.header.nonce = solution.nonce;
        block.header.mix_digest = solution.mix_digest;
        consensus.insert_block(block).wait().map_err(internal)?;
        built += 1;
    }
    consensus.shutdown();
    Ok(built)
}

/// A started node.
#[derive(Clone, Copy)]
struct Started {
    took: Duration,
    resident_mib: f64,
}

/// Ends the node also where measuring it fails.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts this program as a node and waits for its first answer with the whole chain in it.
fn start(data_dir: &Path, blocks: usize) -> Result<Started, ApiError> {
    let started = Instant::now();
    let mut command = Command::new(std::env::current_exe().map_err(internal)?);
    command.arg("--json").arg("--data-dir").arg(data_dir).args(["--network", "devnet", "node", "run"]);
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().map_err(internal)?;
    let mut node = Running(child);
    let said = node.0.stdout.take().ok_or_else(|| internal("the node's output was asked for"))?;
    let mut line = String::new();
    BufReader::new(said).read_line(&mut line).map_err(internal)?;
    let pid = node.0.id();
    let api = RemoteApi::of_holder(&Layout::new(data_dir, Network::Devnet), Some(pid))
        .ok_or_else(|| internal("the started node does not listen"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(internal)?;
    loop {
        let state = runtime.block_on(api.node_state(Empty {}))?;
        if state.sync.stage == SyncStage::Synced {
            let took = started.elapsed();
            if state.block_count != blocks as u64 {
                return Err(internal(format!("the node has {} blocks of {blocks}", state.block_count)));
            }
            return Ok(Started { took, resident_mib: resident_mib(pid) });
        }
        if started.elapsed() > START_LIMIT {
            return Err(internal("the started node does not open its chain"));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Memory of a process in MiB, as Linux tells it; nothing elsewhere.
fn resident_mib(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse::<u32>().ok());
    f64::from(kib.unwrap_or(0)) / 1_024.0
}
