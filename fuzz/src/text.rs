//! Text that people type or paste: addresses, amounts, hashes, words, names of networks.

use umbel_crypto::Address;
use umbel_crypto::keys::{AddressIndex, Mnemonic};
use umbel_types::genesis::DEVNET_WORDS;
use umbel_types::{Amount, Hash32, Network, Params};
use umbel_wallet::PostQuantumAddress;

use crate::fixture::owner;

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mut one = owner(1);
    let confidential = one.keys.address(AddressIndex::DEFAULT);
    let mut texts: Vec<String> =
        Network::ALL.iter().map(|network| confidential.to_text(Params::of(*network).address_prefix)).collect();
    texts.push(umbel_crypto::keys::address::zk_to_text(&one.secp.address()));
    texts.push(PostQuantumAddress { address: one.secp.address(), key_hash: Hash32([7; 32]) }.to_text(Network::Devnet));
    texts.push("123456.00000001".to_owned());
    texts.push(DEVNET_WORDS.to_owned());
    texts.push("ab".repeat(32));
    texts.extend(Network::ALL.iter().map(|network| network.name().to_owned()));
    texts.into_iter().map(String::into_bytes).collect()
}

/// What is read is written back as the same text, or as its one normal form.
pub(crate) fn run(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    for network in Network::ALL {
        let prefix = Params::of(network).address_prefix;
        match Address::parse(text, prefix) {
            Ok(address) => assert_eq!(address.to_text(prefix), text),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    if let Some(address) = PostQuantumAddress::parse(text, Network::Devnet) {
        assert_eq!(address.to_text(Network::Devnet), text);
    }
    if let Ok(amount) = text.parse::<Amount>() {
        let shown = amount.to_string();
        assert_eq!(shown.parse(), Ok(amount));
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let normal = format!("{:0>1}.{fraction:0<8}", whole.trim_start_matches('0'));
        assert_eq!(shown, normal);
    }
    if let Ok(hash) = text.parse::<Hash32>() {
        assert_eq!(hash.to_string(), text);
    }
    if let Ok(network) = text.parse::<Network>() {
        assert_eq!(network.name(), text);
    }
    if let Ok(mnemonic) = Mnemonic::parse(text) {
        let entropy = mnemonic.to_entropy();
        let again = Mnemonic::from_entropy(&entropy).unwrap();
        assert_eq!(again.to_entropy(), entropy);
    }
}
