//! Batches: they accept what is valid, and name who is at fault.

use std::sync::OnceLock;

use proptest::prelude::*;
use umbel_crypto::{BatchError, BatchVerifier, verify_transaction_proofs};
use umbel_types::errors::TxRuleError;
use umbel_types::tx::InputWitness;
use umbel_types::{AssetId, Hash32, Transaction};

use crate::common::{Plan, StuckRng, everything, hidden, payment, rng, transfer};

/// Transfers of several shapes: range proofs over one to five values and none at all.
fn block() -> Vec<(Transaction, Hash32)> {
    let shapes = [
        payment(),
        everything(),
        Plan { coins_in: vec![(AssetId::STR, 10)], coins_out: vec![(AssetId::STR, 9)], fee: 1, ..Plan::default() },
        Plan { memos_in: vec![(AssetId::STR, 10)], memos_out: vec![(AssetId::STR, 9)], fee: 1, ..Plan::default() },
        hidden(),
    ];
    (0..10u8).map(|salt| transfer(&Plan { salt, ..shapes[usize::from(salt) % shapes.len()].clone() })).collect()
}

fn verify(block: &[(Transaction, Hash32)]) -> Result<(), BatchError> {
    let mut batch = BatchVerifier::new();
    for (index, (tx, sighash)) in block.iter().enumerate() {
        batch.push(tx, sighash).map_err(|error| BatchError { index, error })?;
    }
    let verdict = batch.verify(&mut rng(1));
    assert_eq!(verdict, batch.verify(&mut StuckRng), "the verifier's randomness never changes a verdict");
    verdict
}

/// A place in a witness that is broken so that only an equation can notice.
#[derive(Clone, Copy, Debug)]
enum Fault {
    None,
    InputResponse,
    OutputResponse,
    OutputCommitment,
    Kernel,
    Range,
    OthersKernel,
    Signature,
    NotCanonical,
}

const FAULTS: [Fault; 9] = [
    Fault::None,
    Fault::InputResponse,
    Fault::OutputResponse,
    Fault::OutputCommitment,
    Fault::Kernel,
    Fault::Range,
    Fault::OthersKernel,
    Fault::Signature,
    Fault::NotCanonical,
];

/// Breaks `tx`; what it has no part for stays whole.
fn break_at(tx: &mut Transaction, fault: Fault) {
    let witness = &mut tx.witness;
    match fault {
        Fault::None => {}
        Fault::InputResponse => {
            if let Some(InputWitness::Coin(proof)) = witness.inputs.first_mut() {
                proof[128] ^= 1;
            }
        }
        Fault::OutputResponse => witness.outputs.iter_mut().take(1).for_each(|proof| proof[96] ^= 1),
        Fault::OutputCommitment => witness.outputs.iter_mut().take(1).for_each(|proof| proof.copy_within(32..64, 0)),
        Fault::Kernel => witness.kernel[32] ^= 1,
        Fault::Range => witness.range_proof.iter_mut().skip(1).take(1).for_each(|byte| *byte ^= 1),
        Fault::OthersKernel => witness.kernel = transfer(&Plan { salt: 99, ..payment() }).0.witness.kernel,
        Fault::Signature => {
            for input in &mut witness.inputs {
                if let InputWitness::Signature(signed) = input {
                    signed.signature[40] ^= 1;
                }
            }
        }
        Fault::NotCanonical => witness.kernel[63] = 0xff,
    }
}

fn valid() -> &'static [(Transaction, Hash32)] {
    static VALID: OnceLock<Vec<(Transaction, Hash32)>> = OnceLock::new();
    VALID.get_or_init(block)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Any mix of valid and broken transactions, some of them twice: what a batch says is what single checks say in order.
    #[test]
    fn batch_equals_single(
        picks in proptest::collection::vec((0..10usize, prop_oneof![3 => Just(0usize), 1 => 0..9usize]), 0..9),
        seed: u8,
    ) {
        let mut batch = BatchVerifier::new();
        let mut first = Ok(());
        for (pick, fault) in picks {
            let (mut tx, sighash) = valid()[pick].clone();
            break_at(&mut tx, FAULTS[fault]);
            let single = verify_transaction_proofs(&tx, &sighash);
            let index = batch.len();
            match batch.push(&tx, &sighash) {
                // What needs no batch is refused at once, with the same rule, and is not added.
                Err(error) => prop_assert_eq!((Err(error), index), (single, batch.len())),
                Ok(()) if first.is_ok() => first = single.map_err(|error| BatchError { index, error }),
                Ok(()) => {}
            }
        }
        prop_assert_eq!(&batch.verify(&mut rng(seed)), &first);
        prop_assert_eq!(&batch.verify(&mut StuckRng), &first);
    }
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
    for index in [0, 1, 4, 5, 9] {
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
    for index in [2, 6, 7] {
        bad[index].0.witness.kernel[32] ^= 1;
    }
    bad[5].0.witness.range_proof[1] ^= 1;
    assert_eq!(verify(&bad), Err(BatchError { index: 2, error: TxRuleError::Kernel }));
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
