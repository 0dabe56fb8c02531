//! Every verifier by itself: a proof or signature that was changed, or stands at another place, does not verify.

use std::sync::OnceLock;

use umbel_crypto::coin::open_coin;
use umbel_crypto::ml_dsa::{self, MlDsaContext};
use umbel_crypto::payment_proof::{PaymentProof, prove_payment, verify_payment};
use umbel_crypto::signature::{check_key_signature, check_signature};
use umbel_crypto::statement::{InputAuthority, TxStatement};
use umbel_crypto::{Element, ProofContext};
use umbel_types::lock::PublicKeyBytes;
use umbel_types::tx::{InputWitness, KeySignature};
use umbel_types::{AssetId, Coin, Decode, Encode, Hash32, PointBytes, Transaction};

use crate::fixture::{GENESIS, Owner, coin_for, ml_dsa_key, owner, patch, rng, strangers_scalar, transactions};

const KINDS: u8 = 9;

/// Which verifier, how the place is changed, then patches of proof or signature.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    (0..KINDS).flat_map(|kind| [vec![kind, 0], vec![kind, 1], vec![kind, 0, 10, 0, 1]]).collect()
}

struct Subject {
    tx: &'static Transaction,
    statement: TxStatement,
    sighash: Hash32,
}

fn subject() -> &'static Subject {
    static SUBJECT: OnceLock<Subject> = OnceLock::new();
    SUBJECT.get_or_init(|| {
        let tx = &transactions()[2];
        Subject { tx, statement: TxStatement::of(&tx.core).unwrap(), sighash: tx.core.sighash(GENESIS) }
    })
}

pub(crate) fn run(data: &[u8]) {
    let [kind, place, patches @ ..] = data else { return };
    let Subject { tx, statement, sighash } = subject();
    let at = |index: u32| {
        let mut context = ProofContext { sighash: *sighash, index };
        let moved = place % 3;
        match moved {
            1 => context.index += 1 + u32::from(*place),
            2 => context.sighash.0[usize::from(*place) % 32] ^= 1,
            _ => {}
        }
        (context, moved != 0)
    };
    let holds_only_unchanged = |verified: bool, changed: bool| assert_eq!(verified, !changed, "kind {kind}");
    match kind % KINDS {
        0 => {
            let (InputAuthority::Coin(statement), InputWitness::Coin(proof)) =
                (&statement.inputs[1], &tx.witness.inputs[1])
            else {
                panic!("the second input is a coin")
            };
            let (mut proof, (context, moved)) = (*proof, at(1));
            let changed = patch(&mut proof, patches);
            holds_only_unchanged(statement.verify(&context, &proof), changed || moved);
        }
        1 => {
            let (mut proof, (context, moved)) = (tx.witness.outputs[2], at(2));
            let changed = patch(&mut proof, patches);
            holds_only_unchanged(statement.outputs[2].1.verify(&context, &proof), changed || moved);
        }
        2 => {
            let (mut proof, (context, moved)) = (tx.witness.kernel, at(0));
            let changed = patch(&mut proof, patches);
            holds_only_unchanged(statement.kernel.verify(&context, &proof), changed || moved);
        }
        3 => {
            let (mut proof, (context, moved)) = (tx.witness.range_proof.clone(), at(0));
            let changed = patch(&mut proof, patches);
            holds_only_unchanged(statement.range.as_ref().unwrap().verify(&context, &proof), changed || moved);
        }
        4 => ecdsa(*place, patches),
        5 => post_quantum(*place, patches),
        6 => opened_coins_hold_what_was_paid(patches),
        7 => payment(*place, patches),
        _ => points(patches),
    }
}

