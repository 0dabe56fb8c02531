//! Each relation twice: its plain predicate and its proof agree, on true statements and on statements that break any one
//! clause.

use curve25519_dalek::{RistrettoPoint, Scalar};
use proptest::prelude::*;
use rand_core::Rng;
use umbel_crypto::generators::{VALUE_BASE, asset_base, blinding_base, commit};
use umbel_crypto::input_proof::{InputStatement, InputWitnessSecrets};
use umbel_crypto::kernel::{KernelRow, KernelStatement, KernelWitnessSecrets};
use umbel_crypto::output_proof::{OutputStatement, OutputWitnessSecrets};
use umbel_crypto::range_proof::{RangeStatement, RangeWitnessSecrets, range_proof_len};
use umbel_crypto::statement::TxStatement;
use umbel_crypto::{Element, ProofContext};
use umbel_types::{AssetId, Hash32};

use crate::common::{draft, everything, payment, rng};

const CONTEXT: ProofContext = ProofContext { sighash: Hash32([4; 32]), index: 2 };

type Change<S> = fn(&mut S);

fn element(point: RistrettoPoint) -> Element {
    Element::from_point(point)
}

fn input(seed: u8, value: u64) -> (InputStatement, InputWitnessSecrets) {
    let mut rng = rng(seed);
    let mut scalar = || Scalar::random(&mut rng);
    let (g, k) = (scalar() * VALUE_BASE, scalar());
    let secrets =
        InputWitnessSecrets { spend: scalar(), view: scalar(), value: Scalar::from(value), blinding: scalar() };
    let c = k * g;
    let statement = InputStatement {
        asset: AssetId::STR,
        g: element(g),
        view: element(secrets.view * g),
        spend: element(secrets.spend * g),
        c: element(c),
        d: element(secrets.value * asset_base(AssetId::STR) + secrets.view * c),
        value_commitment: element(commit(&secrets.value, &secrets.blinding)),
    };
    (statement, secrets)
}

fn output(seed: u8, value: u64) -> (OutputStatement, OutputWitnessSecrets) {
    let mut rng = rng(seed);
    let mut scalar = || Scalar::random(&mut rng);
    let (g, view) = (scalar() * VALUE_BASE, scalar() * VALUE_BASE);
    let secrets = OutputWitnessSecrets { value: Scalar::from(value), elgamal: scalar(), blinding: scalar() };
    let statement = OutputStatement {
        asset: AssetId::STR,
        g: element(g),
        view: element(view),
        spend: element(scalar() * VALUE_BASE),
        c: element(secrets.elgamal * g),
        d: element(secrets.value * asset_base(AssetId::STR) + secrets.elgamal * view),
        ephemeral: element(scalar() * VALUE_BASE),
        value_commitment: element(commit(&secrets.value, &secrets.blinding)),
    };
    (statement, secrets)
}

