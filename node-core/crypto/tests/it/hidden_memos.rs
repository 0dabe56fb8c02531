//! Hidden Memos: built for a published address, opened by its owner, spent by who knows the blinding.

use curve25519_dalek::Scalar;
use proptest::prelude::*;
use umbel_crypto::coin::{OpenError, build_hidden_memo, open_hidden_memo, recover_sent_memo};
use umbel_crypto::generators::commit_value;
use umbel_crypto::keys::ConfidentialAddress;
use umbel_crypto::statement::TxStatement;
use umbel_crypto::{BadPoint, InputSecrets, OutputSecrets, ProveError, prove_transaction, verify_transaction_proofs};
use umbel_types::errors::TxRuleError;
use umbel_types::tx::LockBranch;
use umbel_types::{AssetId, Decode, Encode, Input, Lock, Memo, MemoValue, Output, PointBytes, Transaction, ZkAddress};

use crate::common::{GENESIS, Plan, draft, hidden, outpoint, payment, rng, transfer, units, wallet};
use crate::handmade::{Handmade, base};

const SALT: [u8; 32] = [5; 32];

/// Role "hidden Memo", index 3.
const ROLE: [u8; 5] = [4, 3, 0, 0, 0];

/// What wallet 2 says about the Memo that it is handed at index 3.
fn open(memo: &Memo) -> Result<u64, OpenError> {
    let owner = wallet(2);
    open_hidden_memo(&owner.keys.view, &owner.secp.address(), &memo.terms(), 3).map(|opening| opening.value().units())
}

/// The Memo to wallet 2 that holds `value`.
fn holding(value: MemoValue) -> Memo {
    Memo { value, ..Memo::public_payment(AssetId::STR, units(0), wallet(2).secp.address()) }
}

fn handmade() -> Handmade {
    Handmade { role: ROLE, ..Handmade::honest(&wallet(2).published(), 42) }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn owner_and_sender_open_it(value: u64, position: u32, salt: u8) {
        let (sender, owner) = (wallet(1), wallet(2));
        let x = sender.keys.outgoing.output_scalar(&[outpoint(1)], &[salt; 32], position);
        let built = build_hidden_memo(&owner.new_hidden(AssetId::CCOS, value, position, &owner.published()), &x);
        let memo = Memo::from_bytes(&built.memo.to_bytes()).unwrap();
        prop_assert_eq!(&memo.lock, &Lock::Address(owner.secp.address()));
        let MemoValue::Hidden { commitment, .. } = &memo.value else { panic!("a hidden value") };
        let opened = owner.open_hidden(&memo, position);
        prop_assert_eq!(opened.value(), units(value));
        prop_assert!(built.opening.opens(commitment) && opened.opens(commitment));
        let sent = |to: ConfidentialAddress| {
            recover_sent_memo(&sender.keys.outgoing, &[outpoint(1)], &[salt; 32], &to, &memo.terms(), position)
        };
        prop_assert!(sent(owner.published()).unwrap().opens(commitment));
        prop_assert_eq!(sent(wallet(3).published()).err(), Some(OpenError::NotMine));
    }
}

/// The specification written down twice gives one Memo.
#[test]
fn handmade_memos_open() {
    assert_eq!(open(&holding(handmade().hidden_value())), Ok(42));
}

#[test]
fn nobody_else_opens_it() {
    let built = wallet(2).receive_hidden(AssetId::STR, 9, 3, 0);
    assert_eq!(open(&built.memo), Ok(9));
    let other = wallet(3);
    let terms = built.memo.terms();
    let opened = |view, owner: &ZkAddress, position| open_hidden_memo(view, owner, &terms, position).err();
    let owner = wallet(2);
    assert_eq!(opened(&other.keys.view, &owner.secp.address(), 3), Some(OpenError::Ephemeral));
    assert_eq!(opened(&other.keys.view, &other.secp.address(), 3), Some(OpenError::NotMine));
    assert_eq!(opened(&owner.keys.view, &owner.secp.address(), 4), Some(OpenError::Ephemeral));
    assert_eq!(open(&Memo::public_payment(AssetId::STR, units(9), owner.secp.address())), Err(OpenError::NotMine));
    let mine = |outgoing, inputs: &[_], salt, position| {
        recover_sent_memo(outgoing, inputs, salt, &owner.published(), &terms, position).err()
    };
    let sender = wallet(200).keys.outgoing;
    assert_eq!(mine(&sender, &[outpoint(0)], &[0; 32], 3), None);
    for error in [
        mine(&other.keys.outgoing, &[outpoint(0)], &[0; 32], 3),
        mine(&sender, &[outpoint(1)], &[0; 32], 3),
        mine(&sender, &[outpoint(0)], &SALT, 3),
        mine(&sender, &[outpoint(0)], &[0; 32], 4),
    ] {
        assert_eq!(error, Some(OpenError::NotMine));
    }
}

