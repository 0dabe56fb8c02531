//! Wallets: create, restore, unlock, balances, addresses, history.

use std::sync::Arc;

use umbel_api::wallet::{
    AddressEntry, AddressList, CreateRequest, Created, History, HistoryRequest, NewAddressRequest, RestoreRequest,
    Restored, RevealRequest, Revealed, UnlockRequest, WalletList, WalletRequest, WalletState,
};
use umbel_api::{ApiError, Empty, ErrorCode, Secret};
use umbel_crypto::keys::WordCount;
use umbel_wallet::{HistoryQuery, NewWallet, WalletError, WalletFolder};

use crate::convert;
use crate::node::Core;
use crate::services::wallet::{OpenWallet, hold};
use crate::view;

/// Most entries of history in one answer.
const MAX_HISTORY: usize = 500;

fn failed(error: WalletError) -> ApiError {
    convert::wallet_error(&error)
}

pub(super) fn list(core: &Arc<Core>, _: Empty) -> Result<WalletList, ApiError> {
    core.wallets.list(core)
}

/// A wallet is open from now on: everyone is told.
fn opened(core: &Core, wallet: &OpenWallet) {
    core.wallets.used();
    core.wallets.tell_list(core);
    core.wallets.tell(core, wallet);
}

pub(super) fn create(core: &Arc<Core>, request: CreateRequest) -> Result<Created, ApiError> {
    let count = match request.word_count {
        12 => WordCount::Twelve,
        24 => WordCount::TwentyFour,
        _ => return Err(ApiError::new(ErrorCode::BadWords, "a wallet has 12 or 24 words")),
    };
    let new =
        NewWallet { name: &request.name, password: request.password.expose(), passphrase: request.passphrase.expose() };
    let (wallet, words) = core.wallets.add(|folder| folder.create(new, count)).map_err(failed)?;
    let first = first_address(&wallet);
    opened(core, &wallet);
    let (zk13str, confidential) = first?;
    Ok(Created { words: Secret::new(words.as_str()), zk13str, confidential })
}

fn first_address(wallet: &OpenWallet) -> Result<(String, String), ApiError> {
    let first = hold(wallet).addresses().into_iter().min_by_key(|a| a.index);
    let missing = || ApiError::new(ErrorCode::Internal, "the wallet has no address");
    first.map(|a| (a.zk13str, a.confidential)).ok_or_else(missing)
}

pub(super) fn confirm_words(core: &Arc<Core>, request: WalletRequest) -> Result<Empty, ApiError> {
    core.wallets.confirm_words(&request.wallet).map_err(failed)?;
    core.wallets.tell_list(core);
    Ok(Empty {})
}

pub(super) fn restore(core: &Arc<Core>, request: RestoreRequest) -> Result<Restored, ApiError> {
    let (words, passphrase) = (request.words.expose(), request.passphrase.expose());
    let preview = umbel_wallet::preview(words, passphrase, core.params.network).map_err(failed)?;
    let same_words_as = core.wallets.folder.same_words_as(&preview).map_err(failed)?;
    let restored = Restored { zk13str: preview.zk13str, confidential: preview.confidential, same_words_as };
    if request.dry_run {
        return Ok(restored);
    }
    let new = NewWallet { name: &request.name, password: request.password.expose(), passphrase };
    let restore = |folder: &WalletFolder| folder.restore(new, words).map(|wallet| (wallet, ()));
    let (wallet, ()) = core.wallets.add(restore).map_err(failed)?;
    opened(core, &wallet);
    Ok(restored)
}

pub(super) fn unlock(core: &Arc<Core>, request: UnlockRequest) -> Result<WalletState, ApiError> {
    let wallet = core.wallets.unlock(&request.wallet, request.password.expose()).map_err(failed)?;
    opened(core, &wallet);
    let state = view::wallet_state(core, &hold(&wallet));
    Ok(state)
}

pub(super) fn lock(core: &Arc<Core>, request: WalletRequest) -> Result<WalletState, ApiError> {
    if let Some(wallet) = core.wallets.find(&request.wallet) {
        hold(&wallet).lock();
        core.wallets.tell_list(core);
        core.wallets.tell(core, &wallet);
    }
    state(core, request)
}

pub(super) fn reveal(core: &Arc<Core>, request: RevealRequest) -> Result<Revealed, ApiError> {
    let revealed = core.wallets.folder.reveal(&request.wallet, request.password.expose()).map_err(failed)?;
    core.wallets.used();
    Ok(Revealed { words: Secret::new(revealed.words.as_str()), passphrase: Secret::new(revealed.passphrase.as_str()) })
}

pub(super) fn remove(core: &Arc<Core>, request: WalletRequest) -> Result<Empty, ApiError> {
    core.wallets.remove(&request.wallet)?;
    core.wallets.tell_list(core);
    Ok(Empty {})
}

pub(super) fn state(core: &Arc<Core>, request: WalletRequest) -> Result<WalletState, ApiError> {
    match core.wallets.find(&request.wallet) {
        Some(wallet) => {
            // Events tell of each round; who asks wants to know whether there is more. Asked before the balance is read:
            // what comes meanwhile makes it newer, never older.
            let is_current = core.wallets.is_current(core, &request.wallet);
            let mut state = view::wallet_state(core, &hold(&wallet));
            state.scan.complete &= is_current;
            Ok(state)
        }
        None => core.wallets.summary(&request.wallet).map(|summary| view::closed_wallet_state(&summary)),
    }
}

pub(super) fn addresses(core: &Arc<Core>, request: WalletRequest) -> Result<AddressList, ApiError> {
    let addresses = match core.wallets.find(&request.wallet) {
        Some(wallet) => hold(&wallet).addresses().into_iter().map(view::address_entry).collect(),
        None => {
            let summary = core.wallets.summary(&request.wallet)?;
            match (&summary.public, summary.damaged) {
                (Some(public), _) => vec![view::public_address(public)],
                (None, damage) => {
                    let reason = damage.map_or_else(|| "its file can't be read".to_owned(), |d| d.to_string());
                    let message = format!("nothing was changed: the wallet {:?} is damaged: {reason}", request.wallet);
                    return Err(ApiError::new(ErrorCode::WalletDamaged, message));
                }
            }
        }
    };
    Ok(AddressList { addresses })
}

pub(super) fn new_address(core: &Arc<Core>, request: NewAddressRequest) -> Result<AddressEntry, ApiError> {
    let wallet = core.wallets.get(&request.wallet)?;
    core.wallets.used();
    let entry = hold(&wallet).new_address(&request.label).map_err(failed)?;
    Ok(view::address_entry(entry))
}

pub(super) fn history(core: &Arc<Core>, request: HistoryRequest) -> Result<History, ApiError> {
    if !(1..=MAX_HISTORY).contains(&request.limit) {
        return Err(ApiError::new(ErrorCode::BadInput, format!("1 to {MAX_HISTORY} entries can be asked for")));
    }
    let wallet = core.wallets.get(&request.wallet)?;
    let page = hold(&wallet).history(&HistoryQuery {
        offset: request.offset,
        limit: request.limit,
        search: request.search,
        kind: request.kind.map(convert::wallet_history_kind),
    });
    let entries = page.entries.into_iter().map(|entry| view::history_entry(entry, &core.params)).collect();
    Ok(History { entries, total: page.total })
}
