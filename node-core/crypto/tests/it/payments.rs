//! Payment proofs: a stranger who holds the core and the proof is convinced, and by nothing else.

use curve25519_dalek::Scalar;
use proptest::prelude::*;
use umbel_crypto::Element;
use umbel_crypto::coin::{NewCoin, NoteSize, NoteText, OpenError, build_coin, open_coin};
use umbel_crypto::generators::VALUE_BASE;
use umbel_crypto::keys::{ConfidentialAddress, OutputScalar};
use umbel_crypto::payment_proof::{
    MAX_CHALLENGE_BYTES, PaymentProof, PaymentProofError, ProvenPayment, prove_payment, verify_payment,
};
use umbel_types::{
    Amount, AssetId, BlockHash, Coin, Decode, Encode, Memo, OutPoint, Output, PointBytes, SealedBytes, TxCore,
    ZkAddress,
};

use crate::common::{GENESIS, Plan, draft, everything, payment, rng, units, wallet};
use crate::handmade::{Handmade, base, h2s, rseed_of};

const CHALLENGE: &[u8] = b"invoice 17, asked by the shop on a Friday";
const CHAIN: u32 = 1313;

fn prove(core: &TxCore, index: u32) -> PaymentProof {
    prove_payment(&wallet(1).keys.outgoing, GENESIS, core, index, CHALLENGE, &mut rng(3)).unwrap()
}

fn verify(core: &TxCore, proof: &PaymentProof) -> Result<ProvenPayment, PaymentProofError> {
    verify_payment(CHAIN, GENESIS, core, proof, CHALLENGE)
}

/// A payment whose first output carries a note.
fn with_note(note: &str) -> TxCore {
    let mut core = draft(&payment()).core;
    let outpoints: Vec<OutPoint> = core.inputs.iter().map(|input| input.outpoint).collect();
    let recipient = wallet(2).address(3);
    let new = NewCoin {
        recipient: &recipient,
        asset: AssetId::STR,
        value: units(60),
        note,
        note_size: NoteSize::Short,
        position: 0,
    };
    let built = build_coin(&new, &wallet(1).keys.outgoing.output_scalar(&outpoints, &core.salt, 0)).unwrap();
    core.outputs[0] = Output::Coin { coin: built.coin, value_commitment: built.value_commitment };
    core
}

fn coin_of(core: &mut TxCore, index: usize) -> &mut Coin {
    match &mut core.outputs[index] {
        Output::Coin { coin, .. } => coin,
        Output::Memo(_) => panic!("a coin"),
    }
}

/// The relation stated a second time, in the sender's direction: the coin is the one that x makes.
fn makes_payment(coin: &Coin, index: u32, to: &ConfidentialAddress, amount: Amount, x: &OutputScalar) -> bool {
    let new = NewCoin {
        recipient: to,
        asset: coin.asset,
        value: amount,
        note: "",
        note_size: NoteSize::None,
        position: index,
    };
    Coin { note: coin.note.clone(), ..build_coin(&new, x).unwrap().coin } == *coin
}

/// Everything a stranger holds: the bytes of a core and of a proof, and the challenge that the stranger chose.
#[test]
fn a_stranger_is_convinced() {
    let core = TxCore::from_bytes(&with_note("rent for May").to_bytes()).unwrap();
    let proof = PaymentProof::from_bytes(&prove(&core, 0).to_bytes()).unwrap();
    let proven = verify(&core, &proof).unwrap();
    assert_eq!((proven.txid(), proven.index()), (core.txid(), 0));
    assert_eq!(proven.address(), &wallet(2).address(3));
    assert_eq!((proven.asset(), proven.amount()), (AssetId::STR, units(60)));
    assert_eq!(proven.note(), &NoteText::Text("rent for May".into()));
}

/// Made again from the seed and the core, byte for byte where the generator repeats; valid where it does not.
#[test]
fn a_proof_is_made_again_from_the_seed_alone() {
    let core = draft(&everything()).core;
    for index in 0..3 {
        assert_eq!(prove(&core, index), prove(&core, index));
        let again = prove_payment(&wallet(1).keys.outgoing, GENESIS, &core, index, CHALLENGE, &mut rng(4)).unwrap();
        assert_ne!(again.signature, prove(&core, index).signature);
        assert_eq!(verify(&core, &again), verify(&core, &prove(&core, index)));
    }
}

