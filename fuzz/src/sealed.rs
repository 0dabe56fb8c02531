//! Sealed files: secrets at rest, as someone who may write the disk leaves them.

use std::sync::OnceLock;

use umbel_crypto::sealed_file::{self, KdfCost, cost_of, open, seal};

use crate::fixture::{patch, rng};

const CONTENT: &[u8] = b"sixteen words of a seed";
/// The least that Argon2id takes: the work is not what is looked at.
const COST: KdfCost = KdfCost { memory_kib: 8, passes: 1, lanes: 1 };
/// Most work that an input may ask for here.
const MAX_WORK: u64 = 256;

fn file() -> &'static [u8] {
    static FILE: OnceLock<Vec<u8>> = OnceLock::new();
    FILE.get_or_init(|| seal(CONTENT, b"password", &COST, &mut rng(1)).unwrap())
}

/// Zero and a file as it is, or one and patches of an intact one.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    vec![[&[0], file()].concat(), vec![1], vec![1, 12, 0, 1], vec![1, 60, 0, 128]]
}

pub(crate) fn run(data: &[u8]) {
    let bytes = match data {
        [0, raw @ ..] => raw.to_vec(),
        [_, patches @ ..] => {
            let mut bytes = file().to_vec();
            patch(&mut bytes, patches);
            bytes
        }
        [] => return,
    };
    let work = |cost: KdfCost| u64::from(cost.memory_kib) * u64::from(cost.passes);
    match cost_of(&bytes) {
        Ok(cost) if work(cost) > MAX_WORK => return,
        Ok(_) => {}
        Err(error) => assert_eq!(open(&bytes, b"password").err(), Some(error)),
    }
    match open(&bytes, b"password") {
        Ok(content) => assert!(bytes == file() && **content == *CONTENT, "a changed file opens"),
        Err(error) => assert!(bytes != file(), "{error}"),
    }
    if bytes == file() {
        assert_eq!(open(&bytes, b"Password").err(), Some(sealed_file::SealedFileError::WrongPassword));
    }
}
