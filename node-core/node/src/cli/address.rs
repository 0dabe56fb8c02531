//! `umbel address`: reading addresses. Needs no node.

use serde_json::json;
use umbel_api::ApiError;
use umbel_api::send::AddressKind;

use super::Context;
use crate::convert;

/// Says what kind of address a text is.
pub(super) fn decode(context: &Context, text: &str) -> Result<(), ApiError> {
    let decoded = convert::decode_any_address(text.trim())?;
    let (kind, explained) = match decoded.kind {
        AddressKind::Confidential => ("confidential", "amount and recipient of a payment stay private"),
        AddressKind::Zk13str => ("zk13str", "everyone sees amount and recipient of a payment; sending needs --public"),
    };
    let network = if decoded.network.is_empty() { "any" } else { decoded.network.as_str() };
    context.out.result(
        &json!({ "kind": decoded.kind, "network": decoded.network, "fingerprint": decoded.fingerprint }),
        &format!("kind         {kind}: {explained}\nnetwork      {network}\nfingerprint  {}", decoded.fingerprint),
    );
    Ok(())
}
