//! Wallet files: made, found, damaged, opened, removed.

use std::fs;
use std::path::PathBuf;

use umbel_crypto::keys::WordCount;
use umbel_types::genesis::DEVNET_WORDS;
use umbel_types::{Network, Params};
use umbel_wallet::{Damage, KdfProfile, NameError, NewWallet, Wallet, WalletError, WalletFolder, WordsError, preview};

use crate::chain::GENESIS;
use crate::people::{Home, OTHER_WORDS, PASSWORD, WORDS, folder_at, new_wallet};

fn secrets_of(home: &Home, folder: &str) -> PathBuf {
    home.dir.path().join(folder).join("wallet.secrets")
}

#[test]
fn a_new_wallet_gives_words_that_restore_it() {
    let home = Home::new();
    for (count, words) in [(WordCount::Twelve, 12), (WordCount::TwentyFour, 24)] {
        let name = format!("w{words}");
        let new = NewWallet { name: &name, password: PASSWORD, passphrase: "extra" };
        let (wallet, phrase) = home.folder.create(new, count).unwrap();
        assert_eq!(phrase.split(' ').count(), words);
        let seen = preview(&phrase, "extra", Network::Devnet).unwrap();
        assert_eq!(wallet.addresses()[0].confidential, seen.confidential);
        assert_eq!(wallet.addresses()[0].zk13str, seen.zk13str);
        assert!(!wallet.addresses()[0].fingerprint.is_empty());
        assert_eq!(home.folder.same_words_as(&seen).unwrap(), vec![name.clone()]);
        assert_ne!(preview(&phrase, "", Network::Devnet).unwrap(), seen, "the passphrase counts");
        assert_ne!(preview(&phrase, "extra", Network::Mainnet).unwrap().confidential, seen.confidential);
        let revealed = home.folder.reveal(&name, PASSWORD).unwrap();
        assert_eq!((revealed.words.as_str(), revealed.passphrase.as_str()), (phrase.as_str(), "extra"));
        assert_eq!(home.folder.reveal(&name, "x").err(), Some(WalletError::WrongPassword));
    }
}

#[test]
fn the_list_tells_what_can_be_told_without_a_password() {
    let home = Home::new();
    let (_, _) = home.folder.create(new_wallet("Zoe"), WordCount::Twelve).unwrap();
    drop(home.restore("anna", WORDS));
    let list = home.folder.list().unwrap();
    let names: Vec<(&str, bool)> = list.iter().map(|w| (w.name.as_str(), w.backed_up)).collect();
    assert_eq!(names, [("Zoe", false), ("anna", true)], "by order of creation");
    let public = list[1].public.as_ref().unwrap();
    assert_eq!(public.confidential, preview(WORDS, "", Network::Devnet).unwrap().confidential);
    assert!(public.mark.iter().all(|row| *row < 32));
    assert_ne!(public.mark, list[0].public.as_ref().unwrap().mark);
    assert_eq!(home.folder.first_payout().unwrap().unwrap().0, "Zoe");
    home.folder.confirm_words("zoe").unwrap();
    assert!(home.folder.list().unwrap()[0].backed_up);
    assert!(home.folder.unlock("ZOE", PASSWORD).is_ok(), "the mark changes nothing of the secrets");
    home.folder.remove("zoe").unwrap();
    assert_eq!(home.folder.list().unwrap().len(), 1);
    assert_eq!(home.folder.remove("zoe"), Err(WalletError::NoSuchWallet("zoe".to_owned())));
    // The order of those that remain is kept.
    drop(home.restore("third", OTHER_WORDS));
    assert_eq!(home.folder.list().unwrap()[1].public.as_ref().unwrap().order, 3);
}