/// What a proof says is what the owner of the address counts, change included.
#[test]
fn what_is_proved_is_what_the_owner_counts() {
    let core = draft(&everything()).core;
    for (index, owner, address) in [(0u32, 2, 3), (1, 1, 5), (2, 1, 5)] {
        let proven = verify(&core, &prove(&core, index)).unwrap();
        let mut owner = wallet(owner);
        let Output::Coin { coin, .. } = &core.outputs[index as usize] else { panic!("a coin") };
        let opened = owner.open(coin, index);
        assert_eq!((proven.asset(), proven.amount()), (opened.asset, opened.value));
        assert_eq!(proven.address(), &owner.address(address));
    }
}

#[test]
fn a_proof_is_for_one_challenge_chain_genesis_transaction_and_place() {
    let core = draft(&everything()).core;
    let proof = prove(&core, 1);
    let refused = |chain, genesis, core: &TxCore, challenge: &[u8]| {
        verify_payment(chain, genesis, core, &proof, challenge).err().unwrap()
    };
    use PaymentProofError as E;
    assert_eq!(refused(CHAIN, GENESIS, &core, b"invoice 18"), E::Signature);
    assert_eq!(refused(CHAIN, GENESIS, &core, &CHALLENGE[1..]), E::Signature);
    assert_eq!(refused(CHAIN, BlockHash([8; 32]), &core, CHALLENGE), E::Signature);
    assert_eq!(refused(1, GENESIS, &core, CHALLENGE), E::OtherChain { got: CHAIN, expected: 1 });
    let mut other = core.clone();
    other.chain = 1;
    assert_eq!(refused(1, GENESIS, &other, CHALLENGE), E::Signature);
    // The same outputs under another id: no byte of the coin differs.
    let mut other = core.clone();
    other.fee = units(7);
    assert_eq!(refused(CHAIN, GENESIS, &other, CHALLENGE), E::Signature);
    for index in [0, 2] {
        assert_eq!(verify(&core, &PaymentProof { index, ..proof.clone() }), Err(E::Signature));
    }
    assert_eq!(verify(&core, &PaymentProof { index: 3, ..proof.clone() }), Err(E::NotACoin(3)));
    for index in [4, u32::MAX] {
        assert_eq!(verify(&core, &PaymentProof { index, ..proof.clone() }), Err(E::NoOutput(index)));
    }
    let address = wallet(2).address(9);
    assert_eq!(verify(&core, &PaymentProof { address, ..proof }), Err(E::Signature));
}

#[test]
fn challenges_have_a_length() {
    let core = draft(&payment()).core;
    let outgoing = wallet(1).keys.outgoing;
    for (got, fits) in [(0, false), (1, true), (MAX_CHALLENGE_BYTES, true), (MAX_CHALLENGE_BYTES + 1, false)] {
        let challenge = vec![b'x'; got];
        let made = prove_payment(&outgoing, GENESIS, &core, 0, &challenge, &mut rng(1));
        assert_eq!(made.is_ok(), fits);
        let proof = made.unwrap_or_else(|error| {
            assert_eq!(error, PaymentProofError::Challenge { got });
            prove(&core, 0)
        });
        assert_eq!(verify_payment(CHAIN, GENESIS, &core, &proof, &challenge).is_ok(), fits);
    }
}

/// Each bit of a proof.
#[test]
fn every_changed_bit_of_a_proof_is_refused() {
    let core = draft(&payment()).core;
    let bytes = prove(&core, 0).to_bytes();
    assert_eq!(bytes.len(), 175);
    let mut decoded = 0;
    for bit in 0..8 * bytes.len() {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let Ok(proof) = PaymentProof::from_bytes(&changed) else { continue };
        decoded += 1;
        assert_eq!(proof.to_bytes(), changed, "one encoding for each proof");
        assert!(verify(&core, &proof).is_err(), "bit {bit}");
    }
    assert!(decoded > 500, "changes must reach the verifier: {decoded}");
    assert!(PaymentProof::from_bytes(&bytes[..174]).is_err());
    assert!(PaymentProof::from_bytes(&[&bytes[..], &[0]].concat()).is_err());
}

