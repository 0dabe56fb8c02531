//! `umbel stake`: validators, delegations, and the vote key of this machine.

use std::path::Path;

use serde_json::json;
use umbel_api::stake::{
    DelegateRequest, RegisterRequest, RestoreKeyRequest, StakeMoved, StakePosition, StakeRequest, StakeValidator,
    StakeView, TakeOverRequest, UndelegateRequest, ValidateRequest, ValidatingState, WithdrawRequest,
};
use umbel_api::wallet::{LockStatus, WalletRequest};
use umbel_api::{ApiError, Empty, ErrorCode};

use super::args::WalletAccess;
use super::connect::{Connection, Need};
use super::stake_args::{
    DelegateArgs, KeyPassword, MoveArgs, RegisterArgs, RestoreArgs, StakeCommand, StatusArgs, UndelegateArgs,
    WithdrawArgs,
};
use super::{Context, files, secrets};

/// Longest file of a key on its way, in bytes: it has some 500.
const MAX_MOVE_BYTES: u64 = 16 * 1024;

pub(super) fn execute(context: &Context, command: StakeCommand) -> Result<(), ApiError> {
    match command {
        StakeCommand::Status(args) => status(context, &args),
        StakeCommand::Register(args) => register(context, &args),
        StakeCommand::Delegate(args) => delegate(context, &args),
        StakeCommand::Undelegate(args) => undelegate(context, &args),
        StakeCommand::Withdraw(args) => withdraw(context, &args),
        StakeCommand::Unjail(access) => unjail(context, &access),
        StakeCommand::Report(access) => report(context, &access),
        StakeCommand::Start(key) => start(context, &key),
        StakeCommand::Restore(args) => restore(context, &args),
        StakeCommand::Stop => stop(context),
        StakeCommand::Move(args) => move_key(context, &args),
    }
}

fn status(context: &Context, args: &StatusArgs) -> Result<(), ApiError> {
    let connection = Connection::open(context, Need::Chain)?;
    let view = if args.access.wallet.name.is_some() {
        connection.with_wallet(&args.access, LockStatus::Locked, |opened| {
            opened.wait_for_scan()?;
            connection.wait(connection.api().stake_status(StakeRequest { wallet: Some(opened.name.clone()) }))
        })
    } else {
        connection.wait(connection.api().stake_status(StakeRequest::default()))
    };
    let state = connection.wait(connection.api().node_state(Empty {}));
    connection.close();
    let (view, validating) = (view?, state?.validating);
    let mut value = json!(view);
    value["validating"] = json!(validating);
    context.out.result(&value, &status_text(&view, &validating));
    Ok(())
}

fn status_text(view: &StakeView, validating: &ValidatingState) -> String {
    let mut lines = vec![format!(
        "epoch {}, which ends in {} or later; stake comes out within {}",
        view.epoch,
        span(view.epoch_ends_in_s),
        span(view.unbonding_s)
    )];
    if view.stalled {
        lines.push("validators are behind: stake can't be withdrawn until votes come again".to_owned());
    }
    lines.extend(view.validators.iter().map(validator_text));
    for position in &view.mine {
        lines.push(String::new());
        lines.extend(position_lines(position));
    }
    if let Some(id) = &validating.validator {
        let status = json!(validating.status).as_str().unwrap_or_default().to_owned();
        let reason = validating.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
        lines.extend([String::new(), format!("this machine has the vote key of {id}, {status}{reason}")]);
    }
    lines.join("\n")
}

fn validator_text(validator: &StakeValidator) -> String {
    let status = json!(validator.status).as_str().unwrap_or_default().to_owned();
    let signed = match validator.signed {
        Some(share) if share.of == 0 => ", no block of this epoch carries a certificate yet".to_owned(),
        Some(share) => format!(", signed {} of {}", share.signed, share.of),
        None => String::new(),
    };
    let own = if validator.own { ", yours" } else { "" };
    format!(
        "{}  {} STR, keeps {}.{:02} %, {status}{signed}{own}",
        validator.id,
        validator.stake,
        validator.commission_bps / 100,
        validator.commission_bps % 100
    )
}