/// Every clause, broken alone: what a payer would gain from each is in docs/spec/proofs.md.
#[test]
fn each_clause_of_a_hidden_memo_is_needed() {
    let mut owner = wallet(2);
    let (published, private) = (owner.published(), owner.address(7));
    let for_private = (base(private.diversifier()), *private.view_point());
    let cases = [
        ("R = e·P", Handmade { ephemeral_for: for_private, ..handmade() }, OpenError::Ephemeral),
        ("P published", Handmade { role: ROLE, ..Handmade::honest(&private, 42) }, OpenError::NotPublished),
        ("P named", Handmade { named: *private.diversifier(), ..handmade() }, OpenError::Ephemeral),
        ("v", Handmade { sealed_value: 43, ..handmade() }, OpenError::Value),
        ("role", Handmade { role: [0, 3, 0, 0, 0], ..handmade() }, OpenError::Ephemeral),
        ("index", Handmade { role: [4, 2, 0, 0, 0], ..handmade() }, OpenError::Ephemeral),
    ];
    for (name, memo, error) in cases {
        assert_eq!(open(&holding(memo.hidden_value())), Err(error), "{name}");
    }
    let MemoValue::Hidden { ephemeral, sealed, .. } = handmade().hidden_value() else { panic!("hidden") };
    let with = |commitment, ephemeral| open(&holding(MemoValue::Hidden { commitment, ephemeral, sealed }));
    let other_blinding = commit_value(42, &Scalar::from(5u8));
    assert_eq!(with(other_blinding, ephemeral), Err(OpenError::Value), "w");
    for (bytes, error) in [([0; 32], BadPoint::Identity), ([0xff; 32], BadPoint::NotCanonical)] {
        assert_eq!(with(other_blinding, PointBytes(bytes)), Err(OpenError::BadPoint(error)));
    }
    assert_eq!(
        open(&Memo { lock: Lock::Address(ZkAddress([1; 20])), ..holding(handmade().hidden_value()) }),
        Err(OpenError::NotMine)
    );
    assert_ne!(published, private);
}

/// Hidden values are created and consumed, in two assets, beside coins and public Memos.
#[test]
fn hidden_memos_are_created_and_spent() {
    for plan in [
        hidden(),
        Plan { coins_in: vec![(AssetId::STR, 10)], hidden_out: vec![(AssetId::STR, 9)], fee: 1, ..Plan::default() },
        Plan { hidden_in: vec![(AssetId::STR, 10)], coins_out: vec![(AssetId::STR, 9)], fee: 1, ..Plan::default() },
        Plan { hidden_in: vec![(AssetId::STR, 10)], memos_out: vec![(AssetId::STR, 9)], fee: 1, ..Plan::default() },
        Plan { hidden_in: vec![(AssetId::STR, 10)], hidden_out: vec![(AssetId::STR, 9)], fee: 1, ..Plan::default() },
    ] {
        let (tx, sighash) = transfer(&plan);
        let travelled = Transaction::from_bytes(&tx.to_bytes()).unwrap();
        assert_eq!(verify_transaction_proofs(&travelled, &sighash), Ok(()), "{plan:?}");
        let n_hidden = plan.coins_out.len() + plan.hidden_out.len();
        assert_eq!(tx.witness.range_proof.len(), umbel_crypto::range_proof::range_proof_len(n_hidden));
    }
    // The payee opens in its place what was created for it.
    let draft = draft(&hidden());
    let Output::Memo(memo) = &draft.core.outputs[5] else { panic!("a memo") };
    assert_eq!(wallet(2).open_hidden(memo, 5).value(), units(30));
}