/// Key ‖ signature ‖ message: no change is accepted.
fn ecdsa(place: u8, patches: &[u8]) {
    let Owner { secp, .. } = owner(1);
    let message = Hash32([place; 32]);
    let mut bytes = [secp.public_key().0.as_slice(), &secp.sign(&message), &message.0].concat();
    let changed = patch(&mut bytes, patches);
    let (key, rest) = bytes.split_first_chunk::<33>().unwrap();
    let (signature, message) = rest.split_first_chunk::<64>().unwrap();
    let message = Hash32(message.try_into().unwrap());
    let signed = KeySignature { public_key: PublicKeyBytes(*key), signature: *signature };
    assert_eq!(check_signature(&secp.address(), &signed, &message).is_ok(), !changed);
    // Without the address, another key may fit another signature; a changed signature by this key does not.
    let verified = check_key_signature(&secp.public_key(), signature, &Hash32([place; 32]));
    assert_eq!(verified.is_ok(), *signature == secp.sign(&Hash32([place; 32])));
}

/// Signature ‖ key ‖ message.
fn post_quantum(place: u8, patches: &[u8]) {
    static SIGNED: OnceLock<Vec<u8>> = OnceLock::new();
    let signed = SIGNED.get_or_init(|| {
        let key = ml_dsa_key();
        [key.sign(MlDsaContext::Lock, &[1; 32]).as_slice(), &key.verifying_key(), &[1; 32]].concat()
    });
    let mut bytes = signed.clone();
    let context = if place.is_multiple_of(2) { MlDsaContext::Lock } else { MlDsaContext::Vote };
    let changed = patch(&mut bytes, patches) || context != MlDsaContext::Lock;
    let (signature, rest) = bytes.split_first_chunk::<{ ml_dsa::SIGNATURE_BYTES }>().unwrap();
    let (key, message) = rest.split_first_chunk::<{ ml_dsa::VERIFYING_KEY_BYTES }>().unwrap();
    assert_eq!(ml_dsa::verify(key, context, message, signature), !changed);
}

/// A coin that opens after it was changed holds what it held: only what nobody relies on may differ.
fn opened_coins_hold_what_was_paid(patches: &[u8]) {
    let mut payee = owner(2);
    let built = coin_for(&mut payee, &strangers_scalar(1, 0), AssetId::STR, 77, 0).coin;
    let mut bytes = built.to_bytes();
    let changed = patch(&mut bytes, patches);
    let Ok(coin) = Coin::from_bytes(&bytes) else { return };
    match open_coin(&payee.keys.view, &coin, 0).and_then(|opened| opened.check_with(&payee.keys.spend)) {
        Ok(opened) => {
            assert_eq!((opened.asset, opened.value.units()), (AssetId::STR, 77));
            assert!(opened.note.is_none() || coin.note == built.note, "a note that nobody wrote");
        }
        Err(error) => assert!(changed, "a coin does not open: {error}"),
    }
}

/// A payment proof for the right challenge, or one byte of another.
fn payment(place: u8, patches: &[u8]) {
    const CHALLENGE: [u8; 8] = *b"is it so";
    static PROOF: OnceLock<Vec<u8>> = OnceLock::new();
    let Subject { tx, .. } = subject();
    let prove = || prove_payment(&owner(1).keys.outgoing, GENESIS, &tx.core, 1, &CHALLENGE, &mut rng(7)).unwrap();
    let mut bytes = PROOF.get_or_init(|| prove().to_bytes()).clone();
    let mut challenge = CHALLENGE;
    challenge[0] ^= place;
    let changed = patch(&mut bytes, patches) || place != 0;
    let Ok(proof) = PaymentProof::from_bytes(&bytes) else {
        assert!(changed);
        return;
    };
    assert_eq!(proof.to_bytes(), bytes, "a second encoding of one proof");
    match verify_payment(tx.core.chain, GENESIS, &tx.core, &proof, &challenge) {
        Ok(proven) => {
            assert!(!changed, "a changed proof verifies");
            assert_eq!((proven.amount().units(), proven.index()), (300_000, 1));
        }
        Err(error) => assert!(changed, "{error}"),
    }
}

/// Bytes are an element only in its one canonical form.
fn points(bytes: &[u8]) {
    let mut encoded = [0; 32];
    let n = bytes.len().min(32);
    encoded[..n].copy_from_slice(&bytes[..n]);
    if let Ok(element) = Element::decode(&PointBytes(encoded)) {
        assert_eq!(element.bytes().0, encoded);
        assert_eq!(Element::from_point(*element.point()), element);
        assert_eq!(element.is_identity(), encoded == [0; 32]);
    }
}
