//! BIP39 and BIP32 against their published vectors.

use bip32::{DerivationPath, Prefix, XPrv};
use umbel_crypto::keys::address::zk_to_text;
use umbel_crypto::keys::{Mnemonic, MnemonicError, WordCount, completions, word_list};
use umbel_types::genesis::DEVNET_WORDS;

use crate::common::rng;

/// trezor/python-mnemonic vectors.json, passphrase TREZOR: entropy, words, and the root key that BIP32 makes of the seed.
const BIP39: [(&str, &str, &str); 4] = [
    (
        "00000000000000000000000000000000",
        DEVNET_WORDS,
        "xprv9s21ZrQH143K3h3fDYiay8mocZ3afhfULfb5GX8kCBdno77K4HiA15Tg23wpbeF1pLfs1c5SPmYHrEpTuuRhxMwvKDwqdKiGJS9XFKzUsAF",
    ),
    (
        "7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f",
        "legal winner thank year wave sausage worth useful legal winner thank yellow",
        "xprv9s21ZrQH143K2gA81bYFHqU68xz1cX2APaSq5tt6MFSLeXnCKV1RVUJt9FWNTbrrryem4ZckN8k4Ls1H6nwdvDTvnV7zEXs2HgPezuVccsq",
    ),
    (
        "0000000000000000000000000000000000000000000000000000000000000000",
        "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon \
         abandon abandon abandon abandon abandon abandon abandon abandon abandon art",
        "xprv9s21ZrQH143K32qBagUJAMU2LsHg3ka7jqMcV98Y7gVeVyNStwYS3U7yVVoDZ4btbRNf4h6ibWpY22iRmXq35qgLs79f312g2kj5539ebPM",
    ),
    (
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo vote",
        "xprv9s21ZrQH143K2WFF16X85T2QCpndrGwx6GueB72Zf3AHwHJaknRXNF37ZmDrtHrrLSHvbuRejXcnYxoZKvRquTPyp2JiNG3XcjQyzSEgqCB",
    ),
];

#[test]
fn bip39_vectors() {
    for (entropy, words, root) in BIP39 {
        let entropy = hex::decode(entropy).unwrap();
        let mnemonic = Mnemonic::from_entropy(&entropy).unwrap();
        let words: Vec<_> = words.split_whitespace().collect();
        assert_eq!(mnemonic.words().collect::<Vec<_>>(), words);
        let parsed = Mnemonic::parse(&words.join("  ")).unwrap();
        assert_eq!(*parsed.to_entropy(), entropy);
        // Our seed is not shown to anybody; the published root key gives the same key as it does.
        let mut key: XPrv = root.parse().unwrap();
        for number in ["44'", "1313'", "0'", "0", "5"] {
            key = key.derive_child(number.parse().unwrap()).unwrap();
        }
        assert_eq!(parsed.to_seed("TREZOR").secp_key(0, 5).public_key().0, key.public_key().to_bytes());
        assert_ne!(parsed.to_seed("").secp_key(0, 5).public_key().0, key.public_key().to_bytes());
    }
}

/// BIP32, test vector 1, chain m/0H/1/2H/2/1000000000.
#[test]
fn bip32_vector() {
    let seed = hex::decode("000102030405060708090a0b0c0d0e0f").unwrap();
    let path: DerivationPath = "m/0'/1/2'/2/1000000000".parse().unwrap();
    let key = XPrv::derive_from_path(&seed, &path).unwrap();
    assert_eq!(
        *key.to_string(Prefix::XPRV),
        *"xprvA41z7zogVVwxVSgdKUHDy1SKmdb533PjDz7J6N6mV6uS3ze1ai8FHa8kmHScGpWmj4WggLyQjgPie1rFSruoUihUZREPSL39UNdE3BBDu76"
    );
}

/// The expected addresses were computed with another implementation of BIP39, BIP32 and the curve.
#[test]
fn first_addresses_of_the_devnet_words() {
    let seed = Mnemonic::parse(DEVNET_WORDS).unwrap().to_seed("");
    let address = |i| zk_to_text(&seed.secp_key(0, i).address());
    assert_eq!(address(0), "zk13str_7224a18be7267b49d34acdd194fff1ec66beb9be_0615");
    assert_eq!(address(1), "zk13str_e3dd8d301ee9422a5897329385685b184becdd48_a520");
}

#[test]
fn faults_are_told_apart() {
    let parse = |text: &str| Mnemonic::parse(text).err();
    assert_eq!(parse(""), Some(MnemonicError::WordCount(0)));
    assert_eq!(parse(&DEVNET_WORDS.replacen("abandon ", "", 1)), Some(MnemonicError::WordCount(11)));
    assert_eq!(parse(&DEVNET_WORDS.replace("about", "abuot")), Some(MnemonicError::UnknownWord { position: 12 }));
    assert_eq!(parse(&DEVNET_WORDS.replace("about", "zoo")), Some(MnemonicError::WrongChecksum));
    assert_eq!(parse(&DEVNET_WORDS.to_uppercase()), None);
    // 15, 18 and 21 words are BIP39's, not ours.
    assert_eq!(parse(&["abandon"; 15].join(" ")), Some(MnemonicError::WordCount(15)));
}

#[test]
fn generated_words_parse_again() {
    for count in [WordCount::Twelve, WordCount::TwentyFour] {
        let mnemonic = Mnemonic::generate(count, &mut rng(1));
        let again = Mnemonic::parse(&mnemonic.phrase()).unwrap();
        assert_eq!(*again.to_entropy(), *mnemonic.to_entropy());
    }
    assert!(Mnemonic::from_entropy(&[0; 20]).is_none());
}

#[test]
fn words_complete() {
    assert_eq!(word_list().len(), 2048);
    assert_eq!(completions("zo").collect::<Vec<_>>(), ["zone", "zoo"]);
    assert_eq!(completions("zzz").count(), 0);
}