fn moved(e: &Element) -> Element {
    element(e.point() + VALUE_BASE)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn valid_inputs_are_accepted(seed: u8, value: u64) {
        let (statement, secrets) = input(seed, value);
        prop_assert!(statement.is_satisfied_by(&secrets));
        prop_assert!(statement.verify(&CONTEXT, &statement.prove(&CONTEXT, &secrets, &mut rng(seed))));
    }

    #[test]
    fn valid_outputs_are_accepted(seed: u8, value: u64) {
        let (statement, secrets) = output(seed, value);
        prop_assert!(statement.is_satisfied_by(&secrets));
        prop_assert!(statement.verify(&CONTEXT, &statement.prove(&CONTEXT, &secrets, &mut rng(seed))));
    }

    /// Both statements of the input relation, with any one part of statement or secrets changed or none.
    #[test]
    fn input_proof_equals_predicate(seed: u8, value: u64, change in 0u8..12) {
        let (mut statement, mut secrets) = input(seed, value);
        match change {
            0 => statement.g = moved(&statement.g),
            1 => statement.view = moved(&statement.view),
            2 => statement.spend = moved(&statement.spend),
            3 => statement.c = moved(&statement.c),
            4 => statement.d = moved(&statement.d),
            5 => statement.value_commitment = moved(&statement.value_commitment),
            6 => statement.asset = AssetId::CCOS,
            7 => secrets.spend += Scalar::ONE,
            8 => secrets.view += Scalar::ONE,
            9 => secrets.value += Scalar::ONE,
            10 => secrets.blinding += Scalar::ONE,
            _ => {}
        }
        let proof = statement.prove(&CONTEXT, &secrets, &mut rng(seed));
        prop_assert_eq!(statement.is_satisfied_by(&secrets), statement.verify(&CONTEXT, &proof));
    }

    /// Both statements of the output relation. S and R are outside the relation: changing them keeps it true, and the
    /// proof is made for the changed statement.
    #[test]
    fn output_proof_equals_predicate(seed: u8, value: u64, change in 0u8..12) {
        let (mut statement, mut secrets) = output(seed, value);
        match change {
            0 => statement.g = moved(&statement.g),
            1 => statement.view = moved(&statement.view),
            2 => statement.spend = moved(&statement.spend),
            3 => statement.c = moved(&statement.c),
            4 => statement.d = moved(&statement.d),
            5 => statement.value_commitment = moved(&statement.value_commitment),
            6 => statement.asset = AssetId::CCOS,
            7 => statement.ephemeral = moved(&statement.ephemeral),
            8 => secrets.value += Scalar::ONE,
            9 => secrets.elgamal += Scalar::ONE,
            10 => secrets.blinding += Scalar::ONE,
            _ => {}
        }
        let proof = statement.prove(&CONTEXT, &secrets, &mut rng(seed));
        prop_assert_eq!(statement.is_satisfied_by(&secrets), statement.verify(&CONTEXT, &proof));
    }
}

/// Every clause of the input relation, broken alone while all others hold.
#[test]
fn each_input_clause_is_needed() {
    let clauses: [(&str, Change<InputStatement>); 4] = [
        ("S = s·g", |s| s.spend = moved(&s.spend)),
        ("A = a·g", |s| s.view = moved(&s.view)),
        ("d = v·H + a·c", |s| s.d = moved(&s.d)),
        ("V* = v·B + w·B̃", |s| s.value_commitment = moved(&s.value_commitment)),
    ];
    for (name, break_clause) in clauses {
        let (mut statement, secrets) = input(1, 5);
        break_clause(&mut statement);
        assert!(!statement.is_satisfied_by(&secrets), "{name}");
        assert!(!statement.verify(&CONTEXT, &statement.prove(&CONTEXT, &secrets, &mut rng(1))), "{name}");
    }
}

/// Every clause of the output relation, broken alone.
#[test]
fn each_output_clause_is_needed() {
    let clauses: [(&str, Change<OutputStatement>); 3] = [
        ("c = k·g", |s| s.c = moved(&s.c)),
        ("d = v·H + k·A", |s| s.d = moved(&s.d)),
        ("V = v·B + w·B̃", |s| s.value_commitment = moved(&s.value_commitment)),
    ];
    for (name, break_clause) in clauses {
        let (mut statement, secrets) = output(1, 5);
        break_clause(&mut statement);
        assert!(!statement.is_satisfied_by(&secrets), "{name}");
        assert!(!statement.verify(&CONTEXT, &statement.prove(&CONTEXT, &secrets, &mut rng(1))), "{name}");
    }
}

/// Everything that a transcript absorbs matters: a proof is no proof of a statement that differs in anything, parts outside
/// the relation included.
fn check_bound<S: Clone>(statement: &S, changes: &[Change<S>], holds: impl Fn(&S, &ProofContext) -> bool) {
    assert!(holds(statement, &CONTEXT));
    assert!(!holds(statement, &ProofContext { index: 3, ..CONTEXT }));
    assert!(!holds(statement, &ProofContext { sighash: Hash32([5; 32]), ..CONTEXT }));
    for (i, change) in changes.iter().enumerate() {
        let mut other = statement.clone();
        change(&mut other);
        assert!(!holds(&other, &CONTEXT), "{i}");
    }
}

