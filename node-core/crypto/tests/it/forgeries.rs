//! Named attacks of crypto.md §4.5 that can be tried against coins and transfers. Each must fail, each by its rule.

use curve25519_dalek::{RistrettoPoint, Scalar};
use umbel_crypto::coin::{KeyRole, OpenError, open_coin, open_payout_key};
use umbel_crypto::generators::{VALUE_BASE, asset_base, blinding_base, commit, commit_value};
use umbel_crypto::input_proof::{InputStatement, InputWitnessSecrets};
use umbel_crypto::kernel::KernelWitnessSecrets;
use umbel_crypto::range_proof::{RangeStatement, RangeWitnessSecrets};
use umbel_crypto::statement::TxStatement;
use umbel_crypto::{Element, ProofContext, ProveError, verify_transaction_proofs};
use umbel_types::errors::TxRuleError;
use umbel_types::tx::{LockBranch, MAX_HIDDEN_OUTPUTS};
use umbel_types::{
    Amount, AssetId, Input, Lock, Memo, MemoValue, Output, PointBytes, SealedBytes, Transaction, TxCore, TxInput,
    ZkAddress,
};

use crate::common::{Plan, draft, everything, outpoint, payment, rng, transfer, units, wallet};
use crate::handmade::{Handmade, h2s};

fn whole(core: &TxCore) -> ProofContext {
    ProofContext { sighash: core.sighash(crate::common::GENESIS), index: 0 }
}

fn verify(tx: &Transaction) -> Result<(), TxRuleError> {
    verify_transaction_proofs(tx, &whole(&tx.core).sighash)
}

/// The specification written down twice gives one coin.
#[test]
fn handmade_coins_open() {
    let mut owner = wallet(2);
    let coin = Handmade::honest(&owner.address(3), 42).coin();
    assert_eq!(owner.open(&coin, 0).value, units(42));
}

/// Same-value proof without c: with c free, `c' = (d − v'·H)/a` opens the coin to any value v'.
#[test]
fn an_input_proof_is_about_the_coins_own_c() {
    let mut rng = rng(1);
    let mut scalar = || Scalar::random(&mut rng);
    let (a, s, g, w) = (scalar(), scalar(), scalar() * VALUE_BASE, scalar());
    let c = scalar() * g;
    let d = Scalar::from(5u8) * asset_base(AssetId::STR) + a * c;
    let forged_value = Scalar::from(1_000_000u64);
    let forged_c = a.invert() * (d - forged_value * asset_base(AssetId::STR));
    let statement = |c: RistrettoPoint| InputStatement {
        asset: AssetId::STR,
        g: Element::from_point(g),
        view: Element::from_point(a * g),
        spend: Element::from_point(s * g),
        c: Element::from_point(c),
        d: Element::from_point(d),
        value_commitment: Element::from_point(commit(&forged_value, &w)),
    };
    let context = ProofContext { sighash: umbel_types::Hash32([1; 32]), index: 0 };
    let secrets = InputWitnessSecrets { spend: s, view: a, value: forged_value, blinding: w };
    let proof = statement(forged_c).prove(&context, &secrets, &mut crate::common::rng(2));
    assert!(statement(forged_c).verify(&context, &proof), "about the forged c it is true");
    assert!(!statement(c).verify(&context, &proof));
}

/// Challenge without inputs and outputs: parts that no statement names are bound by the sighash.
#[test]
fn proofs_are_about_the_whole_core() {
    let (tx, _) = transfer(&payment());
    let change = |f: &dyn Fn(&mut TxCore)| {
        let mut tx = tx.clone();
        f(&mut tx.core);
        assert_eq!(verify(&tx), Err(TxRuleError::InputProof(0)));
    };
    change(&|core| core.salt[0] ^= 1);
    change(&|core| core.valid.end.0 = 7);
    change(&|core| core.inputs[0].outpoint.index += 1);
    change(&|core| core.outputs.swap(0, 1));
    change(&|core| {
        let Output::Coin { coin, .. } = &mut core.outputs[0] else { panic!("a coin") };
        coin.sealed = SealedBytes([0; 51]);
    });
}

