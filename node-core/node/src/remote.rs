//! The API of a node in another process, over its loopback server.

use std::net::SocketAddr;
use std::time::Duration;

use serde::Deserialize;
use umbel_api::api_trait as calls;
use umbel_api::{
    Api, ApiError, ApiFuture, Call, Empty, ErrorCode, chain, lock, node, send, settings, stake, tx, wallet,
};
use zeroize::{Zeroize, Zeroizing};

use crate::api_file::ApiFile;
use crate::config::Layout;

/// Longest wait for an answer: ten thousand blocks mined at once on a slow machine.
const CALL_TIMEOUT: Duration = Duration::from_secs(600);
/// Longest wait for a sign of life; the server is on this machine.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(3);
/// Longest answer, in bytes: 512 blocks of the live view, or 500 entries of history.
const MAX_ANSWER_BYTES: u64 = 16 * 1024 * 1024;

/// A node in another process.
#[derive(Debug)]
pub struct RemoteApi {
    agent: ureq::Agent,
    base: String,
    bearer: Zeroizing<String>,
}

impl RemoteApi {
    /// The node that holds this folder, if it listens. One that just took the folder may not do so yet.
    ///
    /// - `pid`: the holder's process id, where it is known; an `api.json` of an earlier process is out of date.
    pub fn of_holder(layout: &Layout, pid: Option<u32>) -> Option<Self> {
        let file = ApiFile::read(&layout.api_file()).filter(|file| pid.is_none_or(|pid| file.pid == pid))?;
        let api = Self::new(file.address, &file.token);
        api.is_alive().then_some(api)
    }

    fn new(address: SocketAddr, token: &str) -> Self {
        let config = ureq::Agent::config_builder()
            // The server is on this machine; a proxy must never see the token.
            .proxy(None)
            .max_redirects(0)
            .http_status_as_error(false)
            .timeout_global(Some(CALL_TIMEOUT))
            .build();
        let bearer = Zeroizing::new(format!("Bearer {token}"));
        Self { agent: config.into(), base: format!("http://{address}"), bearer }
    }

    fn is_alive(&self) -> bool {
        let request = self.agent.get(format!("{}/health", self.base));
        let answer = request.config().timeout_global(Some(HEALTH_TIMEOUT)).build().call();
        answer.is_ok_and(|response| response.status().is_success())
    }

    /// Makes one call. The caller waits: the command line has nothing else to do.
    fn call<C: Call>(&self, request: &C::Request) -> Result<C::Answer, ApiError> {
        let mut body = Zeroizing::new(serde_json::to_vec(request).map_err(|e| garbled(&e))?);
        let response = self
            .agent
            .post(format!("{}/api/v1/{}", self.base, C::PATH))
            .header("authorization", self.bearer.as_str())
            .header("content-type", "application/json")
            .send(body.as_slice());
        body.zeroize();
        let mut response = response.map_err(|e| lost(&e))?;
        let ok = response.status().is_success();
        let text = response.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_string().map_err(|e| lost(&e))?;
        let text = Zeroizing::new(text);
        if ok {
            return serde_json::from_str(&text).map_err(|e| garbled(&e));
        }
        let refusal: Refusal = serde_json::from_str(&text).map_err(|e| garbled(&e))?;
        Err(refusal.error)
    }
}

#[derive(Deserialize)]
struct Refusal {
    error: ApiError,
}

fn lost(error: &ureq::Error) -> ApiError {
    ApiError::passing(ErrorCode::Unavailable, format!("the node does not answer: {error}"))
}

/// serde's message would quote the value, which may be a secret: only its place is told.
fn garbled(error: &serde_json::Error) -> ApiError {
    ApiError::new(
        ErrorCode::Internal,
        format!("the node's answer can't be read at column {}; is it of another version?", error.column()),
    )
}

macro_rules! forward {
    ($($method:ident $call:ident ($request:ty) -> $answer:ty;)*) => {
        impl Api for RemoteApi {
            $(fn $method(&self, request: $request) -> ApiFuture<'_, $answer> {
                Box::pin(async move { self.call::<calls::$call>(&request) })
            })*
        }
    };
}

