//! What each transcript absorbs, written down a second time from docs/spec/proofs.md: label, sighash, index, statement,
//! counts, messages of the prover, in this order. Real proofs are checked by hand against challenges from these lists, so a
//! part that the code leaves out, adds or moves fails here; and no entry can be dropped, changed or moved.

use curve25519_dalek::ristretto::CompressedRistretto;
use curve25519_dalek::{RistrettoPoint, Scalar};
use tari_bulletproofs_plus::PedersenGens;
use tari_bulletproofs_plus::generators::pedersen_gens::ExtensionDegree;
use tari_bulletproofs_plus::range_parameters::RangeParameters;
use tari_bulletproofs_plus::range_proof::{RangeProof, VerifyAction};
use tari_bulletproofs_plus::range_statement::RangeStatement;
use tari_merlin::Transcript;
use umbel_crypto::generators::{VALUE_BASE, asset_base, blinding_base};
use umbel_crypto::payment_proof::prove_payment;
use umbel_types::tx::InputWitness;
use umbel_types::{AssetId, Input, MemoValue, Output, PointBytes, Transaction};

use crate::common::{GENESIS, hidden, rng, transfer, wallet};

type Entry = (&'static [u8], Vec<u8>);

const KINDS: [&[u8]; 5] =
    [b"umbel/input/v1", b"umbel/output/v1", b"umbel/range/v1", b"umbel/kernel/v1", b"umbel/payment/v1"];

fn number(n: usize) -> Vec<u8> {
    (n as u64).to_le_bytes().to_vec()
}

fn point(bytes: &[u8]) -> RistrettoPoint {
    CompressedRistretto::from_slice(bytes).unwrap().decompress().unwrap()
}

fn scalar(bytes: &[u8]) -> Scalar {
    Scalar::from_canonical_bytes(bytes.try_into().unwrap()).unwrap()
}

fn challenge(transcript: &mut Transcript, label: &'static [u8]) -> Scalar {
    let mut wide = [0u8; 64];
    transcript.challenge_bytes(label, &mut wide);
    Scalar::from_bytes_mod_order_wide(&wide)
}

/// Replays `entries`. In a kernel, y is drawn between the rows and the prover's messages.
fn replay(kind: &'static [u8], entries: &[Entry]) -> (Transcript, Scalar) {
    let mut transcript = Transcript::new(kind);
    let mut y = None;
    for (label, bytes) in entries {
        if kind == b"umbel/kernel/v1" && [&b"equations"[..], b"scalars", b"T"].contains(label) && y.is_none() {
            y = Some(challenge(&mut transcript, b"y"));
        }
        transcript.append_message(label, bytes);
    }
    (transcript, y.unwrap_or(Scalar::ZERO))
}

/// Label, sighash and index, the statement, and the prover's commitments.
fn entries(sighash: [u8; 32], index: usize, statement: Vec<Entry>, commitments: &[u8], n_scalars: usize) -> Vec<Entry> {
    let mut entries: Vec<Entry> = vec![(b"sighash", sighash.to_vec()), (b"index", number(index))];
    entries.extend(statement);
    entries.push((b"equations", number(commitments.len() / 32)));
    entries.push((b"scalars", number(n_scalars)));
    entries.extend(commitments.chunks(32).map(|t| (&b"T"[..], t.to_vec())));
    entries
}

/// A proof holds for its own list and label, and for no list that lacks an entry, or differs in one, or has two exchanged.
fn complete(kind: &'static [u8], entries: &[Entry], holds: &dyn Fn(&'static [u8], &[Entry]) -> bool) {
    assert!(holds(kind, entries));
    for other in KINDS {
        assert_eq!(holds(other, entries), other == kind);
    }
    for i in 0..entries.len() {
        let name = String::from_utf8_lossy(entries[i].0).into_owned();
        let mut dropped = entries.to_vec();
        dropped.remove(i);
        assert!(!holds(kind, &dropped), "{name} dropped");
        for at in [0, entries[i].1.len() - 1] {
            let mut changed = entries.to_vec();
            changed[i].1[at] ^= 1;
            assert!(!holds(kind, &changed), "{name} changed");
        }
        let mut longer = entries.to_vec();
        longer[i].1.push(0);
        assert!(!holds(kind, &longer), "{name} longer");
        if i + 1 < entries.len() && entries[i] != entries[i + 1] {
            let mut moved = entries.to_vec();
            moved.swap(i, i + 1);
            assert!(!holds(kind, &moved), "{name} moved");
        }
    }
}

/// `Σ z·G = T + e·Y` for each equation (left side, index of T, Y).
fn equations_hold(e: Scalar, proof: &[u8], equations: &[(RistrettoPoint, RistrettoPoint)]) -> bool {
    equations.iter().enumerate().all(|(i, (left, image))| *left == point(&proof[32 * i..32 * i + 32]) + e * image)
}

