//! `umbel tx decode` and `umbel tx submit`: transactions as files of hexadecimal.

use std::path::Path;

use serde_json::{Value, json};
use umbel_api::tx::RawTx;
use umbel_api::{ApiError, ErrorCode};
use umbel_types::tx::{Input, MAX_TX_BYTES, Output as TxOutput};
use umbel_types::{MemoValue, Params, Transaction};

use super::connect::{Connection, Need};
use super::{Context, files};
use crate::convert;

/// Longest file: the longest transaction in hexadecimal, and room for line ends.
const MAX_FILE_BYTES: u64 = 2 * MAX_TX_BYTES as u64 + 1024;

/// Shows what a transaction does. Needs no node.
pub(super) fn decode(context: &Context, file: &Path) -> Result<(), ApiError> {
    let tx = convert::transaction(&read(file)?)?;
    let inputs: Vec<Value> = tx.core.inputs.iter().map(|i| input_json(&i.outpoint.to_string(), &i.consumed)).collect();
    let outputs: Vec<Value> = tx.core.outputs.iter().map(output_json).collect();
    let network = umbel_types::Network::ALL.into_iter().find(|n| Params::of(*n).chain_id == tx.core.chain);
    let value = json!({
        "txid": tx.txid().to_string(),
        "wtxid": tx.wtxid().to_string(),
        "network": network.map(|n| n.name()),
        "bytes": tx.size_bytes(),
        "fee": tx.core.fee.to_string(),
        "valid_from": tx.core.valid.start.0,
        "valid_before": (tx.core.valid.end.0 != 0).then_some(tx.core.valid.end.0),
        "inputs": inputs,
        "outputs": outputs,
    });
    context.out.result(&value, &text(&tx, &value));
    Ok(())
}

fn text(tx: &Transaction, value: &Value) -> String {
    let mut lines = vec![
        format!("transaction  {}", tx.txid()),
        format!("network      {}", value["network"].as_str().unwrap_or("unknown")),
        format!("size         {} bytes", tx.size_bytes()),
        format!("fee          {} STR", tx.core.fee),
    ];
    for (name, list) in [("input", &value["inputs"]), ("output", &value["outputs"])] {
        for entry in list.as_array().into_iter().flatten() {
            let part = |key: &str| entry[key].as_str().unwrap_or("hidden").to_owned();
            lines.push(format!("{name:<12} {} {} {}", part("kind"), part("amount"), part("asset")));
        }
    }
    lines.join("\n")
}

fn input_json(outpoint: &str, input: &Input) -> Value {
    let asset = convert::asset_name(input.asset());
    match input {
        Input::Coin { .. } => json!({ "outpoint": outpoint, "kind": "coin", "asset": asset }),
        Input::Memo { terms, .. } => {
            json!({ "outpoint": outpoint, "kind": "memo", "asset": asset, "amount": memo_amount(&terms.value) })
        }
    }
}

fn output_json(output: &TxOutput) -> Value {
    let asset = convert::asset_name(output.asset());
    match output {
        TxOutput::Coin { coin, .. } => {
            json!({ "kind": "coin", "asset": asset, "note_bytes": coin.note.as_bytes().len() })
        }
        TxOutput::Memo(memo) => json!({
            "kind": "memo",
            "asset": asset,
            "amount": memo_amount(&memo.value),
            "to": convert::lock_address(&memo.lock),
        }),
    }
}

fn memo_amount(value: &MemoValue) -> Option<String> {
    match value {
        MemoValue::Public(amount) => Some(amount.to_string()),
        MemoValue::Hidden { .. } => None,
    }
}

/// Gives a transaction to the running node's pool.
pub(super) fn submit(context: &Context, file: &Path) -> Result<(), ApiError> {
    let hex = read(file)?;
    convert::transaction(&hex)?;
    let connection = Connection::open(context, Need::Running)?;
    let answer = connection.wait(connection.api().tx_submit(RawTx { hex }))?;
    let txid = &answer.txid;
    let shown = match answer.accepted {
        true => format!("transaction {txid} was accepted already; nothing is to be done"),
        false => format!("the pool has transaction {txid}"),
    };
    context.out.result(&json!({ "txid": txid, "accepted": answer.accepted }), &shown);
    Ok(())
}

fn read(file: &Path) -> Result<String, ApiError> {
    let text = files::read_text(file, MAX_FILE_BYTES)
        .map_err(|e| ApiError::new(ErrorCode::BadInput, format!("{} {e}", file.display())))?;
    Ok(text.split_whitespace().collect())
}