/// X of another output of the same transaction: the signature does not fit this place, and one that does fit shows that the
/// coin does not follow from it.
#[test]
fn the_public_point_of_another_output_is_refused() {
    let core = draft(&everything()).core;
    let (mine, other) = (prove(&core, 0), prove(&core, 1));
    let swapped = PaymentProof { public: other.public, signature: other.signature, ..mine };
    assert_eq!(verify(&core, &swapped), Err(PaymentProofError::Signature));

    let paid = wallet(2).address(3);
    let (x, y) = (Scalar::from(5u8), Scalar::from(6u8));
    let mut core = core;
    *coin_of(&mut core, 0) = Handmade::from_rseed(&paid, 60, rseed_of(&x)).coin();
    let y_coin = Handmade { role: [0, 1, 0, 0, 0], ..Handmade::from_rseed(&paid, 60, rseed_of(&y)) };
    *coin_of(&mut core, 1) = y_coin.coin();
    assert!(verify(&core, &signed(&core, 0, paid, &x)).is_ok());
    assert!(verify(&core, &signed(&core, 1, paid, &y)).is_ok());
    assert_eq!(verify(&core, &signed(&core, 0, paid, &y)), Err(OpenError::NotMine.into()));
    assert_eq!(verify(&core, &signed(&core, 1, paid, &x)), Err(OpenError::NotMine.into()));
}

/// A Schnorr signature written down a second time, by whoever knows `x`: a proof as good as an attacker can make it.
fn signed(core: &TxCore, index: u32, address: ConfidentialAddress, x: &Scalar) -> PaymentProof {
    let public = Element::from_point(x * VALUE_BASE);
    let mut transcript = tari_merlin::Transcript::new(b"umbel/payment/v1");
    transcript.append_message(b"sighash", core.sighash(GENESIS).as_bytes());
    transcript.append_u64(b"index", u64::from(index));
    transcript.append_message(b"address", &address.to_bytes());
    transcript.append_message(b"X", &public.bytes().0);
    transcript.append_message(b"challenge", CHALLENGE);
    transcript.append_u64(b"equations", 1);
    transcript.append_u64(b"scalars", 1);
    let nonce = Scalar::from(77u8);
    let commitment = (nonce * VALUE_BASE).compress().0;
    transcript.append_message(b"T", &commitment);
    let mut wide = [0u8; 64];
    transcript.challenge_bytes(b"e", &mut wide);
    let response = nonce + Scalar::from_bytes_mod_order_wide(&wide) * x;
    let mut signature = [0u8; 64];
    signature[..32].copy_from_slice(&commitment);
    signature[32..].copy_from_slice(response.as_bytes());
    PaymentProof { index, address, public, signature }
}

/// x = 0 would be a secret that everybody knows: a coin made from it has no payment proof.
#[test]
fn the_identity_is_no_public_point() {
    let paid = wallet(2).address(3);
    let mut core = draft(&payment()).core;
    *coin_of(&mut core, 0) = Handmade::from_rseed(&paid, 60, rseed_of(&Scalar::ZERO)).coin();
    let forged = signed(&core, 0, paid, &Scalar::ZERO);
    assert_eq!(verify(&core, &forged), Err(PaymentProofError::Signature));
    let error = PaymentProof::from_bytes(&forged.to_bytes()).unwrap_err();
    assert!(error.to_string().contains("X of a payment proof"), "{error}");
}

/// The recipient has opened the coin and knows rseed, e, u, k, w, amount and note; x and X are still out of reach.
#[test]
fn the_recipient_can_not_make_one() {
    let mut recipient = wallet(2);
    let address = recipient.address(3);
    let rseed = rseed_of(&Scalar::from(5u8));
    let mut core = draft(&payment()).core;
    *coin_of(&mut core, 0) = Handmade::from_rseed(&address, 60, rseed).coin();
    assert_eq!(recipient.open(coin_of(&mut core, 0), 0).value, units(60));
    let own = prove_payment(&recipient.keys.outgoing, GENESIS, &core, 0, CHALLENGE, &mut rng(1));
    assert_eq!(own, Err(OpenError::NotMine.into()));
    for label in ["umbel/e/v1", "umbel/u/v1", "umbel/k/v1", "umbel/w/v1", "umbel/x/v1", "umbel/rseed/v1"] {
        let forged = signed(&core, 0, address, &h2s(label, &[&rseed]));
        assert_eq!(verify(&core, &forged), Err(OpenError::NotMine.into()), "{label}");
    }
    let forged = signed(&core, 0, address, &Scalar::from_bytes_mod_order(rseed));
    assert_eq!(verify(&core, &forged), Err(OpenError::NotMine.into()));
}