#[test]
fn bad_names_passwords_and_words_are_refused_and_write_nothing() {
    let home = Home::new();
    let restore = |name, password, words: &str| {
        home.folder.restore(NewWallet { name, password, passphrase: "" }, words).err().unwrap()
    };
    assert_eq!(restore("../evil", PASSWORD, WORDS), WalletError::Name(NameError::Character));
    assert_eq!(restore("", PASSWORD, WORDS), WalletError::Name(NameError::Length));
    assert_eq!(restore("nul", PASSWORD, WORDS), WalletError::Name(NameError::Reserved));
    assert_eq!(restore("a", "", WORDS), WalletError::EmptyPassword);
    assert_eq!(restore("a", PASSWORD, "legal winner"), WalletError::Words(WordsError::Count { got: 2 }));
    let unknown = restore("a", PASSWORD, &WORDS.replace("thank year", "thank yeer"));
    assert_eq!(unknown, WalletError::Words(WordsError::UnknownWord { position: 4 }));
    assert!(!unknown.to_string().contains("yeer"), "an error repeats no word");
    let swapped = WORDS.replace("legal winner thank year", "winner legal thank year");
    assert_eq!(restore("a", PASSWORD, &swapped), WalletError::Words(WordsError::Checksum));
    assert_eq!(preview("legal", "", Network::Devnet), Err(WalletError::Words(WordsError::Count { got: 1 })));
    let long = "p".repeat(5000);
    let new = NewWallet { name: "a", password: PASSWORD, passphrase: &long };
    assert!(matches!(home.folder.restore(new, WORDS), Err(WalletError::PassphraseTooLong { .. })));
    assert_eq!(fs::read_dir(home.dir.path()).unwrap().count(), 0);

    drop(home.restore("Mine", WORDS));
    assert_eq!(restore("mINE", PASSWORD, OTHER_WORDS), WalletError::Exists("mINE".to_owned()));
    assert_eq!(home.folder.unlock("mine", "nope").err(), Some(WalletError::WrongPassword));
    assert_eq!(home.folder.unlock("nobody", PASSWORD).err(), Some(WalletError::NoSuchWallet("nobody".to_owned())));
    // The same words beside each other are allowed, and told.
    drop(home.restore("Again", WORDS));
    let same = home.folder.same_words_as(&preview(WORDS, "", Network::Devnet).unwrap()).unwrap();
    assert_eq!(same, ["Mine", "Again"]);
}

#[test]
fn every_damaged_byte_is_told_and_the_previous_generation_opens() {
    let home = Home::new();
    drop(home.restore("w", WORDS));
    let path = secrets_of(&home, "w");
    let previous = path.with_extension("previous");
    let (good, good_previous) = (fs::read(&path).unwrap(), fs::read(&previous).unwrap());
    let damaged: Vec<Vec<u8>> = (0..good.len())
        .map(|i| {
            let mut bytes = good.clone();
            bytes[i] ^= 0x40;
            bytes
        })
        .chain((0..good.len()).step_by(7).map(|n| good[..n].to_vec()))
        .chain([[good.clone(), vec![0]].concat()])
        .collect();
    for (case, bytes) in damaged.iter().enumerate() {
        fs::write(&path, bytes).unwrap();
        let summary = &home.folder.list().unwrap()[0];
        assert!(summary.damaged.is_none() && summary.repaired.is_some(), "case {case}: {summary:?}");
        assert_eq!(fs::read(&path).unwrap(), *bytes, "listing changes nothing");
        assert_eq!(fs::read(&previous).unwrap(), good_previous);
    }
    // A wrong password is no damage, and damage is no wrong password.
    assert_eq!(home.folder.unlock("w", "wrong").err(), Some(WalletError::WrongPassword));
    let mut wallet = home.folder.unlock("w", PASSWORD).unwrap();
    assert!(wallet.take_repairs()[0].contains("previous one was used"));
    assert!(wallet.take_repairs().is_empty(), "told once");
    assert_eq!(fs::read(&path).unwrap(), good, "written again");
    assert!(path.with_extension("damaged").exists(), "what was damaged is kept");
    drop(wallet);

    // Both generations damaged: a clear error, the files stay as they are.
    fs::write(&path, &damaged[100]).unwrap();
    fs::write(&previous, &damaged[200]).unwrap();
    let error = home.folder.unlock("w", PASSWORD).err().unwrap();
    assert!(matches!(&error, WalletError::Damaged { damage: Damage::Checksum, .. }), "{error:?}");
    assert!(error.to_string().contains("restore the wallet from its words"));
    let summary = &home.folder.list().unwrap()[0];
    assert_eq!((summary.name.as_str(), &summary.damaged, &summary.public), ("w", &Some(Damage::Checksum), &None));
    assert!(home.folder.confirm_words("w").is_err() && home.folder.reveal("w", PASSWORD).is_err());
    assert_eq!(fs::read(&path).unwrap(), damaged[100]);
    fs::remove_file(&path).unwrap();
    fs::remove_file(&previous).unwrap();
    assert_eq!(home.folder.list().unwrap()[0].damaged, Some(Damage::Missing), "the journal still lies there");
    // A damaged wallet is no obstacle to others, and can be removed.
    drop(home.restore("other", OTHER_WORDS));
    assert_eq!(home.folder.first_payout().unwrap().unwrap().0, "other");
    home.folder.remove("w").unwrap();
    assert_eq!(home.folder.list().unwrap().len(), 1);
}