#[test]
fn an_empty_range_proof_is_refused() {
    let (mut tx, _) = transfer(&payment());
    tx.witness.range_proof.clear();
    assert_eq!(verify(&tx), Err(TxRuleError::RangeProofLength { got: 0, expected: 641 }));
}

/// One coin of 100 becomes a coin of 150 and a hidden Memo of −50; everything but the range proof can be made.
#[test]
fn a_hidden_memo_of_less_than_nothing_is_refused() {
    let mut draft = draft(&Plan { coins_out: vec![(AssetId::STR, 150)], fee: 0, ..payment() });
    let w = Scalar::from(77u8);
    let commitment = commit(&-Scalar::from(50u8), &w);
    draft.core.outputs.push(Output::Memo(Memo {
        value: MemoValue::Hidden {
            commitment: PointBytes(commitment.compress().0),
            ephemeral: PointBytes(VALUE_BASE.compress().0),
            sealed: SealedBytes([0; 51]),
        },
        ..Memo::public_payment(AssetId::STR, Amount::ZERO, ZkAddress([1; 20]))
    }));
    let core = draft.core.clone();
    let statement = TxStatement::of(&core).unwrap();
    let blinding = draft.owner.keys.view.input_blinding(&core.salt, &core.inputs[0].outpoint);
    let excess = KernelWitnessSecrets { blinding_excess: vec![*blinding - draft.built[0].secrets.blinding() - w] };
    assert!(statement.kernel.is_satisfied_by(&excess), "the sums balance");
    let context = whole(&core);
    let kernel = statement.kernel.prove(&context, &excess, &mut rng(1));

    let coin_w = *draft.built[0].secrets.blinding();
    for memo_value in [0, 50, u64::MAX - 49] {
        let openings = vec![(150, coin_w), (memo_value, w)];
        let secrets = RangeWitnessSecrets { openings };
        assert!(statement.range.as_ref().unwrap().prove(&context, &secrets, &mut rng(1)).is_none());
        // The best that is left: a proof about other commitments.
        let commitments = secrets.openings.iter().map(|(v, w)| Element::from_point(commit(&Scalar::from(*v), w)));
        let other = RangeStatement::new(commitments.collect()).unwrap();
        let range_proof = other.prove(&context, &secrets, &mut rng(1)).unwrap();
        assert!(!statement.range.as_ref().unwrap().verify(&context, &range_proof));
    }
    assert!(statement.kernel.verify(&context, &kernel));
}

/// The fee is in STR even where nothing else is.
#[test]
fn the_str_row_is_never_missing() {
    let ccos =
        Plan { coins_in: vec![(AssetId::CCOS, 10)], coins_out: vec![(AssetId::CCOS, 10)], fee: 5, ..Plan::default() };
    let draft = draft(&ccos);
    let rows = TxStatement::of(&draft.core).unwrap().kernel;
    assert_eq!(rows.rows().map(|row| row.asset).collect::<Vec<_>>(), [AssetId::CCOS, AssetId::STR]);
    assert_eq!(rows.rows().nth(1).unwrap().public_out, 5);
    assert_eq!(draft.prove(&mut rng(1)).err(), Some(ProveError::Unbalanced));
}

/// An asset can't appear in outputs without a row, nor one asset become another.
#[test]
fn nothing_is_credited_without_its_row() {
    let minted = Plan { coins_out: vec![(AssetId::STR, 99), (AssetId::CCOS, 1_000)], ..payment() };
    let swapped = Plan { coins_out: vec![(AssetId::STR, 49), (AssetId::CCOS, 50)], ..payment() };
    let public = Plan { memos_out: vec![(AssetId::CCOS, 1)], ..payment() };
    for plan in [minted, swapped, public] {
        let draft = draft(&plan);
        assert_eq!(draft.prove(&mut rng(1)).err(), Some(ProveError::Unbalanced), "{plan:?}");
        // A prover who ignores its own check: differences of blindings are all it has.
        let statement = TxStatement::of(&draft.core).unwrap().kernel;
        let context = whole(&draft.core);
        for excess in [vec![Scalar::ZERO, Scalar::ZERO], vec![Scalar::ONE, -Scalar::ONE]] {
            let proof = statement.prove(&context, &KernelWitnessSecrets { blinding_excess: excess }, &mut rng(1));
            assert!(!statement.verify(&context, &proof));
        }
    }
}

