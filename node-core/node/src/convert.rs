//! Texts of the API into types of the ledger and back, and errors of the lower crates into [`ApiError`]: once, here.

use umbel_api::send::{AddressKind, DecodedAddress, PaymentStage};
use umbel_api::wallet::{DamageCode, HistoryKind, Restored, WalletDamage};
use umbel_api::{ApiError, ErrorCode, Secret};
use umbel_crypto::keys::{Address, AddressError, ConfidentialAddress};
use umbel_types::consensus_api::ConsensusError;
use umbel_types::encode::Decode;
use umbel_types::errors::TxContextError;
use umbel_types::lock::Lock;
use umbel_types::{Amount, AmountError, AssetId, BlockHash, Network, Params, Transaction};
use umbel_wallet::{Damage, SendAmount, StakeError, WalletError};

/// Reads an address of this network, or of none.
pub(crate) fn address(text: &str, params: &Params) -> Result<Address, ApiError> {
    Address::parse(text.trim(), params.address_prefix).map_err(|e| address_error(&e))
}

/// Reads a confidential address of this network: the only kind that mining can pay.
pub(crate) fn confidential(text: &str, params: &Params) -> Result<ConfidentialAddress, ApiError> {
    match address(text, params)? {
        Address::Confidential(address) => Ok(address),
        Address::Zk13str(_) => Err(ApiError::new(
            ErrorCode::BadInput,
            format!("mining pays confidential addresses only, which begin with {}1", params.address_prefix),
        )),
    }
}

/// An address as shells see it.
pub(crate) fn decoded(address: &Address, prefix: &str) -> DecodedAddress {
    let (kind, network) = match address {
        Address::Confidential(_) => (AddressKind::Confidential, prefix.to_owned()),
        Address::Zk13str(_) => (AddressKind::Zk13str, String::new()),
    };
    DecodedAddress { kind, network, fingerprint: address.fingerprint().to_string() }
}

/// Reads an address of any network.
pub(crate) fn decode_any_address(text: &str) -> Result<DecodedAddress, ApiError> {
    let prefix = text.split_once('1').map_or("", |(prefix, _)| prefix);
    let known = Network::ALL.into_iter().map(|n| Params::of(n).address_prefix).find(|p| *p == prefix);
    let prefix = known.unwrap_or(Params::of(Network::Mainnet).address_prefix);
    let address = Address::parse(text, prefix).map_err(|e| address_error(&e))?;
    Ok(decoded(&address, prefix))
}

fn address_error(error: &AddressError) -> ApiError {
    let code = match error {
        AddressError::WrongChecksum | AddressError::BadCharacter(_) => ErrorCode::BadChecksum,
        AddressError::WrongNetwork { .. } => ErrorCode::WrongNetwork,
        AddressError::WrongLength { .. }
        | AddressError::UpperCase
        | AddressError::MixedCase
        | AddressError::UnknownPrefix { .. }
        | AddressError::BadPoint => ErrorCode::BadInput,
    };
    ApiError::new(code, error.to_string())
}

/// Reads an amount above zero.
pub(crate) fn amount(text: &str) -> Result<Amount, ApiError> {
    let amount: Amount =
        text.trim().parse().map_err(|e: AmountError| ApiError::new(ErrorCode::BadAmount, e.to_string()))?;
    if amount.is_zero() {
        return Err(ApiError::new(ErrorCode::BadAmount, "the amount is zero"));
    }
    Ok(amount)
}

/// Reads an amount above zero, or `max`.
pub(crate) fn send_amount(text: &str) -> Result<SendAmount, ApiError> {
    if text.trim() == "max" { Ok(SendAmount::Max) } else { amount(text).map(SendAmount::Exact) }
}

/// Assets with a ticker of their own.
const TICKERS: [(&str, AssetId); 2] = [("STR", AssetId::STR), ("CCOS", AssetId::CCOS)];

/// Reads a ticker or an id; nothing means STR.
pub(crate) fn asset(text: &str) -> Result<AssetId, ApiError> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(AssetId::STR);
    }
    let ticker = TICKERS.iter().find(|(name, _)| *name == text).map(|(_, id)| *id);
    let unknown = || ApiError::new(ErrorCode::BadInput, format!("there is no asset {text:?}"));
    ticker.or_else(|| text.parse().ok()).ok_or_else(unknown)
}

/// Ticker or id.
pub(crate) fn asset_name(asset: AssetId) -> String {
    let ticker = TICKERS.iter().find(|(_, id)| *id == asset);
    ticker.map_or_else(|| asset.to_string(), |(name, _)| (*name).to_owned())
}