/// Whoever verified a proof knows X, and still can not answer another challenge.
#[test]
fn a_verifier_can_not_pass_it_on_under_another_challenge() {
    let core = draft(&payment()).core;
    let proof = prove(&core, 0);
    assert!(verify(&core, &proof).is_ok());
    assert!(verify_payment(CHAIN, GENESIS, &core, &proof, b"somebody else asks").is_err());
    // Two answers of one prover share no nonce, even with a stuck generator.
    let other = prove_payment(&wallet(1).keys.outgoing, GENESIS, &core, 0, b"other", &mut rng(3)).unwrap();
    assert_eq!(other.public, proof.public);
    assert_ne!(other.signature[..32], proof.signature[..32]);
}

/// Addresses that share a diversifier, a view point or a spend point with the one that was paid, under signatures that hold.
#[test]
fn an_address_that_was_not_paid_is_refused() {
    let x = Scalar::from(5u8);
    let paid = wallet(2).address(3);
    let mut core = draft(&payment()).core;
    *coin_of(&mut core, 0) = Handmade::from_rseed(&paid, 60, rseed_of(&x)).coin();
    for field in [0..11, 11..43, 43..75] {
        let mut bytes = paid.to_bytes();
        bytes[field.clone()].copy_from_slice(&wallet(2).address(4).to_bytes()[field]);
        let other = ConfidentialAddress::from_bytes(&bytes).unwrap();
        assert_eq!(verify(&core, &signed(&core, 0, other, &x)), Err(PaymentProofError::Address));
    }

    // A coin that names the diversifier of another address than it is made for: its owner refuses it, so nobody was paid.
    let other = wallet(2).address(4);
    let named = Handmade { named: *other.diversifier(), ..Handmade::from_rseed(&paid, 60, rseed_of(&x)) };
    *coin_of(&mut core, 0) = named.coin();
    let mut bytes = paid.to_bytes();
    bytes[..11].copy_from_slice(&other.diversifier().0);
    for address in [paid, other, ConfidentialAddress::from_bytes(&bytes).unwrap()] {
        assert_eq!(verify(&core, &signed(&core, 0, address, &x)), Err(OpenError::Ephemeral.into()));
    }
}

