//! `umbel chain`: headers, and proofs about the ledger.

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use umbel_api::chain::{
    HeaderFile, HeaderRequest, LedgerProofFile, ProvePlaceRequest, ProveRewardsRequest, ProveStateRequest,
    ProveTxRequest,
};
use umbel_api::{ApiError, ErrorCode};
use umbel_ledger::proofs::{Accepted, Fact, MAX_PROOF_BYTES, Proven, ProvenState};
use umbel_types::staking::{Delegation, OverlayRecord, Validator, ValidatorStanding};
use umbel_types::state::{SetMember, State, StateClass, ValidatorSet};
use umbel_types::{Amount, BlockHash, Decode, Encode};

use super::chain_args::{ChainCommand, ProofArgs, VerifyArgs};
use super::connect::{Connection, Need};
use super::{Context, files};
use crate::{convert, ledger_proof};

/// Longest file: a proof in hexadecimal, and the other fields.
const MAX_FILE_BYTES: u64 = 2 * MAX_PROOF_BYTES as u64 + 4096;

pub(super) fn execute(context: &Context, command: ChainCommand) -> Result<(), ApiError> {
    match command {
        ChainCommand::Header { block, out } => header(context, block, out.as_deref()),
        ChainCommand::ProveTx { txid, accepted_in, proof } => prove(context, &proof, |connection, anchor| {
            connection.wait(connection.api().chain_prove_tx(ProveTxRequest { txid, accepted_in, anchor }))
        }),
        ChainCommand::ProveRewards { block, proof } => prove(context, &proof, |connection, anchor| {
            connection.wait(connection.api().chain_prove_rewards(ProveRewardsRequest { block, anchor }))
        }),
        ChainCommand::ProveState { kind, name, at, proof } => prove(context, &proof, |connection, anchor| {
            let request = ProveStateRequest { kind: kind.into(), name, at, anchor };
            connection.wait(connection.api().chain_prove_state(request))
        }),
        ChainCommand::ProveBlock { block, proof } => prove(context, &proof, |connection, anchor| {
            connection.wait(connection.api().chain_prove_block(ProvePlaceRequest { block, anchor }))
        }),
        ChainCommand::VerifyProof(args) => verify(context, &args),
    }
}

fn header(context: &Context, block: Option<String>, out: Option<&Path>) -> Result<(), ApiError> {
    let connection = Connection::open(context, Need::Chain)?;
    let found = connection.wait(connection.api().chain_header(HeaderRequest { block }));
    connection.close();
    let found = found?;
    let mut lines = vec![
        format!("block      {}", found.block),
        format!("DAA score  {}", found.daa_score),
        format!("depth      {}", found.depth),
        match (found.is_chain_block, found.is_final) {
            (true, true) => "on the selected chain, final".to_owned(),
            (true, false) => "on the selected chain, not final yet".to_owned(),
            (false, _) => "NOT on the selected chain: do not trust it for what the chain accepted".to_owned(),
        },
    ];
    if let Some(out) = out {
        write(out, &found.file)?;
        lines.push(format!("header written to {}", out.display()));
    }
    context.out.result(&json!(found), &lines.join("\n"));
    Ok(())
}

fn prove(
    context: &Context,
    args: &ProofArgs,
    ask: impl FnOnce(&Connection, Option<String>) -> Result<LedgerProofFile, ApiError>,
) -> Result<(), ApiError> {
    let connection = Connection::open(context, Need::Chain)?;
    let made = ask(&connection, args.anchor.clone());
    connection.close();
    let made = made?;
    let anchor = ledger_proof::read_proof(&made)?.anchor().hash();
    match &args.out {
        None => context.out.result(&json!(made), &pretty(&made)?),
        Some(out) => {
            write(out, &made)?;
            context.out.result(
                &json!({ "file": out, "anchor": anchor.to_string() }),
                &format!("proof written to {}\nit holds for whoever trusts block {anchor}", out.display()),
            );
        }
    }
    Ok(())
}

/// Why the block that a proof ends in is trusted.
enum Trust {
    /// The person named its header or its hash.
    Given,
    /// The running node has it on its selected chain, with so much blue score above it.
    Node { depth: u64, is_final: bool },
}

