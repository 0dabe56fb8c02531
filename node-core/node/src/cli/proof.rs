//! `umbel wallet prove-payment` and `umbel tx verify-payment`.

use std::fs;
use std::path::Path;

use serde_json::json;
use umbel_api::tx::{PaymentOutcome, PaymentProof, VerifiedPayment, VerifyPaymentRequest};
use umbel_api::wallet::{LockStatus, ProvePaymentRequest};
use umbel_api::{ApiError, ErrorCode};
use umbel_ledger::genesis;
use umbel_types::tx::MAX_TX_BYTES;
use umbel_types::{BlockHash, Network, Params};

use super::args::{ProvePaymentArgs, VerifyPaymentArgs};
use super::connect::{Connection, Need};
use super::{Context, files};
use crate::config::Layout;
use crate::{convert, genesis_file, payment_proof};

/// Longest file: the longest core in hexadecimal, and the other parts.
const MAX_FILE_BYTES: u64 = 2 * MAX_TX_BYTES as u64 + 4096;

/// Writes a proof.
pub(super) fn prove(context: &Context, args: &ProvePaymentArgs) -> Result<(), ApiError> {
    let connection = Connection::open(context, Need::Chain)?;
    let made = connection.with_wallet(&args.access, LockStatus::Locked, |opened| {
        opened.wait_for_scan()?;
        connection.wait(connection.api().wallet_prove_payment(ProvePaymentRequest {
            wallet: opened.name.clone(),
            txid: args.txid.clone(),
            index: args.output,
            challenge: args.challenge.clone(),
        }))
    });
    connection.close();
    let proof = made?;
    let out = args.out.display();
    let text = serde_json::to_string_pretty(&proof)
        .map_err(|e| ApiError::new(ErrorCode::Internal, format!("the proof could not be encoded: {e}")))?;
    fs::write(&args.out, format!("{text}\n"))
        .map_err(|e| ApiError::new(ErrorCode::BadInput, format!("{out} can't be written: {e}")))?;
    context.out.result(
        &json!({ "txid": args.txid.trim(), "index": proof.index, "address": proof.address, "file": args.out }),
        &format!(
            "proof written to {out}\nit shows address, amount and note of output {} to whoever has it, for ever",
            proof.index
        ),
    );
    Ok(())
}

/// Says whether a proof holds.
pub(super) fn verify(context: &Context, args: &VerifyPaymentArgs) -> Result<(), ApiError> {
    let proof = read(&args.file)?;
    let challenge = args.challenge.clone();
    if args.offline {
        return tell(context, &offline(context, &proof, challenge.as_deref())?);
    }
    match Connection::open(context, Need::Running) {
        Ok(connection) => {
            let request = VerifyPaymentRequest { proof, challenge };
            let shown = connection.wait(connection.api().tx_verify_payment(request))?;
            tell(context, &Answer { shown, genesis_checked: true })
        }
        // Whoever has no node learns as much as can be told without one.
        Err(error) if matches!(error.code, ErrorCode::NotRunning | ErrorCode::DataFolder) => {
            tell(context, &offline(context, &proof, challenge.as_deref())?)
        }
        Err(error) => Err(error),
    }
}

/// Behind a challenge that is only the file's word.
const NOT_COMPARED: &str =
    "\n             NOT compared: a proof made for somebody else holds too. Give what you asked for with --challenge";

struct Answer {
    shown: VerifiedPayment,
    /// Whether the proof's genesis was compared with one that this machine knows.
    genesis_checked: bool,
}

/// What the file alone says. The network is the proof's own; its genesis is compared where it is known here.
fn offline(context: &Context, proof: &PaymentProof, challenge: Option<&str>) -> Result<Answer, ApiError> {
    let network: Network = proof.network.parse().map_err(|_| {
        ApiError::new(ErrorCode::WrongNetwork, "the proof is about a network that this program does not know")
    })?;
    let params = Params::of(network);
    let known = known_genesis(context, &params);
    let named = || convert::block_hash(&proof.genesis);
    let genesis = known.map_or_else(named, Ok)?;
    let verified = payment_proof::verify(&params, genesis, proof, challenge)?;
    Ok(Answer { shown: verified.shown, genesis_checked: known.is_some() })
}

/// The genesis of networks that are built in, or whose file lies in the data folder.
fn known_genesis(context: &Context, params: &Params) -> Option<BlockHash> {
    let spec = match params.network {
        Network::Devnet => umbel_types::genesis::devnet(),
        network => {
            let config = context.node_config().ok()?;
            genesis_file::load(network, &Layout::new(&config.data_dir, network)).ok()?
        }
    };
    Some(genesis::build(params, &spec).hash)
}

fn tell(context: &Context, answer: &Answer) -> Result<(), ApiError> {
    let Answer { shown, genesis_checked } = answer;
    let outcome = match (shown.outcome, shown.confirmations) {
        (PaymentOutcome::Accepted, Some(depth)) => format!("accepted, {depth} blocks deep: wait until it is confirmed"),
        (PaymentOutcome::Confirmed, Some(depth)) => format!("accepted and confirmed, {depth} blocks deep"),
        (PaymentOutcome::Final, Some(depth)) => format!("accepted and final, {depth} blocks deep"),
        (PaymentOutcome::Accepted | PaymentOutcome::Confirmed | PaymentOutcome::Final, None) => "accepted".to_owned(),
        (PaymentOutcome::NotAccepted, _) => "NOT accepted: nothing was paid so far".to_owned(),
        (PaymentOutcome::Unknown, _) => {
            "not known: it is older than this node searches, or another one took its place".to_owned()
        }
        (PaymentOutcome::NotChecked, _) => {
            "NOT checked: no node was asked. The proof says who was paid only if the transaction was accepted"
                .to_owned()
        }
    };
    let mut lines = vec![
        "the proof holds".to_owned(),
        format!("amount       {} {}", shown.amount, shown.asset),
        format!("to           {}", shown.address),
        format!("fingerprint  {}", shown.fingerprint),
        format!("note         {}", shown.note.as_deref().unwrap_or("-")),
        format!("challenge    {}{}", shown.challenge, if shown.challenge_checked { "" } else { NOT_COMPARED }),
        format!("transaction  {}, output {}", shown.txid, shown.index),
        format!("outcome      {outcome}"),
    ];
    if !genesis_checked {
        lines.push("genesis      NOT checked: this machine has no genesis file of that network".to_owned());
    }
    let mut value = json!(shown);
    value["genesis_checked"] = json!(genesis_checked);
    context.out.result(&value, &lines.join("\n"));
    Ok(())
}

fn read(file: &Path) -> Result<PaymentProof, ApiError> {
    let bad = |what: String| ApiError::new(ErrorCode::BadInput, format!("{} {what}", file.display()));
    let text = files::read_text(file, MAX_FILE_BYTES).map_err(|e| bad(e.to_string()))?;
    serde_json::from_str(&text).map_err(|e| bad(format!("is no proof of payment: {e}")))
}
