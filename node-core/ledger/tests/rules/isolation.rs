//! One test a rule: the smallest change that breaks it, and only it.

use umbel_ledger::check_tx_in_isolation;
use umbel_ledger::mass::{mass, state_bytes};
use umbel_types::errors::TxRuleError;
use umbel_types::tx::{InputWitness, LockBranch};
use umbel_types::{Amount, DaaRange, DaaScore, Hash32, Input, Lock, Output, Transaction, TxCore, ZkAddress};

use crate::fixture::{context, core_spending, memo_of, outpoint, rng, sign};

fn core() -> TxCore {
    core_spending(&[(outpoint(0), memo_of(50_000)), (outpoint(1), memo_of(60_000))], 2, 10_000, 1)
}

/// Breaks a core in a way that its signer goes along with.
fn refused(edit: impl FnOnce(&mut TxCore)) -> TxRuleError {
    let mut broken = core();
    edit(&mut broken);
    // The signatures are over the broken core, so that no rule but the broken one is in the way.
    let mut tx = sign(core());
    let resigned = core_resigned(&broken);
    tx.witness = resigned;
    tx.core = broken;
    check_tx_in_isolation(tx, &context(), &mut rng()).expect_err("refused")
}

/// Signatures over `core`, whatever it says, and the kernel proof of the sound one: structural rules come first.
fn core_resigned(core: &TxCore) -> umbel_types::Witness {
    let sound = sign(self::core()).witness;
    let key = crate::fixture::key();
    let signed = umbel_crypto::signature::sign(key, &core.sighash(crate::fixture::GENESIS));
    let inputs = core.inputs.iter().map(|_| InputWitness::Signature(signed));
    umbel_types::Witness { inputs: inputs.collect(), ..sound }
}

#[test]
fn a_sound_transaction_passes() {
    let tx = sign(core());
    let (txid, wtxid) = (tx.txid(), tx.wtxid());
    let (mass, state_bytes) = (mass(&tx.core, tx.size_bytes()), state_bytes(&tx.core));
    let isolated = check_tx_in_isolation(tx, &context(), &mut rng()).expect("sound");
    assert_eq!((isolated.txid(), isolated.wtxid()), (txid, wtxid));
    assert_eq!((isolated.mass(), isolated.state_bytes()), (mass, state_bytes));
}

#[test]
fn structural_rules() {
    assert!(matches!(refused(|c| c.chain = 7), TxRuleError::WrongChain { got: 7, .. }));
    assert_eq!(refused(|c| c.inputs.clear()), TxRuleError::NoInputs);
    assert_eq!(refused(|c| c.outputs.clear()), TxRuleError::NoOutputs);
    assert_eq!(refused(|c| c.inputs.reverse()), TxRuleError::InputsNotAscending(outpoint(0)));
    assert_eq!(refused(|c| c.inputs[1] = c.inputs[0].clone()), TxRuleError::InputsNotAscending(outpoint(0)));
    assert!(matches!(refused(|c| c.fee = Amount::from_units(1)), TxRuleError::FeeTooLow { .. }));
    assert_eq!(refused(|c| c.outputs[1] = Output::Memo(memo_of(0))), TxRuleError::ZeroValue(1));
    assert_eq!(
        refused(|c| {
            let Input::Memo { branch, .. } = &mut c.inputs[1].consumed else { panic!("a memo") };
            *branch = LockBranch::Refund;
        }),
        TxRuleError::NoRefundBranch(1)
    );
    let inactive = Lock::NameCommit { hash: Hash32([1; 32]) };
    assert_eq!(
        refused(|c| {
            let Output::Memo(memo) = &mut c.outputs[0] else { panic!("a memo") };
            memo.lock = inactive.clone();
        }),
        TxRuleError::LockInactive { place: "output", index: 0 }
    );
    assert_eq!(
        refused(|c| {
            let Input::Memo { terms, .. } = &mut c.inputs[0].consumed else { panic!("a memo") };
            terms.lock = inactive.clone();
        }),
        TxRuleError::LockInactive { place: "input", index: 0 }
    );
    assert!(matches!(
        refused(|c| {
            for output in &mut c.outputs {
                let Output::Memo(memo) = output else { panic!("a memo") };
                memo.data = vec![0; 4_096];
            }
            while c.outputs.len() < 12 {
                c.outputs.push(c.outputs[0].clone());
            }
        }),
        TxRuleError::TooLarge { .. }
    ));
}