#[test]
fn proofs_are_bound_to_statement_and_place() {
    let (statement, secrets) = output(1, 5);
    let proof = statement.prove(&CONTEXT, &secrets, &mut rng(1));
    let changes: [Change<OutputStatement>; 8] = [
        |s| s.asset = AssetId::CCOS,
        |s| s.g = moved(&s.g),
        |s| s.view = moved(&s.view),
        |s| s.spend = moved(&s.spend),
        |s| s.c = moved(&s.c),
        |s| s.d = moved(&s.d),
        |s| s.ephemeral = moved(&s.ephemeral),
        |s| s.value_commitment = moved(&s.value_commitment),
    ];
    check_bound(&statement, &changes, |s, context| s.verify(context, &proof));
}

#[test]
fn input_proofs_are_bound_to_statement_and_place() {
    let (statement, secrets) = input(1, 5);
    let proof = statement.prove(&CONTEXT, &secrets, &mut rng(1));
    let changes: [Change<InputStatement>; 7] = [
        |s| s.asset = AssetId::CCOS,
        |s| s.g = moved(&s.g),
        |s| s.view = moved(&s.view),
        |s| s.spend = moved(&s.spend),
        |s| s.c = moved(&s.c),
        |s| s.d = moved(&s.d),
        |s| s.value_commitment = moved(&s.value_commitment),
    ];
    check_bound(&statement, &changes, |s, context| s.verify(context, &proof));
}

fn range(values: &[u64], seed: u8) -> (RangeStatement, RangeWitnessSecrets) {
    let mut rng = rng(seed);
    let openings: Vec<(u64, Scalar)> = values.iter().map(|v| (*v, Scalar::random(&mut rng))).collect();
    let commitments = openings.iter().map(|(v, w)| element(commit(&Scalar::from(*v), w))).collect();
    (RangeStatement::new(commitments).unwrap(), RangeWitnessSecrets { openings })
}

#[test]
fn range_proofs_of_every_count_are_accepted() {
    let mut values = rng(7);
    for n in 1..=16 {
        let values: Vec<u64> = (0..n).map(|i| if i == 0 { u64::MAX } else { values.next_u64() }).collect();
        let (statement, secrets) = range(&values, 1);
        let proof = statement.prove(&CONTEXT, &secrets, &mut rng(2)).unwrap();
        assert_eq!(proof.len(), range_proof_len(n));
        assert!(statement.verify(&CONTEXT, &proof), "{n}");
        assert!(!statement.verify(&ProofContext { sighash: Hash32([5; 32]), ..CONTEXT }, &proof));
    }
    assert_eq!([1, 2, 3, 16].map(range_proof_len), [577, 641, 705, 833]);
    assert_eq!(range_proof_len(0), 0);
}

#[test]
fn range_counts_are_bounded() {
    assert!(RangeStatement::new(vec![]).is_none());
    assert!(RangeStatement::new(vec![element(VALUE_BASE); 17]).is_none());
}

#[test]
fn each_range_clause_is_needed() {
    let (statement, mut secrets) = range(&[5, 6, 7], 1);
    let proof = statement.prove(&CONTEXT, &secrets, &mut rng(2)).unwrap();
    // Another order, another count, another commitment.
    let commitments: Vec<Element> =
        secrets.openings.iter().map(|(v, w)| element(commit(&Scalar::from(*v), w))).collect();
    let with = |commitments: Vec<Element>| RangeStatement::new(commitments).unwrap();
    assert!(with(commitments.clone()).verify(&CONTEXT, &proof));
    assert!(!with(vec![commitments[1], commitments[0], commitments[2]]).verify(&CONTEXT, &proof));
    assert!(!with(vec![commitments[0], commitments[1], moved(&commitments[2])]).verify(&CONTEXT, &proof));
    // What the verifier pads with can not be claimed by the prover.
    assert!(!with([commitments.clone(), vec![element(Scalar::ZERO * VALUE_BASE)]].concat()).verify(&CONTEXT, &proof));
    secrets.openings[0].0 += 1;
    assert!(statement.prove(&CONTEXT, &secrets, &mut rng(2)).is_none());
}