#[test]
fn a_public_part_that_was_exchanged_is_found_out() {
    let home = Home::new();
    drop(home.restore("a", WORDS));
    drop(home.restore("b", OTHER_WORDS));
    // The public part of one, the sealed part of the other, and a checksum that fits.
    let parts = |bytes: &[u8]| {
        let length = u32::from_le_bytes(bytes[10..14].try_into().unwrap()) as usize;
        (bytes[..14 + length].to_vec(), bytes[14 + length..bytes.len() - 32].to_vec())
    };
    let (a, b) = (fs::read(secrets_of(&home, "a")).unwrap(), fs::read(secrets_of(&home, "b")).unwrap());
    let mut forged = [parts(&b).0, parts(&a).1].concat();
    let checksum = umbel_types::hash::Hasher::new(umbel_types::hash::Domain("umbel/wallet-file/v1"));
    forged.extend_from_slice(checksum.with_bytes(&forged).finish().as_bytes());
    for path in [secrets_of(&home, "a"), secrets_of(&home, "a").with_extension("previous")] {
        fs::write(path, &forged).unwrap();
    }
    let error = home.folder.unlock("a", PASSWORD).err();
    assert!(matches!(error, Some(WalletError::Damaged { damage: Damage::Content, .. })), "{error:?}");
}

#[test]
fn a_wallet_of_another_network_is_told() {
    let home = Home::new();
    drop(home.restore("w", WORDS));
    let other = WalletFolder::open(home.dir.path(), Params::of(Network::Testnet), GENESIS, KdfProfile::Tests).unwrap();
    assert_eq!(other.list().unwrap()[0].damaged, Some(Damage::Network("devnet".to_owned())));
    assert!(matches!(other.unlock("w", PASSWORD), Err(WalletError::Damaged { .. })));
    assert!(folder_at(home.dir.path()).unlock("w", PASSWORD).is_ok());
}

#[test]
fn addresses_and_labels_survive_a_restart_and_never_repeat() {
    let home = Home::new();
    let mut wallet = home.restore("w", WORDS);
    let labels: Vec<String> = (1..=70).map(|n| format!("shop {n}")).collect();
    let mut seen = vec![wallet.addresses()[0].confidential.clone()];
    for label in &labels {
        seen.push(wallet.new_address(label).unwrap().confidential);
    }
    wallet.set_label(3, "renamed").unwrap();
    wallet.lock();
    seen.push(wallet.new_address("while locked").unwrap().confidential);
    let locked_out = (0..100).find_map(|_| wallet.new_address("").err());
    assert_eq!(locked_out, Some(WalletError::Locked), "a locked wallet reaches only so far");
    let listed = wallet.addresses();
    drop(wallet);
    let wallet: Wallet = home.folder.unlock("w", PASSWORD).unwrap();
    assert_eq!(wallet.addresses(), listed);
    let again: Vec<String> = listed.iter().rev().map(|entry| entry.confidential.clone()).take(seen.len()).collect();
    assert_eq!(again, seen);
    assert_eq!(listed[listed.len() - 4].label, "renamed");
    let mut unique = listed.iter().map(|entry| &entry.zk13str).collect::<Vec<_>>();
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), listed.len());
}

#[test]
fn production_files_take_work_and_memory_to_guess() {
    let dir = tempfile::tempdir().unwrap();
    let folder = WalletFolder::open(dir.path(), Params::of(Network::Mainnet), GENESIS, KdfProfile::Calibrated).unwrap();
    drop(folder.restore(new_wallet("w"), DEVNET_WORDS).unwrap());
    let bytes = fs::read(dir.path().join("w/wallet.secrets")).unwrap();
    let at = bytes.windows(8).position(|window| window == b"UMBLSEAL").unwrap() + 10;
    let memory_kib = u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    assert!(memory_kib >= 64 * 1024, "{memory_kib} KiB");
    let start = std::time::Instant::now();
    assert_eq!(folder.reveal("w", "guess").err(), Some(WalletError::WrongPassword));
    assert!(
        start.elapsed().as_millis() >= 250,
        "{:?}: half of what was measured, for a noisy machine",
        start.elapsed()
    );
}

#[cfg(unix)]
#[test]
fn files_are_the_owner_s_alone() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    drop(home.restore("w", WORDS));
    for entry in fs::read_dir(home.dir.path().join("w")).unwrap() {
        let mode = entry.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{mode:o}");
    }
}
