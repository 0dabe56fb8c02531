//! Address text, and every way in which it can be wrong.

use proptest::prelude::*;
use umbel_crypto::keys::{AddressIndex, SecpKey, Seed};
use umbel_crypto::{Address, AddressError};
use umbel_types::{Network, Params, ZkAddress};
use zeroize::Zeroizing;

use crate::common::wallet;

const DEV: &str = "dumbel";

fn confidential() -> String {
    wallet(1).address(0).to_text(DEV)
}

fn zk13str() -> String {
    Address::Zk13str(wallet(1).secp.address()).to_text(DEV)
}

fn parse(text: &str) -> Result<Address, AddressError> {
    Address::parse(text, DEV)
}

#[test]
fn both_kinds_round_trip() {
    for text in [confidential(), zk13str()] {
        assert_eq!(parse(&text).unwrap().to_text(DEV), text);
    }
    assert!(confidential().starts_with("dumbel1"));
    assert_eq!(DEV, Params::of(Network::Devnet).address_prefix);
}

#[test]
fn every_changed_character_is_refused() {
    for text in [confidential(), zk13str()] {
        for i in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[i] = if bytes[i] == b'q' || bytes[i] == b'0' { b'9' } else { b'0' };
            let changed = String::from_utf8(bytes).unwrap();
            assert!(parse(&changed).is_err(), "{changed}");
        }
    }
}

#[test]
fn a_wrong_checksum_says_so() {
    for mut text in [confidential(), zk13str()] {
        let last = text.pop().unwrap();
        text.push(if last == '0' { '2' } else { '0' });
        let error = parse(&text).unwrap_err();
        assert_eq!(error, AddressError::WrongChecksum);
        assert!(error.to_string().contains("checksum"));
    }
}

#[test]
fn faults_are_told_apart() {
    let text = confidential();
    let (short, long) = (text[..text.len() - 1].to_owned(), format!("{text}q"));
    assert_eq!(parse(&short), Err(AddressError::WrongLength { got: 132, expected: 133 }));
    assert_eq!(parse(&long), Err(AddressError::WrongLength { got: 134, expected: 133 }));
    assert_eq!(parse(&text.to_uppercase()), Err(AddressError::UpperCase));
    assert_eq!(parse(&text.replacen('d', "D", 1)), Err(AddressError::MixedCase));
    assert_eq!(parse(&text.replacen("dumbel", "bc", 1)), Err(AddressError::UnknownPrefix { expected: DEV.into() }));
    assert_eq!(parse(""), Err(AddressError::UnknownPrefix { expected: DEV.into() }));
    assert_eq!(parse(&format!("{}b", &text[..text.len() - 1])), Err(AddressError::BadCharacter('b')));
    let other = wallet(1).address(0).to_text("umbel");
    assert_eq!(parse(&other), Err(AddressError::WrongNetwork { got: "mainnet", expected: DEV.into() }));

    let text = zk13str();
    assert_eq!(parse(&text[..text.len() - 1]), Err(AddressError::WrongLength { got: 52, expected: 53 }));
    assert_eq!(parse(&text.to_uppercase()), Err(AddressError::UpperCase));
    assert_eq!(parse(&format!("zk13str_g{}", &text[9..])), Err(AddressError::BadCharacter('g')));
    assert_eq!(parse(&text.replacen('_', "-", 2).replacen('-', "_", 1)), Err(AddressError::BadCharacter('-')));
}

#[test]
fn an_address_without_keys_is_refused() {
    let hrp = bech32::Hrp::parse(DEV).unwrap();
    for bytes in [[0u8; 75], [1u8; 75]] {
        let text = bech32::encode::<bech32::Bech32m>(hrp, &bytes).unwrap();
        assert_eq!(parse(&text), Err(AddressError::BadPoint));
    }
    // The older checksum is not ours.
    let bytes = wallet(1).address(0).to_bytes();
    let text = bech32::encode::<bech32::Bech32>(hrp, &bytes).unwrap();
    assert_eq!(parse(&text), Err(AddressError::WrongChecksum));
}

#[test]
fn the_publication_address_is_none_of_the_others() {
    let mut wallet = wallet(1);
    let published = wallet.keys.address(AddressIndex::PUBLICATION);
    for index in 0..100 {
        assert_ne!(wallet.address(index), published);
    }
}

#[test]
fn addresses_depend_on_seed_network_account_and_index_only() {
    use umbel_crypto::keys::AccountKeys;
    let seed = |n| Seed::from_bytes(Zeroizing::new([n; 64]));
    let address = |n, network, account, index| {
        AccountKeys::derive(&seed(n), network, account).address(AddressIndex(index)).to_bytes()
    };
    let base = address(1, Network::Devnet, 0, 0);
    assert_eq!(base, address(1, Network::Devnet, 0, 0));
    assert_ne!(base, address(2, Network::Devnet, 0, 0));
    assert_ne!(base, address(1, Network::Testnet, 0, 0));
    assert_ne!(base, address(1, Network::Devnet, 1, 0));
    assert_ne!(base, address(1, Network::Devnet, 0, 1));
    let secp = |account, index| -> SecpKey { seed(1).secp_key(account, index) };
    assert_ne!(secp(0, 0).address(), secp(0, 1).address());
    assert_ne!(secp(0, 0).address(), secp(1, 0).address());
}

#[test]
fn fingerprints_differ_and_have_a_fixed_form() {
    let (a, b) = (parse(&confidential()).unwrap().fingerprint(), parse(&zk13str()).unwrap().fingerprint());
    assert_ne!(a, b);
    let text = a.to_string();
    assert_eq!(text.len(), 19);
    assert!(text.split('-').all(|group| group.len() == 4));
}

proptest! {
    #[test]
    fn any_zk_address_round_trips(bytes: [u8; 20]) {
        let address = Address::Zk13str(ZkAddress(bytes));
        prop_assert_eq!(parse(&address.to_text(DEV)), Ok(address));
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,140}") {
        let _ = parse(&text);
        let _ = parse(&format!("zk13str_{text}"));
        let _ = parse(&format!("dumbel1{text}"));
    }
}