forward! {
    node_state NodeState(Empty) -> node::NodeState;
    node_dag NodeDag(node::DagRequest) -> node::DagView;
    node_mine NodeMine(node::MineRequest) -> node::MiningState;
    node_devnet_advance DevnetAdvance(node::AdvanceRequest) -> node::AdvanceAnswer;
    node_devnet_fund DevnetFund(node::FundRequest) -> send::Payment;
    node_devnet_reset DevnetReset(Empty) -> Empty;
    chain_header ChainHeader(chain::HeaderRequest) -> chain::BlockHeader;
    chain_prove_tx ProveTx(chain::ProveTxRequest) -> chain::LedgerProofFile;
    chain_prove_rewards ProveRewards(chain::ProveRewardsRequest) -> chain::LedgerProofFile;
    chain_prove_state ProveState(chain::ProveStateRequest) -> chain::LedgerProofFile;
    chain_prove_block ProveBlock(chain::ProvePlaceRequest) -> chain::LedgerProofFile;
    wallet_list WalletList(Empty) -> wallet::WalletList;
    wallet_create WalletCreate(wallet::CreateRequest) -> wallet::Created;
    wallet_confirm_words WalletConfirmWords(wallet::WalletRequest) -> Empty;
    wallet_restore WalletRestore(wallet::RestoreRequest) -> wallet::Restored;
    wallet_unlock WalletUnlock(wallet::UnlockRequest) -> wallet::WalletState;
    wallet_lock WalletLock(wallet::WalletRequest) -> wallet::WalletState;
    wallet_reveal WalletReveal(wallet::RevealRequest) -> wallet::Revealed;
    wallet_remove WalletRemove(wallet::WalletRequest) -> Empty;
    wallet_state WalletState(wallet::WalletRequest) -> wallet::WalletState;
    wallet_addresses WalletAddresses(wallet::WalletRequest) -> wallet::AddressList;
    wallet_new_address WalletNewAddress(wallet::NewAddressRequest) -> wallet::AddressEntry;
    wallet_history WalletHistory(wallet::HistoryRequest) -> wallet::History;
    wallet_prove_payment ProvePayment(wallet::ProvePaymentRequest) -> tx::PaymentProof;
    send_decode_address DecodeAddress(send::DecodeAddressRequest) -> send::DecodedAddress;
    send_plan SendPlan(send::SendRequest) -> send::PaymentPlan;
    send_pay SendPay(send::SendRequest) -> send::Payment;
    send_status SendStatus(send::StatusRequest) -> send::Payment;
    stake_status StakeStatus(stake::StakeRequest) -> stake::StakeView;
    stake_register StakeRegister(stake::RegisterRequest) -> stake::StakeMoved;
    stake_delegate StakeDelegate(stake::DelegateRequest) -> stake::StakeMoved;
    stake_undelegate StakeUndelegate(stake::UndelegateRequest) -> stake::StakeMoved;
    stake_withdraw StakeWithdraw(stake::WithdrawRequest) -> stake::StakeMoved;
    stake_unjail StakeUnjail(wallet::WalletRequest) -> stake::StakeMoved;
    stake_report StakeReport(wallet::WalletRequest) -> stake::Reported;
    validator_start ValidatorStart(stake::ValidateRequest) -> stake::ValidatingState;
    validator_restore ValidatorRestore(stake::RestoreKeyRequest) -> stake::ValidatingState;
    validator_stop ValidatorStop(Empty) -> stake::ValidatingState;
    validator_move_out ValidatorMoveOut(stake::ValidateRequest) -> stake::MovedKey;
    validator_move_in ValidatorMoveIn(stake::TakeOverRequest) -> stake::ValidatingState;
    lock_key LockKey(lock::LockKeyRequest) -> lock::LockKey;
    lock_create LockCreate(lock::CreateLockRequest) -> lock::CreatedLock;
    lock_list LockList(wallet::WalletRequest) -> lock::LockList;
    lock_spend LockSpend(lock::SpendLockRequest) -> lock::LockSpent;
    lock_claim LockClaim(lock::ClaimLockRequest) -> lock::LockSpent;
    lock_refund LockRefund(lock::SpendLockRequest) -> lock::LockSpent;
    lock_propose LockPropose(lock::SpendLockRequest) -> lock::SigningFile;
    lock_sign LockSign(lock::SignRequest) -> lock::SigningFile;
    lock_inspect LockInspect(lock::SigningFileRequest) -> lock::SigningView;
    lock_submit LockSubmit(lock::SigningFileRequest) -> tx::Submitted;
    tx_build TxBuild(send::SendRequest) -> tx::RawTx;
    tx_submit TxSubmit(tx::RawTx) -> tx::Submitted;
    tx_verify_payment VerifyPayment(tx::VerifyPaymentRequest) -> tx::VerifiedPayment;
    tx_fees TxFees(Empty) -> tx::FeeEstimate;
    settings_get SettingsGet(Empty) -> settings::Settings;
    settings_set SettingsSet(settings::Settings) -> settings::Settings;
}
