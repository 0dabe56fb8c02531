//! Each relation twice: its plain predicate and its proof agree, on true statements and on statements that break any one
//! clause.

use curve25519_dalek::{RistrettoPoint, Scalar};
use proptest::prelude::*;
use rand_core::Rng;
use umbel_crypto::generators::{VALUE_BASE, asset_base, blinding_base, commit};
use umbel_crypto::input_proof::{InputStatement, InputWitnessSecrets};
use umbel_crypto::kernel::{KernelRow, KernelWitnessSecrets};
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
#[test]
fn proofs_are_bound_to_statement_and_place() {
    let (statement, secrets) = output(1, 5);
    let proof = statement.prove(&CONTEXT, &secrets, &mut rng(1));
    assert!(statement.verify(&CONTEXT, &proof));
    assert!(!statement.verify(&ProofContext { index: 3, ..CONTEXT }, &proof));
    assert!(!statement.verify(&ProofContext { sighash: Hash32([5; 32]), ..CONTEXT }, &proof));
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
    for (i, change) in changes.iter().enumerate() {
        let mut other = statement.clone();
        change(&mut other);
        assert!(!other.verify(&CONTEXT, &proof), "{i}");
    }
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
