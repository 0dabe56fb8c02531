//! `umbel lock`: money under several signatures, a secret, or a post-quantum key.

use std::path::Path;

use serde_json::{Value, json};
use umbel_api::lock::{
    ClaimLockRequest, CreateLockRequest, CreatedLock, LockEntry, LockKeyRequest, LockRole, LockSpent, LockState,
    LockTerms, NewLock, SignRequest, SigningFile, SigningFileRequest, SigningView, SpendLockRequest,
};
use umbel_api::wallet::{LockStatus, WalletRequest};
use umbel_api::{ApiError, ErrorCode};
use umbel_types::tx::MAX_TX_BYTES;

use super::args::WalletAccess;
use super::connect::{Connection, Need};
use super::lock_args::{ClaimArgs, CreateCommand, KeyArgs, LockCommand, LockPayment, RefundArgs, SignArgs, SpendArgs};
use super::{Context, files, secrets};

/// Longest file for signers: the longest core and proofs in hexadecimal, and the other parts.
const MAX_FILE_BYTES: u64 = 4 * MAX_TX_BYTES as u64 + 16 * 1024;

pub(super) fn execute(context: &Context, command: LockCommand) -> Result<(), ApiError> {
    match command {
        LockCommand::Key(args) => key(context, &args),
        LockCommand::Create(command) => create(context, command),
        LockCommand::List(access) => list(context, &access),
        LockCommand::Spend(args) => spend(context, &args),
        LockCommand::Sign(args) => sign(context, &args),
        LockCommand::Submit { file } => submit(context, &file),
        LockCommand::Inspect { file } => inspect(context, &file),
        LockCommand::Claim(args) => claim(context, &args),
        LockCommand::Refund(args) => refund(context, &args),
    }
}

fn key(context: &Context, args: &KeyArgs) -> Result<(), ApiError> {
    let connection = Connection::open(context, Need::Wallets)?;
    let key = connection.with_wallet(&args.access, LockStatus::Unlocked, |opened| {
        let request = LockKeyRequest { wallet: opened.name.clone(), fresh: args.new };
        connection.wait(connection.api().lock_key(request))
    });
    connection.close();
    let key = key?;
    let text =
        format!("public key    {}\nzk13str       {}\npost-quantum  {}", key.public_key, key.zk13str, key.post_quantum);
    context.out.result(&json!(key), &text);
    Ok(())
}

fn create(context: &Context, command: CreateCommand) -> Result<(), ApiError> {
    let (lock, payment) = match command {
        CreateCommand::Multisig { m, keys, payment } => (NewLock::Multisig { m, keys }, payment),
        CreateCommand::Hash { hash, new_secret: _, claim, refund, timeout, payment } => {
            (NewLock::Hash { sha256: hash, claim, refund, timeout_s: timeout }, payment)
        }
        CreateCommand::Pq { to, payment } => (NewLock::PostQuantum { to }, payment),
    };
    let LockPayment { access, amount } = payment;
    let connection = Connection::open(context, Need::Running)?;
    let mut asked = false;
    let created = connection.with_wallet(&access, LockStatus::Unlocked, |opened| {
        opened.wait_for_scan()?;
        if !asked && !context.out.confirm(&format!("Lock {amount} STR publicly: {}?", describe_new(&lock))) {
            return Err(ApiError::new(ErrorCode::BadInput, "nothing was sent"));
        }
        asked = true;
        let request = CreateLockRequest { wallet: opened.name.clone(), amount: amount.clone(), lock: lock.clone() };
        connection.wait(connection.api().lock_create(request))
    })?;
    context.out.result(&created_json(&created), &created_text(&created));
    Ok(())
}

fn describe_new(lock: &NewLock) -> String {
    match lock {
        NewLock::Multisig { m, keys } => format!("{m} of {} keys open it", keys.len()),
        NewLock::Hash { claim, timeout_s, .. } => {
            format!("{claim} claims it with the secret, it goes back after {} hours", timeout_s / 3600)
        }
        NewLock::PostQuantum { to } => format!("both keys of {to} open it"),
    }
}

/// The secret is shown where there is one, and only there.
fn created_json(created: &CreatedLock) -> Value {
    let mut value = json!(created);
    match &created.secret {
        Some(secret) => value["secret"] = json!(secret.expose()),
        None => {
            if let Some(fields) = value.as_object_mut() {
                fields.remove("secret");
            }
        }
    }
    value
}

fn created_text(created: &CreatedLock) -> String {
    let mut lines = vec![
        format!("locked {} STR, fee {} STR", created.amount, created.fee),
        format!("lock         {}", created.outpoint),
    ];
    lines.extend(terms_lines(&created.lock));
    if let Some(secret) = &created.secret {
        lines.push(format!("secret       {}", secret.expose()));
        lines.push("whoever claims elsewhere with the secret shows it to everyone; until then, keep it".to_owned());
    }
    lines.join("\n")
}

