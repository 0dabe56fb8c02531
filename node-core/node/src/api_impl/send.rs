//! Payments: plan, pay, watch.

use std::sync::{Arc, Mutex, Weak};

use umbel_api::node::FundRequest;
use umbel_api::send::{
    DecodeAddressRequest, DecodedAddress, Payment, PaymentPlan, PaymentStage, SendRequest, StatusRequest,
};
use umbel_api::{ApiError, ErrorCode};
use umbel_crypto::keys::Address;
use umbel_types::{AssetId, TxId};
use umbel_wallet::{BuildJob, BuiltPayment, PaymentRequest, Wallet};

use super::node::devnet_only;
use crate::convert;
use crate::node::Core;
use crate::services::wallet::{OpenWallet, hold};

/// Name under which test coins are paid.
const FUND_WALLET: &str = "devnet";

pub(super) fn decode_address(core: &Arc<Core>, request: DecodeAddressRequest) -> Result<DecodedAddress, ApiError> {
    let address = convert::address(&request.text, &core.params)?;
    Ok(convert::decoded(&address, core.params.address_prefix))
}

/// Texts into a payment, once.
pub(super) fn parse(core: &Core, request: &SendRequest) -> Result<PaymentRequest, ApiError> {
    let to = convert::address(&request.to, &core.params)?;
    let amount = convert::send_amount(&request.amount)?;
    let asset = convert::asset(&request.asset)?;
    Ok(PaymentRequest { to, amount, asset, note: request.note.clone(), public: request.public })
}

pub(super) fn plan(core: &Arc<Core>, request: SendRequest) -> Result<PaymentPlan, ApiError> {
    let payment = parse(core, &request)?;
    let wallet = core.wallets.get(&request.wallet)?;
    core.wallets.used();
    core.wallets.check_knows_chain(core, &request.wallet)?;
    let plan = hold(&wallet).plan(&payment).map_err(|e| convert::wallet_error(&e))?;
    let total = if payment.asset == AssetId::STR { plan.amount().checked_add(plan.fee()) } else { Ok(plan.fee()) };
    let total = total.map_err(|e| ApiError::new(ErrorCode::BadAmount, e.to_string()))?;
    // One block time until a block takes each transaction, one until the chain orders it.
    let seconds = core.params.target_block_time_us.div_ceil(1_000_000).max(1);
    Ok(PaymentPlan {
        recipient: convert::decoded(&payment.to, core.params.address_prefix),
        amount: plan.amount().to_string(),
        asset: convert::asset_name(payment.asset),
        fee: plan.fee().to_string(),
        total: total.to_string(),
        remaining: plan.remaining().to_string(),
        transactions: plan.transactions(),
        coins: plan.coins(),
        expected_s: 2 * seconds * plan.transactions() as u64,
        notices: plan.notices().iter().map(|notice| notice.code().to_owned()).collect(),
    })
}

pub(super) fn pay(core: &Arc<Core>, request: SendRequest) -> Result<Payment, ApiError> {
    core.chain.get()?;
    let payment = parse(core, &request)?;
    let wallet = core.wallets.get(&request.wallet)?;
    core.wallets.used();
    core.wallets.check_knows_chain(core, &request.wallet)?;
    let (name, plan, job) = {
        let mut wallet = hold(&wallet);
        let plan = wallet.plan(&payment).map_err(|e| convert::wallet_error(&e))?;
        let job = wallet.start_payment(plan.clone()).map_err(|e| convert::wallet_error(&e))?;
        (wallet.name().to_owned(), plan, job)
    };
    let shown = Payment {
        fee: plan.fee().to_string(),
        note: request.note,
        public: matches!(payment.to, Address::Zk13str(_)),
        total: job.total(),
        ..started(core, &name, &payment.to, &plan.amount().to_string(), payment.asset)
    };
    let shown = core.payments.add_wallet(shown, job.id());
    core.sink.tell(umbel_api::NodeEvent::Payment(shown.clone()));
    let (prover, wallet, id) = (Arc::clone(core), Arc::downgrade(&wallet), shown.id);
    core.runtime.spawn_blocking(move || prove_and_submit(&prover, &wallet, job, id));
    Ok(shown)
}

