//! Coins: built, found, opened, read again by their sender.

use proptest::prelude::*;
use umbel_crypto::coin::{
    KeyRole, NewCoin, NoteSize, OpenError, build_coin, build_payout_key, check_payout_key, coinbase_coin, open_coin,
    open_coinbase, recover_sent,
};
use umbel_crypto::keys::{Address, AddressIndex, OutgoingViewKey, PlannedOutput};
use umbel_crypto::{BadPoint, Element};
use umbel_types::{AssetId, BlockHash, Coin, Encode, OutPoint, PointBytes, SealedBytes};

use crate::common::{new_coin, outpoint, rng, units, wallet};

const SALT: [u8; 32] = [5; 32];

fn sent_coin(value: u64, note: &str, position: u32) -> Coin {
    let recipient = wallet(2).address(3);
    let x = wallet(1).keys.outgoing.output_scalar(&[outpoint(1)], &SALT, position);
    let note_size = NoteSize::for_texts([note]).unwrap();
    let new = NewCoin { note, note_size, ..new_coin(&recipient, AssetId::STR, value, position) };
    build_coin(&new, &x).unwrap().coin
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_owner_opens_what_was_paid(value: u64, position: u32, note in "[a-zA-ZäöüéA-Z ]{0,60}") {
        let coin = sent_coin(value, &note, position);
        let owner = wallet(2);
        prop_assert!(owner.keys.view.detects(&coin.owner));
        let opened = owner.open(&coin, position);
        prop_assert_eq!(opened.value, units(value));
        prop_assert_eq!(opened.note.unwrap_or_default(), note);
    }

    #[test]
    fn the_sender_reads_it_again(value: u64, position: u32) {
        let coin = sent_coin(value, "rent", position);
        let sent = recover_sent(&wallet(1).keys.outgoing, &[outpoint(1)], &SALT, &coin, position).unwrap();
        prop_assert_eq!(sent.recipient, wallet(2).address(3));
        prop_assert_eq!((sent.value, sent.note.as_deref()), (units(value), Some("rent")));
    }
}

#[test]
fn strangers_see_nothing() {
    let coin = sent_coin(9, "secret", 0);
    let stranger = wallet(3);
    assert!(!stranger.keys.view.detects(&coin.owner));
    assert_eq!(open_coin(&stranger.keys.view, &coin, 0).err(), Some(OpenError::NotMine));
    let recover = |key: &OutgoingViewKey, inputs: &[OutPoint], salt: &[u8; 32], position| {
        recover_sent(key, inputs, salt, &coin, position).err()
    };
    assert_eq!(recover(&stranger.keys.outgoing, &[outpoint(1)], &SALT, 0), Some(OpenError::NotMine));
    let sender = wallet(1).keys.outgoing;
    assert_eq!(recover(&sender, &[outpoint(2)], &SALT, 0), Some(OpenError::NotMine));
    assert_eq!(recover(&sender, &[outpoint(1)], &[6; 32], 0), Some(OpenError::NotMine));
    assert_eq!(recover(&sender, &[outpoint(1)], &SALT, 1), Some(OpenError::NotMine));
}

/// Many coins at once are found as one by one, malformed ones among them.
#[test]
fn detection_in_a_batch_equals_detection_alone() {
    let mut owners: Vec<_> = (0..20).map(|n| sent_coin(n, "", 0).owner).collect();
    owners.extend((0..20).map(|n| wallet(3).receive(AssetId::STR, n, 7).owner));
    owners[5].g = PointBytes([0xff; 32]);
    owners[6].g = PointBytes([0; 32]);
    owners[7].view = owners[8].g;
    owners.rotate_left(10);
    for n in [2, 3, 4] {
        let view = wallet(n).keys.view;
        let owners: Vec<_> = owners.iter().collect();
        let alone: Vec<bool> = owners.iter().map(|owner| view.detects(owner)).collect();
        assert_eq!(view.detects_each(&owners), alone);
        assert_eq!(alone.iter().filter(|found| **found).count(), [17, 20, 0][usize::from(n) - 2]);
    }
    assert!(wallet(2).keys.view.detects_each(&[]).is_empty());
}