/// Reads a transaction from hexadecimal.
pub(crate) fn transaction(text: &str) -> Result<Transaction, ApiError> {
    let bad = |reason: String| ApiError::new(ErrorCode::BadInput, format!("this is no transaction: {reason}"));
    let bytes = hex::decode(text.trim()).map_err(|e| bad(e.to_string()))?;
    Transaction::from_bytes(&bytes).map_err(|e| bad(e.to_string()).naming(&e))
}

/// The hash of a block in hexadecimal.
pub(crate) fn block_hash(text: &str) -> Result<BlockHash, ApiError> {
    text.parse().map_err(|_| ApiError::new(ErrorCode::BadInput, "a block's hash has 64 hexadecimal digits"))
}

/// The address that a memo pays, where its lock is one.
pub(crate) fn lock_address(lock: &Lock) -> Option<String> {
    match lock {
        Lock::Address(address) => Some(Address::Zk13str(*address).to_text("")),
        _ => None,
    }
}

/// What words give, without a wallet.
pub(crate) fn preview(words: &Secret, passphrase: &Secret, network: Network) -> Result<Restored, ApiError> {
    let preview = umbel_wallet::preview(words.expose(), passphrase.expose(), network).map_err(|e| wallet_error(&e))?;
    Ok(Restored { zk13str: preview.zk13str, confidential: preview.confidential, same_words_as: Vec::new() })
}

/// What is wrong with a wallet's file, as shells see it.
pub(crate) fn damage(damage: &Damage) -> WalletDamage {
    let code = match damage {
        Damage::Missing => DamageCode::Missing,
        Damage::Unreadable(_) => DamageCode::Unreadable,
        Damage::Length => DamageCode::Length,
        Damage::Magic => DamageCode::Magic,
        Damage::Checksum => DamageCode::Checksum,
        Damage::Content => DamageCode::Content,
        Damage::Version(_) => DamageCode::Version,
        Damage::Network(_) => DamageCode::Network,
    };
    WalletDamage { code, message: damage.cause() }
}

/// A wallet's error as shells see it.
pub(crate) fn wallet_error(error: &WalletError) -> ApiError {
    let code = match error {
        WalletError::Words(_) => ErrorCode::BadWords,
        WalletError::Name(_)
        | WalletError::EmptyPassword
        | WalletError::PassphraseTooLong { .. }
        | WalletError::PublicNote
        | WalletError::NoteTooLong { .. } => ErrorCode::BadInput,
        WalletError::Exists(_) => ErrorCode::WalletExists,
        WalletError::NoSuchWallet(_) => ErrorCode::NoSuchWallet,
        WalletError::WrongPassword => ErrorCode::WrongPassword,
        WalletError::Damaged { .. } | WalletError::FilesRemoved { .. } => ErrorCode::WalletDamaged,
        WalletError::Io { .. } | WalletError::Journal(_) => ErrorCode::DataFolder,
        WalletError::Locked => ErrorCode::Locked,
        WalletError::WrongNetwork => ErrorCode::WrongNetwork,
        WalletError::ZeroAmount | WalletError::Amount(_) => ErrorCode::BadAmount,
        WalletError::InsufficientFunds { .. } | WalletError::TooManyCoins { .. } => ErrorCode::InsufficientFunds,
        WalletError::NeedsPublic => ErrorCode::NeedsPublic,
        WalletError::NoSuchPayment(_) => ErrorCode::NotFound,
        WalletError::NotItsPayment(_) | WalletError::SeveralRecipients { .. } | WalletError::PaymentProof(_) => {
            ErrorCode::BadProof
        }
        WalletError::DevnetOnly => ErrorCode::DevnetOnly,
        WalletError::InUse { .. }
        | WalletError::NotScanned
        | WalletError::PlanOutdated
        | WalletError::FundBusy
        | WalletError::Cancelled => ErrorCode::Unavailable,
        WalletError::Lock(error) => return crate::locks::lock_error(error),
        WalletError::Stake(error) => return stake_error(error),
        WalletError::Consensus(error) => return consensus_error(error),
        WalletError::Randomness | WalletError::KeyDerivation | WalletError::Build(_) => ErrorCode::Internal,
    };
    ApiError { code, message: error.to_string(), retryable: error.is_passing(), rule: None }
}

