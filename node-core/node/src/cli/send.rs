//! `umbel wallet send` and `umbel tx build`.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::json;
use umbel_api::send::{
    AddressKind, DecodeAddressRequest, Payment, PaymentPlan, PaymentStage, SendRequest, StatusRequest,
};
use umbel_api::wallet::LockStatus;
use umbel_api::{ApiError, ErrorCode};

use super::Context;
use super::args::{BuildArgs, PaymentArgs};
use super::connect::{Connection, Need};
use crate::convert;

/// Longest wait for the proofs of a payment with many transactions on a slow machine.
const BUILD_TIMEOUT: Duration = Duration::from_secs(600);
/// Time between two looks.
const POLL: Duration = Duration::from_millis(50);

/// Pays, and returns when the pool has the payment.
pub(super) fn send(context: &Context, args: &PaymentArgs) -> Result<(), ApiError> {
    let connection = Connection::open(context, Need::Running)?;
    check(&connection, args)?;
    let mut asked = false;
    let payment = connection.with_wallet(&args.access, LockStatus::Unlocked, |opened| {
        opened.wait_for_scan()?;
        let request = request(&opened.name, args);
        if !asked {
            let plan = connection.wait(connection.api().send_plan(request.clone()))?;
            explain(context, &plan.notices);
            if !context.out.confirm(&question(&plan)) {
                return Err(ApiError::new(ErrorCode::BadInput, "nothing was sent"));
            }
            asked = true;
        }
        connection.wait(connection.api().send_pay(request))
    })?;
    let payment = wait_for_pool(&connection, payment)?;
    context.out.result(
        &json!({
            "txid": payment.txid,
            "txids": payment.txids,
            "amount": payment.amount,
            "asset": payment.asset,
            "fee": payment.fee,
            "to": payment.to,
            "public": payment.public,
        }),
        &format!(
            "sent {} {}, fee {} STR\ntransaction {}",
            payment.amount,
            payment.asset,
            payment.fee,
            payment.txid.as_deref().unwrap_or("-")
        ),
    );
    Ok(())
}

/// Builds and signs a payment into a file.
pub(super) fn build(context: &Context, args: &BuildArgs) -> Result<(), ApiError> {
    let connection = Connection::open(context, Need::Chain)?;
    let built = check(&connection, &args.payment).and_then(|()| {
        connection.with_wallet(&args.payment.access, LockStatus::Unlocked, |opened| {
            opened.wait_for_scan()?;
            connection.wait(connection.api().tx_build(request(&opened.name, &args.payment)))
        })
    });
    connection.close();
    let raw = built?;
    let out = args.out.display();
    fs::write(&args.out, format!("{}\n", raw.hex))
        .map_err(|e| ApiError::new(ErrorCode::BadInput, format!("{out} can't be written: {e}")))?;
    let txid = convert::transaction(&raw.hex)?.txid().to_string();
    let shown = format!("transaction {txid}\nwritten to {out}; submit it with `umbel tx submit {out}`");
    context.out.result(&json!({ "txid": txid, "file": args.out }), &shown);
    Ok(())
}

/// What can be checked before a password is asked for.
fn check(connection: &Connection, args: &PaymentArgs) -> Result<(), ApiError> {
    let text = args.to.clone();
    let recipient = connection.wait(connection.api().send_decode_address(DecodeAddressRequest { text }))?;
    if recipient.kind == AddressKind::Zk13str && !args.public {
        return Err(ApiError::new(
            ErrorCode::NeedsPublic,
            "a zk13str address can only be paid publicly: everyone sees amount and recipient; add --public to accept that",
        ));
    }
    convert::send_amount(&args.amount)?;
    convert::asset(&args.asset).map(|_| ())
}

fn request(wallet: &str, args: &PaymentArgs) -> SendRequest {
    SendRequest {
        wallet: wallet.to_owned(),
        to: args.to.trim().to_owned(),
        amount: args.amount.clone(),
        asset: args.asset.clone(),
        note: args.note.clone(),
        public: args.public,
    }
}

fn question(plan: &PaymentPlan) -> String {
    let how = match plan.recipient.kind {
        AddressKind::Confidential => "confidentially",
        AddressKind::Zk13str => "publicly",
    };
    format!("Pay {} {} {how} to {} (fee {} STR)?", plan.amount, plan.asset, plan.recipient.fingerprint, plan.fee)
}

fn explain(context: &Context, notices: &[String]) {
    for notice in notices {
        context.out.note(match notice.as_str() {
            "public" => "note: everyone will see amount and recipient",
            "consolidates" => "note: coins must be merged first, which takes several transactions",
            "own_address" => "note: this is the wallet's own address",
            "links_public" => "note: hidden coins and public money are spent together, which links them for everyone",
            other => other,
        });
    }
}

/// Waits until the pool has a payment.
pub(super) fn wait_for_pool(connection: &Connection, mut payment: Payment) -> Result<Payment, ApiError> {
    let deadline = Instant::now() + BUILD_TIMEOUT;
    let failed = || ApiError::new(ErrorCode::Internal, "the payment failed");
    loop {
        match payment.stage {
            PaymentStage::Submitted
            | PaymentStage::Seen
            | PaymentStage::Accepted
            | PaymentStage::Confirmed
            | PaymentStage::Final => {
                return Ok(payment);
            }
            PaymentStage::Conflicted | PaymentStage::Expired | PaymentStage::Dropped | PaymentStage::Failed => {
                return Err(payment.reason.unwrap_or_else(failed));
            }
            // Why it can't go on is known, whatever its stage says.
            PaymentStage::Building if payment.reason.is_some() => {
                return Err(payment.reason.unwrap_or_else(failed));
            }
            PaymentStage::Building if Instant::now() > deadline => {
                return Err(ApiError::passing(ErrorCode::Unavailable, "the payment takes too long to build"));
            }
            PaymentStage::Building => std::thread::sleep(POLL),
        }
        payment = connection.wait(connection.api().send_status(StatusRequest { id: payment.id }))?;
    }
}
