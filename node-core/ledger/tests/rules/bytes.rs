//! Nothing about a transaction can be changed after it was signed: every byte of one of each kind.

use umbel_ledger::check_tx_in_isolation;
use umbel_types::errors::TxRuleError;
use umbel_types::{Decode, DecodeError, Encode, Transaction};

use crate::fixture::{context, rng};
use crate::kinds::{KINDS, kind};

/// The rule that refuses a changed transaction; `None` where none does.
fn refusal(bytes: &[u8]) -> Option<Result<TxRuleError, DecodeError>> {
    match Transaction::from_bytes(bytes) {
        Err(error) => Some(Err(error)),
        Ok(tx) => check_tx_in_isolation(tx, &context(), &mut rng()).err().map(Ok),
    }
}

/// Rules that may name a changed byte of the witness. One of the core may break any.
fn names_the_witness(rule: &TxRuleError) -> bool {
    matches!(
        rule,
        TxRuleError::InputProof(_)
            | TxRuleError::OutputProof(_)
            | TxRuleError::Kernel
            | TxRuleError::RangeProof
            | TxRuleError::RangeProofLength { .. }
            | TxRuleError::WrongKey(_)
            | TxRuleError::Signature(_)
            | TxRuleError::SignerOrder(_)
            | TxRuleError::Preimage(_)
            | TxRuleError::ActionKey
            | TxRuleError::ActionSignature
            | TxRuleError::RegisterSignature
            | TxRuleError::EvidenceKey
    )
}

pub(crate) fn every_byte(name: &str, tx: &Transaction) {
    let bytes = tx.to_bytes();
    let core = tx.core.to_bytes().len();
    let mut reached = 0;
    for i in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[i] ^= 1 << (i % 8);
        match refusal(&changed) {
            None => panic!("{}: byte {i} may be changed", name),
            Some(Ok(rule)) => {
                reached += 1;
                assert!(i < core || names_the_witness(&rule), "{}: byte {i} of the witness: {rule}", name);
            }
            Some(Err(_)) => {}
        }
    }
    assert!(reached > bytes.len() * 8 / 10, "{}: {reached} of {} reached the rules", name, bytes.len());
}

macro_rules! every_byte_of {
    ($($test:ident: $name:expr;)*) => {
        $(#[test]
        fn $test() {
            every_byte($name, &kind($name).tx);
        })*

        #[test]
        fn no_kind_is_left_out() {
            // In isolation a reward is a coin.
            let other = KINDS.into_iter().filter(|name| *name != "reward");
            assert!([$($name),*].into_iter().eq(other));
        }
    };
}

every_byte_of! {
    of_a_coin: "coin";
    of_a_public_payment: "public";
    of_both_assets: "both assets";
    of_a_hidden_memo: "hidden memo";
    of_a_multisig: "multisig";
    of_a_claim: "claim";
    of_a_hash_lock_taken_back: "taken back";
    of_a_post_quantum_lock: "post-quantum";
    of_a_refund: "refund";
    of_every_lock_created: "every lock created";
}