/// Why stake is not moved, as shells see it.
fn stake_error(error: &StakeError) -> ApiError {
    let code = match error {
        StakeError::TooLittle { .. }
        | StakeError::Bond { .. }
        | StakeError::MoreThanThere { .. }
        | StakeError::NothingDue { .. } => ErrorCode::BadAmount,
        StakeError::Commission { .. }
        | StakeError::Slashed(_)
        | StakeError::NotJailed(_)
        | StakeError::NoFreeKey(_) => ErrorCode::BadInput,
        StakeError::NoSuchValidator(_) | StakeError::NothingThere(_) | StakeError::NoValidator => ErrorCode::NotFound,
        StakeError::Record(_) => ErrorCode::Internal,
    };
    ApiError::new(code, error.to_string()).naming(error)
}

/// An error of consensus as shells see it.
pub(crate) fn consensus_error(error: &ConsensusError) -> ApiError {
    match error {
        ConsensusError::UnknownBlock(_) | ConsensusError::Pruned(_) => {
            ApiError::new(ErrorCode::NotFound, error.to_string())
        }
        ConsensusError::Store(_) | ConsensusError::DamagedBody { .. } => {
            ApiError::new(ErrorCode::Internal, error.to_string())
        }
        ConsensusError::BadPayout => ApiError::new(ErrorCode::BadInput, error.to_string()),
        ConsensusError::Stopping => ApiError::passing(ErrorCode::Unavailable, error.to_string()),
    }
}

/// Why state refuses a transaction, as shells see it.
pub(crate) fn context_error(error: &TxContextError) -> ApiError {
    let code = match error {
        TxContextError::InputMissing(_) | TxContextError::InputMismatch(_) => ErrorCode::TxConflict,
        TxContextError::Immature { .. }
        | TxContextError::NotYetValid { .. }
        | TxContextError::Expired { .. }
        | TxContextError::MemoNotYetValid(_)
        | TxContextError::MemoEnded(_)
        | TxContextError::TimelockRunning { .. }
        | TxContextError::Stake(_) => ErrorCode::TxRefused,
    };
    ApiError::new(code, error.to_string())
}

/// A payment's stage as shells see it.
pub(crate) fn stage(stage: umbel_wallet::PaymentStage) -> PaymentStage {
    use umbel_wallet::PaymentStage as Stage;
    match stage {
        Stage::Building => PaymentStage::Building,
        Stage::Submitted => PaymentStage::Submitted,
        Stage::Seen => PaymentStage::Seen,
        Stage::Accepted => PaymentStage::Accepted,
        Stage::Confirmed => PaymentStage::Confirmed,
        Stage::Final => PaymentStage::Final,
        Stage::Conflicted => PaymentStage::Conflicted,
        Stage::Expired => PaymentStage::Expired,
        Stage::Dropped => PaymentStage::Dropped,
        Stage::Failed => PaymentStage::Failed,
    }
}

/// Kind of a history entry as shells see it.
pub(crate) fn history_kind(kind: umbel_wallet::HistoryKind) -> HistoryKind {
    use umbel_wallet::HistoryKind as Kind;
    match kind {
        Kind::Sent => HistoryKind::Sent,
        Kind::Received => HistoryKind::Received,
        Kind::Mined => HistoryKind::Mined,
        Kind::SelfTransfer => HistoryKind::SelfTransfer,
        Kind::Stake => HistoryKind::Stake,
    }
}

/// Kind of a history entry as the wallet sees it.
pub(crate) fn wallet_history_kind(kind: HistoryKind) -> umbel_wallet::HistoryKind {
    use umbel_wallet::HistoryKind as Kind;
    match kind {
        HistoryKind::Sent => Kind::Sent,
        HistoryKind::Received => Kind::Received,
        HistoryKind::Mined => Kind::Mined,
        HistoryKind::SelfTransfer => Kind::SelfTransfer,
        HistoryKind::Stake => Kind::Stake,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_and_assets() {
        for bad in ["0", "0.00000000", "1.123456789", "-1", "", "x"] {
            assert_eq!(amount(bad).unwrap_err().code, ErrorCode::BadAmount, "{bad}");
        }
        assert_eq!(send_amount("max"), Ok(SendAmount::Max));
        assert_eq!(asset(""), Ok(AssetId::STR));
        assert_eq!(asset_name(AssetId::CCOS), "CCOS");
        assert_eq!(asset(&AssetId::CCOS.to_string()), Ok(AssetId::CCOS));
        assert_eq!(asset("GOLD").unwrap_err().code, ErrorCode::BadInput);
    }

    #[test]
    fn a_wrong_checksum_says_so() {
        let error = decode_any_address("zk13str_0000000000000000000000000000000000000000_0000").unwrap_err();
        assert_eq!(error.code, ErrorCode::BadChecksum);
        assert!(error.message.contains("checksum"), "{error}");
    }
}
