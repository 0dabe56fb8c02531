//! `umbel dag`: graphs of named blocks.

use std::path::Path;

use serde::Deserialize;
use serde_json::json;
use umbel_api::{ApiError, ErrorCode};
use umbel_dag::replay::{self, NamedBlock, ReplayedBlock};

use super::{Context, files};

/// Largest graph file, in bytes.
const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;

#[derive(Deserialize)]
struct Graph {
    #[serde(rename = "K")]
    k: u16,
    #[serde(rename = "GenesisID")]
    genesis: String,
    #[serde(rename = "Blocks")]
    blocks: Vec<GraphBlock>,
}

#[derive(Deserialize)]
struct GraphBlock {
    #[serde(rename = "ID")]
    id: String,
    #[serde(rename = "Parents")]
    parents: Vec<String>,
}

/// Prints how each block of the graph is coloured.
pub(super) fn replay(context: &Context, file: &Path) -> Result<(), ApiError> {
    let bad = |reason: String| ApiError::new(ErrorCode::BadInput, format!("{}: {reason}", file.display()));
    let text = files::read(file, MAX_FILE_BYTES).map_err(|e| bad(e.to_string()))?;
    let graph: Graph = serde_json::from_slice(&text).map_err(|e| bad(e.to_string()))?;
    let blocks: Vec<NamedBlock> =
        graph.blocks.into_iter().map(|b| NamedBlock { id: b.id, parents: b.parents }).collect();
    let replayed = replay::replay(graph.k, &graph.genesis, &blocks).map_err(|e| bad(e.to_string()))?;
    let value = json!({ "blocks": replayed.iter().map(to_json).collect::<Vec<_>>() });
    let lines: Vec<String> = replayed.iter().map(to_line).collect();
    context.out.result(&value, &lines.join("\n"));
    Ok(())
}

fn to_json(block: &ReplayedBlock) -> serde_json::Value {
    json!({
        "id": block.id,
        "blue_score": block.blue_score,
        "selected_parent": block.selected_parent,
        "blues": block.blues,
        "reds": block.reds,
    })
}

fn to_line(block: &ReplayedBlock) -> String {
    format!(
        "{}  blue score {}  selected parent {}  blues {}  reds {}",
        block.id,
        block.blue_score,
        block.selected_parent,
        list(&block.blues),
        list(&block.reds)
    )
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "-".to_owned() } else { names.join(",") }
}