fn position_lines(position: &StakePosition) -> Vec<String> {
    let mut lines = vec![
        format!("with {}", position.validator),
        format!("staked       {} STR", position.staked),
        format!("rewards      {} STR", position.rewards),
        format!("due          {} STR", position.due),
    ];
    lines.extend(position.leaving.iter().map(|leaving| {
        format!("leaving      {} STR, from epoch {} on, in about {}", leaving.amount, leaving.epoch, span(leaving.in_s))
    }));
    if let Some(kept) = position.kept_ppb {
        lines.push(format!("slashed      {}.{} % are left", kept / 10_000_000, kept / 1_000_000 % 10));
    }
    lines
}

fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// Refused before a password is asked for.
fn check_public(accepted: bool) -> Result<(), ApiError> {
    if accepted {
        return Ok(());
    }
    let message = "staked STR is public: everyone sees who stakes how much, for ever; add --public to accept that";
    Err(ApiError::new(ErrorCode::NeedsPublic, message))
}

/// Asks once, moves stake with an open wallet, and says what is on its way.
fn act(
    context: &Context,
    access: &WalletAccess,
    question: &str,
    call: impl Fn(&Connection, &str) -> Result<StakeMoved, ApiError>,
) -> Result<(), ApiError> {
    let connection = Connection::open(context, Need::Running)?;
    let mut asked = false;
    let moved = connection.with_wallet(access, LockStatus::Unlocked, |opened| {
        opened.wait_for_scan()?;
        if !asked && !context.out.confirm(question) {
            return Err(ApiError::new(ErrorCode::BadInput, "nothing was sent"));
        }
        asked = true;
        call(&connection, &opened.name)
    })?;
    context.out.result(&json!(moved), &moved_text(&moved));
    Ok(())
}

fn moved_text(moved: &StakeMoved) -> String {
    format!(
        "on its way: {} STR, fee {} STR\nvalidator    {}\ntransaction  {}",
        moved.amount, moved.fee, moved.validator, moved.txid
    )
}

fn register(context: &Context, args: &RegisterArgs) -> Result<(), ApiError> {
    check_public(args.public)?;
    let password = secrets::new_validator_password(args.key.key_password_file.as_deref())?;
    let question = format!("Make a validator with a bond of {} STR, which everyone sees?", args.stake);
    act(context, &args.access, &question, |connection, wallet| {
        connection.wait(connection.api().stake_register(RegisterRequest {
            wallet: wallet.to_owned(),
            stake: args.stake.clone(),
            commission_bps: args.commission_bps,
            password: password.clone(),
            public: args.public,
        }))
    })
}

fn delegate(context: &Context, args: &DelegateArgs) -> Result<(), ApiError> {
    check_public(args.public)?;
    let question = format!("Stake {} STR with {}, which everyone sees?", args.amount, args.validator);
    act(context, &args.access, &question, |connection, wallet| {
        connection.wait(connection.api().stake_delegate(DelegateRequest {
            wallet: wallet.to_owned(),
            validator: args.validator.clone(),
            amount: args.amount.clone(),
            public: args.public,
        }))
    })
}

fn undelegate(context: &Context, args: &UndelegateArgs) -> Result<(), ApiError> {
    let question = format!("Take {} STR out from {}?", args.amount, args.validator);
    act(context, &args.access, &question, |connection, wallet| {
        connection.wait(connection.api().stake_undelegate(UndelegateRequest {
            wallet: wallet.to_owned(),
            validator: args.validator.clone(),
            amount: args.amount.clone(),
        }))
    })
}

fn withdraw(context: &Context, args: &WithdrawArgs) -> Result<(), ApiError> {
    let what = if args.rewards { "the rewards" } else { "all that is due" };
    let question = format!("Withdraw {what} from {}, to a public address of this wallet?", args.validator);
    act(context, &args.access, &question, |connection, wallet| {
        connection.wait(connection.api().stake_withdraw(WithdrawRequest {
            wallet: wallet.to_owned(),
            validator: args.validator.clone(),
            rewards_only: args.rewards,
        }))
    })
}

fn unjail(context: &Context, access: &WalletAccess) -> Result<(), ApiError> {
    act(context, access, "Let this wallet's validator be elected again?", |connection, wallet| {
        connection.wait(connection.api().stake_unjail(WalletRequest { wallet: wallet.to_owned() }))
    })
}

