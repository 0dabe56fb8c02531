//! The list of calls.
//!
//! One list makes the trait [`Api`], a type for each call (for clients), and [`dispatch`] (for servers). A call's path is
//! `<area>/<name>`; the Tauri command of a call is `<area>_<name>`.

use core::future::Future;
use core::pin::Pin;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{ApiError, ErrorCode};
use crate::{Empty, chain, lock, node, send, settings, stake, tx, wallet};

/// What every call gives.
pub type ApiFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, ApiError>> + Send + 'a>>;

/// One call, for clients.
pub trait Call {
    /// `<area>/<name>`.
    const PATH: &'static str;
    /// `<area>_<name>`: the Tauri command.
    const COMMAND: &'static str;
    /// What is sent.
    type Request: Serialize + DeserializeOwned;
    /// What comes back.
    type Answer: Serialize + DeserializeOwned;
}

macro_rules! calls {
    ($($(#[$doc:meta])* $area:literal $name:literal $method:ident $call:ident ($request:ty) -> $answer:ty;)*) => {
        /// The node and its wallets, as shells see them.
        pub trait Api: Send + Sync {
            $($(#[$doc])* fn $method(&self, request: $request) -> ApiFuture<'_, $answer>;)*
        }

        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug)]
            pub struct $call;

            impl Call for $call {
                const PATH: &'static str = concat!($area, "/", $name);
                const COMMAND: &'static str = concat!($area, "_", $name);
                type Request = $request;
                type Answer = $answer;
            }
        )*

        /// Every path, in the order of the list.
        pub const PATHS: &[&str] = &[$(<$call as Call>::PATH),*];

        /// Answers the call at `path` with JSON.
        ///
        /// # Errors
        /// [`ErrorCode::NotFound`] for an unknown path, [`ErrorCode::BadInput`] for a request of another shape, else
        /// what the call gives.
        pub async fn dispatch(
            api: &dyn Api,
            path: &str,
            request: serde_json::Value,
        ) -> Result<serde_json::Value, ApiError> {
            match path {
                $(<$call as Call>::PATH => {
                    let request: $request = parse(request)?;
                    to_json(&api.$method(request).await?)
                })*
                _ => Err(ApiError::new(ErrorCode::NotFound, format!("there is no call {path}"))),
            }
        }
    };
}

fn parse<T: DeserializeOwned>(request: serde_json::Value) -> Result<T, ApiError> {
    // serde's message would quote the value, which may be a secret.
    serde_json::from_value(request)
        .map_err(|_| ApiError::new(ErrorCode::BadInput, "the request does not have the fields of this call"))
}

fn to_json<T: Serialize>(answer: &T) -> Result<serde_json::Value, ApiError> {
    serde_json::to_value(answer).map_err(|_| ApiError::new(ErrorCode::Internal, "the answer could not be encoded"))
}

calls! {
    /// What the node is doing.
    "node" "state" node_state NodeState(Empty) -> node::NodeState;
    /// Blocks as they arrived, for the live view.
    "node" "dag" node_dag NodeDag(node::DagRequest) -> node::DagView;
    /// Starts, changes or stops mining.
    "node" "mine" node_mine NodeMine(node::MineRequest) -> node::MiningState;
    /// Devnet: mines blocks at once.
    "node" "devnet_advance" node_devnet_advance DevnetAdvance(node::AdvanceRequest) -> node::AdvanceAnswer;
    /// Devnet: pays test coins from the genesis wallet, whose key is public.
    "node" "devnet_fund" node_devnet_fund DevnetFund(node::FundRequest) -> send::Payment;
    /// Devnet: throws the chain away and starts again from genesis. Wallets stay.
    "node" "devnet_reset" node_devnet_reset DevnetReset(Empty) -> Empty;

    /// A block's header, and where the block stands.
    "chain" "header" chain_header ChainHeader(chain::HeaderRequest) -> chain::BlockHeader;
    /// Proves that the chain accepted a transaction.
    "chain" "prove_tx" chain_prove_tx ProveTx(chain::ProveTxRequest) -> chain::LedgerProofFile;
    /// Proves what a chain block paid without a transaction.
    "chain" "prove_rewards" chain_prove_rewards ProveRewards(chain::ProveRewardsRequest) -> chain::LedgerProofFile;
    /// Proves what the state holds under a name, or that it holds nothing.
    "chain" "prove_state" chain_prove_state ProveState(chain::ProveStateRequest) -> chain::LedgerProofFile;
    /// Proves that a block is on the selected chain.
    "chain" "prove_block" chain_prove_block ProveBlock(chain::ProvePlaceRequest) -> chain::LedgerProofFile;

    /// All wallets of the data folder.
    "wallet" "list" wallet_list WalletList(Empty) -> wallet::WalletList;
    /// Makes a wallet from fresh words and unlocks it.
    "wallet" "create" wallet_create WalletCreate(wallet::CreateRequest) -> wallet::Created;
    /// Says that the person has written the words down.
    "wallet" "confirm_words" wallet_confirm_words WalletConfirmWords(wallet::WalletRequest) -> Empty;
    /// Makes a wallet from words and unlocks it, or only says what they give.
    "wallet" "restore" wallet_restore WalletRestore(wallet::RestoreRequest) -> wallet::Restored;
    /// Unlocks a wallet.
    "wallet" "unlock" wallet_unlock WalletUnlock(wallet::UnlockRequest) -> wallet::WalletState;
    /// Drops the spend key. Scanning, node and miner go on.
    "wallet" "lock" wallet_lock WalletLock(wallet::WalletRequest) -> wallet::WalletState;
    /// Shows the words again.
    "wallet" "reveal" wallet_reveal WalletReveal(wallet::RevealRequest) -> wallet::Revealed;
    /// Deletes a wallet's files.
    "wallet" "remove" wallet_remove WalletRemove(wallet::WalletRequest) -> Empty;
    /// Balances and scan state.
    "wallet" "state" wallet_state WalletState(wallet::WalletRequest) -> wallet::WalletState;
    /// The addresses handed out so far, newest first.
    "wallet" "addresses" wallet_addresses WalletAddresses(wallet::WalletRequest) -> wallet::AddressList;
    /// A fresh address.
    "wallet" "new_address" wallet_new_address WalletNewAddress(wallet::NewAddressRequest) -> wallet::AddressEntry;
    /// What came and went, newest first.
    "wallet" "history" wallet_history WalletHistory(wallet::HistoryRequest) -> wallet::History;

    /// Proves to whoever chose the challenge that a payment was made. Shows its address, amount and note.
    "wallet" "prove_payment" wallet_prove_payment ProvePayment(wallet::ProvePaymentRequest) -> tx::PaymentProof;

    /// Reads an address of any kind.
    "send" "decode_address" send_decode_address DecodeAddress(send::DecodeAddressRequest) -> send::DecodedAddress;
    /// Says what a payment would take, without making it.
    "send" "plan" send_plan SendPlan(send::SendRequest) -> send::PaymentPlan;
    /// Starts a payment and returns at once; its progress comes by event and `send/status`.
    "send" "pay" send_pay SendPay(send::SendRequest) -> send::Payment;
    /// How far a payment is.
    "send" "status" send_status SendStatus(send::StatusRequest) -> send::Payment;

    /// All validators, and what a wallet has staked.
    "stake" "status" stake_status StakeStatus(stake::StakeRequest) -> stake::StakeView;
    /// Makes a validator: its vote key is sealed on this machine, its bond is staked publicly.
    "stake" "register" stake_register StakeRegister(stake::RegisterRequest) -> stake::StakeMoved;
    /// Stakes with a validator, publicly.
    "stake" "delegate" stake_delegate StakeDelegate(stake::DelegateRequest) -> stake::StakeMoved;
    /// Starts to take stake out.
    "stake" "undelegate" stake_undelegate StakeUndelegate(stake::UndelegateRequest) -> stake::StakeMoved;
    /// Takes out rewards, and stake that is due.
    "stake" "withdraw" stake_withdraw StakeWithdraw(stake::WithdrawRequest) -> stake::StakeMoved;
    /// Lets the wallet's jailed validator be elected again.
    "stake" "unjail" stake_unjail StakeUnjail(wallet::WalletRequest) -> stake::StakeMoved;
    /// Reports every validator that was seen contradicting itself.
    "stake" "report" stake_report StakeReport(wallet::WalletRequest) -> stake::Reported;
    /// Opens the vote key of this machine: it votes from now on.
    "validator" "start" validator_start ValidatorStart(stake::ValidateRequest) -> stake::ValidatingState;
    /// Seals the vote key of a wallet's validator on this machine again. It watches before it votes.
    "validator" "restore" validator_restore ValidatorRestore(stake::RestoreKeyRequest) -> stake::ValidatingState;
    /// Drops the vote key: it does not vote until it is opened again.
    "validator" "stop" validator_stop ValidatorStop(Empty) -> stake::ValidatingState;
    /// Seals the vote key with its guard for another machine. It never votes here again.
    "validator" "move_out" validator_move_out ValidatorMoveOut(stake::ValidateRequest) -> stake::MovedKey;
    /// Takes a vote key over from another machine.
    "validator" "move_in" validator_move_in ValidatorMoveIn(stake::TakeOverRequest) -> stake::ValidatingState;

    /// What others need to lock money for a wallet.
    "lock" "key" lock_key LockKey(lock::LockKeyRequest) -> lock::LockKey;
    /// Pays into a lock.
    "lock" "create" lock_create LockCreate(lock::CreateLockRequest) -> lock::CreatedLock;
    /// Locks that name a key or an address of a wallet.
    "lock" "list" lock_list LockList(wallet::WalletRequest) -> lock::LockList;
    /// Spends a lock that needs no other signer.
    "lock" "spend" lock_spend LockSpend(lock::SpendLockRequest) -> lock::LockSpent;
    /// Claims a hash lock: shows its secret to everyone.
    "lock" "claim" lock_claim LockClaim(lock::ClaimLockRequest) -> lock::LockSpent;
    /// Takes a hash lock back after its timeout.
    "lock" "refund" lock_refund LockRefund(lock::SpendLockRequest) -> lock::LockSpent;
    /// Builds what spends a multisig lock, signed by the wallet's own keys.
    "lock" "propose" lock_propose LockPropose(lock::SpendLockRequest) -> lock::SigningFile;
    /// Adds the wallet's signatures.
    "lock" "sign" lock_sign LockSign(lock::SignRequest) -> lock::SigningFile;
    /// Checks a file that goes from signer to signer, and says what it does.
    "lock" "inspect" lock_inspect LockInspect(lock::SigningFileRequest) -> lock::SigningView;
    /// Submits such a file once it has all its signatures.
    "lock" "submit" lock_submit LockSubmit(lock::SigningFileRequest) -> tx::Submitted;

    /// Builds and signs a payment without submitting it.
    "tx" "build" tx_build TxBuild(send::SendRequest) -> tx::RawTx;
    /// Submits a transaction that was built elsewhere.
    "tx" "submit" tx_submit TxSubmit(tx::RawTx) -> tx::Submitted;
    /// Verifies a proof of payment, and says what became of its transaction.
    "tx" "verify_payment" tx_verify_payment VerifyPayment(tx::VerifyPaymentRequest) -> tx::VerifiedPayment;
    /// What to pay for a transaction now.
    "tx" "fees" tx_fees TxFees(Empty) -> tx::FeeEstimate;

    /// The person's settings.
    "settings" "get" settings_get SettingsGet(Empty) -> settings::Settings;
    /// Replaces the settings.
    "settings" "set" settings_set SettingsSet(settings::Settings) -> settings::Settings;
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// A request as a client of this version sends it is understood, and one with another field beside is not.
    fn is_strict<C: Call>(request: &Value) {
        let parsed = serde_json::from_value::<C::Request>(request.clone());
        assert!(parsed.is_ok(), "{}: {request}", C::PATH);
        let mut request = request.clone();
        request["amuont"] = json!("1");
        assert!(serde_json::from_value::<C::Request>(request).is_err(), "{} takes unknown fields", C::PATH);
    }

    macro_rules! strict {
        ($($call:ident $request:expr;)*) => {
            let mut checked = Vec::new();
            $(is_strict::<$call>(&$request); checked.push($call::PATH);)*
            assert_eq!(checked, PATHS, "every call");
        };
    }

    #[test]
    fn a_field_that_no_call_has_is_refused() {
        let wallet = json!({ "wallet": "a" });
        let pay = json!({ "wallet": "a", "to": "b", "amount": "1" });
        let secret = json!({ "wallet": "a", "password": "p" });
        let lock = json!({ "wallet": "a", "outpoint": "00:0" });
        let signing = json!({
            "version": 1, "network": "devnet", "genesis": "00", "core": "00", "proofs": "00", "m": 1, "keys": ["00"],
            "shown": null, "signatures": [{ "index": 0, "signature": "00" }],
        });
        strict! {
            NodeState json!({});
            NodeDag json!({ "since": 0, "limit": 1 });
            NodeMine json!({ "threads": 0, "pay_to": null });
            DevnetAdvance json!({ "blocks": 1, "pay_to": null });
            DevnetFund json!({ "to": "a", "amount": "1" });
            DevnetReset json!({});
            ChainHeader json!({ "block": null });
            ProveTx json!({ "txid": "00", "accepted_in": null, "anchor": null });
            ProveRewards json!({ "block": "00", "anchor": null });
            ProveState json!({ "kind": "balance", "name": "reward-pool", "at": null, "anchor": null });
            ProveBlock json!({ "block": "00", "anchor": null });
            WalletList json!({});
            WalletCreate json!({ "name": "a", "password": "p", "word_count": 12 });
            WalletConfirmWords wallet;
            WalletRestore json!({ "name": "a", "password": "p", "words": "w" });
            WalletUnlock secret;
            WalletLock wallet;
            WalletReveal secret;
            WalletRemove wallet;
            WalletState wallet;
            WalletAddresses wallet;
            WalletNewAddress wallet;
            WalletHistory json!({ "wallet": "a", "limit": 1 });
            ProvePayment json!({ "wallet": "a", "txid": "00", "challenge": "c" });
            DecodeAddress json!({ "text": "a" });
            SendPlan pay;
            SendPay pay;
            SendStatus json!({ "id": 1 });
            StakeStatus json!({ "wallet": null });
            StakeRegister json!({ "wallet": "a", "stake": "1", "commission_bps": 1, "password": "p", "public": true });
            StakeDelegate json!({ "wallet": "a", "validator": "00", "amount": "1", "public": true });
            StakeUndelegate json!({ "wallet": "a", "validator": "00", "amount": "max" });
            StakeWithdraw json!({ "wallet": "a", "validator": "00" });
            StakeUnjail wallet;
            StakeReport wallet;
            ValidatorStart json!({ "password": "p" });
            ValidatorRestore json!({ "wallet": "a", "validator": "00", "password": "p" });
            ValidatorStop json!({});
            ValidatorMoveOut json!({ "password": "p" });
            ValidatorMoveIn json!({ "sealed": "00", "password": "p" });
            LockKey json!({ "wallet": "a", "fresh": true });
            LockCreate json!({ "wallet": "a", "amount": "1", "lock": { "kind": "post_quantum", "to": "b" } });
            LockList wallet;
            LockSpend lock;
            LockClaim lock;
            LockRefund lock;
            LockPropose lock;
            LockSign json!({ "wallet": "a", "file": signing });
            LockInspect json!({ "file": signing });
            LockSubmit json!({ "file": signing });
            TxBuild pay;
            TxSubmit json!({ "hex": "00" });
            VerifyPayment json!({ "proof": {
                "version": 1, "network": "devnet", "genesis": "00", "core": "00", "index": 0, "address": "a", "x": "00",
                "signature": "00", "challenge": "c",
            } });
            TxFees json!({});
            SettingsGet json!({});
            SettingsSet json!({});
        }
    }
}