/// 50 STR become 50 CCOS: the rows cancel in a plain sum, and only the powers of y keep assets apart.
#[test]
fn one_asset_does_not_become_another() {
    let draft = draft(&Plan { coins_out: vec![(AssetId::STR, 49), (AssetId::CCOS, 50)], ..payment() });
    let statement = TxStatement::of(&draft.core).unwrap().kernel;
    let blinding_in = draft.owner.keys.view.input_blinding(&draft.core.salt, &draft.core.inputs[0].outpoint);
    let (str_out, ccos_out) = (draft.built[0].secrets.blinding(), draft.built[1].secrets.blinding());
    let excess = vec![-ccos_out, *blinding_in - str_out];
    let sum: RistrettoPoint = statement.rows().map(|row| row.excess()).sum();
    assert_eq!(sum, excess.iter().sum::<Scalar>() * blinding_base(), "without y it would balance");
    let context = whole(&draft.core);
    let proof = statement.prove(&context, &KernelWitnessSecrets { blinding_excess: excess }, &mut rng(1));
    assert!(!statement.verify(&context, &proof));
}

/// One unit too much in any place.
#[test]
fn unbalanced_transfers_can_not_be_proved() {
    let plans = [
        Plan { fee: 2, ..payment() },
        Plan { fee: 0, ..payment() },
        Plan { coins_out: vec![(AssetId::STR, 61), (AssetId::STR, 39)], ..payment() },
        Plan { memos_out: vec![(AssetId::STR, 51)], ..everything() },
        Plan { memos_in: vec![(AssetId::STR, 51)], ..everything() },
    ];
    for plan in plans {
        assert_eq!(draft(&plan).prove(&mut rng(1)).err(), Some(ProveError::Unbalanced), "{plan:?}");
    }
}

/// Public amounts are summed without wrapping around.
#[test]
fn public_sums_do_not_wrap() {
    let half = 1 << 63;
    for plan in [
        Plan { memos_in: vec![(AssetId::STR, half), (AssetId::STR, half)], ..payment() },
        Plan { memos_out: vec![(AssetId::STR, half), (AssetId::STR, half)], ..payment() },
        Plan { memos_out: vec![(AssetId::STR, u64::MAX)], fee: 1, ..payment() },
    ] {
        assert_eq!(TxStatement::of(&draft(&plan).core).err(), Some(TxRuleError::AmountOverflow));
    }
}

/// R under another address of the same owner: with `R = e·P'`, money arriving would prove that P and P' have one owner.
#[test]
fn an_ephemeral_key_under_another_address_is_refused() {
    let mut owner = wallet(2);
    let (named, other) = (owner.address(3), owner.address(4));
    let mut coin = Handmade::honest(&named, 42);
    coin.ephemeral_for = (crate::handmade::base(other.diversifier()), *other.view_point());
    assert_eq!(open_coin(&owner.keys.view, &coin.coin(), 0).err(), Some(OpenError::Ephemeral));
}

/// `g = x·P₁ + y·P₂`: likewise.
#[test]
fn a_base_mixed_from_two_addresses_is_refused() {
    let mut owner = wallet(2);
    let (one, two) = (owner.address(3), owner.address(4));
    let mut coin = Handmade::honest(&one, 42);
    coin.g += crate::handmade::base(two.diversifier());
    coin.view += two.view_point();
    coin.spend += two.spend_point();
    assert!(owner.keys.view.detects(&coin.coin().owner), "A = a·g holds");
    assert!(owner.keys.spend.owns(&coin.coin().owner), "S = s·g holds");
    assert_eq!(open_coin(&owner.keys.view, &coin.coin(), 0).err(), Some(OpenError::OneTimeBase));
}