fn terms_lines(lock: &LockTerms) -> Vec<String> {
    match lock {
        LockTerms::Multisig { m, keys } => {
            let keys = keys.iter().enumerate().map(|(index, key)| format!("key {index:<9}{key}"));
            std::iter::once(format!("signatures   {m} of {}", keys.len())).chain(keys).collect()
        }
        LockTerms::Hash { sha256, claim, refund, timeout } => vec![
            format!("SHA-256      {sha256}"),
            format!("claim        {claim}"),
            format!("refund       {refund}"),
            format!("timeout      DAA score {timeout}"),
        ],
        LockTerms::PostQuantum { address } => vec![format!("address      {address}")],
    }
}

fn list(context: &Context, access: &WalletAccess) -> Result<(), ApiError> {
    let connection = Connection::open(context, Need::Chain)?;
    let list = connection.with_wallet(access, LockStatus::Locked, |opened| {
        opened.wait_for_scan()?;
        connection.wait(connection.api().lock_list(WalletRequest { wallet: opened.name.clone() }))
    });
    connection.close();
    let list = list?;
    let shown: Vec<String> = list.locks.iter().map(entry_text).collect();
    let mut text = if shown.is_empty() { "no locks".to_owned() } else { shown.join("\n\n") };
    if list.left_out > 0 {
        text.push_str(&format!("\n\n{} more are not listed: they are spent, or hold less", list.left_out));
    }
    context.out.result(&json!(list), &text);
    Ok(())
}

fn entry_text(entry: &LockEntry) -> String {
    let roles: Vec<&str> = entry
        .roles
        .iter()
        .map(|role| match role {
            LockRole::Signer => "signs",
            LockRole::Claim => "claims",
            LockRole::Refund => "takes back",
            LockRole::Owner => "spends",
        })
        .collect();
    let state = match (entry.state, &entry.spent_by) {
        (LockState::Spent, Some(by)) => format!("spent by {by}"),
        (LockState::Spending, Some(by)) => format!("being spent by {by}"),
        (LockState::Open | LockState::Spent | LockState::Spending, _) => "open".to_owned(),
    };
    let mut lines = vec![
        format!("{}  {} {}", entry.outpoint, entry.amount, entry.asset),
        format!("state        {state}"),
        format!("this wallet  {}", roles.join(", ")),
    ];
    lines.extend(terms_lines(&entry.lock));
    if let (Some(claim), Some(refund)) = (entry.claim_before, entry.refund_from) {
        lines.push(format!("claim before DAA score {claim}"));
        let now = if entry.refund_open { ", open now" } else { "" };
        lines.push(format!("refund from  DAA score {refund}, from the timeout on where that is certified{now}"));
    }
    lines.extend(entry.preimage.as_ref().map(|preimage| format!("secret       {preimage}")));
    lines.join("\n")
}

fn lock_request(wallet: &str, args: &RefundArgs) -> SpendLockRequest {
    SpendLockRequest { wallet: wallet.to_owned(), outpoint: args.outpoint.clone(), to: args.to.clone() }
}

fn spend(context: &Context, args: &SpendArgs) -> Result<(), ApiError> {
    let Some(out) = &args.out else {
        return spend_alone(context, &args.lock, |connection, wallet| {
            connection.wait(connection.api().lock_spend(lock_request(wallet, &args.lock)))
        });
    };
    let connection = Connection::open(context, Need::Chain)?;
    let proposed = connection.with_wallet(&args.lock.access, LockStatus::Unlocked, |opened| {
        opened.wait_for_scan()?;
        let request = lock_request(&opened.name, &args.lock);
        let file = connection.wait(connection.api().lock_propose(request))?;
        let view = look(&connection, &file)?;
        Ok((file, view))
    });
    connection.close();
    let (file, view) = proposed?;
    write(out, &file)?;
    show_written(context, &view, out);
    Ok(())
}

fn claim(context: &Context, args: &ClaimArgs) -> Result<(), ApiError> {
    let preimage = args.preimage_file.as_deref().map(|file| secrets::first_line(file, "preimage")).transpose()?;
    if args.force {
        context.out.note(
            "warning: from two hours before the timeout on, the other side may take the money back although the claim \
             shows the secret to everyone",
        );
    }
    spend_alone(context, &args.lock, |connection, wallet| {
        let SpendLockRequest { wallet, outpoint, to } = lock_request(wallet, &args.lock);
        let preimage = preimage.clone();
        let request = ClaimLockRequest { wallet, outpoint, to, preimage, force: args.force, for_less: args.for_less };
        connection.wait(connection.api().lock_claim(request))
    })
}

fn refund(context: &Context, args: &RefundArgs) -> Result<(), ApiError> {
    spend_alone(context, args, |connection, wallet| {
        connection.wait(connection.api().lock_refund(lock_request(wallet, args)))
    })
}

