//! `umbel wallet`, but for sending.

use serde_json::{Value, json};
use umbel_api::wallet::{
    Balance, CreateRequest, History, HistoryEntry, HistoryKind, HistoryRequest, LockStatus, NewAddressRequest,
    RestoreRequest, RevealRequest, WalletRequest, WalletState,
};
use umbel_api::{ApiError, Empty, ErrorCode, Secret};

use super::args::{AddressArgs, CreateArgs, HistoryArgs, RestoreArgs, WalletAccess, WalletCommand, WalletName};
use super::connect::{Connection, Need};
use super::{Context, proof, secrets, send};
use crate::convert;

pub(super) fn execute(context: &Context, command: WalletCommand) -> Result<(), ApiError> {
    match command {
        WalletCommand::Create(args) => create(context, &args),
        WalletCommand::Restore(args) => restore(context, &args),
        WalletCommand::List => list(context),
        WalletCommand::Remove { wallet } => remove(context, &wallet),
        WalletCommand::Address(args) => address(context, args),
        WalletCommand::Balance(access) => balance(context, &access),
        WalletCommand::History(args) => history(context, &args),
        WalletCommand::Reveal(access) => reveal(context, &access),
        WalletCommand::Send(args) => send::send(context, &args.payment),
        WalletCommand::ProvePayment(args) => proof::prove(context, &args),
    }
}

/// The name of a wallet that is to be made.
fn new_name(name: &WalletName) -> Result<String, ApiError> {
    let missing = || ApiError::new(ErrorCode::BadInput, "the new wallet needs a name: --wallet NAME");
    name.name.clone().ok_or_else(missing)
}

fn create(context: &Context, args: &CreateArgs) -> Result<(), ApiError> {
    let name = new_name(&args.access.wallet)?;
    if !matches!(args.words, 12 | 24) {
        return Err(ApiError::new(ErrorCode::BadWords, "a wallet has 12 or 24 words"));
    }
    let passphrase = secrets::passphrase(args.passphrase_file.as_deref())?;
    let password = secrets::new_password(args.access.password.password_file.as_deref())?;
    let connection = Connection::open(context, Need::Wallets)?;
    let request = CreateRequest { name: name.clone(), password, word_count: args.words, passphrase };
    let created = connection.wait(connection.api().wallet_create(request));
    let created = match created {
        Ok(created) => created,
        Err(error) => {
            connection.close();
            return Err(error);
        }
    };
    context.out.result(
        &json!({
            "words": created.words.expose(),
            "zk13str": created.zk13str,
            "confidential": created.confidential,
        }),
        &format!(
            "{}\n\nWrite these words down, in this order, on paper. They are the wallet: whoever has them has the \
             money, and nothing else brings it back.\n\nconfidential  {}\nzk13str       {}",
            created.words.expose(),
            created.confidential,
            created.zk13str
        ),
    );
    // Without a person at the terminal, the app goes on asking for a backup.
    let confirmed = if context.out.can_ask() && context.out.confirm("Have you written them down?") {
        connection.wait(connection.api().wallet_confirm_words(WalletRequest { wallet: name.clone() })).map(|_| ())
    } else {
        Ok(())
    };
    let locked = connection.wait(connection.api().wallet_lock(WalletRequest { wallet: name }));
    connection.close();
    confirmed.and(locked.map(|_| ()))
}

