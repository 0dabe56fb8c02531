//! Locks: paid into, listed, spent.

use std::cmp::Reverse;
use std::sync::Arc;

use umbel_api::lock::{
    ClaimLockRequest, CreateLockRequest, CreatedLock, LockKey, LockKeyRequest, LockList, LockSpent, SignRequest,
    SigningFile, SigningFileRequest, SigningView, SpendLockRequest,
};
use umbel_api::tx::Submitted;
use umbel_api::wallet::WalletRequest;
use umbel_api::{ApiError, ErrorCode};
use umbel_crypto::keys::Address;
use umbel_types::OutPoint;
use umbel_wallet::{ClaimDespite, LockEntry, LockState, Payment, Wallet, WalletError};

use crate::node::Core;
use crate::services::mempool::Standing;
use crate::services::wallet::{OpenWallet, hold};
use crate::{convert, locks};

/// Most locks that one answer lists: anybody can lock dust for anybody, at a fee for each, and an answer stays below a
/// megabyte.
const MAX_LISTED: usize = 500;

fn failed(error: WalletError) -> ApiError {
    convert::wallet_error(&error)
}

/// A wallet that knows the chain as it is now.
pub(super) fn current(core: &Core, name: &str) -> Result<OpenWallet, ApiError> {
    let wallet = core.wallets.get(name)?;
    core.wallets.used();
    core.wallets.check_knows_chain(core, name)?;
    Ok(wallet)
}

pub(super) fn key(core: &Arc<Core>, request: LockKeyRequest) -> Result<LockKey, ApiError> {
    let wallet = core.wallets.get(&request.wallet)?;
    core.wallets.used();
    let key = hold(&wallet).lock_key(request.fresh).map_err(failed)?;
    Ok(LockKey {
        index: key.index,
        public_key: locks::key_text(&key.public_key),
        zk13str: Address::Zk13str(key.address).to_text(""),
        post_quantum: key.post_quantum.to_text(core.params.network),
    })
}

pub(super) fn create(core: &Arc<Core>, request: CreateLockRequest) -> Result<CreatedLock, ApiError> {
    core.chain.get()?;
    let amount = convert::amount(&request.amount)?;
    let lock = locks::new_lock(&request.lock, &core.params)?;
    let wallet = current(core, &request.wallet)?;
    let created = {
        let mut wallet = hold(&wallet);
        let created = wallet.create_lock(&lock, amount).map_err(failed)?;
        give_to_pool(core, &mut wallet, &created.payment)?;
        created
    };
    core.wallets.tell(core, &wallet);
    let unknown = || ApiError::new(ErrorCode::Internal, "the lock is of a kind that is not shown");
    Ok(CreatedLock {
        txid: last_txid(&created.payment),
        outpoint: created.outpoint.to_string(),
        amount: created.payment.amount.to_string(),
        fee: created.payment.fee.to_string(),
        lock: locks::terms(&created.lock, core.params.network).ok_or_else(unknown)?,
        secret: created.secret.as_deref().map(locks::secret_text),
    })
}

/// Gives the pool a payment that the wallet has recorded. A final refusal gives the payment up; after any other, the wallet
/// submits it again by itself.
pub(super) fn give_to_pool(core: &Core, wallet: &mut Wallet, payment: &Payment) -> Result<(), ApiError> {
    let Some(chain) = core.chain.current() else { return Ok(()) };
    for tx in wallet.to_submit().iter().filter(|tx| payment.txids.contains(&tx.txid())) {
        if let Err(refused) = chain.pool.submit(chain.consensus.as_ref(), tx)
            && refused.is_final
        {
            wallet.mark_dropped(tx.txid(), &refused.error.message);
            return Err(refused.error);
        }
    }
    Ok(())
}

pub(super) fn last_txid(payment: &Payment) -> String {
    payment.txids.last().map_or_else(String::new, ToString::to_string)
}

/// At most `limit` of them: unspent before spent ones, and those that hold most.
fn bounded(mut entries: Vec<LockEntry>, limit: usize) -> (Vec<LockEntry>, u64) {
    let left_out = entries.len().saturating_sub(limit) as u64;
    if left_out > 0 {
        entries.sort_by_key(|entry| (matches!(entry.state, LockState::Spent { .. }), Reverse(entry.value)));
        entries.truncate(limit);
        entries.sort_by_key(|entry| (Reverse(entry.daa_score), entry.outpoint));
    }
    (entries, left_out)
}

pub(super) fn list(core: &Arc<Core>, request: WalletRequest) -> Result<LockList, ApiError> {
    let wallet = core.wallets.get(&request.wallet)?;
    let wallet = hold(&wallet);
    let (entries, left_out) = bounded(wallet.locks(), MAX_LISTED);
    let locks = entries.iter().filter_map(|entry| locks::entry(entry, core.params.network)).collect();
    Ok(LockList { locks, left_out, daa_score: wallet.scan_state().verified_to.0 })
}