/// Every clause of the relation, broken alone under a signature that holds.
#[test]
fn each_payment_clause_is_needed() {
    let moved = |point: PointBytes| Element::from_point(Element::decode(&point).unwrap().point() + VALUE_BASE).bytes();
    type Break = fn(&mut Coin, &dyn Fn(PointBytes) -> PointBytes);
    let clauses: [(&str, Break, Option<PaymentProofError>); 9] = [
        ("nothing", |_, _| {}, None),
        ("g = u·P", |c, f| c.owner.g = f(c.owner.g), Some(OpenError::OneTimeBase.into())),
        ("A = u·A_P", |c, f| c.owner.view = f(c.owner.view), Some(OpenError::NotMine.into())),
        ("S = u·S_P", |c, f| c.owner.spend = f(c.owner.spend), Some(PaymentProofError::Address)),
        ("R = e·P", |c, f| c.ephemeral = f(c.ephemeral), Some(OpenError::NotMine.into())),
        ("c = k·g", |c, f| c.c = f(c.c), Some(OpenError::Value.into())),
        ("d = v·H + k·A", |c, f| c.d = f(c.d), Some(OpenError::Value.into())),
        ("sealed", |c, _| c.sealed = SealedBytes([0; 51]), Some(OpenError::NotMine.into())),
        ("asset", |c, _| c.asset = AssetId::CCOS, Some(OpenError::Value.into())),
    ];
    let x = Scalar::from(5u8);
    let paid = wallet(2).address(3);
    for (name, break_clause, error) in clauses {
        let mut core = draft(&payment()).core;
        *coin_of(&mut core, 0) = Handmade::from_rseed(&paid, 60, rseed_of(&x)).coin();
        break_clause(coin_of(&mut core, 0), &moved);
        let owner = wallet(2).keys;
        let counted = open_coin(&owner.view, coin_of(&mut core, 0), 0).and_then(|coin| coin.check_with(&owner.spend));
        assert_eq!(counted.is_ok(), error.is_none(), "what is proved is what the owner counts: {name}");
        assert_eq!(verify(&core, &signed(&core, 0, paid, &x)).err(), error, "{name}");
    }
    // R under another address, g mixed from two, a boasted amount: what a sender may want to show.
    let other = wallet(2).address(4);
    let honest = || Handmade::from_rseed(&paid, 60, rseed_of(&x));
    let ephemeral = Handmade { ephemeral_for: (base(other.diversifier()), *other.view_point()), ..honest() };
    let mixed = Handmade { g: honest().g + base(other.diversifier()), ..honest() };
    let boast = Handmade { sealed_value: 6_000_000, ..honest() };
    let cases = [(ephemeral, OpenError::NotMine), (mixed, OpenError::OneTimeBase), (boast, OpenError::Value)];
    for (coin, error) in cases {
        let mut core = draft(&payment()).core;
        *coin_of(&mut core, 0) = coin.coin();
        assert_eq!(verify(&core, &signed(&core, 0, paid, &x)), Err(error.into()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Both statements agree on payments of any amount, asset and place.
    #[test]
    fn payments_of_any_amount_are_proved(a in 1u64..1 << 40, b in 1u64..1 << 40, salt: u8) {
        let plan = Plan {
            coins_in: vec![(AssetId::STR, a + 1), (AssetId::CCOS, b)],
            coins_out: vec![(AssetId::CCOS, b), (AssetId::STR, a)],
            fee: 1,
            salt,
            ..Plan::default()
        };
        let core = draft(&plan).core;
        let outpoints: Vec<OutPoint> = core.inputs.iter().map(|input| input.outpoint).collect();
        for (index, value) in [(0u32, b), (1, a)] {
            let proven = verify(&core, &prove(&core, index)).unwrap();
            prop_assert_eq!(proven.amount(), units(value));
            let x = wallet(1).keys.outgoing.output_scalar(&outpoints, &core.salt, index);
            let Output::Coin { coin, .. } = &core.outputs[index as usize] else { panic!("a coin") };
            prop_assert!(makes_payment(coin, index, proven.address(), proven.amount(), &x));
            prop_assert!(!makes_payment(coin, index, proven.address(), units(value + 1), &x));
        }
    }
}

/// An unreadable note does not fail the proof, and is told apart from none.
#[test]
fn a_failing_note_does_not_fail_the_proof() {
    let mut core = with_note("rent");
    assert_eq!(verify(&core, &prove(&core, 0)).unwrap().note(), &NoteText::Text("rent".into()));
    coin_of(&mut core, 0).note = umbel_types::Note::new(vec![7; 64]).unwrap();
    assert_eq!(verify(&core, &prove(&core, 0)).unwrap().note(), &NoteText::Unreadable);
    let opened = open_coin(&wallet(2).keys.view, coin_of(&mut core, 0), 0);
    assert!(opened.is_ok_and(|coin| coin.check_with(&wallet(2).keys.spend).is_ok()));
    coin_of(&mut core, 0).note = umbel_types::Note::EMPTY;
    assert_eq!(verify(&core, &prove(&core, 0)).unwrap().note(), &NoteText::Empty);
    let core = with_note("");
    assert_eq!(verify(&core, &prove(&core, 0)).unwrap().note(), &NoteText::Empty);
}

/// Memos hold public values, or values that their owner opens.
#[test]
fn a_memo_has_no_payment_proof() {
    let mut core = draft(&payment()).core;
    core.outputs.push(Output::Memo(Memo::public_payment(AssetId::STR, units(1), ZkAddress([7; 20]))));
    let made = |index| prove_payment(&wallet(1).keys.outgoing, GENESIS, &core, index, CHALLENGE, &mut rng(1)).err();
    assert_eq!(made(2), Some(PaymentProofError::NotACoin(2)));
    assert_eq!(made(3), Some(PaymentProofError::NoOutput(3)));
}