/// Spends a lock with this wallet's keys alone.
fn spend_alone(
    context: &Context,
    args: &RefundArgs,
    call: impl Fn(&Connection, &str) -> Result<LockSpent, ApiError>,
) -> Result<(), ApiError> {
    let connection = Connection::open(context, Need::Running)?;
    let spent = connection.with_wallet(&args.access, LockStatus::Unlocked, |opened| {
        opened.wait_for_scan()?;
        call(&connection, &opened.name)
    })?;
    let text = format!(
        "spent: {} STR, fee {} STR\nto           {}\ntransaction  {}",
        spent.amount, spent.fee, spent.to, spent.txid
    );
    context.out.result(&json!(spent), &text);
    Ok(())
}

fn look(connection: &Connection, file: &SigningFile) -> Result<SigningView, ApiError> {
    connection.wait(connection.api().lock_inspect(SigningFileRequest { file: file.clone() }))
}

fn sign(context: &Context, args: &SignArgs) -> Result<(), ApiError> {
    let file = read(&args.file)?;
    let connection = Connection::open(context, Need::Wallets)?;
    let signed = sign_on(context, &connection, args, &file);
    connection.close();
    let (signed, view) = signed?;
    let out = args.out.as_deref().unwrap_or(&args.file);
    write(out, &signed)?;
    show_written(context, &view, out);
    Ok(())
}

fn sign_on(
    context: &Context,
    connection: &Connection,
    args: &SignArgs,
    file: &SigningFile,
) -> Result<(SigningFile, SigningView), ApiError> {
    let view = look(connection, file)?;
    if context.out.can_ask() {
        context.out.note(&view_text(&view));
    }
    if !context.out.confirm("Sign this?") {
        return Err(ApiError::new(ErrorCode::BadInput, "nothing was signed"));
    }
    connection.with_wallet(&args.access, LockStatus::Unlocked, |opened| {
        let request = SignRequest { wallet: opened.name.clone(), file: file.clone() };
        let signed = connection.wait(connection.api().lock_sign(request))?;
        let view = look(connection, &signed)?;
        Ok((signed, view))
    })
}

fn show_written(context: &Context, view: &SigningView, out: &Path) {
    let next = if view.complete {
        format!("it has all its signatures: submit it with `umbel lock submit {}`", out.display())
    } else {
        "pass it on to the other signers".to_owned()
    };
    let mut value = json!(view);
    value["file"] = json!(out);
    context.out.result(&value, &format!("{}\nwritten to {}; {next}", view_text(view), out.display()));
}

fn submit(context: &Context, file: &Path) -> Result<(), ApiError> {
    let file = read(file)?;
    let connection = Connection::open(context, Need::Running)?;
    let submitted = connection.wait(connection.api().lock_submit(SigningFileRequest { file }))?;
    let what = if submitted.accepted { "was accepted already" } else { "submitted" };
    context.out.result(&json!(submitted), &format!("transaction {} {what}", submitted.txid));
    Ok(())
}

fn inspect(context: &Context, file: &Path) -> Result<(), ApiError> {
    let file = read(file)?;
    let connection = Connection::open(context, Need::Wallets)?;
    let view = look(&connection, &file);
    connection.close();
    let view = view?;
    context.out.result(&json!(view), &view_text(&view));
    Ok(())
}

fn view_text(view: &SigningView) -> String {
    let mut lines = vec![
        format!("lock         {}, {} STR", view.outpoint, view.value),
        format!("pays         {} STR, fee {} STR", view.amount, view.fee),
        format!("to           {}", view.to),
        format!("fingerprint  {}", view.fingerprint),
        format!("signatures   {} of {} needed", view.signed.len(), view.m),
    ];
    for (key, index) in view.keys.iter().zip(0u8..) {
        let mark = if view.signed.contains(&index) { "signed" } else { "" };
        lines.push(format!("key {index:<9}{key} {mark}").trim_end().to_owned());
    }
    lines.push(format!("valid until  DAA score {}", view.expires));
    lines.push(format!("transaction  {}", view.txid));
    lines.join("\n")
}

fn read(file: &Path) -> Result<SigningFile, ApiError> {
    let bad = |what: String| ApiError::new(ErrorCode::BadInput, format!("{} {what}", file.display()));
    let text = files::read_text(file, MAX_FILE_BYTES).map_err(|e| bad(e.to_string()))?;
    serde_json::from_str(&text).map_err(|e| bad(format!("is no file for signers: {e}")))
}

/// Writes the whole file, or leaves what was there.
fn write(out: &Path, file: &SigningFile) -> Result<(), ApiError> {
    let text = serde_json::to_string_pretty(file)
        .map_err(|e| ApiError::new(ErrorCode::Internal, format!("the file could not be encoded: {e}")))?;
    files::replace(out, format!("{text}\n").as_bytes())
        .map_err(|e| ApiError::new(ErrorCode::BadInput, format!("{} can't be written: {e}", out.display())))
}
