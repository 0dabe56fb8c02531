//! `umbel devnet`: test coins and blocks on demand.

use serde_json::json;
use umbel_api::node::{AdvanceRequest, FundRequest};
use umbel_api::wallet::WalletRequest;
use umbel_api::{ApiError, Empty, ErrorCode};

use super::args::{AdvanceArgs, DevnetCommand, FundArgs, WalletName};
use super::connect::{Connection, Need};
use super::{Context, send};

pub(super) fn execute(context: &Context, command: DevnetCommand) -> Result<(), ApiError> {
    match command {
        DevnetCommand::Fund(args) => fund(context, args),
        DevnetCommand::Advance(args) => advance(context, args),
        DevnetCommand::Reset => reset(context),
    }
}

fn fund(context: &Context, args: FundArgs) -> Result<(), ApiError> {
    let connection = Connection::open(context, Need::Running)?;
    let to = match args.to {
        Some(to) => to,
        None => first_address(&connection, &WalletName { name: args.wallet })?,
    };
    let started = connection.wait(connection.api().node_devnet_fund(FundRequest { to, amount: args.amount }))?;
    let payment = send::wait_for_pool(&connection, started)?;
    context.out.result(
        &json!({ "txid": payment.txid, "amount": payment.amount, "fee": payment.fee, "to": payment.to }),
        &format!("{} test STR are on their way: {}", payment.amount, payment.txid.as_deref().unwrap_or("-")),
    );
    Ok(())
}

fn first_address(connection: &Connection, name: &WalletName) -> Result<String, ApiError> {
    let wallet = connection.wallet_name(name)?;
    let list = connection.wait(connection.api().wallet_addresses(WalletRequest { wallet }))?;
    let first = list.addresses.into_iter().min_by_key(|a| a.index);
    first.map(|a| a.confidential).ok_or_else(|| ApiError::new(ErrorCode::Internal, "the wallet has no address"))
}

fn advance(context: &Context, args: AdvanceArgs) -> Result<(), ApiError> {
    let blocks = args.blocks_flag.unwrap_or(args.blocks);
    let connection = Connection::open(context, Need::Chain)?;
    let request = AdvanceRequest { blocks, pay_to: args.mine_to };
    let answer = connection.wait(connection.api().node_devnet_advance(request));
    connection.close();
    let answer = answer?;
    context.out.result(
        &json!({ "blocks": blocks, "daa_score": answer.daa_score }),
        &format!("{blocks} blocks mined; the next block has DAA score {}", answer.daa_score),
    );
    Ok(())
}

fn reset(context: &Context) -> Result<(), ApiError> {
    if !context.out.confirm("Throw devnet's chain away? Wallets stay, their test coins are gone.") {
        return Err(ApiError::new(ErrorCode::BadInput, "nothing was changed"));
    }
    let connection = Connection::open(context, Need::Chain)?;
    let answer = connection.wait(connection.api().node_devnet_reset(Empty {}));
    connection.close();
    answer?;
    context.out.result(&json!({}), "devnet starts again from genesis");
    Ok(())
}