/// Values out of range: nobody has a u64 to open them with, and a proof about other commitments is none about these.
#[test]
fn values_outside_the_range_have_no_proof() {
    let (_, secrets) = range(&[5, 0], 1);
    let (v, w) = secrets.openings[0];
    let outside = [
        -Scalar::from(v),
        Scalar::from(u64::MAX) + Scalar::ONE,
        Scalar::from(1u128 << 64) + Scalar::from(v),
        Scalar::from(v) * Scalar::from(2u8).invert(),
    ];
    for value in outside {
        let second = element(commit(&Scalar::ZERO, &secrets.openings[1].1));
        let statement = RangeStatement::new(vec![element(commit(&value, &w)), second]).unwrap();
        for claimed in [0, v, u64::MAX] {
            let openings = RangeWitnessSecrets { openings: vec![(claimed, w), secrets.openings[1]] };
            assert!(!statement.is_satisfied_by(&openings));
            assert!(statement.prove(&CONTEXT, &openings, &mut rng(2)).is_none());
            let commitments = openings.openings.iter().map(|(v, w)| element(commit(&Scalar::from(*v), w))).collect();
            let other = RangeStatement::new(commitments).unwrap();
            let proof = other.prove(&CONTEXT, &openings, &mut rng(2)).unwrap();
            assert!(other.verify(&CONTEXT, &proof));
            assert!(!statement.verify(&CONTEXT, &proof));
        }
    }
}

/// Rows that balance: for each asset, hidden amounts in and out, and public amounts that make up the difference.
fn rows(assets: &[u8], amounts: &[(u32, u32)], seed: u8) -> (Vec<KernelRow>, KernelWitnessSecrets) {
    let mut rng = rng(seed);
    let mut ids: Vec<AssetId> = assets.iter().map(|n| AssetId([*n; 32])).collect();
    ids.push(AssetId::STR);
    ids.sort();
    ids.dedup();
    let mut blinding_excess = Vec::new();
    let rows = ids.into_iter().map(|asset| {
        let mut row = KernelRow { asset, hidden_in: vec![], hidden_out: vec![], public_in: 7, public_out: 7 };
        let mut excess = Scalar::ZERO;
        for (hidden_in, hidden_out) in amounts {
            let (w_in, w_out) = (Scalar::random(&mut rng), Scalar::random(&mut rng));
            row.hidden_in.push(element(commit(&Scalar::from(*hidden_in), &w_in)));
            row.hidden_out.push(element(commit(&Scalar::from(*hidden_out), &w_out)));
            row.public_in += u64::from(*hidden_out);
            row.public_out += u64::from(*hidden_in);
            excess += w_in - w_out;
        }
        blinding_excess.push(excess);
        row
    });
    (rows.collect(), KernelWitnessSecrets { blinding_excess })
}

