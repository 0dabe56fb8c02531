//! `umbel address`: reading addresses. Needs no node.

use serde_json::json;
use umbel_api::ApiError;
use umbel_api::send::AddressKind;
use umbel_types::{Network, Params};

use super::Context;
use crate::convert;

/// Says what kind of address a text is.
pub(super) fn decode(context: &Context, text: &str) -> Result<(), ApiError> {
    let decoded = convert::decode_any_address(text.trim())?;
    let (kind, explained) = match decoded.kind {
        AddressKind::Confidential => ("confidential", "amount and recipient of a payment stay private"),
        AddressKind::Zk13str => ("zk13str", "everyone sees amount and recipient of a payment; sending needs --public"),
    };
    let networks = networks_of(&decoded.network);
    let network = (!networks.is_empty()).then(|| networks.join(", "));
    let shown = network.as_deref().unwrap_or("any");
    context.out.result(
        &json!({ "kind": decoded.kind, "network": network, "fingerprint": decoded.fingerprint }),
        &format!("kind         {kind}: {explained}\nnetwork      {shown}\nfingerprint  {}", decoded.fingerprint),
    );
    Ok(())
}

/// Networks whose addresses have this prefix; none for an address that carries no network.
fn networks_of(prefix: &str) -> Vec<&'static str> {
    let share = |network: &Network| Params::of(*network).address_prefix == prefix;
    Network::ALL.into_iter().filter(share).map(Network::name).collect()
}
