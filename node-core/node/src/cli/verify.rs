//! `umbel node verify`.

use std::process::ExitCode;

use serde_json::{Value, json};
use umbel_api::{ApiError, ErrorCode};
use umbel_consensus::open_existing_store;
use umbel_consensus::verify::{AssetSupply, Mismatch, VerifyError, VerifyProgress, VerifyReport, verify_chain};
use umbel_ledger::genesis;
use umbel_store::StoreError;
use umbel_types::{AssetId, Params};

use super::Context;
use crate::genesis_file;
use crate::lock::FolderLock;
use crate::settings::SettingsFile;

/// Parts of a stage between two lines of progress.
const LINES_PER_STAGE: u64 = 20;

/// Replays the chain of the data folder.
pub(super) fn verify(context: &Context) -> Result<ExitCode, ApiError> {
    let config = context.node_config()?;
    let layout = config.layout();
    let spec = genesis_file::load(config.network, &layout)?;
    let store = config.store(&SettingsFile::load(layout.settings())?.get());
    let params = Params::of(config.network);
    let folder = layout.chain();
    if !folder.is_dir() {
        return Err(nothing_there(&folder));
    }
    // Held to the end: nobody writes what is read here.
    let _lock = FolderLock::take(&layout)?;
    let genesis = genesis::build(&params, &spec).hash;
    let opened = open_existing_store(store, &folder, config.network, genesis).map_err(|error| match error {
        StoreError::NotThere(_) => nothing_there(&folder),
        error => unreadable(&error),
    })?;
    let mut lines = Progress::default();
    let verified = verify_chain(&params, &spec, opened.store, &mut |progress| lines.tell(context, progress));
    match verified {
        Ok(report) => {
            context.out.result(&report_json(&report), &report_text(&report));
            Ok(ExitCode::SUCCESS)
        }
        Err(VerifyError::Mismatch(mismatch)) => {
            context.out.result(&mismatch_json(&mismatch), &format!("not verified: {mismatch}"));
            Ok(ExitCode::FAILURE)
        }
        Err(VerifyError::Store(error)) => Err(unreadable(&error)),
    }
}

fn nothing_there(folder: &std::path::Path) -> ApiError {
    let message = format!("there is no chain to verify in {}; `umbel node run` begins one", folder.display());
    ApiError::new(ErrorCode::NotFound, message)
}

fn unreadable(error: &StoreError) -> ApiError {
    if error.is_damage() {
        let what_next = "the next start of the node moves the database aside and builds the chain anew from its blocks";
        return ApiError::new(ErrorCode::Unavailable, format!("{error}; {what_next}"));
    }
    ApiError::new(ErrorCode::DataFolder, error.to_string())
}

/// Tells each stage in a bounded number of lines.
#[derive(Default)]
struct Progress {
    told: Option<(String, u64)>,
}

impl Progress {
    fn tell(&mut self, context: &Context, progress: VerifyProgress) {
        let VerifyProgress { stage, done, total } = progress;
        let part = done * LINES_PER_STAGE / total.max(1);
        let now = (stage.to_string(), part);
        if self.told.as_ref() != Some(&now) {
            context.out.note(&format!("{stage} {done} of {total}"));
            self.told = Some(now);
        }
    }
}

fn name(asset: AssetId) -> &'static str {
    if asset == AssetId::STR { "STR" } else { "CCOS" }
}

fn report_json(report: &VerifyReport) -> Value {
    let supply = |s: &AssetSupply| {
        json!({
            "asset": name(s.asset), "issued": s.issued.to_string(), "public": s.public.to_string(),
            "state": s.state.to_string(), "confidential": s.confidential.to_string(),
        })
    };
    json!({
        "ok": true,
        "sink": report.sink.to_string(),
        "blocks": report.blocks,
        "headers_alone": report.headers_alone,
        "kept_blocks": report.kept_blocks,
        "kept_headers": report.kept_headers,
        "chain_blocks": report.chain_blocks,
        "former_chain_blocks": report.former_chain_blocks,
        "disqualified": report.disqualified,
        "transactions": report.transactions,
        "accepted": report.accepted,
        "unspent": report.unspent,
        "records": report.records,
        "segment_bytes": report.segment_bytes,
        "unnamed_bytes": report.unnamed_bytes,
        "waiting": report.waiting,
        "supply_units": report.supply.iter().map(supply).collect::<Vec<_>>(),
    })
}

fn report_text(report: &VerifyReport) -> String {
    let mut lines = vec![
        "verified: every block, commitment and record is as it should be".to_owned(),
        format!("sink         {}", report.sink),
        format!("blocks       {}, {} headers without a body", report.blocks, report.headers_alone),
        format!(
            "chain        {} blocks, {} former ones, {} that can't stand on it",
            report.chain_blocks, report.former_chain_blocks, report.disqualified
        ),
        format!("payments     {} in bodies, {} accepted", report.transactions, report.accepted),
        format!("outputs      {} unspent", report.unspent),
        format!("records      {}", report.records),
        format!("segments     {} bytes, {} that no record names", report.segment_bytes, report.unnamed_bytes),
    ];
    if report.kept_headers > 0 || report.kept_blocks > 0 {
        lines.push(format!(
            "pruned       verified from the pruning point on; beside and below it {} blocks and {} headers are kept",
            report.kept_blocks, report.kept_headers
        ));
    }
    lines.extend(report.supply.iter().map(|s| {
        let (public, state, hidden) = (s.public, s.state, s.confidential);
        format!("{:<12} {} units = {public} public + {state} of rules + {hidden} hidden", name(s.asset), s.issued)
    }));
    if report.waiting > 0 {
        lines.push(format!("waiting      {} blocks that the next start takes in", report.waiting));
    }
    lines.join("\n")
}

fn mismatch_json(mismatch: &Mismatch) -> Value {
    json!({
        "ok": false,
        "block": mismatch.block.map(|block| block.to_string()),
        "what": mismatch.what,
        "got": mismatch.got,
        "expected": mismatch.expected,
    })
}