/// Does something that spends a lock, and gives the pool what came of it.
fn spend_with(
    core: &Core,
    request: &SpendLockRequest,
    spend: impl FnOnce(&mut Wallet, OutPoint, Option<&Address>) -> Result<Payment, WalletError>,
) -> Result<LockSpent, ApiError> {
    let outpoint = locks::outpoint(&request.outpoint)?;
    let to = request.to.as_deref().map(|text| convert::address(text, &core.params)).transpose()?;
    let wallet = current(core, &request.wallet)?;
    let payment = {
        let mut wallet = hold(&wallet);
        let payment = spend(&mut wallet, outpoint, to.as_ref()).map_err(failed)?;
        give_to_pool(core, &mut wallet, &payment)?;
        payment
    };
    core.wallets.tell(core, &wallet);
    Ok(LockSpent {
        txid: last_txid(&payment),
        amount: payment.amount.to_string(),
        fee: payment.fee.to_string(),
        to: payment.to,
    })
}

pub(super) fn spend(core: &Arc<Core>, request: SpendLockRequest) -> Result<LockSpent, ApiError> {
    core.chain.get()?;
    spend_with(core, &request, |wallet, outpoint, to| wallet.spend_lock(outpoint, to))
}

pub(super) fn claim(core: &Arc<Core>, request: ClaimLockRequest) -> Result<LockSpent, ApiError> {
    core.chain.get()?;
    let ClaimLockRequest { wallet, outpoint, to, preimage, force, for_less } = request;
    let preimage = preimage.as_ref().map(locks::preimage).transpose()?;
    let request = SpendLockRequest { wallet, outpoint, to };
    let despite = ClaimDespite { late: force, stake: for_less };
    spend_with(core, &request, |wallet, outpoint, to| wallet.claim_lock(outpoint, to, preimage, despite))
}

pub(super) fn refund(core: &Arc<Core>, request: SpendLockRequest) -> Result<LockSpent, ApiError> {
    let chain = core.chain.get()?;
    spend_with(core, &request, |wallet, outpoint, to| wallet.refund_lock(chain.consensus.as_ref(), outpoint, to))
}

pub(super) fn propose(core: &Arc<Core>, request: SpendLockRequest) -> Result<SigningFile, ApiError> {
    let outpoint = locks::outpoint(&request.outpoint)?;
    let to = request.to.as_deref().map(|text| convert::address(text, &core.params)).transpose()?;
    let wallet = current(core, &request.wallet)?;
    let proposed = hold(&wallet).propose_lock_spend(outpoint, to.as_ref()).map_err(failed)?;
    Ok(locks::to_file(&proposed, &core.params, core.genesis_hash))
}

pub(super) fn sign(core: &Arc<Core>, request: SignRequest) -> Result<SigningFile, ApiError> {
    let file = locks::from_file(&request.file, &core.params, core.genesis_hash)?;
    let wallet = core.wallets.get(&request.wallet)?;
    core.wallets.used();
    let signed = hold(&wallet).sign_lock_spend(&file).map_err(failed)?;
    Ok(locks::to_file(&signed, &core.params, core.genesis_hash))
}

pub(super) fn inspect(core: &Arc<Core>, request: SigningFileRequest) -> Result<SigningView, ApiError> {
    let file = locks::from_file(&request.file, &core.params, core.genesis_hash)?;
    Ok(locks::view(&file, &core.params))
}

pub(super) fn submit(core: &Arc<Core>, request: SigningFileRequest) -> Result<Submitted, ApiError> {
    let file = locks::from_file(&request.file, &core.params, core.genesis_hash)?;
    let tx = Arc::new(file.complete(&core.params, core.genesis_hash).map_err(failed)?);
    let chain = core.chain.get()?;
    let standing = chain.pool.submit(chain.consensus.as_ref(), &tx).map_err(|refused| refused.error)?;
    Ok(Submitted { txid: tx.txid().to_string(), accepted: standing == Standing::Accepted })
}

#[cfg(test)]
mod tests {
    use super::*;
    use umbel_types::{Amount, AssetId, DaaScore, Hash32, Lock, TxId, ZkAddress};

    fn entry(n: u8, value: u64, is_spent: bool) -> LockEntry {
        let spent = LockState::Spent { by: TxId([9; 32]), preimage: None };
        let open = LockState::Open;
        LockEntry {
            outpoint: OutPoint { source: Hash32([n; 32]), index: 0 },
            asset: AssetId::STR,
            value: Amount::from_units(value),
            lock: Lock::PostQuantum { address: ZkAddress([1; 20]), mldsa65_key_hash: Hash32([1; 32]) },
            roles: Vec::new(),
            state: if is_spent { spent } else { open },
            daa_score: DaaScore(u64::from(n)),
            claim_before: None,
            refund_from: None,
            refund_open: false,
        }
    }

    #[test]
    fn dust_does_not_push_money_out_of_the_list() {
        let mut entries = vec![entry(9, 5, true), entry(1, 700, false), entry(2, 30, true)];
        entries.extend((10..60).map(|n| entry(n, 1, false)));
        let (kept, left_out) = bounded(entries.clone(), 3);
        assert_eq!((kept.len(), left_out), (3, 50));
        assert_eq!(kept[2], entries[1], "newest first, and the one that holds money is among them");
        assert!(kept.windows(2).all(|pair| pair[0].daa_score > pair[1].daa_score));
        assert_eq!(bounded(entries.clone(), 53), (entries, 0));
    }
}
