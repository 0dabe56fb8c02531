//! Recipients and validators of networks that are not built in.

use std::collections::BTreeMap;
use std::fs;
use std::io;

use serde::Deserialize;
use umbel_crypto::keys::Address;
use umbel_types::genesis::{self, GenesisSpec, GenesisWallet};
use umbel_types::hash::Hash32;
use umbel_types::state::{MAX_VALIDATORS, SetMember};
use umbel_types::{Amount, Network, TimestampMs, ZkAddress};

use crate::config::Layout;
use crate::error::NodeError;

/// Fewest validators: fewer can't lose one and still agree.
const MIN_VALIDATORS: usize = 4;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GenesisFile {
    timestamp_ms: u64,
    recipients: BTreeMap<String, String>,
    #[serde(default)]
    validators: Vec<ValidatorEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ValidatorEntry {
    key_hash: String,
    stake: String,
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
    #[error("no recipient for {0}")]
    NoRecipient(&'static str),
    #[error("the recipient of {0} is not a zk13str address")]
    BadRecipient(&'static str),
    #[error("there is no genesis wallet {0}")]
    UnknownWallet(String),
    #[error("{0} validators are named, at least {MIN_VALIDATORS} are needed")]
    TooFewValidators(usize),
    #[error("{0} validators are named, there can be {MAX_VALIDATORS} at most")]
    TooManyValidators(usize),
    #[error("validator {0}: key hash or stake can't be read")]
    BadValidator(usize),
    #[error("validators are not ascending by key hash")]
    Unordered,
}

fn parse(text: &str) -> Result<GenesisSpec, GenesisFileError> {
    let file: GenesisFile = toml::from_str(text)?;
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
    if file.validators.len() > MAX_VALIDATORS {
        return Err(GenesisFileError::TooManyValidators(file.validators.len()));
    }
    let mut validators = Vec::with_capacity(file.validators.len());
    for (i, entry) in file.validators.iter().enumerate() {
        let key_hash: Hash32 = entry.key_hash.parse().map_err(|_| GenesisFileError::BadValidator(i))?;
        let stake: Amount = entry.stake.parse().map_err(|_| GenesisFileError::BadValidator(i))?;
        validators.push(SetMember { key_hash, stake });
    }
    if !validators.is_sorted_by(|a, b| a.key_hash < b.key_hash) {
        return Err(GenesisFileError::Unordered);
    }
    Ok(GenesisSpec { timestamp: TimestampMs(file.timestamp_ms), recipients, validators })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(validators: usize) -> String {
        let recipient = Address::Zk13str(ZkAddress([7; 20])).to_text("");
        let mut text = "timestamp_ms = 1\n[recipients]\n".to_owned();
        for wallet in GenesisWallet::ALL {
            text.push_str(&format!("{:?} = {recipient:?}\n", wallet.name()));
        }
        for number in 0..validators {
            text.push_str(&format!("[[validators]]\nkey_hash = \"{number:064x}\"\nstake = \"1\"\n"));
        }
        text
    }

    #[test]
    fn a_set_of_validators_has_bounds() {
        for good in [MIN_VALIDATORS, MAX_VALIDATORS] {
            assert_eq!(parse(&file(good)).unwrap().validators.len(), good);
        }
        assert!(matches!(parse(&file(MIN_VALIDATORS - 1)), Err(GenesisFileError::TooFewValidators(_))));
        assert!(matches!(parse(&file(MAX_VALIDATORS + 1)), Err(GenesisFileError::TooManyValidators(_))));
    }
}