fn started(core: &Core, wallet: &str, to: &Address, amount: &str, asset: AssetId) -> Payment {
    Payment {
        id: 0,
        wallet: wallet.to_owned(),
        stage: PaymentStage::Building,
        done: 0,
        total: 0,
        txid: None,
        txids: Vec::new(),
        to: to.to_text(core.params.address_prefix),
        fingerprint: to.fingerprint().to_string(),
        amount: amount.to_owned(),
        asset: convert::asset_name(asset),
        fee: String::new(),
        note: String::new(),
        public: matches!(to, Address::Zk13str(_)),
        proof_ms: None,
        age_ms: 0,
        accepted_in: None,
        final_in_s: None,
        reason: None,
    }
}

/// The rest of a payment, on its own thread: proofs, the wallet's record, the pool. The wallet may be removed while the
/// proofs are made; then nothing is sent.
fn prove_and_submit(core: &Core, wallet: &Weak<Mutex<Wallet>>, job: BuildJob, id: u64) {
    let payment = job.id();
    let mut progress = |done, total| {
        core.payments.update(id, &core.sink, |payment| (payment.done, payment.total) = (done, total));
    };
    let built = job.run(&mut progress, core.stop.flag());
    let Some(wallet) = wallet.upgrade() else {
        fail(core, id, ApiError::new(ErrorCode::NoSuchWallet, "the wallet was removed; nothing was sent"));
        return;
    };
    let outcome = match built {
        Ok(built) => {
            let proof_ms = u64::try_from(built.proof_time().as_millis()).unwrap_or(u64::MAX);
            core.payments.update(id, &core.sink, |payment| payment.proof_ms = Some(proof_ms));
            submit(core, &wallet, built, id)
        }
        Err(error) => {
            hold(&wallet).fail_payment(payment, &error);
            Err(convert::wallet_error(&error))
        }
    };
    if let Err(reason) = outcome {
        fail(core, id, reason);
    }
    core.wallets.tell(core, &wallet);
}

/// Nothing of the payment was recorded or sent.
fn fail(core: &Core, id: u64, reason: ApiError) {
    core.payments.update(id, &core.sink, |payment| {
        payment.stage = PaymentStage::Failed;
        payment.reason = Some(reason);
    });
}

/// Records the payment and gives the pool what it may have now. The wallet is held meanwhile: a payment shows as
/// submitted only when the pool has it. Fails where it could not be recorded, so that nothing was sent.
fn submit(core: &Core, wallet: &OpenWallet, built: BuiltPayment, id: u64) -> Result<(), ApiError> {
    let own: Vec<TxId> = built.transactions().iter().map(|tx| tx.txid()).collect();
    let mut wallet = hold(wallet);
    wallet.finish_payment(built).map_err(|e| convert::wallet_error(&e))?;
    core.payments.built(id, &own, &core.sink);
    // A chain that is closing takes nothing; the wallet submits again when there is one.
    let Some(chain) = core.chain.current() else { return Ok(()) };
    for tx in wallet.to_submit().iter().filter(|tx| own.contains(&tx.txid())) {
        if let Err(refused) = chain.pool.submit(chain.consensus.as_ref(), tx)
            && refused.is_final
        {
            wallet.mark_dropped(tx.txid(), &refused.error.message);
            core.payments.update(id, &core.sink, |payment| payment.reason = Some(refused.error));
            break;
        }
    }
    Ok(())
}

pub(super) fn status(core: &Arc<Core>, request: StatusRequest) -> Result<Payment, ApiError> {
    core.payments.get(request.id)
}

pub(super) fn devnet_fund(core: &Arc<Core>, request: FundRequest) -> Result<Payment, ApiError> {
    devnet_only(core)?;
    let chain = core.chain.get()?;
    let to = convert::address(&request.to, &core.params)?;
    let amount = convert::amount(&request.amount)?;
    let busy = core.payments.busy_funds();
    let tx = umbel_wallet::devnet::fund(chain.consensus.as_ref(), &busy, &to, amount);
    let tx = Arc::new(tx.map_err(|e| convert::wallet_error(&e))?);
    chain.pool.submit(chain.consensus.as_ref(), &tx).map_err(|refused| refused.error)?;
    let txid = tx.txid();
    let shown = Payment {
        stage: PaymentStage::Submitted,
        txid: Some(txid.to_string()),
        txids: vec![txid.to_string()],
        fee: tx.core.fee.to_string(),
        ..started(core, FUND_WALLET, &to, &amount.to_string(), AssetId::STR)
    };
    let inputs = tx.core.inputs.iter().map(|input| input.outpoint).collect();
    Ok(core.payments.add_fund(shown, txid, inputs))
}
