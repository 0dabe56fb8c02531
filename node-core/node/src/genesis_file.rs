//! Recipients and validators of networks that are not built in.

use std::collections::BTreeMap;
use std::fs;
use std::io;

use serde::Deserialize;
use umbel_crypto::keys::Address;
use umbel_types::genesis::{self, GenesisSpec, GenesisValidator, GenesisWallet};
use umbel_types::lock::ML_DSA_KEY_BYTES;
use umbel_types::params::MIN_VALIDATORS;
use umbel_types::staking::{ACTIVE_VALIDATORS, MAX_COMMISSION_BPS, MIN_BOND};
use umbel_types::state::LedgerBalance;
use umbel_types::{Amount, CompactTarget, Network, TimestampMs, ZkAddress};

use crate::config::Layout;
use crate::error::NodeError;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GenesisFile {
    timestamp_ms: u64,
    /// Compact target, such as 0x1d00ffff.
    bits: u32,
    recipients: BTreeMap<String, String>,
    #[serde(default)]
    validators: Vec<ValidatorEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ValidatorEntry {
    /// ML-DSA-65 verifying key, hexadecimal.
    key: String,
    /// zk13str address.
    owner: String,
    stake: String,
    commission_bps: u16,
}

/// What the network's first block names.
///
/// # Errors
/// [`NodeError::GenesisMissing`] until the file is there and complete, [`NodeError::SimulationOnly`] for lab32.
pub(crate) fn load(network: Network, layout: &Layout) -> Result<GenesisSpec, NodeError> {
    match network {
        Network::Devnet => Ok(genesis::devnet()),
        Network::Lab32 => Err(NodeError::SimulationOnly(network.name())),
        Network::Lan | Network::Testnet | Network::Mainnet => {
            let path = layout.genesis_file();
            let missing =
                |reason: String| NodeError::GenesisMissing { network: network.name(), path: path.clone(), reason };
            let text = fs::read_to_string(&path).map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => missing("its recipients and validators are not set yet".to_owned()),
                _ => missing(error.to_string()),
            })?;
            parse(&text).map_err(|error| missing(error.to_string()))
        }
    }
}

