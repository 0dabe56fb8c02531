//! Batches: they accept what is valid, and name who is at fault.

use umbel_crypto::{BatchError, BatchVerifier};
use umbel_types::errors::TxRuleError;
use umbel_types::{AssetId, Hash32, Transaction};

use crate::common::{Plan, everything, payment, rng, transfer};

/// Transfers of several shapes: range proofs over one, two and three values and none at all.
fn block() -> Vec<(Transaction, Hash32)> {
    let shapes = [
        payment(),
        everything(),
        Plan { coins_in: vec![(AssetId::STR, 10)], coins_out: vec![(AssetId::STR, 9)], fee: 1, ..Plan::default() },
        Plan { memos_in: vec![(AssetId::STR, 10)], memos_out: vec![(AssetId::STR, 9)], fee: 1, ..Plan::default() },
    ];
    (0..8u8).map(|salt| transfer(&Plan { salt, ..shapes[usize::from(salt) % shapes.len()].clone() })).collect()
}

fn verify(block: &[(Transaction, Hash32)]) -> Result<(), BatchError> {
    let mut batch = BatchVerifier::new();
    for (tx, sighash) in block {
        batch.push(tx, sighash).unwrap();
    }
    batch.verify(&mut rng(1))
}

#[test]
fn valid_blocks_are_accepted() {
    assert_eq!(verify(&block()), Ok(()));
    assert_eq!(verify(&[]), Ok(()));
}

/// Each kind of proof, in each place of a block.
#[test]
fn the_culprit_is_named() {
    let good = block();
    for index in 0..good.len() {
        let mut bad = good.clone();
        let witness = &mut bad[index].0.witness;
        // A response moved by one stays canonical, so that only the batch can notice.
        witness.kernel[32] ^= 1;
        assert_eq!(verify(&bad), Err(BatchError { index, error: TxRuleError::Kernel }));
    }
    for index in [0, 1, 4, 5] {
        let mut bad = good.clone();
        let n = bad[index].0.witness.outputs.len() - 1;
        bad[index].0.witness.outputs[n][96] ^= 1;
        assert_eq!(verify(&bad), Err(BatchError { index, error: TxRuleError::OutputProof(n) }));
        let mut bad = good.clone();
        // d₁, the first response.
        bad[index].0.witness.range_proof[1] ^= 1;
        assert_eq!(verify(&bad), Err(BatchError { index, error: TxRuleError::RangeProof }));
    }
}

#[test]
fn of_several_culprits_the_first_is_named() {
    let mut bad = block();
    for index in [3, 6, 7] {
        bad[index].0.witness.kernel[32] ^= 1;
    }
    bad[5].0.witness.range_proof[1] ^= 1;
    assert_eq!(verify(&bad), Err(BatchError { index: 3, error: TxRuleError::Kernel }));
}

/// Two faults that cancel in an unweighted sum: the weights keep them apart.
#[test]
fn faults_do_not_cancel() {
    let (tx, sighash) = transfer(&payment());
    let add_one = |response: &mut [u8], minus: bool| {
        let mut bytes = [0u8; 32];
        bytes.copy_from_slice(response);
        let scalar = curve25519_dalek::Scalar::from_canonical_bytes(bytes).unwrap();
        let one = curve25519_dalek::Scalar::ONE;
        response.copy_from_slice((if minus { scalar - one } else { scalar + one }).as_bytes());
    };
    let (mut plus, mut minus) = (tx.clone(), tx);
    add_one(&mut plus.witness.kernel[32..], false);
    add_one(&mut minus.witness.kernel[32..], true);
    let bad = [(plus, sighash), (minus, sighash)];
    assert_eq!(verify(&bad), Err(BatchError { index: 0, error: TxRuleError::Kernel }));
}

#[test]
fn a_transaction_without_hidden_values_has_no_range_proof() {
    let (tx, _) = &block()[3];
    assert!(tx.witness.range_proof.is_empty());
    assert!(tx.witness.outputs.is_empty());
}
