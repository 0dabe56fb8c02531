//! Forgeries and thefts by their names in docs/spec/proofs.md §14. Each must fail, each by its rule.

use std::collections::BTreeSet;

use curve25519_dalek::{RistrettoPoint, Scalar};
use umbel_crypto::coin::{
    KeyRole, OpenError, build_payout_key, coinbase_coin, open_coin, open_coinbase, open_payout_key,
};
use umbel_crypto::generators::{VALUE_BASE, asset_base, blinding_base, commit, commit_value};
use umbel_crypto::input_proof::{InputStatement, InputWitnessSecrets};
use umbel_crypto::kernel::KernelWitnessSecrets;
use umbel_crypto::keys::{Address, PlannedOutput};
use umbel_crypto::output_proof::OutputWitnessSecrets;
use umbel_crypto::range_proof::{RangeStatement, RangeWitnessSecrets};
use umbel_crypto::signature::sign;
use umbel_crypto::statement::TxStatement;
use umbel_crypto::{BatchVerifier, Element, ProofContext, ProveError, verify_transaction_proofs};
use umbel_types::errors::TxRuleError;
use umbel_types::tx::InputWitness;
use umbel_types::{
    Amount, AssetId, BlockHash, Body, Input, Memo, MemoValue, OneTimeKey, Output, PointBytes, SealedBytes, Transaction,
    TxCore, Witness, ZkAddress,
};

use crate::common::{
    GENESIS, Plan, StuckRng, draft, draft_with_salt, everything, outpoint, payment, rng, transfer, units, wallet,
};
use crate::handmade::{Handmade, base, h2s};

fn whole(core: &TxCore) -> ProofContext {
    ProofContext { sighash: core.sighash(GENESIS), index: 0 }
}

fn verify(tx: &Transaction) -> Result<(), TxRuleError> {
    verify_transaction_proofs(tx, &whole(&tx.core).sighash)
}

