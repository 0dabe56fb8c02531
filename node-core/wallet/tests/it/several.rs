//! Several at once: threads that make one wallet, two holders of one wallet, files that go while a wallet is open.

use std::fs;
use std::sync::Barrier;

use umbel_types::Network;
use umbel_wallet::{Damage, KdfProfile, NewWallet, WalletError, WalletFolder};

use crate::chain::FakeChain;
use crate::people::{Home, OTHER_WORDS, PASSWORD, WORDS, new_wallet, scan};

#[test]
fn of_many_wallets_of_one_name_made_at_once_one_is_made() {
    let home = Home::new();
    for round in 0..8 {
        let names = [format!("Wallet {round}"), format!("wALLET {round}")];
        let barrier = Barrier::new(8);
        let outcomes: Vec<_> = std::thread::scope(|scope| {
            let make = |n: usize| {
                let (home, names, barrier) = (&home, &names, &barrier);
                scope.spawn(move || {
                    let password = format!("password {n}");
                    let new = NewWallet { name: &names[n % 2], password: &password, passphrase: "" };
                    barrier.wait();
                    let made = home.folder.restore(new, if n.is_multiple_of(3) { WORDS } else { OTHER_WORDS });
                    made.map(|wallet| (password, wallet.payout_address()))
                })
            };
            let threads: Vec<_> = (0..8).map(make).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let made: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().ok()).collect();
        assert_eq!(made.len(), 1, "{round}");
        let (password, payout) = made[0];
        assert_eq!(home.folder.unlock(&names[0], password).unwrap().payout_address(), *payout);
        for error in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
            assert!(matches!(error, WalletError::Exists(_)), "{error:?}");
        }
        assert_eq!(fs::read_dir(home.dir.path()).unwrap().count(), round + 1, "no temporary folder is left");
    }
}

#[test]
fn a_wallet_is_open_once() {
    let home = Home::new();
    let mut ann = home.restore("Ann", WORDS);
    let refused = home.folder.unlock("ann", PASSWORD).err().unwrap();
    assert!(matches!(refused, WalletError::InUse { .. }), "{refused:?}");
    assert!(refused.to_string().contains("open already"));
    // Another program would see the same.
    let other = crate::people::folder_at(home.dir.path());
    assert!(matches!(other.unlock("ann", PASSWORD), Err(WalletError::InUse { .. })));
    ann.new_address("kept").unwrap();
    drop(ann);
    let ann = home.folder.unlock("ann", PASSWORD).unwrap();
    assert_eq!(ann.addresses()[0].label, "kept");
}

#[test]
fn what_a_broken_off_making_left_is_neither_listed_nor_in_the_way() {
    let home = Home::new();
    let left = home.dir.path().join(".new-0123456789abcdef");
    fs::create_dir(&left).unwrap();
    fs::write(left.join("wallet.secrets.new"), b"half a file").unwrap();
    assert_eq!(home.folder.list().unwrap(), []);
    assert!(left.exists(), "somebody may be making a wallet there");
    drop(home.restore("w", WORDS));
    assert_eq!(home.folder.list().unwrap().len(), 1);
    // An empty folder of that name is no wallet either.
    fs::create_dir(home.dir.path().join("x")).unwrap();
    drop(home.restore("x", WORDS));
    if cfg!(unix) {
        let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(2 * 3600);
        fs::File::open(&left).unwrap().set_modified(long_ago).unwrap();
        assert_eq!(home.folder.list().unwrap().len(), 2);
        assert!(!left.exists(), "after hours, nobody is");
    }
}

#[test]
fn a_making_that_fails_leaves_nothing() {
    let home = Home::new();
    // A file in the place of the wallet's folder.
    let path = home.dir.path().join("w");
    fs::write(&path, b"a file").unwrap();
    let error = home.folder.restore(new_wallet("w"), WORDS).err();
    assert!(matches!(error, Some(WalletError::Io { .. })), "{error:?}");
    assert_eq!(fs::read(&path).unwrap(), b"a file");
    assert_eq!(fs::read_dir(home.dir.path()).unwrap().count(), 1);
    fs::remove_file(&path).unwrap();
    drop(home.restore("w", WORDS));
}

#[cfg(unix)]
#[test]
fn a_wallet_whose_files_are_removed_writes_no_more() {
    let home = Home::new();
    let chain = FakeChain::new(Network::Devnet, Vec::new());
    let mut ann = home.restore("Ann", WORDS);
    scan(&mut ann, &chain);
    let folder = home.dir.path().join("ann");
    fs::remove_dir_all(&folder).unwrap();
    let error = ann.new_address("lost").unwrap_err();
    assert!(matches!(error, WalletError::FilesRemoved { .. }), "{error:?}");
    assert!(error.to_string().contains("restore it from its words") && !error.is_passing());
    let removed = |error| matches!(error, Some(WalletError::FilesRemoved { .. }));
    assert!(removed(ann.scan_step(&chain, 1).err()), "found out without anything to write");
    assert!(removed(ann.flush().err()) && removed(ann.unlock(PASSWORD).err()));
    assert!(!folder.exists());
    // A new wallet of that name has nothing to do with it.
    let mut new = home.restore("Ann", OTHER_WORDS);
    new.new_address("new").unwrap();
    assert!(removed(ann.new_address("lost").err()));
    drop((ann, new));
    let mut new = home.folder.unlock("ann", PASSWORD).unwrap();
    assert_eq!((new.addresses()[0].label.as_str(), new.take_repairs()), ("new", Vec::new()));
}

#[test]
fn a_file_of_a_newer_program_is_not_passed_over() {
    let home = Home::new();
    drop(home.restore("w", WORDS));
    let path = home.dir.path().join("w/wallet.secrets");
    let mut bytes = fs::read(&path).unwrap();
    bytes[8] = 2;
    let body = bytes.len() - 32;
    let checksum = umbel_types::hash::Hasher::new(umbel_types::hash::Domain("umbel/wallet-file/v1"));
    let checksum = checksum.with_bytes(&bytes[..body]).finish();
    bytes[body..].copy_from_slice(checksum.as_bytes());
    fs::write(&path, &bytes).unwrap();
    let error = home.folder.unlock("w", PASSWORD).err().unwrap();
    assert!(matches!(error, WalletError::Damaged { damage: Damage::Version(2), .. }), "{error:?}");
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[test]
fn every_damage_ends_with_what_to_do() {
    let all = [
        Damage::Missing,
        Damage::Unreadable("no".to_owned()),
        Damage::Length,
        Damage::Magic,
        Damage::Checksum,
        Damage::Content,
        Damage::Version(2),
        Damage::Network("devnet".to_owned()),
    ];
    for damage in all {
        assert!(damage.to_string().ends_with("restore the wallet from its words"), "{damage}");
        let error = WalletError::Damaged { path: "w".into(), damage };
        assert!(error.to_string().ends_with("restore the wallet from its words"), "{error}");
    }
}

#[test]
fn names_that_no_folder_can_have_are_refused() {
    let home = Home::new();
    drop(home.restore(&"財".repeat(28), WORDS));
    let error = home.folder.restore(new_wallet(&"財".repeat(29)), WORDS).err().unwrap();
    assert!(error.to_string().contains("at most 28 of scripts such as Chinese"), "{error}");
    assert_eq!(home.folder.list().unwrap().len(), 1);
    let mainnet = umbel_types::Params::of(Network::Mainnet);
    let other = WalletFolder::open(home.dir.path(), mainnet, crate::chain::GENESIS, KdfProfile::Tests).unwrap();
    assert!(other.list().unwrap()[0].damaged.is_some());
}