#[test]
fn proofs_and_signatures() {
    // More comes out than goes in: everything is signed, the kernel does not hold.
    let inflated = refused(|c| c.outputs[0] = Output::Memo(memo_of(1_000_000)));
    assert_eq!(inflated, TxRuleError::Kernel);
    let tampered = |edit: fn(&mut Transaction)| {
        let mut tx = sign(core());
        edit(&mut tx);
        check_tx_in_isolation(tx, &context(), &mut rng()).expect_err("refused")
    };
    let wrong_key = tampered(|tx| {
        let InputWitness::Signature(signed) = &mut tx.witness.inputs[1] else { panic!("a signature") };
        signed.public_key.0[5] ^= 1;
    });
    assert_eq!(wrong_key, TxRuleError::WrongKey(1));
    let wrong_signature = tampered(|tx| {
        let InputWitness::Signature(signed) = &mut tx.witness.inputs[0] else { panic!("a signature") };
        signed.signature[40] ^= 1;
    });
    assert_eq!(wrong_signature, TxRuleError::Signature(0));
    assert_eq!(tampered(|tx| tx.witness.inputs[0] = InputWitness::Coin([0; 256])), TxRuleError::WitnessKind(0));
    assert!(matches!(tampered(|tx| tx.witness.range_proof = vec![0; 577]), TxRuleError::RangeProofLength { .. }));
    assert_eq!(tampered(|tx| tx.witness.kernel[40] ^= 1), TxRuleError::Kernel);
    // A stranger's memo: the signature is good, the address is another.
    let stolen = refused(|c| {
        let Input::Memo { terms, .. } = &mut c.inputs[0].consumed else { panic!("a memo") };
        terms.lock = Lock::Address(ZkAddress([9; 20]));
    });
    assert_eq!(stolen, TxRuleError::WrongKey(0));
}

#[test]
fn time_bounds_are_signed() {
    let error = {
        let mut tx = sign(core());
        tx.core.valid = DaaRange { start: DaaScore(1), end: DaaScore(2) };
        check_tx_in_isolation(tx, &context(), &mut rng()).expect_err("refused")
    };
    assert!(matches!(error, TxRuleError::Signature(0) | TxRuleError::Kernel), "{error}");
}

/// The verdict is that of one thread, whatever the number of threads; the index is that of the whole list.
#[test]
fn on_threads_the_verdict_is_the_same() {
    use std::num::NonZeroUsize;
    use std::sync::Arc;
    use umbel_ledger::{check_txs_in_isolation, check_txs_on_threads};

    let txs: Vec<Arc<Transaction>> = (0..13u8)
        .map(|n| Arc::new(sign(core_spending(&[(outpoint(u32::from(n)), memo_of(50_000))], 1, 10_000, n))))
        .collect();
    let alone = check_txs_in_isolation(&txs, &context(), &mut rng()).expect("each keeps every rule");
    for threads in [1, 2, 3, 64].map(|n| NonZeroUsize::new(n).expect("not zero")) {
        let checked = check_txs_on_threads(&txs, &context(), threads, rng);
        assert_eq!(checked.as_ref(), Ok(&alone), "{threads} threads");
        for culprit in [0, 4, 7, 12] {
            let mut broken = txs.clone();
            let mut tx = Transaction::clone(&broken[culprit]);
            tx.core.fee = Amount::from_units(9_999);
            broken[culprit] = Arc::new(tx);
            let refused = check_txs_on_threads(&broken, &context(), threads, rng);
            assert_eq!(refused, Err((culprit, TxRuleError::Signature(0))), "{threads} threads");
        }
    }
    assert_eq!(check_txs_on_threads(&[], &context(), NonZeroUsize::MIN, rng), Ok(Vec::new()));
}