/// The position enters the shared secret: a coin does not open in another place.
#[test]
fn a_coin_opens_in_its_place_only() {
    let coin = sent_coin(9, "", 4);
    assert!(open_coin(&wallet(2).keys.view, &coin, 5).is_err());
}

#[test]
fn every_changed_byte_of_a_coin_is_noticed() {
    let coin = sent_coin(77, "a note", 0);
    let owner = wallet(2);
    let clean = owner.open(&coin, 0);
    let bytes = coin.to_bytes();
    let note_at = bytes.len() - 64;
    for i in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[i] ^= 1;
        let Ok(changed) = <Coin as umbel_types::Decode>::from_bytes(&changed) else { continue };
        let opened = open_coin(&owner.keys.view, &changed, 0).and_then(|coin| coin.check_with(&owner.keys.spend));
        if i < note_at {
            assert!(opened.is_err(), "byte {i}");
        } else {
            // A failing note never fails the coin.
            let opened = opened.unwrap();
            assert_eq!((opened.value, opened.note), (clean.value, None), "byte {i}");
        }
    }
}

#[test]
fn the_table_knows_the_address_that_was_paid() {
    let coin = sent_coin(9, "", 0);
    let mut owner = wallet(2);
    let unverified = open_coin(&owner.keys.view, &coin, 0).unwrap();
    assert_eq!(unverified.check_in_table(&owner.keys.view), Err(OpenError::UnknownAddress));
    owner.address(3);
    assert_eq!(unverified.check_in_table(&owner.keys.view).unwrap().index, Some(AddressIndex(3)));
}

#[test]
fn notes_have_three_lengths() {
    assert_eq!(NoteSize::for_texts([""]), Ok(NoteSize::None));
    assert_eq!(NoteSize::for_texts(["", "x"]), Ok(NoteSize::Short));
    assert_eq!(NoteSize::for_texts([&*"x".repeat(47)]), Ok(NoteSize::Short));
    assert_eq!(NoteSize::for_texts([&*"x".repeat(48)]), Ok(NoteSize::Long));
    assert_eq!(NoteSize::for_texts([&*"x".repeat(239)]), Ok(NoteSize::Long));
    assert!(NoteSize::for_texts([&*"x".repeat(240)]).is_err());
    let recipient = wallet(2).address(0);
    let x = wallet(1).keys.outgoing.output_scalar(&[outpoint(1)], &SALT, 0);
    for (size, bytes) in [(NoteSize::None, 0), (NoteSize::Short, 64), (NoteSize::Long, 256)] {
        // A coin without text carries as many bytes as its neighbours.
        let new = NewCoin { note_size: size, ..new_coin(&recipient, AssetId::STR, 1, 0) };
        let coin = build_coin(&new, &x).unwrap().coin;
        assert_eq!(coin.note.as_bytes().len(), bytes);
        assert_eq!(wallet(2).open(&coin, 0).note, None);
    }
    let new = NewCoin { note: "too long for none", ..new_coin(&recipient, AssetId::STR, 1, 0) };
    assert!(build_coin(&new, &x).is_err());
}

#[test]
fn coinbase_coins_open_and_spend() {
    let mut miner = wallet(2);
    let key = build_payout_key(&miner.address(0), KeyRole::Miner, &mut rng(1));
    assert_eq!(check_payout_key(&key), Ok(()));
    let coin = coinbase_coin(&BlockHash([3; 32]), &key, units(100)).unwrap();
    let opened = open_coinbase(&miner.keys.view, &coin, units(100)).unwrap();
    assert_eq!(opened.check_with(&miner.keys.spend).unwrap().value, units(100));
    assert_eq!(opened.check_in_table(&miner.keys.view).unwrap().index, Some(AddressIndex(0)));
    assert_ne!(coin, coinbase_coin(&BlockHash([4; 32]), &key, units(100)).unwrap());
    assert!(open_coinbase(&wallet(3).keys.view, &coin, units(100)).is_err());
    // It is an ElGamal pair under the one-time key like any other: the input relation holds.
    let statement = umbel_crypto::input_proof::InputStatement::decode(
        coin.asset,
        &coin.owner,
        &coin.c,
        &coin.d,
        &umbel_crypto::generators::commit_value(100, &curve25519_dalek::Scalar::ONE),
    );
    assert!(statement.is_ok());
}

