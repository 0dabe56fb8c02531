//! `umbel tx decode` and `umbel tx submit`: transactions as files of hexadecimal; `umbel tx fees`: what to pay.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use umbel_api::tx::{FeeEstimate, PaidRange, RawTx, Submitted};
use umbel_api::{ApiError, Empty, ErrorCode};
use umbel_types::tx::{Input, MAX_TX_BYTES, Output as TxOutput};
use umbel_types::{MemoValue, Params, Transaction};

use super::connect::{Connection, Need};
use super::output::error_json;
use super::{Context, files};
use crate::convert;

/// Longest file: the longest transaction in hexadecimal, and room for line ends.
const MAX_FILE_BYTES: u64 = 2 * MAX_TX_BYTES as u64 + 1024;

/// Longest wait for a node that is asked too often, or starts.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Time between two attempts.
const POLL: Duration = Duration::from_millis(20);

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
    context.out.result(&json!({ "txid": answer.txid, "accepted": answer.accepted }), &shown(&answer));
    Ok(())
}

fn shown(answer: &Submitted) -> String {
    let txid = &answer.txid;
    match answer.accepted {
        true => format!("transaction {txid} was accepted already; nothing is to be done"),
        false => format!("the pool has transaction {txid}"),
    }
}

/// Gives the transactions of a file, one a line, to the running node's pool; says of each what became of it, and fails if
/// one was refused.
pub(super) fn submit_lines(context: &Context, file: &Path) -> Result<ExitCode, ApiError> {
    let unread =
        |e: std::io::Error| ApiError::new(ErrorCode::BadInput, format!("{} can't be read: {e}", file.display()));
    let mut source = BufReader::new(File::open(file).map_err(unread)?);
    let connection = Connection::open(context, Need::Running)?;
    let (mut number, mut refused) = (0u64, false);
    loop {
        let mut line = Vec::new();
        // A line that goes on behind this is no transaction; the rest of it counts as another one.
        source.by_ref().take(MAX_FILE_BYTES).read_until(b'\n', &mut line).map_err(unread)?;
        if line.is_empty() {
            return Ok(if refused { ExitCode::FAILURE } else { ExitCode::SUCCESS });
        }
        number += 1;
        let hex = String::from_utf8_lossy(&line).trim().to_owned();
        if hex.is_empty() {
            continue;
        }
        let submitted = convert::transaction(&hex).and_then(|_| submit_patiently(&connection, &RawTx { hex }));
        match submitted {
            Ok(answer) => context.out.result(
                &json!({ "line": number, "txid": answer.txid, "accepted": answer.accepted }),
                &format!("line {number}: {}", shown(&answer)),
            ),
            // Nobody is there who could answer for the lines that follow.
            Err(error) if matches!(error.code, ErrorCode::NotRunning | ErrorCode::Unavailable) => return Err(error),
            Err(error) => {
                refused = true;
                context.out.result(
                    &json!({ "line": number, "error": error_json(&error) }),
                    &format!("line {number}: refused: {}", error.message),
                );
            }
        }
    }
}

/// Says what to pay now.
pub(super) fn fees(context: &Context) -> Result<(), ApiError> {
    let connection = Connection::open(context, Need::Running)?;
    let answer = connection.wait(connection.api().tx_fees(Empty {}))?;
    context.out.result(&json!(answer), &fees_text(&answer));
    Ok(())
}

fn fees_text(fees: &FeeEstimate) -> String {
    let paid = match &fees.paid {
        Some(PaidRange { low, high }) => format!("{low} to {high} in the last ten minutes"),
        None => "nothing was accepted in the last ten minutes".to_owned(),
    };
    [
        "base units of STR for each unit of mass".to_owned(),
        format!("in the next seconds  {}", fees.next_seconds),
        format!("within a minute      {}", fees.within_minute),
        format!("within an hour       {}", fees.within_hour),
        format!("least                {}", fees.least),
        format!("paid                 {paid}"),
    ]
    .join("\n")
}

/// Submits one of many: a server that is asked too often says so, and has time a moment later.
fn submit_patiently(connection: &Connection, tx: &RawTx) -> Result<Submitted, ApiError> {
    let deadline = Instant::now() + BUSY_TIMEOUT;
    loop {
        match connection.wait(connection.api().tx_submit(tx.clone())) {
            Err(error) if error.code == ErrorCode::Unavailable && error.retryable && Instant::now() < deadline => {
                std::thread::sleep(POLL);
            }
            answer => return answer,
        }
    }
}

fn read(file: &Path) -> Result<String, ApiError> {
    let text = files::read_text(file, MAX_FILE_BYTES)
        .map_err(|e| ApiError::new(ErrorCode::BadInput, format!("{} {e}", file.display())))?;
    Ok(text.split_whitespace().collect())
}