fn verify(context: &Context, args: &VerifyArgs) -> Result<(), ApiError> {
    let file: LedgerProofFile = read(&args.file, "proof about the ledger")?;
    let proof = ledger_proof::read_proof(&file)?;
    let (trusted, trust) = match (&args.header, &args.block) {
        (Some(header), _) => {
            let header: HeaderFile = read(header, "header")?;
            if header.network != file.network {
                let message = format!("the proof is about {:?}, the header about {:?}", file.network, header.network);
                return Err(ApiError::new(ErrorCode::WrongNetwork, message));
            }
            (ledger_proof::read_header(&header)?.hash(), Trust::Given)
        }
        (None, Some(block)) => (convert::block_hash(block.trim())?, Trust::Given),
        (None, None) => ask_node(context, proof.anchor().hash())?,
    };
    tell(context, &ledger_proof::verify(proof, trusted)?, &trust);
    Ok(())
}

/// Trusts a block that is on the running node's selected chain.
fn ask_node(context: &Context, anchor: BlockHash) -> Result<(BlockHash, Trust), ApiError> {
    let connection = Connection::open(context, Need::Running).map_err(|error| match error.code {
        ErrorCode::NotRunning | ErrorCode::DataFolder => ApiError::new(
            ErrorCode::NotRunning,
            "no node is running to say whether the proof ends in a block of the chain: start one, or say what you trust \
             with --header or --block",
        ),
        _ => error,
    })?;
    let request = HeaderRequest { block: Some(anchor.to_string()) };
    match connection.wait(connection.api().chain_header(request)) {
        Ok(found) if found.is_chain_block => Ok((anchor, Trust::Node { depth: found.depth, is_final: found.is_final })),
        Err(error) if error.code != ErrorCode::NotFound => Err(error),
        Ok(_) | Err(_) => {
            let message = format!("the proof ends in block {anchor}, which is not on this node's selected chain");
            Err(ApiError::new(ErrorCode::BadProof, message))
        }
    }
}

fn tell(context: &Context, proven: &Proven, trust: &Trust) {
    let header = proven.header();
    let mut lines = vec!["the proof holds".to_owned(), format!("block        {}", header.hash())];
    let mut value = json!({
        "trusted": proven.trusted().to_string(),
        "asked_node": matches!(trust, Trust::Node { .. }),
        "block": header.hash().to_string(),
        "daa_score": header.daa_score.0,
        "timestamp_ms": header.timestamp.0,
    });
    if let Some((height, above)) = proven.heights() {
        lines.push(format!("height       {height} on the selected chain, below the trusted block at {above}"));
        value["height"] = json!(height);
        value["trusted_height"] = json!(above);
    }
    let (fact, told) = match proven.fact() {
        Fact::Acceptance(acceptance) => accepted(acceptance.accepted()),
        Fact::State(state) => state_fact(state),
        Fact::Place => {
            (json!({ "kind": "place" }), vec!["shows        where the block stands, nothing else".to_owned()])
        }
    };
    value["fact"] = fact;
    lines.extend(told);
    lines.push(match trust {
        Trust::Given => format!("trusted      block {}, as you said; no node was asked", proven.trusted()),
        Trust::Node { depth, is_final } => {
            value["depth"] = json!(depth);
            value["is_final"] = json!(is_final);
            let standing = if *is_final { "final" } else { "not final yet" };
            let trusted = proven.trusted();
            format!("trusted      block {trusted}, on this node's selected chain, {depth} blocks deep, {standing}")
        }
    });
    context.out.result(&value, &lines.join("\n"));
}

fn accepted(accepted: &Accepted) -> (Value, Vec<String>) {
    match accepted {
        Accepted::Transaction(facts) => (
            json!({
                "kind": "transaction",
                "txid": facts.txid.to_string(),
                "outcome": "accepted",
                "gas_used": facts.gas_used,
                "consumed": facts.consumed.to_string(),
                "created": facts.created.to_string(),
            }),
            vec![format!("transaction  {} was accepted by it", facts.txid)],
        ),
        Accepted::System(facts) => {
            let outpoints: Vec<String> =
                facts.outpoints.iter().map(|outpoint| format!("{}:{}", outpoint.source, outpoint.index)).collect();
            let told = format!("outputs      {} that no transaction made", outpoints.len());
            let lines =
                core::iter::once(told).chain(outpoints.iter().map(|outpoint| format!("             {outpoint}")));
            (json!({ "kind": "rewards", "outpoints": outpoints }), lines.collect())
        }
    }
}