fn report(context: &Context, access: &WalletAccess) -> Result<(), ApiError> {
    let connection = Connection::open(context, Need::Running)?;
    let reported = connection.with_wallet(access, LockStatus::Unlocked, |opened| {
        opened.wait_for_scan()?;
        connection.wait(connection.api().stake_report(WalletRequest { wallet: opened.name.clone() }))
    })?;
    let text = match reported.reports.as_slice() {
        [] => "no validator was seen contradicting itself".to_owned(),
        reports => reports.iter().map(moved_text).collect::<Vec<_>>().join("\n\n"),
    };
    context.out.result(&json!(reported), &text);
    Ok(())
}

fn validating_text(state: &ValidatingState) -> String {
    let status = json!(state.status).as_str().unwrap_or_default().to_owned();
    let reason = state.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
    format!("{}, {status}{reason}", state.validator.as_deref().unwrap_or("no vote key"))
}

fn start(context: &Context, key: &KeyPassword) -> Result<(), ApiError> {
    let connection = Connection::open(context, Need::Running)?;
    let password = secrets::validator_password(key.key_password_file.as_deref())?;
    let state = connection.wait(connection.api().validator_start(ValidateRequest { password }))?;
    context.out.result(&json!(state), &validating_text(&state));
    Ok(())
}

fn restore(context: &Context, args: &RestoreArgs) -> Result<(), ApiError> {
    let connection = Connection::open(context, Need::Running)?;
    let password = secrets::new_validator_password(args.key.key_password_file.as_deref())?;
    let state = connection.with_wallet(&args.access, LockStatus::Unlocked, |opened| {
        connection.wait(connection.api().validator_restore(RestoreKeyRequest {
            wallet: opened.name.clone(),
            validator: args.validator.clone(),
            password: password.clone(),
        }))
    })?;
    context.out.result(&json!(state), &validating_text(&state));
    Ok(())
}

fn stop(context: &Context) -> Result<(), ApiError> {
    let connection = Connection::open(context, Need::Running)?;
    let state = connection.wait(connection.api().validator_stop(Empty {}))?;
    context.out.result(&json!(state), &validating_text(&state));
    Ok(())
}

fn move_key(context: &Context, args: &MoveArgs) -> Result<(), ApiError> {
    let connection = Connection::open(context, Need::Wallets)?;
    let done = match (&args.out, &args.take_over) {
        (Some(out), _) => move_out(context, &connection, args, out),
        (None, Some(file)) => move_in(context, &connection, args, file),
        (None, None) => Err(ApiError::new(ErrorCode::BadInput, "say --out FILE or --in FILE")),
    };
    connection.close();
    done
}

fn move_out(context: &Context, connection: &Connection, args: &MoveArgs, out: &Path) -> Result<(), ApiError> {
    let password = secrets::validator_password(args.key.key_password_file.as_deref())?;
    if !context.out.confirm("This machine will never vote with the key again. Go on?") {
        return Err(ApiError::new(ErrorCode::BadInput, "nothing was changed"));
    }
    let moved = connection.wait(connection.api().validator_move_out(ValidateRequest { password }))?;
    // Should this fail, the same command writes the same again.
    files::replace(out, format!("{}\n", moved.sealed).as_bytes()).map_err(|error| {
        ApiError::new(ErrorCode::DataFolder, format!("{} can't be written: {error}; try again", out.display()))
    })?;
    let text = format!(
        "the vote key of {} is in {}; take it over there with `umbel stake move --in`",
        moved.validator,
        out.display()
    );
    context.out.result(&json!({ "validator": moved.validator, "file": out }), &text);
    Ok(())
}

fn move_in(context: &Context, connection: &Connection, args: &MoveArgs, file: &Path) -> Result<(), ApiError> {
    let sealed = files::read_text(file, MAX_MOVE_BYTES)
        .map_err(|e| ApiError::new(ErrorCode::BadInput, format!("the file {} {e}", file.display())))?;
    let password = secrets::validator_password(args.key.key_password_file.as_deref())?;
    let request = TakeOverRequest { sealed: sealed.trim().to_owned(), password };
    let state = connection.wait(connection.api().validator_move_in(request))?;
    let mut text = validating_text(&state);
    if connection.is_local() {
        text.push_str("\nno node runs here: start one with `umbel node run --validate`");
    }
    context.out.result(&json!(state), &text);
    Ok(())
}
