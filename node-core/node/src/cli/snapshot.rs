//! `umbel node snapshot`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};
use umbel_api::{ApiError, ErrorCode};
use umbel_consensus::pruning::{NodeRole, PruningDepths};
use umbel_consensus::state_snapshot::{
    SnapshotAt, SnapshotError, SnapshotInfo, SnapshotProgress, export, import_into, verify,
};
use umbel_consensus::{open_existing_store, open_store};
use umbel_ledger::genesis;
use umbel_store::{KvStore, StoreConfig, StoreError, StoreKind};
use umbel_types::{BlockHash, Network, Params};

use super::Context;
use crate::config::Layout;
use crate::genesis_file;
use crate::lock::FolderLock;
use crate::settings::SettingsFile;

/// Chunks between two lines of progress.
const CHUNKS_PER_LINE: u64 = 64;
/// Name beside the chain's folder that an import is built under.
const IMPORT_FOLDER: &str = "chain.import";

#[derive(Debug, Subcommand)]
pub(super) enum SnapshotCommand {
    /// Write the state to a new folder; two nodes write the same bytes for the same block
    #[command(after_help = "Examples:\n  \
        umbel node snapshot export ./snapshot\n  \
        umbel node snapshot export ./snapshot --at final --json")]
    Export {
        /// Folder to make
        #[arg(value_name = "DIR")]
        dir: PathBuf,
        /// At the pruning point, or at the newest final block
        #[arg(long, value_enum, default_value_t = SnapshotAtArg::Prune)]
        at: SnapshotAtArg,
    },
    /// Check every chunk, and the whole against the header of its block
    #[command(after_help = "Examples:\n  umbel node snapshot verify ./snapshot --json\n\n\
        Ends with 0 if it holds and with 1 if not. That its block is final, and how blocks below it were weighed, is for \
        you to know: compare the id with that of the same export from a node that you trust.")]
    Verify {
        /// The snapshot's folder
        #[arg(value_name = "DIR")]
        dir: PathBuf,
    },
    /// Begin a chain with a snapshot, in a data folder that has none
    #[command(after_help = "Examples:\n  umbel --data-dir ./new node snapshot import ./snapshot")]
    Import {
        /// The snapshot's folder
        #[arg(value_name = "DIR")]
        dir: PathBuf,
    },
}

/// Which state is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum SnapshotAtArg {
    /// At the pruning point
    Prune,
    /// At the newest final block
    Final,
}

/// What every command of this kind needs.
struct Ground<'a> {
    context: &'a Context,
    layout: Layout,
    network: Network,
    params: Params,
    genesis: BlockHash,
    depths: PruningDepths,
    store: StoreConfig,
    /// Held to the end: nobody writes what is read here, or reads what is written.
    _lock: Option<FolderLock>,
}

impl<'a> Ground<'a> {
    fn new(context: &'a Context, locked: bool) -> Result<Self, ApiError> {
        let config = context.node_config()?;
        let layout = config.layout();
        let spec = genesis_file::load(config.network, &layout)?;
        let params = Params::of(config.network);
        let lock = if locked { Some(FolderLock::take(&layout)?) } else { None };
        let store = config.store(&SettingsFile::load(layout.settings())?.get());
        Ok(Self {
            context,
            network: config.network,
            genesis: genesis::build(&params, &spec).hash,
            // How much of the DAG travels with the state is the same for every role.
            depths: PruningDepths::of(&params, NodeRole::Full),
            params,
            layout,
            store,
            _lock: lock,
        })
    }

    fn done(&self, what: &str, dir: &Path, info: &SnapshotInfo) -> ExitCode {
        let mut value = json_of(info);
        value["ok"] = json!(true);
        value["folder"] = json!(dir.display().to_string());
        self.context.out.result(&value, &format!("{what}\n{}", text_of(info)));
        ExitCode::SUCCESS
    }
}

/// Tells how far it is in a bounded number of lines.
fn tell(context: &Context, progress: SnapshotProgress) -> bool {
    let SnapshotProgress { done, total } = progress;
    if done.is_multiple_of(CHUNKS_PER_LINE) || done == total {
        let of = if total > 0 { format!(" of {total}") } else { String::new() };
        context.out.note(&format!("chunks {done}{of}"));
    }
    true
}

pub(super) fn execute(context: &Context, command: &SnapshotCommand) -> Result<ExitCode, ApiError> {
    match command {
        SnapshotCommand::Export { dir, at } => export_to(&Ground::new(context, true)?, dir, *at),
        SnapshotCommand::Verify { dir } => verify_at(&Ground::new(context, false)?, dir),
        SnapshotCommand::Import { dir } => import_from(&Ground::new(context, true)?, dir),
    }
}

