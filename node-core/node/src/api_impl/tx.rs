//! Transactions as bytes.

use std::sync::Arc;

use umbel_api::send::SendRequest;
use umbel_api::tx::{FeeEstimate, PaidRange, RawTx, Submitted};
use umbel_api::{ApiError, Empty, ErrorCode};
use umbel_types::Encode;
use umbel_types::params::MIN_FEE_PER_MASS;
use umbel_wallet::WalletError;

use super::send;
use crate::convert;
use crate::node::Core;
use crate::services::mempool::Standing;
use crate::services::wallet::hold;

/// Builds and signs. The wallet keeps no record: the coins count as spent once a block says so.
pub(super) fn build(core: &Arc<Core>, request: SendRequest) -> Result<RawTx, ApiError> {
    let payment = send::parse(core, &request)?;
    let wallet = core.wallets.get(&request.wallet)?;
    core.wallets.used();
    core.wallets.check_knows_chain(core, &request.wallet)?;
    let failed = |e: WalletError| convert::wallet_error(&e);
    let job = {
        let mut wallet = hold(&wallet);
        let plan = wallet.plan(&payment).map_err(failed)?;
        if plan.transactions() > 1 {
            return Err(ApiError::new(
                ErrorCode::BadInput,
                "this payment takes several transactions, one after the other: use `umbel wallet send`",
            ));
        }
        wallet.start_payment(plan).map_err(failed)?
    };
    let id = job.id();
    // The wallet may be removed meanwhile.
    let wallet = Arc::downgrade(&wallet);
    let built = job.run(&mut |_, _| {}, core.stop.flag());
    if let Some(wallet) = wallet.upgrade() {
        hold(&wallet).release_payment(id);
    }
    let built = built.map_err(failed)?;
    let tx = built.transactions().last();
    let tx = tx.ok_or_else(|| ApiError::new(ErrorCode::Internal, "the payment has no transaction"))?;
    Ok(RawTx { hex: hex::encode(tx.to_bytes()) })
}

/// Gives the pool a transaction that was built elsewhere.
pub(super) fn submit(core: &Arc<Core>, request: RawTx) -> Result<Submitted, ApiError> {
    let chain = core.chain.get()?;
    let tx = Arc::new(convert::transaction(&request.hex)?);
    let standing = chain.pool.submit(chain.consensus.as_ref(), &tx).map_err(|refused| refused.error)?;
    Ok(Submitted { txid: tx.txid().to_string(), accepted: standing == Standing::Accepted })
}

/// What to pay now.
pub(super) fn fees(core: &Arc<Core>, _: Empty) -> Result<FeeEstimate, ApiError> {
    let estimate = core.chain.get()?.pool.fee_estimate();
    Ok(FeeEstimate {
        least: MIN_FEE_PER_MASS,
        next_seconds: estimate.next_seconds,
        within_minute: estimate.within_minute,
        within_hour: estimate.within_hour,
        paid: estimate.paid.map(|(low, high)| PaidRange { low, high }),
    })
}