/// A refund key mixed from two addresses: the same, where no coin is around it.
#[test]
fn a_refund_key_mixed_from_two_addresses_is_refused() {
    let mut owner = wallet(2);
    let (one, two) = (owner.address(3), owner.address(4));
    let refund = Handmade { role: [2, 0, 0, 0, 0], ..Handmade::honest(&one, 0) };
    let open = |key: &Handmade| open_payout_key(&owner.keys.view, &key.key(), KeyRole::Refund);
    assert!(open(&refund).unwrap().check_with(&owner.keys.spend).is_ok());
    let p2 = crate::handmade::base(two.diversifier());
    let r = Handmade { ephemeral_for: (p2, *two.view_point()), ..Handmade::honest(&one, 0) };
    assert_eq!(open(&Handmade { role: refund.role, ..r }).err(), Some(OpenError::Ephemeral));
    let u = h2s("umbel/u/v1", &[&refund.rseed]);
    let g = Handmade { g: u * p2, view: u * two.view_point(), ..Handmade::honest(&one, 0) };
    assert_eq!(open(&Handmade { role: refund.role, ..g }).err(), Some(OpenError::OneTimeBase));
    let s = Handmade { spend: VALUE_BASE, role: refund.role, ..Handmade::honest(&one, 0) };
    assert_eq!(open(&s).unwrap().check_with(&owner.keys.spend), Err(OpenError::SpendPoint));
    assert_eq!(open(&s).unwrap().check_in_table(&owner.keys.view), Err(OpenError::SpendPoint));
}

/// Random S: a watch-only wallet would count money that nobody can spend.
#[test]
fn a_random_spend_point_is_never_counted() {
    let mut owner = wallet(2);
    let mut coin = Handmade::honest(&owner.address(3), 42);
    coin.spend = VALUE_BASE;
    let unverified = open_coin(&owner.keys.view, &coin.coin(), 0).unwrap();
    assert_eq!(unverified.check_in_table(&owner.keys.view), Err(OpenError::SpendPoint));
    assert_eq!(unverified.check_with(&owner.keys.spend), Err(OpenError::SpendPoint));
    assert_eq!(unverified.unverified_value(), (AssetId::STR, units(42)));
}

/// A sealed value that the coin does not hold.
#[test]
fn a_boasting_coin_is_refused() {
    let mut owner = wallet(2);
    let mut coin = Handmade::honest(&owner.address(3), 42);
    coin.sealed_value = 42_000_000;
    assert_eq!(open_coin(&owner.keys.view, &coin.coin(), 0).err(), Some(OpenError::Value));
}

/// Verification keeps no memory: a garbage witness fails after a good one with the same txid.
#[test]
fn a_good_witness_does_not_vouch_for_another() {
    let (good, _) = transfer(&everything());
    let mut bad = good.clone();
    let umbel_types::tx::InputWitness::Signature { signature, .. } = &mut bad.witness.inputs[2] else {
        panic!("a signature")
    };
    signature[40] ^= 1;
    assert_eq!(good.txid(), bad.txid());
    assert_eq!(verify(&good), Ok(()));
    assert_eq!(verify(&bad), Err(TxRuleError::Signature(2)));
}

/// A Memo opens for the address of its branch alone.
#[test]
fn a_memo_needs_its_own_key() {
    let mut draft = draft(&everything());
    let Input::Memo { terms, .. } = &mut draft.core.inputs[2].consumed else { panic!("a memo") };
    terms.lock = Lock::Address(wallet(2).secp.address());
    assert_eq!(draft.prove(&mut rng(1)).err(), Some(ProveError::Input(2)));
    let (mut tx, _) = transfer(&everything());
    tx.core = draft.core;
    assert_eq!(verify(&tx).err(), Some(TxRuleError::WrongKey(2)));

    let statement = |lock: Lock, branch: LockBranch| {
        let mut core = tx.core.clone();
        let Input::Memo { terms, branch: b } = &mut core.inputs[2].consumed else { panic!("a memo") };
        (terms.lock, *b) = (lock, branch);
        TxStatement::of(&core).err()
    };
    let address = ZkAddress([1; 20]);
    assert_eq!(statement(Lock::Address(address), LockBranch::Refund), Some(TxRuleError::NoRefundBranch(2)));
    let inactive = Lock::NameCommit { hash: umbel_types::Hash32([0; 32]) };
    assert_eq!(statement(inactive, LockBranch::Owner), Some(TxRuleError::LockInactive("NameCommit")));
}

