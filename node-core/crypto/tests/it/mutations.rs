//! Nothing about a transaction can be changed after it was proved.

use umbel_crypto::verify_transaction_proofs;
use umbel_types::errors::TxRuleError;
use umbel_types::tx::InputWitness;
use umbel_types::{Decode, Encode, Hash32, Transaction};

use crate::common::{GENESIS, Plan, everything, hidden, payment, transfer};

fn verify(tx: &Transaction) -> Result<(), TxRuleError> {
    verify_transaction_proofs(tx, &tx.core.sighash(GENESIS))
}

#[test]
fn proved_transfers_verify() {
    for plan in [payment(), everything(), hidden(), Plan { salt: 3, ..payment() }] {
        let (tx, sighash) = transfer(&plan);
        assert_eq!(verify_transaction_proofs(&tx, &sighash), Ok(()));
        let travelled = Transaction::from_bytes(&tx.to_bytes()).unwrap();
        assert_eq!(verify(&travelled), Ok(()));
    }
}

/// Every byte of core and witness, one bit each, another one from byte to byte. The plan has every kind of input, output and
/// proof.
#[test]
fn every_changed_byte_is_refused() {
    let (tx, _) = transfer(&hidden());
    let bytes = tx.to_bytes();
    let mut decoded = 0;
    for i in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[i] ^= 1 << (i % 8);
        let Ok(changed) = Transaction::from_bytes(&changed) else { continue };
        decoded += 1;
        assert!(verify(&changed).is_err(), "byte {i}");
    }
    assert!(decoded > bytes.len() * 9 / 10, "most changes must reach the verifier");
}

#[test]
fn another_chain_or_genesis_is_refused() {
    let (tx, _) = transfer(&payment());
    assert!(verify_transaction_proofs(&tx, &Hash32([0; 32])).is_err());
    let mut other = tx.clone();
    other.core.chain += 1;
    assert!(verify(&other).is_err());
}

#[test]
fn swapped_proofs_are_refused() {
    let plan = everything();
    let (tx, _) = transfer(&plan);
    let (other, _) = transfer(&Plan { salt: 1, ..plan });
    let check = |change: &dyn Fn(&mut Transaction), expected: TxRuleError| {
        let mut tx = tx.clone();
        change(&mut tx);
        assert_eq!(verify(&tx), Err(expected));
    };
    check(&|tx| tx.witness.inputs.swap(0, 1), TxRuleError::InputProof(0));
    check(&|tx| tx.witness.inputs.swap(0, 2), TxRuleError::WitnessKind(0));
    check(&|tx| tx.witness.outputs.swap(0, 1), TxRuleError::OutputProof(0));
    check(&|tx| tx.witness.outputs.swap(1, 2), TxRuleError::OutputProof(1));
    check(&|tx| tx.witness.inputs[1] = other.witness.inputs[1].clone(), TxRuleError::InputProof(1));
    check(&|tx| tx.witness.inputs[2] = other.witness.inputs[2].clone(), TxRuleError::Signature(2));
    check(&|tx| tx.witness.outputs[2] = other.witness.outputs[2], TxRuleError::OutputProof(2));
    check(&|tx| tx.witness.kernel = other.witness.kernel, TxRuleError::Kernel);
    check(&|tx| tx.witness.range_proof = other.witness.range_proof.clone(), TxRuleError::RangeProof);
}

#[test]
fn wrong_counts_and_lengths_are_refused() {
    let (tx, _) = transfer(&everything());
    let check = |change: &dyn Fn(&mut Transaction), expected: TxRuleError| {
        let mut tx = tx.clone();
        change(&mut tx);
        assert_eq!(verify(&tx), Err(expected));
    };
    check(&|tx| tx.witness.inputs.truncate(2), TxRuleError::WitnessKind(2));
    check(&|tx| tx.witness.inputs.push(InputWitness::Coin([0; 256])), TxRuleError::WitnessKind(3));
    check(&|tx| tx.witness.outputs.truncate(2), TxRuleError::OutputProof(2));
    check(&|tx| tx.witness.outputs.push([0; 192]), TxRuleError::OutputProof(3));
    let expected = tx.witness.range_proof.len();
    check(&|tx| tx.witness.range_proof.clear(), TxRuleError::RangeProofLength { got: 0, expected });
    check(&|tx| tx.witness.range_proof.push(0), TxRuleError::RangeProofLength { got: expected + 1, expected });
    check(&|tx| tx.witness.range_proof[0] = 3, TxRuleError::RangeProof);
    check(&|tx| tx.witness.kernel = [0xff; 64], TxRuleError::Kernel);
    check(&|tx| tx.witness.inputs[0] = InputWitness::Coin([0xff; 256]), TxRuleError::InputProof(0));
    check(&|tx| tx.witness.outputs[0] = [0xff; 192], TxRuleError::OutputProof(0));
    check(&|tx| tx.witness.inputs[0] = InputWitness::Coin([0; 256]), TxRuleError::InputProof(0));
    check(&|tx| tx.witness.outputs[0] = [0; 192], TxRuleError::OutputProof(0));
}
