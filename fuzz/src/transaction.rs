//! Transactions as they come from a peer.

use umbel_ledger::{check_tx_in_isolation, check_tx_structure};
use umbel_types::{Decode, Encode, Transaction};

use crate::fixture::{GENESIS, context, patch, rng, transactions};

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    transactions().iter().map(Encode::to_bytes).collect()
}

/// Which seed, then patches of its encoding: reaches every proof and signature with a shape that decodes.
pub(crate) fn patch_seeds() -> Vec<Vec<u8>> {
    (0..)
        .take(transactions().len())
        .flat_map(|n: u8| [vec![n], vec![n, 40, 0, 1], vec![n, 200, 1, 0x80, 0, 2, 4]])
        .collect()
}

pub(crate) fn run_patch(data: &[u8]) {
    let [which, patches @ ..] = data else { return };
    let mut bytes = transactions()[usize::from(*which) % transactions().len()].to_bytes();
    patch(&mut bytes, patches);
    run(&bytes);
}

/// One encoding for each transaction; nobody but the owner of the keys makes one that is accepted.
pub(crate) fn run(data: &[u8]) {
    let Ok(tx) = Transaction::from_bytes(data) else { return };
    assert_eq!(tx.to_bytes(), data, "a second encoding of one transaction");
    let original = transactions().iter().find(|seed| seed.txid() == tx.txid());
    if let Some(original) = original {
        assert_eq!(original.core, tx.core, "two cores with one id");
        assert_eq!(original.wtxid() == tx.wtxid(), *original == tx, "two witnesses with one id");
    }
    assert_ne!(tx.core.sighash(GENESIS), tx.core.sighash(umbel_types::BlockHash([8; 32])));
    let structure = check_tx_structure(&tx, &context());
    match check_tx_in_isolation(tx.clone(), &context(), &mut rng(0)) {
        Ok(isolated) => {
            assert!(structure.is_ok());
            assert_eq!((isolated.txid(), isolated.wtxid()), (tx.txid(), tx.wtxid()));
            assert_eq!(isolated.size_bytes(), data.len());
            assert!(transactions().contains(&tx), "a forged transaction was accepted");
        }
        Err(error) => {
            assert!(!transactions().contains(&tx), "a valid transaction was refused: {error}");
            if let Err(first) = structure {
                assert_eq!(first, error, "cheap rules come first");
            }
        }
    }
}