/// V, V* and d may be the identity; g, A, S, c and R may not.
#[test]
fn identities_stand_only_where_they_may() {
    let core = draft(&payment()).core;
    let zero = PointBytes([0; 32]);
    type Field<T> = (fn(&mut T) -> &mut PointBytes, bool);
    let input: [Field<Input>; 6] = [
        (|i| if let Input::Coin { owner, .. } = i { &mut owner.g } else { panic!() }, false),
        (|i| if let Input::Coin { owner, .. } = i { &mut owner.view } else { panic!() }, false),
        (|i| if let Input::Coin { owner, .. } = i { &mut owner.spend } else { panic!() }, false),
        (|i| if let Input::Coin { c, .. } = i { c } else { panic!() }, false),
        (|i| if let Input::Coin { d, .. } = i { d } else { panic!() }, true),
        (|i| if let Input::Coin { value_commitment, .. } = i { value_commitment } else { panic!() }, true),
    ];
    for (n, (field, allowed)) in input.into_iter().enumerate() {
        let mut core = core.clone();
        *field(&mut core.inputs[0].consumed) = zero;
        assert_eq!(TxStatement::of(&core).is_ok(), allowed, "input field {n}");
        *field(&mut core.inputs[0].consumed) = PointBytes([0xff; 32]);
        assert_eq!(TxStatement::of(&core).err(), Some(TxRuleError::BadPoint { what: "input", index: 0 }));
    }
    let output: [Field<Output>; 7] = [
        (|o| if let Output::Coin { coin, .. } = o { &mut coin.owner.g } else { panic!() }, false),
        (|o| if let Output::Coin { coin, .. } = o { &mut coin.owner.view } else { panic!() }, false),
        (|o| if let Output::Coin { coin, .. } = o { &mut coin.owner.spend } else { panic!() }, false),
        (|o| if let Output::Coin { coin, .. } = o { &mut coin.c } else { panic!() }, false),
        (|o| if let Output::Coin { coin, .. } = o { &mut coin.ephemeral } else { panic!() }, false),
        (|o| if let Output::Coin { coin, .. } = o { &mut coin.d } else { panic!() }, true),
        (|o| if let Output::Coin { value_commitment, .. } = o { value_commitment } else { panic!() }, true),
    ];
    for (n, (field, allowed)) in output.into_iter().enumerate() {
        let mut core = core.clone();
        *field(&mut core.outputs[1]) = zero;
        assert_eq!(TxStatement::of(&core).is_ok(), allowed, "output field {n}");
        *field(&mut core.outputs[1]) = PointBytes([0xff; 32]);
        assert_eq!(TxStatement::of(&core).err(), Some(TxRuleError::BadPoint { what: "output", index: 1 }));
    }
}

#[test]
fn more_hidden_values_than_a_proof_covers_are_refused() {
    let n = MAX_HIDDEN_OUTPUTS + 1;
    let plan = Plan { coins_in: vec![(AssetId::STR, 100)], coins_out: vec![(AssetId::STR, 1); n], ..Plan::default() };
    let error = TxStatement::of(&draft(&plan).core).err();
    assert_eq!(error, Some(TxRuleError::TooManyHiddenOutputs { got: n, limit: MAX_HIDDEN_OUTPUTS }));
}

/// A hidden Memo as input enters its row as it stands: who signs for it must still know its blinding.
#[test]
fn a_hidden_memo_enters_its_row_by_its_commitment() {
    let mut core = draft(&payment()).core;
    let commitment = commit_value(5, &Scalar::from(3u8));
    let memo = Memo {
        value: MemoValue::Hidden {
            commitment,
            ephemeral: PointBytes(blinding_base().compress().0),
            sealed: SealedBytes([0; 51]),
        },
        ..Memo::public_payment(AssetId::STR, Amount::ZERO, ZkAddress([1; 20]))
    };
    core.inputs.push(TxInput {
        outpoint: outpoint(9),
        consumed: Input::Memo { terms: memo.terms(), branch: LockBranch::Owner },
    });
    let row = TxStatement::of(&core).unwrap().kernel.rows().next().cloned().unwrap();
    assert_eq!(row.hidden_in.last().map(Element::bytes), Some(commitment));
    assert_eq!(row.public_in, 0);
}
