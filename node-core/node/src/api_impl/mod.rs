//! The API of the node in this process, by area.
//!
//! Every call runs on a thread that may wait, with everything it needs moved in; nothing here holds a lock across an
//! `await`.

mod chain;
mod locks;
mod node;
mod proof;
mod send;
mod settings;
pub(crate) mod stake;
mod tx;
mod wallet;

use std::sync::Arc;

use umbel_api::{
    Api, ApiError, ApiFuture, Empty, ErrorCode, chain as chain_api, lock as lock_api, node as node_api,
    send as send_api, settings as settings_api, stake as stake_api, tx as tx_api, wallet as wallet_api,
};

use crate::node::Core;

/// The API of the node in this process.
pub(crate) struct LocalApi {
    core: Arc<Core>,
}

impl LocalApi {
    pub(crate) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }

    /// Runs a call where it may wait. The answer can be awaited on any runtime.
    fn run<T: Send + 'static>(
        &self,
        call: impl FnOnce(&Arc<Core>) -> Result<T, ApiError> + Send + 'static,
    ) -> ApiFuture<'_, T> {
        let core = Arc::clone(&self.core);
        if core.stop.is_set() {
            return Box::pin(async { Err(stopping()) });
        }
        let task = self.core.runtime.spawn_blocking(move || call(&core));
        Box::pin(async move {
            match task.await {
                Ok(answer) => answer,
                Err(error) if error.is_panic() => {
                    Err(ApiError::new(ErrorCode::Internal, "the call failed inside; the log says more"))
                }
                Err(_) => Err(stopping()),
            }
        })
    }
}

fn stopping() -> ApiError {
    ApiError::passing(ErrorCode::Unavailable, "the node is stopping")
}

macro_rules! serve {
    ($($method:ident ($request:ty) -> $answer:ty = $call:path;)*) => {
        impl Api for LocalApi {
            $(fn $method(&self, request: $request) -> ApiFuture<'_, $answer> {
                self.run(move |core| $call(core, request))
            })*
        }
    };
}

serve! {
    node_state(Empty) -> node_api::NodeState = node::state;
    node_dag(node_api::DagRequest) -> node_api::DagView = node::dag;
    node_mine(node_api::MineRequest) -> node_api::MiningState = node::mine;
    node_devnet_advance(node_api::AdvanceRequest) -> node_api::AdvanceAnswer = node::devnet_advance;
    node_devnet_fund(node_api::FundRequest) -> send_api::Payment = send::devnet_fund;
    node_devnet_reset(Empty) -> Empty = node::devnet_reset;
    chain_header(chain_api::HeaderRequest) -> chain_api::BlockHeader = chain::header;
    chain_prove_tx(chain_api::ProveTxRequest) -> chain_api::LedgerProofFile = chain::prove_tx;
    chain_prove_rewards(chain_api::ProveRewardsRequest) -> chain_api::LedgerProofFile = chain::prove_rewards;
    chain_prove_state(chain_api::ProveStateRequest) -> chain_api::LedgerProofFile = chain::prove_state;
    chain_prove_block(chain_api::ProvePlaceRequest) -> chain_api::LedgerProofFile = chain::prove_place;
    wallet_list(Empty) -> wallet_api::WalletList = wallet::list;
    wallet_create(wallet_api::CreateRequest) -> wallet_api::Created = wallet::create;
    wallet_confirm_words(wallet_api::WalletRequest) -> Empty = wallet::confirm_words;
    wallet_restore(wallet_api::RestoreRequest) -> wallet_api::Restored = wallet::restore;
    wallet_unlock(wallet_api::UnlockRequest) -> wallet_api::WalletState = wallet::unlock;
    wallet_lock(wallet_api::WalletRequest) -> wallet_api::WalletState = wallet::lock;
    wallet_reveal(wallet_api::RevealRequest) -> wallet_api::Revealed = wallet::reveal;
    wallet_remove(wallet_api::WalletRequest) -> Empty = wallet::remove;
    wallet_state(wallet_api::WalletRequest) -> wallet_api::WalletState = wallet::state;
    wallet_addresses(wallet_api::WalletRequest) -> wallet_api::AddressList = wallet::addresses;
    wallet_new_address(wallet_api::NewAddressRequest) -> wallet_api::AddressEntry = wallet::new_address;
    wallet_history(wallet_api::HistoryRequest) -> wallet_api::History = wallet::history;
    wallet_prove_payment(wallet_api::ProvePaymentRequest) -> tx_api::PaymentProof = proof::prove;
    send_decode_address(send_api::DecodeAddressRequest) -> send_api::DecodedAddress = send::decode_address;
    send_plan(send_api::SendRequest) -> send_api::PaymentPlan = send::plan;
    send_pay(send_api::SendRequest) -> send_api::Payment = send::pay;
    send_status(send_api::StatusRequest) -> send_api::Payment = send::status;
    stake_status(stake_api::StakeRequest) -> stake_api::StakeView = stake::status;
    stake_register(stake_api::RegisterRequest) -> stake_api::StakeMoved = stake::register;
    stake_delegate(stake_api::DelegateRequest) -> stake_api::StakeMoved = stake::delegate;
    stake_undelegate(stake_api::UndelegateRequest) -> stake_api::StakeMoved = stake::undelegate;
    stake_withdraw(stake_api::WithdrawRequest) -> stake_api::StakeMoved = stake::withdraw;
    stake_unjail(wallet_api::WalletRequest) -> stake_api::StakeMoved = stake::unjail;
    stake_report(wallet_api::WalletRequest) -> stake_api::Reported = stake::report;
    validator_start(stake_api::ValidateRequest) -> stake_api::ValidatingState = stake::start;
    validator_restore(stake_api::RestoreKeyRequest) -> stake_api::ValidatingState = stake::restore_key;
    validator_stop(Empty) -> stake_api::ValidatingState = stake::stop;
    validator_move_out(stake_api::ValidateRequest) -> stake_api::MovedKey = stake::move_out;
    validator_move_in(stake_api::TakeOverRequest) -> stake_api::ValidatingState = stake::move_in;
    lock_key(lock_api::LockKeyRequest) -> lock_api::LockKey = locks::key;
    lock_create(lock_api::CreateLockRequest) -> lock_api::CreatedLock = locks::create;
    lock_list(wallet_api::WalletRequest) -> lock_api::LockList = locks::list;
    lock_spend(lock_api::SpendLockRequest) -> lock_api::LockSpent = locks::spend;
    lock_claim(lock_api::ClaimLockRequest) -> lock_api::LockSpent = locks::claim;
    lock_refund(lock_api::SpendLockRequest) -> lock_api::LockSpent = locks::refund;
    lock_propose(lock_api::SpendLockRequest) -> lock_api::SigningFile = locks::propose;
    lock_sign(lock_api::SignRequest) -> lock_api::SigningFile = locks::sign;
    lock_inspect(lock_api::SigningFileRequest) -> lock_api::SigningView = locks::inspect;
    lock_submit(lock_api::SigningFileRequest) -> tx_api::Submitted = locks::submit;
    tx_build(send_api::SendRequest) -> tx_api::RawTx = tx::build;
    tx_submit(tx_api::RawTx) -> tx_api::Submitted = tx::submit;
    tx_verify_payment(tx_api::VerifyPaymentRequest) -> tx_api::VerifiedPayment = proof::verify;
    tx_fees(Empty) -> tx_api::FeeEstimate = tx::fees;
    settings_get(Empty) -> settings_api::Settings = settings::get;
    settings_set(settings_api::Settings) -> settings_api::Settings = settings::set;
}