fn restore(context: &Context, args: &RestoreArgs) -> Result<(), ApiError> {
    let words = secrets::words(args.words_file.as_deref())?;
    let passphrase = secrets::passphrase(args.passphrase_file.as_deref())?;
    if args.dry_run {
        let preview = convert::preview(&words, &passphrase, context.global.network)?;
        return show_addresses(context, &preview.zk13str, &preview.confidential);
    }
    let name = new_name(&args.access.wallet)?;
    // Wrong words are told before a password is asked for.
    convert::preview(&words, &passphrase, context.global.network)?;
    let password = secrets::new_password(args.access.password.password_file.as_deref())?;
    let connection = Connection::open(context, Need::Wallets)?;
    let request = RestoreRequest { name: name.clone(), words, passphrase, password, dry_run: false };
    let restored = connection.wait(connection.api().wallet_restore(request));
    let locked =
        restored.is_ok().then(|| connection.wait(connection.api().wallet_lock(WalletRequest { wallet: name })));
    connection.close();
    let restored = restored?;
    if let Some(Err(error)) = locked {
        context.out.note(&format!("note: the wallet stays unlocked: {error}"));
    }
    if !restored.same_words_as.is_empty() {
        context.out.note(&format!(
            "warning: these wallets have the same words and the same money: {}",
            restored.same_words_as.join(", ")
        ));
    }
    context.out.note(
        "note: all unspent coins come back; what was paid before, and to whom, is only in the old wallet's files",
    );
    show_addresses(context, &restored.zk13str, &restored.confidential)
}

fn show_addresses(context: &Context, zk13str: &str, confidential: &str) -> Result<(), ApiError> {
    context.out.result(
        &json!({ "zk13str": zk13str, "confidential": confidential }),
        &format!("confidential  {confidential}\nzk13str       {zk13str}"),
    );
    Ok(())
}

fn list(context: &Context) -> Result<(), ApiError> {
    let connection = Connection::open(context, Need::Wallets)?;
    let list = connection.wait(connection.api().wallet_list(Empty {}));
    connection.close();
    let list = list?;
    let lines: Vec<String> = list
        .wallets
        .iter()
        .map(|w| match &w.damaged {
            Some(damage) => format!("{}  damaged: {}", w.name, damage.message),
            None => w.name.clone(),
        })
        .collect();
    let text = if lines.is_empty() { "no wallets".to_owned() } else { lines.join("\n") };
    context.out.result(&json!(list), &text);
    Ok(())
}

fn remove(context: &Context, wallet: &str) -> Result<(), ApiError> {
    let connection = Connection::open(context, Need::Wallets)?;
    let removed = remove_on(context, &connection, wallet);
    connection.close();
    removed?;
    context.out.result(&json!({ "removed": wallet }), &format!("removed {wallet}"));
    Ok(())
}

fn remove_on(context: &Context, connection: &Connection, wallet: &str) -> Result<(), ApiError> {
    let question = format!("Delete the files of {wallet}? Only its words bring it back.");
    if !context.out.confirm(&question) {
        return Err(ApiError::new(ErrorCode::BadInput, "nothing was changed"));
    }
    connection.wait(connection.api().wallet_remove(WalletRequest { wallet: wallet.to_owned() }))?;
    Ok(())
}

fn address(context: &Context, args: AddressArgs) -> Result<(), ApiError> {
    let connection = Connection::open(context, Need::Wallets)?;
    let entry = address_on(&connection, &args);
    connection.close();
    let (zk13str, confidential) = entry?;
    show_addresses(context, &zk13str, &confidential)
}

fn address_on(connection: &Connection, args: &AddressArgs) -> Result<(String, String), ApiError> {
    if args.new {
        return connection.with_wallet(&args.access, LockStatus::Unlocked, |opened| {
            let request = NewAddressRequest { wallet: opened.name.clone(), label: args.label.clone() };
            let entry = connection.wait(connection.api().wallet_new_address(request))?;
            Ok((entry.zk13str, entry.confidential))
        });
    }
    let wallet = connection.wallet_name(&args.access.wallet)?;
    let list = connection.wait(connection.api().wallet_addresses(WalletRequest { wallet }))?;
    let first = list.addresses.into_iter().min_by_key(|a| a.index);
    let first = first.ok_or_else(|| ApiError::new(ErrorCode::Internal, "the wallet has no address"))?;
    Ok((first.zk13str, first.confidential))
}