/// What is missing or wrong in a genesis file.
#[derive(Debug, thiserror::Error)]
enum GenesisFileError {
    #[error("it can't be read: {0}")]
    Toml(#[from] toml::de::Error),
    #[error("bits {0:#010x} are no target")]
    BadBits(u32),
    #[error("no recipient for {0}")]
    NoRecipient(&'static str),
    #[error("the recipient of {0} is not a zk13str address")]
    BadRecipient(&'static str),
    #[error("there is no genesis wallet {0}")]
    UnknownWallet(String),
    #[error("{0} validators are named, at least {MIN_VALIDATORS} are needed")]
    TooFewValidators(usize),
    #[error("{0} validators are named, there can be {ACTIVE_VALIDATORS} at most")]
    TooManyValidators(usize),
    #[error("validator {0}: the key is not {ML_DSA_KEY_BYTES} bytes in hexadecimal")]
    BadKey(usize),
    #[error("validator {0}: the owner is not a zk13str address")]
    BadOwner(usize),
    #[error("validator {0}: the stake is not an amount of at least {MIN_BOND} STR")]
    BadStake(usize),
    #[error("validator {0}: the commission is above {MAX_COMMISSION_BPS} basis points")]
    BadCommission(usize),
    #[error("validator {0} has the key of another")]
    KeyTwice(usize),
    #[error("the stakes sum above what STR.rewards holds")]
    StakesTooLarge,
}

fn parse(text: &str) -> Result<GenesisSpec, GenesisFileError> {
    let file: GenesisFile = toml::from_str(text)?;
    let bits = CompactTarget(file.bits);
    if bits.to_target().is_none() {
        return Err(GenesisFileError::BadBits(file.bits));
    }
    let known = |name: &str| GenesisWallet::ALL.iter().any(|w| w.name() == name);
    if let Some(name) = file.recipients.keys().find(|name| !known(name)) {
        return Err(GenesisFileError::UnknownWallet(name.clone()));
    }
    let mut recipients = [ZkAddress([0; 20]); GenesisWallet::ALL.len()];
    for (slot, wallet) in recipients.iter_mut().zip(GenesisWallet::ALL) {
        let text = file.recipients.get(wallet.name()).ok_or(GenesisFileError::NoRecipient(wallet.name()))?;
        *slot = match Address::parse(text, "") {
            Ok(Address::Zk13str(address)) => address,
            Ok(Address::Confidential(_)) | Err(_) => return Err(GenesisFileError::BadRecipient(wallet.name())),
        };
    }
    if file.validators.len() < MIN_VALIDATORS {
        return Err(GenesisFileError::TooFewValidators(file.validators.len()));
    }
    if file.validators.len() > ACTIVE_VALIDATORS {
        return Err(GenesisFileError::TooManyValidators(file.validators.len()));
    }
    let mut validators: Vec<GenesisValidator> = Vec::with_capacity(file.validators.len());
    for (i, entry) in file.validators.iter().enumerate() {
        let validator = parse_validator(i, entry)?;
        if validators.iter().any(|other| other.key == validator.key) {
            return Err(GenesisFileError::KeyTwice(i));
        }
        validators.push(validator);
    }
    let stakes = Amount::sum(validators.iter().map(|validator| validator.stake));
    if stakes.is_ok_and(|sum| sum <= LedgerBalance::StrRewards.genesis_amount().1) {
        Ok(GenesisSpec { timestamp: TimestampMs(file.timestamp_ms), bits, recipients, validators })
    } else {
        Err(GenesisFileError::StakesTooLarge)
    }
}

fn parse_validator(i: usize, entry: &ValidatorEntry) -> Result<GenesisValidator, GenesisFileError> {
    let mut key = Box::new([0u8; ML_DSA_KEY_BYTES]);
    hex::decode_to_slice(&entry.key, &mut key[..]).map_err(|_| GenesisFileError::BadKey(i))?;
    let Ok(Address::Zk13str(owner)) = Address::parse(&entry.owner, "") else {
        return Err(GenesisFileError::BadOwner(i));
    };
    let stake = entry.stake.parse().ok().filter(|stake| *stake >= MIN_BOND).ok_or(GenesisFileError::BadStake(i))?;
    if entry.commission_bps > MAX_COMMISSION_BPS {
        return Err(GenesisFileError::BadCommission(i));
    }
    Ok(GenesisValidator { key, owner, stake, commission_bps: entry.commission_bps })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipient() -> String {
        Address::Zk13str(ZkAddress([7; 20])).to_text("")
    }

    fn validator(key: u8, stake: &str, commission_bps: u16) -> String {
        let (key, owner) = (hex::encode([key; ML_DSA_KEY_BYTES]), recipient());
        format!(
            "[[validators]]\nkey = {key:?}\nowner = {owner:?}\nstake = {stake:?}\ncommission_bps = {commission_bps}\n"
        )
    }

    fn file(validators: &[String]) -> String {
        let recipient = recipient();
        let mut text = "timestamp_ms = 1\nbits = 0x1d00ffff\n[recipients]\n".to_owned();
        for wallet in GenesisWallet::ALL {
            text.push_str(&format!("{:?} = {recipient:?}\n", wallet.name()));
        }
        text + &validators.concat()
    }

    fn many(count: usize) -> Vec<String> {
        (0u8..).take(count).map(|key| validator(key, "10000", 2_000)).collect()
    }

    #[test]
    fn bits_stand_in_the_file_and_are_a_target() {
        let good = file(&many(MIN_VALIDATORS));
        assert_eq!(parse(&good).unwrap().bits, CompactTarget(0x1d00_ffff));
        for bad in ["0", "0x1d80ffff", "0xff00ffff", "0x1e0000ff"] {
            let text = good.replace("0x1d00ffff", bad);
            assert!(matches!(parse(&text), Err(GenesisFileError::BadBits(_))), "{bad}");
        }
        assert!(matches!(parse(&good.replace("bits = 0x1d00ffff\n", "")), Err(GenesisFileError::Toml(_))));
    }

    #[test]
    fn a_set_of_validators_has_bounds() {
        for good in [MIN_VALIDATORS, ACTIVE_VALIDATORS] {
            assert_eq!(parse(&file(&many(good))).unwrap().validators.len(), good);
        }
        assert!(matches!(parse(&file(&many(MIN_VALIDATORS - 1))), Err(GenesisFileError::TooFewValidators(_))));
        assert!(matches!(parse(&file(&many(ACTIVE_VALIDATORS + 1))), Err(GenesisFileError::TooManyValidators(_))));
    }

    #[test]
    fn a_validator_has_bounds() {
        let with = |last: String| {
            let mut validators = many(MIN_VALIDATORS);
            validators.push(last);
            parse(&file(&validators))
        };
        assert!(with(validator(9, "10000", 0)).is_ok());
        assert!(matches!(with(validator(9, "9999.99999999", 0)), Err(GenesisFileError::BadStake(4))));
        assert!(matches!(with(validator(9, "10000", 2_001)), Err(GenesisFileError::BadCommission(4))));
        assert!(matches!(with(validator(0, "10000", 0)), Err(GenesisFileError::KeyTwice(4))));
        let too_much = with(validator(9, "4221000000", 0));
        assert!(matches!(too_much, Err(GenesisFileError::StakesTooLarge)));
        let short = validator(9, "10000", 0).replacen("09", "", 1);
        assert!(matches!(with(short), Err(GenesisFileError::BadKey(4))));
        let nobody = validator(9, "10000", 0).replace(&recipient(), "somebody");
        assert!(matches!(with(nobody), Err(GenesisFileError::BadOwner(4))));
    }
}