fn state_fact(proven: &ProvenState) -> (Value, Vec<String>) {
    let key = proven.key();
    let mut value = json!({ "kind": "state", "ledger": format!("{:?}", key.ledger).to_lowercase(), "object": key.object.to_string() });
    let mut lines = vec![format!("object       {} of {:?}", key.object, key.ledger)];
    match proven.state() {
        None => {
            value["present"] = json!(false);
            lines.push("content      there is no such object".to_owned());
        }
        Some(state) => {
            value["present"] = json!(true);
            value["class"] = json!(format!("{:?}", state.class));
            value["nonce"] = json!(state.nonce);
            value["state"] = json!(hex::encode(state.to_bytes()));
            let (content, told) = content(state);
            value["content"] = content;
            lines.push(format!("content      {told}"));
        }
    }
    (value, lines)
}

/// What an object holds, in a few words; its bytes where they are of another form than its class has.
fn content(state: &State) -> (Value, String) {
    let known = match state.class {
        StateClass::Balance => Amount::from_bytes(&state.body)
            .ok()
            .map(|amount| (json!({ "amount": amount.to_string() }), format!("balance of {amount}"))),
        StateClass::ValidatorSet => ValidatorSet::from_bytes(&state.body).ok().map(|set| {
            let member = |m: &SetMember| json!({ "key_hash": m.key_hash.to_string(), "stake": m.stake.to_string() });
            let members: Vec<Value> = set.members.iter().map(member).collect();
            let told = format!("{} validators of epoch {}", members.len(), set.epoch);
            (json!({ "epoch": set.epoch, "members": members }), told)
        }),
        StateClass::Validator => Validator::from_bytes(&state.body).ok().map(|validator| {
            let standing = match validator.standing {
                ValidatorStanding::Good => "good",
                ValidatorStanding::Jailed => "jailed",
                ValidatorStanding::Slashed { .. } => "slashed",
            };
            let Validator { bonded, commission_bps, .. } = validator;
            let value = json!({ "standing": standing, "bonded": bonded.to_string(), "commission_bps": commission_bps });
            (value, format!("validator, {standing}, with {bonded} bonded"))
        }),
        StateClass::Delegation => Delegation::from_bytes(&state.body).ok().map(|delegation| {
            let (validator, bonded) = (delegation.validator.to_string(), delegation.bonded);
            let told = format!("delegation of {bonded} to {validator}");
            (json!({ "validator": validator, "bonded": bonded.to_string() }), told)
        }),
        StateClass::Overlay => OverlayRecord::from_bytes(&state.body).ok().map(|record| {
            let OverlayRecord { epoch, certified, .. } = record;
            let told = format!("epoch {epoch}; checkpoint {} is certified: block {}", certified.index, certified.block);
            (json!({ "epoch": epoch, "checkpoint": certified.index, "block": certified.block.to_string() }), told)
        }),
    };
    known.unwrap_or_else(|| {
        let body = hex::encode(&state.body);
        (json!({ "body": body }), format!("{:?}: {body}", state.class))
    })
}

fn pretty(value: &impl Serialize) -> Result<String, ApiError> {
    serde_json::to_string_pretty(value)
        .map_err(|e| ApiError::new(ErrorCode::Internal, format!("the file could not be encoded: {e}")))
}

fn write(path: &Path, value: &impl Serialize) -> Result<(), ApiError> {
    let text = format!("{}\n", pretty(value)?);
    files::replace(path, text.as_bytes())
        .map_err(|e| ApiError::new(ErrorCode::BadInput, format!("{} can't be written: {e}", path.display())))
}

fn read<T: DeserializeOwned>(path: &Path, what: &str) -> Result<T, ApiError> {
    let bad = |reason: String| ApiError::new(ErrorCode::BadInput, format!("{} {reason}", path.display()));
    let text = files::read_text(path, MAX_FILE_BYTES).map_err(|e| bad(e.to_string()))?;
    serde_json::from_str(&text).map_err(|e| bad(format!("is no {what}: {e}")))
}