/// Same-value proof without c: with c free, `c' = (d − v'·H)/a` opens the coin to any value v'.
#[test]
fn same_value_proof_without_c() {
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
fn challenge_without_inputs_and_outputs() {
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

/// None where there should be one, one where there should be none, and one of zeros.
#[test]
fn empty_range_proof() {
    let (tx, _) = transfer(&payment());
    let with = |range_proof: Vec<u8>| {
        let mut tx = tx.clone();
        tx.witness.range_proof = range_proof;
        verify(&tx)
    };
    assert_eq!(with(vec![]), Err(TxRuleError::RangeProofLength { got: 0, expected: 641 }));
    assert_eq!(with(vec![0; 641]), Err(TxRuleError::RangeProof));
    assert_eq!(with([&[1], &[0; 640][..]].concat()), Err(TxRuleError::RangeProof));
    let public =
        Plan { memos_in: vec![(AssetId::STR, 3)], memos_out: vec![(AssetId::STR, 2)], fee: 1, ..Plan::default() };
    let (mut public, _) = transfer(&public);
    assert_eq!(verify(&public), Ok(()));
    public.witness.range_proof = tx.witness.range_proof.clone();
    assert_eq!(verify(&public), Err(TxRuleError::RangeProofLength { got: 641, expected: 0 }));
}

/// A public Memo of 100 becomes a coin of 150 and a hidden Memo of −50. All sums balance, and everything but the range proof
/// can be made.
#[test]
fn hidden_memo_of_minus_x() {
    let rseed = [8; 32];
    let (k, coin_w, memo_w) = (h2s("umbel/k/v1", &[&rseed]), h2s("umbel/w/v1", &[&rseed]), Scalar::from(77u8));
    let draft = draft(&Plan { memos_in: vec![(AssetId::STR, 100)], ..Plan::default() });
    let mut core = draft.core.clone();
    core.outputs = vec![
        Output::Coin {
            coin: Handmade::from_rseed(&wallet(2).address(3), 150, rseed).coin(),
            value_commitment: commit_value(150, &coin_w),
        },
        Output::Memo(Memo {
            value: MemoValue::Hidden {
                commitment: PointBytes(commit(&-Scalar::from(50u8), &memo_w).compress().0),
                ephemeral: PointBytes(VALUE_BASE.compress().0),
                sealed: SealedBytes([0; 51]),
            },
            ..Memo::public_payment(AssetId::STR, Amount::ZERO, ZkAddress([1; 20]))
        }),
    ];
    let statement = TxStatement::of(&core).unwrap();
    let context = whole(&core);
    let excess = KernelWitnessSecrets { blinding_excess: vec![-coin_w - memo_w] };
    assert!(statement.kernel.is_satisfied_by(&excess), "the sums balance");
    let coin = OutputWitnessSecrets { value: Scalar::from(150u8), elgamal: k, blinding: coin_w };
    let witness = |range_proof| Witness {
        range_proof,
        inputs: vec![InputWitness::Signature(sign(&draft.owner.secp, &context.sighash))],
        outputs: vec![statement.outputs[0].1.prove(&context, &coin, &mut rng(1))],
        action: umbel_types::staking::ActionWitness::None,
        kernel: statement.kernel.prove(&context, &excess, &mut rng(1)),
    };
    let refused = |range_proof| {
        let tx = Transaction { core: core.clone(), witness: witness(range_proof) };
        let mut batch = BatchVerifier::new();
        if batch.push(&tx, &context.sighash).is_ok() {
            let error = batch.verify(&mut StuckRng).map_err(|error| error.error);
            assert_eq!(error, verify(&tx));
        }
        verify(&tx).unwrap_err()
    };
    assert_eq!(refused(vec![]), TxRuleError::RangeProofLength { got: 0, expected: 641 });
    for memo_value in [0, 50, u64::MAX - 49] {
        let secrets = RangeWitnessSecrets { openings: vec![(150, coin_w), (memo_value, memo_w)] };
        assert!(statement.range.as_ref().unwrap().prove(&context, &secrets, &mut rng(1)).is_none());
        // The best that is left: a proof about other commitments, or about those that are in range.
        let proof_of = |openings: &[(u64, Scalar)]| {
            let commitments = openings.iter().map(|(v, w)| Element::from_point(commit(&Scalar::from(*v), w)));
            let secrets = RangeWitnessSecrets { openings: openings.to_vec() };
            RangeStatement::new(commitments.collect()).unwrap().prove(&context, &secrets, &mut rng(1)).unwrap()
        };
        assert_eq!(refused(proof_of(&secrets.openings)), TxRuleError::RangeProof);
        let one = proof_of(&secrets.openings[..1]);
        assert_eq!(refused(one), TxRuleError::RangeProofLength { got: 577, expected: 641 });
    }
}

/// The fee is in STR even where nothing else is.
#[test]
fn str_row_missing_while_the_fee_uses_it() {
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
fn asset_credited_without_a_kernel_row() {
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
fn asset_turned_into_another() {
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

/// R under another address of the same owner: with `R = e·P'`, money arriving would prove that P and P' have one owner.
#[test]
fn r_under_another_address_of_the_same_owner() {
    let mut owner = wallet(2);
    let (named, other) = (owner.address(3), owner.address(4));
    let mut coin = Handmade::honest(&named, 42);
    coin.ephemeral_for = (base(other.diversifier()), *other.view_point());
    assert_eq!(open_coin(&owner.keys.view, &coin.coin(), 0).err(), Some(OpenError::Ephemeral));
}

/// `g = x·P₁ + y·P₂`: likewise.
#[test]
fn g_mixed_from_two_addresses() {
    let mut owner = wallet(2);
    let (one, two) = (owner.address(3), owner.address(4));
    let mut coin = Handmade::honest(&one, 42);
    coin.g += base(two.diversifier());
    coin.view += two.view_point();
    coin.spend += two.spend_point();
    assert!(owner.keys.view.detects(&coin.coin().owner), "A = a·g holds");
    assert!(owner.keys.spend.owns(&coin.coin().owner), "S = s·g holds");
    assert_eq!(open_coin(&owner.keys.view, &coin.coin(), 0).err(), Some(OpenError::OneTimeBase));
}

/// A refund key mixed from two addresses: the same, where no coin is around it.
#[test]
fn refund_key_mixed_from_two_addresses() {
    let mut owner = wallet(2);
    let (one, two) = (owner.address(3), owner.address(4));
    let refund = Handmade { role: [2, 0, 0, 0, 0], ..Handmade::honest(&one, 0) };
    let open = |key: &Handmade| open_payout_key(&owner.keys.view, &key.key(), KeyRole::Refund);
    assert!(open(&refund).unwrap().check_with(&owner.keys.spend).is_ok());
    let p2 = base(two.diversifier());
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
fn random_s_shown_to_a_watch_only_wallet() {
    let mut owner = wallet(2);
    let mut coin = Handmade::honest(&owner.address(3), 42);
    coin.spend = VALUE_BASE;
    let unverified = open_coin(&owner.keys.view, &coin.coin(), 0).unwrap();
    assert_eq!(unverified.check_in_table(&owner.keys.view), Err(OpenError::SpendPoint));
    assert_eq!(unverified.check_with(&owner.keys.spend), Err(OpenError::SpendPoint));
    assert_eq!(unverified.unverified_value(), (AssetId::STR, units(42)));
}

/// Verification keeps no memory: a garbage witness fails after a good one with the same txid.
#[test]
fn garbage_signature_after_a_good_one_with_the_same_txid() {
    let (good, _) = transfer(&everything());
    let mut bad = good.clone();
    let umbel_types::tx::InputWitness::Signature(signed) = &mut bad.witness.inputs[2] else { panic!("a signature") };
    signed.signature[40] ^= 1;
    assert_eq!(good.txid(), bad.txid());
    assert_eq!(verify(&good), Ok(()));
    assert_eq!(verify(&bad), Err(TxRuleError::Signature(2)));
}

/// Another witness of a transaction gives another `wtxid` and another commitment in the header: no block's hash can be made
/// to stand for a body that somebody broke on the way.
#[test]
fn mutated_witness_poisoning_a_blocks_hash() {
    let (tx, _) = transfer(&everything());
    let payout = build_payout_key(&wallet(2).published(), KeyRole::Miner, &mut rng(1));
    let root = |tx: &Transaction| Body { payout, extra: vec![], txs: vec![tx.clone()], certificate: vec![] }.tx_root();
    let changes: [fn(&mut Witness); 4] = [
        |witness| witness.range_proof[100] ^= 1,
        |witness| witness.outputs[1][50] ^= 1,
        |witness| witness.kernel[0] ^= 1,
        |witness| match &mut witness.inputs[2] {
            InputWitness::Signature(signed) => signed.signature[40] ^= 1,
            _ => panic!("a signature"),
        },
    ];
    for change in changes {
        let mut mutated = tx.clone();
        change(&mut mutated.witness);
        assert_eq!(mutated.txid(), tx.txid());
        assert_ne!(mutated.wtxid(), tx.wtxid());
        assert_ne!(root(&mutated), root(&tx));
        assert!(verify(&mutated).is_err());
    }
}

/// Where nothing is hidden, the rows are zero and any `T = z·B̃` satisfies the kernel's equation: a stranger would give somebody
/// else's transaction another `wtxid`. There is one proof only, and it proves nothing that is false.
#[test]
fn another_witness_by_a_stranger() {
    let public = |out| {
        let memos = |value| vec![(AssetId::STR, value)];
        draft(&Plan { memos_in: memos(3), memos_out: memos(out), fee: 1, ..Plan::default() })
    };
    let tx = public(2).prove(&mut rng(1)).unwrap();
    assert_eq!((verify(&tx), tx.witness.kernel), (Ok(()), [0; 64]));

    let z = Scalar::from(5u8);
    let mut again = tx.clone();
    again.witness.kernel[..32].copy_from_slice(&(z * blinding_base()).compress().0);
    again.witness.kernel[32..].copy_from_slice(z.as_bytes());
    assert_eq!(again.txid(), tx.txid());
    assert_eq!(verify(&again), Err(TxRuleError::Kernel));

    let minting = public(3);
    let signed = InputWitness::Signature(sign(&minting.owner.secp, &minting.sighash()));
    let witness = Witness { inputs: vec![signed], ..tx.witness };
    assert_eq!(verify(&Transaction { core: minting.core, witness }), Err(TxRuleError::Kernel));
}

/// A payout key opens in the role that it was made for and in no other, so that none can be copied to another place; and a
/// reward is bound to its block.
#[test]
fn miner_payload_swapped() {
    let mut owner = wallet(2);
    let address = owner.address(0);
    let roles = [KeyRole::Miner, KeyRole::Refund, KeyRole::Offer, KeyRole::Output(0), KeyRole::Memo(0)];
    for made_for in roles {
        let key = build_payout_key(&address, made_for, &mut rng(1));
        for role in roles {
            let opened = open_payout_key(&owner.keys.view, &key, role);
            assert_eq!(opened.is_ok_and(|key| key.check_with(&owner.keys.spend).is_ok()), role == made_for);
        }
    }
    let (mine, theirs) = (
        build_payout_key(&address, KeyRole::Miner, &mut rng(1)),
        build_payout_key(&wallet(3).address(0), KeyRole::Miner, &mut rng(1)),
    );
    let body = |payout| Body { payout, extra: vec![], txs: vec![], certificate: vec![] }.tx_root();
    assert_ne!(body(mine), body(theirs));
    let reward = |block, key| coinbase_coin(&BlockHash([block; 32]), key, units(5)).unwrap();
    assert!(open_coinbase(&owner.keys.view, &reward(1, &mine), units(5)).is_ok());
    assert!(open_coinbase(&owner.keys.view, &reward(1, &theirs), units(5)).is_err());
    assert_ne!(reward(1, &mine), reward(2, &mine));
}

/// A transaction built again with another fee while the operating system gives zeros: salt, coins, commitments, and nonces
/// are all new. A nonce or a blinding that came twice would give the key or the amounts away.
#[test]
fn salt_reuse_across_rebuilds() {
    let build = |fee: u64, change: u64| {
        let outgoing = wallet(1).keys.outgoing;
        let to = Address::Confidential(wallet(2).address(3));
        let plan = |value| PlannedOutput { recipient: &to, asset: AssetId::STR, value: units(value), note: "" };
        let salt = outgoing.salt(&[outpoint(0)], &[plan(60), plan(change)], units(fee), &mut StuckRng);
        let draft = draft_with_salt(
            &Plan { coins_out: vec![(AssetId::STR, 60), (AssetId::STR, change)], fee, ..payment() },
            salt,
        );
        draft.prove(&mut StuckRng).unwrap()
    };
    let chunks = |tx: &Transaction| -> BTreeSet<[u8; 32]> {
        let Input::Coin { value_commitment, .. } = &tx.core.inputs[0].consumed else { panic!("a coin") };
        let mut points = vec![value_commitment.0];
        for output in &tx.core.outputs {
            let Output::Coin { coin, value_commitment } = output else { panic!("a coin") };
            let OneTimeKey { g, view, spend } = coin.owner;
            points.extend([g, view, spend, coin.c, coin.d, coin.ephemeral, *value_commitment].map(|point| point.0));
        }
        let InputWitness::Coin(input) = &tx.witness.inputs[0] else { panic!("a proof") };
        let witness = [&input[..], &tx.witness.outputs.concat(), &tx.witness.kernel, &tx.witness.range_proof[1..]];
        points.extend(witness.concat().as_chunks::<32>().0);
        points.into_iter().collect()
    };
    let (first, again, rebuilt) = (build(1, 39), build(1, 39), build(2, 38));
    assert_eq!(first, again, "nothing new went in");
    assert_eq!(chunks(&first).len(), 1 + 2 * 7 + 8 + 2 * 6 + 2 + 20);
    assert!(chunks(&first).is_disjoint(&chunks(&rebuilt)));
}