/// Who signs for a hidden Memo must know its opening, and a public one has none.
#[test]
fn a_hidden_memo_is_spent_with_its_own_opening() {
    let draft = draft(&hidden());
    let prove = |inputs: &[InputSecrets<'_>], outputs: &[OutputSecrets<'_>]| {
        prove_transaction(&draft.core, &draft.sighash(), inputs, outputs, &mut rng(1)).err()
    };
    assert_eq!(prove(&draft.input_secrets(), &draft.output_secrets()), None);
    let key = &draft.owner.secp;
    let wrong = wallet(2).receive_hidden(AssetId::STR, 30, 3, 7).opening;
    let right = &draft.openings_in[0];
    for (i, secrets) in [
        (3, InputSecrets::HiddenMemo { key, opening: &wrong }),
        (3, InputSecrets::HiddenMemo { key: &wallet(2).secp, opening: right }),
        (3, InputSecrets::Memo { key }),
        (2, InputSecrets::HiddenMemo { key, opening: right }),
        (0, InputSecrets::HiddenMemo { key, opening: right }),
    ] {
        let mut inputs = draft.input_secrets();
        inputs[i] = secrets;
        assert_eq!(prove(&inputs, &draft.output_secrets()), Some(ProveError::Input(i)));
    }
    for (j, secrets) in [
        (4, OutputSecrets::HiddenMemo(&wrong)),
        (4, OutputSecrets::PublicMemo),
        (3, OutputSecrets::HiddenMemo(&wrong)),
        (0, OutputSecrets::HiddenMemo(&wrong)),
    ] {
        let mut outputs = draft.output_secrets();
        outputs[j] = secrets;
        assert_eq!(prove(&draft.input_secrets(), &outputs), Some(ProveError::Output(j)));
    }
    for plan in [
        Plan { hidden_in: vec![(AssetId::STR, 31)], ..payment() },
        Plan { hidden_out: vec![(AssetId::STR, 1)], ..payment() },
        Plan { hidden_out: vec![(AssetId::CCOS, 1)], ..payment() },
    ] {
        assert_eq!(crate::common::draft(&plan).prove(&mut rng(1)).err(), Some(ProveError::Unbalanced), "{plan:?}");
    }
}

/// A hidden Memo that ran out goes back to its sender, who opens it again from the seed and the owner's published address.
#[test]
fn the_refund_branch_is_spent_by_the_sender() {
    let (sender, owner) = (wallet(1), wallet(2));
    let x = sender.keys.outgoing.output_scalar(&[outpoint(7)], &SALT, 3);
    let mut memo = build_hidden_memo(&owner.new_hidden(AssetId::STR, 10, 3, &owner.published()), &x).memo;
    memo.refund = Some(sender.secp.address());
    memo.valid.end.0 = 1_000;
    let terms = Memo::from_bytes(&memo.to_bytes()).unwrap().terms();
    let opening =
        recover_sent_memo(&sender.keys.outgoing, &[outpoint(7)], &SALT, &owner.published(), &terms, 3).unwrap();

    let plan = Plan { hidden_in: vec![(AssetId::STR, 10)], memos_out: vec![(AssetId::STR, 10)], ..Plan::default() };
    let mut core = draft(&plan).core;
    core.inputs[0].consumed = Input::Memo { terms, branch: LockBranch::Refund };
    let secrets = [InputSecrets::HiddenMemo { key: &sender.secp, opening: &opening }];
    let sighash = core.sighash(GENESIS);
    let witness = prove_transaction(&core, &sighash, &secrets, &[OutputSecrets::PublicMemo], &mut rng(1)).unwrap();
    assert_eq!(verify_transaction_proofs(&Transaction { core: core.clone(), witness }, &sighash), Ok(()));
    let Input::Memo { branch, .. } = &mut core.inputs[0].consumed else { panic!("a memo") };
    *branch = LockBranch::Owner;
    let refused = prove_transaction(&core, &core.sighash(GENESIS), &secrets, &[OutputSecrets::PublicMemo], &mut rng(1));
    assert_eq!(refused.err(), Some(ProveError::Input(0)));
}

/// V of a consumed hidden Memo stands in its row as it is: another commitment to the same value breaks the kernel.
#[test]
fn the_commitment_consumed_is_the_one_created() {
    let (mut tx, _) = transfer(&hidden());
    let Input::Memo { terms, .. } = &mut tx.core.inputs[3].consumed else { panic!("a memo") };
    let MemoValue::Hidden { commitment, .. } = &mut terms.value else { panic!("hidden") };
    *commitment = commit_value(30, &Scalar::from(9u8));
    let statement = TxStatement::of(&tx.core).unwrap();
    let context = umbel_crypto::ProofContext { sighash: tx.core.sighash(GENESIS), index: 0 };
    assert!(!statement.kernel.verify(&context, &tx.witness.kernel));
    assert_eq!(
        verify_transaction_proofs(&tx, &context.sighash),
        Err(TxRuleError::Signature(2)),
        "signatures come first, and are about the whole core"
    );
}