#[test]
fn payout_keys_are_fresh() {
    let (address, mut rng) = (wallet(2).address(0), rng(1));
    let mut key = || build_payout_key(&address, KeyRole::Miner, &mut rng);
    assert_ne!(key(), key());
}

#[test]
fn malformed_payout_keys_are_refused() {
    let key = build_payout_key(&wallet(2).address(0), KeyRole::Miner, &mut rng(1));
    let fields: [fn(&mut umbel_types::PayoutKey) -> &mut PointBytes; 4] =
        [|k| &mut k.owner.g, |k| &mut k.owner.view, |k| &mut k.owner.spend, |k| &mut k.ephemeral];
    for field in fields {
        for (bytes, error) in [([0; 32], BadPoint::Identity), ([0xff; 32], BadPoint::NotCanonical)] {
            let mut bad = key;
            *field(&mut bad) = PointBytes(bytes);
            assert_eq!(check_payout_key(&bad), Err(error));
        }
    }
}

/// `g = 0` makes `A = a·g` true for every key; such a coin is nobody's.
#[test]
fn the_identity_belongs_to_nobody() {
    let mut coin = sent_coin(9, "", 0);
    coin.owner.g = PointBytes([0; 32]);
    coin.owner.view = PointBytes([0; 32]);
    coin.owner.spend = PointBytes([0; 32]);
    let owner = wallet(2);
    assert!(!owner.keys.view.detects(&coin.owner));
    assert!(!owner.keys.spend.owns(&coin.owner));
    assert_eq!(open_coin(&owner.keys.view, &coin, 0).err(), Some(OpenError::BadPoint(BadPoint::Identity)));
}

#[test]
fn wrong_sealing_is_an_error_not_a_panic() {
    let mut coin = sent_coin(9, "", 0);
    coin.sealed = SealedBytes([0; 51]);
    assert_eq!(open_coin(&wallet(2).keys.view, &coin, 0).err(), Some(OpenError::Ephemeral));
    assert!(Element::decode(&coin.c).is_ok());
}

/// Rebuilding with a stuck generator must not repeat a salt unless everything else repeats.
#[test]
fn salts_differ_with_anything_in_the_plan() {
    let key = wallet(1).keys.outgoing;
    let (to, other) = (Address::Confidential(wallet(2).address(0)), Address::Zk13str(wallet(2).secp.address()));
    let output = |recipient, value, note| PlannedOutput { recipient, asset: AssetId::STR, value: units(value), note };
    let salt = |inputs: &[_], outputs: &[_], fee, seed| key.salt(inputs, outputs, units(fee), &mut rng(seed));
    let base = salt(&[outpoint(1)], &[output(&to, 1, "")], 1, 0);
    assert_eq!(base, salt(&[outpoint(1)], &[output(&to, 1, "")], 1, 0));
    let others = [
        salt(&[outpoint(2)], &[output(&to, 1, "")], 1, 0),
        salt(&[outpoint(1)], &[output(&to, 2, "")], 1, 0),
        salt(&[outpoint(1)], &[output(&to, 1, "x")], 1, 0),
        salt(&[outpoint(1)], &[output(&other, 1, "")], 1, 0),
        salt(&[outpoint(1)], &[output(&to, 1, "")], 2, 0),
        salt(&[outpoint(1)], &[output(&to, 1, "")], 1, 1),
    ];
    for (i, salt) in others.iter().enumerate() {
        assert_ne!(*salt, base, "{i}");
    }
}
