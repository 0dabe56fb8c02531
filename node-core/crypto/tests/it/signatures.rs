//! ECDSA as locks ask for it, and ML-DSA-65.

use k256::ecdsa::Signature;
use umbel_crypto::ml_dsa::{self, MlDsaContext, MlDsaKey};
use umbel_crypto::signature::{SignatureError, check_key_signature, check_signature};
use umbel_types::Hash32;
use umbel_types::lock::PublicKeyBytes;
use umbel_types::tx::KeySignature;

use crate::common::wallet;

const SIGHASH: Hash32 = Hash32([6; 32]);

#[test]
fn a_signature_by_the_address_holds() {
    let key = wallet(1).secp;
    let signature = key.sign(&SIGHASH);
    let check = |address, public_key, signature: &[u8; 64], sighash| {
        check_signature(&address, &KeySignature { public_key, signature: *signature }, &sighash)
    };
    assert_eq!(check(key.address(), key.public_key(), &signature, SIGHASH), Ok(()));
    assert_eq!(check(key.address(), key.public_key(), &signature, Hash32([7; 32])), Err(SignatureError::Invalid));
    let other = wallet(2).secp;
    assert_eq!(check(key.address(), other.public_key(), &signature, SIGHASH), Err(SignatureError::WrongKey));
    assert_eq!(check(other.address(), other.public_key(), &signature, SIGHASH), Err(SignatureError::Invalid));
    for i in 0..64 {
        let mut changed = signature;
        changed[i] ^= 1;
        assert_eq!(check(key.address(), key.public_key(), &changed, SIGHASH), Err(SignatureError::Invalid), "{i}");
    }
    for garbage in [[0; 64], [0xff; 64]] {
        assert_eq!(check(key.address(), key.public_key(), &garbage, SIGHASH), Err(SignatureError::Invalid));
    }
}

/// `(r, n − s)` is as valid mathematically; the ledger takes one form only.
#[test]
fn the_high_form_of_a_signature_is_refused() {
    let key = wallet(1).secp;
    let low = Signature::from_slice(&key.sign(&SIGHASH)).unwrap();
    let high = Signature::from_scalars(low.r().to_bytes(), (-low.s()).to_bytes()).unwrap();
    assert_eq!(high.normalize_s(), low);
    let check = |s: Signature| check_key_signature(&key.public_key(), &s.to_bytes().into(), &SIGHASH);
    assert_eq!(check(low), Ok(()));
    assert_eq!(check(high), Err(SignatureError::Invalid));
}

/// A key in another 33-byte form has its own address, and no signature opens it.
#[test]
fn only_compressed_keys_are_keys() {
    let key = wallet(1).secp;
    for tag in [0, 1, 4, 5, 6, 0xff] {
        let mut bytes = key.public_key().0;
        bytes[0] = tag;
        let public_key = PublicKeyBytes(bytes);
        let address = umbel_crypto::keys::address_of_public_key(&public_key);
        let result = check_signature(&address, &KeySignature { public_key, signature: key.sign(&SIGHASH) }, &SIGHASH);
        assert_eq!(result, Err(SignatureError::Invalid), "{tag}");
    }
}

#[test]
fn ml_dsa_signatures_are_bound_to_key_message_and_context() {
    let (key, other) = (MlDsaKey::from_seed(&[1; 32]), MlDsaKey::from_seed(&[2; 32]));
    let signature = key.sign(MlDsaContext::Vote, b"message");
    let public = key.verifying_key();
    assert!(ml_dsa::verify(&public, MlDsaContext::Vote, b"message", &signature));
    assert!(!ml_dsa::verify(&public, MlDsaContext::Lock, b"message", &signature));
    assert!(!ml_dsa::verify(&public, MlDsaContext::Register, b"message", &signature));
    assert!(!ml_dsa::verify(&public, MlDsaContext::Vote, b"massage", &signature));
    assert!(!ml_dsa::verify(&other.verifying_key(), MlDsaContext::Vote, b"message", &signature));
    let mut changed = signature;
    changed[100] ^= 1;
    assert!(!ml_dsa::verify(&public, MlDsaContext::Vote, b"message", &changed));
    assert!(!ml_dsa::verify(&public, MlDsaContext::Vote, b"message", &[0xff; ml_dsa::SIGNATURE_BYTES]));
    assert_ne!(key.key_hash(), other.key_hash());
}

/// A signature has one encoding: positions of hints ascend strictly, and what is left of their list is zero (FIPS 204,
/// algorithm 21). With a second encoding, a stranger could turn one witness into another.
#[test]
fn other_encodings_of_an_ml_dsa_signature_are_refused() {
    const MOST_HINTS: usize = 55;
    const POLYNOMIALS: usize = 6;
    let key = MlDsaKey::from_seed(&[1; 32]);
    let signature = key.sign(MlDsaContext::Lock, b"message");
    let holds = |change: &dyn Fn(&mut [u8])| {
        let mut changed = signature;
        let at = changed.len() - MOST_HINTS - POLYNOMIALS;
        change(&mut changed[at..]);
        ml_dsa::verify(&key.verifying_key(), MlDsaContext::Lock, b"message", &changed)
    };
    let hints = &signature[ml_dsa::SIGNATURE_BYTES - MOST_HINTS - POLYNOMIALS..];
    let cut = |i: usize| usize::from(hints[MOST_HINTS + i]);
    let (first, before_last, used) = (cut(0), cut(POLYNOMIALS - 2), cut(POLYNOMIALS - 1));
    assert!(first >= 2 && before_last < used && used < MOST_HINTS, "this signature has room for every change");
    assert!(holds(&|_| {}));
    assert!(!holds(&|hints| hints.swap(0, 1)), "order");
    assert!(!holds(&|hints| hints[MOST_HINTS - 1] = 1), "padding");
    let repeat = |hints: &mut [u8]| {
        hints[used] = hints[used - 1];
        hints[MOST_HINTS + POLYNOMIALS - 1] += 1;
    };
    assert!(!holds(&repeat), "a hint twice");
}