/// A row too few, twice, or out of order makes no kernel.
#[test]
fn rows_are_ascending_and_str_is_among_them() {
    let (rows, _) = rows(&[3, 5], &[], 1);
    let kernel = |order: &[usize]| KernelStatement::new(order.iter().map(|i| rows[*i].clone()).collect()).is_some();
    let str_at = rows.iter().position(|row| row.asset == AssetId::STR).unwrap();
    let others: Vec<usize> = (0..3).filter(|i| *i != str_at).collect();
    assert!(kernel(&[0, 1, 2]) && kernel(&[str_at]));
    assert!(!kernel(&[]) && !kernel(&others));
    assert!(!kernel(&[0, 2, 1]) && !kernel(&[0, 1, 1, 2]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Both statements of the kernel over any rows, with any one term of any row changed or none.
    #[test]
    fn kernel_proof_equals_predicate(
        assets in proptest::collection::vec(0u8..9, 0..3),
        amounts in proptest::collection::vec((any::<u32>(), any::<u32>()), 0..4),
        seed: u8,
        change in 0u8..10,
        place: proptest::sample::Index,
    ) {
        let (mut rows, mut secrets) = rows(&assets, &amounts, seed);
        let at = place.index(rows.len());
        let row = &mut rows[at];
        let breaks = match change {
            0 => { row.public_in += 1; true }
            1 => { row.public_out += 1; true }
            2 => { row.hidden_in.push(element(VALUE_BASE)); true }
            3 => { row.hidden_out.push(element(VALUE_BASE)); true }
            4 => row.hidden_in.pop().is_some_and(|e| !e.is_identity()),
            5 => row.hidden_out.pop().is_some_and(|e| !e.is_identity()),
            6 => { secrets.blinding_excess[at] += Scalar::ONE; true }
            7 => { row.hidden_in.push(element(blinding_base())); true }
            // Both sides by the same: still true, and another statement.
            8 => { row.public_in += 3; row.public_out += 3; false }
            _ => false,
        };
        let statement = KernelStatement::new(rows).unwrap();
        prop_assert_eq!(statement.is_satisfied_by(&secrets), !breaks);
        prop_assert_eq!(statement.verify(&CONTEXT, &statement.prove(&CONTEXT, &secrets, &mut rng(seed))), !breaks);
    }

    /// Both statements of the range relation over any values, with any one opening changed or none.
    #[test]
    fn range_proof_equals_predicate(
        values in proptest::collection::vec(any::<u64>(), 1..5),
        seed: u8,
        change in 0u8..5,
        place: proptest::sample::Index,
    ) {
        let (statement, mut secrets) = range(&values, seed);
        let at = place.index(values.len());
        match change {
            0 => secrets.openings[at].0 ^= 1,
            1 => secrets.openings[at].1 += Scalar::ONE,
            2 => { secrets.openings.pop(); }
            3 => secrets.openings.push((0, Scalar::ZERO)),
            _ => {}
        }
        let proof = statement.prove(&CONTEXT, &secrets, &mut rng(seed));
        prop_assert_eq!(statement.is_satisfied_by(&secrets), change == 4);
        prop_assert_eq!(proof.is_some_and(|proof| statement.verify(&CONTEXT, &proof)), change == 4);
    }
}

#[test]
fn kernel_predicate_and_proof_agree() {
    for plan in [payment(), everything()] {
        let draft = draft(&plan);
        let statement = TxStatement::of(&draft.core).unwrap().kernel;
        let mut secrets = kernel_secrets(&draft);
        assert!(statement.is_satisfied_by(&secrets));
        let proof = statement.prove(&CONTEXT, &secrets, &mut rng(1));
        assert!(statement.verify(&CONTEXT, &proof));
        for row in 0..secrets.blinding_excess.len() {
            secrets.blinding_excess[row] += Scalar::ONE;
            assert!(!statement.is_satisfied_by(&secrets));
            assert!(!statement.verify(&CONTEXT, &statement.prove(&CONTEXT, &secrets, &mut rng(1))), "row {row}");
            secrets.blinding_excess[row] -= Scalar::ONE;
        }
    }
}

/// The differences of blindings, summed by the test itself.
fn kernel_secrets(draft: &crate::common::Draft) -> KernelWitnessSecrets {
    use std::collections::BTreeMap;
    let mut excess: BTreeMap<AssetId, Scalar> = BTreeMap::from([(AssetId::STR, Scalar::ZERO)]);
    for (input, _) in draft.core.inputs.iter().zip(&draft.coin_values) {
        let blinding = draft.owner.keys.view.input_blinding(&draft.core.salt, &input.outpoint);
        *excess.entry(input.consumed.asset()).or_insert(Scalar::ZERO) += *blinding;
    }
    for built in &draft.built {
        *excess.entry(built.coin.asset).or_insert(Scalar::ZERO) -= built.secrets.blinding();
    }
    KernelWitnessSecrets { blinding_excess: excess.into_values().collect() }
}

/// A row's excess is what the specification says, written out by hand.
#[test]
fn a_row_sums_what_it_should() {
    let (a, b) =
        (element(commit(&Scalar::from(10u8), &Scalar::from(3u8))), element(commit(&Scalar::from(4u8), &Scalar::ONE)));
    let row = KernelRow { asset: AssetId::STR, hidden_in: vec![a], hidden_out: vec![b], public_in: 2, public_out: 8 };
    assert_eq!(row.excess(), Scalar::from(2u8) * blinding_base());
}
