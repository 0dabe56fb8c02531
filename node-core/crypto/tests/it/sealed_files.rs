//! Secrets at rest.

use core::time::Duration;

use umbel_crypto::sealed_file::{
    KdfCost, MIN_MEMORY_KIB, SealedFileError, TARGET_MEMORY_KIB, TARGET_TIME, calibrate, cost_of, open, seal,
};

use crate::common::rng;

const CHEAP: KdfCost = KdfCost { memory_kib: 8, passes: 1, lanes: 1 };

fn sealed() -> Vec<u8> {
    seal(b"entropy", b"password", &CHEAP, &mut rng(1)).unwrap()
}

#[test]
fn content_comes_back_with_the_password_only() {
    let file = sealed();
    assert_eq!(*open(&file, b"password").unwrap(), b"entropy");
    assert_eq!(open(&file, b"passwort").err(), Some(SealedFileError::WrongPassword));
    assert_eq!(open(&file, b"").err(), Some(SealedFileError::WrongPassword));
    assert_eq!(cost_of(&file), Ok(CHEAP));
    assert!(!file.windows(7).any(|window| window == b"entropy"));
    assert_ne!(file, seal(b"entropy", b"password", &CHEAP, &mut rng(2)).unwrap(), "fresh salt and nonce");
}

#[test]
fn every_damaged_byte_is_told_from_a_wrong_password() {
    let file = sealed();
    for i in 0..file.len() {
        let mut damaged = file.clone();
        damaged[i] ^= 1;
        let expected = if i < 8 { SealedFileError::NotASealedFile } else { SealedFileError::Damaged };
        assert_eq!(open(&damaged, b"password").err(), Some(expected), "byte {i}");
        assert!(open(&file[..i], b"password").is_err());
    }
    assert_eq!(open(&[file.as_slice(), &[0]].concat(), b"password").err(), Some(SealedFileError::Damaged));
    assert_eq!(open(b"", b"password").err(), Some(SealedFileError::NotASealedFile));
}

/// Whoever can write the file can repair its checksum, but changes nothing that opens.
#[test]
fn a_forged_header_opens_nothing() {
    let forge = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut body = sealed();
        body.truncate(body.len() - 8);
        change(&mut body);
        let mut hasher = blake3::Hasher::new();
        hasher.update(&[20]).update(b"umbel/sealed-file/v1").update(&body);
        let mut sum = [0u8; 8];
        hasher.finalize_xof().fill(&mut sum);
        open(&[body, sum.to_vec()].concat(), b"password").err()
    };
    assert_eq!(forge(&|_| {}), None);
    assert_eq!(forge(&|body| body[8] = 2), Some(SealedFileError::UnknownVersion(2)));
    assert_eq!(forge(&|body| body[10] = 16), Some(SealedFileError::WrongPassword), "less memory");
    assert_eq!(forge(&|body| body[13] = 0xff), Some(SealedFileError::CostOutOfRange), "4 TiB");
    assert_eq!(forge(&|body| body[14..18].fill(0xff)), Some(SealedFileError::CostOutOfRange), "passes");
    assert_eq!(forge(&|body| body[14..18].fill(0)), Some(SealedFileError::CostOutOfRange), "no pass");
    assert_eq!(forge(&|body| body[30] ^= 1), Some(SealedFileError::WrongPassword), "salt");
    assert_eq!(forge(&|body| body[45] ^= 1), Some(SealedFileError::WrongPassword), "nonce");
    assert_eq!(forge(&|body| body[50] ^= 1), Some(SealedFileError::Damaged), "length");
    assert_eq!(forge(&|body| body[55] ^= 1), Some(SealedFileError::WrongPassword), "ciphertext");
}

#[test]
fn calibration_meets_its_target() {
    let at = |ms_for_target_memory: u64| {
        calibrate(TARGET_MEMORY_KIB, |cost| {
            let share = u64::from(cost.memory_kib) * u64::from(cost.passes);
            Duration::from_millis(ms_for_target_memory * share / u64::from(TARGET_MEMORY_KIB))
        })
    };
    // A fast machine gets more passes, an ordinary one a single pass, a slow one less memory but never below the floor.
    assert_eq!(at(100), KdfCost { memory_kib: TARGET_MEMORY_KIB, passes: 5, lanes: 1 });
    assert_eq!(at(600), KdfCost { memory_kib: TARGET_MEMORY_KIB, passes: 1, lanes: 1 });
    assert_eq!(at(3_000), KdfCost { memory_kib: TARGET_MEMORY_KIB / 4, passes: 1, lanes: 1 });
    assert_eq!(at(60_000).memory_kib, MIN_MEMORY_KIB);
    assert!(TARGET_TIME >= Duration::from_millis(500));
    assert!(CHEAP.is_below(&at(600)));
    assert!(!at(600).is_below(&at(600)));
}

#[test]
fn a_cost_can_be_measured() {
    CHEAP.run_once();
}