fn proved() -> (Transaction, [u8; 32]) {
    let (tx, sighash) = transfer(&hidden());
    (tx, sighash.0)
}

#[test]
fn input_proofs_absorb_all_of_their_statement() {
    let (tx, sighash) = proved();
    for i in [0, 1] {
        let Input::Coin { asset, owner, c, d, value_commitment } = &tx.core.inputs[i].consumed else {
            panic!("a coin")
        };
        let InputWitness::Coin(proof) = &tx.witness.inputs[i] else { panic!("a proof") };
        let statement: Vec<Entry> = vec![
            (b"asset", asset.0.to_vec()),
            (b"g", owner.g.0.to_vec()),
            (b"A", owner.view.0.to_vec()),
            (b"S", owner.spend.0.to_vec()),
            (b"c", c.0.to_vec()),
            (b"d", d.0.to_vec()),
            (b"V*", value_commitment.0.to_vec()),
        ];
        let z: Vec<Scalar> = proof[128..].chunks(32).map(scalar).collect();
        let [g, a, s, c, d, v] = [&owner.g, &owner.view, &owner.spend, c, d, value_commitment].map(|p| point(&p.0));
        let equations = [
            (z[0] * g, s),
            (z[1] * g, a),
            (z[2] * asset_base(*asset) + z[1] * c, d),
            (z[2] * VALUE_BASE + z[3] * blinding_base(), v),
        ];
        let list = entries(sighash, i, statement, &proof[..128], 4);
        complete(b"umbel/input/v1", &list, &|kind, list| {
            equations_hold(challenge(&mut replay(kind, list).0, b"e"), proof, &equations)
        });
    }
}

#[test]
fn output_proofs_absorb_all_of_their_statement() {
    let (tx, sighash) = proved();
    for j in [0, 2] {
        let Output::Coin { coin, value_commitment } = &tx.core.outputs[j] else { panic!("a coin") };
        let proof = &tx.witness.outputs[j];
        let statement: Vec<Entry> = vec![
            (b"asset", coin.asset.0.to_vec()),
            (b"g", coin.owner.g.0.to_vec()),
            (b"A", coin.owner.view.0.to_vec()),
            (b"S", coin.owner.spend.0.to_vec()),
            (b"c", coin.c.0.to_vec()),
            (b"d", coin.d.0.to_vec()),
            (b"R", coin.ephemeral.0.to_vec()),
            (b"V", value_commitment.0.to_vec()),
        ];
        let z: Vec<Scalar> = proof[96..].chunks(32).map(scalar).collect();
        let [g, a, c, d, v] =
            [&coin.owner.g, &coin.owner.view, &coin.c, &coin.d, value_commitment].map(|p| point(&p.0));
        let equations = [
            (z[1] * g, c),
            (z[0] * asset_base(coin.asset) + z[1] * a, d),
            (z[0] * VALUE_BASE + z[2] * blinding_base(), v),
        ];
        let list = entries(sighash, j, statement, &proof[..96], 3);
        complete(b"umbel/output/v1", &list, &|kind, list| {
            equations_hold(challenge(&mut replay(kind, list).0, b"e"), proof, &equations)
        });
    }
}

/// One row of the kernel by hand: commitments in, commitments out, public in, public out.
type Row = (Vec<PointBytes>, Vec<PointBytes>, u64, u64);

fn row(tx: &Transaction, asset: AssetId) -> Row {
    let mut row: Row = (vec![], vec![], 0, if asset == AssetId::STR { tx.core.fee.units() } else { 0 });
    for input in tx.core.inputs.iter().filter(|input| input.consumed.asset() == asset) {
        match &input.consumed {
            Input::Coin { value_commitment, .. } => row.0.push(*value_commitment),
            Input::Memo { terms, .. } => match &terms.value {
                MemoValue::Public(amount) => row.2 += amount.units(),
                MemoValue::Hidden { commitment, .. } => row.0.push(*commitment),
            },
        }
    }
    for output in tx.core.outputs.iter().filter(|output| output.asset() == asset) {
        match output {
            Output::Coin { value_commitment, .. } => row.1.push(*value_commitment),
            Output::Memo(memo) => match &memo.value {
                MemoValue::Public(amount) => row.3 += amount.units(),
                MemoValue::Hidden { commitment, .. } => row.1.push(*commitment),
            },
        }
    }
    row
}