fn export_to(ground: &Ground<'_>, dir: &Path, at: SnapshotAtArg) -> Result<ExitCode, ApiError> {
    let folder = ground.layout.chain();
    let opened =
        open_existing_store(ground.store, &folder, ground.network, ground.genesis).map_err(|error| match error {
            StoreError::NotThere(_) => {
                let message = format!("there is no chain in {}; `umbel node run` begins one", folder.display());
                ApiError::new(ErrorCode::NotFound, message)
            }
            error => refused(&error.into()),
        })?;
    let at = match at {
        SnapshotAtArg::Prune => SnapshotAt::Prune,
        SnapshotAtArg::Final => SnapshotAt::Final,
    };
    let mut progress = |progress| tell(ground.context, progress);
    let info = export(&ground.params, &ground.depths, &*opened.store, at, dir, &mut progress);
    let info = info.map_err(|error| refused(&error))?;
    Ok(ground.done(&format!("written to {}", dir.display()), dir, &info))
}

fn verify_at(ground: &Ground<'_>, dir: &Path) -> Result<ExitCode, ApiError> {
    let mut progress = |progress| tell(ground.context, progress);
    match verify(&ground.params, ground.genesis, &ground.depths, dir, &mut progress) {
        Ok(info) => Ok(ground.done("the snapshot holds", dir, &info)),
        Err(error @ (SnapshotError::File { .. } | SnapshotError::Store(_))) => Err(refused(&error)),
        Err(error) => {
            let (value, text) = (json!({ "ok": false, "reason": error.to_string() }), format!("refused: {error}"));
            ground.context.out.result(&value, &text);
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Builds the chain under another name and gives it its own at the end.
fn import_from(ground: &Ground<'_>, dir: &Path) -> Result<ExitCode, ApiError> {
    let folder = ground.layout.chain();
    if folder.exists() {
        let message = format!(
            "there is a chain in {} already; move that folder away first, or take another --data-dir",
            folder.display()
        );
        return Err(ApiError::new(ErrorCode::BadInput, message));
    }
    if ground.store.kind == StoreKind::Mem {
        return Err(ApiError::new(ErrorCode::BadInput, "a chain in memory would be gone when the command ends"));
    }
    let building = ground.layout.root().join(IMPORT_FOLDER);
    let clear = || match std::fs::remove_dir_all(&building) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(folder_error(&building, &error)),
        _ => Ok(()),
    };
    clear()?;
    let built = build(ground, &building, dir);
    let info = match built {
        Ok(info) => info,
        Err(error) => {
            clear()?;
            return Err(refused(&error));
        }
    };
    std::fs::rename(&building, &folder).map_err(|error| folder_error(&folder, &error))?;
    Ok(ground.done(&format!("the chain in {} begins with it", folder.display()), dir, &info))
}

fn build(ground: &Ground<'_>, building: &Path, dir: &Path) -> Result<SnapshotInfo, SnapshotError> {
    let opened = open_store(ground.store, building, ground.network, ground.genesis)?;
    let store: Arc<dyn KvStore> = opened.store;
    let mut progress = |progress| tell(ground.context, progress);
    import_into(&ground.params, ground.genesis, &ground.depths, &store, dir, &mut progress)
}

fn folder_error(folder: &Path, error: &std::io::Error) -> ApiError {
    ApiError::new(ErrorCode::DataFolder, format!("{}: {error}", folder.display()))
}

fn refused(error: &SnapshotError) -> ApiError {
    let code = match error {
        SnapshotError::File { .. } | SnapshotError::Store(_) => ErrorCode::DataFolder,
        SnapshotError::NotHere(_) => ErrorCode::NotFound,
        _ => ErrorCode::BadInput,
    };
    ApiError::new(code, error.to_string())
}

fn json_of(info: &SnapshotInfo) -> Value {
    json!({
        "id": info.id.to_string(),
        "network": info.network,
        "block": info.block.to_string(),
        "height": info.height,
        "blue_score": info.blue_score.0,
        "daa_score": info.daa_score.0,
        "timestamp_ms": info.timestamp.0,
        "coins": info.coins,
        "memos": info.memos,
        "states": info.states,
        "headers": info.headers,
        "chunks": info.chunks,
        "bytes": info.bytes,
    })
}

fn text_of(info: &SnapshotInfo) -> String {
    [
        format!("id           {}", info.id),
        format!("block        {}", info.block),
        format!("height       {}, blue score {}, DAA score {}", info.height, info.blue_score.0, info.daa_score.0),
        format!("outputs      {} coins, {} Memos", info.coins, info.memos),
        format!("objects      {}", info.states),
        format!("headers      {}", info.headers),
        format!("size         {} bytes in {} chunks", info.bytes, info.chunks),
    ]
    .join("\n")
}