fn balance(context: &Context, access: &WalletAccess) -> Result<(), ApiError> {
    let connection = Connection::open(context, Need::Chain)?;
    let state = connection.with_wallet(access, LockStatus::Locked, |opened| opened.wait_for_scan());
    connection.close();
    let state = state?;
    context.out.result(&balance_json(&state), &balance_text(&state));
    Ok(())
}

/// STR on the first level; other assets, where there are any, below `assets`.
fn balance_json(state: &WalletState) -> Value {
    let mut value = json!(state.str);
    if !state.assets.is_empty() {
        value["assets"] = json!(state.assets);
    }
    value
}

fn balance_text(state: &WalletState) -> String {
    let show = |name: &str, b: &Balance| {
        format!("{name}\n  spendable  {}\n  pending    {}\n  immature   {}", b.spendable, b.pending, b.immature)
    };
    let others = state.assets.iter().map(|(name, balance)| show(name, balance));
    std::iter::once(show("STR", &state.str)).chain(others).collect::<Vec<_>>().join("\n")
}

fn history(context: &Context, args: &HistoryArgs) -> Result<(), ApiError> {
    let connection = Connection::open(context, Need::Chain)?;
    let history = history_on(&connection, args);
    connection.close();
    let history = history?;
    let lines: Vec<String> = history.entries.iter().map(history_line).collect();
    let text = if lines.is_empty() { "nothing yet".to_owned() } else { lines.join("\n") };
    context.out.result(&json!(history), &text);
    Ok(())
}

fn history_on(connection: &Connection, args: &HistoryArgs) -> Result<History, ApiError> {
    connection.with_wallet(&args.access, LockStatus::Locked, |opened| {
        opened.wait_for_scan()?;
        connection.wait(connection.api().wallet_history(HistoryRequest {
            wallet: opened.name.clone(),
            offset: args.offset,
            limit: args.limit,
            search: String::new(),
            kind: args.kind.map(Into::into),
        }))
    })
}

fn history_line(entry: &HistoryEntry) -> String {
    let (sign, kind) = match entry.kind {
        HistoryKind::Sent => ("-", "sent"),
        HistoryKind::Received => ("+", "received"),
        HistoryKind::Mined => ("+", "mined"),
        HistoryKind::SelfTransfer => (" ", "moved"),
        HistoryKind::Stake => match entry.stake.as_deref() {
            Some("register") => ("-", "staked as validator"),
            Some("delegate") => ("-", "staked"),
            Some("undelegate") => (" ", "stake leaves"),
            Some("withdraw") => ("+", "stake withdrawn"),
            Some("unjail") => (" ", "validator unjailed"),
            _ => (" ", "validator reported"),
        },
    };
    let stage = json!(entry.state).as_str().unwrap_or_default().to_owned();
    let note = entry.note.as_deref().map(|note| format!("  {note:?}")).unwrap_or_default();
    format!("{sign}{} {}  {kind}, {stage}  {}{note}", entry.amount, entry.asset, entry.id)
}

fn reveal(context: &Context, access: &WalletAccess) -> Result<(), ApiError> {
    let connection = Connection::open(context, Need::Wallets)?;
    let revealed = reveal_on(&connection, access);
    connection.close();
    let (words, passphrase) = revealed?;
    let mut value = json!({ "words": words.expose() });
    let mut text = words.expose().to_owned();
    if !passphrase.is_empty() {
        value["passphrase"] = json!(passphrase.expose());
        text = format!("{text}\npassphrase: {}", passphrase.expose());
    }
    context.out.result(&value, &text);
    Ok(())
}

fn reveal_on(connection: &Connection, access: &WalletAccess) -> Result<(Secret, Secret), ApiError> {
    let wallet = connection.wallet_name(&access.wallet)?;
    let file = access.password.password_file.as_deref();
    let password = secrets::password(file, &format!("Password of {wallet}: "))?;
    let revealed = connection.wait(connection.api().wallet_reveal(RevealRequest { wallet, password }))?;
    Ok((revealed.words.clone(), revealed.passphrase.clone()))
}