#[test]
fn the_kernel_absorbs_every_row() {
    let (tx, sighash) = proved();
    let mut assets = [AssetId::STR, AssetId::CCOS];
    assets.sort();
    let mut statement: Vec<Entry> = vec![(b"rows", number(2))];
    let mut excesses = Vec::new();
    for asset in assets {
        let (hidden_in, hidden_out, public_in, public_out) = row(&tx, asset);
        assert!(!hidden_in.is_empty() && !hidden_out.is_empty());
        let sum = |points: &[PointBytes]| points.iter().map(|p| point(&p.0)).sum::<RistrettoPoint>();
        let excess =
            sum(&hidden_in) - sum(&hidden_out) + (Scalar::from(public_in) - Scalar::from(public_out)) * VALUE_BASE;
        statement.push((b"asset", asset.0.to_vec()));
        statement.push((b"hidden in", number(hidden_in.len())));
        statement.extend(hidden_in.iter().map(|p| (&b"V*"[..], p.0.to_vec())));
        statement.push((b"hidden out", number(hidden_out.len())));
        statement.extend(hidden_out.iter().map(|p| (&b"V"[..], p.0.to_vec())));
        statement.push((b"public in", public_in.to_le_bytes().to_vec()));
        statement.push((b"public out", public_out.to_le_bytes().to_vec()));
        statement.push((b"E", excess.compress().0.to_vec()));
        excesses.push(excess);
    }
    let proof = &tx.witness.kernel;
    let list = entries(sighash, 0, statement, &proof[..32], 1);
    let z = scalar(&proof[32..]);
    complete(b"umbel/kernel/v1", &list, &|kind, list| {
        let (mut transcript, y) = replay(kind, list);
        let e = challenge(&mut transcript, b"e");
        equations_hold(e, proof, &[(z * blinding_base(), excesses[0] + y * excesses[1])])
    });
}

#[test]
fn payment_proofs_absorb_all_of_their_statement() {
    let (tx, sighash) = proved();
    let challenge_bytes = b"invoice 17";
    let outgoing = wallet(1).keys.outgoing;
    let proof = prove_payment(&outgoing, GENESIS, &tx.core, 1, challenge_bytes, &mut rng(1)).unwrap();
    let statement: Vec<Entry> = vec![
        (b"address", proof.address.to_bytes().to_vec()),
        (b"X", proof.public.bytes().0.to_vec()),
        (b"challenge", challenge_bytes.to_vec()),
    ];
    let list = entries(sighash, 1, statement, &proof.signature[..32], 1);
    let z = scalar(&proof.signature[32..]);
    complete(b"umbel/payment/v1", &list, &|kind, list| {
        let e = challenge(&mut replay(kind, list).0, b"e");
        equations_hold(e, &proof.signature, &[(z * VALUE_BASE, *proof.public.point())])
    });
}

/// The library continues the ledger's transcript with its own messages: bases, sizes, padded commitments, minima, and
/// everything the prover sends.
#[test]
fn the_range_proof_absorbs_every_commitment() {
    let (tx, sighash) = proved();
    let commitments: Vec<PointBytes> = tx
        .core
        .outputs
        .iter()
        .filter_map(|output| match output {
            Output::Coin { value_commitment, .. } => Some(*value_commitment),
            Output::Memo(memo) => match &memo.value {
                MemoValue::Public(_) => None,
                MemoValue::Hidden { commitment, .. } => Some(*commitment),
            },
        })
        .collect();
    assert_eq!(commitments.len(), 5);
    let mut list: Vec<Entry> = vec![(b"sighash", sighash.to_vec()), (b"index", number(0)), (b"values", number(5))];
    list.extend(commitments.iter().map(|v| (&b"V"[..], v.0.to_vec())));

    let blinding = blinding_base();
    let pedersen = PedersenGens {
        h_base: VALUE_BASE,
        h_base_compressed: VALUE_BASE.compress(),
        g_base_vec: vec![blinding],
        g_base_compressed_vec: vec![blinding.compress()],
        extension_degree: ExtensionDegree::DefaultPedersen,
    };
    let generators = RangeParameters::init(64, 8, pedersen).unwrap();
    let padded: Vec<PointBytes> = commitments.iter().copied().chain([PointBytes([0; 32]); 3]).collect();
    let verify = |kind, list: &[Entry], padded: &[PointBytes], minimum| {
        let statement = RangeStatement {
            generators: generators.clone(),
            commitments: padded.iter().map(|v| point(&v.0)).collect(),
            commitments_compressed: padded.iter().map(|v| CompressedRistretto(v.0)).collect(),
            minimum_value_promises: vec![minimum; 8],
            seed_nonce: None,
        };
        let proof = RangeProof::from_bytes(&tx.witness.range_proof).unwrap();
        RangeProof::verify_batch(&mut [replay(kind, list).0], &[statement], &[proof], VerifyAction::VerifyOnly).is_ok()
    };
    complete(b"umbel/range/v1", &list, &|kind, list| verify(kind, list, &padded, Some(0)));
    assert!(!verify(KINDS[2], &list, &padded, Some(1)), "minima");
    for i in 0..8 {
        let mut other = padded.clone();
        other[i] = PointBytes((point(&padded[i].0) + VALUE_BASE).compress().0);
        assert!(!verify(KINDS[2], &list, &other, Some(0)), "commitment {i}");
    }
}
