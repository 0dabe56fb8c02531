//! Requests and settings as they come over HTTP.

use serde_json::{Value, json};
use umbel_api::api_trait as api;
use umbel_api::{Call, Empty, NodeEvent};

/// What is understood is written as JSON that means the same.
fn stable<T: serde::Serialize + serde::de::DeserializeOwned>(value: &Value) {
    let Ok(read) = serde_json::from_value::<T>(value.clone()) else { return };
    let written = serde_json::to_value(&read).unwrap();
    let again: T = serde_json::from_value(written.clone()).unwrap();
    assert_eq!(serde_json::to_value(&again).unwrap(), written);
}

fn call<C: Call>(value: &Value) {
    stable::<C::Request>(value);
    stable::<C::Answer>(value);
}

macro_rules! all {
    ($($name:ident)*) => {
        /// Paths of the calls below.
        #[cfg(test)]
        const COVERED: &[&str] = &[$(<api::$name as Call>::PATH),*];

        fn calls(value: &Value) {
            $(call::<api::$name>(value);)*
        }
    };
}

all! {
    NodeState NodeDag NodeMine DevnetAdvance DevnetFund DevnetReset
    ChainHeader ProveTx ProveRewards ProveState ProveBlock
    WalletList WalletCreate WalletConfirmWords WalletRestore WalletUnlock WalletLock WalletReveal WalletRemove WalletState
    WalletAddresses WalletNewAddress WalletHistory ProvePayment
    DecodeAddress SendPlan SendPay SendStatus
    StakeStatus StakeRegister StakeDelegate StakeUndelegate StakeWithdraw StakeUnjail StakeReport
    ValidatorStart ValidatorRestore ValidatorStop ValidatorMoveOut ValidatorMoveIn
    LockKey LockCreate LockList LockSpend LockClaim LockRefund LockPropose LockSign LockInspect LockSubmit
    TxBuild TxSubmit VerifyPayment TxFees
    SettingsGet SettingsSet
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let balance = json!({ "spendable": "1.00000000", "pending": "0.00000000", "immature": "0.00000000" });
    [
        json!({}),
        json!({ "since": 0, "limit": 1 }),
        json!({ "threads": 0, "pay_to": null }),
        json!({ "blocks": 1, "pay_to": "zk13str_" }),
        json!({ "to": "a", "amount": "1" }),
        json!({ "name": "a", "password": "p", "word_count": 12, "passphrase": "" }),
        json!({ "name": "a", "password": "p", "words": "w", "dry_run": true }),
        json!({ "wallet": "a", "password": "p" }),
        json!({ "wallet": "a", "limit": 1, "offset": 2, "search": "x", "kind": "sent" }),
        json!({ "wallet": "a", "to": "b", "amount": "1", "note": "n" }),
        json!({ "wallet": "a", "amount": "1", "lock": { "kind": "post_quantum", "to": "b" } }),
        json!({ "id": 1 }),
        json!({ "hex": "00" }),
        json!({ "kind": "balance", "name": "reward-pool", "at": null, "anchor": "final" }),
        json!({ "version": 1, "network": "devnet", "proof": "00" }),
        json!({ "auto_lock_minutes": 5, "theme": "dark", "language": "de" }),
        json!({
            "name": "a", "status": "locked", "str": balance, "assets": {}, "coin_count": 1, "backed_up": false,
            "scan": { "complete": true, "done": 1, "total": 1, "verified_to": 1 }, "locks_in_s": null,
        }),
    ]
    .iter()
    .map(|value| value.to_string().into_bytes())
    .collect()
}

pub(crate) fn run(data: &[u8]) {
    let Ok(value) = serde_json::from_slice::<Value>(data) else { return };
    calls(&value);
    stable::<NodeEvent>(&value);
    stable::<umbel_api::ApiError>(&value);
    // An answer without content takes no field, so that nothing is overlooked.
    if let Value::Object(fields) = &value {
        assert_eq!(serde_json::from_value::<Empty>(value.clone()).is_ok(), fields.is_empty());
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_call_is_covered() {
        assert_eq!(super::COVERED, umbel_api::api_trait::PATHS);
    }
}
